"""The VST3 in pedalboard, a host not ours: a take sent over ZeroMQ sounds bit for bit, in buffers of any size."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from tests.plugin.conftest import lacking
from tests.plugin.peer import Peer, Samples, Take

pedalboard = pytest.importorskip("pedalboard")

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]

RATE_HZ = 48_000
TAKEN_S = 0.1  # what is sent is taken in well under this


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    with Peer() as one:
        monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", one.endpoint)
        yield one


def noise(frames: int, seed: int) -> Samples:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)


def last_identity(peer: Peer) -> bytes:
    """Of the instance as the host has activated it last."""
    peer.wait("/plugin/hello", which=lambda heard: heard.values[4] == RATE_HZ)
    time.sleep(TAKEN_S)
    return peer.all("/plugin/hello")[-1].identity


def test_the_effect_loads_at_once_and_adds_a_take_bit_for_bit(built: Path, peer: Peer) -> None:
    started_s = time.monotonic()
    effect = pedalboard.load_plugin(str(built / "upbeat-track.vst3"))
    loaded_s = time.monotonic() - started_s
    take = noise(24_000, 0)
    for turn, buffer in enumerate((512, 64, 8_192, 333, 1)):
        effect(np.zeros((2, RATE_HZ), np.float32), RATE_HZ, buffer_size=buffer, reset=False)
        to = last_identity(peer)
        peer.clip(to, Take("take", take, len(take)))
        peer.place(to, 1_000_000 + turn, "take", beat=0, kept=False)  # fired while the host stands: at once
        time.sleep(TAKEN_S)
        sent = noise(RATE_HZ, buffer).T

        heard = effect(np.ascontiguousarray(sent), RATE_HZ, buffer_size=buffer, reset=False)

        wanted = sent.copy()
        wanted[:, : len(take)] += take.T
        assert np.array_equal(heard, wanted), f"in buffers of {buffer}"
    assert loaded_s < 2


def test_a_host_sees_parameters_by_name_and_range_and_their_turns_reach_the_bridge(built: Path, peer: Peer) -> None:
    effect = pedalboard.load_plugin(str(built / "upbeat-track.vst3"))
    quiet = np.zeros((2, 4_800), np.float32)
    effect(quiet, RATE_HZ, reset=False)
    last_identity(peer)
    assert (effect.parameters["slot"].min_value, effect.parameters["slot"].max_value) == (1, 64)
    assert effect.parameters["gain_db"].label == "dB"
    assert peer.all("/plugin/turn") == []  # nothing is sent at load

    effect.pitch_semitones = 12
    effect.fire_cue = 3
    effect(quiet, RATE_HZ, reset=False)
    peer.wait("/plugin/turn", which=lambda heard: heard.values == ["fire", 3.0])
    turned = dict(heard.values for heard in peer.all("/plugin/turn"))
    assert turned["pitch"] == pytest.approx(12, abs=0.01)
    assert set(turned) == {"pitch", "fire"}

    effect.slot = 5
    effect(quiet, RATE_HZ, reset=False)
    peer.wait("/plugin/hello", which=lambda heard: heard.values[3] == 5)


def test_a_project_opened_again_asks_for_its_takes_by_their_ids(built: Path, peer: Peer) -> None:
    quiet = np.zeros((2, RATE_HZ), np.float32)
    effect = pedalboard.load_plugin(str(built / "upbeat-track.vst3"))
    effect(quiet, RATE_HZ, reset=False)
    to = last_identity(peer)
    take = noise(4_000, 1)
    peer.clip(to, Take("kick 9f27", take, 4_000, length_beats=1))
    peer.pad(to, 60, "hat 1c", quantum_beats=4)
    peer.place(to, 7, "kick 9f27", beat=0, loop=True, until_beat=16)
    peer.sheet(to, 1)
    time.sleep(2 * TAKEN_S)
    saved = effect.raw_state

    again = pedalboard.load_plugin(str(built / "upbeat-track.vst3"))
    again.raw_state = saved
    mark = peer.mark
    again(quiet, RATE_HZ, reset=True)
    wanted = {peer.wait("/plugin/want", since=mark, which=lambda h, n=name: h.values == [n]).values[0]  # type: ignore[misc]
              for name in ("kick 9f27", "hat 1c")}  # fmt: skip
    assert wanted == {"kick 9f27", "hat 1c"}
    assert {h.values[1] for h in peer.all("/plugin/hello")[-1:]} == {to.split(b"/")[0].decode()}


def test_a_project_opened_again_tells_where_it_left_its_knobs(built: Path, peer: Peer) -> None:
    quiet = np.zeros((2, 4_800), np.float32)
    effect = pedalboard.load_plugin(str(built / "upbeat-track.vst3"))
    effect.pitch_semitones = 12
    effect.fire_cue = 3
    effect(quiet, RATE_HZ, reset=False)
    saved = effect.raw_state

    again = pedalboard.load_plugin(str(built / "upbeat-track.vst3"))
    again.raw_state = saved
    mark = peer.mark
    again(quiet, RATE_HZ, reset=True)

    peer.wait("/plugin/turn", since=mark)
    peer.wait("/plugin/alive", since=mark)
    turns = peer.all("/plugin/turn", since=mark)
    assert [turn.values for turn in turns] == [["pitch", pytest.approx(12, abs=0.01)]] * len(turns)  # and not the cue
    assert len({turn.identity for turn in turns}) == len(turns)  # once on each connection


def test_a_knob_that_is_automated_in_short_blocks_says_its_newest_place_only(built: Path, peer: Peer) -> None:
    effect = pedalboard.load_plugin(str(built / "upbeat-track.vst3"))
    quiet = np.zeros((2, 64), np.float32)
    effect(quiet, RATE_HZ, reset=False)
    last_identity(peer)
    mark, start_s = peer.mark, time.monotonic()
    for k in range(1, 1_001):
        effect.pitch_semitones = round(k * 0.012, 3)
        effect(quiet, RATE_HZ, reset=False)
    took_s = time.monotonic() - start_s

    peer.wait("/plugin/turn", since=mark, which=lambda heard: abs(heard.values[1] - 12) < 0.01)
    assert len(peer.all("/plugin/turn", since=mark)) < 10 + took_s / 0.004


@pytest.mark.hosts
def test_notes_sound_on_their_frames(built: Path, peer: Peer) -> None:
    instrument: Any = pedalboard.load_plugin(str(built / "upbeat.vst3"), initialization_timeout=0.1)
    take = noise(4_800, 2)
    for buffer in (512, 64, 8_192, 333, 1_000):
        instrument([], duration=0.2, sample_rate=RATE_HZ, buffer_size=buffer, reset=False)
        to = last_identity(peer)
        peer.clip(to, Take("take", take, len(take)))
        peer.pad(to, 60, "take")
        time.sleep(2 * TAKEN_S)
        notes = [
            mido.Message("note_on", note=60, velocity=100, time=(frame + 0.5) / RATE_HZ) for frame in (480, 24_014)
        ]

        heard = instrument(notes, duration=1, sample_rate=RATE_HZ, buffer_size=buffer, reset=False).T

        wanted = np.zeros((RATE_HZ, 2), np.float32)
        for frame in (480, 24_014):
            wanted[frame : frame + len(take)] = take
        assert np.array_equal(heard, wanted), f"in buffers of {buffer}"
