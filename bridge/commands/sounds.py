"""`upbeat sounds --out DIR`: every kind of sound that the model can make, as a page to browse and hear."""

import argparse
import json
from pathlib import Path

from bridge.commands import console
from bridge.commands.parser import Commands, add_engine, add_json, command, number

TEMPO_BPM = 124.0  # that of the rhythms among the embedded model's examples


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "write a page to browse: every kind of sound with its words, to hear and to see"
    parser = command(commands, "sounds", run, does=does, example="upbeat sounds --out sounds --open")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="new or empty folder, or an earlier page to renew"
    )
    parser.add_argument("--kind", nargs="+", default=[], metavar="NAME", help='only these, such as kick "closed hat"')
    parser.add_argument(
        "--tempo", type=number, default=TEMPO_BPM, metavar="BPM", help="of what is rhythmic [%(default)g]"
    )
    parser.add_argument("--length-beats", type=number, metavar="N", help="of every sound; without, what suits its kind")
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    add_engine(parser, does="ask the engine that listens there; without, the usual one, or one started for this")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Write it, with a bar while it lasts, and say where it lies."""
    from bridge.catalogue.folder import check_ours
    from bridge.catalogue.write import chosen, write_sounds
    from bridge.commands.one_engine import one_engine
    from osc_schemas import bounds
    from osc_schemas.errors import CueError

    bounds.check_range("--tempo", options.tempo, bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH, CueError)
    if options.length_beats is not None:
        beat_s = 60 / options.tempo
        bounds.check_range("--length-beats", options.length_beats, 0.1 / beat_s, 30.0 / beat_s, CueError)
    check_ours(options.out)  # before an engine is started for nothing
    with one_engine(options.engine) as engine, console.progress("making sounds") as move:
        written = write_sounds(
            options.out,
            chosen(engine.vocabulary(), options.kind),
            lambda request: engine.clip(request).clip,
            tempo_bpm=options.tempo,
            length_beats=options.length_beats,
            progress=move,
        )
    if options.json:
        facts = {
            "page": str(written.page),
            "model": written.model,
            "kinds": written.kinds,
            "sounds": written.sounds,
            "size_bytes": written.size_bytes,
        }
        print(json.dumps(facts))
    else:
        print(f"{written.page}: {written.sounds} sounds of {written.kinds} kinds, {written.size_bytes / 1e6:.1f} MB")
    if options.open:
        import webbrowser

        webbrowser.open(written.page.absolute().as_uri())
    return 0
