"""`upbeat models`: runs `python -m engine.models`, whose words, output and exit code are its own.

The bridge has neither torch nor a way to the hub, so this is a process of the engine's side, as the engine itself is.
"""

import subprocess
import sys

from bridge.commands.parser import Commands

NAME = "models"


def add(commands: Commands) -> None:
    """Only its line in `upbeat --help`: the flags go on as they are."""
    commands.add_parser(NAME, add_help=False, help="list, fetch, add and verify the published models, and their terms")


def run(flags: list[str]) -> int:
    """Run it to its end, and give its exit code."""
    # -P: a folder named "engine" in the current directory is not ours
    with subprocess.Popen([sys.executable, "-P", "-m", "engine.models", *flags]) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # it has heard it too, and ends by itself
                continue
