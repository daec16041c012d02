"""Ardour's sessions on disk, without an Ardour: what is refused, what is kept, and what is never touched.

The session is cut from one that Ardour 7.3 wrote. That Ardour reads what we write is proved with a real one, in
tests/whole/test_ardour_timeline.py.
"""

import errno
import os
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.hosts import ardour_running
from bridge.hosts.ardour import PRODUCT, Ardour
from bridge.hosts.ardour_running import open_in
from bridge.hosts.base import HostChoice, HostClip, HostError, HostLost

SESSION = """<?xml version="1.0" encoding="UTF-8"?>
<Session version="7002" name="song" sample-rate="48000" id-counter="400">
  <Metadata/>
  <Sources/>
  <Regions/>
  <Locations/>
  <Routes>
    <Route id="28" name="Master" default-type="audio"><PresentationInfo order="0" flags="MasterOut"/></Route>
    <Route id="188" name="Bass" default-type="audio" audio-playlist="250">
      <PresentationInfo order="2" flags="AudioTrack"/>
      <IO name="Bass" direction="Input"><Port type="audio" name="Bass/audio_in 1"/></IO>
    </Route>
    <Route id="121" name="Drums" default-type="audio" audio-playlist="183">
      <PresentationInfo order="1" flags="AudioTrack"/>
      <IO name="Drums" direction="Input"><Port type="audio" name="in 1"/><Port type="audio" name="in 2"/></IO>
    </Route>
    <Route id="300" name="Piano" default-type="midi" midi-playlist="301"><PresentationInfo order="3"/></Route>
  </Routes>
  <Playlists>
    <Playlist id="183" name="Drums" type="audio" orig-track-id="121"/>
    <Playlist id="250" name="Bass" type="audio" orig-track-id="188"/>
  </Playlists>
  <TempoMap superclocks-per-second="282240000">
    <Tempos><Tempo npm="120" enpm="120" note-type="4" sclock="0" quarters="0:0" omega="0"/></Tempos>
    <Meters><Meter note-value="4" divisions-per-bar="4" sclock="0" quarters="0:0"/></Meters>
  </TempoMap>
  <Script lua="Lua 5.3">c2NyaXB0cyA9IHt9IA==</Script>
</Session>
"""


@pytest.fixture(autouse=True)
def _no_ardour_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ardour_running, "_all_commands", lambda: iter([["/usr/bin/python3", "-m", "pytest"]]))


@pytest.fixture
def session(tmp_path: Path) -> Path:
    folder = tmp_path / "song"
    (folder / "interchange/song/audiofiles").mkdir(parents=True)
    file = folder / "song.ardour"
    file.write_text(SESSION)
    return file


@pytest.fixture
def host(session: Path) -> Ardour:
    host = PRODUCT.host(HostChoice(name="ardour", folder=session.parent, port=free_port()))
    host.connect()
    return host


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clip(folder: Path, *, seed: int = 0, channels: int = 2, rate_hz: int = 48_000) -> HostClip:
    path = folder / f"kick-{seed:010x}.wav"
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (480, channels)).astype(np.float32)
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return HostClip(
        path=path,
        take_id=path.stem,
        name="kick",
        length_beats=1,
        tempo_bpm=120,
        frames=480,
        sample_rate_hz=rate_hz,
        loop=False,
    )


def test_its_tracks_come_in_its_order_and_say_what_they_take(host: Ardour) -> None:
    assert [(track.number, track.name, track.takes_audio) for track in host.tracks()] == [
        (1, "Drums", True),
        (2, "Bass", True),
        (3, "Piano", False),
    ]
    assert host.time().tempo_bpm == 120
    assert not host.time().playing


def test_a_placed_clip_has_no_fades_lies_on_top_and_is_within_what_is_exported(
    host: Ardour, session: Path, tmp_path: Path
) -> None:
    made = clip(tmp_path)
    placed = [host.place_at_beat(made, track="Drums", beat=beat) for beat in (4, 5)]

    root = ET.parse(session).getroot()
    lower, upper = root.findall("Playlists/Playlist[@name='Drums']/Region")
    assert [lower.get("id"), upper.get("id")] == [placement.token.split()[0] for placement in placed]
    assert lower.get("length") == f"a{480 * 5880}@a{96_000 * 5880}"
    assert upper.get("layering-index") == "1"
    assert (upper.get("fade-in-active"), upper.get("fade-out-active")) == ("0", "0")
    assert [source.get("channel") for source in root.iterfind("Sources/Source")] == ["0", "1"]
    location = root.find("Locations/Location")
    assert location is not None
    assert location.get("end") == f"a{(120_000 + 480) * 5880}"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert max(int(one) for one in ids if one) <= int(root.get("id-counter", ""))
    assert root.findtext("Script") == "c2NyaXB0cyA9IHt9IA=="


def test_a_track_of_one_channel_gets_both_sides_mixed(host: Ardour, session: Path, tmp_path: Path) -> None:
    made = clip(tmp_path)
    host.place_at_beat(made, track="Bass", beat=0)
    host.place_at_beat(made, track="Bass", beat=1)

    [file] = (session.parent / "interchange/song/audiofiles").iterdir()
    assert np.array_equal(
        soundfile.read(file, dtype="float32")[0], soundfile.read(made.path, dtype="float32")[0].mean(1)
    )


def test_a_file_of_the_same_name_with_another_sound_is_kept_beside_ours(
    host: Ardour, session: Path, tmp_path: Path
) -> None:
    audio = session.parent / "interchange/song/audiofiles"
    theirs = audio / "upbeat kick-0000000000.wav"
    theirs.write_bytes(b"something else")
    placed = host.place_at_beat(clip(tmp_path), track="Drums", beat=0)
    assert {path.name for path in audio.iterdir()} == {theirs.name, "upbeat kick-0000000000 2.wav"}

    host.remove(placed)
    assert [path.name for path in audio.iterdir()] == [theirs.name]


def test_a_clip_that_lies_in_a_slot_of_the_user_keeps_its_file_when_ours_goes(
    host: Ardour, session: Path, tmp_path: Path
) -> None:
    placed = host.place_at_beat(clip(tmp_path), track="Drums", beat=0)
    root = ET.parse(session).getroot()
    whole = root.find("Regions/Region")
    assert whole is not None
    ET.SubElement(root.findall("Routes/Route")[1], "Trigger", {"region": whole.attrib["id"]})
    ET.ElementTree(root).write(session)

    host.remove(placed)
    root = ET.parse(session).getroot()
    assert root.find("Playlists/Playlist[@name='Drums']/Region") is None
    assert root.find("Regions/Region") is not None
    assert len(list((session.parent / "interchange/song/audiofiles").iterdir())) == 1


def test_what_the_session_was_before_us_lies_beside_it(host: Ardour, session: Path, tmp_path: Path) -> None:
    for beat in (0, 1):
        host.place_at_beat(clip(tmp_path), track="Drums", beat=beat)

    backup = session.with_name("song.ardour.before-upbeat")
    assert backup.read_text() == SESSION
    assert sorted(os.listdir(session.parent)) == ["interchange", session.name, backup.name]


def test_a_track_that_was_renamed_is_said_with_what_there_is(host: Ardour, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"no audio track 'Drum'; it has Drums, Bass.*Drums"):
        host.place_at_beat(clip(tmp_path), track="Drum", beat=0)
    with pytest.raises(HostError, match="no audio track 'Piano'"):
        host.place_at_beat(clip(tmp_path), track="Piano", beat=0)


def test_a_clip_at_another_rate_is_refused_with_the_line_to_write(host: Ardour, session: Path, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"44100 Hz and the session song 48000 Hz.*sample_rate_hz = 48000"):
        host.place_at_beat(clip(tmp_path, rate_hz=44_100), track="Drums", beat=0)
    assert session.read_text() == SESSION


def test_a_full_disk_leaves_the_session_as_it_was(
    host: Ardour, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match=r"No space left on device.*is as it was"):
        host.place_at_beat(clip(tmp_path), track="Drums", beat=0)
    assert session.read_text() == SESSION
    assert not list(session.parent.glob("*part"))


def test_what_another_program_saves_meanwhile_is_not_written_over(
    host: Ardour, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = SESSION.replace("Piano", "Organ")
    monkeypatch.setattr(os, "fsync", lambda _: session.write_text(theirs))
    with pytest.raises(HostLost, match="saved by another program just now"):
        host.place_at_beat(clip(tmp_path), track="Drums", beat=0)
    assert session.read_text() == theirs


def test_a_session_that_goes_is_lost(host: Ardour, session: Path, tmp_path: Path) -> None:
    session.unlink()
    with pytest.raises(HostLost, match="cannot be read"):
        host.time()
    with pytest.raises(HostLost, match="cannot be read"):
        host.place_at_beat(clip(tmp_path), track="Drums", beat=0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is not a session of Ardour"),
        ("<Session>", "is not a session of Ardour"),
        (SESSION.replace('version="7002"', 'version="3002"'), "is of version 3002.*open it once in Ardour 7 or 8"),
        (SESSION.replace("<Tempos>", "<Tempi>").replace("</Tempos>", "</Tempi>"), "no Tempo in the TempoMap"),
    ],
)
def test_what_is_no_session_that_we_know_is_refused(content: str, sentence: str, session: Path) -> None:
    session.write_text(content)
    with pytest.raises(HostError, match=sentence):
        PRODUCT.host(HostChoice(name="ardour", folder=session.parent, port=free_port())).connect()


def test_a_folder_is_asked_for_where_none_or_no_session_is_named(tmp_path: Path, session: Path) -> None:
    with pytest.raises(HostError, match=r"write \[host\] folder"):
        PRODUCT.host(HostChoice(name="ardour")).connect()
    with pytest.raises(HostError, match="there is no Ardour session"):
        PRODUCT.host(HostChoice(name="ardour", folder=tmp_path)).connect()
    for name in ("a", "b"):
        (tmp_path / f"{name}.ardour").write_text(SESSION)
    with pytest.raises(HostError, match=r"several sessions \(a.ardour, b.ardour\)"):
        PRODUCT.host(HostChoice(name="ardour", folder=tmp_path)).connect()
    named = PRODUCT.host(HostChoice(name="ardour", folder=tmp_path / "b.ardour", port=free_port()))
    assert named.connect() == "the Ardour session song, 48000 Hz, 120 BPM"


@pytest.fixture
def ardour_with_song() -> Iterator[int]:
    """The port of a stand-in for Ardour's OSC surface that has a session called song open."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as answering:
        answering.bind(("127.0.0.1", 0))
        answering.settimeout(0.05)
        ended = threading.Event()

        def answer() -> None:
            while not ended.is_set():
                try:
                    datagram, asking = answering.recvfrom(4_096)
                except TimeoutError:
                    continue
                message = OscMessage(datagram)
                if message.address == "/set_surface" and message.params[2] & 16:
                    answering.sendto(b"#reply\0\0,s\0\0AT\0\0", asking)  # Ardour sends such things, which are no OSC
                    reply = OscMessageBuilder("/session_name")
                    reply.add_arg("song")
                    answering.sendto(reply.build().dgram, asking)

        thread = threading.Thread(target=answer)
        thread.start()
        yield answering.getsockname()[1]
        ended.set()
        thread.join()


def test_a_session_that_ardour_says_it_has_open_waits(ardour_with_song: int, session: Path) -> None:
    host = PRODUCT.host(HostChoice(name="ardour", folder=session.parent, port=ardour_with_song))

    with pytest.raises(
        HostLost,
        match=r"Ardour has the session song open.*switch our script on.*or close the session, and it is placed then",
    ):
        host.connect()


@pytest.mark.parametrize(
    ("command", "may"),
    [
        (["/usr/lib/ardour7/ardour-7.3.0~ds0"], True),
        (["/usr/lib/ardour7/hardour-7.3.0~ds0", "{folder}", "song"], True),
        (["/usr/lib/ardour7/luasession", "/usr"], False),
        (["/usr/lib/ardour7/ardour-avahi", "3819"], False),
        (["/usr/bin/gardour"], False),
    ],
)
def test_an_ardour_that_says_nothing_counts_as_having_it_open_unless_it_was_started_with_another(
    command: list[str], may: bool, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word.format(folder=session.parent) for word in command]
    monkeypatch.setattr(ardour_running, "_all_commands", lambda: iter([words]))

    assert (open_in(session, names=("song",), port=free_port()) is not None) is may


def test_the_range_that_is_exported_goes_back_when_what_reached_beyond_it_does(
    host: Ardour, session: Path, tmp_path: Path
) -> None:
    kept = host.place_at_beat(clip(tmp_path), track="Drums", beat=1)
    assert f'end="a{(24_000 + 480) * 5880}"' in session.read_text()
    far = host.place_at_beat(clip(tmp_path), track="Drums", beat=4_096)
    host.remove(far)
    assert f'end="a{(24_000 + 480) * 5880}"' in session.read_text()
    host.remove(kept)
    assert "IsSessionRange" not in session.read_text()


def test_the_script_is_put_where_it_is_said_names_the_mailbox_and_goes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("bridge.hosts.ardour._script_folders", lambda: [tmp_path / "scripts"])
    assert [found.state for found in PRODUCT.look() if found.what == "script"] == ["missing"]

    said = PRODUCT.install(None)
    script = tmp_path / "scripts" / "upbeat.lua"
    assert str(script) in said[0]
    assert f'local folder = "{tmp_path / "home" / "cache" / "ardour"}"' in script.read_text()
    assert [found.state for found in PRODUCT.look() if found.what == "script"] == ["good"]

    script.write_text("of an older Upbeat")
    assert ["is another version" in found.found for found in PRODUCT.look() if found.what == "script"] == [True]
    PRODUCT.remove(None)
    assert not script.exists()
    assert PRODUCT.abilities == {"bar", "tempo", "tracks"}
