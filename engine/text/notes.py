"""The pitch that a prompt asks for by name ("F#2") or by frequency ("440 Hz"). It is parsed, never guessed."""

import math
import re
from typing import Final

A4_HZ: Final = 440.0
A4_MIDI: Final = 69
LOWEST_MIDI: Final = 12.0  # C0, 16 Hz
HIGHEST_MIDI: Final = 127.0  # G9

_SEMITONE: Final = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHIFT: Final = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_NAMES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_NOTE: Final = re.compile(r"(?<![\w#♯♭])([a-g])([#♯b♭]?)(\d)(?![\w#♯♭])", re.IGNORECASE)
_HZ: Final = re.compile(r"(?<![\w.])(\d{2,5}(?:\.\d+)?) ?(k?)hz\b", re.IGNORECASE)


def asked_midi(prompt: str) -> float | None:
    """The first pitch asked for, as a MIDI note number with its fraction; None if there is none in 16 Hz to 12.5 kHz.

    >>> asked_midi("a deep bass in F#2"), asked_midi("Bb3 pluck"), asked_midi("a sine at 440 Hz"), asked_midi("an 808")
    (42.0, 58.0, 69.0, None)
    """
    if note := _NOTE.search(prompt):
        letter, accidental, octave = note.groups()
        midi = float(12 * (int(octave) + 1) + _SEMITONE[letter.lower()] + _SHIFT[accidental.lower()])
    elif frequency := _HZ.search(prompt):
        number, kilo = frequency.groups()
        midi = midi_of_hz(float(number) * (1000 if kilo else 1))
    else:
        return None
    return midi if LOWEST_MIDI <= midi <= HIGHEST_MIDI else None


def hz_of_midi(midi: float) -> float:
    """The frequency of a MIDI note number, A4 = 440 Hz."""
    return A4_HZ * 2 ** ((midi - A4_MIDI) / 12)


def midi_of_hz(hz: float) -> float:
    """The MIDI note number of a frequency, with its fraction."""
    return A4_MIDI + 12 * math.log2(hz / A4_HZ)


def note_name(midi: float) -> str:
    """The nearest note's name, sharps only.

    >>> note_name(42), note_name(58)
    ('F#2', 'A#3')
    """
    nearest = round(midi)
    return f"{_NAMES[nearest % 12]}{nearest // 12 - 1}"
