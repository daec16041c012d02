"""The real plug-in in a real host, a real session, and a real engine: what is heard in the host, frame by frame."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from bridge.session import Session
from bridge.set_file import parse_set
from tests.whole.command_line import Home
from tests.whole.live import wait_until
from tests.whole.plugin_rig import RATE_HZ, Bridge, daw, lay, needs_a_host, pace, played  # noqa: F401  # fixture: pace
from tests.whole.wire import Engine, engine

TEMPO_BPM = 97
HITS = [(beat, "hit") for beat in (0.0, 2.0, 4.75, 8.0, 11.25, 15.5)]
SET = f"""
[set]
title = "Inside"
tempo_bpm = {TEMPO_BPM}
[clock]
sources = ["plugin", "internal"]
[tracks.keys]
[tracks.drums]
[cues.hit]
track = "drums"
prompt = "hit"
length_beats = 1
[cues.pad]
track = "keys"
prompt = "pad"
length_beats = 4
loop = true
""" + "".join(f'[[timeline]]\nbeat = {beat}\ncue = "{cue}"\n' for beat, cue in HITS)

PAD_ON_BEAT_2 = '[[timeline]]\nbeat = 2\ncue = "pad"\n'


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


@pytest.mark.plugin
@pytest.mark.hosts  # it builds the plug-in, which takes a quarter of a minute
@needs_a_host
def test_a_set_s_timeline_is_heard_in_the_host_on_its_exact_frames(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    with (
        Bridge(SET, tmp_path, noise) as bridge,
        daw(built / "upbeat.vst3", pace, bridge.endpoint, slots=[2], block_frames=512) as host,
    ):
        host.ask("tempo", [TEMPO_BPM], 0)
        [heard] = host.bounces(12.0, tmp_path)
        wait_until(lambda: len(bridge.launches) >= len(HITS))
        launches = [(launch.asked_beat, launch.error_frames) for launch in bridge.launches]
        hit = bridge.sound("hit")

    wanted = np.zeros_like(heard)
    for beat, _ in HITS:
        lay(wanted, played(hit), round(beat * 60 / TEMPO_BPM * RATE_HZ))
    assert np.max(np.abs(heard - wanted)) < 1e-6
    assert launches == [(beat, 0) for beat, _ in HITS]


@pytest.mark.plugin
@pytest.mark.hosts
@needs_a_host
def test_two_instances_in_one_host_play_a_track_each(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    with (
        Bridge(SET + PAD_ON_BEAT_2, tmp_path, noise) as bridge,
        daw(built / "upbeat.vst3", pace, bridge.endpoint, slots=[2, 1]) as host,
    ):
        host.ask("tempo", [TEMPO_BPM], 0)
        drums, keys = host.bounces(6.0, tmp_path)
        wait_until(lambda: len(bridge.launches) >= 5)
        hit, pad = bridge.sound("hit"), bridge.sound("pad")

    wanted = np.zeros_like(drums)
    for beat, _ in HITS[:4]:
        lay(wanted, played(hit), round(beat * 60 / TEMPO_BPM * RATE_HZ))
    assert np.max(np.abs(drums - wanted)) < 1e-6
    wanted = np.zeros_like(keys)
    for number, beat in enumerate((2, 6)):
        lay(wanted, played(pad, again=number > 0), round(beat * 60 / TEMPO_BPM * RATE_HZ))
    assert np.max(np.abs(keys - wanted)) < 1e-6


@pytest.mark.plugin
@pytest.mark.hosts
@needs_a_host
def test_a_host_at_another_rate_hears_the_same_takes_on_its_own_frames(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    host_hz = 44_100
    with (
        Bridge(SET, tmp_path, noise) as bridge,
        daw(built / "upbeat.vst3", pace, bridge.endpoint, slots=[2], rate_hz=host_hz) as host,
    ):
        host.ask("tempo", [TEMPO_BPM], 0)
        [heard] = host.bounces(6.0, tmp_path)
        wait_until(lambda: len(bridge.launches) >= 4)
        hit = bridge.sound("hit")

    assert hit.request.sample_rate_hz == RATE_HZ
    frames, tail_frames = (round(count * host_hz / RATE_HZ) for count in (hit.request.frames, hit.tail_frames))
    samples = resample_poly(hit.samples, host_hz // 300, RATE_HZ // 300, axis=0)[: frames + tail_frames]
    request = replace(hit.request, frames=frames, tail_frames=tail_frames, sample_rate_hz=host_hz)
    wanted = np.zeros_like(heard)
    for beat, _ in HITS[:4]:
        lay(wanted, played(replace(hit, samples=samples, request=request)), round(beat * 60 / TEMPO_BPM * host_hz))
    assert np.max(np.abs(heard - wanted)) < 1e-6


@pytest.mark.plugin
@pytest.mark.hosts
@needs_a_host
def test_a_host_at_another_tempo_gets_takes_that_were_made_for_it(
    built: Path,
    pace: Path,  # noqa: F811
    noise: Engine,
    tmp_path: Path,
) -> None:
    with (
        Bridge(SET + PAD_ON_BEAT_2, tmp_path, noise) as bridge,
        daw(built / "upbeat.vst3", pace, bridge.endpoint) as host,
    ):
        host.ask("tempo", [140], 0)
        [heard] = host.bounces(6.0, tmp_path)
        wait_until(lambda: len(bridge.launches) >= 1)
        pad = bridge.sound("pad")

    assert pad.request.tempo_bpm == 140
    assert pad.request.frames == round(4 * 60 / 140 * RATE_HZ)
    wanted = np.zeros_like(heard)
    for number, beat in enumerate((2, 6, 10)):
        lay(wanted, played(pad, again=number > 0), round(beat * 60 / 140 * RATE_HZ))
    assert np.max(np.abs(heard - wanted)) < 1e-6


@pytest.mark.parametrize("command", ["bridge", "up"])
def test_a_port_that_is_taken_is_one_sentence(command: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    music = parse_set(SET, path=tmp_path / "inside.toml")
    with Session(
        music, engine_endpoint="tcp://127.0.0.1:9", takes_folder=home.takes, plugin_port=0, output_kind="null"
    ) as other:
        assert other.plugins is not None
        words = [command, home.set, "--osc-port", 0, "--output", "null", "--plugin-port", other.plugins.port]
        ended = home.upbeat(*words)

    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert f"the port {other.plugins.port} for the plug-in cannot be had on 127.0.0.1" in ended.err
    assert "--plugin-port" in ended.err
