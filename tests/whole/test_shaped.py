"""Knobs turned live: real MIDI bytes, a real engine process, and the recording of what was heard."""

import math
import queue
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bridge.library import Take
from bridge.player import Player
from bridge.render.offline import render
from bridge.session import Session
from bridge.set_file import Set, parse_set
from osc_schemas.clip import Samples
from osc_schemas.shape import Shape
from tests.whole.live import wait_until
from tests.whole.wire import Engine, engine

RATE_HZ = 48_000
SET = """
[set]
tempo_bpm = 240
[tracks.keys]
[tracks.drums]
[cues.pad]
track = "keys"
prompt = "soft sine pad in A3"
length_beats = 4
loop = true
[cues.kick]
track = "drums"
prompt = "kick"
length_beats = 1
loop = true
[triggers]
midi = [{ cc = 21, shape = "keys.pitch", range = [-12, 12] }, { cc = 22, shape = "keys.attack_ms" }]
[[timeline]]
beat = 0
cue = "pad"
[[timeline]]
beat = 0
cue = "kick"
"""


@pytest.fixture(scope="module")
def noise() -> Iterator[Engine]:
    with engine() as process:
        yield process


class Played:
    """A set played live while a test turns its controllers; what was told, recorded and kept."""

    def __init__(self, music: Set, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.session = Session(
            music, engine_endpoint=endpoint, takes_folder=folder / "takes", record_folder=folder, output_kind="null"
        )
        self.told: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen(self, player: Player) -> None:
        player.audience.subscribe("test", self.told.put, seconds=math.inf, now_s=player.now_s())

    def turn(self, cc: int, value: int) -> None:
        self.session.midi.feed(bytes([0xB0, cc, value]))

    def rests_at(self, shape: Shape) -> None:
        """Wait until the pad sounds in that shape, and a little for it to be heard."""
        wait_until(lambda: self.session.ask(lambda player: _sounding(player, "keys")) == shape)
        time.sleep(1.5)

    def frame(self) -> int:
        return self.session.mixer.frame

    def stem(self, name: str) -> Samples:
        samples, _ = sf.read(self.folder / f"stems/{name}.wav", dtype="float32", always_2d=True)
        return np.asarray(samples, np.float32)

    @property
    def takes(self) -> list[Take]:
        return list(self.session.library.takes.values())


def _sounding(player: Player, track: str) -> Shape | None:
    looping = player.launcher.tracks[track].looping
    return None if looping is None else looping.request.shape


def _events(told: "queue.SimpleQueue[bytes]", address: str) -> int:
    count = 0
    while not told.empty():
        count += told.get().startswith(address.encode() + b"\0")
    return count


@pytest.mark.slow
def test_a_controller_at_full_speed_bends_one_track_and_disturbs_nothing(tmp_path: Path, noise: Engine) -> None:
    played = Played(parse_set(SET), tmp_path, noise.endpoint)
    with played.session as session:
        wait_until(lambda: session.link.state == "ready")
        session.ask(played.listen)
        session.ask(lambda player: player.play())
        wait_until(lambda: session.ask(lambda player: _sounding(player, "keys")) is not None)
        time.sleep(1.5)
        for step in range(400):  # 2 s at 200 messages a second
            played.turn(22, step % 128)
            time.sleep(0.005)
        played.turn(22, 127)
        played.rests_at(Shape(attack_ms=5_000))
        launches = session.ask(lambda player: list(player.launcher.launches))
        voices = session.mixer.voices_in_use

    assert _events(played.told, "/take/shaped") > 10  # it followed the controller
    assert voices < 12
    assert all(launch.error_frames == 0 for launch in launches)
    bent = [take for take in played.takes if not take.request.shape.neutral]
    assert 1 <= len(bent) <= 8  # the last, and what was held for half a second on the way if the machine was slow
    assert bent[-1].request.shape == Shape(attack_ms=5_000)
    assert all(take.request.tempo_bpm == 240 for take in played.takes)


def test_a_knob_of_the_timeline_is_on_its_frame_in_a_render_and_again_the_same_bits(
    tmp_path: Path, noise: Engine
) -> None:
    moves = '\n[[timeline]]\nbeat = 2.5\nshape = "drums.attack_ms"\nvalue = 5000\n'
    plain = render(parse_set(SET), tmp_path / "plain", engine_endpoint=noise.endpoint)
    one = render(parse_set(SET + moves), tmp_path / "one", engine_endpoint=noise.endpoint)
    two = render(parse_set(SET + moves), tmp_path / "two", engine_endpoint=noise.endpoint)

    before, after = (sf.read(report.stems["drums"], dtype="float32")[0] for report in (plain, one))
    move_frame = round(2.5 * RATE_HZ / 4)
    assert np.array_equal(before[: move_frame + 1], after[: move_frame + 1])
    assert not np.allclose(before[move_frame + 2 : move_frame + 700], after[move_frame + 2 : move_frame + 700])
    assert one.mix.read_bytes() == two.mix.read_bytes()
    assert np.array_equal(
        sf.read(plain.stems["keys"], dtype="float32")[0], sf.read(one.stems["keys"], dtype="float32")[0]
    )


def test_a_pitch_knob_is_heard_within_a_blink_in_tune_and_without_a_click(tmp_path: Path, engine_endpoint: str) -> None:
    played = Played(parse_set(SET), tmp_path, engine_endpoint)
    with played.session as session:
        wait_until(lambda: session.link.state == "ready")
        session.ask(lambda player: player.play())
        played.rests_at(Shape())
        turned_frame = played.frame()
        played.turn(21, 127)
        played.rests_at(Shape(pitch=12))
        ended_frame = played.frame()

    [_, bent] = [take for take in played.takes if take.track == "keys"]
    assert bent.provenance.denoise_ms < 1  # no new inference
    assert session.recorder is not None
    pad = played.stem("keys")[:, 0]
    first = session.recorder.start_frame
    before = pad[turned_frame - first - RATE_HZ : turned_frame - first]
    after = pad[ended_frame - first - RATE_HZ : ended_frame - first]
    assert loudest_hz(after) / loudest_hz(before) == pytest.approx(2, rel=0.01)
    swap = pad[turned_frame - first : turned_frame - first + RATE_HZ // 4]
    assert bursts(swap) <= 2 * max(bursts(before), bursts(after))


def loudest_hz(samples: Samples) -> float:
    """The frequency of the highest peak of a second of sound."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE_HZ / len(samples)


def bursts(samples: Samples) -> float:
    """The loudest moment above 8 kHz, where a click has most and a soft pad next to nothing."""
    spectrum = np.fft.rfft(samples)
    spectrum[: round(8_000 * len(samples) / RATE_HZ)] = 0
    high = np.fft.irfft(spectrum * np.ones_like(spectrum))
    inside = high[480:-480]  # the ends of the piece itself are edges
    return float(np.abs(inside).max())
