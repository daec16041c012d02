"""A sound as it is heard: what the mixer makes of it, as samples that any other program plays as they are.

A loop's pass has the tail of the passes before it over its head, or crossfades into itself; a one-shot rings out. It is
computed as the mixer does (bridge/tracks/voices.py), pass by pass in its order of summing and in its precision.
"""

import math

import numpy as np
import numpy.typing as npt

from bridge.tracks.sound import Sound
from osc_schemas.clip import Samples


def as_heard(sound: Sound, *, loop: bool, gain: bool = True) -> Samples:
    """The samples (frames, channels) of one steady pass of a loop, or of a one-shot with its tail faded.

    A loop has exactly `request.frames` frames, and its end leads into its beginning: it is what sounds from the second
    pass on (into the first one nothing rings), where passes begin `frames` apart. With `gain`, as loud as it is played.
    """
    frames, tail_frames = sound.request.frames, sound.tail_frames
    total_frames = len(sound.samples)
    envelope = np.full(total_frames, sound.gain if gain else 1.0, np.float32)
    if loop and sound.sustained:
        _fade(envelope[:tail_frames], _equal_power(np.arange(min(tail_frames, total_frames)) / max(1, tail_frames)))
    fade_frames = min(tail_frames, total_frames)
    left = np.arange(fade_frames, 0, -1)
    _fade(envelope[total_frames - fade_frames :], _equal_power(left / max(1, tail_frames)))
    shaped: Samples = sound.samples.astype(np.float32) * envelope[:, None]
    if not loop:
        return shaped
    steady = np.zeros((frames, sound.samples.shape[1]), np.float32)
    for pass_before in range(math.ceil(total_frames / frames) - 1, -1, -1):  # the oldest that still rings comes first
        rings = shaped[pass_before * frames : (pass_before + 1) * frames]
        steady[: len(rings)] += rings
    return steady


def _fade(envelope: npt.NDArray[np.float32], gains: npt.NDArray[np.float64]) -> None:
    """Fade a piece of an envelope, rounded once to its precision as in the mixer."""
    envelope[:] = envelope.astype(np.float64) * gains


def _equal_power(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mixer's own approximation of sin(pi/2 x), over an array."""
    y = math.pi / 2 * x
    z = y * y
    return y * (1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110)))))
