"""Ardour 7 or later: our clips on its timeline, each on the frame that Ardour has for the beat.

A session that no Ardour has open is written itself. One that is open is Ardour's: there its own scripting places our
clips, once the user has switched our script on; until then they wait.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile

from bridge.hosts.ardour_mailbox import Mailbox, OpenSession, usual_folder
from bridge.hosts.ardour_running import OSC_PORT, open_in
from bridge.hosts.ardour_session import SessionFile, no_such_track, session_file
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
SCRIPT = "upbeat.lua"
VERSIONS = (7, 8, 9)
PLACED_WITHIN_S = 10.0  # Ardour imports the file first


class Ardour(BasicHost):
    """A session of Ardour, open or closed; every call looks anew which it is."""

    name = "ardour"
    title = "Ardour"
    abilities = ABILITIES

    def __init__(self, choice: HostChoice, mailbox: Mailbox | None = None) -> None:
        self._folder = choice.folder
        self._port = choice.port or OSC_PORT
        self._mailbox = mailbox or Mailbox(usual_folder())
        self._file: Path | None = None
        self._backed_up = False

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Find the session. Raises `HostError` if Ardour has it open without our script."""
        there = self._mailbox.open_session()
        folder = self._folder or (there.folder if there else None)
        if folder is None:
            raise HostError(
                "Ardour's session is not named; write [host] folder = with the folder that holds NAME.ardour"
            )
        path = session_file(folder)
        self._file = path
        if (open_session := self._open()) is not None:
            tempo_bpm = self.time().tempo_bpm
            return f"Ardour with the session {open_session.name}, {tempo_bpm:.6g} BPM where it stands"
        session = self._read_closed()
        tempo_bpm = session.tempos.tempo_at(0)
        return f"the Ardour session {session.name}, {session.sample_rate_hz} Hz, {tempo_bpm:.6g} BPM"

    def close(self) -> None:
        """Nothing is held between two calls."""
        self._file = None

    def tracks(self) -> Sequence[HostTrack]:
        """As they are now in Ardour, or as the session file has them."""
        if (session := self._open()) is None:
            return self._read().host_tracks()
        answered = enumerate(self._mailbox.ask("tracks", session), 1)
        return [HostTrack(number=number, name=name, takes_audio=kind != "0") for number, (kind, name) in answered]

    def time(self) -> HostTime:
        """Where Ardour is; where the session begins, while no Ardour has it open."""
        if (session := self._open()) is None:
            return HostTime(beat=0.0, tempo_bpm=self._read().tempos.tempo_at(0), playing=False)
        words = dict(self._mailbox.ask("time", session))
        return HostTime(beat=float(words["beat"]), tempo_bpm=float(words["tempo"]), playing=words["playing"] == "1")

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        """Put it onto the timeline, its first frame where Ardour has that quarter note."""
        if beat < 0:
            raise HostError(f"{clip.name} would begin {-beat:g} beats before the session does; place it at 0 or later")
        if (session := self._open()) is not None:
            return self._place_in_open(session, clip, track, beat)
        file = self._read_closed()
        token = file.place(clip, track=track, beat=beat)
        self._save(file)
        return Placement(clip=clip, track=track, beat=beat, token=token)

    def remove(self, placement: Placement) -> None:
        """Take its region out of the session again; what is gone already is no error."""
        if (session := self._open()) is not None:
            self._mailbox.ask("remove", session, region=placement.token.split()[0])
            return
        file = self._read_closed()
        if file.remove(placement.token):
            self._save(file)

    def _place_in_open(self, session: OpenSession, clip: HostClip, track: str, beat: float) -> Placement:
        channels = {name: int(kind) for kind, name in self._mailbox.ask("tracks", session) if kind != "0"}
        if track not in channels:
            raise no_such_track(session.name, track, list(channels))
        with as_channels_want(clip, channels[track]) as path:
            words = dict(
                self._mailbox.ask(
                    "place", session, within_s=PLACED_WITHIN_S, track=track, beat=repr(beat), file=path, name=clip.name
                )
            )
        return Placement(clip=clip, track=track, beat=beat, token=words["region"])

    def _open(self) -> OpenSession | None:
        """Our session, if an Ardour with our script has it open."""
        session = self._mailbox.open_session()
        return (
            session if session is not None and self._file is not None and session.folder == self._file.parent else None
        )

    def _read(self) -> SessionFile:
        if self._file is None:
            raise HostLost("no Ardour session is read; connect first")
        return SessionFile(self._file)

    def _read_closed(self) -> SessionFile:
        """The session file, to be written. Raises `HostLost` if Ardour has it open."""
        session = self._read()
        why = open_in(session.path, names=(session.name, session.path.stem), port=self._port)
        if why is not None:
            raise HostLost(
                f"{why}, and would write over what we place; switch our script on there (`upbeat hosts install "
                "ardour` says how), or close the session, and it is placed then"
            )
        return session

    def _save(self, session: SessionFile) -> None:
        session.save(backup=not self._backed_up)
        self._backed_up = True


@contextlib.contextmanager
def as_channels_want(clip: HostClip, channels: int) -> Iterator[Path]:
    """The clip's file, or one that is mixed down for as long as it is needed, for a track of one channel."""
    try:
        if channels > 1 or soundfile.info(clip.path).channels == 1:
            yield clip.path
            return
        with tempfile.TemporaryDirectory(prefix="upbeat-") as folder:
            samples, rate_hz = soundfile.read(clip.path, dtype="float32", always_2d=True)
            path = Path(folder) / f"{clip.path.stem} mono.wav"
            soundfile.write(path, samples.mean(axis=1), rate_hz, subtype="FLOAT")
            yield path
    except (OSError, soundfile.LibsndfileError) as error:
        raise HostError(f"{clip.name} cannot be mixed down for a track of one channel ({error}); make room") from error


class ArdourProduct:
    """What there is to know of Ardour on this machine."""

    name = "ardour"
    title = TITLE
    abilities = ABILITIES

    def look(self, folder: Path | None = None) -> list[Found]:
        """The program, and our script in its own folder for scripts, or in `folder` too."""
        program = _program()
        found = (
            Found(what="Ardour", state="good", found=str(program))
            if program is not None
            else Found(
                what="Ardour",
                state="missing",
                found="not found; get it from ardour.org or your system (Debian and Ubuntu: apt install ardour)",
            )
        )
        places = [*_script_folders(), *([folder] if folder is not None else [])]
        scripts = [place / SCRIPT for place in places if (place / SCRIPT).is_file()]
        if not scripts:
            missing = "not installed, so only closed sessions are written; `upbeat hosts install ardour` puts it there"
            return [found, Found(what="script", state="missing", found=missing)]
        return [found, *(_script_found(path) for path in scripts)]

    def install(self, folder: Path | None) -> list[str]:
        """Put our script into `folder`, or where each Ardour of this user looks for scripts."""
        folders = [folder] if folder is not None else _script_folders()
        text = _script()
        said = []
        try:
            usual_folder().mkdir(parents=True, exist_ok=True)
            for place in folders:
                place.mkdir(parents=True, exist_ok=True)
                (place / SCRIPT).write_text(text)
                said.append(f"Our script is {place / SCRIPT}.")
        except OSError as error:
            raise HostError(
                f"the script cannot be written to {error.filename} ({error.strerror}); name another --folder"
            ) from error
        return [
            *said,
            "Switch it on in Ardour: Edit > Lua Scripts > Script Manager > Action Hooks > New Hook > Upbeat > Add.",
            "After an update of Upbeat remove it there and add it again, for Ardour keeps its own copy.",
        ]

    def remove(self, folder: Path | None) -> list[str]:
        """Take our script away again."""
        said = []
        for place in [folder] if folder is not None else _script_folders():
            with contextlib.suppress(FileNotFoundError):
                (place / SCRIPT).unlink()
                said.append(f"{place / SCRIPT} is deleted.")
        shutil.rmtree(usual_folder(), ignore_errors=True)
        return [*said, "In Ardour, remove Upbeat under Edit > Lua Scripts > Script Manager > Action Hooks."]

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


def _script() -> str:
    """Our script, with the place of the mailbox written in, as Lua writes a string."""
    path = str(usual_folder()).replace("\\", "/").replace('"', '\\"')
    return (Path(__file__).parent / "ardour_script" / SCRIPT).read_text().replace("@FOLDER@", path)


def _script_found(path: Path) -> Found:
    if path.read_text(errors="replace") == _script():
        return Found(what="script", state="good", found=f"{path}; it works once it is switched on in Ardour")
    return Found(
        what="script",
        state="missing",
        found=f"{path} is another version; run `upbeat hosts install ardour`, and add the hook anew in Ardour",
    )


def _script_folders() -> list[Path]:
    """Where the Ardours of this user look for scripts: those that have run, or else the one of version 7."""
    if sys.platform == "darwin":
        above, name = Path.home() / "Library/Preferences", "Ardour"
    elif os.name == "nt":
        above, name = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")), "ardour"
    else:
        above, name = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")), "ardour"
    there = [above / f"{name}{version}" for version in VERSIONS if (above / f"{name}{version}").is_dir()]
    return [folder / "scripts" for folder in there or [above / f"{name}{VERSIONS[0]}"]]


PRODUCT = ArdourProduct()
