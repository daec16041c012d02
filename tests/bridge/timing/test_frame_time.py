"""Looks at a frame counter that is stale by up to a block, at the pace of a sound card that is not quite on time."""

import numpy as np
import pytest

from bridge.timing.frame_time import FrameClock

RATE_HZ = 48_000


def looked_at(
    *, block_frames: int, card_ppm: float = 0.0, seconds: float = 20.0, late_s: float = 0.0, seed: int = 0
) -> tuple[FrameClock, list[float]]:
    """A clock that looked every 10 ms, and its errors in ms about the latest frame, from the third second on."""
    rng = np.random.default_rng(seed)
    clock = FrameClock(sample_rate_hz=RATE_HZ)
    frames_per_s = RATE_HZ * (1 + card_ppm * 1e-6)
    errors_ms = []
    for k in range(round(seconds * 100)):
        at_s = 1_000 + 0.01 * k + rng.uniform(0, 0.002)
        seen_s = at_s - rng.uniform(0, late_s)  # whoever mixes was late, so the count is
        frame = int((seen_s - 1_000) * frames_per_s // block_frames) * block_frames
        clock.look(frame, at_s)
        errors_ms.append(1_000 * (clock.heard_s(frame) - (1_000 + frame / frames_per_s)))
    return clock, errors_ms[300:]


@pytest.mark.parametrize(("block_frames", "bound_ms"), [(64, 0.35), (256, 0.35), (1_024, 0.6)])
@pytest.mark.parametrize("card_ppm", [-80, 0, 200])
def test_a_frame_is_placed_in_time_far_within_a_block(block_frames: int, bound_ms: float, card_ppm: float) -> None:
    _, errors_ms = looked_at(block_frames=block_frames, card_ppm=card_ppm)

    assert max(map(abs, errors_ms)) < bound_ms


def test_a_mixer_that_is_often_late_is_not_believed() -> None:
    _, errors_ms = looked_at(block_frames=256, late_s=0.008)

    assert max(map(abs, errors_ms)) < 1


def test_latency_is_added_to_what_is_heard() -> None:
    clock, _ = looked_at(block_frames=256, seconds=5)
    before_s = clock.heard_s(480_000)

    clock.ahead_frames = 4_800

    assert clock.heard_s(480_000) - before_s == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize("lost_s", [0.2, -0.2])
def test_lost_frames_are_noticed_within_two_seconds(lost_s: float) -> None:
    clock, _ = looked_at(block_frames=256, seconds=10)

    for k in range(200):
        at_s = 1_010 + lost_s + 0.01 * k
        frame = int((at_s - lost_s - 1_000) * RATE_HZ // 256) * 256
        clock.look(frame, at_s)

    assert clock.heard_s(frame) == pytest.approx(1_000 + lost_s + frame / RATE_HZ, abs=0.0005)
