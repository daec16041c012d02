"""A performance read back: what its lines tell, laid out as an arrangement."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.performance import (
    Performance,
    PerformanceError,
    find_performance,
    list_performances,
    performance_of,
    performances_folder,
    read_performance,
)

BEGAN: dict[str, Any] = {
    "kind": "began",
    "format": 1,
    "made": "live",
    "title": "Night",
    "began_unix_s": 0.0,
    "sample_rate_hz": 48_000,
    "meter": "4/4",
    "tempo_bpm": 120.0,
    "tracks": [{"name": "drums", "gain_db": -3.0}, {"name": "bass", "gain_db": 0.0}],
    "scenes": {"drop": ["kick", "sub"]},
    "timeline": [[0.0, "kick"], [0.0, "sub"], [8.0, "clap"], [90.0, "never"]],
}


def launch(beat: float, take_id: str, *, track: str = "drums", loop: bool = True) -> dict[str, Any]:
    line = {"kind": "launch", "cue": take_id.split("-")[0], "take_id": take_id, "track": track, "beat": beat}
    return line | {"heard_frame": 0, "loop": loop, "length_beats": 4.0, "gain": 0.5, "here": True}


def line(kind: str, **values: object) -> dict[str, Any]:
    return {"kind": kind, **values}


def told(*lines: dict[str, Any]) -> Performance:
    return performance_of("night", [BEGAN, line("plays", beat=-2.0, tempo_bpm=120.0), *lines])


def ends(performance: Performance) -> list[tuple[str, float, float | None]]:
    return [(played.take_id, played.beat, played.end_beat) for played in performance.played]


def test_a_loop_goes_on_until_another_takes_over_and_the_last_until_the_end() -> None:
    performance = told(
        launch(0, "kick-1"), launch(0, "sub-1", track="bass"), launch(8, "kick-2"), line("ended", beat=12.0)
    )

    assert ends(performance) == [("kick-1", 0, 8), ("sub-1", 0, 12), ("kick-2", 8, 12)]
    assert performance.end_beat == 12


def test_a_loop_that_gives_way_fades_as_long_as_the_one_that_takes_over_wants() -> None:
    swap = {"swap_s": 0.04, "sustained": True}
    struck = {"swap_s": 0.005, "sustained": False}
    performance = told(
        launch(0, "pad-1") | swap, launch(8, "pad-2") | swap, launch(12, "kick-1") | struck, line("ended", beat=16.0)
    )

    fades = [(played.fade_in_s, played.fade_out_s) for played in performance.played]
    assert fades == [(0.0, 0.04), (0.04, 0.005), (0.0, 0.0)]  # what is struck keeps its attack


def test_what_is_bent_is_crossfaded_and_what_is_stopped_fades_out() -> None:
    bent = line("bent", track="drums", beat=5.0, old_take_id="kick-1", new_take_id="kick-2", swap_s=0.015)
    stopped = line("stopped", track="drums", beat=7.0, fade_s=0.03)
    performance = told(launch(0, "kick-1"), bent, launch(6, "clap-1", loop=False), stopped, line("ended", beat=8.0))

    fades = {played.take_id: (played.fade_in_s, played.fade_out_s) for played in performance.played}
    assert fades == {"kick-1": (0.0, 0.015), "kick-2": (0.015, 0.03), "clap-1": (0.0, 0.03)}


def test_a_performance_of_before_fades_were_noted_has_none() -> None:
    performance = told(launch(0, "kick-1"), launch(8, "kick-2"), line("stopped", track="drums", beat=10.0))

    assert {(played.fade_in_s, played.fade_out_s) for played in performance.played} == {(0.0, 0.0)}


def test_a_one_shot_takes_over_from_nothing_and_ends_only_when_its_track_is_stopped() -> None:
    performance = told(
        launch(0, "kick-1"),
        launch(3, "clap-1", loop=False),
        line("stopped", track="drums", beat=5.5),
        launch(6, "clap-1", loop=False),
        line("ended", beat=8.0),
    )

    assert ends(performance) == [("kick-1", 0, 5.5), ("clap-1", 3, 5.5), ("clap-1", 6, None)]


def test_of_two_loops_on_one_beat_the_later_one_was_heard() -> None:
    assert ends(told(launch(4, "kick-1"), launch(4, "kick-2"), line("ended", beat=8.0))) == [("kick-2", 4, 8)]


def test_what_was_bent_goes_on_as_the_new_take_at_the_same_place_of_the_loop() -> None:
    bent = line("bent", track="drums", beat=5.0, old_take_id="kick-1", new_take_id="kick-2", gain=0.25)
    performance = told(launch(0, "kick-1"), bent, line("ended", beat=8.0))

    assert ends(performance) == [("kick-1", 0, 5), ("kick-2", 5, 8)]
    assert (performance.played[1].from_beats, performance.played[1].gain) == (1.0, 0.25)


def test_a_crash_leaves_a_loop_that_lasts_until_the_last_beat_known() -> None:
    assert ends(told(launch(0, "kick-1"), line("at", beat=21.5))) == [("kick-1", 0, 21.5)]
    assert ends(told(launch(0, "kick-1"))) == [("kick-1", 0, 4)]


def test_who_goes_back_plays_a_second_piece_behind_the_first_from_a_bar_line() -> None:
    performance = told(
        launch(0, "kick-1"),
        line("stands", beat=9.5),
        line("plays", beat=2.0, tempo_bpm=90.0),
        launch(5.5, "kick-2"),
        line("tempo", beat=8.0, tempo_bpm=100.0),
        line("marker", beat=8.0, name="drop"),
        line("ended", beat=12.0),
    )

    assert ends(performance) == [
        ("kick-1", 0, 9.5),
        ("kick-2", 13.5, 20),
    ]  # 12 is the first free bar line; 5.5 is 1.5 on
    assert performance.tempi == ((0, 120), (12, 90), (16, 100))
    assert performance.markers == (
        (0.0, "kick + sub"),
        (8.0, "clap"),
        (12.0, "goes on from bar 2"),
        (16.0, "clap"),
        (16.0, "drop"),
    )


def test_who_goes_forward_leaves_the_gap_as_it_was() -> None:
    performance = told(
        launch(0, "kick-1"),
        line("stands", beat=8.0),
        line("plays", beat=14.0, tempo_bpm=120.0),
        launch(16, "kick-2"),
        line("ended", beat=20.0),
    )

    assert ends(performance) == [("kick-1", 0, 8), ("kick-2", 16, 20)]


def test_gains_are_told_by_beat_from_what_the_set_says_at_first() -> None:
    gain = {"kind": "gain", "track": "drums"}
    performance = told(launch(0, "kick-1"), gain | {"beat": 6.0, "gain_db": -9.0}, line("ended", beat=8.0))

    assert [(track.name, track.gain_db, track.gains) for track in performance.tracks] == [
        ("drums", -3.0, ((6.0, -9.0),)),
        ("bass", 0.0, ()),
    ]


def test_a_gain_set_before_the_first_sound_is_the_first() -> None:
    lines = [line("gain", track="bass", beat=0.0, gain_db=2.0), line("plays", beat=-2.0, tempo_bpm=120.0)]
    performance = performance_of("night", [BEGAN, *lines, launch(0, "kick-1")])

    assert performance.tracks[1].gain_db == 2.0
    assert performance.tracks[1].gains == ()


def write(takes: Path, name: str, *lines: dict[str, Any], cut_off: str = "") -> Path:
    path = performances_folder(takes) / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + cut_off)
    return path


def test_a_last_line_that_was_cut_off_costs_itself_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "night", BEGAN, launch(0, "kick-1"), cut_off='{"kind": "launch", "cu')

    assert ends(read_performance(path)) == [("kick-1", 0, 4)]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "does not begin as a performance"),
        ([launch(0, "kick-1")], "does not begin as a performance"),
        ([BEGAN | {"format": 9}], "format 9, and this version reads 1"),
        ([BEGAN, {"kind": "launch", "beat": 0.0}], "is damaged"),
    ],
)
def test_what_is_no_performance_is_told_in_a_sentence(tmp_path: Path, lines: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(PerformanceError, match=says):
        read_performance(write(tmp_path, "night", *lines))


def test_a_performance_is_found_by_its_beginning_or_as_the_latest(tmp_path: Path) -> None:
    with pytest.raises(PerformanceError, match="play a set or render one"):
        find_performance(tmp_path, "latest")
    first, second = write(tmp_path, "2026-a", BEGAN), write(tmp_path, "2026-b", BEGAN)

    assert list_performances(tmp_path) == [first, second]
    assert find_performance(tmp_path, "latest") == second
    assert find_performance(tmp_path, "2026-a") == first
    with pytest.raises(PerformanceError, match="2 performances begin with '2026'"):
        find_performance(tmp_path, "2026")
    with pytest.raises(PerformanceError, match="there is no performance 'x'"):
        find_performance(tmp_path, "x")
