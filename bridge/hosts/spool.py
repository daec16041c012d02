"""Asking a program through a folder: requests and answers are JSON files, written aside and then renamed.

A file that is there is whole. A request that nobody has taken in time is called back, so it is never carried out late;
and one that outlives us says until when it may be. What is asked of whom is none of this module's business.
"""

import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bridge.hosts.base import ANSWER_WITHIN_S, HostError, HostLost

ALIVE_S = 2.5  # the script writes its heartbeat twice a second; a busy host may leave out a few
_POLL_S = 0.005
_TAKEN_WITHIN_S = 1.0  # what was taken at the last moment may be answered this much later
_OLD_S = 60.0  # an answer that nobody has fetched by then nobody will


class Spool:
    """One side of a spool folder. Several may share it: requests carry the names of who asks, and so do answers."""

    def __init__(
        self,
        folder: Path,
        *,
        pause: Callable[[float], None] = time.sleep,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        """`pause` waits between two looks for an answer; it and the clock are passed in by tests."""
        self.folder = folder
        self._requests, self._answers = folder / "requests", folder / "answers"
        self._pause = pause
        self._unix_s = unix_s
        self._who = secrets.token_hex(4)
        self._number = 0

    def is_alive(self) -> bool:
        """Whether the other side has written its heartbeat lately."""
        try:
            age_s = self._unix_s() - (self.folder / "heartbeat").stat().st_mtime
        except OSError:
            return False
        return age_s <= ALIVE_S

    def sweep(self) -> None:
        """Take away answers that nobody has fetched, and what was left half written."""
        for path in [*self._answers.glob("*"), *self._requests.glob("*.part")]:
            with contextlib.suppress(OSError):
                if self._unix_s() - path.stat().st_mtime > _OLD_S:
                    path.unlink()

    def ask(
        self, request: Mapping[str, object], *, within_s: float = ANSWER_WITHIN_S, who: str = "the host"
    ) -> dict[str, object]:
        """Ask, and wait for the answer. Raises `HostLost` if none comes, `HostError` if the request cannot be put."""
        if not self.is_alive():
            raise HostLost(f"{who} gives no sign of life in {self.folder}")
        # Sorted by name is sorted by time, whoever asks.
        self._number = max(self._number + 1, int(self._unix_s() * 1000))
        name = f"{self._number:015d}-{self._who}.json"
        until_s = self._unix_s() + within_s
        self._put(name, json.dumps({**request, "until_unix_s": until_s}, ensure_ascii=False))
        while (answer := self._fetch(name)) is None:
            if self._unix_s() > until_s or not self.is_alive():
                return self._last_look(name, who)
            self._pause(_POLL_S)
        return answer

    def _last_look(self, name: str, who: str) -> dict[str, object]:
        """Call the request back; was it taken already, its answer may still be on its way."""
        try:
            (self._requests / name).unlink()
        except OSError:
            end_s = self._unix_s() + _TAKEN_WITHIN_S
            while self._unix_s() <= end_s:
                if (answer := self._fetch(name)) is not None:
                    return answer
                self._pause(_POLL_S)
            raise HostLost(
                f"{who} took a request and did not answer; it has quit in the middle, or the disk of {self.folder} is "
                "full. Look there whether it was carried out"
            ) from None
        raise HostLost(f"{who} did not take a request in time; it was called back and will not be carried out late")

    def _put(self, name: str, text: str) -> None:
        aside = self._requests / f"{name}.part"
        try:
            self._requests.mkdir(parents=True, exist_ok=True)
            aside.write_text(text, encoding="utf-8")
            os.replace(aside, self._requests / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise HostError(
                f"no request can be written to {self._requests} ({error}); make room there, or let us write there"
            ) from error

    def _fetch(self, name: str) -> dict[str, object] | None:
        path = self._answers / name
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError:  # Windows, in the moment of its renaming
            return None
        with contextlib.suppress(OSError):
            path.unlink()
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise HostError(f"the answer {name} in {self._answers} cannot be read; install our script anew")
        return answer
