"""Waveform -> the samples of a clip. Loudness, fold and fades are the bridge's, which knows the track."""

from typing import TYPE_CHECKING

import numpy as np

from engine.errors import EngineError
from osc_schemas.clip import Samples
from osc_schemas.request import GenerateRequest

if TYPE_CHECKING:
    import torch


def finish(waveform: "torch.Tensor", request: GenerateRequest) -> Samples:
    """One row of a family's waveform (channels, frames) as samples (frames + tail_frames, channels) in [-1, 1].

    Raises `EngineError` if the family gave another length than asked, or numbers that are none.
    """
    wanted_frames = request.frames + request.tail_frames
    if waveform.ndim != 2 or waveform.shape[1] != wanted_frames:
        raise EngineError(f"the family gave a waveform of shape {tuple(waveform.shape)}; {wanted_frames} frames wanted")
    # A copy, because the socket reads these samples after the family may have begun to write the next ones.
    samples = np.array(waveform.numpy().T, dtype=np.float32, order="C")
    if not np.isfinite(samples).all():
        raise EngineError("the family gave samples that are not finite; ask with another seed")
    # A last-bit overshoot of the decoder would otherwise reach whoever trusts the range.
    return np.clip(samples, -1.0, 1.0, out=samples)
