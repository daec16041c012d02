"""`python -m engine.models`, which is `upbeat models`: the published models on this machine, and how they get here.

Listing and cards need no torch and no network. Pulling is the only thing in all of upbeat that uses the network.
"""

import argparse
import contextlib
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.checkpoints import verdicts
from engine.checkpoints.cards import CARDS, Card, card_of
from engine.checkpoints.folders import files_below, models_folder, spoken_size
from engine.errors import EngineError, SetupError

if TYPE_CHECKING:  # list and card must not wait for torch
    from engine.checkpoints.layout import Layout
    from engine.checkpoints.store import Verified

OK, MISTAKE_OF_THE_USER, INTERRUPTED = 0, 2, 130

_NEEDED = ("torch", "safetensors", "diffusers", "transformers", "soxr")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it did what was asked, 2 and a sentence on stderr when it could not, 130 after Ctrl-C."""
    options = _options(argv)
    try:
        code: int | None = options.run(options)
        return code or OK
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read along has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (EngineError, OSError) as error:
        place = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        if options.json:
            print(json.dumps({"good": False, "problem": place}))
        print(f"upbeat: {' '.join(place.split())}", file=sys.stderr)
        return MISTAKE_OF_THE_USER
    return OK


def _list(options: argparse.Namespace) -> None:
    facts = [_facts(card) for card in CARDS.values()]
    if options.json:
        print(json.dumps(facts, indent=2))
        return
    rows = [["model", "here", "size", "steps", "rate", "licence"]]
    for fact in facts:
        size = spoken_size(fact["bytes"]) if fact["bytes"] else ""
        steps = f"{fact['steps_usual']} ({', '.join(map(str, fact['steps']))})"
        rate = f"{fact['sample_rate_hz'] / 1000:g} kHz"
        rows.append([fact["name"], fact["state"], size, steps, rate, fact["licence_in_short"]])
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"\nthey lie in {models_folder()}; `upbeat models card NAME` says more of one, `pull NAME` fetches it")


def _facts(card: Card) -> dict[str, Any]:
    """A model as plain data, and how it is with it here."""
    folder = models_folder() / card.name
    return {
        "name": card.name,
        "title": card.title,
        "state": verdicts.state_of(card.name, folder),
        "folder": str(folder),
        "bytes": sum(path.stat().st_size for path in files_below(folder)),
        "good_at": card.good_at,
        "mind": card.mind,
        "steps": list(card.steps),
        "steps_usual": card.steps_usual,
        "sample_rate_hz": card.sample_rate_hz,
        "clip_s": card.clip_s,
        "millions": card.millions,
        "download_gb": card.download_gb,
        "converted_gb": round(card.kept_gb, 2),
        "paper": card.paper,
        "code": card.code,
        "weights": card.weights,
        "licence": list(card.licence),
        "licence_in_short": card.licence_in_short,
        "unseen": card.unseen,
    }


def _card(options: argparse.Namespace) -> None:
    card = card_of(options.name)
    facts = _facts(card)
    if options.json:
        print(json.dumps(facts, indent=2))
        return
    networks = ", ".join(f"{name} {millions:g} M" for name, millions in card.millions.items())
    fetched = "of a size that the hub's pages did not show" if card.download_gb is None else f"{card.download_gb:g} GB"
    print(f"{card.name}: {card.title}")
    for what, text in (
        ("here", f"{facts['state']}, in {facts['folder']}"),
        ("good at", card.good_at),
        ("mind", card.mind),
        ("steps", f"{card.steps_usual} is usual, of {', '.join(map(str, card.steps))}"),
        ("sound", f"{card.sample_rate_hz} Hz mono, trained at {card.clip_s:g} s"),
        ("networks", f"{networks}; {card.kept_gb:.1f} GB once converted"),
        ("to fetch", fetched),
        ("paper", card.paper),
        ("code", card.code),
        ("weights", card.weights),
        *(("licence" if not place else "", sentence) for place, sentence in enumerate(card.licence)),
        ("unseen", card.unseen),
    ):
        print(f"  {what:<9} {text}")


def _pull(options: argparse.Namespace) -> None:
    from engine.checkpoints import hub

    card = card_of(options.name)
    folder = models_folder() / card.name
    layout = layout_of(card.name)  # before gigabytes come: what is missing to use them is said first
    if not options.json:
        print(f"{card.name}: {' '.join(card.licence)}")
    files = hub.pull(card, folder)
    _check_hashes(files)
    _verify_and_tell(layout, folder, options, anew=False)


def _check_hashes(files: Sequence[Any]) -> None:
    """Raise `SetupError` for a file that is not what the hub says it is."""
    from engine.checkpoints.cache import Hashes
    from engine.checkpoints.folders import conversions_folder

    hashes = Hashes(conversions_folder())
    for file in files:
        if file.sha256 is not None and hashes.of(file.place) != file.sha256:
            file.place.unlink()
            raise SetupError(f"{file.place.name} came damaged and was removed; pull it again")


def _add(options: argparse.Namespace) -> int:
    """Take files. A folder that lacks some of its model is a mistake; who brings one file after another makes none."""
    from engine.checkpoints import adding

    card = card_of(options.name)
    folder = models_folder() / card.name
    with _waiting(f"reading and checking {options.path}"):
        added = adding.add(layout_of(card.name), options.path, folder)
    if options.json:
        told = {
            "name": card.name,
            "files": [str(path) for path in added.files],
            "replaced": [str(path) for path in added.replaced],
            "good": added.verified is not None,
            "lacking": None if added.lacking is None else str(added.lacking),
        }
        print(json.dumps(told, indent=2))
    else:
        for path in added.files:
            print(f"took {path.relative_to(folder)}")
        for path in added.replaced:
            print(f"removed {path.relative_to(folder)}, which is replaced")
    if added.lacking is not None and options.path.is_dir():
        print(f"upbeat: {added.lacking}", file=sys.stderr)
        return MISTAKE_OF_THE_USER
    if not options.json:
        print(f"{card.name} is good" if added.lacking is None else str(added.lacking))
    return OK


def _verify(options: argparse.Namespace) -> None:
    card = card_of(options.name)
    _verify_and_tell(layout_of(card.name), models_folder() / card.name, options, anew=True)


def _verify_and_tell(layout: "Layout", folder: Path, options: argparse.Namespace, *, anew: bool) -> None:
    from engine.checkpoints import store

    try:
        with _waiting(f"reading, converting and checking {layout.family}"):
            verified = store.verify(layout, folder, anew=anew)
    except EngineError:
        verdicts.note_bad(layout.family)
        raise
    store.know(layout, folder, good=True)
    if options.json:
        print(json.dumps(_told(layout, verified), indent=2))
    else:
        _print_verified(layout, verified)


def _told(layout: "Layout", verified: "Verified") -> dict[str, Any]:
    found = verified.found
    return {
        "name": layout.family,
        "good": True,
        "weights_hash": verified.weights_hash,
        "files": {
            role: {
                "path": str(path),
                "bytes": path.stat().st_size,
                "sha256": verified.hashes[role],
                "looks_like": verified.looks[role],
            }
            for role, path in found.files.items()
        },
        "tokenizers": {name: str(path) for name, path in found.tokenizers.items()},
        "networks": dict(verified.parts),
        "unused": list(verified.unused),
    }


def _print_verified(layout: "Layout", verified: "Verified") -> None:
    print(f"{layout.family} is good; weights {verified.weights_hash[:12]}")
    for role, path in verified.found.files.items():
        size, digest = spoken_size(path.stat().st_size), verified.hashes[role]
        print(f"  {role:<14} {path.name}, {size}, SHA-256 {digest}: {verified.looks[role]}")
    for name in verified.found.tokenizers:
        print(f"  {'tokenizer':<14} {name}")
    for part, count in verified.parts.items():
        print(f"  {part:<14} {count / 1e6:.1f} M numbers, each name and shape as our network has it, all finite")
    unused = verified.unused
    more = f" and {len(unused) - 6} more" if len(unused) > 6 else ""
    print(f"  {'unused':<14} " + (f"{', '.join(unused[:6])}{more}" if unused else "nothing but what is known to be"))


def layout_of(name: str) -> "Layout":
    """All that is known about the files of the model `name`. Raises `SetupError` if what reads them is missing."""
    lacking = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if lacking:
        raise SetupError(
            f"the published models need {', '.join(lacking)}, which {'is' if len(lacking) == 1 else 'are'} not "
            "installed: pip install 'upbeat[models]'"
        )
    layout: Layout = importlib.import_module(f"engine.checkpoints.{name}").LAYOUT
    return layout


@contextlib.contextmanager
def _waiting(for_what: str) -> Iterator[None]:
    """Turn a spinner on a terminal until the block ends: gigabytes take a minute."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(for_what):
        yield


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(MISTAKE_OF_THE_USER, f"upbeat: {message}; `{self.prog} --help` shows what is taken\n")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="upbeat models",
        description="The published models: what there is, what is here, and getting it.",
        epilog="example:\n  upbeat models pull soundctm",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_list, json=False)
    deeds = parser.add_subparsers(title="what to do [list]", metavar="DEED", parser_class=_Parser)
    names = f"of a model: {', '.join(CARDS)}"

    def deed(name: str, run: Callable[[argparse.Namespace], int | None], does: str, example: str, **named: Any) -> None:
        sub = deeds.add_parser(
            name,
            help=does,
            description=does[0].upper() + does[1:] + ".",
            epilog=f"example:\n  upbeat models {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=run)
        if name != "list":
            sub.add_argument("name", metavar="NAME", help=names)
        if named:
            sub.add_argument("path", metavar="PATH", **named)
        sub.add_argument("--json", action="store_true", help="print JSON, for scripts")

    deed("list", _list, "list the models, and which are here", "list")
    deed("pull", _pull, "fetch a model from the hub, which is the only use of the network", "pull soundctm")
    deed(
        "add",
        _add,
        "take files of a model that you have already, once they were found good",
        "add audiolcm ~/Downloads/audiolcm.ckpt",
        type=Path,
        help="a folder, a file or a zip archive",
    )
    deed("verify", _verify, "read a model's files whole and check every name, shape and number", "verify audiolcm")
    deed("card", _card, "say what a model is good at, whose it is and on which terms", "card audiolcm")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
