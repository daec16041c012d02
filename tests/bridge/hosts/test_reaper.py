"""The REAPER adapter and its script: real files, the real Lua, a real folder; REAPER itself is a stand-in."""

import json
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from bridge.hosts.base import HostChoice, HostClip, HostError, HostLost
from bridge.hosts.reaper import PRODUCT, ReaperHost
from bridge.hosts.reaper_places import look, resource_path, script_folder
from tests.bridge.hosts.reaper_stand_in import Item, ReaperStandIn


@dataclass
class Stage:
    """REAPER with our script running, and an adapter whose waiting is REAPER's turn."""

    folder: Path
    reaper: ReaperStandIn
    passed_s: float = 0.0
    stopped: bool = False
    hosts: list[ReaperHost] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        return script_folder(self.folder) / "spool"

    @property
    def script(self) -> Path:
        return script_folder(self.folder) / "upbeat.lua"

    def host(self) -> ReaperHost:
        host = ReaperHost(self.folder, pause=self.pause, unix_s=self.unix_s)
        host.connect()
        return host

    def pause(self, pause_s: float) -> None:
        """The adapter waits: REAPER has its turn, or time passes while it hangs."""
        if self.stopped:
            self.passed_s += 0.25
        else:
            self.reaper.pump()

    def unix_s(self) -> float:
        return time.time() + self.passed_s


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    PRODUCT.install(tmp_path)
    stage = Stage(tmp_path, ReaperStandIn("Drums", "Bass"))
    stage.reaper.run(stage.script)
    return stage


def a_clip(folder: Path, *, rate_hz: int = 48_000, seconds: float = 2.0, **changes: Any) -> HostClip:
    path = folder / "kick 1.wav"
    frames = round(seconds * rate_hz)
    sf.write(path, np.zeros((frames, 2), np.float32), rate_hz, subtype="FLOAT")
    clip = HostClip(
        path=path,
        take_id="take-1",
        name="kick 9f2785",
        length_beats=4,
        tempo_bpm=120,
        frames=frames,
        sample_rate_hz=rate_hz,
        loop=True,
    )
    return replace(clip, **changes)


def only_item(stage: Stage, track: str) -> Item:
    (item,) = stage.reaper.items(track)
    return item


def test_connecting_says_which_reaper_it_is_and_which_tracks_it_has(stage: Stage) -> None:
    host = stage.host()
    assert host.connect() == "REAPER 7.22/stand-in, its project at 48000 Hz"
    assert [(track.number, track.name) for track in host.tracks()] == [(1, "Drums"), (2, "Bass")]


def test_a_loop_lies_on_its_beat_as_long_as_its_beats_and_keeps_to_them(stage: Stage) -> None:
    placement = stage.host().place_at_beat(a_clip(stage.folder), track="Bass", beat=8)

    item = only_item(stage, "Bass")
    assert placement.token == item.guid
    assert item.values["D_POSITION"] == pytest.approx(4.0, abs=1e-12)
    assert item.values["D_LENGTH"] == pytest.approx(2.0, abs=1e-12)
    assert (item.values["B_LOOPSRC"], item.values["C_BEATATTACHMODE"]) == (1, 1)
    take = item.takes[0]
    assert take.source is not None
    assert Path(take.source.path) == a_clip(stage.folder).path
    assert take.strings["P_NAME"] == "kick 9f2785"
    assert take.values == {}, "at its own tempo nothing is stretched"


def test_a_loop_across_a_change_of_tempo_is_brought_to_the_length_of_its_beats_there(stage: Stage) -> None:
    stage.host().place_at_beat(a_clip(stage.folder), track="Bass", beat=14)  # the tempo falls to 96 at beat 16

    item = only_item(stage, "Bass")
    assert item.values["D_POSITION"] == pytest.approx(7.0)
    assert item.values["D_LENGTH"] == pytest.approx(2 * 0.5 + 2 * 0.625)
    rate = item.takes[0].values["D_PLAYRATE"]
    assert rate * item.values["D_LENGTH"] == pytest.approx(2.0), "one pass of the file fills the item"
    assert item.takes[0].values["B_PPITCH"] == 1


def test_a_single_sound_keeps_its_own_length_tail_and_speed(stage: Stage) -> None:
    clip = a_clip(stage.folder, seconds=3.25, loop=False)
    stage.host().place_at_beat(clip, track="Drums", beat=20)

    item = only_item(stage, "Drums")
    assert item.values["D_POSITION"] == pytest.approx(8 + 4 * 0.625)
    assert item.values["D_LENGTH"] == pytest.approx(3.25)
    assert (item.values["B_LOOPSRC"], item.values["C_BEATATTACHMODE"]) == (0, 2)
    assert item.takes[0].values == {}


def test_no_fade_is_added_and_peaks_are_drawn(stage: Stage) -> None:
    stage.host().place_at_beat(a_clip(stage.folder), track="Bass", beat=0)

    item = only_item(stage, "Bass")
    assert (item.values["D_FADEINLEN"], item.values["D_FADEOUTLEN"]) == (0, 0)
    assert (item.values["D_FADEINLEN_AUTO"], item.values["D_FADEOUTLEN_AUTO"]) == (-1, -1)
    assert stage.reaper.actions == [40047]
    assert stage.reaper.arranged == 1


def test_the_users_cursor_and_selection_stay_whatever_we_do(stage: Stage) -> None:
    host = stage.host()
    placement = host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    host.time()
    host.remove(placement)
    # The stand-in has no function that moves either: a call of one would have been an error instead of an answer.
    assert (stage.reaper.cursor_s, stage.reaper.selected) == (7.25, [])


def test_each_deed_is_one_step_to_undo_with_a_name(stage: Stage) -> None:
    host = stage.host()
    placement = host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    host.remove(placement)
    assert stage.reaper.undo_steps == ['Upbeat: place "kick 9f2785" on "Bass"', "Upbeat: take a clip away"]


def test_undo_takes_back_our_step_and_never_the_users(stage: Stage) -> None:
    host = stage.host()
    host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    stage.reaper.undo_steps.append("Move items")
    with pytest.raises(HostError, match="REAPER's last step is 'Move items', which is not ours; undo it in REAPER"):
        host.undo()
    stage.reaper.undo_steps.pop()
    host.undo()
    assert stage.reaper.undo_steps == []
    with pytest.raises(HostError, match="REAPER's last step is 'nothing'"):
        host.undo()


def test_removing_finds_an_item_that_was_moved_and_leaves_what_is_not_ours(stage: Stage) -> None:
    host = stage.host()
    placement = host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    item = only_item(stage, "Bass")
    stage.reaper.tracks[1].items.remove(item)
    item.track = stage.reaper.tracks[0]
    item.track.items.append(item)  # the user dragged it to another track
    theirs = Item("{THEIRS}", stage.reaper.tracks[0])
    item.track.items.append(theirs)

    host.remove(placement)
    assert stage.reaper.items("Drums") == [theirs]
    host.remove(placement)  # gone already: no error, and no step to undo
    assert len(stage.reaper.undo_steps) == 2
    with pytest.raises(HostError, match="the item is not one of ours; delete it in REAPER"):
        host.remove(replace(placement, token="{THEIRS}"))
    assert stage.reaper.items("Drums") == [theirs]


def test_an_item_is_found_again_after_the_script_was_started_anew(stage: Stage) -> None:
    host = stage.host()
    placement = host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    stage.reaper.run(stage.script)
    host.remove(placement)
    assert stage.reaper.items("Bass") == []


def test_the_place_in_the_music_follows_the_tempo_map(stage: Stage) -> None:
    host = stage.host()
    stopped = host.time()
    assert (stopped.beat, stopped.playing) == (pytest.approx(14.5), False)
    assert stopped.tempo_bpm == pytest.approx(120)
    stage.reaper.play_state, stage.reaper.play_s = 1, 9.25
    playing = host.time()
    assert (playing.beat, playing.playing) == (pytest.approx(18.0), True)
    assert playing.tempo_bpm == pytest.approx(96)
    stage.reaper.play_state = 2
    assert not host.time().playing, "paused"
    stage.reaper.play_state = 5
    assert host.time().playing, "recording"


def test_another_sample_rate_than_the_projects_changes_nothing_as_reaper_resamples(stage: Stage) -> None:
    stage.host().place_at_beat(a_clip(stage.folder, rate_hz=44_100), track="Bass", beat=8)
    item = only_item(stage, "Bass")
    assert (item.values["D_POSITION"], item.values["D_LENGTH"]) == (pytest.approx(4), pytest.approx(2))
    assert item.takes[0].values == {}


def test_a_renamed_track_is_a_sentence_and_nothing_is_left_behind(stage: Stage) -> None:
    host = stage.host()
    stage.reaper.tracks[0].name = 'Drum "kit" \\ Größe 🥁'
    with pytest.raises(HostError, match="REAPER has no track 'Bas'; the nearest is Bass; it has Drum \"kit\""):
        host.place_at_beat(a_clip(stage.folder), track="Bas", beat=0)
    assert stage.reaper.undo_steps == []
    host.place_at_beat(a_clip(stage.folder), track='Drum "kit" \\ Größe 🥁', beat=0)
    stage.reaper.tracks.clear()
    with pytest.raises(HostError, match="no track 'Bass'; it has none"):
        host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)


def test_a_file_that_is_gone_or_holds_no_sound_is_a_sentence(stage: Stage) -> None:
    host, clip = stage.host(), a_clip(stage.folder)
    clip.path.write_bytes(b"not a WAV")
    with pytest.raises(HostError, match=r"REAPER cannot read the file: .*kick 1\.wav; generate the cue again"):
        host.place_at_beat(clip, track="Bass", beat=0)
    sf.write(clip.path, np.zeros((0, 2), np.float32), 48_000)
    with pytest.raises(HostError, match="there is no sound in the file"):
        host.place_at_beat(clip, track="Bass", beat=0)
    clip.path.unlink()
    with pytest.raises(HostError, match="the file is not there"):
        host.place_at_beat(clip, track="Bass", beat=0)
    assert (stage.reaper.items("Bass"), stage.reaper.undo_steps) == ([], [])


def test_a_beat_before_the_project_begins_is_refused(stage: Stage) -> None:
    with pytest.raises(HostError, match="beat is -1; it must be between 0 and 1e"):
        stage.host().place_at_beat(a_clip(stage.folder), track="Bass", beat=-1)


def test_an_error_inside_reaper_is_a_sentence_closes_its_undo_block_and_the_loop_goes_on(stage: Stage) -> None:
    host = stage.host()
    stage.reaper.failing["SetMediaItemTake_Source"] = RuntimeError("out of memory")
    with pytest.raises(HostError, match=r"REAPER did not do it: .*out of memory"):
        host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    stage.reaper.failing.clear()
    assert stage.reaper.items("Bass") == [], "no half item is left"
    assert [track.name for track in host.tracks()] == ["Drums", "Bass"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "no JSON at character 2 of 1"),
        ('{"deed": "hello"}', "until_unix_s must be a number"),
        ('{"deed": "hello", "until_unix_s": "soon"}', "until_unix_s must be a number"),
        ('{"deed": "Main_OnCommand", "until_unix_s": 1e11}', "there is no such deed"),
        ('{"deed": "answer", "until_unix_s": 1e11}', "there is no such deed"),
        ('{"until_unix_s": 1e11}', "there is no such deed"),
        ('{"deed": "place", "until_unix_s": 1e11}', "beat must be a number"),
        ('{"deed": "remove", "guid": null, "until_unix_s": 1e11}', "guid must be a string"),
        ("[1]", "until_unix_s must be a number"),
        ("x" * 70_000, "the request is too long"),
    ],
)
def test_a_broken_request_is_answered_in_a_sentence_and_stops_nothing(stage: Stage, text: str, sentence: str) -> None:
    (stage.spool / "requests" / "000000000000001-hand.json").write_text(text)
    stage.reaper.pump(cycles=2)
    answer = json.loads((stage.spool / "answers" / "000000000000001-hand.json").read_text())
    assert answer["ok"] is False
    assert sentence in answer["sentence"]
    assert list((stage.spool / "requests").iterdir()) == []
    assert [track.name for track in stage.host().tracks()] == ["Drums", "Bass"]


def test_an_error_of_the_loop_itself_does_not_end_it(stage: Stage) -> None:
    stage.reaper.failing["EnumerateFiles"] = RuntimeError("the folder is not to be had")
    stage.reaper.pump(cycles=3)
    stage.reaper.failing.clear()
    assert [track.name for track in stage.host().tracks()] == ["Drums", "Bass"]


def test_only_a_few_requests_are_done_in_one_turn_the_first_one_first(stage: Stage) -> None:
    for number in (9, 3, 7, 1, 5, 2):
        path = stage.spool / "requests" / f"{number:015d}-hand.json"
        path.write_text(json.dumps({"deed": "hello", "until_unix_s": time.time() + 60}))
    stage.reaper.pump(cycles=1)
    answered = sorted(int(path.name[:15]) for path in (stage.spool / "answers").iterdir())
    assert answered == [1, 2, 3, 5]
    stage.reaper.pump(cycles=1)
    assert len(list((stage.spool / "answers").iterdir())) == 6


def test_a_request_of_an_earlier_run_is_never_carried_out_late(stage: Stage) -> None:
    late = {"deed": "place", "until_unix_s": time.time() - 5}
    (stage.spool / "requests" / "000000000000001-dead.json").write_text(json.dumps(late))
    stage.reaper.pump(cycles=2)
    answer = json.loads((stage.spool / "answers" / "000000000000001-dead.json").read_text())
    assert answer["reason"] == "too-late"

    stage.reaper.quit()
    fresh = {"deed": "hello", "until_unix_s": time.time() + 60}
    (stage.spool / "requests" / "000000000000002-dead.json").write_text(json.dumps(fresh))
    again = ReaperStandIn("Drums")
    again.run(stage.script)  # REAPER is started anew: nobody waits any more for what lay there before
    again.pump(cycles=2)
    assert not (stage.spool / "answers" / "000000000000002-dead.json").exists()
    assert list((stage.spool / "requests").iterdir()) == []


def test_what_reaper_does_not_take_in_time_is_called_back(stage: Stage) -> None:
    host = stage.host()
    stage.stopped = True  # a dialog is open: nothing that was deferred runs
    with pytest.raises(HostLost, match="did not take a request in time; it was called back"):
        host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    stage.stopped = False
    stage.reaper.pump(cycles=5)
    assert stage.reaper.items("Bass") == []


def test_reaper_that_quits_in_the_middle_of_a_placement_is_lost_and_says_to_look(stage: Stage) -> None:
    host = stage.host()

    def quit_while_at_it(_pause_s: float) -> None:
        stage.passed_s += 0.25
        for path in (stage.spool / "requests").glob("*.json"):
            path.unlink()  # taken, and never answered

    host._open._pause = quit_while_at_it  # type: ignore[union-attr]
    with pytest.raises(HostLost, match="took a request and did not answer; it has quit in the middle"):
        host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)


def test_reaper_that_is_closed_is_lost_at_once_and_found_again(stage: Stage) -> None:
    host = stage.host()
    stage.reaper.quit()
    with pytest.raises(HostLost, match="REAPER gives no sign of life"):
        host.tracks()
    with pytest.raises(HostLost, match=r"does not run Upbeat's script; in REAPER: Actions > .*upbeat\.lua"):
        host.connect()
    stage.reaper.run(stage.script)
    host.connect()
    assert len(host.tracks()) == 2


def test_a_reaper_that_crashed_is_noticed_by_the_age_of_its_heartbeat(stage: Stage) -> None:
    host = stage.host()
    an_hour_ago = time.time() - 3600
    os.utime(stage.spool / "heartbeat", (an_hour_ago, an_hour_ago))
    with pytest.raises(HostLost, match="no sign of life"):
        host.time()


def test_a_script_started_twice_goes_on_once(stage: Stage) -> None:
    stage.reaper.run(stage.script)
    stage.reaper.pump(cycles=2)
    assert stage.reaper.runs == 1
    assert len(stage.host().tracks()) == 2


def test_two_bridges_share_a_spool_and_each_gets_its_own_answers(stage: Stage) -> None:
    one, other = stage.host(), stage.host()
    first = one.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    second = other.place_at_beat(a_clip(stage.folder), track="Bass", beat=4)
    assert first.token != second.token
    one.remove(first)
    assert [item.guid for item in stage.reaper.items("Bass")] == [second.token]
    assert list((stage.spool / "answers").iterdir()) == []


def test_a_full_disk_is_a_sentence_and_leaves_no_half_request(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    host = stage.host()

    def full(path: Path, text: str, **_: Any) -> int:
        path.write_bytes(text.encode()[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(HostError, match=r"no request can be written to .*No space left on device.*make room there"):
        host.place_at_beat(a_clip(stage.folder), track="Bass", beat=0)
    assert list((stage.spool / "requests").iterdir()) == []


def test_an_answer_that_does_not_fit_on_the_disk_is_no_half_answer(stage: Stage) -> None:
    stage.reaper.lua.execute(
        """
        local open = io.open
        io.open = function(path, mode)
          if mode == "wb" and path:match("answers") then
            return { write = function() return nil, "No space left on device" end, close = function() return true end }
          end
          return open(path, mode)
        end
        """
    )
    (stage.spool / "requests" / "000000000000001-hand.json").write_text('{"deed": "hello", "until_unix_s": 1e11}')
    stage.reaper.pump(cycles=3)
    assert list((stage.spool / "answers").iterdir()) == []
    assert stage.reaper.runs == 1, "the loop goes on"


def test_slots_are_refused_with_what_to_write_instead(stage: Stage) -> None:
    with pytest.raises(HostError, match='REAPER cannot put clips into slots for us; write host_place = "arrangement"'):
        stage.host().place_in_slot(a_clip(stage.folder), track="Bass", slot=1)


def test_installing_puts_three_files_that_look_finds_and_remove_takes_away(tmp_path: Path) -> None:
    (tmp_path / "reaper.ini").write_text("[REAPER]\n")
    assert [found.state for found in look(tmp_path)] == ["good", "missing"]
    said = PRODUCT.install(tmp_path)
    assert "Load ReaScript" in said[1]
    assert [found.state for found in look(tmp_path)] == ["good", "good", "missing"]
    reaper = ReaperStandIn("Drums")
    reaper.run(script_folder(tmp_path) / "upbeat.lua")
    assert [found.state for found in look(tmp_path)] == ["good", "good", "good"]
    (script_folder(tmp_path) / "json.lua").write_text("-- an older one")
    assert look(tmp_path)[1].state == "broken"
    (script_folder(tmp_path) / "theirs.lua").write_text("-- not ours")
    PRODUCT.remove(tmp_path)
    assert [path.name for path in script_folder(tmp_path).iterdir()] == ["theirs.lua"]
    (script_folder(tmp_path) / "theirs.lua").unlink()
    PRODUCT.install(tmp_path)
    PRODUCT.remove(tmp_path)
    assert not script_folder(tmp_path).exists()
    assert "nothing was taken away" in PRODUCT.remove(tmp_path)[0]


def test_the_resource_path_is_found_on_each_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    for system, place in (
        ("linux", ".config/REAPER"),
        ("darwin", "Library/Application Support/REAPER"),
        ("win32", "AppData/Roaming/REAPER"),
    ):
        home = tmp_path / system
        with pytest.raises(HostError, match="REAPER has no resource path in its usual places"):
            resource_path(None, home=home, system=system)
        (home / place).mkdir(parents=True)
        assert resource_path(None, home=home, system=system) == home / place
    with pytest.raises(HostError, match="is no folder"):
        PRODUCT.host(HostChoice(name="reaper", folder=tmp_path / "nowhere")).connect()


def test_a_script_of_another_version_is_a_sentence(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.hosts.reaper.SCRIPT_VERSION", 2)
    with pytest.raises(HostError, match="REAPER runs version 1 of Upbeat's script, not 2"):
        stage.host()
