"""The VST3 in DawDreamer, a host with tempo and transport: every beat on its frame, whole pieces, tempo changes."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugin.conftest import lacking
from tests.plugin.peer import Peer, Samples, Take

dawdreamer = pytest.importorskip("dawdreamer")

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

RATE_HZ = 48_000
TAKEN_S = 0.2
TICK = np.ones((1, 1), np.float32)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    with Peer() as one:
        monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", one.endpoint)
        yield one


class Song:
    """A DawDreamer session with our effect over silence."""

    def __init__(self, built: Path, *, block: int, seconds: float) -> None:
        self.engine: Any = dawdreamer.RenderEngine(RATE_HZ, block)
        silence = np.zeros((2, int(seconds * RATE_HZ)), np.float32)
        source = self.engine.make_playback_processor("silence", silence)
        self.plugin: Any = self.engine.make_plugin_processor("upbeat", str(built / "upbeat-track.vst3"))
        self.engine.load_graph([(source, []), (self.plugin, ["silence"])])
        self.seconds = seconds

    def greet(self, peer: Peer) -> bytes:
        """Let the host activate the plug-in; who it is."""
        self.engine.render(0.05)
        peer.wait("/plugin/hello", which=lambda heard: heard.values[4] == RATE_HZ)
        time.sleep(TAKEN_S)
        return peer.all("/plugin/hello")[-1].identity

    def rendered(self) -> Samples:
        """All of it, from the start, (frames, 2)."""
        self.engine.render(self.seconds)
        return np.asarray(self.engine.get_audio(), np.float32).T


def send(peer: Peer, to: bytes, *takes: Take) -> None:
    """A sheet of loops from beat 0."""
    for number, take in enumerate(takes):
        peer.clip(to, take)
        peer.place(to, 1 + number, take.take_id, beat=0, loop=True)
    peer.sheet(to, len(takes))
    time.sleep(TAKEN_S)


@pytest.mark.parametrize("block", [512, 64, 8_192, 333, 1])
def test_every_beat_of_sixteen_bars_is_exact(built: Path, peer: Peer, block: int) -> None:
    song = Song(built, block=block, seconds=64 * 60 / 97 + 0.1)
    song.engine.set_bpm(97)
    send(peer, song.greet(peer), Take("tick", TICK, 1, length_beats=1))

    heard = song.rendered()

    assert np.flatnonzero(heard[:, 0]).tolist() == [round(k * 60 / 97 * RATE_HZ) for k in range(65)]


def test_a_tempo_change_moves_every_beat_with_the_hosts_own_line(built: Path, peer: Peer) -> None:
    block = 480
    song = Song(built, block=block, seconds=8)
    ticks_per_beat = 960
    track = np.concatenate([np.full(8 * ticks_per_beat, 97.0), np.full(8 * ticks_per_beat, 140.0)])
    song.engine.set_bpm(track, ppqn=ticks_per_beat)
    send(peer, song.greet(peer), Take("tick", TICK, 1, length_beats=1))

    heard = song.rendered()

    # The host's own line: it takes the tempo anew at each block.
    beat, wanted = 0.0, []
    for frame in range(0, len(heard), block):
        tempo_bpm = float(track[min(len(track) - 1, int(beat * ticks_per_beat))])
        after = beat + block * tempo_bpm / 60 / RATE_HZ
        wanted += [
            frame + round((k - beat) * 60 / tempo_bpm * RATE_HZ) for k in range(100) if beat - 1e-9 <= k < after - 1e-9
        ]
        beat = after
    onsets = np.flatnonzero(heard[:, 0])
    assert onsets.tolist() == [frame for frame in wanted if frame < len(heard)]
    assert len(onsets) > 14


def test_a_bounce_may_wait_for_takes_that_are_on_their_way(built: Path, peer: Peer) -> None:
    song = Song(built, block=512, seconds=1)
    song.engine.set_bpm(120)
    song.greet(peer)
    names = [song.plugin.get_parameter_name(k) for k in range(song.plugin.get_plugin_parameter_size())]
    song.plugin.set_parameter(names.index("Bounce"), 1.0)
    for bounce in range(3):  # each is a connection of its own, which knows nothing of the one before
        take = np.random.default_rng(bounce).uniform(-0.5, 0.5, (4_000, 1)).astype(np.float32)

        def slow(name: str, take: Samples, since: int) -> None:
            hello = peer.wait("/plugin/hello", since=since)
            peer.sheet(hello.identity, 1, complete=False)
            time.sleep(0.7)
            peer.clip(hello.identity, Take(name, take, 4_000))
            peer.place(hello.identity, 1, name, beat=0)
            peer.sheet(hello.identity, 1)

        thread = threading.Thread(target=slow, args=(f"late {bounce}", take, peer.mark))
        thread.start()
        heard = song.rendered()
        thread.join()

        assert np.array_equal(heard[:4_000, :1], take)


@pytest.mark.hosts
def test_the_instrument_plays_notes_on_the_hosts_lines(built: Path, peer: Peer) -> None:
    engine: Any = dawdreamer.RenderEngine(RATE_HZ, 512)
    engine.set_bpm(97)
    plugin: Any = engine.make_plugin_processor("upbeat", str(built / "upbeat.vst3"))
    engine.load_graph([(plugin, [])])
    engine.render(0.05)
    peer.wait("/plugin/hello", which=lambda heard: heard.values[4] == RATE_HZ)
    time.sleep(TAKEN_S)
    to = peer.all("/plugin/hello")[-1].identity
    peer.clip(to, Take("tick", TICK, 1))
    peer.pad(to, 60, "tick", quantum_beats=1)
    peer.pad(to, 61, "tick")
    time.sleep(TAKEN_S)
    plugin.add_midi_note(60, 100, 1.0, 0.1)  # seconds: beat 1.62, so it waits for beat 2
    plugin.add_midi_note(61, 100, 2.0, 0.1)
    engine.render(4)

    heard = np.asarray(engine.get_audio(), np.float32)[0]

    assert np.flatnonzero(heard).tolist() == [round(2 * 60 / 97 * RATE_HZ), 2 * RATE_HZ]
