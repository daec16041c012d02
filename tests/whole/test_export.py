"""A set rendered by the real engine, exported as a DAWproject by the command, and played again from that file alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bridge.cli import main
from bridge.library import read_journal
from bridge.render.offline import RenderReport, render
from bridge.set_file import parse_set
from bridge.wav_chunks import read_musical
from osc_schemas.clip import Samples
from tests.bridge.export.dawproject_player import DawProject
from tests.bridge.export.dawproject_rules import faults

SET = """
[set]
title = "Night drive"
tempo_bpm = 120
length_bars = 4
[tracks.drums]
gain_db = -3
[tracks.pad]
gain_db = -9
[cues.kick]
track = "drums"
prompt = "deep punchy kick"
length_beats = 1
loop = true
[cues.clap]
track = "drums"
prompt = "clap"
length_beats = 1
[cues.warm]
track = "pad"
prompt = "warm soft pad"
length_beats = 4
loop = true
[scenes.all]
cues = ["kick", "warm"]
[[timeline]]
beat = 0
cue = "kick"
[[timeline]]
beat = 4
cue = "warm"
[[timeline]]
beat = 5.5
cue = "clap"
[[timeline]]
beat = 6
cue = "clap"
[[timeline]]
beat = 11.25
cue = "clap"
"""


def rendered_and_exported(tempo_bpm: float, folder: Path, engine_endpoint: str) -> tuple[RenderReport, Path]:
    report = render(parse_set(SET.replace("120", f"{tempo_bpm:g}")), folder / "out", engine_endpoint=engine_endpoint)
    path = folder / "night.dawproject"
    assert main(["takes", "export", "--dawproject", str(path), "--from", str(folder / "out")]) == 0
    assert faults(path) == []
    return report, path


def heard(report: RenderReport, path: Path, track: str) -> tuple[Samples, Samples]:
    """A track in the render, and as the file alone plays it."""
    stem, rate_hz = sf.read(report.stems[track], dtype="float32", always_2d=True)
    project = DawProject(path)
    played = project.played(frames=len(stem), rate_hz=rate_hz)
    project.close()
    lanes = [samples for name, samples in played.items() if name.rstrip(" 0123456789") == track]
    return stem, np.sum(lanes, axis=0)


def test_the_file_alone_is_the_same_music_as_the_render(tmp_path: Path, engine_endpoint: str) -> None:
    report, path = rendered_and_exported(120, tmp_path, engine_endpoint)

    drums, drums_again = heard(report, path, "drums")
    pad, pad_again = heard(report, path, "pad")

    beat = 24_000
    end = 16 * beat  # what still rings when the render's last bar is over is no part of a loop's clip
    # A file holds a loop's steady pass; into the very first one nothing rings, or crossfades, yet.
    assert np.abs(drums - drums_again)[beat:end].max() < 1e-6
    assert np.abs(pad - pad_again)[8 * beat : end].max() < 1e-6
    assert np.abs(drums)[beat:end].max() > 0.05
    assert np.abs(pad)[8 * beat : end].max() > 0.005
    assert not np.any(pad_again[: 4 * beat])
    assert np.array_equal(np.flatnonzero(drums[:, 0])[:1], np.flatnonzero(drums_again[:, 0])[:1])


def test_at_a_tempo_of_no_whole_frames_each_clip_begins_on_the_renders_frame(
    tmp_path: Path, engine_endpoint: str
) -> None:
    report, path = rendered_and_exported(124, tmp_path, engine_endpoint)

    project = DawProject(path)
    begins = {
        (clip.get("name", "").split()[0], round(project.seconds_at(float(clip.get("time", ""))) * 48_000))
        for clips in project.clips().values()
        for clip in clips
    }
    project.close()
    preroll_frames = 48_000
    assert begins == {(launch.cue.name, (launch.heard_frame or 0) - preroll_frames) for launch in report.launches}
    drums, drums_again = heard(report, path, "drums")
    beat = 60 / 124 * 48_000
    for number in range(1, 16):  # from every beat on, until a tail of the pass before could be a frame off
        at = round(number * beat)
        assert np.abs(drums[at - 1] - drums_again[at - 1]).max() < 1e-3
        assert np.abs(drums[at : at + 2_000] - drums_again[at : at + 2_000]).max() < 1e-3


def test_a_missing_take_is_remade_or_named_and_a_file_that_is_there_stays(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = rendered_and_exported(120, tmp_path, engine_endpoint)
    whole = path.read_bytes()
    out = str(tmp_path / "out")
    lost = next(take for take in read_journal(tmp_path / "out" / "takes").values() if take.cue == "warm")
    lost.path.unlink()
    capsys.readouterr()

    assert main(["takes", "export", "--dawproject", str(path), "--from", out]) == 2
    assert "is there already; name another file, or replace it with --force" in capsys.readouterr().err
    assert path.read_bytes() == whole

    assert main(["takes", "export", "--dawproject", str(path), "--from", out, "--force", "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["missing"] == [lost.take_id]
    assert f"`upbeat takes remake {lost.take_id}`" in facts["left_out"][0]
    assert faults(path) == []

    remake = ["--force", "--remake", "--engine", engine_endpoint]
    assert main(["takes", "export", "--dawproject", str(path), "--from", out, *remake]) == 0
    assert path.read_bytes() == whole


def test_takes_become_wavs_that_a_host_can_place(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rendered_and_exported(120, tmp_path, engine_endpoint)
    out = ["--from", str(tmp_path / "out")]
    capsys.readouterr()

    assert main(["takes", "export", "kick", "warm", "--wav", str(tmp_path / "loops"), *out, "--json"]) == 0
    paths = [Path(path) for path in json.loads(capsys.readouterr().out)["paths"]]
    assert main(["takes", "export", "clap", "--one-shot", "--wav", str(tmp_path / "shots"), *out]) == 0
    [shot] = [Path(line) for line in capsys.readouterr().out.splitlines()]

    assert [sf.info(path).frames for path in (*paths, shot)] == [24_000, 96_000, 36_000]
    said = [read_musical(path) for path in (*paths, shot)]
    assert [(m.tempo_bpm, m.length_beats, m.loop, m.name) for m in said if m is not None] == [
        (120, 1.0, True, "kick"),
        (120, 4.0, True, "warm"),
        (120, 1.0, False, "clap"),
    ]
    assert main(["takes", "export", "clap", "--one-shot", "--wav", str(tmp_path / "shots"), *out]) == 2
    assert "is there already" in capsys.readouterr().err


def test_performances_are_listed_and_the_same_render_leaves_the_same_one(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    music = parse_set(SET)
    for name in ("one", "two"):
        render(music, tmp_path / name, engine_endpoint=engine_endpoint)

    assert main(["takes", "performances", "--from", str(tmp_path / "one"), "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert main(["takes", "performances", "--from", str(tmp_path / "one")]) == 0
    line = capsys.readouterr().out

    assert (listed["performance"], listed["bars"], listed["launches"], listed["takes"]) == (
        "render-night-drive",
        4,
        5,
        3,
    )
    assert line.split() == ["render-night-drive", "a", "render", "4", "bars", "5", "launches"]
    one, two = (tmp_path / name / "takes/performances/render-night-drive.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "name either --dawproject FILE, for a performance, or ID... --wav DIR, for takes"),
        (["--wav", "loops"], "no take is named; `upbeat takes list` shows the ids of all"),
        (["kick", "--dawproject", "a.dawproject"], "name takes for --wav only"),
        (["--dawproject", "a.zip"], "let the name end in .dawproject"),
        (["--dawproject", "a.dawproject"], "play a set or render one first"),
        (["--dawproject", "a.dawproject", "--from", "nowhere"], "the folder that `upbeat render --out` was given"),
        (["nothing", "--wav", "loops"], "there is no take 'nothing'"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert main(["takes", "export", *words]) == 2

    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
