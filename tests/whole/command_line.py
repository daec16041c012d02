"""The `upbeat` command as its users run it: a process, its exit code, its lines."""

import contextlib
import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.folders import cache_folder
from osc_schemas import codec
from osc_schemas.codec import Message
from tests.whole.wire import BOUND_S, NOISE, REPOSITORY

SET = """\
[set]
title = "Night drive"
tempo_bpm = 240

[tracks.drums]
[tracks.keys]
effects = [{ name = "Reverb", room_size = 0.2 }]

[cues.kick]
track = "drums"
prompt = "deep punchy kick"
length_beats = 1
quantum_beats = 1

[cues.pad]
track = "keys"
prompt = "warm soft pad"
length_beats = 4
loop = true
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str
    took_s: float

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


class Home:
    """A home of its own for one test's takes, and a set beside it. The compiled mixer is taken along, to save time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.takes = folder / "takes"
        if cache_folder().exists():
            shutil.copytree(cache_folder(), folder / "cache", dirs_exist_ok=True)
        self.set = self.write("night.toml", SET)
        self._environment = os.environ | {
            "UPBEAT_HOME": str(folder),
            "UPBEAT_PLUGIN_PORT": "0",  # others play on this machine, and so do other tests
            "PYTHONPATH": str(REPOSITORY),
        }

    def write(self, name: str, text: str) -> Path:
        """A file of that text."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def upbeat(self, *words: object, within_s: float = BOUND_S, **environment: str) -> Ended:
        """Run `upbeat` to its end."""
        began_s = time.monotonic()
        done = subprocess.run(
            _command(words),
            capture_output=True,
            text=True,
            env=self._environment | environment,
            timeout=within_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - began_s)

    @contextlib.contextmanager
    def started(self, *words: object, family: str = NOISE) -> "Iterator[subprocess.Popen[str]]":
        """Run `upbeat up` or `upbeat bridge` on free ports and the null output, until the block ends."""
        flags: list[object] = ["--osc-port", 0, "--output", "null"]
        if words[0] == "up":
            flags += ["--engine-port", 0, "--events-port", 0, "--family", family]
        with subprocess.Popen(
            _command([words[0], *flags, *words[1:]]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
            stdin=subprocess.DEVNULL,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(BOUND_S)
                process.kill()

    @contextlib.contextmanager
    def live(self, *words: object) -> "Iterator[Live]":
        """The same with --json, and its events read."""
        with self.started(*words, "--json") as process:
            yield Live(process)


class Live:
    """A set that plays in another process: its events, and its OSC port."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.begun = self.event("begun")
        self.engine: str = self.begun["engine"]
        self.osc_port = int(self.begun["osc"].rpartition(":")[2])

    def event(self, kind: str, **values: object) -> dict[str, Any]:
        """The next event of that kind with those values; what comes before it is passed over."""
        until_s = time.monotonic() + BOUND_S
        while (left_s := until_s - time.monotonic()) > 0:
            event = self._events.get(timeout=left_s)
            assert event is not None, f"it ended: {self.process.communicate()[1]}"
            if event["event"] == kind and values.items() <= event.items():
                return event
        raise TimeoutError(f"no {kind} within {BOUND_S} s")

    def stop(self) -> tuple[int, dict[str, Any], float]:
        """Ask it to end: its exit code, its last event, and how many seconds it took."""
        began_s = time.monotonic()
        self.process.terminate()
        ended = self.event("ended")
        return self.process.wait(BOUND_S), ended, time.monotonic() - began_s

    @property
    def engine_pid(self) -> int:
        """The process of the engine that it has started, as Linux tells it."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        [pid] = [int(pid) for task in tasks for pid in task.read_text().split()]
        return pid

    def ask(self, packet: bytes, *, answer: str) -> Message:
        """Send OSC bytes, as any program may, and take the answer at that address."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", self.osc_port))
            sock.send(packet)
            while True:
                [message] = codec.read(sock.recv(65_535), to="sender")
                if message.route.address == answer:
                    return message

    def _read(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):  # closed while it was read, as at the end of a test
            for line in self.process.stdout:
                self._events.put(json.loads(line))
        self._events.put(None)


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nobody had a moment ago."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _command(words: Any) -> list[str]:
    return [sys.executable, "-m", "bridge.cli", *map(str, words)]
