"""What takes long, beside the music: jobs that are picked up, and sounds at another rate."""

import threading
import time

import numpy as np
import pytest

from bridge.plugin_desk.beside import UNDER_WAY_MAX, Beside, at_rate


def picked_up(beside: Beside, name: str) -> object:
    ends_s = time.monotonic() + 5
    while (given := beside.result(name, lambda: "never")) is None:
        assert time.monotonic() < ends_s
        time.sleep(0.001)
    return given


def test_a_job_is_done_once_on_another_thread_and_picked_up_when_it_is_there() -> None:
    beside, runs = Beside(), []

    assert beside.result("one", lambda: runs.append(threading.current_thread()) or "made") is None
    assert picked_up(beside, "one") == "made"
    assert len(runs) == 1
    assert runs[0] is not threading.current_thread()
    beside.close()


def test_what_a_job_raises_is_raised_where_it_is_picked_up() -> None:
    beside = Beside()
    beside.result("bad", lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        picked_up(beside, "bad")
    beside.close()


def test_more_jobs_than_may_wait_are_all_done_in_the_end_and_those_that_nobody_asks_for_make_room() -> None:
    now = [0.0]
    beside = Beside(now_s=lambda: now[0])
    for name in range(UNDER_WAY_MAX):
        beside.result(("forgotten", name), lambda: 1)
    wanted = set(range(UNDER_WAY_MAX + 40))
    ends_s = time.monotonic() + 5
    while wanted:
        assert time.monotonic() < ends_s, f"{len(wanted)} are still waited for"
        now[0] += 1
        wanted -= {name for name in wanted if beside.result(name, lambda: time.sleep(0.0005) or 1)}
    beside.close()


@pytest.mark.parametrize("to_hz", [44_100, 96_000])
def test_a_tone_at_another_rate_is_the_same_tone(to_hz: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)[:, None].astype(np.float32)

    made = at_rate(tone, frames=to_hz, from_hz=48_000, to_hz=to_hz)

    wanted = np.sin(2 * np.pi * 440 * np.arange(to_hz) / to_hz)[:, None]
    assert made.shape == (to_hz, 1)
    assert np.max(np.abs(made - wanted)[1_000:-1_000]) < 1e-3


def test_at_its_own_rate_a_sound_is_left_alone() -> None:
    samples = np.ones((10, 2), np.float32)

    assert at_rate(samples, frames=10, from_hz=48_000, to_hz=48_000) is samples
