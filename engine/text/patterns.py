"""Rhythms by name, and the hits that play them: what a loop is made of.

A pattern is one or two bars, written one character a step: "X" is an accent, "x" a hit, "o" a soft one, "-" a ghost,
"." a rest. A bar of 16 characters has sixteenths, one of 12 triplets, one of 32 the rolls of trap. "|" ends a bar.
Melodic patterns hold steps of the scale above the tonic instead: 2 is the third, 4 the fifth, 7 the octave, -1 the
step below. The seed chooses among the patterns of a rhythm, always the same one.
"""

import math
import random
import re
from dataclasses import dataclass
from typing import Final

from engine.text.kinds import GROUPS
from engine.text.notes import FLAGS

_BEATS_OF_BAR: Final = 4  # a pattern's bar is written for 4 beats, whatever bar it is played in
_VELOCITY: Final = {"X": 0.97, "x": 0.8, "o": 0.55, "-": 0.32}
_HAND: Final = 0.05  # how evenly a hand hits


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One event of a rhythm."""

    beat: float  # from the clip's start
    velocity: float  # 0 to 1
    degree: int = 0  # steps of a seven-tone scale above the tonic


@dataclass(frozen=True, slots=True, kw_only=True)
class KitPart:
    """One instrument of a drum kit and what it plays."""

    kind: str
    rhythm: str
    gain_db: float
    words: str  # what it would be called alone


# Rhythms that any kind can play; where the kind changes the part, it is listed in `_PARTS`.
_RHYTHMS: Final[dict[str, tuple[str, ...]]] = {
    "four on the floor": ("X...X...X...X...",),
    "offbeats": ("..X...X...X...X.", "..X...X...X...x."),
    "backbeat": ("....X.......X...",),
    "quarters": ("X...x...X...x...",),
    "eighths": ("X.o.x.o.X.o.x.o.", "X.x.x.x.X.x.x.x.", "X.o.X.o.X.o.X.o."),
    "sixteenths": ("XoxoXoxoXoxoXoxo", "X-o-x-o-X-o-x-o-", "Xoxoxoxoxoxoxoxo"),
    "triplets": ("XoxXoxXoxXox", "XooxooXooxoo"),
    "gallop": ("X.oxX.oxX.oxX.ox",),
    "dembow": ("X..x..X.X..x..X.", "...X..X....X..X."),
    "breakbeat": ("X.X.......XX....|X.X.......X.....", "X.....x.X.x.....|X.....x...x.X..."),
    "boom bap": ("X......x..X.....|X......x.xX.....", "X.....x...x.....|X..x......X....."),
    "half time": ("........X.......",),
    "roll": ("--------ooooooooxxxxxxxxXXXXXXXX", "XoxoXoxoXoxoXoxoXoxoXoxoXoxoXoxo"),
    "fill": ("X...x...x.xxXxXx", "x..x..x.x.x.XxXX", "........x.x.xxXX", "X..xx..xX.x.XXXX"),
    "syncopated": ("X..x..x...x.x...|X..x..x.x...x.x.", "..x..X....x..X..|..x..X..x.x..X.."),
}
# What a kind plays when nothing but a loop is asked of it.
_LOOPS: Final[dict[str, tuple[str, ...]]] = {
    "kick": ("X...X...X...X...",),
    "snare": ("....X.......X...", "....X..-.-..X..-", "....X.......X.-."),
    "clap": ("....X.......X...", "....X.......X...|....X.......X..o"),
    "snap": ("....X.......X...",),
    "rimshot": ("....X.......X...", "..x..x....x.X...|..x..x....x.X..x", "x..x..x...x.x..."),
    "closed hat": ("X.o.x.o.X.o.x.o.", "XoxoXoxoXoxoXoxo", "x.X.x.X.x.X.x.X.", "X-o-X-o-X-o-X-oo"),
    "open hat": ("..X...X...X...X.",),
    "ride": ("X.o.x.o.X.o.x.o.", "X...X.oxX...X.ox", "X...X...X...X..."),
    "crash": ("X...............|................",),
    "shaker": ("XoxoXoxoXoxoXoxo", "X-o-X-o-X-o-X-o-", "o-X-o-X-o-X-o-X-"),
    "tambourine": ("o.X.o.X.o.X.o.X.", "XoxoXoxoXoxoXoxo", "....X.......X..."),
    "tom": ("X..x..x...x.x...|X..x..x.x...xxXX", "X.....x.x..x....|X.....x.x.x.xx..", "x..X..x.x..X..x."),
    "conga": ("o-Xo-oxxo-Xo-oxx", "..X...xx..X..xx.|..X...xx..Xxx.x.", "X..xX..x.xX..xx."),
    "woodblock": ("X..x..x...x.x...", "..x.x...X..x..x.", "X..X..X.....X.X."),
    "cowbell": ("X...x.x.X...x.x.", "X.x.xx.x.xx.x.x.", "X..x..x...X.x...", "X...X...X...X..."),
}
# The parts of drummers, by rhythm and kind.
_DRUMMERS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "house": {
        "kick": ("X...X...X...X...",),
        "clap": ("....X.......X...",),
        "closed hat": ("o-X-o-X-o-X-o-X-", "XoxoXoxoXoxoXoxo", "x-.ox-.ox-.ox-.o"),
        "open hat": ("..X...X...X...X.",),
    },
    "techno": {
        "kick": ("X...X...X...X...",),
        "clap": ("....X.......X...", "............X...|....X.......X..."),
        "closed hat": ("X-o-X-o-X-o-X-o-", "xoXoxoXoxoXoxoXo"),
        "open hat": ("..X...X...X...X.",),
        "rimshot": ("...x..x....x..x.|...x..x....x.x..",),
    },
    "trap": {
        "kick": (
            "X......x..X.....|X..x......X...x.",
            "X.....x...X..x..|X.........x.X...",
            "X..x..x...X.....|X.....x..x......",
        ),
        "snare": ("........X.......",),
        "clap": ("........X.......",),
        "closed hat": (
            "x.o.x.o.x.o.x.o.x.o.x.o.xoxoxoxo|x.o.x.o.x.o.xxxxx.o.x.o.x.o.x.o.",
            "x...o...x...o...x...o...xooxo.o.|x...o...xoxoxoxox...o...x...oxox",
            "x.o.x.o.x.oox.o.x.o.xooox.o.x.o.|x.o.x.o.x.o.x.o.xooxooxoxoxoxoxo",
        ),
        "open hat": ("..............x.|................", "......x.........|..............x."),
    },
    "boom bap": {
        "kick": (
            "X......x..X.....|X......x.xX.....",
            "X.x.......X.....|X.x....x..X.....",
            "X.....xx..x.....|X......x..x.x...",
        ),
        "snare": ("....X.......X...", "....X..-.-..X...|....X..-....X..-"),
        "closed hat": ("X.o.x.o.X.o.x.o.", "x.o.x.oox.o.x.o.", "X.o.x.o.X.oox.o."),
        "open hat": ("................|..............x.",),
    },
    "drum and bass": {
        "kick": ("X.........X.....", "X.........X.....|X..x......X.....", "X.....x...X.....|X.........X..x.."),
        "snare": ("....X.......X...", "....X..-.-..X..-|....X..-.-..X.-.", "....X..o....X...|....X..o.o..X.o."),
        "closed hat": ("X.o.x.o.X.o.x.o.", "XoxoXoxoXoxoXoxo", "x.x.x.oox.x.x.oo"),
        "ride": ("X...X...X...X...", "X.o.x.o.X.o.x.o."),
    },
    "breakbeat": {
        "kick": (
            "X.X.......XX....|X.X.......X.....",
            "X.....x...X..x..|X.X.......X.....",
            "X..X......X.....|X.X...x...X.....",
        ),
        "snare": ("....X..o.o..X..o|....X..o.o....X.", "....X..-.-..X..-|....X..o.o..X-o-", "....X..o....X.-."),
        "closed hat": ("X.x.X.x.X.x.X.x.", "x.o.x.o.x.oox.o.", "XoxoX.xoXoxoX.x."),
        "ride": ("X.x.X.x.X.x.X.x.",),
    },
    "disco": {
        "kick": ("X...X...X...X...",),
        "snare": ("....X.......X...", "....X.......X..o"),
        "clap": ("....X.......X...",),
        "closed hat": ("Xo.oXo.oXo.oXo.o", "X.oxX.oxX.oxX.ox"),
        "open hat": ("..X...X...X...X.",),
    },
    "dembow": {
        "kick": ("X...X...X...X...", "X...x...X...x..."),
        "snare": ("...X..X....X..X.",),
        "rimshot": ("...X..X....X..X.",),
        "clap": ("...X..X....X..X.",),
        "closed hat": ("x.o.x.o.x.o.x.o.", "XoxoXoxoXoxoXoxo"),
    },
    "rock": {
        "kick": ("X.......X.x.....", "X......xX.......|X......xX.x.....", "X.x.....X.x.....", "X.....x.X......."),
        "snare": ("....X.......X...", "....X.......X...|....X.......X.xx"),
        "closed hat": ("X.o.X.o.X.o.X.o.", "X.x.X.x.X.x.X.x."),
        "ride": ("X.o.X.o.X.o.X.o.",),
        "crash": ("X...............|................",),
    },
    "lofi": {
        "kick": (
            "X......x..x.....|X......x.x......",
            "X.....x...x.....|X..x......x.....",
            "X.........xx....|X......x..x.....",
        ),
        "snare": ("....X.......X...", "....X.......X..-"),
        "rimshot": ("....X.......X...",),
        "closed hat": ("x.o.x.o.x.o.x.o.", "x.o.x.oox.o.x.-.", "x.-.x.o.x.-.x.oo"),
    },
    "half time": {
        "kick": ("X...............", "X......x..x.....", "X..x......x.....|X......x........"),
        "snare": ("........X.......", "........X.....-.|........X..-...."),
        "clap": ("........X.......",),
        "closed hat": ("X.o.x.o.X.o.x.o.", "XoxoXoxoXoxoXoxo"),
    },
}
_MELODIES: Final[dict[str, tuple[str, ...]]] = {
    "bassline": (
        "0 . . 0 . . 0 . 0 . . 0 . . 4 .|0 . . 0 . . 0 . 0 . . 4 . . 6 .",
        ". . 0 . . . 0 . . . 0 . . . 0 .|. . 0 . . . 0 . . . 0 . . . 4 6",
        "0 . 7 . 0 . 7 . 0 . 7 . 0 . 7 .|0 . 7 . 0 . 7 . 3 . 10 . 4 . 11 .",
        "0 . . . 2 . . . 4 . . . 6 . . .|7 . . . 5 . . . 4 . . . -1 . . .",
        "0 . . . . . 0 4 . . 6 . 7 . . .|0 . . . . . 0 4 . . 2 . -1 . . .",
        "0 0 . 0 . . 7 . 0 . . 6 . 4 . -1",
    ),
    "long bassline": (
        "0 . . . . . . . . . 0 . . . . .|0 . . . . . . . . . -1 . . . . .",
        "0 . . . . . 0 . . . . . . . . .|0 . . . . . 0 . . . 4 . . . -1 .",
        "0 . . . . . . . 0 . . . . . 4 .",
        "0 . . 0 . . . . . . . . . . . .|0 . . 0 . . . . 4 . . . -1 . . .",
    ),
    "acid bassline": (
        "0 0 7 . 0 . 2 0 . 0 7 . 0 . 4 -1",
        "0 . 0 7 0 0 . 6 0 . 0 7 0 2 . 4",
        "0 7 0 . 0 0 4 . 0 7 0 . 2 0 -1 .",
        "0 0 . 0 7 . 0 0 . 0 6 . 7 . 0 2|0 0 . 0 7 . 0 0 . 4 2 . 0 . -1 7",
    ),
    "arpeggio": (
        "0 2 4 7 0 2 4 7 0 2 4 7 0 2 4 7",
        "0 2 4 7 9 7 4 2 0 2 4 7 9 7 4 2",
        "0 . 4 . 7 . 9 . 7 . 4 . 2 . 4 .",
        "0 4 7 0 4 7 0 4 7 0 4 7 0 4 7 9",
        "7 4 2 0 7 4 2 0 7 4 2 0 7 4 2 0|9 7 4 2 9 7 4 2 7 4 2 0 7 4 2 0",
        "0 . 2 4 . 7 . 4 0 . 2 4 . 9 7 .",
    ),
    "riff": (
        "0 . . 2 . . 3 . 4 . . 3 . 2 . .|0 . . 2 . . 3 . 6 . . 4 . . . .",
        "0 . 0 . 2 . 0 . . . 4 . 3 . 2 .",
        "4 . . 4 . . 6 . 7 . . 6 . 4 . .|4 . . 4 . . 2 . 0 . . . . . -1 .",
        ". . 0 . 2 . 4 . . 3 . 2 . . 0 .",
        "7 . 6 . 4 . . 2 . . 0 . . . . .|7 . 6 . 4 . . 2 . . 3 . 2 . . .",
    ),
    "ostinato": (
        "0 . 4 . 2 . 4 . 0 . 4 . 2 . 4 .",
        "0 . 2 . 4 . 2 . 0 . 2 . 4 . 2 .",
        "4 . 0 . 4 . 2 . 4 . 0 . 4 . 2 .",
        "0 . . 4 . . 2 . 0 . . 4 . . 2 .",
    ),
    "pulse": ("0 . 0 . 0 . 0 . 0 . 0 . 0 . 0 .",),
    "chords": (
        "0 . . . . . . . . . . . . . . .|5 . . . . . . . . . . . . . . .",
        "0 . . . . . . . . . . . . . . .|3 . . . . . . . . . . . . . . .",
        "0 . . . . . . . . . . . . . . .|6 . . . . . . . . . . . . . . .",
        "0 . . . . . . . . . . . . . . .|2 . . . . . . . . . . . . . . .",
    ),
    "stabs": (
        "0 . . 0 . . 0 . . . 0 . . 0 . .",
        ". . 0 . . . 0 . . . 0 . . . 0 .",
        "0 . . . . . 0 . . . . . 0 . . .|0 . . . . . 0 . . 3 . . 3 . . .",
        "0 . . 0 . . . . 5 . . 5 . . . .",
    ),
    "walking bass": (
        "0 . . . 2 . . . 4 . . . 5 . . .|7 . . . 5 . . . 4 . . . 1 . . .",
        "0 . . . 4 . . . 3 . . . 2 . . .|1 . . . 3 . . . 4 . . . -1 . . .",
        "0 . . . 1 . . . 2 . . . 4 . . .|5 . . . 4 . . . 2 . . . -1 . . .",
        "0 . . . 7 . . . 6 . . . 4 . . .|3 . . . 2 . . . 1 . . . -1 . . .",
        "0 . . . -1 . . . -2 . . . -3 . . .|-2 . . . 0 . . . 2 . . . 1 . . .",
    ),
    "melody": (
        "0 . . . 2 . 4 . 7 . . . 6 . 4 .|5 . . . 4 . 2 . 0 . . . . . . .",
        "4 . . . . . 4 5 7 . . . 4 . . .|2 . . . . . 1 2 0 . . . . . . .",
        "7 . 6 . 4 . . . 4 . 2 . 0 . . .|1 . 2 . 4 . . . 0 . . . . . . .",
        "0 . 0 . 4 . . . 5 . 4 . . . . .|3 . 3 . 2 . 1 . 0 . . . . . . .",
        ". . 4 . 5 . 7 . . . 9 . 8 . . .|. . 7 . 4 . 2 . 0 . . . . . . .",
        "9 . . . . . . . 7 . 8 . . . . .|4 . . . . . 5 . 7 . . . . . . .",
        "0 . . 2 . . 4 . 3 . . 1 . . 2 .|4 . . 3 . . 1 . 0 . . . . . . .",
        "7 . . . 8 . 9 . 11 . . . 9 . . .|8 . 7 . 6 . 4 . 7 . . . . . . .",
    ),
    "walk": ("0 . . . . . . . . . . . . . . .|4 . . . . . . . 2 . . . . . . .",),
}
_MELODIC_LOOP: Final = {
    "sub bass": "long bassline",
    "bass": "bassline",
    "acid bass": "acid bassline",
    "brass stab": "stabs",
    **dict.fromkeys(("pluck", "keys", "lead", "mallet", "bell"), "arpeggio"),
    "guitar": "riff",
    "piano": "stabs",
    "flute": "riff",
    **dict.fromkeys(("pad", "strings", "choir", "organ"), "chords"),
}
RHYTHMS: Final = frozenset({*_RHYTHMS, *_DRUMMERS, *_MELODIES, "loop"})
_LASTING: Final = frozenset({*GROUPS["effects"], *GROUPS["textures"], "drone"})


def hits(
    rhythm: str, kind: str, *, beats: float, swing: float = 0.0, seed: int = 0, beats_per_bar: float = 4.0
) -> tuple[Hit, ...]:
    """What `kind` plays for `beats`: sorted hits in [0, beats), the same for the same seed.

    A `rhythm` of `RHYTHMS`; "loop" is whatever suits the kind, and nothing at all for textures, effects and drones,
    which last instead. `swing` 0 is straight, 1 a triplet's: odd sixteenths come late, odd eighths if there are only
    eighths.

    >>> [hit.beat for hit in hits("loop", "kick", beats=8)]
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    >>> [hit.beat for hit in hits("offbeats", "open hat", beats=4)], hits("loop", "rain", beats=4)
    ([0.5, 1.5, 2.5, 3.5], ())
    """
    chance = random.Random(f"{seed} {rhythm} {kind}")
    bars = _bars(rhythm, kind, chance)
    if not bars:
        return ()
    events: list[tuple[float, float, int, int]] = []  # beat, velocity, degree, steps in the bar
    for number in range(math.ceil(beats / beats_per_bar)):
        bar = bars[number % len(bars)]
        step_beats = _BEATS_OF_BAR / len(bar)
        for place in range(math.ceil(beats_per_bar / step_beats)):
            if step := bar[place % len(bar)]:
                events.append((number * beats_per_bar + place * step_beats, *step, len(bar)))
    # Sixteenths swing; where a pattern has none, its eighths do.
    swung_beats = 0.25 if any(steps == 16 and beat % 0.5 for beat, _, _, steps in events) else 0.5
    played = []
    for beat, velocity, degree, steps in events:
        late = steps == 16 and beat % (2 * swung_beats) == swung_beats
        human = velocity + chance.uniform(-_HAND, _HAND)
        played.append(
            Hit(
                beat=beat + (swing * swung_beats / 3 if late else 0.0),
                velocity=min(max(human, 0.05), 1.0),
                degree=degree,
            )
        )
    return tuple(hit for hit in played if hit.beat < beats)


_Step = tuple[float, int] | None


def _bars(rhythm: str, kind: str, chance: random.Random) -> list[list[_Step]]:
    """The steps of each bar of one pattern, as (velocity, degree)."""
    if rhythm == "loop" and kind in _LASTING:
        return []
    if rhythm == "loop" and kind in _LOOPS:
        return [_drummed(bar) for bar in chance.choice(_LOOPS[kind]).split("|")]
    if rhythm == "loop":
        rhythm = _MELODIC_LOOP.get(kind, "riff")
    if rhythm == "bassline" and kind in ("sub bass", "acid bass"):
        rhythm = _MELODIC_LOOP[kind]
    if rhythm in _MELODIES:
        return [_sung(bar) for bar in chance.choice(_MELODIES[rhythm]).split("|")]
    parts = _DRUMMERS.get(rhythm, {})
    if kind in parts:
        return [_drummed(bar) for bar in chance.choice(parts[kind]).split("|")]
    if rhythm in _RHYTHMS:
        return [_drummed(bar) for bar in chance.choice(_RHYTHMS[rhythm]).split("|")]
    return _bars("loop", kind, chance)


def _drummed(bar: str) -> list[_Step]:
    return [(_VELOCITY[step], 0) if step in _VELOCITY else None for step in bar]


def _sung(bar: str) -> list[_Step]:
    return [None if step == "." else (_stress(place), int(step)) for place, step in enumerate(bar.split())]


def _stress(place: int) -> float:
    """How loud a sixteenth is by where it stands in the bar."""
    return 0.95 if place % 8 == 0 else 0.86 if place % 4 == 0 else 0.76 if place % 2 == 0 else 0.68


def _part(kind: str, rhythm: str, gain_db: float, words: str) -> KitPart:
    return KitPart(kind=kind, rhythm=rhythm, gain_db=gain_db, words=words)


_KITS: Final[dict[str, tuple[KitPart, ...]]] = {
    "house": (
        _part("kick", "house", 0.0, "punchy house kick"),
        _part("clap", "house", -5.0, "house clap"),
        _part("closed hat", "house", -12.0, "short closed hat"),
        _part("open hat", "house", -9.0, "open hat"),
    ),
    "techno": (
        _part("kick", "techno", 0.0, "deep techno kick"),
        _part("clap", "techno", -7.0, "dark clap"),
        _part("closed hat", "techno", -13.0, "short dark closed hat"),
        _part("open hat", "techno", -9.0, "short open hat"),
    ),
    "trap": (
        _part("kick", "trap", 0.0, "long low 808 kick"),
        _part("snare", "trap", -4.0, "bright trap snare"),
        _part("closed hat", "trap", -11.0, "short bright closed hat"),
        _part("open hat", "trap", -12.0, "open hat"),
    ),
    "boom bap": (
        _part("kick", "boom bap", 0.0, "warm kick drum"),
        _part("snare", "boom bap", -3.0, "snare drum"),
        _part("closed hat", "boom bap", -12.0, "dark closed hat"),
        _part("open hat", "boom bap", -12.0, "dark open hat"),
    ),
    "drum and bass": (
        _part("kick", "drum and bass", 0.0, "short punchy kick"),
        _part("snare", "drum and bass", -2.0, "bright high snare"),
        _part("closed hat", "drum and bass", -12.0, "short closed hat"),
        _part("ride", "drum and bass", -13.0, "ride cymbal"),
    ),
    "breakbeat": (
        _part("kick", "breakbeat", 0.0, "acoustic kick drum"),
        _part("snare", "breakbeat", -2.0, "cracking snare drum"),
        _part("ride", "breakbeat", -11.0, "ride cymbal"),
    ),
    "disco": (
        _part("kick", "disco", 0.0, "short kick drum"),
        _part("snare", "disco", -4.0, "snare drum"),
        _part("closed hat", "disco", -13.0, "closed hat"),
        _part("open hat", "disco", -9.0, "short open hat"),
    ),
    "reggaeton": (
        _part("kick", "dembow", 0.0, "deep kick"),
        _part("snare", "dembow", -3.0, "snappy snare"),
        _part("closed hat", "dembow", -13.0, "closed hat"),
    ),
    "rock": (
        _part("kick", "rock", 0.0, "kick drum"),
        _part("snare", "rock", -2.0, "snare drum"),
        _part("closed hat", "rock", -10.0, "closed hi-hat"),
        _part("crash", "rock", -11.0, "crash cymbal"),
    ),
    "lofi": (
        _part("kick", "lofi", 0.0, "soft dark kick"),
        _part("snare", "lofi", -4.0, "dark short snare"),
        _part("closed hat", "lofi", -13.0, "dark closed hat"),
        _part("vinyl", "loop", -20.0, "vinyl crackle"),
    ),
}
_KITS["drums"] = _KITS["rock"][:3]

_GENRES: Final = (
    (
        r"drum(?:s|'?n'?| n)? ?(?:and|&|n|'n'?)? ?bass|d ?(?:&|and|n|'n') ?b|dnb|jungle|liquid|neurofunk",
        "drum and bass",
    ),
    (r"boom[ -]?bap|hip[ -]?hop|rap|old[ -]?school", "boom bap"),
    (r"lo-?fi|chillhop|study", "lofi"),
    (r"trap|drill|phonk", "trap"),
    (r"techno|industrial|minimal|acid", "techno"),
    (r"house|garage|edm|dance|club|trance|four[ -](?:on|to)[ -]the[ -]floor", "house"),
    (r"disco|nu-?disco|funk|funky", "disco"),
    (r"reggaeton|dembow|latin|dancehall|moombahton", "reggaeton"),
    (r"rock|punk|indie|pop|metal", "rock"),
    (r"break(?:s|beats?)?|amen|big[ -]?beat|funky drummer", "breakbeat"),
    (r"drums?|drum ?kit|full|simple|basic|acoustic|electronic|kit", "drums"),
)
_GENRE: Final = tuple((re.compile(rf"\b(?:{words})\b", FLAGS), kit) for words, kit in _GENRES)
_KIT_SAID: Final = re.compile(
    r"\bbreak ?beats?\b|\b(?:drum|amen|funk|funky|jungle|dnb|d&b|bass|b) breaks?\b|\bdrum ?(?:loops?|beats?|grooves?|"
    r"patterns?|machine|kit|tracks?)\b|\bdrums$|\bbeats?\b|\b(?:\w+) (?:drums|drum loops?|groove)\b|\bboom[ -]?bap\b|"
    r"^(?:a |an |some )?(?:drum (?:and|&|n) bass|dnb|d&b)$",
    FLAGS,
)
# A sound that is spoken of beside "beat": then it is that sound's loop.
_OTHER_SOUND: Final = re.compile(
    r"\b(?:kicks?|snares?|claps?|snaps?|hats?|hi-?hats?|hihats?|rides?|crash|cymbals?|shakers?|tambourines?|toms?|congas?|"
    r"bongos?|rims?|rimshots?|woodblocks?|cowbells?|percussion|percs?|808|bass ?lines?|sub|pads?|plucks?|leads?|keys|"
    r"pianos?|organs?|strings?|choirs?|bells?|stabs?|arps?|guitars?|hearts?|wing|"
    r"(?:tribal|war|battle|hand|african|latin|jungle|talking|tongue) drums|vinyl|rain|noise|riser|fills?|rolls?|"
    r"hits?|shots?|steel|one-?shots?|taiko|big bass)\b",
    FLAGS,
)
_PLAIN_BEAT: Final = re.compile(
    r"^(?:(?:a|an|the|some|my|simple|basic|slow|fast|cool|nice|steady|heavy|hard|soft|dark|groovy|loop|looped|looping|of|"
    r"funky|chill|swung|swinging) )*(?:beats?|grooves?)(?: loops?)?$",
    FLAGS,
)
_BASS_WITHIN: Final = re.compile(r"\bbass\b", FLAGS)


def kit_for(words: str, without: tuple[str, ...] = ()) -> tuple[KitPart, ...] | None:
    """The parts of the drum kit that `words` ask for, less those named in `without`; None if they ask for none.

    >>> [part.kind for part in kit_for("house beat", without=("clap",))], kit_for("kick loop")
    (['kick', 'closed hat', 'open hat'], None)
    """
    words = " ".join(words.split())
    if not _KIT_SAID.search(words) or _OTHER_SOUND.search(words):
        return None
    genre = next((kit for pattern, kit in _GENRE if pattern.search(words)), None)
    if genre is None and _PLAIN_BEAT.match(words):
        genre = "drums"
    # "techno bass beat" is a bass; in "drum and bass beat" the bass is part of the name.
    if genre is None or (genre != "drum and bass" and _BASS_WITHIN.search(words)):
        return None
    unwanted = " ".join(without).lower()
    return tuple(part for part in _KITS[genre] if not _names(part.kind, unwanted))


def style_for(words: str, kind: str) -> str | None:
    """The rhythm that this kind plays in the style that `words` name; None if they name none in which it plays.

    >>> style_for("trap hats", "closed hat"), style_for("reggaeton snare", "snare"), style_for("dusty hat", "ride")
    ('trap', 'dembow', None)
    """
    for pattern, genre in _GENRE:
        if pattern.search(words):
            parts = {part.kind: part.rhythm for part in _KITS[genre]}
            return parts.get(kind) or (genre if kind in _DRUMMERS.get(genre, {}) else None)
    return None


def _names(kind: str, unwanted: str) -> bool:
    """Whether a kit without `unwanted` (such as "hats") lacks this kind."""
    last = kind.split()[-1]
    return last in unwanted and (last != "hat" or not ("open" in unwanted or "closed" in unwanted) or kind in unwanted)
