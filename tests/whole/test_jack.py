"""Real callbacks of a real sound server, heard by a program that is not ours: every clip lies on its frame."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.tracks.mixer import Samples
from tests.whole.jack_player import CLIPS, LEAD_FRAMES, RATE_HZ, schedule

HERE = Path(__file__).parent
SERVER = f"upbeat-{os.getpid()}"
ATTEMPTS = 5  # an xrun makes a run inconclusive; so many in a row and the machine cannot tell

missing = [program for program in ("jackd", "jack_capture") if shutil.which(program) is None]
pytestmark = [
    pytest.mark.jack,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)} (Debian: jackd2, jack-capture)"),
]


@pytest.fixture(scope="module")
def server_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server of this module's own, without a sound card; the environment that leads programs to it."""
    environment = {**os.environ, "JACK_DEFAULT_SERVER": SERVER, "JACK_NO_START_SERVER": "1"}
    command = ["jackd", "--no-realtime", "-n", SERVER, "-d", "dummy", "-r", str(RATE_HZ), "-p", "2048"]
    log = tmp_path_factory.mktemp("jack") / "server.log"
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as server:
        waited = subprocess.run(["jack_wait", "-s", SERVER, "-w", "-t", "10"], capture_output=True)
        if waited.returncode == 0:
            yield environment
        server.terminate()  # not killed: JACK knows of eight servers at most, and a killed one stays on its list
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
    assert waited.returncode == 0, f"the JACK server did not start: {log.read_text()}"


class Inconclusive(Exception):
    """The machine was too busy for the server: a period was missed somewhere, so nothing is proved."""


def played_and_captured(kind: str, port: str, environment: dict[str, str], folder: Path) -> Samples:
    """What jack_capture heard while our process played at the pace of real time."""
    file = folder / "capture.wav"
    seconds = (LEAD_FRAMES + schedule(1)[0][-1]) / RATE_HZ + 1
    with _player(kind, 1, environment) as player:
        capture = subprocess.run(
            ["jack_capture", "-dc", "-d", f"{seconds:.0f}", "-c", "1", "-p", port, "-f", "wav", "-b", "FLOAT", file],
            env=environment,
            capture_output=True,
            text=True,
        )
        result = _result(player)
    said = capture.stdout + capture.stderr
    if result["underruns"] or re.search("overruns|x-runs", said):
        raise Inconclusive(f"{result['underruns']} missed periods; jack_capture: {said.strip()}")
    samples, _ = soundfile.read(file, dtype="float32")
    return np.asarray(samples, np.float32)


def played_and_taken_freewheeling(environment: dict[str, str], folder: Path) -> Samples:
    """What a recorder heard while the server drove us both as fast as it could."""
    file = folder / "taken.npy"
    frames = LEAD_FRAMES + schedule(20)[0][-1] + 2048
    with _player("jack", 20, environment) as player:
        recorder = [sys.executable, HERE / "jack_recorder.py", "upbeat:out_1", str(frames), file]
        subprocess.run(recorder, env=environment, check=True, timeout=90)
        _result(player)
    return np.asarray(np.load(file), np.float32)


def _player(kind: str, stretch: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    player = subprocess.Popen(
        [sys.executable, HERE / "jack_player.py", kind, str(stretch)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert player.stdout is not None
    assert player.stdout.readline() == "ready\n"
    return player


def _result(player: subprocess.Popen[str]) -> dict[str, int]:
    output, _ = player.communicate(timeout=60)
    result: dict[str, int] = json.loads(output)
    assert result["launches"] == CLIPS
    assert result["worst"] == 0
    return result


def check(heard: Samples, stretch: int) -> None:
    """Every clip begins as far after the first as was asked, and all that was heard has the bits that were planned."""
    starts, clips = schedule(stretch)
    sounding = np.concatenate([[False], heard != 0])
    onsets = np.flatnonzero(sounding[1:] & ~sounding[:-1])
    if len(onsets) < CLIPS:
        raise Inconclusive(f"the recorder came too late: it heard {len(onsets)} of {CLIPS} clips")
    assert (onsets - onsets[0]).tolist() == starts
    planned = np.zeros(starts[-1] + len(clips[-1]), np.float32)
    for start, clip in zip(starts, clips, strict=True):
        planned[start : start + len(clip)] = clip[:, 0]
    assert np.array_equal(heard[onsets[0] : onsets[0] + len(planned)], planned)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "port"), [("jack", "upbeat:out_1"), ("portaudio", "PortAudio:out_0")])
def test_every_interval_is_exact_beside_a_busy_python_thread(
    kind: str, port: str, server_environment: dict[str, str], tmp_path: Path
) -> None:
    if kind == "portaudio":
        pytest.importorskip("sounddevice", exc_type=OSError)
    seen = []
    for _ in range(ATTEMPTS):
        try:
            check(played_and_captured(kind, port, server_environment, tmp_path), stretch=1)
            return
        except Inconclusive as why:
            seen.append(str(why))
    pytest.fail("inconclusive each time: " + "; ".join(seen))


def test_a_freewheeling_server_gets_the_same_clips_on_the_same_frames(
    server_environment: dict[str, str], tmp_path: Path
) -> None:
    check(played_and_taken_freewheeling(server_environment, tmp_path), stretch=20)
