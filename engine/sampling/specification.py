"""What one sound is asked to be, when the words are understood: all that the networks are told of a prompt."""

from dataclasses import dataclass


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
