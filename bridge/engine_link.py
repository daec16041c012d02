"""The bridge's end of the ZeroMQ link: requests out, clips and refusals back, reconnecting for as long as it takes.

A thread of its own holds the socket. It says /hello on every connection, keeps each request until it is answered,
and asks again for what is still open when an engine is back; the engine makes no clip twice for it.
"""

import contextlib
import dataclasses
import itertools
import logging
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import zmq
from zmq.utils.monitor import recv_monitor_message

from bridge.open_requests import OpenRequests
from osc_schemas import bounds, codec
from osc_schemas.clip import Clip
from osc_schemas.codec import Message
from osc_schemas.errors import SchemaError
from osc_schemas.kind import Kind
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.routes import ROUTES_VERSION

EngineState = Literal["connecting", "warming", "ready", "lost"]

PING_EVERY_S = 1.0
LOST_AFTER_S = 3.0  # without a word from the engine; a process that died is noticed at once, by its connection
_HELLO_RETRY_MS, _IDLE_TURN_MS = 5, 250
_RECONNECT_MS, _RECONNECT_MAX_MS = 50, 500
_HEARTBEAT_MS, _HEARTBEAT_TIMEOUT_MS, _HEARTBEAT_TTL_MS = 500, 1_500, 2_000
_HANDSHAKE_MS = 2_000
_LINGER_MS = 100  # for a cancel said just before the end
_CLOSED_WITHIN_S = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClipArrived:
    """A clip, and how long it took from `EngineLink.request` to here."""

    clip: Clip
    request_to_clip_ms: float


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """No clip will come for a request. A request that was cancelled too late may hear this after its clip."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class EngineStateChanged:
    """The engine is found, warm, or lost; `detail` says which one, or why."""

    state: EngineState
    detail: str


LinkEvent = ClipArrived | RequestRefused | EngineStateChanged


class EngineLink:
    """One bridge's connection to one engine. Every method may be called from any thread."""

    def __init__(self, endpoint: str, *, on_event: Callable[[LinkEvent], None]) -> None:
        """`on_event` is called on the link's thread: it should be quick, and what it raises is logged."""
        self.endpoint = endpoint
        self.state: EngineState = "connecting"
        self.family = ""
        self.weights_hash = ""
        self.steps_offered: tuple[int, ...] = ()  # once it is ready
        self._on_event = on_event
        self._identity = b"bridge-" + secrets.token_hex(8).encode()  # the same over all connections of this link
        self._open = OpenRequests()  # this and all below: link thread only
        self._status_asked: list[queue.SimpleQueue[Message | None]] = []
        self._vocabulary_asked: list[queue.SimpleQueue[tuple[Kind, ...] | None]] = []
        self._kinds: list[Kind] = []  # of the vocabulary that is being told
        self._hello_due = False
        self._heard_s = self._pinged_s = time.monotonic()
        self._nonces = itertools.count(1)
        self._closing = False
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="engine link", daemon=True)

    def start(self) -> None:
        """Begin to look for the engine; events say what is found."""
        self._thread.start()

    def close(self) -> None:
        """End the link within 2 s. What is still open stays unanswered."""
        self._on_thread(self._stop)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(_CLOSED_WITHIN_S)

    def request(self, request: GenerateRequest) -> None:
        """Ask for a clip, now or as soon as an engine is there. One event answers it."""
        asked_s = time.monotonic()
        self._on_thread(lambda: self._ask(request, asked_s))

    def cancel(self, request_id: str) -> None:
        """Take a request back. A `RequestRefused` answers it, or its clip if that was faster."""
        self._on_thread(lambda: self._cancel(request_id))

    def status(self, timeout_s: float) -> Message | None:
        """The engine's /engine/status/reply, or None if none came in time."""
        answer: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._on_thread(lambda: self._ask_status(answer))
        with contextlib.suppress(queue.Empty):
            return answer.get(timeout=timeout_s)
        return None

    def vocabulary(self, timeout_s: float) -> tuple[Kind, ...] | None:
        """The kinds of sound that the engine's model can make, with their words; None if they did not come in time."""
        answer: queue.SimpleQueue[tuple[Kind, ...] | None] = queue.SimpleQueue()
        self._on_thread(lambda: self._ask_vocabulary(answer))
        with contextlib.suppress(queue.Empty):
            return answer.get(timeout=timeout_s)
        return None

    def _on_thread(self, act: Callable[[], None]) -> None:
        self._todo.put(act)
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody is left to wake
            self._wake_writer.send(b"\0")

    # What other threads asked for, on the link's thread.

    def _ask(self, request: GenerateRequest, asked_s: float) -> None:
        try:
            frames = codec.write_request(request)
        except SchemaError as error:
            self._tell_refused([Refusal(request_id=request.request_id, reason="bad-request", sentence=str(error))])
            return
        if (refusal := self._open.add(request, asked_s)) is not None:
            self._tell_refused([refusal])
        elif self.state == "ready":
            self._send(*frames)

    def _cancel(self, request_id: str) -> None:
        self._open.cancel(request_id)
        if self.state == "ready":
            with contextlib.suppress(SchemaError):  # an id that OSC cannot carry was never asked either
                self._send(codec.write("/engine/cancel", request_id=request_id))
        else:
            self._tell_refused(self._open.drop_cancelled())

    def _ask_status(self, answer: queue.SimpleQueue[Message | None]) -> None:
        if self.state in ("ready", "warming"):
            self._status_asked.append(answer)
            self._send(codec.write("/engine/status"))
        else:
            answer.put(None)

    def _ask_vocabulary(self, answer: queue.SimpleQueue[tuple[Kind, ...] | None]) -> None:
        if self.state != "ready":
            answer.put(None)
            return
        self._vocabulary_asked.append(answer)
        self._kinds.clear()  # whoever waits already hears what is told from the beginning again
        self._send(codec.write("/engine/vocabulary", place=0))

    def _stop(self) -> None:
        self._closing = True

    # The loop.

    def _run(self) -> None:
        context = zmq.Context()
        self._dealer = context.socket(zmq.DEALER)
        for option, value in _DEALER_OPTIONS.items():
            self._dealer.setsockopt(option, value)
        self._dealer.setsockopt(zmq.IDENTITY, self._identity)
        monitor = self._dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        poller = zmq.Poller()
        for readable in (self._dealer, monitor, self._wake_reader):
            poller.register(readable, zmq.POLLIN)
        self._dealer.connect(self.endpoint)
        try:
            while not self._closing:
                poller.poll(_HELLO_RETRY_MS if self._hello_due else _IDLE_TURN_MS)
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
                while not self._todo.empty():
                    self._todo.get()()
                self._receive()
                while monitor.poll(0):
                    self._connection_changed(recv_monitor_message(monitor)["event"])
                self._keep_alive(time.monotonic())
        finally:
            self._dealer.disable_monitor()
            context.destroy(linger=_LINGER_MS)
            self._wake_reader.close()
            self._wake_writer.close()

    def _connection_changed(self, event: int) -> None:
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._hello_due = True
        else:
            self._lose("its connection closed")

    def _keep_alive(self, now_s: float) -> None:
        if self._hello_due:
            client = self._identity.decode()
            self._hello_due = not self._send(codec.write("/hello", version=ROUTES_VERSION, client=client))
        if now_s - self._pinged_s >= PING_EVERY_S:
            self._pinged_s = now_s
            self._send(codec.write("/engine/ping", nonce=next(self._nonces)))
        if self.state in ("ready", "warming") and now_s - self._heard_s > LOST_AFTER_S:
            self._lose(f"it has not answered for {LOST_AFTER_S:g} s")

    def _send(self, *frames: bytes | memoryview) -> bool:
        """Whether there was a connection to send on. What could not be sent is sent again after the next /hello."""
        try:
            self._dealer.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _receive(self) -> None:
        while True:
            try:
                header, *audio = self._dealer.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._heard_s = time.monotonic()
            try:
                for message in codec.read(header.bytes, to="client"):
                    self._answered(message, audio)
            except SchemaError as error:
                _log.warning("the engine sent what cannot be read: %s", error)

    # What the engine says.

    def _answered(self, message: Message, audio: list[zmq.Frame]) -> None:
        match message.route.address:
            case "/hello/reply":
                self._greeted(message)
            case "/engine/clip":
                self._clip_came(message, audio[0].buffer if audio else b"")
            case "/engine/refused":
                self._refused(codec.read_refusal(message))
            case "/engine/pong":
                self._hello_due |= self.state == "lost"
                if message.text("state") == "stuck":
                    self._lose("its worker hangs")
            case "/engine/status/reply":
                for answer in self._status_asked:
                    answer.put(message)
                self._status_asked.clear()
            case "/engine/vocabulary/row":
                if message.whole("place") == len(self._kinds):
                    self._kinds.append(codec.read_kind(message))
                    self._send(codec.write("/engine/vocabulary", place=len(self._kinds)))
            case "/engine/vocabulary/end":
                if message.whole("kinds") == len(self._kinds):
                    self._tell_vocabulary(tuple(self._kinds))

    def _greeted(self, message: Message) -> None:
        self.family = message.text("family")
        self.weights_hash = message.text("weights_hash")
        self.steps_offered = tuple(int(steps) for steps in str(message.values.get("steps", "")).split())
        match message.text("state"):
            case "ready":
                self._become("ready", f"{self.family}, weights {self.weights_hash[:12]}")
                self._tell_refused(self._open.drop_superseded())
                for request in self._open.as_of(time.monotonic()):
                    self._send(*codec.write_request(request))
            case "warming":
                self._become("warming", self.family)

    def _clip_came(self, message: Message, audio: bytes | memoryview) -> None:
        request_id = message.text("request_id")
        wanted = self._open.answered(request_id)
        if wanted is None:
            return  # made twice, because it was asked again after a loss
        try:
            clip = codec.read_clip(message, audio)
            # As it was asked, with its source; but what it was left to the engine to say, as that said it.
            said = {name: getattr(clip.request, name) for name in _SAID_BY_THE_ENGINE}
            clip = dataclasses.replace(clip, request=dataclasses.replace(wanted.request, **said))
        except SchemaError as error:
            self._tell_refused([Refusal(request_id=request_id, reason="engine-error", sentence=str(error))])
            return
        self._tell(ClipArrived(clip, (time.monotonic() - wanted.asked_s) * 1000))

    def _refused(self, refusal: Refusal) -> None:
        match refusal.reason:
            case "version":
                self._lose(refusal.sentence)
            case "no-hello" | "not-ready":
                self._hello_due |= refusal.reason == "no-hello"  # its request stays open and is sent again after that
            case _:
                self._open.answered(refusal.request_id)
                self._tell_refused([refusal])

    def _lose(self, why: str) -> None:
        had_one = self.state in ("ready", "warming")
        self._become("lost", why)
        self._tell_refused(self._open.drop_cancelled())
        if had_one:
            self._tell_refused(self._open.lost())
        for answer in self._status_asked:
            answer.put(None)
        self._status_asked.clear()
        self._tell_vocabulary(None)

    def _tell_vocabulary(self, kinds: tuple[Kind, ...] | None) -> None:
        for answer in self._vocabulary_asked:
            answer.put(kinds)
        self._vocabulary_asked.clear()

    def _become(self, state: EngineState, detail: str) -> None:
        if state != self.state:
            self.state = state
            self._tell(EngineStateChanged(state, detail))

    def _tell_refused(self, refusals: list[Refusal]) -> None:
        for refusal in refusals:
            self._tell(RequestRefused(refusal))

    def _tell(self, event: LinkEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # whatever the listener did wrong, the link must go on
            _log.exception("what the engine's %s led to failed", type(event).__name__)


_SAID_BY_THE_ENGINE = ("frames", "tail_frames", "tempo_bpm", "fit", "fit_beats")
_DEALER_OPTIONS = {
    zmq.IMMEDIATE: 1,  # nothing queues up for an engine that is not there
    zmq.LINGER: _LINGER_MS,
    zmq.RECONNECT_IVL: _RECONNECT_MS,
    zmq.RECONNECT_IVL_MAX: _RECONNECT_MAX_MS,
    zmq.HEARTBEAT_IVL: _HEARTBEAT_MS,
    zmq.HEARTBEAT_TIMEOUT: _HEARTBEAT_TIMEOUT_MS,
    zmq.HEARTBEAT_TTL: _HEARTBEAT_TTL_MS,
    zmq.HANDSHAKE_IVL: _HANDSHAKE_MS,  # an engine that is stopped still accepts connections; its handshake does not end
    zmq.MAXMSGSIZE: bounds.AUDIO_BYTES_MAX,
}
