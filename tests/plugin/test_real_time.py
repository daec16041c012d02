"""The real plug-in under traps, under ThreadSanitizer, and through thousands of activations, in a host of our own."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugin.conftest import DPF, SOURCES, lacking, made
from tests.plugin.peer import Heard, Peer, Take, osc

HERE = Path(__file__).parent
NOBODY = "tcp://127.0.0.1:1"  # where no bridge listens

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]


def host_of(folder: Path, *flags: str) -> Path:
    file = folder / "lv2_host"
    command = ["g++", "-std=c++17", "-O1", "-g", "-rdynamic", *flags, f"-I{DPF}/distrho/src"]
    made([*command, HERE / "lv2_host.cpp", "-o", file, "-ldl", "-pthread"], "the host")
    return file


@pytest.fixture(scope="module")
def lv2_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return host_of(tmp_path_factory.mktemp("host"))


def instrument(built: Path) -> Path:
    return built / "upbeat.lv2" / "upbeat_dsp.so"


@contextmanager
def running(command: list[str | Path], endpoint: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "UPBEAT_PLUGIN_ENDPOINT": endpoint, **more}
    process = subprocess.Popen(
        [str(word) for word in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, errors = process.communicate(timeout=100)
    assert process.returncode == 0, f"ended with {process.returncode}: {said}{errors[-6000:]}"
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    return told


def keep_busy(peer: Peer, hello: Heard, process: subprocess.Popen[str]) -> int:
    """All that a bridge can say, over and over, until the host is done; how many rounds."""
    to, rounds, rng = hello.identity, 0, np.random.default_rng(3)
    while process.poll() is None:
        names = [f"take {rounds} {k}" for k in range(3)]
        for k, name in enumerate(names):
            samples = rng.uniform(-0.1, 0.1, (30_000, 1 + k % 2)).astype(np.float32)
            peer.clip(to, Take(name, samples, 24_000, length_beats=1, loop=True, sustained=k == 1))
        peer.sheet(to, 2, complete=False)
        peer.place(to, 1, names[0], beat=0, loop=True, until_beat=8)
        peer.place(to, 2, names[1], beat=8, loop=True)
        peer.sheet(to, 2)
        peer.pad(to, 60, names[2], quantum_beats=0.5, loop=rounds % 2 == 0)
        peer.place(to, 1_000_000 + rounds, names[2], beat=rounds % 7, kept=False)
        peer.send(to, osc("/plugin/swap", "ss", names[0], names[2]))
        if rounds:
            for k in range(3):
                peer.send(to, osc("/plugin/drop", "s", f"take {rounds - 1} {k}"))
        if rounds % 5 == 4:
            peer.send(to, osc("/plugin/stop", "d", 0.05))
        peer.send(to, osc("/plugin/unplace", "h", 1_000_000 + rounds - 2))
        rounds += 1
        try:
            process.wait(0.15)
        except subprocess.TimeoutExpired:
            continue
    return rounds


@pytest.mark.parametrize("what", ["allocate", "lock"])
def test_the_traps_catch_what_they_are_for(what: str, built: Path, lv2_host: Path) -> None:
    with running([lv2_host, instrument(built), "caught", what], NOBODY) as process:
        assert result(process)["trapped"] > 0


def test_a_system_call_kills_the_thread_that_may_make_none(built: Path, lv2_host: Path) -> None:
    with running([lv2_host, instrument(built), "caught", "call"], NOBODY) as process:
        process.communicate(timeout=20)
        assert process.returncode == -31  # SIGSYS


def test_the_audio_thread_neither_allocates_nor_locks_nor_calls_the_system(built: Path, lv2_host: Path) -> None:
    with Peer() as peer, running([lv2_host, instrument(built), "trap", "3", "64"], peer.endpoint) as process:
        rounds = keep_busy(peer, peer.wait("/plugin/hello"), process)
        told = result(process)

        assert (told["trapped"], told["first"]) == (0, "")
        assert told["blocks"] == 3 * 48_000 // 64
        assert told["heard"] > 48_000  # it did play meanwhile
        assert rounds > 5
        assert len(peer.all("/plugin/launched")) > 5
        assert told["deactivated_ms"] < 300


@pytest.mark.hosts
def test_a_bridge_that_goes_and_comes_back_is_greeted_again_and_the_music_goes_on(built: Path, lv2_host: Path) -> None:
    peer = Peer()
    endpoint = peer.endpoint
    with running([lv2_host, instrument(built), "trap", "6", "256"], endpoint) as process:
        with peer:
            hello = peer.wait("/plugin/hello")
            peer.clip(hello.identity, Take("t", np.ones((24_000, 1), np.float32), 24_000, length_beats=1, loop=True))
            peer.place(hello.identity, 1, "t", beat=0, loop=True)
            peer.wait("/plugin/time")
        with Peer(endpoint=endpoint) as again:
            hello_again = again.wait("/plugin/hello")
            again.wait("/plugin/time")
        told = result(process)

    assert hello_again.identity == hello.identity
    assert hello_again.values == hello.values
    assert told["trapped"] == 0
    assert told["heard"] > 4 * 48_000  # the loop has no gap, with a bridge or without


@pytest.mark.hosts
def test_ten_thousand_activations_leak_nothing(built: Path, lv2_host: Path) -> None:
    with Peer() as peer, running([lv2_host, instrument(built), "cycle", "10000"], peer.endpoint) as process:
        told = result(process)
        hellos = len(peer.all("/plugin/hello"))

    assert told["kb"] - told["early_kb"] < 512
    assert told["files"] == told["early_files"]
    assert told["threads"] == told["early_threads"]
    assert told["worst_ms"] < 300
    assert hellos > 100  # many of them did connect


@pytest.mark.hosts
def test_the_thread_sanitizer_finds_nothing(tmp_path: Path) -> None:
    flags = "-fsanitize=thread -g -O1"
    folder = tmp_path / "build"
    made(
        ["make", "-j2", "-C", SOURCES, f"BUILD={folder}", f"CXXFLAGS={flags}", "FORMATS=lv2_dsp",
         f"LDFLAGS={flags}", "VARIANTS=upbeat", "SKIP_STRIPPING=true", "TTL=no"],
        "the plug-in for ThreadSanitizer",
    )  # fmt: skip
    host = host_of(tmp_path, "-fsanitize=thread")
    quiet = tmp_path / "suppressions"
    quiet.write_text("called_from_lib:libzmq.so\nrace:libzmq.so\n")  # not built for it, so it is seen by halves
    with (
        Peer() as peer,
        running(
            [host, instrument(folder), "play", "5", "128"],
            peer.endpoint,
            TSAN_OPTIONS=f"suppressions={quiet} exitcode=66 halt_on_error=0",
        ) as process,
    ):
        rounds = keep_busy(peer, peer.wait("/plugin/hello"), process)
        told = result(process)

    assert told["heard"] > 48_000
    assert rounds > 5
