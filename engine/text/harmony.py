"""Chords and keys by name, and what it means to bring a sound into a key.

What is ambiguous is decided so: "C5" and "C6" are notes unless "chord" follows, "G7" is a note unless a chord or an
instrument of chords is spoken of. "in D minor" is a key, "D minor pad" a chord. "a minor" counts as A minor only where
its phrase ends or something musical follows ("a minor pad", not "a minor inconvenience"): then both readings, A minor
and some minor chord, are served. "major" and "minor" without a root need the same.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from engine.errors import BadRequest
from engine.text.notes import (
    FLAGS,
    NOT_AFTER,
    NOT_BEFORE,
    PITCH_CLASSES,
    any_of,
    is_article,
    pitch_class_of,
    take_pitch,
)
from osc_schemas.key_name import ACCIDENTAL, MODE_SPELLINGS, key_named, no_key

# Semitones above the root, and how each chord is written.
CHORDS: Final[dict[str, tuple[int, ...]]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "fifth": (0, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "sixth": (0, 4, 7, 9),
    "minor sixth": (0, 3, 7, 9),
    "seventh": (0, 4, 7, 10),
    "major seventh": (0, 4, 7, 11),
    "minor seventh": (0, 3, 7, 10),
    "minor major seventh": (0, 3, 7, 11),
    "diminished seventh": (0, 3, 6, 9),
    "half-diminished": (0, 3, 6, 10),
    "suspended seventh": (0, 5, 7, 10),
    "added ninth": (0, 4, 7, 14),
    "minor added ninth": (0, 3, 7, 14),
    "six nine": (0, 4, 7, 9, 14),
    "ninth": (0, 4, 7, 10, 14),
    "major ninth": (0, 4, 7, 11, 14),
    "minor ninth": (0, 3, 7, 10, 14),
    "eleventh": (0, 7, 10, 14, 17),
    "minor eleventh": (0, 3, 7, 10, 17),
    "thirteenth": (0, 4, 10, 14, 21),
}
_SPELLINGS: Final = {
    "major": "maj|major",
    "minor": "m|min|minor",
    "fifth": "5|power|fifth",
    "diminished": "dim|diminished|°",
    "augmented": "aug|augmented",
    "sus2": "sus2|suspended second",
    "sus4": "sus|sus4|suspended|suspended fourth",
    "sixth": "6|sixth|major sixth|maj6",
    "minor sixth": "m6|min6|minor sixth|minor 6|minor 6th",
    "seventh": "7|7th|seventh|dom7|dominant|dominant seventh|dominant 7|dominant 7th",
    "major seventh": "M7|maj7|Δ|Δ7|major seventh|major 7|major 7th|major7|maj 7",
    "minor seventh": "m7|min7|minor seventh|minor 7|minor 7th|minor7|min 7",
    "minor major seventh": "mM7|mmaj7|minmaj7|minor major seventh|minor major 7",
    "diminished seventh": "dim7|diminished seventh|diminished 7|diminished 7th|°7",
    "half-diminished": "m7b5|min7b5|ø|ø7|half-diminished|half diminished",
    "suspended seventh": "7sus4|7sus",
    "added ninth": "add9|added ninth",
    "minor added ninth": "madd9|minor add9|minor added ninth",
    "six nine": "69|6/9",
    "ninth": "9|9th|ninth|dominant ninth",
    "major ninth": "M9|maj9|major ninth|major 9|major 9th|major9",
    "minor ninth": "m9|min9|minor ninth|minor 9|minor 9th|minor9",
    "eleventh": "11|eleventh",
    "minor eleventh": "m11|min11|minor eleventh|minor 11",
    "thirteenth": "13|thirteenth",
}
_QUALITY: Final = {spelling: quality for quality, all_ in _SPELLINGS.items() for spelling in all_.split("|")}

MODES: Final[dict[str, tuple[int, ...]]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
}
# Scales without seven steps borrow their chords and steps from the one they are part of.
_SEVEN_OF: Final = {"minor pentatonic": "minor", "major pentatonic": "major", "blues": "minor"}
# Kinds that sound the tonic's chord in a key, where the others sound its note.
CHORDAL: Final = frozenset({"piano", "keys", "organ", "strings", "pad", "choir", "brass stab"})


@dataclass(frozen=True, slots=True)
class Key:
    """A scale on a tonic.

    >>> Key.parse("F# dorian")
    Key(tonic=6, mode='dorian')
    >>> str(Key.parse("Am")), Key.parse("C major").nearest(61), Key.parse("D minor").triad_on(65)
    ('A minor', 60.0, (0, 4, 7))
    """

    tonic: int  # 0 is C, 11 is B
    mode: str = "major"  # one of `MODES`

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of a name such as "D minor", "F# dorian", "Bb", "Am"; `BadRequest` if there is none such."""
        named = key_named(text)
        if named is None:
            raise BadRequest(no_key(text))
        letter, accidental, mode = named
        return cls(pitch_class_of(letter, accidental), mode)

    def __str__(self) -> str:
        return f"{PITCH_CLASSES[self.tonic]} {self.mode}"

    @property
    def scale(self) -> tuple[int, ...]:
        """Semitones above the tonic, ascending."""
        return MODES[self.mode]

    @property
    def tonic_chord(self) -> tuple[int, ...]:
        """The triad on the tonic, in semitones above it."""
        return self.triad_on(self.tonic)

    def nearest(self, midi: float) -> float:
        """The tone of the scale nearest to `midi`; the lower of two."""
        above_tonic = (midi - self.tonic) % 12.0
        step = min((*self.scale, 12), key=lambda tone: (abs(tone - above_tonic), tone))
        return float(round(midi - above_tonic + step))

    def tone(self, degree: int, *, tonic_midi: float) -> float:
        """The tone `degree` steps of seven above the tonic at `tonic_midi`: 2 is the third, 7 the octave, -1 below.

        >>> [Key.parse("A minor").tone(degree, tonic_midi=45) for degree in (0, 2, 4, 7, -1)]
        [45.0, 48.0, 52.0, 57.0, 43.0]
        """
        octave, step = divmod(degree, 7)
        tone = tonic_midi + 12.0 * octave + self._seven[step]
        return self.nearest(tone) if self.mode in _SEVEN_OF else tone

    def triad_on(self, midi: float) -> tuple[int, ...]:
        """The scale's own triad on the scale tone nearest to `midi`, in semitones above that tone."""
        return self.chord_on(midi, voices=3)

    def chord_on(self, midi: float, *, voices: int) -> tuple[int, ...]:
        """Thirds of the scale stacked on the scale tone nearest to `midi`, in semitones above that tone."""
        seven = self._seven
        root = (round(self.nearest(midi)) - self.tonic) % 12
        place = min(range(7), key=lambda i: abs(seven[i] - root))
        steps = [divmod(place + 2 * voice, 7) for voice in range(voices)]
        return tuple(12 * octave + seven[step] - seven[place] for octave, step in steps)

    @property
    def _seven(self) -> tuple[int, ...]:
        return MODES[_SEVEN_OF.get(self.mode, self.mode)]


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord as it was asked for, in root position.

    >>> chord, _, _ = take_harmony("warm Ebm9 pad")
    >>> chord, chord.semitones
    (Chord(quality='minor ninth', root=3), (0, 3, 7, 10, 14))
    """

    quality: str  # one of `CHORDS`
    root: int | None = None  # a pitch class; None if only the quality was said

    @property
    def semitones(self) -> tuple[int, ...]:
        """Of every voice above the root, ascending, up to 5 voices."""
        return CHORDS[self.quality]

    @property
    def key(self) -> Key | None:
        """The key in which it is most at home, major or minor by its third; None without a root."""
        if self.root is None:
            return None
        return Key(self.root, "minor" if 3 in self.semitones else "major")


def imposed(midi: float, chord: tuple[int, ...], key: Key) -> tuple[float, tuple[int, ...]]:
    """A pitch and its voices brought into `key`: the nearest scale tone, and the scale's own chord on it.

    The number of voices stays; a fifth stays a fifth where the scale has one, and octaves stay octaves.

    >>> imposed(61.0, (0, 4, 7), Key.parse("A minor"))
    (60.0, (0, 4, 7))
    >>> imposed(50.3, (0,), Key.parse("C major")), imposed(62.0, (0, 4, 7, 10), Key.parse("C major"))
    ((50.0, (0,)), (62.0, (0, 3, 7, 10)))
    """
    tone = key.nearest(midi)
    if all(voice % 12 == 0 for voice in chord):
        return tone, chord
    if len(chord) == 2:
        third, fifth = key.triad_on(tone)[1:]
        return tone, (0, fifth if chord[1] - chord[0] > 4 else third)
    return tone, key.chord_on(tone, voices=len(chord))


def take_harmony(text: str) -> tuple[Chord | None, Key | None, str]:
    """The first chord and the first key that `text` names, and the text without their names.

    >>> take_harmony("pad in D minor, long")
    (None, Key(tonic=2, mode='minor'), 'pad , long')
    >>> take_harmony("a minor inconvenience")
    (None, None, 'a minor inconvenience')
    """
    chord, text = _take_chord(text)
    key, text = _take_key(text)
    if key is None and chord is None:
        chord, text = _take_rootless(text)
    return chord, key, text


_MUSICAL: Final = (
    r"(?:chords?|triads?|keys?|scale|pads?|strings?|piano|organ|choir|bells?|plucks?|stabs?|leads?|synths?|guitars?|"
    r"bass|basses|bassline|arps?|arpeggios?|arpeggiated|riffs?|drones?|harps?|marimba|vibes|vibraphone|mallets?|rhodes|"
    r"wurlitzer|flutes?|brass|horns?|epiano|electric|melody|loop|in|on)\b"
)
_CHORD_PLAYERS: Final = re.compile(
    r"\b(?:chords?|pads?|strings?|pianos?|keys|organs?|choirs?|stabs?|rhodes|wurlitzer|guitars?|brass|horns|synths?)\b",
    FLAGS,
)
_ENDS_OR_MUSICAL: Final = re.compile(rf" *(?:$|[^\w ]|(?:and|at|with|for|over|under|plus|[0-9])\b| ?{_MUSICAL})", FLAGS)
_ROOT: Final = rf"{NOT_AFTER}([a-g])({ACCIDENTAL})?"


# One sign or an abbreviation stands right at its root ("Cm7"), a word may stand apart ("C minor seventh").
_AT_ROOT: Final = any_of([s for s in _QUALITY if " " not in s])
_APART: Final = any_of([s for s in _QUALITY if len(s) >= 3 and not s[0].isdigit()])
_CHORD: Final = re.compile(
    rf"{_ROOT}(?:((?-i:{_AT_ROOT}|MAJ7|MIN7|Maj7|Min7|Maj|Min))|[ -]((?-i:M?){_APART})|(?= chords?\b)){NOT_BEFORE}"
    # "D minor 7 bars" is no seventh
    r"(?!(?<=[0-9])[ -](?:bars?|beats?|measures?|ms|s|secs?|seconds?)\b)",
    FLAGS,
)
_IN_KEY: Final = re.compile(r"\b(?:in|key(?: of)?:?)(?: the)?(?: key(?: of)?:?)? $", FLAGS)
_CHORD_FOLLOWS: Final = re.compile(r"[ -](?:power )?(?:chords?|triads?)\b", FLAGS)
_SCALE_FOLLOWS: Final = re.compile(r" (?:pentatonic|scale|key)\b", FLAGS)
_MODE: Final = any_of([mode for mode in MODE_SPELLINGS if len(mode) > 1])
_KEY: Final = re.compile(
    rf"(\b(?:in|key(?: of)?:?)(?: the)?(?: key(?: of)?:?)? )?{_ROOT}(?:[ -]?({_MODE})|((?-i:m)))?{NOT_BEFORE}"
    r"( (?:scale|key)\b)?",
    FLAGS,
)
# A quality that says enough by itself; the shorter and commoner words would be found where no chord is meant.
_ALONE: Final = [s for s in _QUALITY if len(s) >= 4 and (any(c.isdigit() for c in s) or " " in s)]
_ROOTLESS: Final = re.compile(
    rf"\b({any_of(_ALONE)}|(?:power|fifth)(?= chord)|major|minor|diminished|augmented|half-diminished)(?!\w)",
    FLAGS,
)
_NUMBERED: Final = re.compile(r"[0-9]|seventh|ninth|sixth|eleventh|power|fifth", FLAGS)


def _take_chord(text: str) -> tuple[Chord | None, str]:
    for found in _CHORD.finditer(text):
        letter, accidental, attached, apart = found.groups()
        spelling = attached or apart or "major"
        quality = _QUALITY.get(spelling) or _QUALITY.get(spelling.lower())
        chord_follows = bool(_CHORD_FOLLOWS.match(text, found.end()))
        if quality is None or (attached and not _stands(letter, accidental, attached, chord_follows, text)):
            continue
        if not accidental and not attached and is_article(text, found.start(1), found.end(1)):
            # "a minor pad" may be in A, "a minor pad in D" is not.
            rest = text[: found.start()] + text[found.end() :]
            if not apart or take_pitch(rest)[0] or not _ENDS_OR_MUSICAL.match(text, found.end()):
                continue
        names_key = _IN_KEY.search(text, 0, found.start()) and not chord_follows
        if quality in ("major", "minor") and (names_key or _SCALE_FOLLOWS.match(text, found.end())):
            continue
        return Chord(quality, pitch_class_of(letter, accidental or "")), text[: found.start()] + text[found.end() :]
    return None, text


def _stands(letter: str, accidental: str | None, sign: str, chord_follows: bool, text: str) -> bool:
    """Whether a sign right at a letter means a chord there: "am" seldom does, and "C5" is a note."""
    if chord_follows:
        return True
    if sign in ("5", "6"):
        return False
    if sign == "7":
        return letter.isupper() and (bool(_CHORD_PLAYERS.search(text)) or len(text.split()) == 1)
    if sign == "m" or sign.isdigit():
        return letter.isupper() or bool(accidental)
    return True


def _take_key(text: str) -> tuple[Key | None, str]:
    for found in _KEY.finditer(text):
        context, letter, accidental, mode, m, scale = found.groups()
        if mode is None and m is None and "key" not in (context or "").lower():
            continue
        if m and letter.islower() and not (accidental or (context and letter in "bcdeg")):
            continue
        if (mode or "").lower() in ("major", "minor") and not (context or scale):
            continue
        if not accidental and is_article(text, found.start(2), found.end(2)):
            after = found.end()
            if (mode and not scale and not _ENDS_OR_MUSICAL.match(text, after)) or not (mode or m):
                continue
        key = Key(pitch_class_of(letter, accidental or ""), MODE_SPELLINGS[(mode or m or "").lower()])
        return key, text[: found.start()] + text[found.end() :]
    return None, text


def _take_rootless(text: str) -> tuple[Chord | None, str]:
    for found in _ROOTLESS.finditer(text):
        if _NUMBERED.search(found[1]) or _ENDS_OR_MUSICAL.match(text, found.end()):
            spelling = found[1]
            quality = _QUALITY.get(spelling) or _QUALITY[spelling.lower()]
            # "power chord" names a sound too
            rest = text if quality == "fifth" else text[: found.start()] + text[found.end() :]
            return Chord(quality), rest
    return None, text
