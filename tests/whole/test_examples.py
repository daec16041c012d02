"""Every example is run, and its sound is looked at, not only its exit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile as sf

from bridge.render.offline import render_set
from bridge.session import Session
from bridge.set_file import read_set
from osc_schemas.clip import Samples
from tests.whole.live import beat_now, perform, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def test_the_first_set_renders_its_beat_on_the_beat(tmp_path: Path, engine_endpoint: str) -> None:
    report = render_set(EXAMPLES / "first_set.toml", tmp_path, engine_endpoint=engine_endpoint)

    drums, rate_hz = sf.read(report.stems["drums"], dtype="float32")
    mix, _ = sf.read(report.mix, dtype="float32")
    beat_frames = 60 / 112 * rate_hz
    for beat in (0, 1, 2, 3):  # a kick alone, before the first snare
        frame = round(beat * beat_frames)
        assert rms(drums[frame : frame + 2_400]) > 4 * rms(
            drums[max(0, frame - 2_400) : frame] if beat else drums[:1] * 0
        )
    assert {launch.cue.name for launch in report.launches} == {"kick", "snare", "piano_a", "piano_e"}
    assert all(launch.error_frames == 0 for launch in report.launches)
    assert 0.05 < rms(mix) < 0.5
    assert np.abs(mix).max() <= 10 ** (-1 / 20) + 1e-6


def test_the_set_for_a_daw_plays_by_itself_too(tmp_path: Path, engine_endpoint: str) -> None:
    report = render_set(EXAMPLES / "in_a_daw.toml", tmp_path, engine_endpoint=engine_endpoint)

    keys, rate_hz = sf.read(report.stems["keys"], dtype="float32")
    begin = round(16 * 60 / 120 * rate_hz)
    assert [(launch.cue.name, launch.asked_beat) for launch in report.launches] == [
        ("kick", 0),
        ("beat", 8),
        ("chord", 16),
    ]
    assert all(launch.error_frames == 0 for launch in report.launches)
    assert not keys[:begin].any()
    assert rms(keys[begin:]) > 0.01


def test_midi_pads_play_what_they_are_hit_for(tmp_path: Path, engine_endpoint: str) -> None:
    hits = {36: 0.1, 37: 1.1, 38: 2.1}  # note: the beat at which it is hit

    def play(session: Session) -> None:
        session.ask(lambda player: player.play())
        for note, beat in hits.items():
            wait_until(lambda beat=beat: session.ask(beat_now) >= beat)  # type: ignore[misc]
            session.midi.feed(mido.Message("note_on", note=note, velocity=100).bin())

    recorded = perform(
        read_set(EXAMPLES / "midi_pads.toml"),
        tmp_path,
        engine_endpoint,
        play=play,
        done=lambda player: beat_now(player) > max(hits.values()) + 3,
    )

    by_note = [
        trigger.cue
        for note in (36, 37, 38)
        for trigger in read_set(EXAMPLES / "midi_pads.toml").midi
        if getattr(trigger, "note", None) == note
    ]
    assert sorted(launch.cue.name for launch in recorded.launches) == sorted(by_note)
    assert {launch.trigger for launch in recorded.launches} == {"midi"}
    assert [recorded.error_frames(launch) for launch in recorded.launches] == [0, 0, 0]


@pytest.mark.slow
def test_a_python_program_performs_over_osc(tmp_path: Path, engine_endpoint: str) -> None:
    programs: list[subprocess.Popen[str]] = []

    def play(session: Session) -> None:
        command = [sys.executable, str(EXAMPLES / "perform.py"), str(session.osc.port)]
        programs.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path))

    recorded = perform(
        read_set(EXAMPLES / "first_set.toml"),
        tmp_path,
        engine_endpoint,
        play=play,
        done=lambda player: programs[0].poll() is not None,
    )

    said, _ = programs[0].communicate(timeout=5)
    by_hand = [launch for launch in recorded.launches if launch.trigger == "osc"]
    assert [launch.cue.prompt for launch in by_hand] == ["bright bell in A5"] * 3 + ["bright clap with reverb"]
    assert [launch.asked_beat for launch in by_hand] == [4, 8, 12, 16]
    assert [recorded.error_frames(launch) for launch in by_hand] == [0] * 4
    assert "bell on melody at bar 2, beat 1: on-time, 0 frames off" in said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sclang") is None, reason="SuperCollider's sclang is not installed")
def test_supercollider_performs_with_timetags(tmp_path: Path, engine_endpoint: str) -> None:
    programs: list[subprocess.Popen[bytes]] = []

    def play(session: Session) -> None:
        env = {
            **os.environ,
            "UPBEAT_OSC_PORT": str(session.osc.port),
            "QT_QPA_PLATFORM": "offscreen",
            "QTWEBENGINE_DISABLE_SANDBOX": "1",
            "HOME": str(tmp_path),
        }
        with (tmp_path / "sclang.log").open("wb") as log:
            command = ["sclang", str(EXAMPLES / "perform.scd")]
            programs.append(subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    recorded = perform(
        read_set(EXAMPLES / "first_set.toml"),
        tmp_path,
        engine_endpoint,
        play=play,
        done=lambda player: programs[0].poll() is not None,
    )

    said = (tmp_path / "sclang.log").read_text()
    by_hand = [launch for launch in recorded.launches if launch.trigger == "osc"]
    assert programs[0].returncode == 0, said
    assert [launch.asked_beat for launch in by_hand] == [4, 8, 12]
    assert [recorded.error_frames(launch) for launch in by_hand] == [0] * 3
    assert "bell on melody at bar 2" in said


@pytest.mark.slow
def test_the_scripted_render_gives_the_same_bits_twice(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        subprocess.run(
            [sys.executable, str(EXAMPLES / "scripted_render.py"), folder], cwd=tmp_path, check=True, timeout=60
        )

    one, two = ((tmp_path / folder / "mix.wav").read_bytes() for folder in ("one", "two"))
    plucks, rate_hz = sf.read(tmp_path / "one" / "stems" / "plucks.wav", dtype="float32")
    assert one == two
    beat_frames = 60 / 124 * rate_hz
    levels = [rms(plucks[round(beat * beat_frames) :][:4_800]) for beat in range(8)]
    assert min(levels) > 0.01
    assert rms(plucks[round(9 * beat_frames) :][:4_800]) > 1e-5  # the hall rings on after the last note
