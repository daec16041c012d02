"""What people call the kinds of sound and their attributes: phrases as data, read from the files beside this one.

Paraphrase is learned from these phrases or nowhere: to teach a word, write it into a file and train again.
"""

import difflib
import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from engine.text.kinds import ATTRIBUTES, GROUPS, KINDS

# The words by which the files name a level: "dark" is brightness -1.
LEVELS: Final = {
    **{low: (attribute, -1) for attribute, (low, _) in ATTRIBUTES.items() if low},
    **{high: (attribute, 1) for attribute, (_, high) in ATTRIBUTES.items() if attribute != "room"},
    "room": ("room", 1),
}
NEAR: Final = 0.7  # the least likeness of letters at which a phrase is suggested


@dataclass(frozen=True, slots=True)
class Phrase:
    """A wording of a kind, and the levels that it says by itself: "808 kick" is a long one."""

    text: str
    implied: dict[str, int]  # attribute to -1 or 1


@cache
def phrases() -> dict[str, tuple[Phrase, ...]]:
    """The phrases of every kind, in the order of the files."""
    return {
        kind: tuple(
            Phrase(text, _levels(key)) for key, listed in _table(group)[kind].items() for text in _split(listed)
        )
        for group, kinds in GROUPS.items()
        for kind in kinds
    }


@cache
def held_out() -> dict[str, tuple[str, ...]]:
    """Wordings of every kind that no training sees, made of word stems that training does see."""
    return {kind: _split(_table("held_out")["held_out"][kind]) for kind in KINDS}


@cache
def unheard() -> dict[str, tuple[str, ...]]:
    """Wordings that share no word with anything in training: what is understood of these is luck, and is reported."""
    return {kind: _split(_table("held_out")["unheard"][kind]) for kind in KINDS}


@cache
def adjectives() -> dict[tuple[str, int], tuple[str, ...]]:
    """What stands before a noun for a level of an attribute: ("brightness", -1) is said "dark", "muffled", ..."""
    return {LEVELS[word]: _split(listed) for word, listed in _table("attributes")["before"].items()}


@cache
def trailing() -> dict[tuple[str, int], tuple[str, ...]]:
    """What follows a noun for a level of an attribute: ("room", 1) is said "with reverb", "in a hall", ..."""
    return {LEVELS[word]: _split(listed) for word, listed in _table("attributes")["after"].items()}


@cache
def fillers(group: str) -> tuple[str, ...]:
    """Words said with any sound and without consequence: "styles", "intensities", "ways", "openings" ..."""
    return _split(_table("attributes")["other"][group])


@cache
def strangers(*, kept_out: bool = False) -> tuple[str, ...]:
    """Words that name no sound we know; with `kept_out`, those that no training sees."""
    groups = _table("other")["kept_out" if kept_out else "other"]
    return tuple(text for listed in groups.values() for text in _split(listed))


def only_describes(text: str) -> bool:
    """Whether a text holds attributes and styles alone, and so names no sound, whatever its letters are like.

    >>> only_describes("very dark and metallic"), only_describes("with a long tail"), only_describes("dark drone")
    (True, True, False)
    """
    rest = f" {_spelt(text)} "
    for describing in _describing():
        rest = rest.replace(f" {describing} ", "  ")
    return bool(text.strip()) and not rest.strip()


@cache
def _describing() -> tuple[str, ...]:
    """All that describes, the longest first, without what also is a name."""
    known = {_spelt(phrase.text) for listed in phrases().values() for phrase in listed}
    said = [
        *adjectives().values(),
        *trailing().values(),
        *(fillers(group) for group in ("styles", "intensities", "ways", "joins")),
    ]
    spelt = {_spelt(text) for listed in said for text in listed}
    return tuple(sorted(spelt - known | {"and", "but", "or", "more"}, key=lambda text: (-len(text), text)))


def vocabulary() -> list[tuple[str, str, tuple[str, ...]]]:
    """(group, kind, phrases) of all that can be asked for, for a page that lists it."""
    return [(group, kind, tuple(p.text for p in phrases()[kind])) for group, kinds in GROUPS.items() for kind in kinds]


@lru_cache(maxsize=512)  # looking through all of them takes 100 ms
def nearest_words(prompt: str, count: int) -> tuple[str, ...]:
    """Up to `count` known phrases with letters like the whole prompt's, then like those of each of its words.

    >>> nearest_words("lazer gunn", 2)
    ('laser gun', 'phaser gun')
    """
    known = {phrase.text for listed in phrases().values() for phrase in listed}
    words = re.findall(r"[^\W_]{3,}", prompt.lower())
    near = [text for part in (prompt.lower(), *words) for text in difflib.get_close_matches(part, known, count, NEAR)]
    return tuple(dict.fromkeys(near))[:count]


def _spelt(text: str) -> str:
    """The words of a text, apart by one space each."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _levels(key: str) -> dict[str, int]:
    return {} if key == "plain" else dict(LEVELS[word] for word in key.split(" and "))


@cache
def _table(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads((files(__package__) / f"{name}.toml").read_text("utf-8"))


def _split(listed: str) -> tuple[str, ...]:
    return tuple(text for part in listed.split(",") if (text := " ".join(part.split())))
