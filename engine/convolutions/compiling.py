"""How this package's loops are compiled, and where their machine code is kept: a folder for each of its texts."""

from functools import partial
from pathlib import Path

from engine.vocoders import compiling

FOLDER = compiling.writable_folder("convolutions", sorted(Path(__file__).parent.glob("*.py")))

entry = partial(compiling.entry, folder=FOLDER)
