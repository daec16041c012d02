"""`upbeat engine`: becomes `python -m engine`, whose flags and words are its own."""

import os
import subprocess
import sys

from bridge.commands.parser import Commands

NAME = "engine"


def add(commands: Commands) -> None:
    """Only its line in `upbeat --help`: the flags go on as they are."""
    commands.add_parser(NAME, add_help=False, help="keep a model warm and make clips, as a process of its own")


def run(flags: list[str]) -> int:
    """Become the engine; on Windows, where no process can become another, wait for it."""
    command = [sys.executable, "-P", "-m", "engine", *flags]
    if os.name == "posix":
        os.execv(command[0], command)
    with subprocess.Popen(command) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # the engine has heard it too, and ends by itself
                continue
