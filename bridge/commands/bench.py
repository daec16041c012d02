"""`upbeat bench`: how fast this machine is at what matters on stage."""

import argparse
import json
import os
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING

from bridge.commands import console
from bridge.commands.parser import Commands, add_json, command

if TYPE_CHECKING:
    from bridge.bench.figures import Figure


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "measure how long engine, wire and mixer take on this machine"
    parser = command(commands, "bench", run, does=does, example="upbeat bench --json > bench.json")
    parser.add_argument("--quick", action="store_true", help="a few runs of each, to see that all works")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, and print."""
    from bridge.bench.run import measure

    with console.progress("measuring") as move:
        figures = measure(quick=options.quick, progress=move)
    if options.json:
        machine = {
            "system": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        }
        print(json.dumps({"machine": machine, "figures": [asdict(figure) for figure in figures]}, indent=2))
    else:
        print(console.columns([["figure", "median", "p99", "n", "ratio to"], *(_row(figure) for figure in figures)]))
    return 0


def _row(figure: "Figure") -> list[str]:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x {figure.yardstick}"
    p99 = f"{figure.p99:.4g} {figure.unit}" if figure.n > 1 else ""
    return [figure.name, f"{figure.median:.4g} {figure.unit}", p99, str(figure.n), ratio]
