import numpy as np
import pytest

from bridge.demo.measure import find_take
from osc_schemas.clip import Samples

RATE_HZ = 48_000


def drone(seconds: float) -> Samples:
    """A low, slowly beating tone: the hardest thing to place by ear or by eye."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = np.sin(2 * np.pi * 55 * t) * (1 + 0.3 * np.sin(2 * np.pi * 0.8 * t)) + 0.1 * np.sin(2 * np.pi * 330 * t)
    return (0.4 * tone).astype(np.float32)[:, None]


def noise(seconds: float, seed: int) -> Samples:
    return np.random.default_rng(seed).normal(0, 0.1, (round(seconds * RATE_HZ), 1)).astype(np.float32)


@pytest.mark.parametrize("shift_frames", [-700, -1, 0, 1, 2, 2_000])
@pytest.mark.parametrize("take", [drone(1.0), noise(0.2, 1)], ids=["drone", "noise"])
def test_a_take_is_found_to_the_frame_wherever_it_lies(take: Samples, shift_frames: int) -> None:
    recording = np.zeros((3 * RATE_HZ, 2), np.float32)
    begins_at = RATE_HZ + shift_frames
    recording[begins_at : begins_at + len(take)] += 0.3 * take

    found = find_take(recording, take, near_frame=RATE_HZ, within_frames=2_400, sample_rate_hz=RATE_HZ)

    assert found is not None
    assert found.frame == begins_at
    assert found.likeness > 0.99


def test_another_sound_over_it_does_not_move_it() -> None:
    take = noise(0.5, 1)
    recording = np.zeros((2 * RATE_HZ, 2), np.float32)
    recording[10_000 : 10_000 + len(take)] += take
    recording[9_000 : 9_000 + RATE_HZ] += 2 * drone(1.0)

    found = find_take(recording, take, near_frame=10_000, within_frames=2_400, sample_rate_hz=RATE_HZ)

    assert found is not None
    assert found.frame == 10_000


@pytest.mark.parametrize("recording", [np.zeros((RATE_HZ, 2), np.float32), np.repeat(noise(1.0, 2), 2, axis=1)])
def test_a_take_that_is_not_there_is_not_found(recording: Samples) -> None:
    take = noise(0.2, 1)

    assert find_take(recording, take, near_frame=9_000, within_frames=2_400, sample_rate_hz=RATE_HZ) is None


def test_a_low_note_that_takes_over_from_another_is_not_found_a_period_late() -> None:
    low, lower = drone(1.0), -drone(1.0)
    recording = np.zeros((2 * RATE_HZ, 2), np.float32)
    recording[10_000 : 10_000 + len(low)] += low
    out = np.zeros(len(lower), np.float32)
    out[:240] = np.cos(np.arange(240) / 240 * np.pi / 2)
    recording[10_000 : 10_000 + len(lower)] += 2 * lower * out[:, None]  # the one that goes, on its way out

    found = find_take(recording, low, near_frame=10_000, within_frames=4_800, sample_rate_hz=RATE_HZ, skip_frames=480)

    assert found is not None
    assert found.frame == 10_000
