"""A small picture of a sound: time from left to right, pitch from low to high as an ear spaces it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from osc_schemas.clip import Samples

COLUMNS, LINES = 240, 96  # of the picture, in pixels
LOWEST_HZ, HIGHEST_HZ = 40.0, 18_000.0
RANGE_DB = 66.0
WINDOW_FRAMES = 2_048  # 46 ms at 44.1 kHz: a drum's attack stays sharp
FFT_FRAMES = 8_192  # padded with zeros, so that low lines are smooth
SHADES = 32  # fewer make smaller files, and nobody sees more

# From silence to the loudest point, in the colours of the page.
_COLOURS = np.array(
    [(0x12, 0x14, 0x18), (0x22, 0x38, 0x4A), (0x2F, 0x7F, 0x7C), (0x8F, 0xD3, 0xA8), (0xFF, 0xF1, 0xC9)]
)


def levels_db(samples: Samples, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """(LINES, COLUMNS) of (frames, channels): the level in dB under the loudest point; line 0 is the highest pitch."""
    mono = np.pad(np.asarray(samples, np.float64).mean(axis=1), WINDOW_FRAMES // 2)
    starts = np.linspace(0, len(mono) - WINDOW_FRAMES, COLUMNS).astype(int)
    pieces = mono[starts[:, None] + np.arange(WINDOW_FRAMES)] * np.hanning(WINDOW_FRAMES)
    power = np.square(np.abs(np.fft.rfft(pieces, FFT_FRAMES, axis=1))).T
    highest_hz = min(HIGHEST_HZ, sample_rate_hz / 2)
    edges = np.round(np.geomspace(LOWEST_HZ, highest_hz, LINES + 1) * FFT_FRAMES / sample_rate_hz).astype(int)
    # The loudest bin of each line; a low line, which is narrower than a bin, takes the one it lies in.
    lines = np.maximum.reduceat(power[: edges[-1]], np.minimum(edges[:-1], edges[-1] - 1), axis=0)
    loudest = max(float(lines.max()), 1e-12)
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(lines, loudest * 1e-12) / loudest)
    return levels[::-1]


def draw(path: Path, samples: Samples, sample_rate_hz: int) -> None:
    """Write the picture of a sound to `path`, a PNG of `COLUMNS` by `LINES` pixels."""
    from matplotlib.image import imsave

    shades = np.clip(np.round((levels_db(samples, sample_rate_hz) / RANGE_DB + 1) * (SHADES - 1)), 0, SHADES - 1)
    stops = np.linspace(0, SHADES - 1, len(_COLOURS))
    pixels = np.stack([np.interp(shades, stops, channel) for channel in _COLOURS.T], axis=-1)
    imsave(path, np.round(pixels).astype(np.uint8))


def height_of(hz: float) -> float:
    """How high in a picture a pitch lies: 0 at the bottom, 1 at the top.

    >>> round(height_of(850), 2)
    0.5
    """
    return float(np.log(hz / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ))
