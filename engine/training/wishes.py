"""What a caption can ask for: a kind of sound, what is special about it, a note."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.text.encoder import KINDS

TUNED: Final = {"bass": 34, "pluck": 62, "pad": 55, "keys": 64, "bell": 75, "drone": 36}  # the usual MIDI note
ABRUPT: Final = frozenset(KINDS) - {"pad", "riser", "downlifter", "noise", "rain", "wind", "drone"}
# Which attributes mean anything for a kind; brightness does for all.
APPLIES: Final = {
    "brightness": frozenset(KINDS),
    "length": ABRUPT,
    "pitch": frozenset(TUNED) | {"kick", "snare", "tom", "cowbell", "zap"},
    "drive": frozenset({"kick", "snare", "tom", "cowbell", "bass", "drone", "impact", "zap"}),
    "room": frozenset({"snare", "clap", "tom", "pluck", "keys", "bell", "zap", "cowbell", "closed hat"}),
}
MAY_BE_TUNED: Final = frozenset({"kick", "tom", "zap", "cowbell"})  # in pitch only when a note is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caption can say about a sound. Levels are -1, 0 or 1."""

    kind: str
    brightness: int = 0
    length: int = 0
    pitch: int = 0
    drive: int = 0
    room: int = 0
    midi: int | None = None  # the note it is tuned to
    note_said: bool = False

    @property
    def levels(self) -> tuple[int, ...]:
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
        home = {"kick": 32, "tom": 46, "zap": 43, "cowbell": 73}[kind]
        midi, note_said = int(home + 7 * levels["pitch"] + rng.integers(-7, 8)), True
    return Wish(kind=kind, midi=midi, note_said=note_said, **levels)
