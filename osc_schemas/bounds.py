"""Every bound that both sides keep, in one place. What is over a bound is refused by name, with the bound."""

import math
import re

from osc_schemas.errors import SchemaError
from osc_schemas.key_name import key_named, no_key

PROMPT_CHARACTERS_MAX = 1_000
NAME_CHARACTERS_MAX = 64
KEY_CHARACTERS_MAX = 40  # of a musical key, such as "D minor"
OPTIONS_MAX = 16
STEPS_OFFERED = (1, 2, 4, 8, 16)  # of any family; each offers some of them
GUIDANCE_LOW, GUIDANCE_HIGH = 0.0, 20.0
LENGTH_BEATS_MAX = 1_024.0
QUANTUM_BEATS_MAX = 1_024.0
CLIP_S_MAX = 60.0  # of any family; each family states its own, shorter one
SAMPLE_RATE_HZ_LOW, SAMPLE_RATE_HZ_HIGH = 8_000, 192_000
TEMPO_BPM_LOW, TEMPO_BPM_HIGH = 20.0, 999.0  # the range of Ableton Link
GAIN_DB_LOW, GAIN_DB_HIGH = -120.0, 24.0
GAIN_MAX = 1e8  # as a factor, which is more than there is between the two
SEED_MAX = 2**63 - 1
MESSAGE_BYTES_MAX = 65_536  # of OSC, audio not counted
AUDIO_BYTES_MAX = 64 * 2**20
SOURCE_CHANNELS_MAX = 2
SLOTS_MAX = 64  # tracks of a set, of which an instance of the plug-in plays one
HOST_BEAT_MAX = 1_000_000.0  # a host may count from before its project's start
HOST_TEMPO_BPM_LOW, HOST_TEMPO_BPM_HIGH = 1.0, 10_000.0  # some go further than we follow

_OPTION_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{NAME_CHARACTERS_MAX - 1}}}", re.ASCII)
_NOT_IN_NAMES = frozenset('/\\:*?"<>|')


def check_name(what: str, name: str, error: type[SchemaError]) -> None:
    """Raise `error` unless `name` can stand in a list, in an OSC address and, on every system, in a file's name."""
    printable = name.isprintable() and name.strip(" .") == name and not _NOT_IN_NAMES & set(name)
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or not printable:
        raise error(
            f"{what} is {name[:80]!r}; a name has 1 to {NAME_CHARACTERS_MAX} printable characters, none of "
            f"{' '.join(sorted(_NOT_IN_NAMES))}, and no space or dot at its ends"
        )


def check_prompt(prompt: str, error: type[SchemaError]) -> None:
    """Raise `error` unless `prompt` has something to say and is not over the bound."""
    if not prompt.strip():
        raise error('the prompt is empty; describe a sound in a few words, such as "deep punchy kick"')
    if len(prompt) > PROMPT_CHARACTERS_MAX:
        raise error(
            f"the prompt has {len(prompt)} characters; at most {PROMPT_CHARACTERS_MAX} are taken, so shorten it"
        )


def check_key(key: str, error: type[SchemaError]) -> None:
    """Raise `error` if `key` is over the bound, or names no musical key; "" is none at all."""
    if len(key) > KEY_CHARACTERS_MAX:
        raise error(
            f"the key has {len(key)} characters; at most {KEY_CHARACTERS_MAX} are taken, as in D minor or F# dorian"
        )
    if key and key_named(key) is None:
        raise error(no_key(key))


def sorted_options(options: tuple[tuple[str, float], ...], error: type[SchemaError]) -> tuple[tuple[str, float], ...]:
    """Options by name; which there are and how far they go, the family judges.

    Raises `error` for more than the bound, for a name that is none, one that comes twice, and what is no number.
    """
    if len(options) > OPTIONS_MAX:
        raise error(f"there are {len(options)} options; at most {OPTIONS_MAX} are taken")
    names = [name for name, _ in options]
    for name, value in options:
        if not _OPTION_NAME.fullmatch(name):
            raise error(
                f"an option is called {name[:80]!r}; its name has 1 to {NAME_CHARACTERS_MAX} small letters, digits and "
                "_, and begins with a letter, such as nu"
            )
        if names.count(name) > 1:
            raise error(f"the option {name} is set {names.count(name)} times; set it once")
        if not math.isfinite(value):
            raise error(f"the option {name} is {value:g}; it must be a finite number")
    return tuple(sorted(options))


def check_range(name: str, value: float, low: float, high: float, error: type[SchemaError], advice: str = "") -> None:
    """Raise `error` unless `value` is a finite number in [low, high]."""
    if not math.isfinite(value) or not low <= value <= high:
        raise error(f"{name} is {value:g}; it must be between {low:g} and {high:g}" + (f", {advice}" if advice else ""))


def check_choice(name: str, value: object, choices: tuple[object, ...], error: type[SchemaError]) -> None:
    """Raise `error` unless `value` is one of `choices`."""
    if value not in choices:
        raise error(f"{name} is {value!r}; it must be one of {', '.join(map(str, choices))}")
