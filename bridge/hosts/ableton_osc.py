"""AbletonOSC, a remote script that many have in Live already: tempo, transport, names, and launching what is there.

It answers whoever asked, but always to port 11001, so one program of a machine must own that port: here it is us, and
what comes in is fanned out. Live reads what we send about every 100 ms, so what belongs together is asked in one go.
Source: AbletonOSC's own code and README, as PROTOCOLS.md sums them up.
"""

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from pythonosc.osc_bundle import OscBundle, ParseError
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as MessageParseError
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.hosts.base import ANSWER_WITHIN_S, HostError, HostLost

PORT, REPLY_PORT = 11_000, 11_001
_AGAIN_S = 0.5  # five of Live's ticks: a query that is not answered by then is asked once more
_WAKE_S = 0.5
_DATAGRAM_BYTES_MAX = 65_535

Values = tuple[Any, ...]
OnHeard = Callable[[str, Values], None]


class _Asked:
    """A query on its way: answered by the same address with the same indices first."""

    def __init__(self, address: str, indices: tuple[int, ...]) -> None:
        self.address, self.indices = address, indices
        self.values: Values | None = None
        self.error = ""

    @property
    def done(self) -> bool:
        return self.values is not None or bool(self.error)

    def fits(self, address: str, values: Values) -> bool:
        return not self.done and address == self.address and values[: len(self.indices)] == self.indices


class AbletonOsc:
    """The owner of the port that AbletonOSC answers to. Every method may be called from any thread."""

    def __init__(self, *, port: int = PORT, reply_port: int = REPLY_PORT) -> None:
        """Take the port of the answers. Raises `HostError` when another program has it."""
        self._to = ("127.0.0.1", port)
        self._asked: list[_Asked] = []
        self._listeners: dict[str, list[OnHeard]] = {}
        self._heard = threading.Condition()
        self._closing = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # without it Windows lets a second program take the port along
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            self._socket.bind(("127.0.0.1", reply_port))
        except OSError as error:
            self._socket.close()
            taken = error.errno in (errno.EADDRINUSE, errno.EACCES)
            why = "another program has it" if taken else str(error)
            raise HostError(
                f"UDP port {reply_port}, the only one that AbletonOSC answers to, is not to be had ({why}); close the "
                "other OSC client of Live, or use our own script, which needs no such port: "
                "`upbeat hosts install live`"
            ) from error
        self.reply_port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, name="ableton-osc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the port back, within half a second."""
        with self._heard:
            self._closing = True
            self._heard.notify_all()
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", ("127.0.0.1", self.reply_port))  # wakes the thread
        self._thread.join(2 * _WAKE_S)
        self._socket.close()

    def listen(self, address: str, on_heard: OnHeard) -> Callable[[], None]:
        """Hear whatever comes in at an address, beside all others that do; gives what ends it.

        `on_heard` is called on the reading thread and returns at once. To make Live speak, send its `start_listen`.
        """
        with self._heard:
            self._listeners.setdefault(address, []).append(on_heard)

        def forget() -> None:
            with self._heard, contextlib.suppress(ValueError):
                self._listeners[address].remove(on_heard)

        return forget

    def ask(self, address: str, *indices: int, within_s: float = ANSWER_WITHIN_S) -> Values:
        """What Live answers after the indices. Raises `HostLost` when it does not, `HostError` when it refuses."""
        return self.ask_all([(address, indices)], within_s=within_s)[0]

    def ask_all(
        self, queries: Sequence[tuple[str, tuple[int, ...]]], *, within_s: float = ANSWER_WITHIN_S
    ) -> list[Values]:
        """The answers to several queries, which Live reads in one tick."""
        asked = [_Asked(address, indices) for address, indices in queries]
        until_s = time.monotonic() + within_s
        with self._heard:
            self._asked += asked
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                for query in asked:
                    if not query.done:
                        self.send(query.address, *query.indices)
                with self._heard:
                    if self._heard.wait_for(lambda: self._settled(asked), min(_AGAIN_S, left_s)):
                        break
        finally:
            with self._heard:
                self._asked = [query for query in self._asked if query not in asked]
        return [self._values_of(query) for query in asked]

    def tell(self, address: str, *args: Any, within_s: float = ANSWER_WITHIN_S) -> None:
        """Do something in Live that has no answer. Raises `HostError` with what Live says against it, and `HostLost`.

        A test message goes behind: when Live answers that, it has read what stood before. It is sent once, for twice
        would do it twice.
        """
        test = _Asked("/live/test", ())
        until_s = time.monotonic() + within_s
        with self._heard:
            self._asked.append(test)
        try:
            self.send(address, *args)
            while (left_s := until_s - time.monotonic()) > 0:
                self.send(test.address)
                with self._heard:
                    if self._heard.wait_for(lambda: self._settled([test]), min(_AGAIN_S, left_s)):
                        break
        finally:
            with self._heard:
                self._asked.remove(test)
        self._values_of(test, told=address)

    def send(self, address: str, *args: Any) -> None:
        """Send a message, and wait for nothing."""
        builder = OscMessageBuilder(address)
        for arg in args:
            builder.add_arg(arg)
        with contextlib.suppress(OSError):  # nobody has the port: then nobody answers either
            self._socket.sendto(builder.build().dgram, self._to)

    def test(self, *, within_s: float = ANSWER_WITHIN_S) -> None:
        """Whether it is there. Raises `HostLost`."""
        self.ask("/live/test", within_s=within_s)

    def version(self) -> str:
        """Live's version, as far as AbletonOSC tells: "12.1"."""
        return ".".join(str(part) for part in self.ask("/live/application/get/version"))

    def time(self) -> tuple[float, float, bool]:
        """Beat, tempo, and whether it plays; all of one tick of Live."""
        beat, tempo_bpm, playing = self.ask_all(
            [
                ("/live/song/get/current_song_time", ()),
                ("/live/song/get/tempo", ()),
                ("/live/song/get/is_playing", ()),
            ]
        )
        return float(beat[0]), float(tempo_bpm[0]), bool(playing[0])

    def set_tempo(self, tempo_bpm: float) -> None:
        """Set Live's tempo."""
        self.tell("/live/song/set/tempo", float(tempo_bpm))

    def play(self) -> None:
        """Start Live's transport."""
        self.tell("/live/song/start_playing")

    def halt(self) -> None:
        """Stop Live's transport."""
        self.tell("/live/song/stop_playing")

    def track_names(self) -> list[str]:
        """The names of all tracks, in Live's order."""
        return [str(name) for name in self.ask("/live/song/get/track_names")]

    def takes_audio(self, track: int) -> bool:
        """Whether a track, counted from 0, has audio coming in; groups say so too."""
        return bool(self.ask("/live/track/get/has_audio_input", track)[0])

    def has_clip(self, track: int, slot: int) -> bool:
        """Whether a slot holds a clip; both are counted from 0."""
        return bool(self.ask("/live/clip_slot/get/has_clip", track, slot)[0])

    def fire(self, track: int, slot: int) -> None:
        """Launch a slot by its own quantisation; both are counted from 0."""
        self.tell("/live/clip_slot/fire", track, slot)

    def stop_track(self, track: int) -> None:
        """Stop what the slots of a track, counted from 0, play."""
        self.tell("/live/track/stop_all_clips", track)

    @staticmethod
    def _settled(asked: Sequence[_Asked]) -> bool:
        return all(query.done for query in asked)

    def _values_of(self, query: _Asked, *, told: str = "") -> Values:
        if query.values is not None:
            return query.values[len(query.indices) :]
        if query.error:
            raise HostError(f"Live refused {told or query.address}: {query.error}")
        raise HostLost(
            f"AbletonOSC in Live does not answer on UDP port {self._to[1]}; start Live, and choose AbletonOSC as a "
            'control surface in its Settings, "Link, Tempo & MIDI"'
        )

    def _listen(self) -> None:
        while not self._closing:
            try:
                packet = self._socket.recv(_DATAGRAM_BYTES_MAX)
            except ConnectionResetError:  # Windows reports here that nobody has Live's port
                continue
            except OSError:
                return
            for message in _messages(packet):
                self._take(message.address, tuple(message.params))

    def _take(self, address: str, values: Values) -> None:
        with self._heard:
            if address == "/live/error":
                # It names no query. Live reads in order, so it is about the oldest that is open.
                first = next((query for query in self._asked if not query.done), None)
                if first is not None:
                    first.error = str(values[0]) if values else "it does not say why"
            for query in self._asked:
                if query.fits(address, values):
                    query.values = values
            listeners = list(self._listeners.get(address, ()))
            self._heard.notify_all()
        for on_heard in listeners:
            with contextlib.suppress(Exception):  # one listener's fault is no other's
                on_heard(address, values)


def _messages(packet: bytes) -> list[OscMessage]:
    try:
        if not OscBundle.dgram_is_bundle(packet):
            return [OscMessage(packet)] if packet else []
        return [part for part in OscBundle(packet) if isinstance(part, OscMessage)]
    except (ParseError, MessageParseError):
        return []
