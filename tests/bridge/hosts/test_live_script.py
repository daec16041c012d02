"""Our script in Live by itself: what comes over the wire, tick by tick, and what a quitting Live leaves."""

import ast
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.hosts.base import HostLost
from bridge.hosts.live import Live
from bridge.hosts.live_script import osc, server, shape
from tests.bridge.hosts.live_stand_in import LiveStandIn
from tests.bridge.hosts.test_live import Rig, a_clip, port_of_nobody


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.host.close()
    rig.live.quit()


@pytest.fixture
def wire() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        wire.settimeout(2)
        yield wire


def port_of(rig: Rig) -> tuple[str, int]:
    return ("127.0.0.1", rig.live.start(rig.library / "Remote Scripts"))


def a_placement(folder: Path, request_id: str) -> bytes:
    path = str(a_clip(folder).path)
    return osc.write("/upbeat/live/place_in_slot", request_id, "Drums", 1, path, "kick", 2.0, 4.0, 4.0, 1, 4.0)


def heard(wire: socket.socket) -> list[tuple[str, ...]]:
    """Whatever has come in, without waiting."""
    found = []
    wire.setblocking(False)
    while True:
        try:
            address, args = osc.read(wire.recv(65_535))
        except BlockingIOError:
            return found
        found.append((address.rsplit("/", 1)[1], *args[:1]))


def test_a_clip_is_used_only_when_it_is_there_a_tick_later(rig: Rig, wire: socket.socket, tmp_path: Path) -> None:
    wire.sendto(a_placement(tmp_path, "one"), port_of(rig))

    rig.live.step()
    assert not rig.slot(0, 1).has_clip
    assert heard(wire) == []
    rig.live.tick()
    rig.live.tick()
    assert rig.clip_in(0, 1).name == "kick"
    assert heard(wire) == [("ok", "one")]


def test_a_datagram_that_comes_twice_does_nothing_twice(rig: Rig, wire: socket.socket, tmp_path: Path) -> None:
    port, packet = port_of(rig), a_placement(tmp_path, "one")
    for _ in range(3):
        wire.sendto(packet, port)
        rig.live.step()
    assert set(heard(wire)) == {("working", "one")}
    rig.live.tick()
    rig.live.tick()
    there = rig.clip_in(0, 1)
    wire.sendto(packet, port)
    rig.live.tick()

    assert heard(wire) == [("ok", "one"), ("ok", "one")]
    assert rig.clip_in(0, 1) is there
    assert len(rig.live.song.steps) == 1


def test_a_launch_that_comes_twice_launches_once(rig: Rig, wire: socket.socket, tmp_path: Path) -> None:
    port = port_of(rig)
    wire.sendto(a_placement(tmp_path, "one"), port)
    rig.live.tick()
    rig.live.tick()
    fire = osc.write("/upbeat/live/fire", "two", "Drums", 1, str(tmp_path / "kick-9f2785.wav"), "kick")
    for _ in range(4):
        wire.sendto(fire, port)
        rig.live.step()

    assert rig.slot(0, 1).fired == 1
    assert heard(wire)[1:] == [("ok", "two")] * 4


def test_a_burst_never_holds_a_tick_and_all_of_it_is_answered(rig: Rig, wire: socket.socket) -> None:
    port = port_of(rig)
    for number in range(200):
        wire.sendto(osc.write("/upbeat/live/time", str(number)), port)
    polling = rig.live._surface.polling
    read, longest_s = [], 0.0
    while sum(read) < 200:
        before_s = time.thread_time()  # of this thread alone, whatever else the machine is doing
        with rig.live.hands():
            read.append(polling.server.tick())
        longest_s = max(longest_s, time.thread_time() - before_s)
        assert len(read) < 400

    assert max(read) <= server.MESSAGES_PER_TICK
    assert longest_s < 2 * server.TICK_S
    assert sorted(heard(wire)) == sorted(("ok", str(number)) for number in range(200))


def test_what_nobody_understands_is_answered_in_a_sentence_or_not_at_all(rig: Rig, wire: socket.socket) -> None:
    port = port_of(rig)
    for packet in (
        b"",
        b"\0\1\2",
        b"/upbeat/live/time\0\0\0,i\0\0\0",
        osc.write("/other", "x"),
        b"#bundle\0" + b"\0" * 8,
    ):
        wire.sendto(packet, port)
    rig.live.tick()
    assert heard(wire) == []

    wire.settimeout(2)
    wire.sendto(osc.write("/upbeat/live/dance", "one"), port)
    wire.sendto(osc.write("/upbeat/live/stop", "two", 3.5), port)
    rig.live.tick()
    answers = [osc.read(wire.recv(65_535)) for _ in range(2)]
    assert answers[0][1] == ("one", "no", "the script in Live does not know 'dance'; install it anew and restart Live")
    assert answers[1][1][2].startswith("stop does not fit what the script in Live knows")


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_live_that_quits_amid_a_placement_is_lost_within_the_bound(rig: Rig, tmp_path: Path, goodbye: bool) -> None:
    clip = a_clip(tmp_path)
    rig.start()

    def gone() -> bool:
        if rig.live.song.tracks[0].clip_slots[0].coming is None:
            return False
        if goodbye:
            rig.live.quit()
        return True

    with rig.live.running(quit_after=gone):
        rig.host.connect()
        before_s = time.monotonic()
        with pytest.raises(HostLost, match="Live does not answer on UDP port"):
            rig.host.place_in_slot(clip, track="Drums", slot=1)
        took_s = time.monotonic() - before_s

    assert took_s < 3  # 2 s of silence, and what of an answer came before


def test_the_script_is_found_again_when_live_opens_another_set(rig: Rig, tmp_path: Path) -> None:
    scripts = rig.library / "Remote Scripts"
    port = rig.live.start(scripts)
    host = rig.host = Live(port=port, osc_port=port_of_nobody(), osc_reply_port=port_of_nobody())
    with rig.live.running():
        host.connect()
    rig.live.quit()
    rig.live = LiveStandIn()
    assert rig.live.start(scripts, port=port) == port
    with rig.live.running():
        host.connect()
        host.place_in_slot(a_clip(tmp_path), track="Drums", slot=1)

    assert rig.clip_in(0, 1).loop_end == 4.0


def test_a_port_that_is_taken_is_told_in_live_and_live_goes_on(rig: Rig) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
        another.bind(("127.0.0.1", 0))
        taken = another.getsockname()[1]
        assert rig.live.start(rig.library / "Remote Scripts", port=taken) == 0
        rig.live.tick()

    assert f"UDP port {taken} is taken" in rig.live.messages[0]


def test_a_song_that_fails_inside_a_tick_does_not_end_the_timer(rig: Rig, wire: socket.socket) -> None:
    port = port_of(rig)
    tracks, rig.live.song.tracks = rig.live.song.tracks, None  # type: ignore[assignment]
    wire.sendto(osc.write("/upbeat/live/tracks", "one", 0), port)
    rig.live.tick()
    rig.live.song.tracks = tracks
    wire.sendto(osc.write("/upbeat/live/tracks", "two", 0), port)
    rig.live.tick()

    assert heard(wire) == [("failed", "one"), ("ok", "two")]


def test_the_script_can_be_read_by_the_python_of_live_11() -> None:
    for path in Path(osc.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))
        assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body), path


WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)


@given(st.lists(WORDS, max_size=8))
def test_our_osc_is_what_another_library_reads(args: list[str | int | float]) -> None:
    message = OscMessage(osc.write("/upbeat/live/time", *args))

    assert (message.address, list(message.params)) == ("/upbeat/live/time", args)


@given(st.lists(WORDS, max_size=8))
def test_our_osc_reads_what_another_library_writes(args: list[str | int | float]) -> None:
    builder = OscMessageBuilder("/upbeat/live/time")
    for arg in args:
        builder.add_arg(arg, {str: "s", int: "h", float: "d"}[type(arg)])

    assert osc.read(builder.build().dgram) == ("/upbeat/live/time", tuple(args))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_no_message_and_nothing_else(packet: bytes) -> None:
    with contextlib.suppress(osc.OscError):
        address, _ = osc.read(packet)
        assert address.startswith("/")


@pytest.mark.parametrize(
    ("quantum_beats", "bar_beats", "wanted"),
    [
        (0, 4, 1),
        (32, 4, 2),
        (16, 4, 3),
        (8, 4, 4),
        (4, 4, 5),
        (2, 4, 6),
        (1, 4, 8),
        (0.25, 4, 12),
        (0.125, 4, 14),
        (3, 3, 5),
        (24, 3, 2),
        (4 / 3, 4, 7),
        (5, 4, 0),
    ],
)
def test_a_grid_has_its_number_in_a_clip_one_above_that_of_the_set(
    quantum_beats: float, bar_beats: float, wanted: int
) -> None:
    assert shape.launch_quantization(quantum_beats, bar_beats) == wanted
