"""A player with the plug-in's port beside it, in real time, run by the test; stand-ins connect to its endpoint."""

import queue
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bridge.commands.event_lines import event_in
from bridge.engine_link import ClipArrived, EngineStateChanged, LinkEvent, RequestRefused
from bridge.library import Library
from bridge.player import Player
from bridge.plugin_desk.stage import PluginStage
from bridge.plugin_port import PluginEvent, PluginPort
from bridge.set_file import Set
from bridge.timing.clockwork import Clockwork
from bridge.timing.plugin_clock import PluginTimes
from bridge.tracks.mixer import Mixer
from bridge.tracks.null import NullOutput
from bridge.triggers.heard import Heard, message_of
from osc_schemas.codec import Message, Value
from osc_schemas.request import GenerateRequest, Refusal
from tests.bridge.stage import ToldEngine, clip_of

LATENCY_FRAMES = 960


class Rig:
    """Port, times, clock, player, and an engine that answers at once unless it is told not to."""

    def __init__(self, music: Set, folder: Path, *, follow: bool = True) -> None:
        self.now_s = time.monotonic
        self.events: queue.SimpleQueue[PluginEvent] = queue.SimpleQueue()
        self.times = PluginTimes()
        self.port = PluginPort(
            0, title=music.title, tracks=list(music.tracks), times=self.times, on_event=self.events.put
        )
        self.mixer = Mixer(list(music.tracks), sample_rate_hz=music.sample_rate_hz)
        self.output = NullOutput(self.mixer)
        self.engine = ToldEngine()
        self.answers = True
        self.refusing = False
        self.asked: list[GenerateRequest] = []
        self.library = Library(folder)
        self.clockwork = Clockwork(
            ("plugin", "internal") if follow else ("internal",),
            mixer=self.mixer,
            output=self.output,
            tempo_bpm=music.tempo_bpm,
            beats_per_bar=music.beats_per_bar,
            plugin_times=self.times,
            say=lambda sentence: None,
        )
        self.stage: PluginStage
        self.player = Player(
            music,
            mixer=self.mixer,
            engine=self.engine,
            library=self.library,
            place_ahead_frames=LATENCY_FRAMES,
            now_s=time.monotonic,
            unix_s=time.time,
            clocks=self.clockwork.clocks,
            elsewhere=self._make_stage,
        )
        self.told: list[Message] = []
        self.heard_blocks: list[np.ndarray] = []
        self.player.audience.subscribe("test", self._hear, seconds=3_600, now_s=time.monotonic())

    def _make_stage(self, player: Player) -> PluginStage:
        self.stage = PluginStage(
            player,
            port=self.port,
            times=self.times,
            clock=self.clockwork.plugin,
            frame_time=self.clockwork.frame_clock,
        )
        return self.stage

    def _hear(self, packet: bytes) -> None:
        self.told.append(event_in(packet))

    def all(self, address: str) -> list[Message]:
        return [message for message in self.told if message.route.address == address]

    def hear(self, address: str, **values: Value) -> None:
        self.player.hear(Heard(message=message_of(address, **values), trigger="osc"))

    def __enter__(self) -> "Rig":
        self.port.start()
        self._began_s = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.port.close()
        self.stage.close()
        self.clockwork.close()
        self.library.close()

    def run(self, until: Callable[[], object] | float, *, within_s: float = 20.0) -> None:
        """Let the music go on for so many seconds, or until something is true."""
        began_s = time.monotonic()
        while not (until() if callable(until) else time.monotonic() - began_s >= until):
            if callable(until):
                assert time.monotonic() - began_s < within_s, [
                    (message.route.address, dict(message.values)) for message in self.told[-8:]
                ]
            self.turn()
            time.sleep(0.004)

    def turn(self) -> None:
        """One look at everything."""
        while (time.monotonic() - self._began_s) * self.mixer.sample_rate_hz > self.mixer.frame:
            block = np.zeros((240, 2), np.float32)
            self.mixer.mix(block)
            self.heard_blocks.append(block)
        while not self.events.empty():
            self.stage.hear(self.events.get())
        if self.answers:
            while self.engine.asked:
                self._answer(self.engine.asked.pop(0))
        self.clockwork.look()
        self.player.tick()

    def said(self, event: LinkEvent) -> None:
        """The engine says something."""
        if not self.stage.took(event):
            self.player.engine_said(event)

    def is_back(self) -> None:
        self.refusing = False
        self.said(EngineStateChanged("ready", "told"))

    def _answer(self, request: GenerateRequest) -> None:
        self.asked.append(request)
        if self.refusing:
            refusal = Refusal(request_id=request.request_id, reason="engine-error", sentence="it would not")
            self.said(RequestRefused(refusal))
        else:
            self.said(ClipArrived(clip_of(request), 10.0))

    def loudest(self, *, last_s: float) -> float:
        """The peak of what our own output played lately."""
        blocks = self.heard_blocks[-max(1, round(last_s * self.mixer.sample_rate_hz / 240)) :]
        return float(np.max(np.abs(np.concatenate(blocks))))
