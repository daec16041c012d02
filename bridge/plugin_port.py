"""Where instances of our plug-in, inside hosts, find the bridge: a ZeroMQ socket on a thread of its own.

An instance says /plugin/hello on every connection, and its host's time fifty times a second; that goes straight to the
clock, and all else to whoever owns the player. What an instance is sent waits in a bounded box of its own, so one that
hangs holds up nobody. Nothing here waits for the player, and the player never waits for this.
"""

import contextlib
import logging
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import zmq

from bridge.timing.plugin_clock import PluginTimes
from osc_schemas import bounds, codec
from osc_schemas.codec import Message
from osc_schemas.errors import SchemaError
from osc_schemas.routes import PLUGIN_PORT, ROUTES_VERSION

INSTANCES_MAX = 128
BOX_BYTES_MAX = 128 * 2**20  # that wait for one instance
GONE_AFTER_S, GONE_IN_MUSIC_S = 5.0, 1.5  # without a word; one that plays says the time every 20 ms
REFUSALS_A_SECOND = 20  # to one sender
SAID_A_SECOND = 5_000  # by one instance, that is looked at; six knobs automated in blocks of 64 frames are below it
_IDLE_TURN_MS, _BUSY_TURN_MS = 250, 5
_HEARTBEAT_MS, _HEARTBEAT_TIMEOUT_MS = 500, 1_500
_LINGER_MS = 100
_MESSAGES_WAITING_MAX = 32  # in the socket, each way; a clip is a message, of megabytes
_AT_ONCE_MAX = 256  # messages taken in before the boxes are looked at again
_CLOSED_WITHIN_S = 2.0

_log = logging.getLogger(__name__)


class PluginPortError(Exception):
    """The port cannot be had. The text says what was found, what was wanted and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance of the plug-in, as its hello has it."""

    identity: bytes
    name: str  # its id, which the host saves with the project
    plugin: str  # instrument or effect
    track: str  # of the set, that its slot stands for; "" if the set has fewer
    sample_rate_hz: int  # of its host


@dataclass(frozen=True, slots=True)
class PluginCame:
    """An instance has said hello: it is new, was away, or has another slot or rate. It has to be told everything."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class PluginGone:
    """An instance is gone, or hangs."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class PluginSaid:
    """An instance said something: a note, a turned parameter, a wanted take, a launch."""

    instance: Instance
    message: Message


PluginEvent = PluginCame | PluginGone | PluginSaid


@dataclass(slots=True)
class _Box:
    """What waits to be sent to one instance."""

    waiting: deque[tuple[int, tuple[bytes | memoryview, ...], int]] = field(default_factory=deque)
    waiting_bytes: int = 0
    put: int = 0  # how many were ever put in
    sent: int = 0

    def clear(self) -> None:
        self.waiting.clear()
        self.waiting_bytes = 0


@dataclass(slots=True)
class _Guest:
    instance: Instance
    heard_s: float
    playing: bool = False
    told_of: bool = False  # that it has come
    counted_s: float = -1.0  # since when what it says is counted, and how much that was
    said: int = 0

    def floods(self, at_s: float) -> bool:
        """Count one more thing that it says. Whether that is more than is looked at."""
        if at_s - self.counted_s >= 1.0:
            self.counted_s, self.said = at_s, 0
        self.said += 1
        return self.said > SAID_A_SECOND


def check_free(port: int) -> None:
    """Raise `PluginPortError` if the port cannot be had now."""
    PluginPort(port, title="", tracks=(), times=PluginTimes(), on_event=lambda event: None).close()


class PluginPort:
    """The socket and all who are connected to it. `send`, `has_room` and `is_sent` may be called from any thread."""

    def __init__(
        self,
        port: int = PLUGIN_PORT,
        *,
        title: str,
        tracks: Sequence[str],
        times: PluginTimes,
        on_event: Callable[[PluginEvent], None],
        host: str = "127.0.0.1",
    ) -> None:
        """Bind the port (0: any that is free). `tracks`: the set's, in its order. Raises `PluginPortError`.

        `on_event` is called on the port's thread and returns at once; it raises `queue.Full` if it has no room.
        """
        self._title, self._tracks, self._times, self._on_event = title, tuple(tracks), times, on_event
        self._guests: dict[bytes, _Guest] = {}  # the port's thread only
        self._gone: deque[PluginGone] = deque()  # not told yet, as there was no room
        self._refusals: dict[bytes, tuple[float, int]] = {}
        self._boxes: dict[bytes, _Box] = {}
        self._lock = threading.Lock()  # around the boxes
        self._closing = False
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        for option, value in _ROUTER_OPTIONS.items():
            self._router.setsockopt(option, value)
        try:
            self._router.bind(f"tcp://{host}:{port or '*'}")
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise PluginPortError(
                f"the port {port} for the plug-in cannot be had on {host} ({error.strerror}); close what else uses it, "
                "such as another Upbeat, or take another with --plugin-port and tell the plug-in with "
                "UPBEAT_PLUGIN_ENDPOINT"
            ) from error
        self.endpoint = self._router.getsockopt_string(zmq.LAST_ENDPOINT)
        self.port = int(self.endpoint.rpartition(":")[2])
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="plug-in port", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Hang up within 2 s; instances go on with what they have."""
        self._closing = True
        self._wake()
        if self._thread.ident is None:
            self._put_away()
        elif threading.current_thread() is not self._thread:
            self._thread.join(_CLOSED_WITHIN_S)

    def send(self, identity: bytes, *frames: bytes | memoryview) -> int | None:
        """Send a message to an instance, in turn: its number, for `is_sent`; None if it is gone or its box is full."""
        size = sum(len(frame) for frame in frames)
        with self._lock:
            box = self._boxes.get(identity)
            if box is None or (box.waiting and box.waiting_bytes + size > BOX_BYTES_MAX):
                return None
            box.put += 1
            box.waiting.append((box.put, frames, size))
            box.waiting_bytes += size
            number = box.put
        self._wake()
        return number

    def has_room(self, identity: bytes) -> bool:
        """Whether any message, a clip too, still finds room on its way to an instance."""
        with self._lock:
            box = self._boxes.get(identity)
            return box is not None and box.waiting_bytes <= BOX_BYTES_MAX - bounds.AUDIO_BYTES_MAX

    def is_sent(self, identity: bytes, number: int) -> bool:
        """Whether the message of that number is on its way."""
        with self._lock:
            box = self._boxes.get(identity)
            return box is not None and box.sent >= number

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody is left to wake
            self._wake_writer.send(b"\0")

    # The loop --------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        poller = zmq.Poller()
        for readable in (self._router, self._wake_reader):
            poller.register(readable, zmq.POLLIN)
        try:
            while not self._closing:
                poller.poll(_BUSY_TURN_MS if any(box.waiting for box in self._boxes.values()) else _IDLE_TURN_MS)
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
                self._receive()
                self._empty_boxes()
                self._miss_guests(time.monotonic())
                self._tell_of_the_gone()
            self._empty_boxes()
        except Exception:  # whatever the mistake of ours, the music goes on without plug-ins
            _log.exception("the plug-in's port stopped")
        finally:
            self._put_away()

    def _put_away(self) -> None:
        self._context.destroy(linger=_LINGER_MS)
        self._wake_reader.close()
        self._wake_writer.close()

    def _receive(self) -> None:
        for _ in range(_AT_ONCE_MAX):
            try:
                identity, *frames = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            at_s = time.monotonic()
            try:
                if not frames:
                    continue
                for message in codec.read(frames[0], to="plugin_port"):
                    self._said(identity, message, at_s)
            except SchemaError as error:
                self._refuse(identity, "message", "bad-message", str(error))

    def _empty_boxes(self) -> None:
        with self._lock:
            boxes = list(self._boxes.items())
        for identity, box in boxes:
            while box.waiting:  # only this thread takes out
                number, frames, size = box.waiting[0]
                try:
                    self._router.send_multipart((identity, *frames), zmq.NOBLOCK)
                except zmq.Again:
                    break
                except zmq.ZMQError:  # there is no connection any more
                    self._lose(identity)
                    break
                with self._lock:
                    if box.waiting and box.waiting[0][0] == number:
                        box.waiting.popleft()
                        box.waiting_bytes -= size
                    box.sent = number

    def _miss_guests(self, now_s: float) -> None:
        for identity, guest in list(self._guests.items()):
            if now_s - guest.heard_s > (GONE_IN_MUSIC_S if guest.playing else GONE_AFTER_S):
                self._lose(identity)

    # What instances say ----------------------------------------------------------------------------------------------

    def _said(self, identity: bytes, message: Message, at_s: float) -> None:
        address = message.route.address
        if address == "/plugin/hello":
            self._greet(identity, message, at_s)
            return
        guest = self._guests.get(identity)
        if guest is None:
            sentence = f"{address} came before /plugin/hello; say that first, with version {ROUTES_VERSION}"
            self._refuse(identity, address, "no-hello", sentence)
            return
        guest.heard_s = at_s
        match address:
            case "/plugin/time":
                guest.playing = message.whole("playing") == 1 and not message.whole("offline")
                self._times.hear(identity, message, at_s)
            case "/plugin/alive":
                self._answer(identity, codec.write("/plugin/alive", nonce=message.whole("nonce")))
            case _:
                try:
                    if guest.floods(at_s):
                        raise queue.Full
                    self._tell(PluginSaid(guest.instance, message))
                except queue.Full:
                    self._refuse(identity, address, "full", "too much is waiting to be looked at; say it again later")

    def _greet(self, identity: bytes, message: Message, at_s: float) -> None:
        version = message.whole("version")
        if version != ROUTES_VERSION:
            self._refuse(
                identity,
                "/plugin/hello",
                "version",
                f"the plug-in speaks version {version} of the route table and this Upbeat version {ROUTES_VERSION}; "
                "install the one that came with it (`upbeat hosts install plugin`)",
            )
            return
        if identity not in self._guests and len(self._guests) >= INSTANCES_MAX:
            sentence = f"{INSTANCES_MAX} instances are connected already, which is the bound; close some"
            self._refuse(identity, "/plugin/hello", "full", sentence)
            return
        slot = message.whole("slot")
        instance = Instance(
            identity=identity,
            name=message.text("instance")[: bounds.NAME_CHARACTERS_MAX],
            plugin=message.text("plugin")[: bounds.NAME_CHARACTERS_MAX],
            track=self._tracks[slot - 1] if slot <= len(self._tracks) else "",
            sample_rate_hz=message.whole("sample_rate_hz"),
        )
        if (known := self._guests.get(identity)) is not None:
            known.instance, known.heard_s = instance, at_s
        else:
            self._guests[identity] = _Guest(instance, at_s)
        with self._lock:
            self._boxes.setdefault(identity, _Box()).clear()  # all is said anew
        self._times.welcome(identity, sample_rate_hz=instance.sample_rate_hz)
        self._answer(
            identity,
            codec.write("/plugin/hello/reply", version=ROUTES_VERSION, title=self._title, track=instance.track),
        )
        if not instance.track:
            count = len(self._tracks)
            tracks = f"has {count} track{'s' if count > 1 else ''}: {', '.join(self._tracks)[:200]}"
            sentence = f"slot {slot} is empty, as the set {tracks}; take a slot from 1 to {count}"
            self._refuse(identity, "/plugin/hello", "slot", sentence)
        try:
            if self._gone:  # first things first: it may have been the same one
                raise queue.Full
            self._tell(PluginCame(instance))
            self._guests[identity].told_of = True
        except queue.Full:  # it will say hello again
            self._lose(identity)
            self._refuse(identity, "/plugin/hello", "no-hello", "too much is waiting; say hello again later")

    def _lose(self, identity: bytes) -> None:
        with self._lock:
            self._boxes.pop(identity, None)
        self._times.forget(identity)
        guest = self._guests.pop(identity, None)
        if guest is not None and guest.told_of:
            self._gone.append(PluginGone(guest.instance))
            self._tell_of_the_gone()

    def _tell_of_the_gone(self) -> None:
        """What loops in them is taken over by who hears of it, so this is said again until there is room."""
        with contextlib.suppress(queue.Full):
            while self._gone:
                self._tell(self._gone[0])
                self._gone.popleft()

    def _refuse(self, identity: bytes, what: str, reason: str, sentence: str) -> None:
        now_s = time.monotonic()
        since_s, said = self._refusals.get(identity, (now_s, 0))
        if now_s - since_s >= 1.0:
            since_s, said = now_s, 0
        if len(self._refusals) > INSTANCES_MAX:
            self._refusals.clear()
        self._refusals[identity] = (since_s, said + 1)
        if said < REFUSALS_A_SECOND:
            self._answer(
                identity, codec.write("/plugin/refused", what=what[:200], reason=reason, sentence=sentence[:1_000])
            )

    def _answer(self, identity: bytes, packet: bytes) -> None:
        """Said at once, ahead of what waits in the box; who cannot be reached asks again."""
        with contextlib.suppress(zmq.ZMQError):
            self._router.send_multipart((identity, packet), zmq.NOBLOCK)

    def _tell(self, event: PluginEvent) -> None:
        try:
            self._on_event(event)
        except queue.Full:
            raise
        except Exception:  # whatever the listener did wrong, the port must go on
            _log.exception("what an instance of the plug-in said led to a failure")


_ROUTER_OPTIONS = {
    zmq.ROUTER_MANDATORY: 1,  # to hear that somebody is gone
    zmq.ROUTER_HANDOVER: 1,  # who comes back takes over from a connection that nobody has noticed to be dead
    zmq.LINGER: _LINGER_MS,
    zmq.RCVHWM: _MESSAGES_WAITING_MAX,
    zmq.SNDHWM: _MESSAGES_WAITING_MAX,
    zmq.HEARTBEAT_IVL: _HEARTBEAT_MS,
    zmq.HEARTBEAT_TIMEOUT: _HEARTBEAT_TIMEOUT_MS,
    zmq.MAXMSGSIZE: bounds.MESSAGE_BYTES_MAX,
}
