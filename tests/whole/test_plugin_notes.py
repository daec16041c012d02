"""Notes of a real host in the real plug-in, with a real bridge: what sounds in the host, and what the bridge knows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bridge.tracks import loudness
from tests.whole.live import wait_until
from tests.whole.plugin_rig import RATE_HZ, Bridge, daw, lay, needs_a_host, pace, played  # noqa: F401  # fixture: pace
from tests.whole.wire import Engine, engine

pytestmark = [pytest.mark.plugin, pytest.mark.hosts, needs_a_host]

HIT, STAB, RIFF, BENT = 60, 61, 62, 63
SET = f"""
[set]
title = "Notes"
tempo_bpm = 120
[clock]
sources = ["plugin", "internal"]
[tracks.drums]
[cues.hit]
track = "drums"
prompt = "hit"
length_beats = 1
quantum_beats = 0
[cues.stab]
track = "drums"
prompt = "brisk stab"
length_beats = 1
quantum_beats = 2
seed = 2
[cues.riff]
track = "drums"
prompt = "riff"
length_beats = 2
quantum_beats = 4
loop = true
seed = 3
[triggers]
midi = [{{ note = {HIT}, cue = "hit" }}, {{ note = {STAB}, cue = "stab" }}, {{ note = {RIFF}, cue = "riff" }}]
"""


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


@pytest.mark.parametrize("live", [True, False], ids=["live", "bounced"])
def test_notes_play_their_cues_on_the_hosts_frames_and_the_bridge_knows_of_it(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
    live: bool,
) -> None:
    with Bridge(SET, tmp_path, noise) as bridge, daw(built / "upbeat.vst3", pace, bridge.endpoint) as host:
        host.ask("tempo", [120], 0)
        for note, at_s in ((HIT, 0.7501), (STAB, 1.2501), (RIFF, 1.6001), (HIT, 2.1001)):
            host.ask("note", 0, note, 100, at_s)
        if live:
            host.wakes()
            bridge.has_served()
            host.plays(4.0)
            [heard] = host.heard(tmp_path)
        else:
            [heard] = host.bounces(4.0, tmp_path)
        wait_until(lambda: len(bridge.launches) >= 4)
        launches = [(one.cue.name, one.trigger, one.error_frames) for one in bridge.launches]
        hit, stab, riff = (bridge.sound(name) for name in ("hit", "stab", "riff"))
        history = [name for name, _ in bridge.history("drums")]
        told = [(one.text("cue"), one.text("take_id"), one.whole("error_frames")) for one in bridge.all("/launch")]

    wanted = np.zeros_like(heard)
    lay(wanted, played(hit), 36_004)
    lay(wanted, played(stab), 2 * RATE_HZ)  # beat 4
    lay(wanted, played(riff), 2 * RATE_HZ)
    lay(wanted, played(riff, again=True), 3 * RATE_HZ)
    lay(wanted, played(hit), 100_804)
    assert np.max(np.abs(heard - wanted)) < 1e-5
    assert sorted(launches) == [("hit", "midi", 0)] * 2 + [("riff", "midi", 0), ("stab", "midi", 0)]
    assert sorted(history[-3:]) == ["hit", "riff", "stab"]
    assert sorted(told) == sorted(
        [("hit", hit.take_id, 0)] * 2 + [("riff", riff.take_id, 0), ("stab", stab.take_id, 0)]
    )


STRUCK = """
[set]
title = "Struck"
tempo_bpm = 120
[clock]
sources = ["plugin", "internal"]
[tracks.drums]
[cues.hit]
track = "drums"
prompt = "hit"
length_beats = 1
quantum_beats = 1
[cues.swell]
track = "drums"
prompt = "swell"
length_beats = 2
quantum_beats = 4
seed = 2
[triggers]
midi = [
  { note = 60, cue = "hit", velocity = { gain_db = [-18, 0] } },
  { note = 61, cue = "swell", velocity = { gain_db = [-12, 0], attack_ms = [400, 100] } },
]
"""


def test_how_hard_a_note_is_struck_is_heard_whoever_plays_it(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    with Bridge(STRUCK, tmp_path, noise) as bridge, daw(built / "upbeat.vst3", pace, bridge.endpoint) as host:
        host.ask("tempo", [120], 0)
        host.ask("note", 0, 60, 64, 0.4)  # the pad of the plug-in itself
        host.ask("note", 0, 60, 127, 0.9)
        host.ask("note", 0, 61, 1, 2.2)  # a shape of its own: the bridge has it made, and lays it into the host
        host.wakes()
        bridge.has_served()
        host.plays(7.0)
        [heard] = host.heard(tmp_path)
        wait_until(lambda: len(bridge.launches) >= 3)
        launches = {(one.cue.name, one.asked_beat): one.error_frames for one in bridge.launches}
        hit, swell = bridge.sound("hit"), bridge.sound("swell")
        target_lufs = bridge.session.player.music.tracks["drums"].loudness_lufs

    assert launches[("hit", 1.0)] == launches[("hit", 2.0)] == 0
    [(beat, error_frames)] = [(beat, error) for (name, beat), error in launches.items() if name == "swell"]
    assert beat in (8.0, 12.0)
    assert error_frames == 0
    assert swell.request.shape.attack_ms == 400
    assert swell.gain == pytest.approx(
        loudness.gain(swell.samples, swell.loudness_lufs, target_lufs=target_lufs) / 10 ** (12 / 20)
    )
    wanted = np.zeros_like(heard)
    full = played(hit) / hit.gain * loudness.gain(hit.samples, hit.loudness_lufs, target_lufs=target_lufs)
    lay(wanted, np.float32(10 ** (-9 / 20)) * full, RATE_HZ // 2)
    lay(wanted, full, RATE_HZ)
    lay(wanted, played(swell), round(beat) * RATE_HZ // 2)
    assert np.max(np.abs(heard - wanted)) < 1e-5
