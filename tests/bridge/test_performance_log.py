"""A performance written down while a real player plays it, and read back."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import performance_log
from bridge.elsewhere import AllOf, Answer, Elsewhere, Nowhere
from bridge.performance import read_performance
from bridge.performance_log import Notes, PerformanceLog
from bridge.player import Player
from bridge.set_file import Effect, Set, TimelineMove, TrackSpec
from tests.bridge.stage import Stage, a_set, cue


class Noted:
    """A stage whose performance is written down."""

    def __init__(self, music: Set, folder: Path, *besides: Elsewhere, unix_s: float | None = 0.0) -> None:
        self.troubles: list[str] = []
        self.log = PerformanceLog(
            folder,
            music,
            made="live" if unix_s is not None else "render",
            unix_s=unix_s,
            on_trouble=self.troubles.append,
        )
        self._besides = besides
        self.stage = Stage(music, folder, elsewhere=self._elsewhere)

    def _elsewhere(self, player: Player) -> Elsewhere:
        self.notes = Notes(player, self.log)
        return AllOf((*self._besides, self.notes))

    def end(self) -> Path:
        self.notes.end()
        self.log.close()
        self.stage.library.close()
        return self.log.path


LOOP = cue("kick", loop=True, length_beats=4.0, quantum_beats=4.0)
CLAP = cue("clap", track="drums")


def test_what_is_fired_is_read_back_on_its_beats(tmp_path: Path) -> None:
    noted = Noted(a_set(LOOP, CLAP, title="Night Drive"), tmp_path)
    noted.stage.hear("/cue/go", name="kick")
    noted.stage.run(7)
    noted.stage.hear("/cue/go", name="clap")
    noted.stage.run(3)

    performance = read_performance(noted.end())

    loop, clap = performance.played
    assert (loop.cue, loop.loop, loop.beat, loop.length_beats) == ("kick", True, 0.0, 4.0)
    assert loop.end_beat == pytest.approx(8.0, abs=1e-6)  # ten beats of sound, and two of them the preroll
    assert (clap.cue, clap.loop, clap.end_beat) == ("clap", False, None)
    assert clap.beat == 6.0
    assert clap.take_id in noted.stage.library.takes
    assert clap.gain == noted.stage.player.launcher.history["drums"][-1][1].gain
    assert performance.performance_id == "1970-01-01-000000-night-drive"
    assert noted.troubles == []


def test_stopping_changing_and_going_elsewhere_are_noted(tmp_path: Path) -> None:
    noted = Noted(a_set(replace(LOOP, tempo="keep"), CLAP), tmp_path)
    stage = noted.stage
    stage.hear("/cue/go", name="kick")
    stage.run(6)
    stage.player.set_gain("drums", -6.0, ramp_s=0.0)
    stage.run(1)
    stage.player.conductor.set_tempo(60.0)  # from the first bar line a second ahead on
    stage.run(6)
    stage.player.conductor.locate(1.0, fade_s=0.0)
    stage.run(1)
    stage.hear("/cue/go", name="clap")
    stage.run(6)
    stage.player.stop(fade_s=0.0)
    stage.run(1)

    performance = read_performance(noted.end())

    loop, clap = performance.played
    assert loop.end_beat is not None
    assert performance.tempi[:2] == ((0.0, 120.0), (8.0, 60.0))
    assert performance.tracks[0].gains[0] == (pytest.approx(4.0, abs=0.05), -6.0)
    assert 8.0 < loop.end_beat <= clap.beat  # laid behind, from a bar line on
    assert any(name.startswith("goes on from bar") for _, name in performance.markers)


@pytest.mark.parametrize("at_beat", [2.5, 8.0, 13.0])
def test_a_knob_that_the_timeline_turns_is_noted_on_its_beat_and_not_when_it_is_planned(
    tmp_path: Path, at_beat: float
) -> None:
    moves = (TimelineMove(beat=at_beat, shape="drums.room", value=0.5),)
    noted = Noted(a_set(LOOP, timeline=((0.0, "kick"),), moves=moves), tmp_path)
    noted.stage.player.play()
    noted.stage.run(18)

    performance = read_performance(noted.end())

    dry, wet = performance.played
    takes = noted.stage.library.takes
    assert dry.beat == 0.0
    assert dry.end_beat == wet.beat == pytest.approx(at_beat, abs=1e-4)
    assert wet.from_beats == pytest.approx(at_beat % 4, abs=1e-4)
    assert (takes[dry.take_id].request.shape.room, takes[wet.take_id].request.shape.room) == (0.0, 0.5)


def test_a_turn_that_never_sounds_because_its_track_is_stopped_is_not_noted(tmp_path: Path) -> None:
    moves = (TimelineMove(beat=8.0, shape="drums.room", value=0.5),)
    noted = Noted(a_set(LOOP, timeline=((0.0, "kick"),), moves=moves), tmp_path)
    noted.stage.player.play()
    noted.stage.run(9.5)  # two of them before the first beat: the turn is planned by now
    noted.stage.player.stop_track("drums", fade_s=0.0)
    noted.stage.run(4)

    path = noted.end()

    assert '"bent"' not in path.read_text()
    [played] = read_performance(path).played
    assert played.end_beat == pytest.approx(7.5, abs=0.03)


class AHost(Nowhere):
    """A host that plays everything."""

    def answer(self, landing_id: str) -> Answer:
        return "heard"


def test_what_a_host_plays_is_noted_as_well(tmp_path: Path) -> None:
    noted = Noted(a_set(LOOP), tmp_path, AHost())
    noted.stage.hear("/cue/go", name="kick")
    noted.stage.run(8)

    path = noted.end()

    assert [(played.cue, played.beat) for played in read_performance(path).played] == [("kick", 0.0)]
    assert '"here": false' in path.read_text()


@pytest.mark.parametrize(("unix_s", "heard"), [(None, ("Reverb", "Warm.vst3")), (0.0, ())])
def test_effects_are_noted_where_they_are_heard_which_is_in_a_render(
    tmp_path: Path, unix_s: float | None, heard: tuple[str, ...]
) -> None:
    effects = (Effect(name="Reverb", parameters={"room_size": 0.4}), Effect(path="Warm.vst3", parameters={"mix": 0.5}))
    tracks = {"drums": TrackSpec(name="drums", effects=effects)}
    noted = Noted(a_set(LOOP, tracks=tracks, path=tmp_path / "night.toml"), tmp_path, unix_s=unix_s)
    noted.stage.hear("/cue/go", name="kick")
    noted.stage.run(4)

    found = read_performance(noted.end()).tracks[0].effects
    assert tuple(effect.name or effect.path for effect in found) == tuple(
        name if name == "Reverb" else str(tmp_path / name) for name in heard
    )
    assert [effect.parameters for effect in found] == [effect.parameters for effect in effects[: len(heard)]]


def test_fades_are_those_of_the_cues_and_of_the_stop(tmp_path: Path) -> None:
    second = replace(LOOP, name="pad", swap_fade_ms=40.0)
    noted = Noted(a_set(LOOP, second, timeline=((0.0, "kick"), (4.0, "pad"))), tmp_path)
    noted.stage.player.play()
    noted.stage.run(9)
    noted.stage.player.stop(fade_s=0.03)
    noted.stage.run(1)

    first, last = read_performance(noted.end()).played
    assert (first.fade_out_s, last.fade_out_s) == (0.04, 0.03)


def test_who_plays_nothing_leaves_no_file(tmp_path: Path) -> None:
    noted = Noted(a_set(LOOP), tmp_path)
    noted.stage.run(2)

    assert not noted.end().exists()


def test_a_second_performance_in_the_same_second_has_a_name_of_its_own(tmp_path: Path) -> None:
    paths = []
    for _ in range(2):
        noted = Noted(a_set(LOOP), tmp_path)
        noted.stage.hear("/cue/go", name="kick")
        noted.stage.run(4)
        paths.append(noted.end())

    assert [path.name for path in paths] == ["1970-01-01-000000.jsonl", "1970-01-01-000000-2.jsonl"]


def test_each_line_is_on_disk_before_the_next_and_a_full_performance_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performance_log, "LINES_MAX", 6)
    noted = Noted(a_set(CLAP), tmp_path)
    for _ in range(8):
        noted.stage.hear("/cue/go", name="clap")
        noted.stage.run(1.5)

    path = noted.end()

    assert len(path.read_text().splitlines()) == 6
    assert noted.troubles == [f"the performance {path.name} has 6 lines, and gets no more; the music goes on"]


def test_a_disk_that_takes_nothing_is_said_once_and_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "performances").write_text("a file where the folder should be")
    noted = Noted(a_set(CLAP), tmp_path)
    for _ in range(3):
        noted.stage.hear("/cue/go", name="clap")
        noted.stage.run(2)
    noted.end()

    [trouble] = noted.troubles
    assert "cannot be written" in trouble
    assert os.path.isfile(tmp_path / "performances")
