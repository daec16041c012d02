"""The CLAP in a stand-in for a host: what it says of itself, every beat on its frame, its notes, and its state."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.plugin import clap_abi
from tests.plugin.clap_abi import MidiEvent, NoteEvent, TransportEvent
from tests.plugin.clap_host import Bundle, Instance, Song, beats_in, midi, note, value
from tests.plugin.conftest import lacking
from tests.plugin.peer import Peer, Samples, Take

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

SCANNER = next(iter(Path("/usr/lib").glob("*/qtractor/qtractor_plugin_scan")), None)
RATE_HZ = 48_000
TAKEN_S = 0.1  # what is sent is taken in well under this
TICK = np.ones((1, 1), np.float32)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    with Peer() as one:
        monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", one.endpoint)
        yield one


@contextmanager
def instance(built: Path, name: str = "upbeat", *, rate_hz: int = RATE_HZ) -> Iterator[Instance]:
    """One that is not yet active; it is deactivated and destroyed in the end."""
    bundle = Bundle(built / f"{name}.clap")
    one = Instance(bundle, rate_hz=rate_hz)
    try:
        yield one
    finally:
        one.close()
        bundle.close()


def greeted(one: Instance, peer: Peer) -> bytes:
    """Activate it; who it is to the bridge."""
    mark = peer.mark
    one.activate()
    return peer.wait("/plugin/hello", since=mark).identity


def send(peer: Peer, to: bytes, *takes: Take, loop: bool = True) -> None:
    """A sheet of takes that begin on beat 0."""
    for number, take in enumerate(takes):
        peer.clip(to, take)
        peer.place(to, 1 + number, take.take_id, beat=0, loop=loop)
    peer.sheet(to, len(takes))
    time.sleep(TAKEN_S)


def ticking(one: Instance, peer: Peer, *, length_beats: float = 1) -> None:
    """From now on a tick sounds on each beat."""
    send(peer, greeted(one, peer), Take("tick", TICK, 1, length_beats=length_beats, sample_rate_hz=one.rate_hz))


def onsets(heard: Samples) -> list[int]:
    """The frames that are not silent."""
    return [int(frame) for frame in np.flatnonzero(heard[:, 0])]


def noise(frames: int, seed: int) -> Samples:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("file", "identity", "name", "features", "inputs", "notes"),
    [
        ("upbeat", "upbeat.instrument", "Upbeat", ["instrument", "sampler", "stereo"], 0, 1),
        ("upbeat-track", "upbeat.track", "Upbeat Track", ["audio-effect", "utility", "stereo"], 1, 0),
    ],
)
def test_it_says_what_it_is(
    built: Path, file: str, identity: str, name: str, features: list[str], inputs: int, notes: int
) -> None:
    bundle = Bundle(built / f"{file}.clap")
    (described,) = bundle.descriptors()
    assert (described.version_of_clap.major, described.id.decode(), described.name.decode()) == (1, identity, name)
    assert (described.vendor, described.version) == (b"Upbeat", b"0.1.0")
    assert bundle.features() == features
    bundle.close()
    with instance(built, file) as one:
        assert [len(one.audio_ports(is_input)) for is_input in (True, False)] == [inputs, 1]
        assert [port.channels for port in one.audio_ports(False)] == [2]
        assert [len(one.note_ports(is_input)) for is_input in (True, False)] == [notes, 0]
        assert [port.dialects & 2 for port in one.note_ports(True)] == [2] * notes  # MIDI


def test_a_host_sees_parameters_by_name_and_shows_their_values_with_their_units(built: Path) -> None:
    with instance(built) as one:
        ranges = {info.name.decode(): (info.low, info.high, info.default) for info in one.parameters()}
        assert ranges["Slot"] == (1, 64, 1)
        assert ranges["Gain"] == (-60, 12, 0)
        assert list(ranges)[:7] == ["Slot", "Gain", "Quantum", "Mode", "Fire cue", "Panic", "Bounce"]
        assert list(ranges)[-1] == "Status"
        assert len({info.id for info in one.parameters()}) == len(ranges)
        assert one.text("Gain", -6.5) == "-6.5 dB"
        assert one.text("Quantum", 6) == "1 bar (4)"
        assert one.text("Status", 0) == "Away"
        assert one.text("Pitch", 12) == "12 semitones"
        assert one.value_of("Gain", "-6.5 dB") == -6.5
        assert one.value_of("Quantum", "1 beat") == 4
        for info in one.parameters():
            name = info.name.decode()
            assert one.value(name) == info.default
            for given in (info.low, info.default, info.high):
                assert one.value_of(name, one.text(name, given)) == pytest.approx(given, abs=1e-3)


def test_every_beat_of_sixteen_bars_is_exact(built: Path, peer: Peer) -> None:
    with instance(built) as one:
        one.song = Song(tempo_bpm=97)
        ticking(one, peer)
        heard = one.play(64 * 29_691, [512])
    assert onsets(heard) == [round(k * 60 / 97 * RATE_HZ) for k in range(65)]


@pytest.mark.hosts
@pytest.mark.parametrize("blocks", [(64,), (8_192,), (333,), (16,), (1, 7, 512, 64, 1_000, 3, 8_192)])
def test_every_beat_is_exact_in_blocks_of_any_size(built: Path, peer: Peer, blocks: tuple[int, ...]) -> None:
    with instance(built) as one:
        one.song = Song(tempo_bpm=97)
        ticking(one, peer)
        heard = one.play(64 * 29_691, blocks)
    assert onsets(heard) == [round(k * 60 / 97 * RATE_HZ) for k in range(65)]


@pytest.mark.hosts
def test_every_beat_is_exact_in_blocks_of_one_frame_and_at_another_rate(built: Path, peer: Peer) -> None:
    with instance(built, "upbeat-track", rate_hz=44_100) as one:
        one.song = Song(tempo_bpm=133.3)
        ticking(one, peer)
        heard = one.play(8 * 44_100, [441])
        beats = [round(k * 60 / 133.3 * 44_100) for k in range(18)]
        assert onsets(heard) == beats
        one.song = Song(tempo_bpm=133.3)
        assert onsets(one.play(60_000, [1])) == [frame for frame in beats if frame < 60_000]


@pytest.mark.hosts
@pytest.mark.parametrize("metre", [(3, 4), (6, 8), (7, 8), (5, 16), (2, 2), None])
def test_beats_are_quarter_notes_in_every_metre(built: Path, peer: Peer, metre: tuple[int, int] | None) -> None:
    with instance(built) as one:
        one.song = Song(tempo_bpm=97, beat=2.25, metre=metre or (4, 4))
        if metre is None:  # a host need not tell its metre
            one.song.flags &= ~clap_abi.HAS_SIGNATURE
        ticking(one, peer)
        wanted = beats_in(one.song, 12 * 29_691)
        assert onsets(one.play(12 * 29_691)) == wanted


@pytest.mark.parametrize("from_frame", [0, 100_007])
def test_beats_that_a_host_tells_roughly_are_counted_from_its_seconds(built: Path, peer: Peer, from_frame: int) -> None:
    with instance(built) as one:
        one.song = Song(tempo_bpm=97, beat=from_frame * 97 / 60 / RATE_HZ, beat_parts=7_680)
        ticking(one, peer)
        wanted = beats_in(one.song, 24 * 29_691)
        assert onsets(one.play(24 * 29_691, [1_024, 333])) == wanted
        assert {heard.values[6] for heard in peer.all("/plugin/time") if heard.values[2]} == {1}  # no jump was seen


def test_a_song_that_begins_before_its_start_comes_to_beat_0_on_its_frame(built: Path, peer: Peer) -> None:
    with instance(built) as one:
        one.song = Song(tempo_bpm=97, beat=-2.3)
        send(peer, greeted(one, peer), Take("bar", TICK, 1, length_beats=4))
        heard = one.play(8 * 29_691)
        launched = peer.wait("/plugin/launched")
    assert onsets(heard) == [round((2.3 + beat) * 60 / 97 * RATE_HZ) for beat in (0, 4)]
    assert 0 in launched.values


@pytest.mark.hosts
def test_a_hosts_loop_and_its_new_tempo_move_what_sounds(built: Path, peer: Peer) -> None:
    with instance(built) as one:
        one.song = Song(tempo_bpm=97, beat=3.5)
        ticking(one, peer)
        for beat, tempo_bpm, frames in [(3.5, 97, 74_321), (2.125, 97, 91_007), (2.125, 97, 50_000), (9, 61.7, 99_999)]:
            one.song = Song(tempo_bpm=tempo_bpm, beat=beat)
            wanted = beats_in(one.song, frames)
            assert onsets(one.play(frames)) == wanted, f"from beat {beat} at {tempo_bpm}"
        one.song = Song(tempo_bpm=140, beat=one.song.beat)  # and without a jump
        wanted = beats_in(one.song, 99_000)
        assert onsets(one.play(99_000)) == wanted


def test_a_jump_and_a_new_tempo_within_a_block_are_heard_on_their_frames(built: Path, peer: Peer) -> None:
    with instance(built) as one:
        one.song = Song(tempo_bpm=97, beat=0)
        ticking(one, peer)
        jump, faster = Song(tempo_bpm=97, beat=1.75), Song(tempo_bpm=140, beat=5.5)
        wanted = [
            0,
            *(1_000 + frame for frame in beats_in(jump, 40_000)),
            *(41_000 + f for f in beats_in(faster, 60_000)),
        ]
        heard = one.play(101_000, [101_000], events=[jump.told(1_000), faster.told(41_000)])
    assert onsets(heard) == wanted


@pytest.mark.hosts
@pytest.mark.parametrize("blocks", [(512, 33, 1_024), (60_000,)])
def test_notes_in_claps_words_and_in_midi_sound_on_their_frames(
    built: Path, peer: Peer, blocks: tuple[int, ...]
) -> None:
    take = noise(2_000, 1)
    with instance(built) as one:
        to = greeted(one, peer)
        peer.clip(to, Take("hat", take, len(take)))
        peer.pad(to, 60, "hat")
        peer.pad(to, 61, "hat", quantum_beats=1)
        time.sleep(TAKEN_S)
        one.song = Song(tempo_bpm=97)
        events: list[NoteEvent | MidiEvent | TransportEvent] = [
            midi(77, 0x90, 60, 127),
            Song(tempo_bpm=97, beat=5_000 * 97 / 60 / RATE_HZ).told(5_000),  # the line as it was, told again
            note(5_003, 60, velocity=1.0),
            midi(20_000, 0x92, 61, 127),
            midi(20_001, 0x90, 60, 0),
        ]
        heard = one.play(60_000, blocks, events=events)
        told = [peer.wait("/plugin/note", which=lambda said, key=key: said.values[0] == key) for key in (60, 61)]  # type: ignore[misc]
    wanted = np.zeros_like(heard)
    for frame in (77, 5_003, round(60 / 97 * RATE_HZ)):
        wanted[frame : frame + len(take)] += take
    assert np.array_equal(heard, wanted)
    assert [said.values[1:] for said in told] == [[127, 1, 1], [127, 3, 1]]  # velocity, channel, and that it sounded


@pytest.mark.hosts
def test_the_effect_adds_a_take_bit_for_bit_in_its_own_buffers_too(built: Path, peer: Peer) -> None:
    take = noise(24_000, 2)
    sent = noise(36_000, 3)
    wanted = sent.copy()
    wanted[: len(take)] += take
    with instance(built, "upbeat-track") as one:
        send(peer, greeted(one, peer), Take("take", take, len(take)), loop=False)
        for in_place in (False, True):
            one.song = Song(tempo_bpm=97)
            assert np.array_equal(one.play(36_000, [480, 77], heard=sent, in_place=in_place), wanted)
            one.song.playing = False
            one.play(4_800)


@pytest.mark.hosts
def test_values_turned_by_the_host_reach_the_bridge_and_the_status_the_host(built: Path, peer: Peer) -> None:
    with instance(built) as one:
        one.song.playing = False
        send(peer, greeted(one, peer), Take("take", TICK, 1))
        status = one.number("Status")
        one.play(480)
        assert [told.value for told in one.turned if told.parameter == status][-1:] == [2.0]  # ready
        assert peer.all("/plugin/turn") == []
        modulated = value(5, one.number("Gain"), 3, kind=clap_abi.PARAM_MOD)  # not ours: passed over
        one.play(512, events=[value(0, one.number("Pitch"), 12), modulated, value(9, one.number("Fire cue"), 3)])
        peer.wait("/plugin/turn", which=lambda heard: heard.values == ["pitch", 12.0])
        peer.wait("/plugin/turn", which=lambda heard: heard.values == ["fire", 3.0])
        one.flush(value(0, one.number("Slot"), 5))
        assert (one.value("Slot"), one.value("Gain")) == (5, 0)
        peer.wait("/plugin/hello", which=lambda heard: heard.values[3] == 5)


@pytest.mark.hosts
def test_a_slot_that_the_set_does_not_have_is_shown_as_empty(built: Path, peer: Peer) -> None:
    peer.tracks = 2
    with instance(built) as one:
        greeted(one, peer)
        shown = []
        for slot, wanted in ((3, 5.0), (2, 2.0)):  # empty slot, ready
            mark = peer.mark
            one.flush(value(0, one.number("Slot"), slot))
            peer.wait("/plugin/hello", since=mark, which=lambda heard, slot=slot: heard.values[3] == slot)  # type: ignore[misc]
            end_s = time.monotonic() + 5
            while one.value("Status") != wanted and time.monotonic() < end_s:
                time.sleep(0.02)
            shown.append(one.text("Status", one.value("Status")))
    assert shown == ["Empty slot", "Ready"]


@pytest.mark.parametrize("at_most", [1 << 30, *(pytest.param(n, marks=pytest.mark.hosts) for n in (1, 7, 100))])
def test_a_project_opened_again_asks_for_its_takes_by_their_ids(built: Path, peer: Peer, at_most: int) -> None:
    with instance(built) as one:
        to = greeted(one, peer)
        peer.clip(to, Take("kick 9f27", TICK, 1, length_beats=1))
        peer.pad(to, 60, "hat 1c", quantum_beats=4)
        peer.place(to, 7, "kick 9f27", beat=0, loop=True, until_beat=16)
        peer.sheet(to, 1)
        time.sleep(2 * TAKEN_S)
        one.flush(value(0, one.number("Gain"), -6.5), value(0, one.number("Slot"), 3))
        saved = one.save(at_most=at_most)
        assert saved == one.save()
    with instance(built) as again:
        again.load(saved, at_most=at_most)
        assert (again.value("Gain"), again.value("Slot")) == (-6.5, 3)
        mark = peer.mark
        hello = greeted(again, peer)
        assert hello.split(b"/")[0] == to.split(b"/")[0]
        for take in ("kick 9f27", "hat 1c"):
            peer.wait("/plugin/want", since=mark, which=lambda heard, take=take: heard.values == [take])  # type: ignore[misc]


@pytest.mark.hosts
def test_it_is_activated_and_deactivated_200_times_and_still_plays(built: Path, peer: Peer) -> None:
    with instance(built) as one:
        for _ in range(200):
            one.activate()
            one.play(64)
            one.deactivate()
        one.song = Song(tempo_bpm=97)
        ticking(one, peer)
        assert onsets(one.play(60_000)) == [0, 29_691, 59_381]


@pytest.mark.hosts
def test_several_in_one_host_keep_apart_and_go_together(built: Path, peer: Peer) -> None:
    with instance(built) as first, instance(built) as second, instance(built, "upbeat-track") as third:
        alone = [first, second, third]
        names = [greeted(one, peer) for one in alone]
        for number, to in enumerate(names):
            send(peer, to, Take("tick", np.full_like(TICK, (number + 1) / 4), 1, length_beats=1 + number))
        assert len({name.split(b"/")[0] for name in names}) == 3
        heard = [np.zeros((0, 2), np.float32)] * 3
        for one in alone:
            one.song = Song(tempo_bpm=97)
        for _ in range(300):
            heard = [np.concatenate([so_far, one.play(512)]) for so_far, one in zip(heard, alone, strict=True)]
        for number, samples in enumerate(heard):
            beats = [round(k * 60 / 97 * RATE_HZ) for k in range(0, 6, 1 + number)]
            assert onsets(samples) == [frame for frame in beats if frame < len(samples)]
            assert samples.max() == (number + 1) / 4


@pytest.mark.hosts
def test_without_a_transport_notes_sound_and_no_time_is_told(built: Path, peer: Peer) -> None:
    with instance(built) as one:
        one.knows_time = False
        to = greeted(one, peer)
        peer.clip(to, Take("hat", TICK, 1))
        peer.pad(to, 60, "hat", quantum_beats=4)
        time.sleep(TAKEN_S)
        assert onsets(one.play(4_800, events=[note(1_234, 60)])) == [1_234]
    assert peer.all("/plugin/time") == []


@pytest.mark.skipif(SCANNER is None, reason="not installed: Qtractor (Debian: qtractor)")
def test_a_host_that_is_not_ours_finds_it(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    files = [built / f"{name}.clap" for name in ("upbeat", "upbeat-track")]
    asked = "".join(f"CLAP:{file}\n" for file in files)
    done = subprocess.run([SCANNER or ""], input=asked, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    # Qtractor's own list: name, audio in:out, MIDI in:out, parameters in:out, what it can do, the file.
    told = [line.split("|")[1:7] for line in done.stdout.splitlines() if line.startswith("CLAP|")]
    assert told == [
        ["Upbeat", "0:2", "1:0", "14:1", "EXT,RT", str(files[0])],
        ["Upbeat Track", "2:2", "0:0", "14:1", "EXT,RT", str(files[1])],
    ]
