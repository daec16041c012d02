"""The real plug-in in a host that plays in real time, with a real bridge: what is turned and fired in mid music."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bridge.tracks.sound import Sound
from osc_schemas.clip import Samples
from osc_schemas.shape import Shape
from tests.whole.live import wait_until
from tests.whole.plugin_rig import RATE_HZ, Bridge, daw, lay, needs_a_host, pace, played  # noqa: F401  # fixture: pace
from tests.whole.wire import Engine, engine

pytestmark = [pytest.mark.plugin, pytest.mark.hosts, needs_a_host]

BEAT_FRAMES = RATE_HZ // 2
SWAP_FRAMES = RATE_HZ // 50
HIT = 60
SET = f"""
[set]
title = "Live"
tempo_bpm = 120
[clock]
sources = ["plugin", "internal"]
[tracks.keys]
[tracks.drums]
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
track = "drums"
prompt = "stab"
length_beats = 1
quantum_beats = 4
seed = 2
[cues.riff]
track = "drums"
prompt = "riff"
length_beats = 1
quantum_beats = 4
loop = true
seed = 3
[triggers]
midi = [{{ note = {HIT}, cue = "hit" }}]
[[timeline]]
beat = 4
cue = "pad"
"""


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine(family="tests.whole.finer_family:FinerNoise") as process:
        yield process


def looped(sound: Sound, like: Samples, *, from_beat: int = 4, until_beat: int = 100) -> Samples:
    """A loop of two beats as it should be heard: no pass of it begins before or after these beats."""
    line = np.zeros_like(like)
    for number, beat in enumerate(range(from_beat, until_beat, 2)):
        lay(line, played(sound, again=number > 0), beat * BEAT_FRAMES)
    return line


def until_beat(bridge: Bridge, beat: float) -> None:
    """Wait until the host has played so far, as the bridge knows it."""
    wait_until(lambda: bridge.session.ask(lambda player: player.transport.playing) and bridge.beat >= beat)


def test_a_knob_of_the_host_bends_what_it_plays_without_a_click(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    with Bridge(SET, tmp_path, noise) as bridge, daw(built / "upbeat.vst3", pace, bridge.endpoint) as host:
        host.ask("tempo", [120], 0)
        host.ask("note", 0, HIT, 100, 5.5)
        host.wakes()
        bridge.has_served()
        host.plays(6.0)
        until_beat(bridge, 7.2)
        straight = bridge.sound("pad")
        host.turn("attack_ms", 500.0)
        [heard] = host.heard(tmp_path)
        wait_until(lambda: len(bridge.launches) >= 2)
        knobs = bridge.session.ask(lambda player: player.shaper.knobs("keys"))
        bent, hit = bridge.sound("pad"), bridge.sound("hit")
        told = {(one.text("knob"), one.text("take_id")) for one in bridge.all("/take/shaped")}

    assert knobs.attack_ms == pytest.approx(500, abs=0.01)
    assert knobs == Shape(attack_ms=knobs.attack_ms)
    assert bent.request.shape == hit.request.shape == knobs
    assert ("attack_ms", bent.take_id) in told
    before, after = looped(straight, heard), looped(bent, heard)
    lay(after, played(hit), 11 * BEAT_FRAMES)
    swapped_frame = int(np.flatnonzero(np.abs(heard - before).max(1) > 1e-6)[0])
    assert 7.2 * BEAT_FRAMES < swapped_frame < 7.2 * BEAT_FRAMES + RATE_HZ
    share = np.clip((np.arange(len(heard)) - swapped_frame + 1) / SWAP_FRAMES, 0, 1)[:, None]
    assert np.max(np.abs(heard - (before * (1 - share) + after * share))) < 1e-3


def test_a_draft_is_refined_in_mid_music_and_takes_over_with_its_next_pass(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    with Bridge(SET, tmp_path, noise) as bridge, daw(built / "upbeat.vst3", pace, bridge.endpoint) as host:
        host.ask("tempo", [120], 0)
        host.wakes()
        bridge.has_served()
        host.plays(6.0)
        until_beat(bridge, 6.5)
        draft = bridge.sound("pad")
        bridge.do("/take/refine", track="keys")
        [heard] = host.heard(tmp_path)
        wait_until(lambda: len(bridge.launches) >= 2)
        landed = bridge.launches[-1]
        refined = bridge.sound("pad")

    assert (draft.request.steps, refined.request.steps) == (1, 2)
    assert landed.take_id == refined.take_id
    assert landed.error_frames == 0
    assert landed.asked_beat in (8, 10)
    beat = round(landed.asked_beat)
    frame = beat * BEAT_FRAMES
    before = looped(draft, heard, until_beat=beat)  # of which the tail still sounds
    after = looped(refined, heard, from_beat=beat)
    share = np.clip((np.arange(len(heard)) - frame) / SWAP_FRAMES, 0, 1)[:, None]
    wanted = before * np.sin(np.pi / 2 * (1 - share)) + after * np.sin(np.pi / 2 * share)
    assert np.max(np.abs(heard[:frame] - wanted[:frame])) < 1e-6
    assert np.max(np.abs(heard - wanted)) < 1e-5


def test_the_hosts_parameters_fire_cues_and_silence_all(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    with Bridge(SET, tmp_path, noise) as bridge, daw(built / "upbeat.vst3", pace, bridge.endpoint, slots=[2]) as host:
        host.ask("tempo", [120], 0)
        host.wakes()
        bridge.has_served()
        host.plays(9.0)
        until_beat(bridge, 1.0)
        host.choose("Fire cue", 1, most=64)  # the stab
        time.sleep(0.1)
        host.choose("Fire cue", 2, most=64)  # the riff
        until_beat(bridge, 6.5)
        host.choose("Panic", 1, most=1)
        time.sleep(0.1)
        host.choose("Panic", 0, most=1)
        wait_until(lambda: not bridge.session.ask(lambda player: player.transport.playing))
        host.choose("Fire cue", 1, most=64)
        [heard] = host.heard(tmp_path)
        wait_until(lambda: len(bridge.launches) >= 4)
        launches = [
            (one.cue.name, one.asked_beat, one.error_frames) for one in bridge.launches if one.cue.track == "drums"
        ]
        stab, riff = bridge.sound("stab"), bridge.sound("riff")

    assert sorted(launches[:2]) == [("riff", 4.0, 0), ("stab", 4.0, 0)]
    name, beat, error_frames = launches[2]
    assert (name, error_frames) == ("stab", 0)
    assert beat in (8.0, 12.0, 16.0)
    wanted = np.zeros_like(heard)
    lay(wanted, played(stab), 4 * BEAT_FRAMES)
    for number, frame in enumerate(range(4 * BEAT_FRAMES, 7 * BEAT_FRAMES, BEAT_FRAMES)):
        lay(wanted, played(riff, again=number > 0), frame)
    silent_from = int(np.flatnonzero(heard[: round(beat) * BEAT_FRAMES].any(1))[-1])
    assert np.max(np.abs(heard[: round(6.5 * BEAT_FRAMES)] - wanted[: round(6.5 * BEAT_FRAMES)])) < 1e-5
    assert 6.5 * BEAT_FRAMES < silent_from < 7.2 * BEAT_FRAMES
    last = np.zeros_like(heard)
    lay(last, played(stab), round(beat) * BEAT_FRAMES)
    assert np.max(np.abs(heard[silent_from + 1 :] - last[silent_from + 1 :])) < 1e-6


def test_a_host_that_changes_its_tempo_plays_on_its_beats_and_gets_takes_made_for_it(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    block, per_beat, tempos = 480, 960, [120.0] * 8 + [150.0] * 24
    with (
        Bridge(SET, tmp_path, noise) as bridge,
        daw(built / "upbeat.vst3", pace, bridge.endpoint, block_frames=block) as host,
    ):
        host.ask("tempo", [tempo for tempo in tempos for _ in range(per_beat)], per_beat)
        host.wakes()
        bridge.has_served()
        host.plays(10.0)
        until_beat(bridge, 6)
        before = bridge.sound("pad")
        [heard] = host.heard(tmp_path)
        after = next(take for take in bridge.takes if take.cue == "pad" and take.tempo_bpm == 150)
        after_sound = bridge.session.ask(lambda player: player.sounds.at_hand(after.request, player.cues["pad"]))

    beat = 0.0
    frames: dict[int, int] = {}  # the host's own line: it takes the tempo anew at each block
    for frame in range(0, len(heard), block):
        tempo = tempos[min(len(tempos) - 1, int(beat))]
        last = beat + block * tempo / 60 / RATE_HZ
        frames |= {
            k: frame + round((k - beat) * 60 / tempo * RATE_HZ) for k in range(40) if beat - 1e-9 <= k < last - 1e-9
        }
        beat = last
    assert after_sound is not None
    assert (before.request.tempo_bpm, after_sound.request.tempo_bpm) == (120, 150)

    def off(from_beat: int) -> float:
        """How far it is from what is to be heard if the new take has taken over on that beat."""
        wanted = np.zeros_like(heard)
        for at in range(4, max(frames) + 1, 2):
            lay(wanted, played(before if at < from_beat else after_sound, again=at > 4), frames[at])
        return float(np.max(np.abs(heard - wanted)))

    assert min(off(from_beat) for from_beat in (10, 12, 14)) < 1e-5
