"""How hard a note of the host is struck: the real plug-in's level against the bridge's own line."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from bridge.tracks.loudness import ratio
from bridge.triggers.accent import accent_of
from tests.plugin.conftest import lacking
from tests.plugin.peer import Peer, Take, osc

pedalboard = pytest.importorskip("pedalboard")

RATE_HZ = 48_000
GAIN = 0.5
TAKEN_S = 0.2  # what is sent is taken in well under this


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    with Peer() as one:
        monkeypatch.setenv("UPBEAT_PLUGIN_ENDPOINT", one.endpoint)
        yield one


@pytest.mark.plugin
@pytest.mark.hosts
@pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}")
def test_a_note_of_the_host_is_as_loud_as_its_velocity_has_it_in_our_own_mixer(built: Path, peer: Peer) -> None:
    instrument: Any = pedalboard.load_plugin(str(built / "upbeat.vst3"), initialization_timeout=0.1)
    instrument([], duration=0.2, sample_rate=RATE_HZ, reset=False)
    peer.wait("/plugin/hello", which=lambda heard: heard.values[4] == RATE_HZ)
    time.sleep(TAKEN_S)
    to = peer.all("/plugin/hello")[-1].identity
    take = np.random.default_rng(0).uniform(-0.5, 0.5, (480, 2)).astype(np.float32)
    peer.clip(to, Take("take", take, len(take), gain=GAIN))
    peer.send(to, osc("/plugin/pad", "isdidd", 60, "take", 0.0, 0, -18.0, 3.0))
    time.sleep(TAKEN_S)
    velocities = (1, 30, 64, 100, 127)
    notes = [
        mido.Message("note_on", note=60, velocity=velocity, time=turn * 0.1) for turn, velocity in enumerate(velocities)
    ]

    heard = instrument(notes, duration=0.6, sample_rate=RATE_HZ, reset=False).T

    for turn, velocity in enumerate(velocities):
        level = np.max(np.abs(heard[turn * 4_800 : (turn + 1) * 4_800])) / np.max(np.abs(take))
        wanted = GAIN * ratio(accent_of(velocity, {"gain_db": (-18.0, 3.0)}).gain_db)
        assert 20 * np.log10(level / wanted) == pytest.approx(0, abs=0.01), f"velocity {velocity}"
