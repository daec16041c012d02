"""A take made ready for its track: how loud it is, whether it rings to its end, and the gain that levels it."""

from dataclasses import dataclass, replace

import numpy as np

from bridge.tracks import loudness
from osc_schemas.clip import Clip, Samples
from osc_schemas.request import GenerateRequest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sound:
    """The samples (frames + tail_frames, channels) of a take, what was asked for, and how they are to be played."""

    take_id: str
    request: GenerateRequest
    samples: Samples
    gain: float
    sustained: bool
    loudness_lufs: float = -np.inf

    @property
    def tail_frames(self) -> int:
        """In how many frames at its end it rings out."""
        return self.request.tail_frames


def sound_of(clip: Clip, *, take_id: str, loudness_lufs: float) -> Sound:
    """A clip as a sound, not yet levelled."""
    request = clip.request
    return Sound(
        take_id=take_id,
        request=request,
        samples=clip.samples,
        gain=1.0,
        sustained=is_sustained(clip.samples, request.frames, sample_rate_hz=request.sample_rate_hz),
        loudness_lufs=loudness_lufs,
    )


def levelled(sound: Sound, *, target_lufs: float, gain_db: float) -> Sound:
    """`sound` brought to its track's loudness, and from there to its cue's gain."""
    level = loudness.gain(sound.samples, sound.loudness_lufs, target_lufs=target_lufs)
    return replace(sound, gain=level * loudness.ratio(gain_db))


def is_sustained(samples: Samples, frames: int, *, sample_rate_hz: int) -> bool:
    """Whether a clip still sounds at its end nearly as it began (within 12 dB): a pad or a texture, not a drum."""
    head = samples[: max(1, sample_rate_hz // 20)]
    end = samples[frames - max(1, min(frames, sample_rate_hz // 50)) : frames]
    return bool(np.mean(np.square(end)) > np.mean(np.square(head)) * 10**-1.2)
