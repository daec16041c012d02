"""Sounds on a grid: single hits placed at their frames, layers summed. By construction, nothing is late."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

PEAK: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One hit: a sound that begins at a frame of the clip."""

    start_frame: int
    gain: float
    sound: Tensor  # (2, frames)


def placed(events: Sequence[Event], *, frames: int, choke_fade_frames: int | None = None) -> Tensor:
    """(2, frames): the sum of all events, cut at the end of the clip.

    With `choke_fade_frames` an event ends, with a fade of so many frames, where the next one begins, as on an
    instrument that can sound one note at a time.
    """
    clip = torch.zeros(2, frames)
    ordered = sorted(events, key=lambda event: event.start_frame)
    for place, event in enumerate(ordered):
        heard = event.sound
        if choke_fade_frames is not None and place + 1 < len(ordered):
            heard = _choked(heard, ordered[place + 1].start_frame - event.start_frame, fade_frames=choke_fade_frames)
        heard = heard[:, : frames - event.start_frame]
        clip[:, event.start_frame : event.start_frame + heard.shape[1]] += event.gain * heard
    return clip


def _choked(sound: Tensor, frames: int, *, fade_frames: int) -> Tensor:
    """The sound, gone within `fade_frames` from `frames` on."""
    if sound.shape[1] <= frames:
        return sound
    cut = sound[:, : frames + fade_frames].clone()
    faded = cut[:, frames:]
    faded *= torch.linspace(1, 0, faded.shape[1])
    return cut


def layered(layers: Sequence[Tensor], gains_db: Sequence[float]) -> Tensor:
    """The sum of layers (2, frames), each at its gain; the sum peaks at `PEAK`, or is all 0."""
    total = torch.zeros_like(layers[0])
    for layer, gain_db in zip(layers, gains_db, strict=True):
        total += layer * 10 ** (gain_db / 20)
    peak = total.abs().max()
    return total if peak < 1e-6 else total * (PEAK / peak)
