"""A stand-in for AbletonOSC inside the stand-in for Live: NOT AbletonOSC, but what it does on the wire.

It answers to one port of the machine that asked, whichever port asked; reads at Live's ticks only; unpacks bundles and
ignores their times; says an error without saying of what; and after one leaves the rest for the next tick.
"""

import socket
from collections.abc import Callable
from typing import Any

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.bridge.hosts.live_stand_in import LiveStandIn


class AbletonOscStandIn:
    """Polled by a Live at each of its ticks. `reply_port` stands for 11001."""

    def __init__(self, live: LiveStandIn, *, reply_port: int) -> None:
        self._live, self._client = live, ("127.0.0.1", reply_port)
        self._reply_port = reply_port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.heard: list[str] = []
        self._listening: list[tuple[str, Callable[[], Any]]] = []
        song = live.song
        self._handlers: dict[str, Callable[..., Any]] = {
            "/live/test": lambda: self._send("/live/test", "ok"),
            "/live/application/get/version": lambda: live.version[:2],
            "/live/song/get/tempo": lambda: (song.tempo,),
            "/live/song/set/tempo": self._set_tempo,
            "/live/song/get/current_song_time": lambda: (song.current_song_time,),
            "/live/song/get/is_playing": lambda: (song.is_playing,),
            "/live/song/start_playing": lambda: setattr(song, "is_playing", True),
            "/live/song/stop_playing": lambda: setattr(song, "is_playing", False),
            "/live/song/get/track_names": lambda: tuple(track.name for track in song.tracks),
            "/live/song/start_listen/tempo": self._listen_to_tempo,
            "/live/track/get/has_audio_input": lambda t: (int(t), song.tracks[int(t)].has_audio_input),
            "/live/track/stop_all_clips": lambda t: song.tracks[int(t)].stop_all_clips(),
            "/live/clip_slot/get/has_clip": lambda t, s: (t, s, song.tracks[int(t)].clip_slots[int(s)].has_clip),
            "/live/clip_slot/fire": lambda t, s: song.tracks[int(t)].clip_slots[int(s)].fire(),
        }
        live.polled.append(self.poll)

    def close(self) -> None:
        """Give the port back."""
        self._live.polled.remove(self.poll)
        self._socket.close()

    def poll(self) -> None:
        """What AbletonOSC does at a tick."""
        try:
            while True:
                packet, sender = self._socket.recvfrom(65_536)
                self._client = (sender[0], self._reply_port)
                for message in self._messages(packet):
                    self._handle(message)
        except BlockingIOError:
            return
        except Exception as error:  # ends the loop; what waits is read at the next tick
            self._send("/live/error", f"Error handling message: {error}")

    def _messages(self, packet: bytes) -> list[OscMessage]:
        return list(OscBundle(packet)) if OscBundle.dgram_is_bundle(packet) else [OscMessage(packet)]

    def _handle(self, message: OscMessage) -> None:
        self.heard.append(message.address)
        if message.address not in self._handlers:
            self._send("/live/error", f"Unknown OSC address: {message.address}")
            return
        answer = self._handlers[message.address](*message.params)
        if isinstance(answer, tuple):
            self._send(message.address, *answer)

    def _send(self, address: str, *values: Any) -> None:
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        self._socket.sendto(builder.build().dgram, self._client)

    def _set_tempo(self, tempo_bpm: float) -> None:
        self._live.song.tempo = tempo_bpm
        for address, read in self._listening:
            self._send(address, *read())

    def _listen_to_tempo(self) -> None:
        read = self._handlers["/live/song/get/tempo"]
        self._listening.append(("/live/song/get/tempo", read))
        self._send("/live/song/get/tempo", *read())
