"""The conversation with DrivenByMoss's OSC extension in Bitwig: what it has told us, and what we tell it.

It tells only what has changed since it last spoke, and everything after /refresh; so what we heard last is how things
stand. Every round of news ends with /update 0. Source: the OSC page of the DrivenByMoss manual.
"""

import contextlib
import errno
import select
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from bridge.hosts.base import HostError, HostLost

_LOOPBACK = "127.0.0.1"
_DATAGRAM_BYTES_MAX = 65_535
_RECEIVE_BUFFER_BYTES = 2**20  # a refresh of a large bank is thousands of messages within a second
_CLOSE_S = 2.0
_LAYOUT = ("/exists", "/name", "/position", "/type", "/hasContent")  # what changes when a bank moves
_LAST_OF_ALL = "/track/toggleBank"  # told after all tracks, and changed by hand only: a refresh has come this far

Told = str | int | float


class Moss:
    """What the extension has told. A thread of its own listens; every method may be called from any other thread."""

    def __init__(self, *, port: int, feedback_port: int) -> None:
        """Take `feedback_port` (0: any that is free), to which it sends. Raises `HostError` if that is taken."""
        self.port = port
        self._told: dict[str, Told] = {}
        self._heard_s: dict[str, float] = {}  # when each was told last, by time.monotonic
        self._rounds = 0
        self._layout_s = 0.0
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._ear = _bound(feedback_port)
        self.feedback_port: int = self._ear.getsockname()[1]
        # Connected, so that the system tells us of a port that nobody listens on any more.
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._mouth.connect((_LOOPBACK, port))
        self._thread = threading.Thread(target=self._listen, name="bitwig-feedback", daemon=True)
        self._thread.start()

    def say(self, address: str, *values: Told) -> None:
        """Send one message. Raises `HostLost` if nobody listens there."""
        builder = OscMessageBuilder(address=address)
        for value in values:
            builder.add_arg(value)
        try:
            self._mouth.send(builder.build().dgram)
            if select.select([self._mouth], [], [], 0)[0]:
                self._mouth.recv(1)  # raises what the system has heard of that port
        except ConnectionError as error:
            raise HostLost(
                f"nobody listens on UDP port {self.port}: Bitwig has quit, or DrivenByMoss's OSC controller is off; "
                "`upbeat hosts page bitwig` says how to switch it on"
            ) from error
        except OSError as error:
            raise HostLost(f"UDP port {self.port} cannot be sent to ({error}); look at its firewall") from error

    def told(self, address: str) -> Told | None:
        """What was told last; None if nothing ever was."""
        with self._news:
            return self._told.get(address)

    def number(self, address: str) -> int:
        """What was told last as a whole number; 0 if nothing ever was, or no number."""
        value = self.told(address)
        return 0 if value is None or isinstance(value, str) else int(value)

    def text(self, address: str) -> str:
        """What was told last as text; "" if nothing ever was."""
        value = self.told(address)
        return "" if value is None else str(value)

    def age_s(self, address: str | None = None) -> float:
        """How long ago `address`, or anything at all, was told last; infinite if never."""
        with self._news:
            heard_s = max(self._heard_s.values(), default=None) if address is None else self._heard_s.get(address)
        return float("inf") if heard_s is None else time.monotonic() - heard_s

    def wait(self, until: Callable[[], bool], *, within_s: float) -> bool:
        """Wait for news until `until()` holds; False if it does not within that time."""
        with self._news:
            return self._news.wait_for(until, within_s)

    def settle(self, *, quiet_s: float, within_s: float) -> None:
        """Wait until names, places and contents have stood still for `quiet_s`, but no longer than `within_s`."""
        end_s = time.monotonic() + within_s
        with self._news:
            while (now_s := time.monotonic()) < end_s:
                left_s = self._layout_s + quiet_s - now_s
                if left_s <= 0:
                    return
                self._news.wait(min(left_s, end_s - now_s))

    def refresh(self, *, within_s: float) -> bool:
        """Ask for everything, and wait until it has come; False if it does not within that time."""
        asked_s = time.monotonic()
        self.say("/refresh")

        def all_told() -> bool:
            return self._heard_s.get("/update", 0.0) >= self._heard_s.get(_LAST_OF_ALL, 0.0) > asked_s and (
                self._told.get("/update") == 0
            )

        return self.wait(all_told, within_s=within_s)

    def forget(self) -> None:
        """Know nothing any more: the extension may have been started anew."""
        with self._news:
            self._told.clear()
            self._heard_s.clear()

    def close(self) -> None:
        """Stop listening and give the port back, within 2 s."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._mouth.connect((_LOOPBACK, self.feedback_port))
            self._mouth.send(b"")  # wakes the thread
        self._thread.join(_CLOSE_S)
        self._ear.close()
        self._mouth.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                datagram = self._ear.recv(_DATAGRAM_BYTES_MAX)
            except ConnectionResetError:  # Windows reports here what an earlier datagram of ours met
                continue
            except OSError:
                return
            if datagram:
                self._take(datagram)

    def _take(self, datagram: bytes) -> None:
        try:
            messages = [timed.message for timed in OscPacket(datagram).messages]
        except Exception:  # python-osc lets many kinds through; what is no OSC is not from the extension
            return
        now_s = time.monotonic()
        with self._news:
            for message in messages:
                if len(message.params) != 1 or not isinstance(message.params[0], str | int | float):
                    continue
                self._told[message.address] = message.params[0]
                self._heard_s[message.address] = now_s
                if message.address.endswith(_LAYOUT):
                    self._layout_s = now_s
            self._news.notify_all()


def _bound(port: int) -> socket.socket:
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # without it Windows lets a second program take the port along
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        ear.bind((_LOOPBACK, port))
    except OSError as error:
        ear.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"is not to be had ({error})"
        raise HostError(
            f"UDP port {port}, to which DrivenByMoss sends, {why}, perhaps by another bridge or by Open Stage Control; "
            "end that program, or give the extension two other ports (the second 1000 above the first) and write the "
            "first as [host] port"
        ) from error
    return ear
