"""How long the wire takes: a clip of 3.5 MB from another process, through the real link and codec."""

import subprocess
import sys
import time

import numpy as np

from bridge.bench.asking import RATE_HZ, Asker, BenchError, request_of
from bridge.bench.echo import CHANNELS
from bridge.bench.figures import Figure, figure
from bridge.scheduler import TAIL_S

CLIP_BYTES = 3_500_000
LENGTH_S = CLIP_BYTES / 4 / CHANNELS / RATE_HZ - TAIL_S


def transport(*, runs: int) -> Figure:
    """From asking an engine that computes nothing to the clip in hand; the yardstick is a copy of the same bytes."""
    command = [sys.executable, "-P", "-m", "bridge.bench.echo"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as echo:
        try:
            assert echo.stdout is not None
            if not (endpoint := echo.stdout.readline().strip()):
                raise BenchError("the echo process did not start; run `python -m bridge.bench.echo` to see why")
            with Asker(endpoint) as asker:
                requests = [request_of("echo", seed=seed, steps=1, length_s=LENGTH_S) for seed in range(runs)]
                took_ms = [asker.clip(request).request_to_clip_ms for request in requests]
        finally:
            echo.kill()
    copied_ms = [_copy_ms() for _ in range(runs)]
    name = f"transport of a {CLIP_BYTES / 1e6:g} MB clip"
    return figure(name, "ms", took_ms, yardstick="a copy in memory", against=copied_ms)


def _copy_ms() -> float:
    clip = np.ones(CLIP_BYTES // 4, np.float32)
    began_s = time.perf_counter()
    clip.copy()
    return 1_000 * (time.perf_counter() - began_s)
