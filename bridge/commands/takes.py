"""`upbeat takes`: what is in the library; hear a take again, keep it for ever, make lost samples again, export it."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.commands import console, takes_export
from bridge.commands.parser import CommandError, Commands, Parser, add_engine, add_json, add_output, command

if TYPE_CHECKING:
    from bridge.library import Take


def add(commands: Commands) -> None:
    """Its arguments: one more word says what is to be done."""
    example = "upbeat takes play deep-punchy-kick-9f2785ebc4"
    parser = command(commands, "takes", _list, does="list, play, pin, remake and export what was made", example=example)
    parser.set_defaults(json=False, long=False)
    deeds = parser.add_subparsers(title="what to do [list]", metavar="DEED", parser_class=Parser)
    listing = command(deeds, "list", _list, does="list all takes, the newest last", example="upbeat takes list --long")
    listing.add_argument("--long", action="store_true", help="all that made each of them")
    add_json(listing)
    playing = _of_one(deeds, "play", _play, "play a take", example)
    add_output(playing)
    _of_one(deeds, "pin", _pin, "never drop a take's samples", "upbeat takes pin deep-punchy-kick-9f")
    _of_one(deeds, "unpin", _unpin, "let a take's samples go again", "upbeat takes unpin deep-punchy-kick")
    remaking = _of_one(
        deeds, "remake", _remake, "make lost samples again from the journal", "upbeat takes remake deep-punchy-kick"
    )
    add_engine(remaking, does="ask the engine that listens there; without, the usual one, or one started for this")
    takes_export.add(deeds)


def _of_one(deeds: Commands, name: str, run: Any, does: str, example: str) -> Parser:
    parser = command(deeds, name, run, does=does, example=example)
    parser.add_argument("take", metavar="ID", help="of a take, or as much of it as no other shares")
    add_json(parser)
    return parser


def _list(options: argparse.Namespace) -> int:
    from bridge.folders import takes_folder
    from bridge.library import read_journal

    takes = list(read_journal(takes_folder()).values())
    if options.json:
        print(json.dumps([facts(take) for take in takes], indent=2))
    elif not takes:
        print(f"no takes yet in {takes_folder()}; `upbeat say` or a set makes some")
    elif options.long:
        head = ["take", "cue", "seed", "steps", "length", "tempo", "family", "samples", "prompt", "besides"]
        print(console.columns([head, *(_long_row(take) for take in takes)]))
    else:
        print(console.columns([_row(take) for take in takes]))
    return 0


def _play(options: argparse.Namespace) -> int:
    from bridge.commands.listening import hear
    from bridge.library import read_samples

    take = _named(options)
    samples, frames = read_samples(take), take.request.frames
    rate_hz, name = take.request.sample_rate_hz, take.take_id
    output = hear(samples, frames, sample_rate_hz=rate_hz, name=name, output=options.output, device=options.device)
    print(json.dumps({**facts(take), "output": output}) if options.json else f"{take.take_id} on {output}")
    return 0


def _pin(options: argparse.Namespace) -> int:
    return _set_pinned(options, pinned=True)


def _unpin(options: argparse.Namespace) -> int:
    return _set_pinned(options, pinned=False)


def _set_pinned(options: argparse.Namespace, *, pinned: bool) -> int:
    from bridge.folders import takes_folder
    from bridge.library import Library

    library = Library(takes_folder())
    try:
        take = library.pin(library.take(options.take).take_id, pinned=pinned)
    finally:
        library.close()
    how = "is kept for ever" if pinned else "may go when room is needed"
    print(json.dumps(facts(take)) if options.json else f"{take.take_id} {how}")
    return 0


def _remake(options: argparse.Namespace) -> int:
    from bridge.library import TakeError, read_samples

    take = _named(options)
    try:
        read_samples(take)
        made = False
    except TakeError:
        make_again(take, options.engine)
        made = True
    how = "was made again" if made else "is whole; there was nothing to make again"
    print(json.dumps({**facts(take), "remade": made}) if options.json else f"{take.take_id} {how}")
    return 0


def make_again(take: "Take", engine_endpoint: str | None) -> None:
    """Ask an engine for a take's samples and put them in their place.

    Raises `CommandError` if that engine's model is another one than the take's: its samples would be another sound.
    """
    from bridge.commands.one_engine import one_engine
    from bridge.library import request_again, take_id_of, write_wav

    request = replace(request_again(take), exact=True, slot="", deadline_in_s=10.0)
    with one_engine(engine_endpoint) as engine:
        clip = engine.clip(request).clip
    if take_id_of(take.cue, clip) != take.take_id:
        was, now = take.provenance, clip.provenance
        raise CommandError(
            f"{take.take_id} came from {was.family} {was.weights_hash[:12]} on {was.device}, and this engine is "
            f"{now.family} {now.weights_hash[:12]} on {now.device}; start the one it came from"
        )
    take.path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(take.path, clip.samples, request.sample_rate_hz)


def facts(take: "Take") -> dict[str, Any]:
    """A take as plain data for a script."""
    request, provenance = take.request, take.provenance
    return {
        "take_id": take.take_id,
        "cue": take.cue,
        "track": take.track,
        "prompt": request.prompt,
        "understood": provenance.understood,
        "seed": request.seed,
        "steps": request.steps,
        "length_s": round(request.frames / request.sample_rate_hz, 6),
        "tempo_bpm": take.tempo_bpm,
        "key": request.key,
        "shape": request.shape.turned,
        "options": dict(request.options),
        "made_from": None if take.made_from is None else asdict(take.made_from),
        "loudness_lufs": take.loudness_lufs,
        "family": provenance.family,
        "weights_hash": provenance.weights_hash,
        "made_unix_s": take.made_unix_s,
        "pinned": take.pinned,
        "samples": samples_state(take),
        "path": str(take.path),
    }


def samples_state(take: "Take") -> str:
    """whole, cut short, damaged or gone, as the file's header and size say."""
    import soundfile as sf

    if not Path(take.path).exists():
        return "gone"
    try:
        frames = sf.info(take.path).frames
    except sf.LibsndfileError:
        return "damaged"
    return "whole" if frames == take.request.frames + take.request.tail_frames else "cut short"


def _row(take: "Take") -> list[str]:
    """What tells it from the others; a word more where its samples are not simply there."""
    state = samples_state(take)
    marks = [*([] if state == "whole" else [state]), *(["pinned"] if take.pinned else [])]
    prompt = f"seed {take.request.seed}, {take.request.prompt[:60]}" if take.request.seed else take.request.prompt[:60]
    return [take.take_id, _length(take), prompt + (f" ({', '.join(marks)})" if marks else "")]


def _long_row(take: "Take") -> list[str]:
    request = take.request
    state = samples_state(take) + (", pinned" if take.pinned else "")
    besides = [f"in {request.key}"] if request.key else []
    besides += [f"{name}={value:g}" for name, value in (*request.shape.turned.items(), *request.options)]
    if take.made_from is not None:
        how = "from" if take.made_from.use == "start" else "as loud as"
        besides.append(f"{how} {take.made_from.samples_hash[:10]}, strength {take.made_from.strength:g}")
    return [
        take.take_id,
        take.cue,
        str(request.seed),
        str(request.steps),
        _length(take),
        f"{take.tempo_bpm:g} bpm",
        take.provenance.family,
        state,
        request.prompt,
        ", ".join(besides),
    ]


def _length(take: "Take") -> str:
    return f"{take.request.frames / take.request.sample_rate_hz:.2f} s"


def _named(options: argparse.Namespace) -> "Take":
    from bridge.folders import takes_folder
    from bridge.library import find_take, read_journal

    return find_take(read_journal(takes_folder()), options.take)
