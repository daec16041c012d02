"""A loop of the sheet whose knobs the timeline turns: its other shape goes on with it, from one of its passes on."""

import numpy as np
import pytest

from tests.plugin.conftest import NewHost, lacking
from tests.plugin.player import RATE_HZ, Samples

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

BEAT = RATE_HZ // 2  # frames, at 120 BPM
PASS, TAIL = 4 * BEAT, BEAT
CONTINUES = 2


def noise(seed: int) -> Samples:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (PASS + TAIL, 1)).astype(np.float32)


def ringing(take: Samples) -> Samples:
    """A take as its voice has it: its tail fades with equal power."""
    rung = take.copy()
    rung[PASS:, 0] *= np.sin(np.pi / 2 * np.arange(TAIL, 0, -1) / TAIL).astype(np.float32)
    return rung


def summed(*takes: tuple[int, Samples], frames: int) -> Samples:
    heard = np.zeros(frames + PASS + TAIL, np.float32)
    for at, take in takes:
        heard[at : at + len(take)] += ringing(take)[:, 0]
    return heard[:frames]


def test_the_other_shape_sounds_from_its_pass_on_and_the_pass_before_rings_out(host: NewHost) -> None:
    plain, bent = noise(0), noise(1)
    daw = host()
    daw.place(0, daw.clip(plain, frames=PASS), 0, loop=True, until_beat=8)
    daw.place(1, daw.clip(bent, frames=PASS), 8, loop=True, kept=CONTINUES)

    heard = daw.play(4 * PASS)

    wanted = summed((0, plain), (PASS, plain), (2 * PASS, bent), (3 * PASS, bent), frames=4 * PASS)
    assert np.max(np.abs(heard[:, 0] - wanted)) < 1e-6
    assert daw.launched() == [(0.0, 0)]  # it is the same loop

    daw.beat = 0.0
    assert np.max(np.abs(daw.play(4 * PASS)[BEAT:, 0] - wanted[BEAT:])) < 1e-6  # and so each time


def test_a_loop_fired_by_hand_meanwhile_is_not_taken_over_by_the_other_shape(host: NewHost) -> None:
    plain, fired, bent = noise(0), noise(1), noise(2)
    daw = host()
    daw.place(0, daw.clip(plain, frames=PASS), 0, loop=True, until_beat=8)
    daw.place(1, daw.clip(bent, frames=PASS), 8, loop=True, kept=CONTINUES)
    daw.place(2, daw.clip(fired, frames=PASS), 4, loop=True, kept=False)

    heard = daw.play(4 * PASS)[2 * PASS :, 0]

    wanted = summed((0, fired), (PASS, fired), (2 * PASS, fired), frames=4 * PASS)[PASS : 3 * PASS]
    assert np.max(np.abs(heard - wanted)) < 1e-6
