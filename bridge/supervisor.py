"""Starts the engine as a process of its own, watches it, and starts it again when it dies.

The engine keeps its ports over restarts, so an `EngineLink` to `Supervisor.endpoint` finds it again by itself. It holds
the other end of its stdin: when this process ends, however that happens, the engine sees it close and ends too.
"""

import collections
import contextlib
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any

READY_WITHIN_S = 900.0  # seconds are usual; a large model that is read and converted for the first time takes minutes
STEADY_AFTER_S = 10.0  # an engine that lived this long after it was ready is started again at once
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # before the restart after the first, second... early death in a row
_CLOSES_WITHIN_S = 3.0  # the engine promises 2 s; then it is killed
_PROMPT_S = 0.1
_COULD_NOT_START = 2  # its exit code when it says in a sentence why

_log = logging.getLogger(__name__)


class EngineFailed(Exception):
    """The engine did not start. The text says why, in the engine's own last words where it had any."""


class Supervisor:
    """One engine process, kept alive from `start` to `stop`. Both are called from one thread."""

    def __init__(
        self,
        *,
        family: str = "embedded",
        port: int = 0,
        events_port: int = 0,
        threads: int = 1,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """`on_line` hears, on another thread, one sentence whenever the engine died or is back."""
        self.endpoint = ""  # of the engine's requests, once it has been ready; then it never changes
        self.events_endpoint = ""
        self._flags = ["--family", family, "--threads", str(threads), "--stop-with-stdin"]
        self._ports = (str(port), str(events_port))
        self._on_line = on_line or _log.warning
        self._child: subprocess.Popen[str] | None = None
        self._starting = threading.Lock()  # so that none is started while `stop` looks for the one to end
        self._stopping = threading.Event()
        self._settled = threading.Event()  # ready for the first time, or never going to be
        self._failure: str | None = None
        self._last_words: collections.deque[str] = collections.deque(maxlen=1)
        self._thread = threading.Thread(target=self._keep_alive, name="engine supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """The engine's process id, or None before the first start."""
        return None if self._child is None else self._child.pid

    def start(self, *, on_wait: Callable[[float], None] | None = None) -> None:
        """Start the engine and wait until it is ready. Raises `EngineFailed` if it cannot be, or is not in time.

        `on_wait` is called ten times a second with the seconds waited so far.
        """
        began_s = time.monotonic()
        self._thread.start()
        while not self._settled.wait(_PROMPT_S):
            if on_wait is not None:
                on_wait(time.monotonic() - began_s)
        if self._failure is not None:
            self._thread.join()
            raise EngineFailed(self._failure)

    def stop(self) -> None:
        """End the engine and wait for that: 3 s at most."""
        with self._starting:
            self._stopping.set()
        if self._child is not None and self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
            try:
                self._child.wait(_CLOSES_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
        if self._thread.is_alive():
            self._thread.join()

    def _keep_alive(self) -> None:
        early_deaths = 0
        while (child := self._spawn()) is not None:
            lived_ready_s = self._outlive(child)
            if self._stopping.is_set():
                return
            died = _obituary(child.returncode, "".join(self._last_words))
            if not self._settled.is_set():
                self._failure = died
                self._settled.set()
                return
            early_deaths = 0 if lived_ready_s >= STEADY_AFTER_S else early_deaths
            pause_s = PAUSES_S[min(early_deaths, len(PAUSES_S) - 1)]
            early_deaths += 1
            self._on_line(f"{died}; it is started again" + (f" in {pause_s:g} s" if pause_s else ""))
            self._stopping.wait(pause_s)

    def _spawn(self) -> "subprocess.Popen[str] | None":
        with self._starting:
            if self._stopping.is_set():
                return None
            port, events_port = self._ports
            self._child = subprocess.Popen(
                # -P: a folder named "engine" in the current directory is not ours
                [sys.executable, "-P", "-m", "engine", "--port", port, "--events-port", events_port, *self._flags],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                **_apart(),
            )
            return self._child

    def _outlive(self, child: "subprocess.Popen[str]") -> float:
        """Listen to `child` until it has ended. For how many seconds it was ready."""
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        self._last_words.clear()
        listener = threading.Thread(target=self._listen, args=(child.stderr,), name="engine stderr", daemon=True)
        listener.start()
        too_late = threading.Timer(READY_WITHIN_S, self._give_up, args=(child,))
        too_late.start()
        ready_s: float | None = None
        with child.stdout:
            for line in child.stdout:  # one line, when it is ready; then nothing until it ends
                too_late.cancel()
                ready_s = time.monotonic()
                self._became_ready(line)
        too_late.cancel()
        child.wait()
        listener.join()
        with contextlib.suppress(OSError):
            child.stdin.close()
        return 0.0 if ready_s is None else time.monotonic() - ready_s

    def _became_ready(self, line: str) -> None:
        ready = json.loads(line)
        self.endpoint, self.events_endpoint = ready["endpoint"], ready["events_endpoint"]
        self._ports = (self.endpoint.rpartition(":")[2], self.events_endpoint.rpartition(":")[2])
        if self._settled.is_set():
            self._on_line(f"the engine is back with {ready['family']}")
        self._settled.set()

    def _listen(self, stderr: IO[str]) -> None:
        with stderr:
            for line in stderr:
                self._last_words.append(line.strip().removeprefix("upbeat engine: "))
                _log.info("%s", line.rstrip())

    def _give_up(self, child: "subprocess.Popen[str]") -> None:
        child.kill()
        self._last_words.append(
            f"it was not ready within {READY_WITHIN_S:g} s; try again when the machine is less busy"
        )


def _apart() -> dict[str, Any]:
    """Popen's words for: Ctrl-C in a terminal is for us alone; the engine ends when we do, after the last clip."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _obituary(returncode: int, last_words: str) -> str:
    """How a process ended, in a sentence; its own where it had one."""
    if returncode == _COULD_NOT_START and last_words:
        return last_words
    how = f"ended with exit code {returncode}"
    if returncode < 0:
        with contextlib.suppress(ValueError):
            how = f"was ended by {signal.Signals(-returncode).name}"
    return f"the engine {how}; " + (f"its last words: {last_words}" if last_words else "it said nothing")
