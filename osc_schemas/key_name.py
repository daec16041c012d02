"""How a musical key is written: the one grammar of sets, requests and prompts. What it sounds like is the engine's."""

import re
from typing import Final

MODES: Final = (
    "major",
    "minor",
    "dorian",
    "phrygian",
    "lydian",
    "mixolydian",
    "locrian",
    "harmonic minor",
    "minor pentatonic",
    "major pentatonic",
    "blues",
)
MODE_SPELLINGS: Final = {
    **{mode: mode for mode in MODES},
    "": "major",
    "maj": "major",
    "ionian": "major",
    "dur": "major",
    "pentatonic": "major pentatonic",
    "m": "minor",
    "min": "minor",
    "aeolian": "minor",
    "natural minor": "minor",
    "moll": "minor",
    "pentatonic major": "major pentatonic",
    "pentatonic minor": "minor pentatonic",
}
ACCIDENTAL: Final = r"[#♯b♭]|[ -]?(?:sharp|flat)\b"
# In ASCII only: elsewhere a Turkish dotless i equals an i, and is then in no table.
_KEY_NAME: Final = re.compile(rf"([a-g])({ACCIDENTAL})?[ -]?([a-z ]*)", re.IGNORECASE | re.ASCII)


def key_named(text: str) -> tuple[str, str, str] | None:
    """Letter, accidental ("" for none) and mode of a key such as "D minor", "Bb" or "Am"; None if it is none.

    >>> key_named("F# dorian"), key_named("Am"), key_named("H minor")
    (('F', '#', 'dorian'), ('A', '', 'minor'), None)
    """
    found = _KEY_NAME.fullmatch(" ".join(text.split())[:80])
    if found is None:
        return None
    letter, accidental, said = found[1], found[2] or "", found[3]
    mode = MODE_SPELLINGS.get("major" if said == "M" else said.strip().lower())
    return None if mode is None else (letter, accidental, mode)


def no_key(text: str) -> str:
    """The sentence for what is no key."""
    return (
        f"the key is {text[:40]!r}; wanted a note and a mode, such as 'D minor' or 'F# dorian' (modes: "
        f"{', '.join(MODES)})"
    )
