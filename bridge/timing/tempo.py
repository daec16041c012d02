"""Beats <-> frames. Every position is computed from its beat, never from the position before it, so nothing drifts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A span of constant tempo: `beat` falls on `frame`, and time runs on from there at `tempo_bpm`."""

    beat: float
    frame: float  # a fraction of a frame is kept, so that a chain of tempo changes does not add up rounding
    tempo_bpm: float
    sample_rate_hz: int

    @property
    def frames_per_beat(self) -> float:
        """Not a whole number: 23225.806 at 124 BPM and 48 kHz."""
        return 60 / self.tempo_bpm * self.sample_rate_hz

    def exact_frame_at(self, beat: float) -> float:
        """The instant of `beat` in frames, with its fraction."""
        return self.frame + (beat - self.beat) * self.frames_per_beat

    def beat_at(self, frame: float) -> float:
        """The beat at `frame`."""
        return self.beat + (frame - self.frame) / self.frames_per_beat


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How beats (quarter notes) make bars.

    `from_beat` is the first beat of some bar; where that leaves beats over at the music's start, they are its bar 1.

    >>> Meter(from_beat=6).position(6), Meter(from_beat=6).position(0)
    ((3, 1.0), (1, 3.0))
    """

    beats_per_bar: float = 4.0
    from_beat: float = 0.0

    def position(self, beat: float) -> tuple[int, float]:
        """(bar, beat in bar), both counted from 1 as a musician counts."""
        bar = int((beat - self._bar_1_beat) // self.beats_per_bar)
        return bar + 1, beat - self._bar_1_beat - bar * self.beats_per_bar + 1

    def beat_at(self, bar: int, beat_in_bar: float) -> float:
        """The beat, counted from 0, of a musician's bar and beat; below 0 where bar 1 is a short one."""
        return self._bar_1_beat + (bar - 1) * self.beats_per_bar + beat_in_bar - 1

    @property
    def _bar_1_beat(self) -> float:
        return -(-self.from_beat % self.beats_per_bar)
