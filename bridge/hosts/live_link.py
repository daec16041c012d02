"""Asking our own script inside Live, over UDP: every request has an id, is repeated until answered, and has a bound."""

import contextlib
import socket
import time
import uuid
from typing import Any

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.hosts.base import ANSWER_WITHIN_S, HostError, HostLost, SlotTaken
from bridge.hosts.live_script import server

_AGAIN_S = 0.25  # Live's slower timer comes every 0.1 s
_IN_ALL_S = 10.0  # Live may work on a long file for a while, but says so each time it is asked
_DATAGRAM_BYTES_MAX = 65_535


class LiveLink:
    """One socket of ours, and Live's port on this machine. For one thread."""

    def __init__(self, port: int) -> None:
        """`port`: the one that the script in Live has."""
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def ask(self, verb: str, *args: str | int | float, within_s: float = ANSWER_WITHIN_S) -> tuple[Any, ...]:
        """What the script answers. Raises `HostLost` after `within_s` of silence, `SlotTaken` and `HostError`."""
        request_id = uuid.uuid4().hex
        packet = _message(verb, request_id, args)
        started_s = now_s = time.monotonic()
        silent_since_s = started_s
        while now_s < min(silent_since_s + within_s, started_s + max(_IN_ALL_S, within_s)):
            with contextlib.suppress(OSError):  # nobody has the port; perhaps Live opens another set just now
                self._socket.sendto(packet, self._to)
            answer = self._answer(request_id, until_s=min(now_s + _AGAIN_S, silent_since_s + within_s))
            now_s = time.monotonic()
            if answer is None:
                continue
            word, values = answer
            if word == "ok":
                return values
            if word == "failed":
                raise _error(values)
            silent_since_s = now_s
        raise HostLost(
            f"Live does not answer on UDP port {self._to[1]}; start it, and choose Upbeat as a control surface in its "
            'Settings, "Link, Tempo & MIDI" (`upbeat hosts install live` puts it there)'
        )

    def _answer(self, request_id: str, *, until_s: float) -> tuple[str, tuple[Any, ...]] | None:
        heard: tuple[str, tuple[Any, ...]] | None = None
        while (left_s := until_s - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                packet, sender = self._socket.recvfrom(_DATAGRAM_BYTES_MAX)
            except TimeoutError:
                break
            except OSError:  # Windows says here that nobody has the port
                time.sleep(min(0.02, left_s))
                continue
            word, about, values = _read(packet)
            if sender == self._to and about == request_id:
                heard = word, values
                if word != "working":
                    break
        return heard


def _message(verb: str, request_id: str, args: tuple[str | int | float, ...]) -> bytes:
    builder = OscMessageBuilder(server.PREFIX + verb)
    builder.add_arg(request_id, "s")
    for arg in args:
        builder.add_arg(arg, "s" if isinstance(arg, str) else "i" if isinstance(arg, int) else "d")
    return bytes(builder.build().dgram)


def _error(values: tuple[Any, ...]) -> HostError:
    kind, sentence = (*values, "no", "Live refused, and did not say why")[:2]
    return SlotTaken(sentence) if kind == "taken" else HostError(str(sentence))


def _read(packet: bytes) -> tuple[str, str, tuple[Any, ...]]:
    """The word, the request it is about, and what follows; three empty ones for what is no answer."""
    try:
        message = OscMessage(packet)
    except ParseError:
        return "", "", ()
    if not message.address.startswith(server.PREFIX) or not message.params:
        return "", "", ()
    return message.address.removeprefix(server.PREFIX), str(message.params[0]), tuple(message.params[1:])
