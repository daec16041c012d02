"""The longest block: as much as a bridge can lay at one beat, and blocks of 64 frames that last 1.3 ms."""

import numpy as np
import pytest

from tests.plugin.conftest import NewHost, lacking
from tests.plugin.player import PAD, RATE_HZ, STOP, SWAP, UNPLACE, Host

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.hosts,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

BLOCK = 64
LONGEST_MS = 5.0  # measured: 1.3 with 4096 loops at one beat, 0.6 with shots; a search for each took 50 to 100
PLACES = 4096
BEAT = RATE_HZ // 2


def filled(daw: Host, *, beat: float, spread: float = 0.0, loop: bool = False) -> None:
    """As many placements as there can be, of one take of a second."""
    clip = daw.clip(np.full((RATE_HZ, 2), 1e-4, np.float32), length_beats=2)
    for slot in range(PLACES):
        daw.place(slot, clip, beat + slot * spread, loop=loop)


def worst_of(daw: Host, frames: int) -> float:
    """The longest block of the next frames, in milliseconds of the processor."""
    daw.worst_s = 0.0
    daw.play(frames, [BLOCK])
    return daw.worst_s * 1e3


def test_the_longest_blocks_are_done_in_time(host: NewHost) -> None:
    took_ms: dict[str, float] = {}

    for what, loop in (("shots", False), ("loops", True)):
        daw = host()
        filled(daw, beat=1.0, loop=loop)
        took_ms[f"{what} come"] = worst_of(daw, BEAT - BLOCK)
        took_ms[f"{what} begin"] = worst_of(daw, BEAT)
        daw.beat = 0.5
        took_ms[f"{what} after a jump"] = worst_of(daw, BEAT)
        daw.beat = 2.5
        took_ms[f"{what} after a jump into them"] = worst_of(daw, BEAT)

    daw = host()
    filled(daw, beat=0.0, spread=1 / 64)
    daw.play(BEAT, [BLOCK])
    took_ms["a dense sheet"] = worst_of(daw, BEAT)
    for _ in range(50):
        daw.tempo_bpm += 1
        took_ms["a bent tempo"] = max(took_ms.get("a bent tempo", 0), worst_of(daw, BLOCK))
    take = np.full((RATE_HZ, 2), 1e-4, np.float32)
    old = daw.clip(take, length_beats=2)
    for slot in range(PLACES):
        daw.place(slot, old, 8 + slot / 64)
    daw.play(BEAT, [BLOCK])
    for _ in range(PLACES):
        new = daw.clip(take[:10], length_beats=2)
        daw.ask(SWAP, clip=old, other=new)
        old = new
    took_ms["all swapped"] = worst_of(daw, BEAT)
    for _ in range(PLACES):
        daw.ask(STOP, value=0.1)
    took_ms["all stopped"] = worst_of(daw, BEAT)
    for slot in range(PLACES):
        daw.ask(UNPLACE, slot=slot)
    took_ms["all taken back"] = worst_of(daw, BEAT)

    daw = host()
    daw.ask(PAD, slot=60, clip=daw.clip(take, length_beats=2))
    daw.play(BLOCK, [BLOCK], notes=[(k % BLOCK, 60) for k in range(64)])
    took_ms["notes"] = worst_of(daw, BEAT)
    daw = host(tempo_bpm=999.0)
    daw.place(0, daw.clip(take[:100], length_beats=1 / 1024), 0.0, loop=True)
    took_ms["the shortest loop"] = worst_of(daw, BEAT)

    print({what: round(ms, 2) for what, ms in took_ms.items()})  # for `pytest -s`
    assert {what: ms for what, ms in took_ms.items() if ms > LONGEST_MS} == {}
