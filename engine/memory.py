"""How much memory this process has needed at most, and whether it keeps what it has freed."""

import ctypes
import sys
from pathlib import Path

_LINUX_STATUS = Path("/proc/self/status")
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8  # of glibc's malloc.h
# Nothing gets a mapping of its own, and all threads share the one heap that can hold blocks of more than 64 MiB.
_KEEPING = {_TRIM_THRESHOLD: 1 << 30, _MMAP_THRESHOLD: 1 << 30, _MMAP_MAX: 0, _ARENA_MAX: 1}


def peak_memory_mb() -> float:
    """The largest resident size so far, in units of 10^6 bytes; 0 where the system does not say (Windows)."""
    if sys.platform == "win32":
        return 0.0
    if _LINUX_STATUS.exists():
        # Linux keeps the maximum of getrusage over exec, so a small child of a large parent would report the parent's.
        for line in _LINUX_STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def keep_freed_memory() -> None:
    """Have the allocator keep up to a GiB of what was freed for what comes next, on Linux; elsewhere nothing changes.

    An image decoder's layers take tens of MB each. The system takes those back one by one, and clears every page anew
    before it gives it out: measured, AudioLDM's autoencoder spent 2.4 s of processor time on a clip, and 1.5 s so. For
    a process that computes again and again; it concerns what is allocated from then on, on every thread.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return
    for parameter, value in _KEEPING.items():
        mallopt(parameter, value)
