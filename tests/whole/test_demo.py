"""The demo as a user runs it, but for five bars: engine, bridge and performer as processes, then measured."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bridge.demo.run import DemoError, demo
from bridge.tracks.sound import Sound
from bridge.tracks.track import Track

BARS = 5  # by then the timeline, OSC and MIDI have all had their say


@pytest.mark.slow
def test_the_demo_lands_every_clip_and_leaves_what_it_promises(tmp_path: Path) -> None:
    said: list[str] = []

    status = demo(tmp_path, output_kind="null", bars=BARS, say=said.append)

    launches = json.loads((tmp_path / "launches.json").read_text())
    assert status == 0, said
    assert {launch["trigger"] for launch in launches} == {"osc", "midi", "timeline"}
    assert all(launch["landed_frame"] == launch["asked_frame"] for launch in launches)
    assert all((tmp_path / launch["path"]).exists() for launch in launches)
    mix, rate_hz = sf.read(tmp_path / "mix.wav", always_2d=True)
    stems = sorted(path.stem for path in (tmp_path / "stems").glob("*.wav"))
    assert stems == ["bass", "drums", "hats", "keys"]
    assert len(mix) / rate_hz == pytest.approx(1 + BARS * 4 * 60 / 124 + 1, abs=1.0)
    assert 0.1 < np.abs(mix).max() <= 10 ** (-1 / 20) + 1e-6
    assert (tmp_path / "demo.png").stat().st_size > 20_000
    assert "0 frames" in "\n".join(said)


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(DemoError, match=r"cannot be written .*name another with --out"):
        demo(tmp_path / "file", output_kind="null")


@pytest.mark.slow
def test_one_clip_one_frame_off_fails_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launch_once: Callable[..., object] = Track.launch_once
    shifts = iter([1])

    def shifted(track: Track, sound: Sound, *, frame: int) -> object:
        return launch_once(track, sound, frame=frame + next(shifts, 0))

    monkeypatch.setattr(Track, "launch_once", shifted)
    said: list[str] = []

    status = demo(tmp_path, output_kind="null", bars=BARS, say=said.append)

    assert status == 1
    assert [line for line in said if line.startswith("FAULT")] == [said[-1]]
    assert "landed +1 frames off" in said[-1]
