"""A performance as a DAWproject: kept to the published rules, and the same music when it is played from the file."""

import itertools
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.export.arrangement import TempoMap, lanes_of
from bridge.export.dawproject import DawProjectReport, write_dawproject
from bridge.export.media import media_of
from bridge.library import Library, Take, read_samples
from bridge.performance import Performance, Played, TrackPlayed
from bridge.set_words import Effect
from bridge.wav_chunks import read_musical
from osc_schemas.request import GenerateRequest
from tests.bridge.export.dawproject_player import DawProject
from tests.bridge.export.dawproject_rules import faults
from tests.bridge.stage import clip_of, cue

RATE_HZ = 48_000


@pytest.fixture
def takes(tmp_path: Path) -> dict[str, Take]:
    """Three takes at 120 BPM: a loop of four beats, a loop of two, a one-shot of one; by the names of their cues."""
    library = Library(tmp_path / "takes")
    kept = {}
    for seed, (name, beats) in enumerate({"bass": 4.0, "kick": 2.0, "clap": 1.0}.items()):
        frames = round(beats * 24_000)
        request = GenerateRequest(
            request_id=name,
            prompt=name,
            frames=frames,
            tail_frames=12_000,
            sample_rate_hz=RATE_HZ,
            seed=seed,
            key="D minor",
        )
        kept[name] = library.keep(
            clip_of(request), cue(name, length_beats=beats), tempo_bpm=120, loudness_lufs=-20, request_to_clip_ms=1
        )
    library.close()
    return kept


def played(
    take: Take, beat: float, *, track: str = "drums", end_beat: float | None = None, gain: float = 0.5
) -> Played:
    return Played(
        cue=take.cue,
        take_id=take.take_id,
        track=track,
        beat=beat,
        loop=end_beat is not None,
        length_beats=take.length_beats,
        gain=gain,
        end_beat=end_beat,
    )


def a_performance(*clips: Played, **changes: object) -> Performance:
    facts: dict[str, object] = {
        "performance_id": "2026-night",
        "title": "Night & Day",
        "made": "live",
        "began_unix_s": 0.0,
        "sample_rate_hz": RATE_HZ,
        "meter": (4, 4),
        "tempi": ((0.0, 120.0),),
        "tracks": (TrackPlayed(name="drums"), TrackPlayed(name="bass")),
        "played": clips,
        "markers": ((0.0, "intro"), (8.0, 'a "drop" <loud>')),
        "scenes": {},
        "end_beat": 16.0,
    }
    return Performance(**(facts | changes))  # type: ignore[arg-type]


def exported(performance: Performance, takes: Mapping[str, Take], path: Path) -> DawProjectReport:
    return write_dawproject(path, performance, {take.take_id: take for take in takes.values()})


def full(takes: Mapping[str, Take]) -> Performance:
    """Loops that take over, one-shots over them and over each other, gains, scenes and another tempo."""
    return a_performance(
        played(takes["kick"], 0, end_beat=8),
        played(takes["bass"], 0, track="bass", end_beat=16),
        *(played(takes["clap"], beat) for beat in (3, 3.5, 7)),
        played(takes["kick"], 8, end_beat=14, gain=0.25),
        tempi=((0.0, 120.0), (8.0, 100.0)),
        tracks=(
            TrackPlayed(name="drums", gain_db=-6.0, gains=((8.0, 0.0),)),
            TrackPlayed(name="bass", gain_db=3.0, gains=((4.0, -3.0),)),
        ),
        scenes={"drop": ("kick", "bass"), "nothing": ("unknown",)},
    )


def test_it_keeps_the_published_rules(takes: dict[str, Take], tmp_path: Path) -> None:
    report = exported(full(takes), takes, tmp_path / "a.dawproject")

    assert faults(tmp_path / "a.dawproject") == []
    assert (report.tracks, report.clips, report.takes, report.missing) == (2, 6, 3, {})
    assert not (tmp_path / "a.part").exists()


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('time="0" duration="16"', 'duration="16"', "Clip has no time"),
        ('contentTimeUnit="seconds">', 'contentTimeUnit="frames">', "contentTimeUnit of Warps is 'frames'"),
        ('destination="', 'destination="x', "destination of Channel leads nowhere"),
        ('id="id5"', 'id="id4"', "the id id4 twice"),
        ('unit="linear" value="1"', 'unit="linear" value="3"', "Volume is out of its range"),
        ("<Scenes>", '<Scenes tempo="3">', "Scenes may have no tempo"),
        ('path="audio/clap', 'path="audio/nothing', "there is no audio/nothing"),
        ('duration="2" channels', 'duration="2.5" channels', "frames, and 2.5 s are said"),
        ('<Pan id="', '<Volume unit="linear" /><Pan id="', "Channel holds"),
        ('<Warp time="0" contentTime="0" />', "", "warps need two points"),
        ('<Lanes id="id', '<Lanes id="x', ""),
    ],
)
def test_the_checker_of_the_rules_finds_faults(
    takes: dict[str, Take], tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    exported(full(takes), takes, tmp_path / "a.dawproject")
    with (
        zipfile.ZipFile(tmp_path / "a.dawproject") as whole,
        zipfile.ZipFile(tmp_path / "b.dawproject", "w") as broken,
    ):
        for name in whole.namelist():
            content = whole.read(name)
            assert name != "project.xml" or right.encode() in content
            broken.writestr(
                name, content.replace(right.encode(), wrong.encode(), 1) if name == "project.xml" else content
            )

    found = faults(tmp_path / "b.dawproject")

    assert any(says in fault for fault in found) if says else found == []  # another name alone is no fault


def test_the_same_performance_is_the_same_file(takes: dict[str, Take], tmp_path: Path) -> None:
    exported(full(takes), takes, tmp_path / "a.dawproject")
    exported(full(takes), takes, tmp_path / "b.dawproject")

    assert (tmp_path / "a.dawproject").read_bytes() == (tmp_path / "b.dawproject").read_bytes()


def test_clips_that_overlap_lie_on_tracks_of_a_group_and_no_two_on_one_another(
    takes: dict[str, Take], tmp_path: Path
) -> None:
    exported(full(takes), takes, tmp_path / "a.dawproject")

    project = DawProject(tmp_path / "a.dawproject")
    structure = project.root.findall("Structure/Track")
    group = structure[0]
    assert [track.get("name") for track in structure] == ["drums", "bass", "Master"]
    assert group.get("contentType") == "tracks"
    assert [track.get("name") for track in group.findall("Track")] == ["drums 1", "drums 2", "drums 3"]
    for clips in project.clips().values():
        spans = sorted(
            (float(c.get("time", "")), float(c.get("time", "")) + float(c.get("duration", ""))) for c in clips
        )
        assert all(end <= after + 1e-9 for (_, end), (after, _) in itertools.pairwise(spans))
    project.close()


def test_each_take_is_in_the_file_once_for_each_way_it_was_heard(takes: dict[str, Take], tmp_path: Path) -> None:
    exported(full(takes), takes, tmp_path / "a.dawproject")

    with zipfile.ZipFile(tmp_path / "a.dawproject") as archive:
        sounds = [name for name in archive.namelist() if name.endswith(".wav")]
        archive.extract(sounds[0], tmp_path)

    kick, clap, bass = (takes[name].take_id for name in ("kick", "clap", "bass"))
    # the kick was heard at two gains
    assert sorted(sounds) == sorted(f"audio/{name}.wav" for name in (kick, f"{kick}-2", bass, clap))
    musical = read_musical(tmp_path / sounds[0])
    assert musical is not None
    assert (musical.tempo_bpm, musical.length_beats, musical.loop, musical.key) == (120, 2.0, True, "D minor")
    assert musical.take_id == kick


def test_tempo_markers_and_gains_are_those_of_the_performance(takes: dict[str, Take], tmp_path: Path) -> None:
    exported(full(takes), takes, tmp_path / "a.dawproject")

    project = DawProject(tmp_path / "a.dawproject")
    by_name = {name: track_id for track_id, name in project.names.items()}
    assert project.tempi == [(0, 120), (8, 100)]
    assert project.markers == [(0, "intro"), (8, 'a "drop" <loud>')]
    assert project.gain_at(by_name["drums 2"], 7) == pytest.approx(10 ** (-6 / 20))
    assert project.gain_at(by_name["drums 2"], 8) == pytest.approx(1.0)
    assert project.gain_at(by_name["bass"], 0) == pytest.approx(10 ** (3 / 20))
    assert project.gain_at(by_name["bass"], 4) == pytest.approx(10 ** (-3 / 20))
    application = project.root.find("Application")
    assert application is not None
    assert application.get("name") == "Upbeat"
    title = ET.fromstring(project.archive.read("metadata.xml")).findtext("Title")
    assert title == "Night & Day"
    project.close()


def test_scenes_have_the_sets_own_first_and_then_every_other_take(takes: dict[str, Take], tmp_path: Path) -> None:
    exported(full(takes), takes, tmp_path / "a.dawproject")

    project = DawProject(tmp_path / "a.dawproject")
    rows = {
        scene.get("name"): [
            (project.names[slot.get("track", "")], [file.get("path") for file in slot.iter("File")])
            for slot in scene.findall("Lanes/ClipSlot")
        ]
        for scene in project.root.iter("Scene")
    }
    kick, clap, bass = (takes[name].take_id for name in ("kick", "clap", "bass"))
    assert rows["drop"] == [("drums 1", [f"audio/{kick}-2.wav"]), ("bass", [f"audio/{bass}.wav"])]  # the latest kick
    assert rows["takes 1"] == [("drums 1", [f"audio/{kick}.wav"]), ("drums 2", [f"audio/{clap}.wav"])]
    assert list(rows) == ["drop", "takes 1"]
    project.close()


def test_a_one_shot_lasts_its_own_seconds_over_a_change_of_tempo_and_is_cut_where_its_track_was_stopped(
    takes: dict[str, Take], tmp_path: Path
) -> None:
    cut = replace(played(takes["clap"], 12.0), end_beat=12.25)
    performance = a_performance(played(takes["clap"], 7.5), cut, tempi=((0.0, 120.0), (8.0, 60.0)))
    media = {
        clip: media_of(takes["clap"], read_samples(takes["clap"]), path="a.wav", loop=False, gain=1.0)[0]
        for clip in performance.played
    }

    [lane, empty] = lanes_of(performance, media)

    assert empty.clips == ()
    assert (lane.clips[0].end_beat, lane.clips[0].length_s) == (8.5, 0.75)  # a quarter of a second at 120, half at 60
    assert (lane.clips[1].end_beat, lane.clips[1].length_s) == (12.25, 0.25)
    exported(performance, takes, tmp_path / "a.dawproject")
    assert faults(tmp_path / "a.dawproject") == []


def test_where_a_loop_takes_over_the_two_are_crossfaded_and_what_was_stopped_fades_behind_its_end(
    takes: dict[str, Take], tmp_path: Path
) -> None:
    gives_way = replace(played(takes["kick"], 0, end_beat=8), fade_out_s=0.04)
    takes_over = replace(played(takes["bass"], 8, end_beat=12), fade_in_s=0.04, fade_out_s=0.03)
    cut = replace(played(takes["clap"], 4.0, track="bass"), end_beat=4.5, fade_out_s=0.03)

    report = exported(a_performance(gives_way, takes_over, cut), takes, tmp_path / "a.dawproject")

    assert faults(tmp_path / "a.dawproject") == []
    project = DawProject(tmp_path / "a.dawproject")
    first, second, clap = (clip for clips in project.clips().values() for clip in clips)
    project.close()
    facts = ("time", "duration", "fadeTimeUnit", "fadeInTime", "fadeOutTime")
    assert [first.get(fact) for fact in facts] == ["0", "8", "seconds", None, "0.04"]
    assert [second.get(fact) for fact in facts] == ["8", "4.06", "seconds", "-0.04", "0.03"]  # 30 ms at 120 BPM
    assert [clap.get(fact) for fact in facts] == ["4", "0.56", "seconds", None, "0.03"]
    assert clap.get("playStop") == "0.28"
    assert report.sentences == (
        "where a loop takes over from another, the file has the fade before that beat, and it was heard behind it",
    )


class Warm:
    """A stand-in for a VST3 that pedalboard has loaded."""

    name, manufacturer_name, version = "Warm & Wide", "Somebody", "1.2"
    preset_data = b"VST3" + b"\1\0\0\0" + b"0123456789ABCDEF0123456789abcdef" + b"\x2c\0\0\0\0\0\0\0state"


CHAIN = (Effect(name="Compressor"), Effect(path="/plug-ins/Warm.vst3", parameters={"mix": 0.5}), Effect(name="Reverb"))


def test_a_vst3_is_in_the_file_with_its_state_and_other_effects_are_said_to_be_left_out(
    takes: dict[str, Take], tmp_path: Path
) -> None:
    performance = full(takes)
    drums = replace(performance.tracks[0], effects=CHAIN)
    asked: list[Effect] = []

    def load(effect: Effect) -> Warm:
        asked.append(effect)
        return Warm()

    report = write_dawproject(
        tmp_path / "a.dawproject",
        replace(performance, tracks=(drums, performance.tracks[1])),
        {take.take_id: take for take in takes.values()},
        load_plug_in=load,
    )

    assert faults(tmp_path / "a.dawproject") == []
    assert asked == [CHAIN[1]]
    project = DawProject(tmp_path / "a.dawproject")
    [device] = project.root.findall("Structure/Track/Channel/Devices/Vst3Plugin")  # of the group, around its lanes
    assert (device.get("deviceName"), device.get("deviceID")) == ("Warm & Wide", "01234567-89AB-CDEF-0123-456789abcdef")
    assert project.archive.read("plugins/drums-2.vstpreset") == Warm.preset_data
    project.close()
    assert report.sentences == (
        "the effects of drums are not all in the file (Compressor; Reverb); the render's own stem has them",
    )


@pytest.mark.parametrize("path", ["/nowhere/Warm.vst3", "tests/bridge/export/test_dawproject.py"])
def test_a_plug_in_that_cannot_be_loaded_here_is_left_out_in_a_sentence(
    takes: dict[str, Take], tmp_path: Path, path: str
) -> None:
    tracks = (TrackPlayed(name="drums", effects=(Effect(path=path),)), TrackPlayed(name="bass"))

    report = exported(
        a_performance(played(takes["kick"], 0, end_beat=4), tracks=tracks), takes, tmp_path / "a.dawproject"
    )

    assert faults(tmp_path / "a.dawproject") == []
    [sentence] = report.sentences
    assert f"because the plug-in {path} cannot be loaded" in sentence


@pytest.mark.plugin
def test_a_real_vst3_has_the_same_state_when_its_export_is_read_back(
    takes: dict[str, Take], tmp_path: Path, built: Path
) -> None:
    pedalboard = pytest.importorskip("pedalboard")
    path = str(built / "upbeat-track.vst3")
    effect = Effect(path=path, parameters={"gain_db": -7.5})
    tracks = (TrackPlayed(name="drums", effects=(effect,)), TrackPlayed(name="bass"))

    report = exported(
        a_performance(played(takes["kick"], 0, end_beat=4), tracks=tracks), takes, tmp_path / "a.dawproject"
    )

    assert (faults(tmp_path / "a.dawproject"), report.sentences) == ([], ())
    with zipfile.ZipFile(tmp_path / "a.dawproject") as archive:
        preset = archive.extract("plugins/drums-1.vstpreset", tmp_path)
    fresh = pedalboard.load_plugin(path)
    assert fresh.gain_db != -7.5
    fresh.load_preset(preset)
    assert fresh.gain_db == pytest.approx(-7.5)


def test_a_take_that_is_lost_is_left_out_and_named(takes: dict[str, Take], tmp_path: Path) -> None:
    takes["clap"].path.unlink()
    unknown = replace(played(takes["kick"], 12, end_beat=16), take_id="kick-gone")

    performance = full(takes)
    performance = replace(performance, played=(*performance.played, unknown))
    report = exported(performance, takes, tmp_path / "a.dawproject")

    assert faults(tmp_path / "a.dawproject") == []
    assert set(report.missing) == {takes["clap"].take_id, "kick-gone"}
    assert "upbeat takes remake" in report.missing[takes["clap"].take_id]
    assert report.clips == 3


def test_more_than_six_decibels_are_cut_to_what_the_format_holds_and_said(
    takes: dict[str, Take], tmp_path: Path
) -> None:
    tracks = (TrackPlayed(name="drums", gain_db=9.0), TrackPlayed(name="bass"))
    report = exported(
        a_performance(played(takes["kick"], 0, end_beat=4), tracks=tracks), takes, tmp_path / "a.dawproject"
    )

    assert report.sentences == ("the track drums was at +9 dB, and is at +6 dB in the file, the most it can hold",)
    assert faults(tmp_path / "a.dawproject") == []


def test_a_performance_without_sound_is_a_file_all_the_same(takes: dict[str, Take], tmp_path: Path) -> None:
    exported(a_performance(markers=()), takes, tmp_path / "a.dawproject")

    assert faults(tmp_path / "a.dawproject") == []


def test_names_that_no_xml_may_hold_are_cleaned(takes: dict[str, Take], tmp_path: Path) -> None:
    clip = replace(played(takes["kick"], 0, end_beat=4, track="dr\x00ums"), cue="k\x07ick\ud800")
    performance = a_performance(clip, tracks=(TrackPlayed(name="dr\x00ums"),), title="a\x01b", markers=((0.0, "\x02"),))

    exported(performance, takes, tmp_path / "a.dawproject")

    assert faults(tmp_path / "a.dawproject") == []


def test_what_cannot_be_written_leaves_nothing_behind(takes: dict[str, Take], tmp_path: Path) -> None:
    (tmp_path / "a.dawproject").mkdir()

    with pytest.raises(IsADirectoryError):
        exported(full(takes), takes, tmp_path / "a.dawproject")

    assert not (tmp_path / "a.part").exists()


def test_beats_and_seconds_lead_into_one_another_over_changes_of_tempo() -> None:
    tempo_map = TempoMap(((0.0, 120.0), (8.0, 60.0), (12.0, 240.0)))

    assert [tempo_map.seconds_at(beat) for beat in (0, 8, 10, 12, 16)] == [0, 4, 6, 8, 9]
    assert [tempo_map.beat_at(seconds) for seconds in (0, 4, 6, 8, 9)] == [0, 8, 10, 12, 16]
    assert np.allclose(
        [tempo_map.beat_at(tempo_map.seconds_at(b)) for b in np.arange(0, 20, 0.3)], np.arange(0, 20, 0.3)
    )
