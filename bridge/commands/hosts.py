"""`upbeat hosts`: which DAWs are here and what each can do; put our part into one, take it away, prove it works."""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.commands import console
from bridge.commands.parser import CommandError, Commands, Parser, add_json, command, port

if TYPE_CHECKING:
    from bridge.hosts.base import Ability, Found, Product

# In the order in which a person reads them.
IN_WORDS: "dict[Ability, str]" = {
    "slot": "puts clips into slots",
    "bar": "puts clips on the arrangement",
    "launch": "launches them",
    "tempo": "tells its tempo and place",
    "tracks": "tells its tracks",
    "undo": "undoes",
}
MARKS = {"good": "ok", "missing": "--", "broken": "!!"}


def add(commands: Commands) -> None:
    """Its arguments: one more word says what is to be done."""
    example = "upbeat hosts check live --place Drums"
    does = "look for DAWs, put our part into one, and prove that it works"
    parser = command(commands, "hosts", _list, does=does, example=example)
    parser.set_defaults(json=False, host=None, folder=None)
    deeds = parser.add_subparsers(title="what to do [list]", metavar="DEED", parser_class=Parser)
    listing = command(deeds, "list", _list, does="what is here, and what is missing", example="upbeat hosts list")
    listing.add_argument("host", nargs="?", metavar="NAME", help="of one host alone")
    look_there = "look there for NAME instead, as for a portable REAPER"
    listing.add_argument("--folder", type=Path, metavar="DIR", help=look_there)
    add_json(listing)
    for name, run, does, where in (
        ("install", _install, "put our part where a host finds it", "put it there instead"),
        ("remove", _remove, "take our part away again, and nothing else", "it was put there"),
    ):
        deed = _of_one(deeds, name, run, does, f"upbeat hosts {name} live")
        deed.add_argument("--folder", type=Path, metavar="DIR", help=where)
    checking = _of_one(deeds, "check", _check, "prove the connection, step by step", example)
    checking.add_argument("--place", metavar="TRACK", help="put a test clip on that track, and take it away again")
    default = os.environ.get("UPBEAT_HOST_PORT")
    checking.add_argument("--port", type=port, default=default, metavar="N", help="the host's, if it is not its usual")
    checking.add_argument("--folder", type=Path, metavar="DIR", help="where the host looks for clips, or its session")
    _of_one(deeds, "page", _page, "print the page on a host, to be followed step by step", "upbeat hosts page ardour")


def _of_one(deeds: Commands, name: str, run: Any, does: str, example: str) -> Parser:
    parser = command(deeds, name, run, does=does, example=example)
    parser.add_argument("host", metavar="NAME", help="as sets write it; `upbeat hosts` shows all")
    return parser


def _list(options: argparse.Namespace) -> int:
    from bridge.hosts.products import NAMES

    folder = options.folder
    if folder is not None and options.host is None:
        raise CommandError("--folder is that of one host; name it, as in `upbeat hosts list reaper --folder DIR`")
    names = NAMES if options.host is None else (_known(options.host).name,)
    looks = []
    with console.waiting("looking around"):
        for name in names:
            product, trouble = _tried(name)
            looks.append((name, product, look(product, folder) if product else [trouble]))
    if options.json:
        print(json.dumps([_facts(*one) for one in looks], indent=2))
        return 0
    for name, product, found in looks:
        print(f"{name}: {product.title if product else name}")
        if product:
            print(f"    {abilities_in_words(product.abilities)}")
        rows = [[MARKS[one.state], one.what, one.found] for one in found]
        print(
            "\n".join(f"    {line}" for line in console.columns(rows).splitlines()) if rows else "    nothing to find"
        )
    return 0


def _facts(name: str, product: "Product | None", found: "list[Found]") -> dict[str, Any]:
    return {
        "name": name,
        "title": product.title if product else name,
        "abilities": [ability for ability in IN_WORDS if product and ability in product.abilities],
        "found": [asdict(one) for one in found],
    }


def _install(options: argparse.Namespace) -> int:
    for sentence in _known(options.host).install(options.folder):
        print(sentence)
    return 0


def _remove(options: argparse.Namespace) -> int:
    for sentence in _known(options.host).remove(options.folder):
        print(sentence)
    return 0


def _check(options: argparse.Namespace) -> int:
    from bridge.hosts.base import HostChoice
    from bridge.hosts.check import check

    product = _known(options.host)
    choice = HostChoice(name=product.name, port=options.port, folder=options.folder)
    check(
        product,
        choice,
        found=look(product, options.folder),
        place_on=options.place,
        say=lambda line: print(line, flush=True),
    )
    return 0


def _page(options: argparse.Namespace) -> int:
    from bridge.hosts.products import page

    product = _known(options.host)
    path = page(product.name)
    try:
        print(path.read_text(encoding="utf-8").rstrip())
    except FileNotFoundError:
        raise CommandError(f"there is no page on {product.title} in this installation; see the README") from None
    return 0


def look(product: "Product", folder: Path | None = None) -> "list[Found]":
    """What a product finds on this machine, or in a folder; if it stumbles, that is what was found."""
    from bridge.hosts.base import Found

    try:
        return list(product.look(folder))
    except Exception as error:  # one host that stumbles must not hide the others
        return [Found(what="looking", state="broken", found=_stumbled(error))]


def abilities_in_words(abilities: "frozenset[Ability]") -> str:
    """Such as "puts clips into slots, launches them"."""
    words = [words for ability, words in IN_WORDS.items() if ability in abilities]
    return ", ".join(words) or "plays its track's clips in the host itself, on the frame"


def _tried(name: str) -> "tuple[Product | None, Found]":
    """A product, or else what there is to say of its absence."""
    from bridge.hosts.base import Found
    from bridge.hosts.products import product

    try:
        return product(name), Found(what="", state="good", found="")
    except Exception as error:
        return None, Found(what="our adapter", state="broken", found=_stumbled(error))


def _known(name: str) -> "Product":
    from bridge.hosts.products import product

    with _said_plainly(name):
        return product(name)


@contextmanager
def _said_plainly(name: str) -> Iterator[None]:
    """An adapter that cannot be loaded, as a sentence."""
    try:
        yield
    except ImportError as error:
        raise CommandError(f"our adapter for {name} cannot be loaded ({error}); install Upbeat again") from error


def _stumbled(error: Exception) -> str:
    from bridge.hosts.base import HostError

    if isinstance(error, HostError):
        return str(error)
    return f"stumbled ({type(error).__name__}: {error}); report this"
