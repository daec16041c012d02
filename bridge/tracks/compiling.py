"""How the mixer is compiled, where the machine code is kept, and the few instructions Python has no word for.

Compiled once per machine, then read from `bridge.folders.cache_folder()`. numba notices a change only in the file a
function stands in, and an old kernel over a new record layout would write into foreign memory; so the folder is named
after the text of every file that is compiled together.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import extending, types

from bridge.folders import cache_folder

_numba: Any = numba  # its types differ from version to version, so mypy sees none
carray, njit, cfunc = _numba.carray, _numba.njit, _numba.cfunc
intrinsic: Any = extending.intrinsic

COMPILED_TOGETHER = ("compiling.py", "memory.py", "voices.py", "kernel.py", "portaudio.py", "jack.py")

Function = TypeVar("Function", bound=Callable[..., Any])


def _kept() -> bool:
    """Point numba at the cache; False if the folder cannot be written, and each process compiles for itself."""
    here = Path(__file__).parent
    text = b"".join((here / name).read_bytes() for name in COMPILED_TOGETHER if (here / name).exists())
    folder = cache_folder() / f"mixer-{hashlib.sha256(text).hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    _numba.config.CACHE_DIR = str(folder)
    return True


KEPT = _kept()
OPTIONS = {"nogil": True, "error_model": "numpy"}  # no interpreter lock, and a division never raises


def part(function: Function) -> Function:
    """Compile a piece of the kernel; it is inlined where it is called."""
    return cast(Function, njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function))


def entry(signature: str) -> Callable[[Function], Function]:
    """Compile what Python calls: at import, or read from the cache."""

    def compiled(function: Function) -> Function:
        return cast(Function, njit(signature, cache=KEPT, **OPTIONS)(function))

    return compiled


def callback(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile what a sound library calls on its own thread; `.address` is the C function."""
    return cast(Callable[[Callable[..., Any]], Any], cfunc(signature, cache=KEPT, error_model="numpy"))


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def pointer(typing_context: Any, address: Any) -> Any:
    """The pointer to `address`, for `carray`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def load_acquire(typing_context: Any, address: Any) -> Any:
    """The int64 at `address`; what its writer wrote before `store_release` is then visible too, on ARM as on x86."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(word, "acquire", 8)

    return types.int64(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def store_release(typing_context: Any, address: Any, value: Any) -> Any:
    """Write the int64 at `address`; all that was written before is visible to whoever reads it by `load_acquire`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store_atomic(arguments[1], word, "release", 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), generate
