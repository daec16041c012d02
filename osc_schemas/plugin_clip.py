"""PluginClip: a clip as an instance of the plug-in plays it, with all that our own mixer knows of it."""

from dataclasses import dataclass

from osc_schemas.samples import Samples


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PluginClip:
    """Samples (frames + tail_frames, channels) at the rate of the host, and how they are to be played."""

    take_id: str
    samples: Samples
    frames: int  # as long as it is; what follows is its tail, which sounds over the next pass of a loop
    sample_rate_hz: int
    gain: float  # linear
    length_beats: float  # from one pass of a loop to the next
    tempo_bpm: float  # that its samples are made for
    loop: bool = False
    sustained: bool = False  # a loop crossfades into itself over the tail, at equal power
