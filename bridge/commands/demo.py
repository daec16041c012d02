"""`upbeat demo`: sixteen bars through every real part, heard live and measured."""

import argparse
import os
from pathlib import Path

from bridge.commands.parser import Commands, command


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "play a short set through every part, and measure what was heard"
    parser = command(commands, "demo", run, does=does, example="upbeat demo --out first-sound")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep recording, picture and figures there")
    parser.add_argument(
        "--output",
        choices=("auto", "portaudio", "jack", "null"),
        default=os.environ.get("UPBEAT_OUTPUT", "auto"),
        help="what plays [%(default)s]",
    )


def run(options: argparse.Namespace) -> int:
    """Play it."""
    from bridge.demo.run import demo

    return demo(options.out, output_kind=options.output)
