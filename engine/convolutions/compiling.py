"""How this package's loops are compiled, and where their machine code is kept: a folder for each of its texts."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from engine.vocoders.compiling import OPTIONS, cache_folder

_numba: Any = numba  # its types differ from version to version, so mypy sees none

Function = TypeVar("Function", bound=Callable[..., Any])


def writable_folder() -> Path | None:
    """The folder for this version of the loops; None if nothing can be written there."""
    text = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    folder = cache_folder() / f"convolutions-{hashlib.sha256(text).hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder


FOLDER = writable_folder()


def entry(signature: str) -> Callable[[Function], Function]:
    """Compile what Python calls: at import, or read from the cache."""

    def compiled(function: Function) -> Function:
        if FOLDER is not None:
            before = _numba.config.CACHE_DIR
            _numba.config.CACHE_DIR = str(FOLDER)
            try:
                return cast(Function, _numba.njit(signature, cache=True, **OPTIONS)(function))
            except OSError:
                pass  # a full disk: this process compiles for itself
            finally:
                _numba.config.CACHE_DIR = before
        return cast(Function, _numba.njit(signature, **OPTIONS)(function))

    return compiled
