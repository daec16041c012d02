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
    """How beats (quarter notes) make bars."""

    beats_per_bar: float = 4.0

    def position(self, beat: float) -> tuple[int, float]:
        """(bar, beat in bar), both counted from 1 as a musician counts."""
        bar = int(beat // self.beats_per_bar)
        return bar + 1, beat - bar * self.beats_per_bar + 1

    def beat_at(self, bar: int, beat_in_bar: float) -> float:
        """The beat, counted from 0, of a musician's bar and beat."""
        return (bar - 1) * self.beats_per_bar + beat_in_bar - 1
