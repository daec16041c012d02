"""Captions made of the lexicon: many ways to say a wish, and ways to say nothing at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

import numpy as np

from engine.text import lexicon
from engine.text.kinds import ATTRIBUTES, KINDS
from engine.text.lexicon import Phrase, adjectives, fillers, phrases, strangers, trailing
from engine.text.notes import hz_of_midi, note_name
from engine.training.wishes import APPLIES, Wish

# Levels that are not usual are always said, unless the noun says them: what is not said is usual.
IMPLIED_SAID: Final = 0.35  # of levels that the noun implies, those said nevertheless
TRAILING_SHARE: Final = 0.35  # of levels, those said by a phrase that follows
INTENSITY_SHARE: Final = 0.15
STYLE_SHARE: Final = 0.15
OPENING_SHARE: Final = 0.4
CLOSING_SHARE: Final = 0.12
STRANGER_SHARE: Final = 0.12  # of captions with a word of which nothing is known
CONTRADICTED_SHARE: Final = 0.2  # of implied levels, those that the caption says otherwise
WORDLESS_SHARE: Final = 0.15
NOTE_SHARE: Final = 0.1  # of lessons with a note left over, though the parser takes most of them away
ATTRIBUTES_SAID: Final = (0.4, 0.32, 0.2, 0.08)  # how often none, one, two, three of them are said
TYPO_SHARE: Final = 0.5

TUNINGS: Final = ("in", "tuned to", "on", "at", "playing", "playing a", "pitched to", "on the note", "in the key of")
FLATS: Final = {"C#": "Db", "D#": "Eb", "F#": "Gb", "G#": "Ab", "A#": "Bb"}
CANNOT_BE_LESS: Final = frozenset({"drive", "room"})  # there is no word for less of these
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_BESIDE: Final = "sqvnxvsfwrdgfhgjuohkjlkpnkbmipolwaetadryyicbqezctuxs"  # two keys beside each letter's
_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A text, and what the text encoder should read in it."""

    text: str
    kind: str | None  # None: it names no sound we know
    levels: Mapping[str, int]  # attribute to -1, 0 or 1


def caption(wish: Wish, rng: np.random.Generator, *, held_out: bool = False) -> str:
    """One of many ways to say `wish`, its note too if that is to be said."""
    levels = {name: min(max(round(level), -1), 1) for name, level in zip(ATTRIBUTES, wish.levels, strict=True)}
    if held_out:
        noun = Phrase(_pick(lexicon.held_out()[wish.kind], rng), {})
    else:
        noun = _pick([phrase for phrase in phrases()[wish.kind] if _fits(phrase, wish.kind, levels)], rng)
    return _said(noun, levels, _note(wish.midi, rng) if wish.note_said and wish.midi is not None else "", rng)


def lesson(rng: np.random.Generator) -> Lesson:
    """What the text encoder learns from: any phrase of any kind with any attribute, or a text that names nothing.

    A caption follows what a sound can be; here "distorted rain" is said too, so that attributes are read whatever
    they are said of.
    """
    if rng.random() < WORDLESS_SHARE:
        return _wordless(rng)
    kind = _pick(KINDS, rng)
    noun = _pick(phrases()[kind], rng)
    levels = _random_levels(rng)
    for attribute, level in noun.implied.items():
        contradicted = attribute not in CANNOT_BE_LESS and rng.random() < CONTRADICTED_SHARE
        levels[attribute] = -level if contradicted else level
    note = _note(int(rng.integers(24, 96)), rng) if rng.random() < NOTE_SHARE else ""
    return Lesson(text=_said(noun, levels, note, rng), kind=kind, levels=levels)


def wordless(rng: np.random.Generator) -> str:
    """A prompt that names no sound: other words, attributes alone, styles alone, letters at random, nothing."""
    return _wordless(rng).text


def gibberish(rng: np.random.Generator) -> str:
    """One to three words that do not exist."""
    return " ".join(_nonsense(rng) for _ in range(rng.integers(1, 4)))


def mistyped(text: str, rng: np.random.Generator, *, share: float = TYPO_SHARE) -> str:
    """The text as a hasty hand types it: in `share` of the cases a letter is wrong, missing, doubled or swapped."""
    if len(text) < 5 or rng.random() >= share:
        return text
    place = int(rng.integers(1, len(text) - 1))
    letter, following = text[place], text[place + 1]
    neighbour = _pick(_BESIDE[2 * _LETTERS.index(letter) :][:2] if letter in _LETTERS else _LETTERS, rng)
    return (
        text[:place]
        + (
            following,  # left out
            following + letter,  # swapped
            letter + letter + following,  # doubled
            neighbour + following,  # missed
            letter + neighbour + following,  # slipped
        )[rng.integers(5)]
        + text[place + 2 :]
    )


def _said(noun: Phrase, levels: Mapping[str, int], note: str, rng: np.random.Generator) -> str:
    words: list[str] = []  # before the noun
    after: list[str] = []
    predicates: list[str] = []  # "..., dark and short"
    for attribute, level in levels.items():
        if level == 0 or (noun.implied.get(attribute) == level and rng.random() > IMPLIED_SAID):
            continue
        if rng.random() < TRAILING_SHARE:
            after.append(_pick(trailing()[attribute, level], rng))
        else:
            adjective = _pick(adjectives()[attribute, level], rng)
            if rng.random() < INTENSITY_SHARE:
                adjective = f"{_pick(fillers('intensities'), rng)} {adjective}"
            (predicates if rng.random() < 0.15 else words).append(adjective)
    if rng.random() < STYLE_SHARE:
        words.append(_pick(fillers("styles"), rng))
    if rng.random() < STRANGER_SHARE:
        words.append(_stranger(rng))
    rng.shuffle(words)
    if len(words) > 1 and rng.random() < 0.15:
        words.insert(1, _pick(fillers("joins"), rng))
    name = noun.text
    if note:
        if rng.random() < 0.35:
            name = f"{note} {name}"
        else:
            after.append(f"{_pick(TUNINGS, rng)} {note}")
    if predicates:
        after.append(_pick((", ", "that is ", "but ", "which is ", "sounding "), rng) + " and ".join(predicates))
    rng.shuffle(after)
    parts = [*words, name, *after]
    if rng.random() < OPENING_SHARE:
        parts.insert(0, _pick(fillers("openings"), rng))
    if rng.random() < CLOSING_SHARE:
        parts.append(_pick(fillers("closings"), rng))
    return " ".join(parts).replace(" , ", ", ")


def _fits(phrase: Phrase, kind: str, levels: Mapping[str, int]) -> bool:
    # A level that is said wins over what the noun implies, and one that means nothing for the kind does no harm.
    return all(levels[name] or kind not in APPLIES[name] for name in phrase.implied)


def _random_levels(rng: np.random.Generator) -> dict[str, int]:
    levels = dict.fromkeys(ATTRIBUTES, 0)
    count = int(rng.choice(len(ATTRIBUTES_SAID), p=ATTRIBUTES_SAID))
    for attribute in rng.permutation(list(ATTRIBUTES))[:count]:
        levels[attribute] = 1 if attribute in CANNOT_BE_LESS else int(rng.choice([-1, 1]))
    return levels


def _wordless(rng: np.random.Generator) -> Lesson:
    levels = dict.fromkeys(ATTRIBUTES, 0)
    how = rng.random()
    if how < 0.6:  # other words, with or without what may stand around a noun
        text = _pick(strangers(), rng) if rng.random() < 0.5 else gibberish(rng)
        if rng.random() < 0.4:
            levels = _random_levels(rng)
            text = _said(Phrase(text, {}), levels, "", rng)
    elif how < 0.85:
        levels = _random_levels(rng)
        text = _said(Phrase("", {}), levels, "", rng)
    elif how < 0.95:
        groups = [group for group in ("styles", "openings", "closings", "joins", "intensities") if rng.random() < 0.35]
        text = " ".join(_pick(fillers(group), rng) for group in groups)
    else:
        text = _note(int(rng.integers(24, 96)), rng)
    return Lesson(text=" ".join(text.split()), kind=None, levels=levels)


def _stranger(rng: np.random.Generator) -> str:
    return _nonsense(rng) if rng.random() < 0.5 else _pick(strangers(), rng)


def _nonsense(rng: np.random.Generator) -> str:
    while (word := _random_word(rng)) in _names():
        pass
    return word


@cache
def _names() -> frozenset[str]:
    return frozenset(word for named in phrases().values() for phrase in named for word in phrase.text.split())


@cache
def _stranger_words() -> tuple[str, ...]:
    return tuple(word for text in strangers() for word in text.split() if word.isalpha())


def _random_word(rng: np.random.Generator) -> str:
    if rng.random() < 0.3:  # a hand on the keyboard
        return "".join(_pick(_LETTERS, rng) for _ in range(rng.integers(2, 10)))
    if rng.random() < 0.4:  # halves of two words, which look like a language
        first, second = _pick(_stranger_words(), rng), _pick(_stranger_words(), rng)
        return first[: len(first) // 2 + 1] + second[len(second) // 2 :]
    syllables = [
        _pick(
            ("", "b", "bl", "br", "d", "f", "fl", "g", "gl", "k", "m", "n", "pl", "qu", "sn", "tr", "v", "x", "z"), rng
        )
        + _pick(("a", "e", "i", "o", "u", "y", "oo", "ei", "au"), rng)
        + _pick(("", "", "b", "g", "lp", "m", "n", "p", "rn", "rk", "x", "zz", "nd", "th"), rng)
        for _ in range(rng.integers(1, 4))
    ]
    return "".join(syllables)


def _note(midi: int, rng: np.random.Generator) -> str:
    how = rng.random()
    if how < 0.12:
        return f"{hz_of_midi(midi):.{rng.integers(3)}f} Hz"
    name = note_name(midi)
    if how < 0.4 and name[:2] in FLATS:
        name = FLATS[name[:2]] + name[2:]
    return name.lower() if how > 0.85 else name


def _pick(choices: Sequence[_Choice], rng: np.random.Generator) -> _Choice:
    return choices[int(rng.integers(len(choices)))]
