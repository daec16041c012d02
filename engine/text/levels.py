"""What a prompt does to an attribute beside naming it: "very dark", "a bit of reverb", "not too bright", "dry".

A denied attribute becomes its opposite if it has one ("not bright" is dark), else it is muted. A denied sound ("no
kick", "not a bell") goes; so does any other word right after a "not".
"""

import re
from collections.abc import Sequence
from typing import Final

from engine.text.kinds import ATTRIBUTES
from engine.text.notes import FLAGS, any_of

STRONGEST: Final = 1.5
SLIGHT: Final = 0.4  # how strong "not too dark" is bright

_LEVELS: Final = {  # the words that intensifiers and negations are looked for beside
    ("brightness", 1): "bright brighter crisp airy brilliant shiny sparkling sparkly harsh tinny trebly highs treble",
    ("brightness", -1): "dark darker muffled dull mellow warm soft muted murky muddy lows",
    ("length", 1): "long longer sustained ringing slow lasting tail decay sustain",
    ("length", -1): "short shorter tight snappy quick brief staccato",
    ("pitch", 1): "high higher high-pitched",
    ("pitch", -1): "low lower deep deeper low-pitched",
    (
        "drive",
        1,
    ): "distorted distortion gritty grit saturated saturation overdriven overdrive dirty dirt crunchy crunch "
    "fuzzy fuzz drive driven crushed clipped clipping",
    ("room", 1): "roomy reverberant reverbed reverberated reverby reverb reverbs reverberation spacious echoing echoey "
    "echoes echo wet ambience hall room",
}
_LEVEL: Final = {word: level for level, words in _LEVELS.items() for word in words.split()}
_NOUNS: Final = frozenset(  # "no tail" says something else than "not a tail"
    [
        "highs",
        "treble",
        "tail",
        "decay",
        "sustain",
        "lows",
        "distortion",
        "grit",
        "saturation",
        "overdrive",
        "dirt",
        "crunch",
        "fuzz",
        "drive",
        "clipping",
        "reverb",
        "reverbs",
        "reverberation",
        "echo",
        "echoes",
        "ambience",
        "hall",
        "room",
    ]
)
_OF_ONE_SIDE: Final = frozenset(attribute for attribute, (lower, _) in ATTRIBUTES.items() if not lower)  # drive, room


def _opposite(word: str) -> str:
    attribute, level = _LEVEL[word]
    return ATTRIBUTES[attribute][0 if level > 0 else 1]


_NEGATOR: Final = re.compile(
    r"\b(?:(?:(?:it|that|which|and|but)(?: is|'s)? )*(?:is|are|does|do|was|should|must|can)n'?t(?: be| sound)?"
    r"|(?:(?:it|that|which) )?(?:is |are |do |does |should |must )?(?:not|never(?! ?(?:end|stop|ceas)))(?: be| sound)?"
    r"|neither|(?P<no>without|no|zero|minus|lacking)|(?P<non>non)-?)(?![\w'#.])[ -]*",
    FLAGS,
)
_SOFTENER: Final = frozenset(
    ["too", "so", "very", "overly", "that", "really", "particularly", "super", "terribly", "all", "at"]
)
_FILLER: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "any",
        "much",
        "of",
        "some",
        "more",
        "added",
        "extra",
        "trace",
        "hint",
        "bit",
        "single",
        "sounding",
    ]
)
_STOP: Final = frozenset(
    [
        "in",
        "at",
        "on",
        "for",
        "from",
        "through",
        "like",
        "but",
        "just",
        "only",
        "yet",
        "still",
        "than",
        "as",
        "to",
        "into",
        "using",
        "while",
    ]
)
_DIRECT: Final = {  # one word that mutes
    **dict.fromkeys(("dry", "anechoic", "reverbless", "reverb-free", "unreverberant", "echoless"), "room"),
    **dict.fromkeys(("undistorted", "unsaturated", "distortion-free", "undriven", "clean"), "drive"),
}
_DIRECT_WORD: Final = re.compile(rf"(?<![\w-])(?:{'|'.join(_DIRECT)})(?![\w-])", FLAGS)
# Of the spectrum: "no low end" is bright, not high.
_END: Final = re.compile(r"\b(no|without|less|more|of|much|any) (high|top|low)[ -]end\b", FLAGS)
_MARKS: Final = ".,;:!?()\"'"


def take_negations(text: str, strength: dict[str, float], muted: set[str]) -> tuple[str, list[str]]:
    """The text without what it denies, in which a denied attribute has become its opposite; and the sounds denied.

    What is muted, and what is only slightly so ("not too dark"), is added to `muted` and `strength`.

    >>> muted: set[str] = set()
    >>> take_negations("not bright snare without reverb", {}, muted), muted
    (('dark snare  ', []), {'room'})
    """

    def direct(found: re.Match[str]) -> str:
        word = found[0].lower()
        muted.add(_DIRECT[word])
        return found[0] if word == "clean" else ""  # "clean guitar" is a name

    text = _END.sub(lambda found: f"{found[1]} {'lows' if found[2].lower() == 'low' else 'highs'}", text)
    kept, denied = [], []
    start = 0
    while found := _NEGATOR.search(text, start):
        kept.append(text[start : found.start()])
        words = text[found.end() :].split(" ")
        taken, instead, sound = _denied(words, strength, muted, nouns=bool(found["no"]))
        kept.append(" ".join(instead) + " ")
        if sound:
            denied.append(sound)
        start = min(found.end() + sum(len(word) + 1 for word in words[:taken]), len(text))
    kept.append(text[start:])
    return _DIRECT_WORD.sub(direct, "".join(kept)), denied


def _denied(
    words: Sequence[str], strength: dict[str, float], muted: set[str], *, nouns: bool
) -> tuple[int, list[str], str]:
    """Of the words after a "not" or a "no": how many it takes with it, what stands for them, and a sound it denies."""
    place, soft, article = 0, False, False
    while place < len(words) and (word := words[place].lower().strip(_MARKS)) in _SOFTENER | _FILLER | {"high-pitched"}:
        if word == "high-pitched":
            break
        soft |= word in _SOFTENER
        article |= word in _FILLER
        place += 1
    instead: list[str] = []
    reached = place
    while place < len(words):  # "too bright", "bright or harsh", "reverb or echo", "long tail"
        word = words[place].lower().strip(_MARKS)
        if word in ("or", "nor") and reached:
            place += 1
            continue
        if word not in _LEVEL or (reached == place and instead and word not in _NOUNS):
            break
        attribute, _ = _LEVEL[word]
        if attribute in _OF_ONE_SIDE and soft:
            instead.append(words[place])
            strength[attribute] = SLIGHT
        elif attribute in _OF_ONE_SIDE:
            muted.add(attribute)
            instead = [other for other in instead if other not in ("short", "long")]  # "no long reverb"
        elif _opposite(word) not in instead:
            instead.append(_opposite(word))
            if soft:
                strength[attribute] = SLIGHT
        place += 1
        reached = place
        if attribute in _OF_ONE_SIDE and place < len(words) and words[place].lower().strip(_MARKS) in ("tail", "tails"):
            place = reached = place + 1
    if instead or (reached > 0 and reached == place and place and words[place - 1].lower().strip(_MARKS) in _LEVEL):
        return reached, instead, ""
    if not nouns and not article:
        return place + 1, [], ""  # "not metallic"
    first = place
    while place < len(words) and words[place].lower().strip(_MARKS) not in _STOP:
        place += 1
    return place, [], " ".join(words[first:place]).strip(_MARKS)


_INTENSIFIERS: Final = {
    **dict.fromkeys(
        ("very", "really", "rather too", "too", "heavily", "strongly", "much", "a lot of", "lots of"), 1.35
    ),
    **dict.fromkeys(("so", "more", "plenty of"), 1.25),
    **dict.fromkeys(("extremely", "super", "ultra", "insanely", "incredibly", "hyper", "tons of", "massively"), 1.5),
    **dict.fromkeys(("quite", "rather", "fairly", "pretty", "moderately"), 0.8),
    **dict.fromkeys(("somewhat", "kind of", "kinda", "sort of", "some"), 0.65),
    **dict.fromkeys(("a bit of", "a bit", "a little bit", "a little", "bit of", "lightly"), 0.5),
    **dict.fromkeys(("slightly", "subtly", "mildly", "gently", "a touch of", "a touch", "touch of"), 0.4),
    **dict.fromkeys(("a hint of", "hint of", "barely", "hardly", "a tiny bit", "a trace of", "trace of"), 0.25),
}
_BEFORE_NOUN: Final = {
    **dict.fromkeys(("heavy", "huge", "big", "massive", "strong", "deep", "full", "extreme", "much"), 1.4),
    **dict.fromkeys(("light", "subtle", "gentle", "slight", "small", "mild", "little", "faint"), 0.5),
}


_ATTRIBUTE: Final = any_of(_LEVEL)
_STRENGTH: Final = re.compile(
    rf"\b((?:(?:{any_of(_INTENSIFIERS)}) ){{1,4}})(?:an? |the )?({_ATTRIBUTE})(?![\w-])", FLAGS
)
_ONE_INTENSIFIER: Final = re.compile(rf"\b(?:{any_of(_INTENSIFIERS)})(?= )", FLAGS)
_ONE_SIDED_NOUN: Final = any_of(
    [word for word in _NOUNS if _LEVEL[word][0] in _OF_ONE_SIDE and word not in ("room", "hall")]
)
_HEAVY: Final = re.compile(rf"\b({any_of(_BEFORE_NOUN)}) ({_ONE_SIDED_NOUN})(?![\w-])", FLAGS)
_LESS: Final = re.compile(rf"\bless ({_ATTRIBUTE})(?![\w-])", FLAGS)


def take_strengths(text: str, strength: dict[str, float]) -> str:
    """The text without intensifiers; `strength` gets what they do to the attribute they stand before.

    >>> strength: dict[str, float] = {}
    >>> take_strengths("very dark pad, slightly distorted", strength), strength
    ('dark pad, distorted', {'brightness': 1.35, 'drive': 0.4})
    """

    def note(word: str, much: float) -> str:
        attribute, _ = _LEVEL[word.lower()]
        strength[attribute] = round(min(max(much, 0.2), STRONGEST), 3)
        return word

    def intensified(found: re.Match[str]) -> str:
        much = 1.0
        for word in _ONE_INTENSIFIER.findall(found[1]):
            much *= _INTENSIFIERS[word.lower()]
        return note(found[2], much)

    def less(found: re.Match[str]) -> str:
        note(found[1], 0.5)
        word = found[1].lower()
        return found[1] if _LEVEL[word][0] in _OF_ONE_SIDE else _opposite(word)

    text = _STRENGTH.sub(intensified, text)
    text = _HEAVY.sub(lambda found: note(found[2], _BEFORE_NOUN[found[1].lower()]), text)
    return _LESS.sub(less, text)
