"""`upbeat bridge` is killed while a real host plays, and started again at its port: what the host plays meanwhile."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from osc_schemas import codec
from tests.whole.command_line import Home, free_port
from tests.whole.plugin_rig import daw, needs_a_host, pace  # noqa: F401  # fixture: pace
from tests.whole.wire import Engine, engine

pytestmark = [pytest.mark.plugin, pytest.mark.hosts, needs_a_host]

SECONDS = 13.0
KILLED_BEAT, LAST_HIT_BEAT = 5.0, 24
JOINED_WITHIN_S = 4.0  # from its first word to the host's beat
HIT = 60
SET = f"""
[set]
title = "Killed"
tempo_bpm = 120
[clock]
sources = ["plugin", "internal"]
[tracks.keys]
[cues.pad]
track = "keys"
prompt = "pad"
length_beats = 2
loop = true
[cues.bed]
track = "keys"
prompt = "bed"
length_beats = 4
loop = true
seed = 2
[cues.hit]
track = "keys"
prompt = "hit"
length_beats = 1
quantum_beats = 0
seed = 1
[triggers]
midi = [{{ note = {HIT}, cue = "hit" }}]
[[timeline]]
beat = 2
cue = "pad"
[[timeline]]
beat = 8
cue = "bed"
[[timeline]]
beat = 9
cue = "hit"
every_beats = 3
until_beat = {LAST_HIT_BEAT + 1}
"""


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


def test_a_bridge_that_is_killed_while_the_host_plays_is_not_missed_and_a_new_one_joins(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    words = ("bridge", home.write("killed.toml", SET), "--engine", noise.endpoint)
    words += ("--plugin-port", free_port(socket.SOCK_STREAM))
    with home.live(*words) as first, daw(built / "upbeat.vst3", pace, f"tcp://127.0.0.1:{words[-1]}") as host:
        host.ask("tempo", [120], 0)
        host.ask("note", 0, HIT, 100, 3.6)  # when there is no bridge
        [undisturbed] = host.bounces(SECONDS, tmp_path)
        host.plays(SECONDS)
        first.event("/launch", cue="pad")
        while beat_of(first.ask(codec.write("/status"), answer="/status/transport")) < KILLED_BEAT:
            time.sleep(0.05)
        first.process.kill()
        first.process.wait()
        with home.live(*words) as second:
            begun_s = time.monotonic()
            second.event("/clock/event", what="start", clock="plugin")
            joined_s = time.monotonic() - begun_s
            joined_beat = beat_of(second.ask(codec.write("/status"), answer="/status/transport"))
            launch = second.event("/launch", cue="hit", bar=1 + LAST_HIT_BEAT // 4)
            [heard] = host.heard(tmp_path)
            played = second.ask(codec.write("/status"), answer="/status/track")

    assert np.any(undisturbed)
    assert np.array_equal(heard, undisturbed)
    assert joined_s < JOINED_WITHIN_S
    assert joined_beat < LAST_HIT_BEAT - 3
    assert (launch["beat"], launch["error_frames"]) == (1 + LAST_HIT_BEAT % 4, 0)
    assert played.text("cue") in ("bed", "hit")


def beat_of(status: codec.Message) -> float:
    """Where the music is, in beats from 0."""
    return 4 * (status.whole("bar") - 1) + status.number("beat") - 1
