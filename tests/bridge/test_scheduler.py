import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.scheduler import FIRST_LATENCY_S, LatencyBook, landing_beat, request_for, verdict
from osc_schemas.cue import Cue, LateRule


def cue(**changes: object) -> Cue:
    wanted: dict[str, object] = {"name": "kick", "track": "drums", "prompt": "deep kick", "length_beats": 1.0}
    return Cue(**(wanted | changes))  # type: ignore[arg-type]


def test_a_cue_that_just_misses_its_bar_lands_on_the_next() -> None:
    assert landing_beat(earliest_beat=7.5, quantum_beats=4) == 8
    assert landing_beat(earliest_beat=8.5, quantum_beats=4) == 12


def test_a_hair_past_the_bar_line_is_still_on_it() -> None:
    assert landing_beat(earliest_beat=8.000001, quantum_beats=4) == 8


def test_no_quantum_lands_where_it_can() -> None:
    assert landing_beat(earliest_beat=6.7, quantum_beats=0) == 6.7


@given(st.floats(0, 1e6), st.floats(0.0625, 64))
def test_a_landing_is_on_the_quantum_and_less_than_one_away(earliest_beat: float, quantum_beats: float) -> None:
    beat = landing_beat(earliest_beat=earliest_beat, quantum_beats=quantum_beats)

    assert beat / quantum_beats == pytest.approx(round(beat / quantum_beats))
    assert -1e-5 <= (beat - earliest_beat) / quantum_beats < 1


def test_the_tail_is_a_quarter_second_but_never_more_than_half_the_clip() -> None:
    def tail_frames(frames: int) -> int:
        return request_for(
            cue(), request_id="r", frames=frames, sample_rate_hz=48_000, tempo_bpm=120, deadline_in_s=1, exact=False
        ).tail_frames

    assert tail_frames(48_000) == 12_000
    assert tail_frames(10_000) == 5_000


def test_a_deadline_that_has_passed_is_now() -> None:
    late = request_for(
        cue(), request_id="r", frames=9, sample_rate_hz=48_000, tempo_bpm=120, deadline_in_s=-3, exact=False
    )

    assert late.deadline_in_s == 0


def test_the_lookahead_follows_what_the_engine_really_takes() -> None:
    book = LatencyBook()
    short = request_for(
        cue(), request_id="r", frames=24_000, sample_rate_hz=48_000, tempo_bpm=120, deadline_in_s=1, exact=False
    )
    assert book.p99_s(short) == FIRST_LATENCY_S

    for milliseconds in range(1, 101):
        book.note(short, milliseconds / 1_000)

    assert book.p99_s(short) == pytest.approx(0.099)
    assert book.overall_s() == (pytest.approx(0.050), pytest.approx(0.099))


@pytest.mark.parametrize(
    ("rule", "has_last_take", "expected"),
    [
        ("last-take", True, "last-take"),
        ("last-take", False, "next"),
        ("next", True, "next"),
        ("now", True, "now"),
        ("drop", False, "drop"),
    ],
)
def test_what_becomes_of_a_late_clip(rule: LateRule, has_last_take: bool, expected: str) -> None:
    assert verdict(cue(late=rule), has_last_take=has_last_take) == expected
