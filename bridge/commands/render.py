"""`upbeat render SET --out DIR`: a set's timeline as files, faster than real time."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.commands import console
from bridge.commands.parser import Commands, add_engine, add_json, command

if TYPE_CHECKING:
    from bridge.set_file import Set


def add(commands: Commands) -> None:
    """Its arguments."""
    example = "upbeat render night-drive.toml --out night-drive"
    parser = command(commands, "render", run, does="render a set's timeline to stems and a mix", example=example)
    parser.add_argument("set", type=Path, metavar="SET", help="TOML file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for mix.wav and stems")
    add_engine(parser, does="render with the engine that listens there; without, one is started for it")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Render, with a bar while it lasts."""
    from bridge.render.offline import RING_OUT_S, render_set
    from bridge.set_file import read_set

    with console.progress(f"rendering {options.set.name}") as move:
        report = render_set(options.set, options.out, engine_endpoint=options.engine, progress=move)
    if options.json:
        facts = {
            "mix": str(report.mix),
            "stems": {track: str(path) for track, path in report.stems.items()},
            "launches": len(report.launches),
            "music_s": report.music_s,
            "bars": report.bars,
            "took_s": report.took_s,
            "peak": report.peak,
        }
        print(json.dumps(facts))
        return 0
    speed = report.music_s / report.took_s
    print(f"{report.mix}, {len(report.stems)} stems, {len(report.launches)} launches")
    print(f"{_bars(report.bars)} of music and {RING_OUT_S:g} s to ring out; {_end_decided(read_set(options.set))}")
    print(f"{report.music_s:.1f} s of music in {report.took_s:.1f} s, {speed:.1f} times real time")
    return 0


def _bars(bars: float) -> str:
    return f"{bars:g} {'bar' if bars == 1 else 'bars'}"


def _end_decided(music: "Set") -> str:
    """Who says where it ends."""
    if music.length_bars is not None:
        return "length_bars of the set says so"
    return "the set says no length_bars, so it ends on the bar line after the last clip of its timeline"
