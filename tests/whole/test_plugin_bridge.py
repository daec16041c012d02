"""The real plug-in in a real host, a real session, and a real engine: what is heard in the host, frame by frame."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from bridge.library import read_samples
from bridge.session import Session
from bridge.set_file import parse_set
from osc_schemas.clip import Samples
from tests.plugin.conftest import lacking
from tests.whole.command_line import Home
from tests.whole.live import wait_until
from tests.whole.wire import Engine, engine

HERE = Path(__file__).parent
RATE_HZ, TEMPO_BPM = 48_000, 97
HITS = [(beat, "hit") for beat in (0.0, 2.0, 4.75, 8.0, 11.25, 15.5)]
SET = f"""
[set]
title = "Inside"
tempo_bpm = {TEMPO_BPM}
[clock]
sources = ["plugin", "internal"]
[tracks.keys]
[tracks.drums]
[cues.hit]
track = "drums"
prompt = "hit"
length_beats = 1
[cues.pad]
track = "keys"
prompt = "pad"
length_beats = 4
loop = true
""" + "".join(f'[[timeline]]\nbeat = {beat}\ncue = "{cue}"\n' for beat, cue in HITS)

needs_a_host = pytest.mark.skipif(
    bool(lacking()) or find_spec("dawdreamer") is None,
    reason=f"not installed: {' '.join(lacking())} {'' if find_spec('dawdreamer') else 'dawdreamer'}",
)


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


class Host:
    """DawDreamer with the plug-in, in a process of its own."""

    def __init__(self, folder: Path, vst3: Path, endpoint: str, *, slot: int, seconds: float) -> None:
        self._heard = folder / "heard.npy"
        self.process = subprocess.Popen(
            [sys.executable, HERE / "plugin_host.py", vst3, str(TEMPO_BPM), str(slot), str(seconds), self._heard],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "UPBEAT_PLUGIN_ENDPOINT": endpoint},
        )
        self.await_line("loaded")

    def await_line(self, wanted: str) -> None:
        """Other programs' words are passed over."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == wanted:
                return
        pytest.fail(f"the host ended before it said {wanted!r}")

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def rendered(self) -> Samples:
        self.go_on()
        self.await_line("rendered")
        return np.asarray(np.load(self._heard), np.float32)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.plugin
@pytest.mark.hosts  # it builds the plug-in, which takes a quarter of a minute
@needs_a_host
def test_a_set_s_timeline_is_heard_in_the_host_on_its_exact_frames(built: Path, noise: Engine, tmp_path: Path) -> None:
    music = parse_set(SET, path=tmp_path / "inside.toml")
    session = Session(
        music, engine_endpoint=noise.endpoint, takes_folder=tmp_path / "takes", output_kind="null", plugin_port=0
    )
    with session:
        wait_until(lambda: session.link.state == "ready")
        assert session.plugins is not None
        launches: list[tuple[float, int]] = []
        host = Host(tmp_path, built / "upbeat.vst3", session.plugins.endpoint, slot=2, seconds=12.0)
        try:
            heard = host.rendered()
            wait_until(lambda: len(session.ask(lambda player: list(player.launcher.launches))) >= len(HITS))
            for launch in session.ask(lambda player: list(player.launcher.launches)):
                launches.append((launch.asked_beat, launch.error_frames or 0))
        finally:
            host.end()
        sound = session.ask(lambda player: player.launcher.history["drums"][-1][1])

    take = session.library.takes[sound.take_id]
    wanted = read_samples(take)[: take.request.frames] * np.float32(sound.gain)
    for beat, _ in HITS:
        frame = round(beat * 60 / TEMPO_BPM * RATE_HZ)
        assert np.max(np.abs(heard[frame : frame + len(wanted)] - wanted)) < 1e-6, f"the hit on beat {beat:g}"
        assert frame == 0 or np.max(np.abs(heard[frame - 4_800 : frame])) < 1e-6  # and not a frame earlier
    assert launches == [(beat, 0) for beat, _ in HITS]


@pytest.mark.parametrize("command", ["bridge", "up"])
def test_a_port_that_is_taken_is_one_sentence(command: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    music = parse_set(SET, path=tmp_path / "inside.toml")
    with Session(
        music, engine_endpoint="tcp://127.0.0.1:9", takes_folder=home.takes, plugin_port=0, output_kind="null"
    ) as other:
        assert other.plugins is not None
        words = [command, home.set, "--osc-port", 0, "--output", "null", "--plugin-port", other.plugins.port]
        ended = home.upbeat(*words)

    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert f"the port {other.plugins.port} for the plug-in cannot be had on 127.0.0.1" in ended.err
    assert "--plugin-port" in ended.err
