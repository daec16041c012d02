"""The bridge's side of the plug-in's wire, for tests: a ROUTER socket and python-osc, and none of our own code."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

Samples = npt.NDArray[np.float32]
WITHIN_S = 10.0
VERSION = 6


@dataclass
class Heard:
    """One message of an instance."""

    identity: bytes
    address: str
    values: list[Any]


@dataclass
class Take:
    """A clip to be sent; what follows `frames` of its samples (frames, channels) is its tail."""

    take_id: str
    samples: Samples
    frames: int
    length_beats: float = 4.0
    tempo_bpm: float = 120.0
    sample_rate_hz: int = 48_000
    gain: float = 1.0
    loop: bool = False
    sustained: bool = False


@dataclass
class Peer:
    """Answers hellos and keeps what it hears; a thread of its own holds the socket. Use it as a context."""

    title: str = "a set"
    tracks: int = 64  # of the set
    answers: bool = True
    endpoint: str = "tcp://127.0.0.1:*"
    heard: list[Heard] = field(default_factory=list)
    greet: Callable[[bytes], None] | None = None  # called at each hello, to send what there is to play

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._todo: list[list[bytes]] = []
        self._closing = False
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self._socket.bind(self.endpoint)
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Peer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._thread.join(WITHIN_S)
        self._socket.close()
        self._context.term()

    def _run(self) -> None:
        while not self._closing:
            with self._changed:
                todo, self._todo = self._todo, []
            for frames in todo:
                self._socket.send_multipart(frames)
            if not self._socket.poll(5):
                continue
            identity, packet = self._socket.recv_multipart()[:2]
            message = OscMessage(packet)
            with self._changed:
                self.heard.append(Heard(identity, message.address, list(message.params)))
                self._changed.notify_all()
            if self.answers and message.address == "/plugin/hello":
                track = "drums" if message.params[3] <= self.tracks else ""
                reply = osc("/plugin/hello/reply", "iss", VERSION, self.title, track)
                self._socket.send_multipart([identity, reply])
                if self.greet is not None:
                    self.greet(identity)
            if self.answers and message.address == "/plugin/alive":
                self._socket.send_multipart([identity, packet])

    # what is heard

    def all(self, address: str, since: int = 0) -> list[Heard]:
        """What came to an address, from the message of that number on."""
        with self._changed:
            return [heard for heard in self.heard[since:] if heard.address == address]

    def wait(self, address: str, *, since: int = 0, which: Callable[[Heard], bool] = lambda _: True) -> Heard:
        """The first message to an address that fits; an assertion fails after ten seconds."""
        end_s = time.monotonic() + WITHIN_S
        with self._changed:
            while True:
                for heard in self.heard[since:]:
                    if heard.address == address and which(heard):
                        return heard
                left_s = end_s - time.monotonic()
                assert left_s > 0, f"no {address} came; heard: {[h.address for h in self.heard[since:]][-20:]}"
                self._changed.wait(left_s)

    @property
    def mark(self) -> int:
        """The number of the next message."""
        with self._changed:
            return len(self.heard)

    # what is said

    def send(self, identity: bytes, packet: bytes, audio: Samples | None = None) -> None:
        """One message, with its audio behind it."""
        frames = [identity, packet] if audio is None else [identity, packet, np.ascontiguousarray(audio).tobytes()]
        with self._changed:
            self._todo.append(frames)

    def clip(self, identity: bytes, take: Take) -> None:
        """Send a take."""
        samples = take.samples.reshape(len(take.samples), -1)
        builder = OscMessageBuilder("/plugin/clip")
        pairs: list[tuple[str, str, Any]] = [
            ("take_id", "s", take.take_id),
            ("frames", "h", take.frames),
            ("tail_frames", "h", len(samples) - take.frames),
            ("channels", "i", samples.shape[1]),
            ("sample_rate_hz", "i", take.sample_rate_hz),
            ("gain", "d", take.gain),
            ("length_beats", "d", take.length_beats),
            ("tempo_bpm", "d", take.tempo_bpm),
            ("loop", "T" if take.loop else "F", take.loop),
            ("sustained", "T" if take.sustained else "F", take.sustained),
        ]
        for key, tag, value in pairs:
            builder.add_arg(key, "s")
            builder.add_arg(value, tag)
        self.send(identity, builder.build().dgram, samples)

    def pad(self, identity: bytes, note: int, take_id: str, *, quantum_beats: float = 0.0, loop: bool = False) -> None:
        """Put a take on a note."""
        self.send(identity, osc("/plugin/pad", "isdi", note, take_id, quantum_beats, int(loop)))

    def place(
        self,
        identity: bytes,
        number: int,
        take_id: str,
        *,
        beat: float,
        loop: bool = False,
        until_beat: float = -1.0,
        kept: bool = True,
    ) -> None:
        """Lay a take on the host's line."""
        packet = osc("/plugin/place", "hsdidi", number, take_id, beat, int(loop), until_beat, int(kept))
        self.send(identity, packet)

    def sheet(self, identity: bytes, entries: int, *, complete: bool = True) -> None:
        """Open a sheet, or say that all of it was sent."""
        self.send(identity, osc("/plugin/sheet", "hii", 1, entries, int(complete)))


def osc(address: str, tags: str, *values: Any) -> bytes:
    """The bytes of one message."""
    builder = OscMessageBuilder(address)
    for tag, value in zip(tags, values, strict=True):
        builder.add_arg(value, tag)
    return bytes(builder.build().dgram)
