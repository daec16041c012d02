"""The rhythm that a prompt asks for by name, and how it swings. What it means is engine.text.patterns' affair."""

import re
from typing import Final

from engine.text.notes import FLAGS

_VALUE: Final = (
    (r"quarters?|4ths?|1/4", "quarters"),
    (r"eighths?|8ths?|1/8", "eighths"),
    (r"sixteenths?|16ths?|1/16", "sixteenths"),
)
_NOT_A_NOTE: Final = r"(?![ -](?:note\b(?! loop)|hit|stab|sound|tone|one|sample))"
_NAMED: Final = tuple(
    (re.compile(rf"\b(?:{words})", FLAGS), rhythm)
    for words, rhythm in (
        (r"(?:four|4)[ -](?:on|to)[ -]the[ -]floor\b", "four on the floor"),
        (r"(?:on (?:the )?)?off[ -]?beats?\b", "offbeats"),
        (r"(?:on (?:the )?)?back[ -]?beats?\b|on (?:the )?(?:two|2) and (?:the )?(?:four|4)\b", "backbeat"),
        (r"on (?:every|each) (?:beat|quarter)\b", "quarters"),
        *(
            (rf"(?:on )?(?:{value})[ -]notes\b|(?:{value})[ -]note(?= \w+(?<!s)s\b| (?:loop|pattern|groove))", name)
            for value, name in _VALUE
        ),
        (r"(?:on |in )?(?:eighths|8ths)\b", "eighths"),
        (r"(?:on |in )?(?:sixteenths|16ths)\b", "sixteenths"),
        (r"(?:in )?triplets?\b(?: notes?\b)?", "triplets"),
        (r"gallop(?:ing|s)?\b", "gallop"),
        (r"dem ?bow\b|reggaeton (?:rhythm|pattern)\b", "dembow"),
        (r"break ?beats?\b", "breakbeat"),
        (r"boom[ -]?bap\b", "boom bap"),
        (r"(?:in )?half[ -]?time\b", "half time"),
        (r"syncopated\b", "syncopated"),
    )
)
_KEPT: Final = tuple(  # these words also help to name the sound
    (re.compile(rf"\b(?:{words})\b", FLAGS), rhythm)
    for words, rhythm in (
        (r"walking(?= (?:\w+ ){0,2}bass)", "walking bass"),
        (r"melod(?:y|ies)" + _NOT_A_NOTE, "melody"),
        (r"(?:drum|snare|tom|hat|timpani|kick|clap) rolls?|rolls?(?= (?:on|of))", "roll"),
        (r"(?:drum|snare|tom|toms|hat|percussion) fills?(?! hit)|fill(?! hit)", "fill"),
        (r"arp(?:s|eggios?|eggiated)?(?! (?:solina|odyssey|2600))" + _NOT_A_NOTE, "arpeggio"),
        (r"riffs?" + _NOT_A_NOTE, "riff"),
        (r"ostinatos?", "ostinato"),
        (r"pulses|pulsing|pulse(?! ?(?:wave|width|synth|osc|bass|lead|pad|tone|sound))", "pulse"),
        (r"bass ?lines?" + _NOT_A_NOTE, "bassline"),
    )
)
_GENERAL: Final = re.compile(
    r"\b(?:loop(?:s|ed|ing)?|(?<!out )(?<!lock )(?<!locked )(?<!outer )grooves?|"
    r"patterns?|rhythms?(?! (?:and|&|section|guitar))|"
    r"rhythmic|sequences?|sequenced|(?<!my )(?<!the )beats?(?! repeat))\b",
    FLAGS,
)
_SINGLE: Final = re.compile(r"\b(?:one|single)[ -]?(?:shot|hit)s?\b", FLAGS)
_SWING: Final = re.compile(
    r"\b(?:with )?(?:(an? (?:bit|little|touch|hint) of|light(?:ly)?|slight(?:ly)?|subtle|soft(?:ly)?|heavy|heavily|"
    r"hard|strong(?:ly)?|full) )?"
    r"(?:(?:([5-7][0-9]) ?(?:%|percent) )?(?:swing|shuffle)(?: (?:of )?([5-7][0-9]) ?(?:%|percent)?)?"
    r"|swung|shuffled|swinging|shuffling)(?![\w-])",
    FLAGS,
)
_STYLE: Final = re.compile(r"(?:swing|shuffle)$", FLAGS)  # "swing ride" is a cymbal, "a bat's swing" an effect
_STRAIGHT_PERCENT: Final = 50.0
_TRIPLET_PERCENT: Final = 100 * 2 / 3


def take_rhythm(text: str) -> tuple[str | None, float, str]:
    """The rhythm that `text` asks for, its swing, and the text without the words that only said so.

    "bassline", "riff", "arp" and the like stay in the text: they name sounds too.

    >>> take_rhythm("four on the floor kick loop"), take_rhythm("shuffled 16ths on a shaker")
    (('four on the floor', 0.0, ' kick '), ('sixteenths', 0.66, '  on a shaker'))
    """
    single = _SINGLE.search(text)
    swing = 0.0
    swing_said = _SWING.search(text)
    if swing_said and not (_STYLE.match(swing_said[0]) and text.strip() != swing_said[0]):
        swing = _swing(swing_said)
        text = text[: swing_said.start()] + text[swing_said.end() :]
    rhythms = []
    for pattern, rhythm in _NAMED:
        if found := pattern.search(text):
            rhythms.append(rhythm)
            text = text[: found.start()] + text[found.end() :]
    rhythms += [rhythm for pattern, rhythm in _KEPT if pattern.search(text)]
    if _GENERAL.search(text):
        rhythms.append("loop")
        text = _GENERAL.sub("", text)
    return (rhythms[0] if rhythms and not single else None), swing, text


def strikes_once(text: str) -> bool:
    """Whether a text asks for a single hit in so many words.

    >>> strikes_once("kick one-shot"), strikes_once("one kick")
    (True, False)
    """
    return _SINGLE.search(text) is not None


def _swing(found: re.Match[str]) -> float:
    how, before, after = found.groups()
    if percent := before or after:
        return min(max((float(percent) - _STRAIGHT_PERCENT) / (_TRIPLET_PERCENT - _STRAIGHT_PERCENT), 0.0), 1.0)
    how = (how or "").lower()
    if how.startswith(("heav", "hard", "strong", "full")):
        return 1.0
    return 0.33 if how else 0.66
