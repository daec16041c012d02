"""A host's project closed and opened again, with a real bridge beside it: the same takes sound, bit for bit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.whole.plugin_rig import Bridge, daw, needs_a_host, pace  # noqa: F401  # fixture: pace
from tests.whole.wire import Engine, engine

pytestmark = [pytest.mark.plugin, pytest.mark.hosts, needs_a_host]

HIT = 60
SECONDS = 4.0
AS_SAVED, MODES = 3, 3
SET = f"""
[set]
title = "Recall"
tempo_bpm = 120
[clock]
sources = ["plugin", "internal"]
[tracks.keys]
[cues.pad]
track = "keys"
prompt = "pad"
length_beats = 2
loop = true
seed = 5
[cues.hit]
track = "keys"
prompt = "hit"
length_beats = 1
quantum_beats = 0
seed = 6
[triggers]
midi = [{{ note = {HIT}, cue = "hit" }}]
[[timeline]]
beat = 0
cue = "pad"
"""
OTHER_SEEDS = SET.replace("seed = 5", "seed = 55").replace("seed = 6", "seed = 66")


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


def test_a_project_opened_again_plays_the_same_takes_bit_for_bit(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    instrument = built / "upbeat.vst3"
    with Bridge(SET, tmp_path, noise) as bridge:
        with daw(instrument, pace, bridge.endpoint) as host:
            host.ask("tempo", [120], 0)
            host.ask("note", 0, HIT, 100, 1.3)
            [heard] = host.bounces(SECONDS, tmp_path)
            host.ask("save", str(project))
            host.choose("Mode", AS_SAVED, most=MODES)
            host.wakes()
            host.ask("save", str(tmp_path / "kept"))

        def opened_again(endpoint: str, state: Path = project) -> np.ndarray:
            with daw(instrument, pace, endpoint, state=state) as host:
                host.ask("tempo", [120], 0)
                host.ask("note", 0, HIT, 100, 1.3)
                [again] = host.bounces(SECONDS, tmp_path)
                return again

        with_the_same_bridge = opened_again(bridge.endpoint)
        takes = {take.take_id: take.path for take in bridge.takes}
    with Bridge(SET, tmp_path, noise) as restarted:
        with_a_restarted_bridge = opened_again(restarted.endpoint)
    with Bridge(OTHER_SEEDS, tmp_path, noise) as other:
        with_other_seeds = opened_again(other.endpoint)
        kept_from_the_disk = opened_again(other.endpoint, tmp_path / "kept")
    for path in takes.values():
        path.unlink()
    with Bridge(OTHER_SEEDS, tmp_path, noise) as other:
        kept_from_provenance = opened_again(other.endpoint, tmp_path / "kept")

    assert np.any(heard)
    assert len(takes) == 2
    assert np.array_equal(with_the_same_bridge, heard)
    assert np.array_equal(with_a_restarted_bridge, heard)
    assert not np.allclose(with_other_seeds, heard, atol=1e-2)  # in the mode Set it is the set that counts
    assert np.array_equal(kept_from_the_disk, heard)
    assert np.array_equal(kept_from_provenance, heard)
