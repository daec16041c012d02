"""How the decoder's loops are compiled, and where their machine code is kept.

Compiled at import, once per machine; a later process reads it back in tens of milliseconds. numba notices a change only
in the file a function stands in, so the folder is named after the text of every file that is compiled together.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import platformdirs

_numba: Any = numba  # its types differ from version to version, so mypy sees none

COMPILED_TOGETHER = tuple(Path(__file__).with_name(name) for name in ("compiling.py", "kernels.py"))
OPTIONS = {"nogil": True, "error_model": "numpy"}  # no fastmath: the same seed gives the same bits everywhere

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder() -> Path:
    """Where machine code is kept: under `UPBEAT_HOME`, else where the system keeps caches. It may not exist yet."""
    home = os.environ.get("UPBEAT_HOME")
    if home:
        return Path(home).expanduser().absolute() / "cache"
    return Path(platformdirs.user_cache_dir("upbeat", appauthor=False))


def writable_folder(loops: str = "decoder", files: Iterable[Path] = COMPILED_TOGETHER) -> Path | None:
    """The folder for this version of the loops in `files`; None if nothing can be written there."""
    text = b"".join(path.read_bytes() for path in files)
    folder = cache_folder() / f"{loops}-{hashlib.sha256(text).hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder


FOLDER = writable_folder()


def part(function: Function) -> Function:
    """Compile a piece of a loop; it is inlined where it is called."""
    return cast(Function, _numba.njit(inline="never", **OPTIONS)(function))


def entry(signature: str, *, folder: Path | None = FOLDER) -> Callable[[Function], Function]:
    """Compile what Python calls: at import, or read from the cache in `folder`."""

    def compiled(function: Function) -> Function:
        if folder is not None:
            before = _numba.config.CACHE_DIR  # the mixer of the bridge has a folder of its own
            _numba.config.CACHE_DIR = str(folder)
            try:
                return cast(Function, _numba.njit(signature, cache=True, **OPTIONS)(function))
            except OSError:
                pass  # a full disk: this process compiles for itself
            finally:
                _numba.config.CACHE_DIR = before
        return cast(Function, _numba.njit(signature, **OPTIONS)(function))

    return compiled
