"""The engine's two ZeroMQ sockets and nothing else: ROUTER for requests, clips and refusals; PUB for events.

One thread owns both sockets: the one that calls `Server.run`. Others reach it through `Server.report` and
`Server.close`, which leave something behind and wake it.
"""

import contextlib
import logging
import queue
import socket
from collections.abc import Iterator

import zmq

from engine.desk import Desk, Reply
from engine.errors import SetupError
from engine.service import Outcome
from osc_schemas import bounds, codec

CLIPS_UNSENT_MAX = 32  # for each client; at 3.5 MB a clip that is 112 MB
LINGER_MS = 200
HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS, HEARTBEAT_TTL_MS = 500, 1_500, 2_000
_PACKETS_PER_TURN = 64  # so that a flood of requests does not keep a closing engine alive
_LOOK_AT_WORKER_EVERY_MS = 1_000

_log = logging.getLogger(__name__)


class Server:
    """Binds at once, so that a port that is taken is known before a model is loaded; serves once `run` is called."""

    def __init__(self, *, host: str, port: int, events_port: int) -> None:
        """Raises `SetupError` when a port is taken. Port 0 takes any that is free."""
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else replies to who is gone vanish without a word
        self._router.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a client that lost its connection comes back as itself
        self._events = self._context.socket(zmq.PUB)
        for each in (self._router, self._events):
            each.setsockopt(zmq.LINGER, LINGER_MS)
            each.setsockopt(zmq.MAXMSGSIZE, bounds.AUDIO_BYTES_MAX)  # of a frame; above it ZeroMQ hangs up
            each.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
            each.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
            each.setsockopt(zmq.HEARTBEAT_TTL, HEARTBEAT_TTL_MS)
            each.setsockopt(zmq.IPV6, int(":" in host))
        self._router.setsockopt(zmq.SNDHWM, CLIPS_UNSENT_MAX)
        try:
            self.endpoint = _bind(self._router, host, port, "--port")
            self.events_endpoint = _bind(self._events, host, events_port, "--events-port")
        except SetupError:
            self._context.destroy(linger=0)
            raise
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._wake_reader, self.wake_writer = socket.socketpair()
        for end in (self._wake_reader, self.wake_writer):
            end.setblocking(False)
        self._closing = False

    def report(self, outcome: Outcome) -> None:
        """Leave an outcome of the worker for the socket thread. Any thread; never waits."""
        self._outcomes.put(outcome)
        self._wake()

    def close(self) -> None:
        """Have `run` return. Any thread, and signal handlers."""
        self._closing = True
        self._wake()

    def run(self, desk: Desk) -> None:
        """Serve until `close` is called or the desk's worker is broken; then close the sockets."""
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._wake_reader, zmq.POLLIN)
        try:
            while not self._closing and desk.broken is None:
                poller.poll(_LOOK_AT_WORKER_EVERY_MS)
                for reply in self._turn(desk):
                    self._send(reply, desk)
            self._events.send(codec.write("/engine/event/state", state="closing"), zmq.NOBLOCK)
        finally:
            self._context.destroy(linger=LINGER_MS)
            self._wake_reader.close()
            self.wake_writer.close()

    def _turn(self, desk: Desk) -> Iterator[Reply]:
        """What there is to send after all that has arrived."""
        with contextlib.suppress(BlockingIOError):
            self._wake_reader.recv(4096)
        for _ in range(_PACKETS_PER_TURN):
            while not self._outcomes.empty():
                yield from desk.finished(self._outcomes.get())
            try:
                client, packet, *behind = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            yield from desk.heard(client, packet, b"".join(behind))

    def _send(self, reply: Reply, desk: Desk) -> None:
        if reply.client is None:
            self._events.send_multipart(reply.frames, zmq.NOBLOCK)
            return
        try:
            self._router.send_multipart([reply.client, *reply.frames], zmq.NOBLOCK, copy=False)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            # Gone, or it does not read its clips. If it is there after all it hears "say /hello" next, and asks again.
            _log.warning("client %s gets no more replies: %s", reply.client.hex(), error)
            desk.gone(reply.client)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody is left to wake
            self.wake_writer.send(b"\0")


def _bind(bound: zmq.Socket[bytes], host: str, port: int, flag: str) -> str:
    try:
        bound.bind(f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")
    except zmq.ZMQError as error:
        if error.errno == zmq.EADDRINUSE:
            raise SetupError(
                f"port {port} of {host} is taken, perhaps by another engine; stop that one, or choose {flag} 0 for any"
            ) from error
        raise SetupError(f"port {port} of {host} cannot be listened on: {error}") from error
    return bound.getsockopt_string(zmq.LAST_ENDPOINT)
