"""How long the compiled mixer takes for one block of the sound card."""

import time

import numpy as np

from bridge.bench.figures import Figure
from bridge.scheduler import percentile
from bridge.tracks.block_time import BLOCKS, measure_block_us

VOICES, BLOCK_FRAMES = 32, 128


def mixer_block() -> Figure:
    """32 stereo voices on 4 tracks, some in a fade, into 128 frames; the yardstick is numpy, only adding them up."""
    block = measure_block_us(voices=VOICES, frames=BLOCK_FRAMES)
    return Figure(
        name=f"mixer, {VOICES} voices, {BLOCK_FRAMES} frames",
        unit="us",
        median=block.p50_us,
        p99=block.p99_us,
        n=BLOCKS,
        ratio=block.p50_us / _added_us(),
        yardstick="the sum in numpy",
    )


def _added_us() -> float:
    noise = np.random.default_rng(0).uniform(-0.02, 0.02, (BLOCKS * BLOCK_FRAMES, 2)).astype(np.float32)
    block, took_us = np.zeros((BLOCK_FRAMES, 2), np.float32), []
    for start in range(0, len(noise), BLOCK_FRAMES):
        began_s = time.perf_counter()
        block.fill(0.0)
        for _ in range(VOICES):
            block += noise[start : start + BLOCK_FRAMES]
        took_us.append(1e6 * (time.perf_counter() - began_s))
    return percentile(sorted(took_us), 0.5)
