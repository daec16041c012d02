"""Our script for Ardour, run by a real Lua on a stand-in for Ardour's editor, asked through the mailbox."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.hosts import ardour as ardour_module
from bridge.hosts.ardour import PRODUCT, Ardour
from bridge.hosts.ardour_mailbox import Mailbox, OpenSession
from bridge.hosts.base import HostChoice, HostClip, HostError, HostLost
from tests.bridge.hosts.test_ardour import SESSION

LUA = next((found for name in ("lua5.4", "lua5.3", "lua") if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(LUA is None, reason="no Lua is installed (Debian: lua5.4)")


class StandIn:
    """The process; `end` says what lies on its tracks."""

    def __init__(self, folder: Path, session: Path) -> None:
        self._stop = folder / "stop"
        PRODUCT.install(folder)
        here = Path(__file__).parent
        self.process = subprocess.Popen(
            [str(LUA), str(here / "ardour_stand_in.lua"), str(folder / "upbeat.lua"), str(self._stop)],
            env={**os.environ, "SESSION": str(session)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self) -> list[str]:
        self._stop.touch()
        said, _ = self.process.communicate(timeout=10)
        return said.splitlines()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path / "home"))
    session = tmp_path / "song"
    session.mkdir()
    (session / "song.ardour").write_text(SESSION)
    return session


@pytest.fixture
def stand_in(tmp_path: Path, folder: Path) -> Iterator[StandIn]:
    stand_in = StandIn(tmp_path, folder)
    mailbox = Mailbox(ardour_module.usual_folder())
    ends_at_s = time.monotonic() + 10
    while mailbox.open_session() is None and time.monotonic() < ends_at_s:
        time.sleep(0.01)
    yield stand_in
    stand_in.process.kill()
    stand_in.process.communicate()


@pytest.fixture
def host(stand_in: StandIn, folder: Path) -> Ardour:
    host = PRODUCT.host(HostChoice(name="ardour"))
    assert host.connect() == "Ardour with the session song, 120 BPM where it stands"
    return host


def clip(folder: Path) -> HostClip:
    path = folder / "kick = 00.wav"
    soundfile.write(path, np.full((480, 2), 0.5, np.float32), 48_000, subtype="FLOAT")
    return HostClip(
        path=path,
        take_id="kick-00",
        name="kick = 00",
        length_beats=1,
        tempo_bpm=120,
        frames=480,
        sample_rate_hz=48_000,
        loop=True,
    )


def test_an_open_session_is_asked_and_its_file_left_alone(
    host: Ardour, stand_in: StandIn, folder: Path, tmp_path: Path
) -> None:
    assert [(track.number, track.name, track.takes_audio) for track in host.tracks()] == [
        (1, "Drums", True),
        (2, "Keys", True),
        (3, "Piano", False),
    ]
    now = host.time()
    assert (now.beat, now.tempo_bpm, now.playing) == (1.5, 120, True)

    host.place_at_beat(clip(tmp_path), track="Keys", beat=4.25)
    host.place_at_beat(clip(tmp_path), track="Drums", beat=3)
    gone = host.place_at_beat(clip(tmp_path), track="Keys", beat=8)
    host.remove(gone)
    host.remove(gone)

    assert (folder / "song.ardour").read_text() == SESSION
    assert stand_in.end() == ["Drums\tkick = 00\t72000\tfalse", "Keys\tkick = 00\t102000\tfalse"]


def test_what_the_script_cannot_do_is_said_in_a_sentence(host: Ardour, tmp_path: Path) -> None:
    made = clip(tmp_path)
    with pytest.raises(HostError, match=r"the session song has no audio track 'Key'; it has Drums, Keys.*Keys"):
        host.place_at_beat(made, track="Key", beat=0)
    made.path.unlink()
    with pytest.raises(HostError, match="Ardour did not do it: the file was not imported"):
        host.place_at_beat(made, track="Keys", beat=0)


def test_an_ardour_that_opens_another_session_is_not_given_our_clips(
    host: Ardour, stand_in: StandIn, folder: Path, tmp_path: Path
) -> None:
    mailbox = Mailbox(ardour_module.usual_folder())
    with pytest.raises(HostError, match="another session is open"):
        mailbox.ask("place", OpenSession(tmp_path / "other", "other"), track="Keys", beat=0, file="x", name="x")
    assert stand_in.end() == []


def test_a_request_that_comes_too_late_is_not_carried_out(host: Ardour, stand_in: StandIn, folder: Path) -> None:
    late = Mailbox(ardour_module.usual_folder(), unix_s=lambda: time.time() - 10)
    with pytest.raises(HostError, match="it came too late"):
        late.ask("tracks", OpenSession(folder, "song"))


def test_an_ardour_that_quits_amid_a_placement_is_lost_and_nothing_is_left_for_later(
    host: Ardour, stand_in: StandIn, folder: Path, tmp_path: Path
) -> None:
    stand_in.end()
    pauses: list[float] = []
    mailbox = Mailbox(ardour_module.usual_folder(), pause=pauses.append)
    with pytest.raises(HostLost, match="did not answer within 2 s"):
        mailbox.ask("tracks", OpenSession(folder, "song"))
    assert sum(pauses) == pytest.approx(2.0)
    assert not list(ardour_module.usual_folder().glob("request*"))


def test_a_script_that_has_been_silent_is_not_there(host: Ardour, stand_in: StandIn) -> None:
    stand_in.end()
    assert Mailbox(ardour_module.usual_folder(), unix_s=lambda: time.time() + 10).open_session() is None
