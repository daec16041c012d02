"""The Bitwig adapter against a stand-in over UDP; `bridge/hosts/pages/bitwig.md` has the check-list for a real one."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.hosts.base import HostChoice, HostClip, HostError, HostLost, SlotTaken
from bridge.hosts.bitwig import PRODUCT, BitwigHost
from bridge.hosts.bitwig_places import look
from tests.bridge.hosts.bitwig_stand_in import BitwigStandIn, Slot, free_port

TWENTY = [f"Track {number}" for number in range(1, 21)]


@pytest.fixture
def clip(tmp_path: Path) -> HostClip:
    return a_clip(tmp_path, "kick 1")


def a_clip(folder: Path, stem: str) -> HostClip:
    path = folder / f"{stem}.wav"
    path.write_bytes(b"RIFF")
    return HostClip(
        path=path,
        take_id=stem,
        name="kick 9f2785",
        length_beats=4,
        tempo_bpm=120,
        frames=96_000,
        sample_rate_hz=48_000,
        loop=True,
    )


@contextmanager
def connected(bitwig: BitwigStandIn) -> Iterator[BitwigHost]:
    host = BitwigHost(port=bitwig.port, feedback_port=bitwig.feedback_port)
    with bitwig:
        host.connect()
        try:
            yield host
        finally:
            host.close()
    assert bitwig.complaints == []


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within 2 s: feedback comes a little later than what it is about."""
    end_s = time.monotonic() + 2
    while not holds() and time.monotonic() < end_s:
        time.sleep(0.002)
    return holds()


def test_connecting_asks_for_everything_and_says_how_much_is_in_the_window() -> None:
    with connected(BitwigStandIn("Drums", "Bass")) as host:
        assert host.connect() == "Bitwig through DrivenByMoss, 8 tracks and 8 slots in its window"
        assert [(track.number, track.name) for track in host.tracks()] == [(1, "Drums"), (2, "Bass")]


def test_a_clip_lands_in_an_empty_slot_and_is_launched_by_bitwig_itself(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Drums", "Bass")
    with connected(bitwig) as host:
        placement = host.place_in_slot(clip, track="Bass", slot=3)
        assert bitwig.slot("Bass", 3).path == str(clip.path)

        host.launch(placement)
        assert bitwig.slot("Bass", 3).queued, "it waits for Bitwig's own line"
        bitwig.bar_line()
        assert bitwig.slot("Bass", 3).playing

        host.stop("Bass")
        assert soon(lambda: not bitwig.slot("Bass", 3).playing)
        host.remove(placement)
        assert not bitwig.slot("Bass", 3).full
        host.remove(placement)  # gone already: no error


@pytest.mark.parametrize(("quantum_beats", "grid"), [(4, "1"), (1, "1/4"), (0.5, "1/8"), (0, "none")])
def test_a_launch_is_on_the_clips_own_grid_and_bitwigs_default_is_put_back(
    clip: HostClip, quantum_beats: float, grid: str
) -> None:
    bitwig = BitwigStandIn("Drums")
    bitwig.grid = "2"
    with connected(bitwig) as host:
        host.launch(host.place_in_slot(replace(clip, quantum_beats=quantum_beats), track="Drums", slot=1))
        assert bitwig.slot("Drums", 1).launched_by == grid
        assert soon(lambda: bitwig.grid == "2")
        with pytest.raises(HostError, match="no launch quantisation of 3 beats"):
            host.launch(host.place_in_slot(replace(clip, quantum_beats=3), track="Drums", slot=2))


def test_an_occupied_slot_is_never_replaced(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Drums")
    bitwig.tracks[0].slots[0] = Slot(name="My best take", full=True)
    with connected(bitwig) as host:
        with pytest.raises(SlotTaken, match="slot 1 of Bitwig's track 'Drums' holds 'My best take'"):
            host.place_in_slot(clip, track="Drums", slot=1)
        bitwig.tracks[0].slots[1] = Slot(name="Just dropped here", full=True)
        assert soon(lambda: host._moss.number("/track/1/clip/2/hasContent") > 0)
        with pytest.raises(SlotTaken, match="Just dropped here"):
            host.place_in_slot(clip, track="Drums", slot=2)
    assert bitwig.slot("Drums", 1).name == "My best take"
    assert not any("insertFile" in address for address in bitwig.heard)


def test_what_somebody_put_in_our_slot_since_is_neither_launched_nor_removed(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Drums")
    with connected(bitwig) as host:
        placement = host.place_in_slot(clip, track="Drums", slot=1)
        bitwig.tracks[0].slots[0] = Slot(name="Theirs", full=True)
        assert soon(lambda: host._moss.text("/track/1/clip/1/name") == "Theirs")
        with pytest.raises(HostError, match="does not hold 'kick 9f2785' any more"):
            host.launch(placement)
        host.remove(placement)
    assert bitwig.slot("Drums", 1).name == "Theirs"


@pytest.mark.parametrize("whole_last_page", [True, False])
@pytest.mark.parametrize("start", [0, 5])
def test_a_track_outside_the_window_is_reached_and_the_window_put_back(
    clip: HostClip, whole_last_page: bool, start: int
) -> None:
    bitwig = BitwigStandIn(*TWENTY, whole_last_page=whole_last_page)
    bitwig.start = start
    with connected(bitwig) as host:
        placement = host.place_in_slot(clip, track="Track 19", slot=2)
        assert bitwig.start == start
        host.launch(placement)
        assert bitwig.slot("Track 19", 2).queued
        assert bitwig.start == start
        host.place_in_slot(clip, track="Track 1", slot=1)
        assert bitwig.start == start
        assert [track.name for track in host.tracks()] == TWENTY
        assert bitwig.start == start
    full = [(track.name, track.slots.index(slot)) for track in bitwig.tracks for slot in track.slots if slot.full]
    assert full == [("Track 1", 0), ("Track 19", 1)]


def test_a_renamed_track_is_found_under_its_new_name_only(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Drums", "Bass")
    with connected(bitwig) as host:
        placement = host.place_in_slot(clip, track="Drums", slot=1)
        bitwig.track("Drums").name = "Drumset"
        assert soon(lambda: host._moss.text("/track/1/name") == "Drumset")
        with pytest.raises(HostError, match="no track 'Drums'; the nearest is Drumset; it has Drumset, Bass"):
            host.place_in_slot(clip, track="Drums", slot=2)
        host.remove(placement)  # its track is gone for us: no error, and nothing of theirs is touched
        host.place_in_slot(clip, track="Drumset", slot=2)
    assert bitwig.slot("Drumset", 2).full


def test_a_track_is_found_by_a_name_that_osc_cannot_spell(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Bässe")
    with connected(bitwig) as host:
        host.place_in_slot(clip, track="Bässe", slot=1)
    assert bitwig.slot("Bässe", 1).full


@pytest.mark.parametrize(
    ("kind", "why"), [("group", "is a group"), ("effect", "is an effect track"), ("instrument", "holds notes only")]
)
def test_a_track_that_takes_no_audio_is_refused_before_anything_is_sent(clip: HostClip, kind: str, why: str) -> None:
    bitwig = BitwigStandIn("Drums")
    bitwig.tracks[0].kind = kind
    with connected(bitwig) as host:
        assert [track.takes_audio for track in host.tracks()] == [False]
        with pytest.raises(HostError, match=f"'Drums' {why}"):
            host.place_in_slot(clip, track="Drums", slot=1)
    assert not any("insertFile" in address for address in bitwig.heard)


def test_a_slot_outside_the_window_and_a_scene_that_is_not_there_are_refused(clip: HostClip) -> None:
    with connected(BitwigStandIn("Drums", scenes=4)) as host:
        with pytest.raises(HostError, match='shows slots 1 to 8; name one of these, or raise "Bank Page Size"'):
            host.place_in_slot(clip, track="Drums", slot=9)
        with pytest.raises(HostError, match="no scene 5"):
            host.place_in_slot(clip, track="Drums", slot=5)


def test_a_larger_window_reaches_further_down(clip: HostClip) -> None:
    bitwig = BitwigStandIn(*TWENTY, size=16)
    with connected(bitwig) as host:
        host.place_in_slot(clip, track="Track 20", slot=12)
    assert bitwig.slot("Track 20", 12).full


def test_a_file_that_is_gone_is_a_sentence(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Drums")
    with connected(bitwig) as host:
        clip.path.unlink()
        with pytest.raises(HostError, match=r"kick 1\.wav is not there any more; generate the cue again"):
            host.place_in_slot(clip, track="Drums", slot=1)


def test_what_bitwig_silently_does_not_take_is_a_sentence(clip: HostClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.hosts.bitwig.ANSWER_WITHIN_S", 0.2)
    bitwig = BitwigStandIn("Drums")
    with connected(bitwig) as host:
        monkeypatch.setattr(bitwig, "_with_slot", lambda *_: None)
        with pytest.raises(HostError, match=r"did not take kick 1\.wav into slot 1 of track 'Drums'"):
            host.place_in_slot(clip, track="Drums", slot=1)


def test_tempo_and_position_are_read_from_its_feedback() -> None:
    bitwig = BitwigStandIn("Drums")
    bitwig.tempo, bitwig.position = 97.5, "3.02.01:50"
    with connected(bitwig) as host:
        time_of_host = host.time()
        assert (time_of_host.beat, time_of_host.tempo_bpm, time_of_host.playing) == (9.125, 97.5, False)
        bitwig.playing = True
        assert soon(lambda: host.time().playing)
        assert 9.125 <= host.time().beat <= 9.125 + 0.25 * 97.5 / 60


def test_bitwig_that_quits_is_noticed_at_the_next_word_and_found_again(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Drums")
    host = BitwigHost(port=bitwig.port, feedback_port=bitwig.feedback_port)
    with bitwig:
        host.connect()
        placement = host.place_in_slot(clip, track="Drums", slot=1)
    with pytest.raises(HostLost, match=f"nobody listens on UDP port {bitwig.port}: Bitwig has quit"):
        host.launch(placement)
    with pytest.raises(HostLost):
        host.connect()
    host.close()


def test_bitwig_that_hangs_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.hosts.bitwig.ANSWER_WITHIN_S", 0.1)
    monkeypatch.setattr("bridge.hosts.bitwig._SILENT_S", 0.0)
    bitwig = BitwigStandIn("Drums")
    with connected(bitwig) as host:
        bitwig.silent = True
        with pytest.raises(HostLost, match="Bitwig does not answer: DrivenByMoss shall listen on UDP port"):
            host.time()


def test_a_feedback_port_that_is_taken_is_a_sentence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        with pytest.raises(HostError, match=f"UDP port {taken}, to which DrivenByMoss sends, is taken"):
            BitwigHost(port=free_port(), feedback_port=taken).connect()


def test_what_bitwig_cannot_do_is_refused_and_effect_tracks_are_no_tracks(clip: HostClip) -> None:
    bitwig = BitwigStandIn("Drums")
    bitwig.effects = True
    with connected(bitwig) as host:
        with pytest.raises(HostError, match="Bitwig cannot put clips on its arrangement for us"):
            host.place_at_beat(clip, track="Drums", beat=8)
        with pytest.raises(HostError, match="shows Bitwig's effect tracks now"):
            host.place_in_slot(clip, track="Drums", slot=1)
        host.undo()
        assert soon(lambda: "/undo" in bitwig.heard)


def test_the_product_finds_the_extension_in_each_systems_folder(tmp_path: Path) -> None:
    for system, folder in (
        ("linux", "Bitwig Studio/Extensions"),
        ("linux", ".var/app/com.bitwig.BitwigStudio/Bitwig Studio/Extensions"),
        ("darwin", "Documents/Bitwig Studio/Extensions"),
        ("win32", "Documents/Bitwig Studio/Extensions"),
    ):
        home = tmp_path / f"{system} {len(folder)}"
        home.mkdir()
        assert look(home=home, system=system)[1].state == "missing"
        (home / folder).mkdir(parents=True)
        (home / folder / "DrivenByMoss.bwextension").touch()
        assert look(home=home, system=system)[1].state == "good"


def test_installing_copies_nothing_and_says_what_to_fetch_and_switch_on(tmp_path: Path) -> None:
    said = PRODUCT.install(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "not ours" in said[0]
    assert "Port to send to" in said[2]
    assert PRODUCT.host(HostChoice(name="bitwig", port=8100))._feedback_port == 9100
