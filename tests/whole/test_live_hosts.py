"""A live set whose clips lie in a host as they are heard, and the same performance opened as a project afterwards."""

import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bridge.cli import main
from bridge.performance import list_performances, read_performance
from bridge.player import Player
from bridge.session import Session
from bridge.set_file import read_set
from bridge.wav_chunks import read_musical
from tests.whole.live import perform

SET = """
[set]
title = "Printed"
tempo_bpm = 150
[host]
name = "folder"
folder = "clips"
[tracks.drums]
host_track = "drums"
host_place = "arrangement"
[cues.kick]
track = "drums"
prompt = "short kick"
length_beats = 1
[cues.beat]
track = "drums"
prompt = "house beat"
length_beats = 4
loop = true
[[timeline]]
beat = 1
cue = "kick"
[[timeline]]
beat = 4
cue = "beat"
"""


def test_a_live_set_prints_into_its_host_and_becomes_a_project(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set.toml").write_text(SET)
    (tmp_path / "clips").mkdir()

    def play(session: Session) -> None:
        session.ask(Player.play)

    def over(player: Player) -> bool:
        return player.transport.beat_at_frame(player.mixer.frame) > 13.5

    recorded = perform(read_set(tmp_path / "set.toml"), tmp_path, engine_endpoint, play=play, done=over)

    names = sorted(path.name for path in (tmp_path / "clips").glob("*.wav"))
    assert [name.split()[0] for name in names] == ["0001.2", "0002.1", "0003.1"]  # the kick, two whole passes
    loop = read_musical(tmp_path / "clips" / names[1])
    assert loop is not None
    assert (loop.tempo_bpm, loop.length_beats, loop.loop) == (150, 4, True)
    assert {launch.error_frames for launch in recorded.launches} == {0}

    [path] = list_performances(tmp_path / "takes")
    performance = read_performance(path)
    assert [(played.cue, played.beat) for played in performance.played] == [("kick", 1), ("beat", 4)]
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    assert main(["takes", "export", "--dawproject", str(tmp_path / "night.dawproject"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    with zipfile.ZipFile(tmp_path / "night.dawproject") as archive:
        project = ElementTree.fromstring(archive.read("project.xml"))
    assert project.find("Transport/Tempo").get("value") == "150"  # type: ignore[union-attr]
    assert sorted(float(clip.get("time", "")) for clip in project.findall(".//Arrangement//Clips/Clip"))[:1] == [1.0]
