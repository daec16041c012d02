"""The port that Upbeat speaks to, read from Live's own timer: a few messages at each tick, and never a wait.

Every request carries an id of its own and is answered once, to the address it came from. UDP may bring a request twice:
a second one with the same id does nothing again, it only gets the same answer again.
"""

from __future__ import annotations

import collections
import contextlib
import socket
import time
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from . import osc

PREFIX = "/upbeat/live/"
MESSAGES_PER_TICK = 16
TICK_S = 0.005  # after this much of a tick the rest waits for the next one
_JOBS_MAX, _ANSWERS_KEPT = 32, 512
_DATAGRAM_BYTES_MAX = 65_535
_RECEIVE_BUFFER_BYTES = 2**18

if TYPE_CHECKING:  # Live 11's Python cannot subscript these
    # What a request does: at once, giving its answer; or over several ticks, each `yield` being one.
    Deed = Callable[..., Any]


class RefusedError(Exception):
    """A request cannot be done; the text is the sentence. `kind`: "no", or "taken" where something lies already."""

    def __init__(self, sentence: str, kind: str = "no") -> None:
        super().__init__(sentence)
        self.kind = kind


class Server:
    """One UDP socket on this machine, and the requests under way."""

    def __init__(self, port: int, deeds: Mapping[str, tuple[str, Deed]]) -> None:
        """`deeds`: by their name the types of their arguments (s, i or d) and what to do. Raises `OSError`."""
        self._deeds = deeds
        self._jobs: dict[str, tuple[Any, Generator[None, None, tuple[Any, ...]]]] = {}
        self._answers: collections.OrderedDict[str, bytes] = collections.OrderedDict()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # without it Windows lets a second program take the port along
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
            self._socket.bind(("127.0.0.1", port))
            self._socket.setblocking(False)
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Give the port back; what is under way is dropped."""
        self._socket.close()
        self._jobs.clear()

    def tick(self) -> int:
        """Go on with what is under way and take up what has come in; how many messages were read."""
        until = time.perf_counter() + TICK_S
        for request_id, (sender, job) in list(self._jobs.items()):
            self._go_on(request_id, sender, job)
        for count in range(MESSAGES_PER_TICK):
            if time.perf_counter() >= until:
                return count
            try:
                packet, sender = self._socket.recvfrom(_DATAGRAM_BYTES_MAX)
            except (BlockingIOError, InterruptedError):
                return count
            except ConnectionResetError:  # Windows reports here that an earlier answer found nobody
                continue
            self._take(packet, sender)
        return MESSAGES_PER_TICK

    def _take(self, packet: bytes, sender: Any) -> None:
        try:
            address, args = osc.read(packet)
        except osc.OscError:
            return  # whoever sent this does not speak to us
        if not address.startswith(PREFIX) or not args or not isinstance(args[0], str):
            return
        request_id, verb = args[0], address[len(PREFIX) :]
        if request_id in self._answers:
            self._send(self._answers[request_id], sender)
        elif request_id in self._jobs:
            self._send(osc.write(PREFIX + "working", request_id), sender)
        else:
            self._begin(request_id, verb, args[1:], sender)

    def _begin(self, request_id: str, verb: str, args: tuple[Any, ...], sender: Any) -> None:
        try:
            if verb not in self._deeds:
                raise RefusedError(f"the script in Live does not know {verb[:40]!r}; install it anew and restart Live")
            if len(self._jobs) >= _JOBS_MAX:
                raise RefusedError(f"{_JOBS_MAX} clips are on their way into Live already; send fewer at once")
            types, deed = self._deeds[verb]
            done = deed(*_fitting(verb, types, args))
        except Exception as error:
            self._answer(request_id, sender, _refusal(request_id, error))
            return
        if isinstance(done, tuple):
            self._answer(request_id, sender, osc.write(PREFIX + "ok", request_id, *done))
        else:
            self._go_on(request_id, sender, done)

    def _go_on(self, request_id: str, sender: Any, job: Generator[None, None, tuple[Any, ...]]) -> None:
        try:
            next(job)
        except StopIteration as done:
            self._answer(request_id, sender, osc.write(PREFIX + "ok", request_id, *done.value))
        except Exception as error:  # whatever Live raises is an answer, and never stops the timer
            self._answer(request_id, sender, _refusal(request_id, error))
        else:
            self._jobs[request_id] = (sender, job)

    def _answer(self, request_id: str, sender: Any, packet: bytes) -> None:
        self._jobs.pop(request_id, None)
        self._answers[request_id] = packet
        while len(self._answers) > _ANSWERS_KEPT:
            self._answers.popitem(last=False)
        self._send(packet, sender)

    def _send(self, packet: bytes, sender: Any) -> None:
        with contextlib.suppress(OSError):  # an answer that cannot leave is asked for again
            self._socket.sendto(packet, sender)


def _fitting(verb: str, types: str, args: tuple[Any, ...]) -> list[Any]:
    wanted: dict[str, Any] = {"s": str, "i": int, "d": (int, float)}
    if len(args) != len(types) or not all(isinstance(arg, wanted[tag]) for arg, tag in zip(args, types)):  # noqa: B905
        raise RefusedError(f"{verb} does not fit what the script in Live knows; install it anew and restart Live")
    return [float(arg) if tag == "d" else arg for arg, tag in zip(args, types)]  # noqa: B905 (Live 11 has no strict=)


def _refusal(request_id: str, error: Exception) -> bytes:
    if isinstance(error, RefusedError):
        kind, sentence = error.kind, str(error)
    else:
        kind, sentence = "no", f"Live refused: {str(error) or type(error).__name__}"
    return osc.write(PREFIX + "failed", request_id, kind, sentence[:1000])
