"""The engine is killed while a set plays: the recording stays the same, bit for bit, until a new clip is heard."""

import math
import os
import queue
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from bridge.player import Player
from bridge.session import Session
from bridge.set_file import parse_set
from bridge.supervisor import Supervisor
from bridge.triggers.heard import Heard, message_of
from osc_schemas import codec
from osc_schemas.clip import Samples
from tests.whole.wire import BOUND_S, NOISE, REPOSITORY

BEAT_FRAMES = 12_000
MUSIC = parse_set("""
set.tempo_bpm = 240
tracks = { drums = {}, keys = {} }
cues.beat = { track = "drums", prompt = "kick", length_beats = 2, loop = true, seed = 1 }
cues.pad = { track = "keys", prompt = "pad", length_beats = 4, loop = true, seed = 2 }
cues.new = { track = "keys", prompt = "other pad", length_beats = 4, quantum_beats = 1, loop = true, seed = 3 }
timeline = [{ beat = 0, cue = "beat" }, { beat = 0, cue = "pad" }]
""")

Event = dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """What was heard from beat 0 on, and what was told about it."""

    sound: Samples
    launches: list[Event]
    engine_back_after_s: float


class Stage:
    """A session whose events are waited for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._events: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        session.ask(self._listen)

    def cue(self, name: str) -> None:
        self.session.hear(Heard(message=message_of("/cue/go", name=name), trigger="api"))

    def play(self) -> None:
        self.session.ask(lambda player: player.play())

    def next_event(self, address: str, **values: object) -> Event:
        until_s = time.monotonic() + BOUND_S
        while (left_s := until_s - time.monotonic()) > 0:
            packet = self._events.get(timeout=left_s)
            if packet.startswith(address.encode() + b"\0"):
                [message] = codec.read(packet, to="subscribers")
                if values.items() <= message.values.items():
                    return dict(message.values)
        raise TimeoutError(f"no {address} {values} within {BOUND_S} s")

    def run_beats(self, beats: int) -> None:
        for _ in range(beats):
            self.next_event("/beat")

    def _listen(self, player: Player) -> None:
        player.audience.subscribe("test", self._events.put, seconds=math.inf, now_s=player.now_s())


def play(folder: Path, *, beats: int, fault: bool) -> Recorded:
    """Loop both cues; with a fault, kill the engine and ask for something new; and go on for so many beats."""
    supervisor = Supervisor(family=NOISE)
    supervisor.start()
    launches: list[Event] = []
    back_after_s = 0.0
    session = Session(
        MUSIC,
        engine_endpoint=supervisor.endpoint,
        takes_folder=folder / "takes",
        record_folder=folder,
        output_kind="null",
    )
    try:
        with session:
            stage = Stage(session)
            if session.link.state != "ready":  # else the news came before the stage listened
                stage.next_event("/engine/state", state="ready")
            stage.play()
            stage.next_event("/launch", cue="pad")
            if fault:
                assert supervisor.pid is not None
                os.kill(supervisor.pid, signal.SIGKILL)
                killed_s = time.monotonic()
                stage.next_event("/engine/state", state="lost")
                stage.cue("new")
                launches = [stage.next_event("/launch", cue="pad")]
                stage.next_event("/engine/state", state="ready")
                back_after_s = time.monotonic() - killed_s
                launches.append(stage.next_event("/launch", cue="new"))
            stage.run_beats(beats)
            first_beat_frame = session.ask(lambda player: player.transport.frame_at_beat(0.0))
    finally:
        supervisor.stop()
    assert session.recorder is not None
    assert session.recorder.lost_frames == 0
    mix, _ = sf.read(folder / "mix.wav", dtype="float32")
    return Recorded(mix[first_beat_frame - session.recorder.start_frame :], launches, back_after_s)


def test_nothing_changes_until_a_new_clip_is_there_and_then_it_lands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))

    disturbed = play(tmp_path / "disturbed", beats=2, fault=True)
    stand_in, new = disturbed.launches
    new_beat = round(4 * (new["bar"] - 1) + new["beat"] - 1)
    undisturbed = play(tmp_path / "undisturbed", beats=new_beat + 2, fault=False)

    assert (stand_in["how"], stand_in["error_frames"]) == ("last-take", 0)
    assert (new["how"], new["error_frames"]) == ("next", 0)
    assert disturbed.engine_back_after_s < 10
    new_frame = new_beat * BEAT_FRAMES
    np.testing.assert_array_equal(disturbed.sound[:new_frame], undisturbed.sound[:new_frame])
    assert (disturbed.sound[new_frame:][:BEAT_FRAMES] != undisturbed.sound[new_frame:][:BEAT_FRAMES]).any()
