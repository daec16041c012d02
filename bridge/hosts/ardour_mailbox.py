"""Asking an Ardour that runs, through the one file that our script inside it looks for ten times a second.

Lua inside Ardour can open files but list no folder, so there is one request at a time: request.txt, then answer.txt,
each written aside and renamed, so that a file that is there is whole. The script says once a second that it is there.
"""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.folders import cache_folder
from bridge.hosts.base import ANSWER_WITHIN_S, HostError, HostLost

ALIVE_S = 3.0  # the script says so once a second; a file that is imported holds it up
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The session that the Ardour with our script has open."""

    folder: Path
    name: str


class Mailbox:
    """The folder between us and the script."""

    def __init__(
        self,
        folder: Path,
        *,
        pause: Callable[[float], None] = time.sleep,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._pause, self._unix_s = folder, pause, unix_s

    def open_session(self) -> OpenSession | None:
        """What Ardour has open; None if no Ardour with our script runs."""
        words = dict(self._read("alive.txt"))
        try:
            alive = abs(self._unix_s() - float(words["unix"])) <= ALIVE_S
            return OpenSession(Path(words["session"]).resolve(), words["name"]) if alive else None
        except (KeyError, ValueError):
            return None

    def ask(
        self, deed: str, session: OpenSession, *, within_s: float = ANSWER_WITHIN_S, **values: object
    ) -> Sequence[tuple[str, str]]:
        """The lines of the script's answer. Raises `HostError` if it could not, `HostLost` if it does not answer."""
        asked = secrets.token_hex(8)
        words = {
            "id": asked,
            "deed": deed,
            "session": session.folder,
            "latest": int(self._unix_s() + within_s),
            **values,
        }
        text = "".join(f"{name}={' '.join(str(value).splitlines())}\n" for name, value in words.items())
        aside = self._folder / f"request.{asked}.part"
        try:
            aside.write_text(text)
            os.replace(aside, self._folder / "request.txt")
        except OSError as error:
            raise HostError(f"nothing can be written to {self._folder} ({error.strerror}); make room there") from error
        try:
            return self._answer(asked, within_s)
        finally:  # what was not taken in time is not done late
            for name in ("request.txt", aside.name):
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)

    def _answer(self, asked: str, within_s: float) -> Sequence[tuple[str, str]]:
        for _ in range(max(1, round(within_s / POLL_S))):
            words = self._read("answer.txt")
            if ("id", asked) in words:
                if ("done", "1") in words:
                    return words[2:]
                raise HostError(f"Ardour did not do it: {dict(words).get('why', 'it does not say why')}")
            self._pause(POLL_S)
        raise HostLost(f"Ardour did not answer within {within_s:g} s; it may be busy, or show a dialog")

    def _read(self, name: str) -> Sequence[tuple[str, str]]:
        try:
            lines = (self._folder / name).read_text(errors="replace").splitlines()
        except OSError:
            return ()
        return [(key, value) for key, found, value in (line.partition("=") for line in lines) if found]


def usual_folder() -> Path:
    """Where the mailbox is; the installed script names it."""
    return cache_folder() / "ardour"
