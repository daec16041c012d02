"""How much memory this process has needed at most."""

import sys
from pathlib import Path

_LINUX_STATUS = Path("/proc/self/status")


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
