"""Finds a take in a recording. What the demo reports is measured here, and never copied from the plan."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osc_schemas.clip import Samples

WINDOW_S = 0.2  # pieces of the take that are looked for, each on its own
WINDOWS_MAX = 16
FAINT = 1e-3  # a piece with less than this share of the strongest one's energy says nothing
ALIKE_ENOUGH = 0.5  # a best match less like the take than this is none

Signal = npt.NDArray[np.float64]  # (frames,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a take begins in a recording, and how alike the two are there: 1 is a copy at any gain."""

    frame: int
    likeness: float


def find_take(
    recording: Samples,
    take: Samples,
    *,
    near_frame: int,
    within_frames: int,
    sample_rate_hz: int,
    skip_frames: int = 0,
) -> Found | None:
    """The frame at which `take` begins in `recording`, if it does within `within_frames` of `near_frame`.

    Both are (frames, channels). The likeness is the normalised cross-correlation of their second differences: a slow
    swell correlates with itself over hundreds of frames, its curvature does not, so the peak is one frame wide. The
    take is looked for piece by piece and the piece that matches best decides, since other sounds on the track cover
    some pieces and not others. The first `skip_frames` are left out: while it crossfades with another clip it is not
    itself yet, and a low note would be found a period later, where it has the place to itself.
    """
    curvature = _curvature(take)
    heard = _curvature(recording)
    matches = [
        _match(heard, curvature[first:last], offset=first, near_frame=near_frame, within_frames=within_frames)
        for first, last in _pieces(curvature, round(WINDOW_S * sample_rate_hz), min(skip_frames, len(curvature) // 2))
    ]
    best = max(matches, key=lambda match: match.likeness, default=None)
    return best if best and best.likeness >= ALIKE_ENOUGH else None


def _pieces(curvature: Signal, frames: int, skip_frames: int) -> Iterator[tuple[int, int]]:
    """The (first, last) frames of the pieces worth looking for."""
    starts = range(skip_frames, max(skip_frames + 1, len(curvature) - frames // 2), frames)[:WINDOWS_MAX]
    energies = [float(np.sum(np.square(curvature[start : start + frames]))) for start in starts]
    for start, energy in zip(starts, energies, strict=True):
        if energy > FAINT * max(energies):
            yield start, min(start + frames, len(curvature))


def _match(heard: Signal, piece: Signal, *, offset: int, near_frame: int, within_frames: int) -> Found:
    """Where `piece`, which begins `offset` frames into its take, fits best."""
    first_frame = max(0, near_frame - within_frames)
    span = heard[first_frame + offset : near_frame + within_frames + offset + len(piece)]
    places = len(span) - len(piece) + 1
    if places < 1:
        return Found(frame=0, likeness=0.0)
    size = 1 << len(span).bit_length()
    products = np.fft.irfft(np.fft.rfft(span, size) * np.conj(np.fft.rfft(piece, size)), size)[:places]
    energy = np.concatenate([[0.0], np.cumsum(np.square(span))])
    local = np.maximum(energy[len(piece) :] - energy[:places], 1e-20)
    likeness = products / np.sqrt(local * np.sum(np.square(piece)))
    best = int(np.argmax(likeness))
    return Found(frame=first_frame + best, likeness=float(likeness[best]))


def _curvature(samples: Samples) -> Signal:
    mono = np.asarray(samples, dtype=np.float64).mean(axis=1)
    curvature: Signal = np.diff(mono, n=2)
    return curvature
