"""How loud a clip is to an ear, and the gain that brings it to its track's loudness (ITU-R BS.1770, by pyloudnorm)."""

import functools
import math
import warnings
from typing import Any

import numpy as np
import pyloudnorm
from scipy.signal import sosfilt

from osc_schemas.clip import Samples

BLOCK_S = 0.4  # the gating block of BS.1770: the shortest sound it can measure
PEAK_CEILING = 10 ** (-1 / 20)  # -1 dBFS; the limiter's own


def measure_lufs(samples: Samples, sample_rate_hz: int) -> float:
    """The integrated loudness of a clip (frames, 1 or 2) as the mixer plays it; -inf for silence, below -70 LUFS.

    A clip shorter than one gating block (0.4 s) has too little in it to gate: its own length is the block, and what
    counts is its mean K-weighted power. A mono clip sounds on both sides, so it is 3 dB louder than one side alone.
    """
    block_frames = math.ceil(BLOCK_S * sample_rate_hz)
    missing_frames = max(0, block_frames - len(samples))
    whole_block = np.pad(samples, ((0, missing_frames), (0, 0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the logarithm of silence
        weighted = sosfilt(_k_weighting(sample_rate_hz), whole_block.astype(np.float64), axis=0)
        lufs = float(_meter(sample_rate_hz).integrated_loudness(weighted))
    if missing_frames:
        lufs += 10 * math.log10(block_frames / len(samples))
    return lufs + (10 * math.log10(2) if samples.shape[1] == 1 else 0.0)


def gain(samples: Samples, loudness_lufs: float, *, target_lufs: float) -> float:
    """The factor that brings `samples` from their loudness to the target, or as near as a peak of -1 dBFS lets them.

    Silence has no loudness to correct and keeps its gain of 1.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak == 0.0 or not math.isfinite(loudness_lufs):
        return 1.0
    return min(ratio(target_lufs - loudness_lufs), PEAK_CEILING / peak)


def ratio(gain_db: float) -> float:
    """The factor of a gain in decibels."""
    return float(10 ** (gain_db / 20))


@functools.cache
def _meter(sample_rate_hz: int) -> Any:
    return pyloudnorm.Meter(sample_rate_hz, filter_class="custom", block_size=BLOCK_S)  # custom: no filters


@functools.cache
def _k_weighting(sample_rate_hz: int) -> Any:
    """The two filters of the K-weighting as sections, so that one pass does both sides: nine times as fast.

    pyloudnorm's own reads 0.04 dB below the standard; De Man's filters meet it.
    """
    filters = pyloudnorm.Meter(sample_rate_hz, filter_class="DeMan")._filters.values()
    return np.array([[*stage.b, *stage.a] for stage in filters])
