from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.timing.tempo import Meter
from bridge.timing.transport import Transport


def at_124_bpm() -> Transport:
    transport = Transport(tempo_bpm=124, sample_rate_hz=48_000)
    transport.play(at_frame=0)
    return transport


def test_beats_are_not_whole_frames_and_do_not_drift() -> None:
    transport = at_124_bpm()

    frames = [transport.frame_at_beat(beat) for beat in range(5)]

    assert [b - a for a, b in pairwise(frames)] == [23226, 23226, 23225, 23226]
    assert transport.frame_at_beat(124 * 60) == 60 * 60 * 48_000  # an hour later, to the frame


@given(st.floats(20, 999), st.integers(0, 10**9))
def test_a_frame_and_its_beat_are_one_instant(tempo_bpm: float, frame: int) -> None:
    transport = Transport(tempo_bpm=tempo_bpm, sample_rate_hz=48_000)
    transport.play(at_frame=0)

    assert abs(transport.frame_at_beat(transport.beat_at_frame(frame)) - frame) <= 1


def test_a_start_in_the_future_counts_in() -> None:
    transport = Transport(tempo_bpm=120, sample_rate_hz=48_000)

    transport.play(at_frame=48_000)

    assert transport.beat_at_frame(0) == -2
    assert transport.frame_at_beat(0) == 48_000


def test_a_tempo_change_bends_time_from_its_beat_on() -> None:
    transport = Transport(tempo_bpm=120, sample_rate_hz=48_000)
    transport.play(at_frame=0)

    transport.set_tempo(60, at_beat=4, at_frame=1_000)

    assert transport.frame_at_beat(3) == 72_000
    assert transport.frame_at_beat(4) == 96_000
    assert transport.frame_at_beat(5) == 144_000
    assert transport.beat_at_frame(144_000) == 5
    assert (transport.tempo_bpm(95_999), transport.tempo_bpm(96_000)) == (120, 60)


def test_a_second_tempo_change_before_the_first_replaces_it() -> None:
    transport = Transport(tempo_bpm=120, sample_rate_hz=48_000)
    transport.play(at_frame=0)

    transport.set_tempo(60, at_beat=4, at_frame=0)
    transport.set_tempo(240, at_beat=4, at_frame=0)

    assert transport.frame_at_beat(5) == 96_000 + 12_000


def test_stopped_music_stands_still_and_goes_on_from_there() -> None:
    transport = Transport(tempo_bpm=120, sample_rate_hz=48_000)
    transport.play(at_frame=0)

    transport.stop(at_frame=36_000)
    assert transport.beat_at_frame(10**6) == 1.5

    transport.play(at_frame=10**6)
    assert transport.frame_at_beat(2.5) == 10**6 + 24_000


def test_a_nudge_shifts_what_is_still_to_come() -> None:
    transport = at_124_bpm()

    transport.nudge_frames = 480

    assert transport.frame_at_beat(0) == 480
    assert transport.beat_at_frame(480) == 0


def test_locating_makes_this_frame_that_beat() -> None:
    transport = at_124_bpm()

    transport.locate(32, at_frame=500)

    assert transport.frame_at_beat(32) == 500
    assert transport.tempo_bpm(500) == 124


@pytest.mark.parametrize(("beat", "position"), [(0.0, (1, 1.0)), (3.5, (1, 4.5)), (4.0, (2, 1.0)), (63.0, (16, 4.0))])
def test_a_musician_counts_from_one(beat: float, position: tuple[int, float]) -> None:
    meter = Meter(beats_per_bar=4)

    assert meter.position(beat) == position
    assert meter.beat_at(*position) == beat


def test_the_tempo_of_a_beat_is_exact_where_it_changes_between_two_frames() -> None:
    transport = at_124_bpm()
    transport.set_tempo(90, at_beat=1, at_frame=0)  # frame 23225.8, so its nearest frame lies behind it

    assert [transport.tempo_at_beat(beat) for beat in (0, 0.99, 1, 2, float("inf"))] == [124, 124, 90, 90, 90]
    assert transport.frames_in(3, from_beat=1) == 96_000
