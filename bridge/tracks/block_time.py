"""How long the compiled mixer takes for one block: the one figure that must stay far below the block's own length."""

import time
from dataclasses import dataclass

import numpy as np

from bridge.tracks.mixer import Mixer

BLOCKS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTime:
    """What blocks took, in microseconds, and how long a block sounds."""

    p50_us: float
    p99_us: float
    block_us: float


def measure_block_us(
    *, voices: int = 32, frames: int = 128, tracks: int = 4, sample_rate_hz: int = 48_000, recorded: bool = False
) -> BlockTime:
    """Mix stereo voices on several tracks, every fourth in a fade, and the tracks' gains in motion; time each block."""
    mixer = Mixer([f"track {k}" for k in range(tracks)], sample_rate_hz=sample_rate_hz, voices_max=voices)
    length = BLOCKS * frames
    noise = np.random.default_rng(0).uniform(-0.02, 0.02, (length, 2)).astype(np.float32)
    for k in range(voices):
        fade_frames = length if k % 4 == 0 else 0
        mixer.play(noise, track=mixer.track_names[k % tracks], start_frame=0, fade_in_frames=fade_frames)
    for name in mixer.track_names:
        mixer.set_track_gain(name, 0.5, ramp_frames=length)
    if recorded:
        mixer.tap.open()
    out = np.zeros((frames, 2), np.float32)
    took_us = np.zeros(BLOCKS)
    for k in range(BLOCKS):
        began_ns = time.perf_counter_ns()
        mixer.mix(out)
        took_us[k] = (time.perf_counter_ns() - began_ns) / 1_000
        if recorded:
            mixer.tap.read()
    return BlockTime(
        p50_us=float(np.percentile(took_us, 50)),
        p99_us=float(np.percentile(took_us, 99)),
        block_us=frames / sample_rate_hz * 1_000_000,
    )
