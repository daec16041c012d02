"""How DrivenByMoss writes positions, meters, grids and names. Pure. Source: its manual's OSC page."""

import re

from bridge.hosts.base import HostError


def beat_of(position: str, signature: str) -> float:
    """Quarter notes from 0 of a position as the extension writes it: bar, quarter, sixteenth (from 1) : hundredths.

    >>> beat_of("3.02.01:50", "4 / 4"), beat_of("2.01.01:00", "6 / 8")
    (9.125, 3.0)
    """
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(?::(\d+))?", position.strip())
    if found is None:
        return 0.0
    bar, quarter, sixteenth, hundredths = (int(part or 0) for part in found.groups())
    return max(0.0, (bar - 1) * quarters_per_bar(signature) + (quarter - 1) + (sixteenth - 1 + hundredths / 100) / 4)


def quarters_per_bar(signature: str) -> int:
    """Whole quarter notes in a bar, as the extension counts them.

    >>> quarters_per_bar("3 / 4"), quarters_per_bar("6 / 8")
    (3, 3)
    """
    meter = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", signature)
    upper, lower = (int(part) for part in meter.groups()) if meter else (4, 4)
    return max(1, 4 * upper // max(lower, 1))


def grid_of(quantum_beats: float, beats_per_bar: float) -> str:
    """Bitwig's word for a launch quantisation: bars as a number, notes as a fraction. Raises `HostError` without one.

    >>> grid_of(4, 4), grid_of(1, 4), grid_of(0, 4)
    ('1', '1/4', 'none')
    """
    if quantum_beats == 0:
        return "none"
    bars = {beats_per_bar * count: str(count) for count in (1, 2, 4, 8)}
    notes = {4 / part: f"1/{part}" for part in (2, 4, 8, 16)}
    found = bars.get(quantum_beats) or notes.get(quantum_beats)
    if found is None:
        raise HostError(
            f"Bitwig has no launch quantisation of {quantum_beats:g} beats; it has 1, 2, 4 and 8 bars, and notes of 2, "
            "1, 0.5 and 0.25 beats"
        )
    return found


def same_name(told: str, wanted: str) -> bool:
    """Whether a name as the extension tells it is the one that was wanted: it writes letters beyond ASCII otherwise.

    >>> same_name("Baesse", "Bässe"), same_name("Drums", "Drum")
    (True, False)
    """
    if told == wanted:
        return True
    if wanted.isascii():
        return False
    pattern = "".join(re.escape(letter) if letter.isascii() else ".{0,3}" for letter in wanted)
    return re.fullmatch(pattern, told) is not None
