"""A stand-in for an instance of the plug-in: Python over real ZeroMQ, for what the bridge says to it.

It follows the wire strictly (every message is read by the route table), keeps all that it was told, and says the time
of a host that starts, jumps and stops when a test says so. It plays no sound: that is tested with the real one.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import Self

import zmq

from osc_schemas import codec
from osc_schemas.codec import Message, Value
from osc_schemas.plugin_clip import PluginClip
from osc_schemas.routes import ROUTES_VERSION

TIME_EVERY_S = 0.02


class PluginStandIn:
    """One instance, on a thread of its own; use as a context. All it was told is in `told`, in its order."""

    def __init__(
        self,
        endpoint: str,
        *,
        slot: int = 1,
        sample_rate_hz: int = 48_000,
        version: int = ROUTES_VERSION,
        instance: str = "stand-in",
        tempo_bpm: float = 120.0,
        has_transport: bool = True,
        identity: bytes = b"",
    ) -> None:
        self.identity = identity or f"{instance}/{secrets.token_hex(4)}".encode()
        self.told: list[Message] = []
        self.clips: dict[str, PluginClip] = {}
        self.placed: dict[int, Message] = {}
        self.tempo_bpm, self.playing, self.epoch, self.offline = tempo_bpm, False, 0, False
        self.sample_rate_hz = sample_rate_hz
        self.has_transport = has_transport
        self._hello: dict[str, Value] = {
            "version": version,
            "instance": instance,
            "plugin": "instrument",
            "slot": slot,
            "sample_rate_hz": sample_rate_hz,
        }
        self._zero_s = time.monotonic()  # of its frames
        self._from_beat, self._from_s = 0.0, time.monotonic()  # of its host's music
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._to_say: list[bytes] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    # The host --------------------------------------------------------------------------------------------------------

    def play(self, *, from_beat: float = 0.0) -> None:
        """The host starts there, or jumps there while it plays."""
        with self._lock:
            self._from_beat, self._from_s, self.playing = from_beat, time.monotonic(), True
            self.epoch += 1
        self._say_time()

    def stop(self) -> None:
        with self._lock:
            self._from_beat, self.playing = self._beat(time.monotonic()), False
        self._say_time()

    def set_tempo(self, tempo_bpm: float) -> None:
        with self._lock:
            now_s = time.monotonic()
            self._from_beat, self._from_s = self._beat(now_s), now_s
            self.tempo_bpm = tempo_bpm
        self._say_time()

    def beat(self) -> float:
        with self._lock:
            return self._beat(time.monotonic())

    def _beat(self, at_s: float) -> float:
        return self._from_beat + ((at_s - self._from_s) * self.tempo_bpm / 60 if self.playing else 0.0)

    # What it says ----------------------------------------------------------------------------------------------------

    def say(self, address: str, **values: Value) -> None:
        self.say_raw(codec.write(address, **values))

    def say_raw(self, packet: bytes) -> None:
        with self._lock:
            self._to_say.append(packet)

    def _say_time(self) -> None:
        if not self.has_transport:
            return
        with self._lock:
            now_s = time.monotonic()
            packet = codec.write(
                "/plugin/time",
                beat=self._beat(now_s),
                tempo_bpm=self.tempo_bpm,
                playing=int(self.playing),
                beats_per_bar=4.0,
                age_s=0.0,
                frame=round((now_s - self._zero_s) * self.sample_rate_hz),
                epoch=self.epoch,
                offline=int(self.offline),
            )
            self._to_say.append(packet)

    # What it was told ------------------------------------------------------------------------------------------------

    def all(self, address: str) -> list[Message]:
        return [message for message in list(self.told) if message.route.address == address]

    def wait(self, true: Callable[[], object], *, within_s: float = 20.0) -> None:
        ends_s = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < ends_s, [
                (message.route.address, dict(message.values)) for message in self.told[-20:]
            ]
            time.sleep(0.01)

    def hear(self, address: str, *, count: int = 1) -> Message:
        """The message of that number under that address, as soon as it is there."""
        self.wait(lambda: len(self.all(address)) >= count)
        return self.all(address)[count - 1]

    def sheet(self, version: int = 1) -> list[Message]:
        """The placements that are kept, once the sheet of that version or a later one is complete."""
        self.wait(lambda: any(m.whole("complete") and m.whole("version") >= version for m in self.all("/plugin/sheet")))
        return sorted((m for m in self.placed.values() if m.whole("kept")), key=lambda message: message.number("beat"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """The process is gone, without a word."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        context = zmq.Context()
        dealer = context.socket(zmq.DEALER)
        for option, value in _OPTIONS.items():
            dealer.setsockopt(option, value)
        dealer.setsockopt(zmq.IDENTITY, self.identity)
        dealer.connect(self._endpoint)
        time_due_s = 0.0
        try:
            dealer.send(codec.write("/plugin/hello", **self._hello))
            while not self._ending.is_set():
                if dealer.poll(5):
                    self._take(dealer.recv_multipart())
                if time.monotonic() >= time_due_s:
                    time_due_s = time.monotonic() + TIME_EVERY_S
                    self._say_time()
                with self._lock:
                    packets, self._to_say = self._to_say, []
                for packet in packets:
                    with contextlib.suppress(zmq.Again):
                        dealer.send(packet, zmq.NOBLOCK)
                if self._hello_again:
                    self._hello_again = False
                    dealer.send(codec.write("/plugin/hello", **self._hello))
        finally:
            context.destroy(linger=0)

    _hello_again = False

    def _take(self, frames: list[bytes]) -> None:
        [message] = codec.read(frames[0], to="plugin")
        match message.route.address:
            case "/plugin/clip":
                clip = codec.read_plugin_clip(message, frames[1])
                self.clips[clip.take_id] = clip
            case "/plugin/place":
                assert message.text("take_id") in self.clips, "a place came before its clip"
                self.placed[message.whole("id")] = message
            case "/plugin/unplace":
                self.placed.pop(message.whole("id"), None)
            case "/plugin/pad":
                assert message.text("take_id") in {"", *self.clips}, "a pad came before its clip"
            case "/plugin/swap":
                assert message.text("new_take_id") in self.clips, "a swap came before its clip"
            case "/plugin/stop":
                self.placed = {name: place for name, place in self.placed.items() if place.whole("kept")}
            case "/plugin/drop":
                self.clips.pop(message.text("take_id"), None)
            case "/plugin/refused":
                self._hello_again |= message.text("reason") == "no-hello"
        self.told.append(message)


_OPTIONS = {
    zmq.IMMEDIATE: 1,
    zmq.LINGER: 100,
    zmq.RECONNECT_IVL: 50,
    zmq.RECONNECT_IVL_MAX: 500,
    zmq.HEARTBEAT_IVL: 500,
    zmq.HEARTBEAT_TIMEOUT: 1_500,
}
