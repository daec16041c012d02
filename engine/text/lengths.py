"""How long a sound is to last: in seconds ("500 ms", "half a second"), beats ("a quarter note") or bars."""

import re
from dataclasses import dataclass
from typing import Final

from engine.text.notes import FLAGS, any_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long a sound is to be, as it was said."""

    amount: float
    unit: str  # "s", "beats" or "bars"

    def __str__(self) -> str:
        """As one says it: "1 bar", "2 bars", "0.5 s"."""
        unit = self.unit.removesuffix("s") if self.amount == 1 and self.unit != "s" else self.unit
        return f"{self.amount:g} {unit}"

    def seconds(self, *, tempo_bpm: float, beats_per_bar: float = 4.0) -> float:
        """The same in seconds.

        >>> Length(amount=2, unit="bars").seconds(tempo_bpm=120), Length(amount=0.5, unit="s").seconds(tempo_bpm=120)
        (4.0, 0.5)
        """
        beat_s = 60 / tempo_bpm
        return self.amount * {"s": 1.0, "beats": beat_s, "bars": beats_per_bar * beat_s}[self.unit]


_NUMBERS: Final = {
    "half a": 0.5,
    "half an": 0.5,
    "a half": 0.5,
    "half": 0.5,
    "a quarter of a": 0.25,
    "quarter of a": 0.25,
    "a third of a": 1 / 3,
    "one and a half": 1.5,
    "two and a half": 2.5,
    "a couple of": 2.0,
    "a few": 3.0,
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "four": 4.0,
    "five": 5.0,
    "six": 6.0,
    "seven": 7.0,
    "eight": 8.0,
    "nine": 9.0,
    "ten": 10.0,
    "twelve": 12.0,
    "sixteen": 16.0,
    "a single": 1.0,
    "single": 1.0,
}
_UNITS: Final[tuple[tuple[str, str, float], ...]] = (
    (r"ms|msecs?|millis|milliseconds?", "s", 0.001),
    (r"s|secs?|seconds?", "s", 1.0),
    (r"min|mins|minutes?", "s", 60.0),
    (r"beats?", "beats", 1.0),
    (r"bars?|measures?", "bars", 1.0),
)
_UNIT: Final = tuple((re.compile(words, FLAGS), unit, factor) for words, unit, factor in _UNITS)
_NOTE_BEATS: Final = {
    "whole": 4.0,
    "1/1": 4.0,
    "half": 2.0,
    "1/2": 2.0,
    "quarter": 1.0,
    "1/4": 1.0,
    "4th": 1.0,
    "eighth": 0.5,
    "8th": 0.5,
    "1/8": 0.5,
    "sixteenth": 0.25,
    "16th": 0.25,
    "1/16": 0.25,
    "32nd": 0.125,
    "1/32": 0.125,
}
_LENGTH: Final = re.compile(
    r"(?:\b(?:for|lasting|over|about|around|exactly|roughly|within|of) ){0,2}(?:\b(?:about|around|exactly) )?"
    rf"(?:(?<![\w.#])(?P<figure>[0-9]{{1,5}}(?:[.,][0-9]{{1,3}})?|\.[0-9]{{1,3}})(?P<apart>[ -]?)"
    rf"|\b(?P<word>{any_of(_NUMBERS)})[ -])"
    rf"(?P<unit>{'|'.join(words for words, _, _ in _UNITS)})\b"
    r"(?:[ -](?:long|in length|of length|duration)\b)?(?![\w'])",
    FLAGS,
)
_ONE: Final = re.compile(
    r"\b(?:(?:for|lasting|over|of|in) an? (?P<any>beat|bar|measure|second|minute)|an? (?P<bar>bar|measure)"
    r"|an? (?P<second>second|minute)(?= long| of |$| *[,;])|(?:for |lasting )?(?:an? |one )?(?P<note>"
    rf"{any_of(_NOTE_BEATS)})[ -]note(?! \w+(?<!s)s\b| (?:loop|pattern|groove)))(?: long\b)?(?![\w-])",
    FLAGS,
)
_NOT_A_LENGTH: Final = re.compile(r" (?:attack|delay|predelay|pre-delay|release|fade|lag|echo|grid)", FLAGS)
_EARLIEST_DECADE: Final = 50.0  # "80s synth" and "808s" tell an age and a machine


def take_length(text: str) -> tuple[Length | None, str]:
    """The first length asked for, and the text without any; the time of an attack or a delay is only removed.

    >>> take_length("pad, two bars long"), take_length("80s bass with a 10 ms attack")[0]
    ((Length(amount=2.0, unit='bars'), 'pad,  '), None)
    """
    lengths: list[Length] = []

    def noted(length: Length, found: re.Match[str]) -> str:
        if not _NOT_A_LENGTH.match(found.string, found.end()) and length.amount > 0:
            lengths.append(length)
        return " "

    def numbered(found: re.Match[str]) -> str:
        number = float(found["figure"].replace(",", ".")) if found["figure"] else _NUMBERS[found["word"].lower()]
        if found["unit"].lower() == "s" and (
            found["word"] or (not found["apart"].strip(" ") and number >= _EARLIEST_DECADE)
        ):
            return found[0]
        unit, factor = next((unit, factor) for words, unit, factor in _UNIT if words.fullmatch(found["unit"]))
        return noted(Length(amount=number * factor, unit=unit), found)

    def single(found: re.Match[str]) -> str:
        if found["note"]:
            return noted(Length(amount=_NOTE_BEATS[found["note"].lower()], unit="beats"), found)
        name = (found["any"] or found["bar"] or found["second"]).lower()
        unit, factor = next((unit, factor) for words, unit, factor in _UNIT if words.fullmatch(name))
        return noted(Length(amount=factor, unit=unit), found)

    text = _ONE.sub(single, _LENGTH.sub(numbered, text))
    return (lengths[0] if lengths else None), text
