"""Ardour 7 or later: our clips on its timeline, each on the frame that Ardour has for the beat.

A session that no Ardour has open is written itself. One that is open is Ardour's: there its own scripting places our
clips, once the user has switched our script on; until then they wait.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bridge.hosts.ardour_running import OSC_PORT, open_in
from bridge.hosts.ardour_session import SessionFile, session_file
from bridge.hosts.base import (
    ANSWER_WITHIN_S,
    Ability,
    BasicHost,
    Found,
    HostChoice,
    HostClip,
    HostError,
    HostLost,
    HostTime,
    HostTrack,
    Placement,
)

ABILITIES: frozenset[Ability] = frozenset({"bar", "tempo", "tracks"})
TITLE = "Ardour 7 or later"


class Ardour(BasicHost):
    """A session of Ardour that lies on disk. Every call looks anew whether Ardour has opened it meanwhile."""

    name = "ardour"
    title = "Ardour"
    abilities = ABILITIES

    def __init__(self, choice: HostChoice) -> None:
        self._folder = choice.folder
        self._port = choice.port or OSC_PORT
        self._file: Path | None = None
        self._backed_up = False

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Read the session. Raises `HostError` if Ardour has it open."""
        if self._folder is None:
            raise HostError(
                "Ardour's session is not named; write [host] folder = with the folder that holds NAME.ardour"
            )
        path = session_file(self._folder)
        session = SessionFile(path)
        self._refuse_if_open(path, session)
        self._file = path
        tempo_bpm = session.tempos.tempo_at(0)
        return f"the Ardour session {session.name}, {session.sample_rate_hz} Hz, {tempo_bpm:.6g} BPM"

    def close(self) -> None:
        """Nothing is held between two calls."""
        self._file = None

    def tracks(self) -> Sequence[HostTrack]:
        """As the session file has them."""
        return self._read().host_tracks()

    def time(self) -> HostTime:
        """Where the session begins: nothing plays while no Ardour has it open."""
        return HostTime(beat=0.0, tempo_bpm=self._read().tempos.tempo_at(0), playing=False)

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        """Write it onto the timeline, its first frame where Ardour has that quarter note."""
        if beat < 0:
            raise HostError(f"{clip.name} would begin {-beat:g} beats before the session does; place it at 0 or later")
        session = self._read_to_write()
        region_id = session.place(clip, track=track, beat=beat)
        session.save(backup=not self._backed_up)
        self._backed_up = True
        return Placement(clip=clip, track=track, beat=beat, token=region_id)

    def remove(self, placement: Placement) -> None:
        """Take its region out of the session again, and its file if no other region has it."""
        session = self._read_to_write()
        if session.remove(placement.token):
            session.save(backup=not self._backed_up)
            self._backed_up = True

    def _read(self) -> SessionFile:
        if self._file is None:
            raise HostLost("no Ardour session is read; connect first")
        return SessionFile(self._file)

    def _read_to_write(self) -> SessionFile:
        session = self._read()
        self._refuse_if_open(session.path, session)
        return session

    def _refuse_if_open(self, path: Path, session: SessionFile) -> None:
        if (why := open_in(path, names=(session.name, path.stem), port=self._port)) is not None:
            raise HostLost(f"{why}, and would write over what we place; close it there, and it is placed then")


class ArdourProduct:
    """What there is to know of Ardour on this machine."""

    name = "ardour"
    title = TITLE
    abilities = ABILITIES

    def look(self) -> list[Found]:
        """The program, and its own place for settings."""
        program = _program()
        if program is None:
            return [
                Found(
                    what="Ardour",
                    state="missing",
                    found="not found; get it from ardour.org or your system (Debian and Ubuntu: apt install ardour)",
                )
            ]
        return [Found(what="Ardour", state="good", found=str(program))]

    def install(self, folder: Path | None) -> list[str]:
        """Nothing of ours has to lie in Ardour."""
        return ["Nothing is to be installed: a closed session is written itself. Name its folder as [host] folder."]

    def remove(self, folder: Path | None) -> list[str]:
        """Nothing of ours lies in Ardour."""
        return ["Nothing of ours lies in Ardour."]

    def host(self, choice: HostChoice) -> Ardour:
        """Its adapter."""
        return Ardour(choice)


def _program() -> Path | None:
    """Where Ardour is on this machine."""
    for name in ("ardour", "ardour9", "ardour8", "ardour7", "Ardour8", "Ardour7"):
        if found := shutil.which(name):
            return Path(found)
    if sys.platform == "darwin":
        return next(iter(sorted(Path("/Applications").glob("Ardour*.app"))), None)
    if os.name == "nt":
        folders = [Path(os.environ.get(name, "C:/")) for name in ("ProgramFiles", "ProgramFiles(x86)")]
        return next((found for folder in folders for found in sorted(folder.glob("Ardour*"))), None)
    return next(iter(sorted(Path("/opt").glob("[Aa]rdour*"))), None)


PRODUCT = ArdourProduct()
