"""How long a musician waits before anything can sound: imports, and an engine that gets warm."""

import subprocess
import sys
import time

from bridge.bench.figures import Figure, figure
from bridge.supervisor import Supervisor

_TIMED_IMPORT = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def import_times(*, runs: int) -> list[Figure]:
    """`import bridge`, and all that a live set needs of it, each in fresh processes; the yardstick is numpy."""
    numpy_ms = [_import_ms("numpy") for _ in range(runs)]
    return [
        figure(
            f"import {module}",
            "ms",
            [_import_ms(module) for _ in range(runs)],
            yardstick="import numpy",
            against=numpy_ms,
        )
        for module in ("bridge", "bridge.cli", "bridge.session")
    ]


def time_to_ready(supervisor: Supervisor) -> Figure:
    """From starting the engine to its first promise; the yardstick is a process that only imports torch."""
    began_s = time.monotonic()
    supervisor.start()
    ready_s = time.monotonic() - began_s
    torch_s = _import_ms("torch") / 1_000
    return figure("engine ready", "s", [ready_s], yardstick="import torch", against=[torch_s])


def _import_ms(module: str) -> float:
    command = [sys.executable, "-P", "-c", _TIMED_IMPORT.format(module)]
    return 1_000 * float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
