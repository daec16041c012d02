"""What a caption can ask of one sound: its kind, what is special about it, a note."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from engine.text.kinds import KINDS, LASTING

TUNED: Final = {  # always in tune; the usual MIDI note
    "sub bass": 31,
    "bass": 34,
    "acid bass": 36,
    "pluck": 62,
    "guitar": 55,
    "mallet": 67,
    "bell": 75,
    "piano": 60,
    "keys": 64,
    "organ": 60,
    "lead": 69,
    "strings": 60,
    "pad": 55,
    "choir": 60,
    "brass stab": 58,
    "flute": 74,
    "drone": 36,
}
MAY_BE_TUNED: Final = {  # in tune only when a note is asked; about where they are at home
    "kick": 32,
    "tom": 46,
    "conga": 57,
    "woodblock": 81,
    "cowbell": 73,
    "zap": 43,
    "sub drop": 33,
    "siren": 69,
}
SLOW: Final = (LASTING - {"organ", "lead"}) | {"sub drop"}
ABRUPT: Final = frozenset(KINDS) - SLOW  # their attack is there within 5 ms
# Which attributes mean anything for a kind; brightness does for all.
APPLIES: Final = {
    "brightness": frozenset(KINDS),
    "length": frozenset(KINDS) - LASTING,
    "pitch": frozenset(TUNED) | frozenset(MAY_BE_TUNED) | {"snare", "rimshot"},
    "drive": frozenset(
        {"kick", "snare", "tom", "conga", "cowbell", "sub bass", "bass", "acid bass", "guitar", "organ", "lead"}
        | {"brass stab", "drone", "impact", "sub drop", "zap"}
    ),
    "room": frozenset(
        {"snare", "rimshot", "clap", "snap", "closed hat", "tom", "conga", "woodblock", "cowbell"}
        | {"pluck", "guitar", "mallet", "bell", "piano", "keys", "brass stab", "zap"}
    ),
}


REACH: Final = 1.6  # of levels between and beyond the named ones, such as "slightly" and "very" ask for
LOWEST_MIDI: Final = 21
HIGHEST_MIDI: Final = 108


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caption can say about a sound. Levels are -1, 0 or 1 where words say them, and anything about it else."""

    kind: str
    brightness: float = 0
    length: float = 0
    pitch: int = 0
    drive: int = 0
    room: int = 0
    midi: int | None = None  # the note it is tuned to
    note_said: bool = False

    @property
    def levels(self) -> tuple[float, ...]:
        """In the order of `ATTRIBUTES`."""
        return (self.brightness, self.length, self.pitch, self.drive, self.room)


def random_wish(rng: np.random.Generator, *, kind: str | None = None) -> Wish:
    """A wish in which everything that applies to its kind may be special."""
    kind = kind or str(rng.choice(KINDS))

    def level(attribute: str) -> int:
        if kind not in APPLIES[attribute]:
            return 0
        if attribute in ("drive", "room"):
            return int(rng.random() < 0.3)
        return int(rng.choice([-1, 0, 1], p=[0.3, 0.4, 0.3]))

    levels = {attribute: level(attribute) for attribute in APPLIES}
    midi, note_said = None, False
    if kind in TUNED:
        note_said = rng.random() < 0.3
        # An asked note may lie anywhere; one that is not said lies where the kind is at home.
        reach = 19 if note_said and rng.random() < 0.4 else 3
        midi = int(TUNED[kind] + 7 * levels["pitch"] + rng.integers(-reach, reach + 1))
    elif kind in MAY_BE_TUNED and rng.random() < 0.15:
        midi, note_said = int(MAY_BE_TUNED[kind] + 7 * levels["pitch"] + rng.integers(-7, 8)), True
    return Wish(kind=kind, midi=midi, note_said=note_said, **levels)


def wide_wish(rng: np.random.Generator) -> Wish:
    """A wish for training on sounds alone: often between or beyond what plain words ask for, on any note."""
    wish = random_wish(rng)
    if rng.random() < 0.5:
        between = {
            attribute: float(rng.uniform(-REACH, REACH))
            for attribute in ("brightness", "length")
            if wish.kind in APPLIES[attribute]
        }
        wish = replace(wish, **between)  # type: ignore[arg-type]
    if wish.midi is not None and rng.random() < 0.2:
        midi = int(np.clip(wish.midi + rng.integers(-30, 31), LOWEST_MIDI, HIGHEST_MIDI))
        wish = replace(wish, midi=midi, note_said=True)
    return wish
