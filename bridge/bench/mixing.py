"""How long the compiled mixer takes for one block of the sound card."""

import time

import numpy as np

from bridge.bench.asking import RATE_HZ
from bridge.bench.figures import Figure, figure
from bridge.tracks.mixer import Mixer
from osc_schemas.clip import Samples

VOICES, TRACKS, BLOCK_FRAMES = 32, 4, 128
BLOCKS_PER_ROUND = 1_000  # the voices' samples stay small enough for a small machine


def mixer_block(*, blocks: int) -> Figure:
    """32 stereo voices on 4 tracks into a block of 128 frames; the yardstick is numpy adding the same samples up."""
    frames = BLOCKS_PER_ROUND * BLOCK_FRAMES
    noise = np.random.default_rng(0)
    voices = [noise.uniform(-0.02, 0.02, (frames, 2)).astype(np.float32) for _ in range(VOICES)]
    took_us: list[float] = []
    while len(took_us) < blocks:
        took_us += _one_round(voices)
    added_us = _added_us(voices)
    name = f"mixer, {VOICES} voices, {BLOCK_FRAMES} frames"
    return figure(name, "us", took_us[:blocks], yardstick="the sum in numpy", against=added_us)


def _one_round(voices: list[Samples]) -> list[float]:
    mixer = Mixer([f"track {number}" for number in range(TRACKS)], sample_rate_hz=RATE_HZ)
    for number, samples in enumerate(voices):
        mixer.play(samples, track=f"track {number % TRACKS}", start_frame=0)
    block, took_us = np.zeros((BLOCK_FRAMES, 2), np.float32), []
    for _ in range(BLOCKS_PER_ROUND):
        began_s = time.perf_counter()
        mixer.mix(block)
        took_us.append(1e6 * (time.perf_counter() - began_s))
    return took_us


def _added_us(voices: list[Samples]) -> list[float]:
    block, took_us = np.zeros((BLOCK_FRAMES, 2), np.float32), []
    for start in range(0, BLOCKS_PER_ROUND * BLOCK_FRAMES, BLOCK_FRAMES):
        began_s = time.perf_counter()
        block.fill(0.0)
        for samples in voices:
            block += samples[start : start + BLOCK_FRAMES]
        took_us.append(1e6 * (time.perf_counter() - began_s))
    return took_us
