"""Finds a take in a recording. What the demo reports is measured here, and never copied from the plan."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osc_schemas.clip import Samples

LISTENED_S = 0.4  # how much of a clip's beginning is looked for
ALIKE_ENOUGH = 0.5  # a best match less like the clip than this is none

Signal = npt.NDArray[np.float64]  # (frames,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a take begins in a recording, and how alike the two are there: 1 is a copy at any gain."""

    frame: int
    likeness: float


def find_take(
    recording: Samples, take: Samples, *, near_frame: int, within_frames: int, sample_rate_hz: int
) -> Found | None:
    """The frame at which `take` begins in `recording`, if it does within `within_frames` of `near_frame`.

    Both are (frames, channels). The likeness is the normalised cross-correlation of their second differences: a slow
    swell correlates with itself over hundreds of frames, its curvature does not, so the peak is one frame wide.
    """
    wanted = _curvature(take[: round(LISTENED_S * sample_rate_hz)])
    first_frame = max(0, near_frame - within_frames)
    heard = _curvature(recording[first_frame : near_frame + within_frames + len(wanted) + 2])
    if len(heard) < len(wanted) or not np.any(wanted):
        return None
    size = 1 << (len(heard) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    places = len(heard) - len(wanted) + 1
    products = np.fft.irfft(spectrum, size)[:places]
    energy = np.concatenate([[0.0], np.cumsum(np.square(heard))])
    local = np.maximum(energy[len(wanted) :] - energy[:places], 1e-20)
    likeness = products / np.sqrt(local * np.sum(np.square(wanted)))
    best = int(np.argmax(likeness))
    if likeness[best] < ALIKE_ENOUGH:
        return None
    return Found(frame=first_frame + best, likeness=float(likeness[best]))


def _curvature(samples: Samples) -> Signal:
    mono = np.asarray(samples, dtype=np.float64).mean(axis=1)
    curvature: Signal = np.diff(mono, n=2)
    return curvature
