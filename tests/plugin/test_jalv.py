"""The LV2 in jalv on a dummy JACK server, whose bars a program that is not ours keeps: every beat on its frame."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.plugin.conftest import lacking
from tests.plugin.peer import Heard, Peer, Take

RATE_HZ = 48_000
ATTEMPTS = 4  # a missed period makes a run inconclusive; so many in a row and the machine cannot tell
CONDUCTOR = Path(__file__).parents[1] / "whole" / "jack_conductor.py"

missing = lacking() + [program for program in ("jackd", "jalv", "jack_lsp") if shutil.which(program) is None]
missing += [] if importlib.util.find_spec("jack") else ["JACK-Client"]
pytestmark = [
    pytest.mark.plugin,
    pytest.mark.jack,
    pytest.mark.hosts,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)} (Debian: jalv, jackd2)"),
]


class Inconclusive(Exception):
    """The machine was too busy for the server: a period was missed, so nothing is proved."""


@contextmanager
def server(log: Path, period_frames: int = 1024) -> Iterator[dict[str, str]]:
    """A server without a sound card; the environment that leads programs to it."""
    name = f"upbeat-j{os.getpid()}"
    environment = {**os.environ, "JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    command = ["jackd", "--no-realtime", "-n", name, "-d", "dummy", "-r", str(RATE_HZ), "-p", str(period_frames)]
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process:
        waited = subprocess.run(["jack_wait", "-s", name, "-w", "-t", "10"], capture_output=True)
        try:
            assert waited.returncode == 0, f"the JACK server did not start: {log.read_text()}"
            yield environment
        finally:
            process.terminate()  # not killed: a killed one stays on the list of JACK's servers
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def jalv(built: Path, environment: dict[str, str], peer: Peer) -> Iterator[Heard]:
    """The instrument in jalv, once it has said hello."""
    more = {"LV2_PATH": f"{built}:/usr/lib/lv2:/usr/lib/x86_64-linux-gnu/lv2", "UPBEAT_PLUGIN_ENDPOINT": peer.endpoint}
    process = subprocess.Popen(
        ["jalv", "-n", "upbeat", "-i", "urn:upbeat:instrument"],
        env={**environment, **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield peer.wait("/plugin/hello")
    finally:
        process.terminate()
        process.communicate(timeout=10)


def conducted(
    environment: dict[str, str], tempo_bpm: float, from_frame: int, seconds: float, port: str = "upbeat:lv2_audio_out_1"
) -> list[int]:
    """The frames of the transport at which something began in an output; jalv's, if no other is named."""
    words = [port, str(tempo_bpm), str(from_frame), str(seconds)]
    command = [sys.executable, str(CONDUCTOR), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 40)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    if told["xruns"] or told["missed"]:
        raise Inconclusive(f"{told['xruns']} xruns, {told['missed']} missed periods")
    return [int(frame) for frame in told["onsets"]]


@pytest.mark.parametrize(("tempo_bpm", "from_frame"), [(97.0, 0), (133.3, 0), (120.0, 192_000)])
def test_every_beat_of_the_jack_transport_is_exact(
    built: Path, tmp_path: Path, tempo_bpm: float, from_frame: int
) -> None:
    seconds, seen = 10.0, []
    for _ in range(ATTEMPTS):
        with Peer() as peer, server(tmp_path / "jackd.log") as environment, jalv(built, environment, peer) as hello:
            tick = np.ones((1, 1), np.float32)
            peer.clip(hello.identity, Take("tick", tick, 1, length_beats=1, loop=True))
            peer.place(hello.identity, 1, "tick", beat=0, loop=True)
            peer.sheet(hello.identity, 1)
            time.sleep(0.3)
            try:
                onsets = conducted(environment, tempo_bpm, from_frame, seconds)
            except Inconclusive as why:
                seen.append(str(why))
                continue
            times = peer.all("/plugin/time")
        # jalv hands JACK's period on as it comes, so what sounds reaches another client in the same or the next period.
        offset = onsets[0] - from_frame
        assert offset in (0, 1024)
        wanted = [round(k * 60 / tempo_bpm * RATE_HZ) for k in range(200)]
        last = from_frame + int(seconds * RATE_HZ) - 2048
        assert [frame - offset for frame in onsets if frame - offset < last] == [
            frame for frame in wanted if from_frame <= frame < last
        ]
        assert {heard.values[6] for heard in times if heard.values[2]} == {1}  # one run: no jump was seen in it
        return
    pytest.fail("inconclusive each time: " + "; ".join(seen))
