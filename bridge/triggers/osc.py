"""OSC over UDP: the bridge's ear for sequencers, controllers and programs, and its voice back to them."""

import contextlib
import errno
import ipaddress
import queue
import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bridge.triggers.heard import Heard, OnHeard, TriggerError
from osc_schemas import codec
from osc_schemas.errors import WireError
from osc_schemas.routes import find

_DATAGRAM_BYTES_MAX = 65_535
_RECEIVE_BUFFER_BYTES = 2**20  # a burst waits here while Python is busy elsewhere; beyond it the system drops
_SENTENCE_CHARACTERS_MAX = 500  # a refusal stays far below what a datagram holds, whatever it quotes
_CLOSE_S = 2.0

Address = tuple[Any, ...]  # as the socket module gives it: (host, port) for IPv4, two more items for IPv6


class OscError(TriggerError):
    """The OSC port cannot be opened."""


class OscPort:
    """A UDP socket and the thread that reads it.

    Every message that fits the route table goes to `on_heard`, with its bundle's timetag; nothing here waits for that
    time. What does not fit is answered with /refused, to the address and port it came from.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, on_heard: OnHeard) -> None:
        """Take the port, any free one for 0. Raises `OscError` if it is taken, or `host` is not this machine alone."""
        self._on_heard = on_heard
        self._closing = threading.Event()
        self._socket = _bound(host, port)
        self.host: str = self._socket.getsockname()[0]
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, name="osc-port", daemon=True)

    def start(self) -> None:
        """Begin to listen. What was sent since the port was taken is heard first."""
        self._thread.start()

    def send(self, address: Address, packet: bytes) -> None:
        """Send OSC bytes to `address`, from any thread. A datagram that cannot leave is lost, as any may be."""
        with contextlib.suppress(OSError):
            self._socket.sendto(packet, address)

    def close(self) -> None:
        """Stop listening and give the port back, within 2 s."""
        self._closing.set()
        if self._thread.is_alive():
            self.send(self._socket.getsockname(), b"")  # wakes the thread; a full buffer means that it is awake
            self._thread.join(_CLOSE_S)
        self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                packet, address = self._socket.recvfrom(_DATAGRAM_BYTES_MAX)
            except ConnectionResetError:  # Windows reports here that an earlier reply found nobody
                continue
            except OSError:
                if self._closing.is_set():
                    return
                raise
            if not self._closing.is_set():
                self._take(packet, address)

    def _take(self, packet: bytes, address: Address) -> None:
        try:
            messages = codec.read(packet, to="bridge")
        except WireError as error:
            what = _address_in(packet)
            if not _is_answer(what):  # a refusal of a refusal would go back and forth for ever
                self._refuse(address, what, "bad-message", str(error))
            return
        for message in messages:
            heard = Heard(
                message=message,
                trigger="osc",
                reply=_Answer(self, address),
                sender=_name_of(address),
            )
            try:
                self._on_heard(heard)
            except queue.Full:
                self._refuse(address, message.route.address, "full", "too many messages wait; send again in a moment")
                return

    def _refuse(self, address: Address, what: str, reason: str, sentence: str) -> None:
        short = sentence.replace("\0", "\\0")[:_SENTENCE_CHARACTERS_MAX]
        self.send(address, codec.write("/refused", what=what, reason=reason, sentence=short))


@dataclass(frozen=True, slots=True)
class _Answer:
    """The way back to one sender; equal for all that it sends, so that it can be told apart from other listeners."""

    port: OscPort
    address: Address

    def __call__(self, packet: bytes) -> None:
        self.port.send(self.address, packet)


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise OscError(f"the OSC port is {port}; it must be between 1 and 65535, or 0 for any that is free")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:
        raise OscError(f"the OSC host {host[:80]!r} is not known here ({error}); ask for 127.0.0.1") from error
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise OscError(
            f"the OSC host {host[:80]!r} can be reached from other machines, which Upbeat does not allow yet; "
            "ask for 127.0.0.1, and let a program on this machine pass on what comes from outside"
        )
    ours = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # without it Windows lets a second program take the port along
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        ours.bind(address)
    except OSError as error:
        ours.close()
        why = (
            "is taken, perhaps by another bridge" if error.errno == errno.EADDRINUSE else f"is not to be had ({error})"
        )
        raise OscError(
            f"UDP port {port} of {host} {why}; ask for another one with --osc-port, or 0 for any that is free"
        ) from error
    return ours


def _name_of(address: Address) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address_in(packet: bytes) -> str:
    """The address that a packet begins with, as far as one can tell; for the refusal, so that its sender knows it."""
    text = packet[:200].split(b"\0")[0].decode("utf-8", errors="replace")
    return text if text.startswith(("/", "#bundle")) else "packet"


def _is_answer(address: str) -> bool:
    found = find(address)
    return found is not None and found[0].to in ("sender", "subscribers")
