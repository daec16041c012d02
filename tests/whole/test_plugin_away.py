"""The bridge ends while a real host plays, and another takes its place: what the host goes on to play."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.whole.live import wait_until
from tests.whole.plugin_rig import RATE_HZ, Bridge, daw, lay, needs_a_host, pace, played  # noqa: F401  # fixture: pace
from tests.whole.wire import Engine, engine

pytestmark = [pytest.mark.plugin, pytest.mark.hosts, needs_a_host]

BEAT_FRAMES = RATE_HZ // 2
HIT = 60
SET = f"""
[set]
title = "Away"
tempo_bpm = 120
[clock]
sources = ["plugin", "internal"]
[tracks.keys]
[cues.pad]
track = "keys"
prompt = "pad"
length_beats = 2
loop = true
[cues.hit]
track = "keys"
prompt = "hit"
length_beats = 1
quantum_beats = 0
seed = 1
[cues.stab]
track = "keys"
prompt = "stab"
length_beats = 1
quantum_beats = 4
seed = 2
[triggers]
midi = [{{ note = {HIT}, cue = "hit" }}]
[[timeline]]
beat = 4
cue = "pad"
[[timeline]]
beat = 17
cue = "hit"
"""


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


def test_the_host_plays_on_without_its_bridge_and_a_new_one_is_joined_without_a_click(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    first = Bridge(SET, tmp_path, noise)
    with daw(built / "upbeat.vst3", pace, first.endpoint) as host:
        host.ask("tempo", [120], 0)
        host.ask("note", 0, HIT, 100, 4.25)
        with first:
            host.wakes()
            first.has_served()
            host.plays(12.0)
            wait_until(lambda: first.session.ask(lambda player: player.transport.playing) and first.beat >= 5)
            pad = first.sound("pad")
        with Bridge(SET, tmp_path, noise, port=first.port) as second:
            wait_until(lambda: second.session.ask(lambda player: player.transport.playing))
            joined_beat = second.beat
            second.has_served()
            wait_until(lambda: second.session.ask(lambda player: player.launcher.looping("keys")) is not None)
            looping, known_beat = second.sound("pad"), second.beat
            second.do("/cue/go", name="stab")
            [heard] = host.heard(tmp_path)
            wait_until(lambda: "stab" in [launch.cue.name for launch in second.launches])
            launches = {launch.cue.name: (launch.asked_beat, launch.error_frames) for launch in second.launches}
            [undisturbed] = host.bounces(12.0, tmp_path)
            hit, stab = second.sound("hit"), second.sound("stab")

    wanted = np.zeros_like(undisturbed)
    for number, frame in enumerate(range(4 * BEAT_FRAMES, len(wanted), 2 * BEAT_FRAMES)):
        lay(wanted, played(pad, again=number > 0), frame)
    lay(wanted, played(hit), round(4.25 * RATE_HZ))  # the note came while there was no bridge
    lay(wanted, played(hit), 17 * BEAT_FRAMES)
    assert np.max(np.abs(undisturbed - wanted)) < 1e-5
    assert joined_beat < 14
    assert (looping.take_id, known_beat < 17) == (pad.take_id, True)
    assert launches["hit"] == (17.0, 0)
    stab_beat, error_frames = launches["stab"]
    assert (round(stab_beat % 4, 6), error_frames) == (0, 0)
    stab_frame = round(stab_beat) * BEAT_FRAMES
    assert np.array_equal(heard[:stab_frame], undisturbed[:stab_frame])
    lay(wanted, played(stab), stab_frame)
    assert np.max(np.abs(heard - wanted)) < 1e-5
