"""The pitch that a prompt asks for: by note ("F#2"), by pitch class alone ("in D") or by frequency ("440 Hz").

It is parsed, never guessed. "low" and "high" are left to the encoder. A pitch class counts only where nothing else can
be meant: after "in", "note", "key of", "tuned to" and the like, with a sharp or flat sign ("F# bass", "Bb bass"), or as
a capital before a noun ("D pluck"). The letter A is an article unless it is a capital that no capital follows, or ends
its phrase.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from osc_schemas.key_name import ACCIDENTAL

A4_HZ: Final = 440.0
A4_MIDI: Final = 69
LOWEST_MIDI: Final = 12.0  # C0, 16 Hz
HIGHEST_MIDI: Final = 127.0  # G9

# Letters are matched in ASCII only: elsewhere a Turkish dotless i equals an i, and is then in no table.
FLAGS: Final = re.IGNORECASE | re.ASCII
PITCH_CLASSES: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
NOT_AFTER: Final = r"(?<![\w#♯♭])"
NOT_BEFORE: Final = r"(?![\w#♯♭])"

_SEMITONE: Final = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHIFT: Final = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_PLACE: Final = r"(?:\b(?:in|at|on|to|tuned|pitched|note|playing|key|of|root|around|the)[ :]+)"
_NOTE: Final = re.compile(
    # "Hammond B3" is an organ, and R2-D2 a robot
    rf"{_PLACE}{{0,4}}{NOT_AFTER}(?<![0-9]-)(?<!hammond )(?!b3 organ)"
    rf"([a-g])([#♯b♭]|[ -](?:sharp|flat) ?)?([0-9]){NOT_BEFORE}",
    FLAGS,
)
_HZ: Final = re.compile(
    rf"{_PLACE}{{0,4}}(?<![\w.])([0-9]{{1,6}}(?:\.[0-9]{{1,4}})?)[ -]?(k?)(?:hz|hertz)\b(?: tone\b)?", FLAGS
)
_CLASS_SAID: Final = re.compile(
    r"\b(?:in|on|at|tuned(?: (?:in|to))?|pitched (?:in|at|to)|playing|note|root(?: of)?|(?:in )?(?:the )?key(?: of)?:?)"
    rf" (?:the note )?([a-g])({ACCIDENTAL})?(?![\w#♯♭'’]|-\w)",
    FLAGS,
)
_CLASS_SIGNED: Final = re.compile(rf"{NOT_AFTER}([a-g])([#♯♭b]|[ -](?:sharp|flat)\b){NOT_BEFORE}", FLAGS)
# "E piano" is an electric one, and "G funk" a style.
_CLASS_CAPITAL: Final = re.compile(
    r"(?<![\w#♯♭.&'’-])([B-G])()(?= [a-z]{3})"
    r"(?! (?:and|piano|guitar|drums?|funk|sides?|roll|movie|day|clamp|minor|major|chord)\b)"
)
_ENDS_PHRASE: Final = re.compile(r" *(?:$|[^\w ]| (?:and|at|with|for|over|under|key|[0-9]))", FLAGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pitch:
    """A pitch as it was asked for: exactly, or by its class in whatever octave suits the sound."""

    pitch_class: int  # 0 is C, 11 is B
    midi: float | None = None  # with its fraction; None if only the class was said

    def near(self, home_midi: float) -> float:
        """Its MIDI note number: as said, else the one of its class nearest to `home_midi`.

        >>> Pitch(pitch_class=2).near(34), Pitch(pitch_class=9, midi=69.0).near(34)
        (38.0, 69.0)
        """
        if self.midi is not None:
            return self.midi
        return home_midi + (self.pitch_class - home_midi + 6.0) % 12.0 - 6.0


def take_pitch(text: str) -> tuple[Pitch | None, str]:
    """The first pitch asked for, and the text without the words that said it.

    An exact one (16 Hz to 12.5 kHz) goes before a pitch class.

    >>> take_pitch("a deep bass in F#2, dark")
    (Pitch(pitch_class=6, midi=42.0), 'a deep bass , dark')
    >>> take_pitch("electric piano in E")[0], take_pitch("snare in a hall")[0]
    (Pitch(pitch_class=4, midi=None), None)
    """
    exact = sorted(
        [(found.start(), _midi_of_note(found)) for found in _NOTE.finditer(text)]
        + [(found.start(), _midi_of_frequency(found)) for found in _HZ.finditer(text)]
    )
    if exact:
        rest = _HZ.sub("", _NOTE.sub("", text))
        midis = [midi for _, midi in exact if LOWEST_MIDI <= midi <= HIGHEST_MIDI]
        return (Pitch(pitch_class=round(midis[0]) % 12, midi=midis[0]) if midis else None), rest
    for pattern in (_CLASS_SAID, _CLASS_SIGNED, _CLASS_CAPITAL):
        for found in pattern.finditer(text):
            letter, accidental = found[1], found[2] or ""
            if pattern is _CLASS_SAID and not accidental and is_article(text, found.start(1), found.end()):
                continue
            # "bb", "ab" and "dB" are no notes by themselves, and "a flat tone" is one without overtones.
            if pattern is _CLASS_SIGNED and (
                (accidental == "b" and letter.islower())
                or (accidental in "bB" and accidental != "b")
                or (len(accidental) > 1 and letter in "aA")
            ):
                continue
            return Pitch(pitch_class=pitch_class_of(letter, accidental)), text[: found.start()] + text[found.end() :]
    return None, text


def pitch_class_of(letter: str, accidental: str = "") -> int:
    """0 for C to 11 for B, from a letter and "#", "♯", "b", "♭", "sharp", "flat" or "".

    >>> pitch_class_of("F", "#"), pitch_class_of("c", " flat")
    (6, 11)
    """
    sign = accidental.strip(" -").lower()
    return (_SEMITONE[letter.lower()] + _SHIFT[sign]) % 12


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of these words, a longer one before what it begins with."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def is_article(text: str, start: int, end: int) -> bool:
    """Whether the letter at `start` is more likely the article "a" than the note; what was matched ends at `end`.

    >>> is_article("in a hall", 3, 4), is_article("pad in A long", 7, 8), is_article("in a", 3, 4)
    (True, False, False)
    """
    if text[start] not in "aA" or _ENDS_PHRASE.match(text, end):
        return False
    capital_follows = text[end : end + 2].strip()[:1].isupper()
    return text[start] == "a" or start == 0 or capital_follows


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
    return f"{PITCH_CLASSES[nearest % 12]}{nearest // 12 - 1}"


def _midi_of_note(found: re.Match[str]) -> float:
    letter, accidental, octave = found.groups()
    sign = (accidental or "").strip(" -").lower()
    return float(12 * (int(octave) + 1) + _SEMITONE[letter.lower()] + _SHIFT[sign])


def _midi_of_frequency(found: re.Match[str]) -> float:
    hz = float(found[1]) * (1000 if found[2] else 1)
    return midi_of_hz(hz) if hz > 0 else -math.inf
