"""What one sound is asked to be, when the words are understood: all that the networks are told of a prompt."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """One sound. A level is 0 for the usual, -1 for clearly lower, 1 for clearly higher; beyond is possible."""

    kind: str
    brightness: float = 0.0
    length: float = 0.0
    pitch: float = 0.0
    drive: float = 0.0
    room: float = 0.0
    midi: float | None = None  # the note asked for, with its fraction
    pitch_class: int | None = None  # a note without its octave: the nearest to where the kind would be
    chord: tuple[int, ...] | None = None  # voices in semitones above the note
    room_s: float | None = None  # how long the room rings, to -60 dB

    def exaggerated(self, by: float) -> Self:
        """Every level so many times as far from the usual: at 0 the plain kind, at 1 what was asked."""
        return replace(
            self,
            brightness=self.brightness * by,
            length=self.length * by,
            pitch=self.pitch * by,
            drive=self.drive * by,
            room=self.room * by,
        )
