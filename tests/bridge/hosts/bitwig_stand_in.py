"""A stand-in for Bitwig with DrivenByMoss, over real UDP: no Bitwig was at hand.

It keeps to what the extension's manual and its users' threads tell, and is strict where an adapter is easily wrong: it
shows a window of tracks and counts from 1 inside it; tells only what has changed, or everything after /refresh, in
bundles of at most 100 messages between /update 1 and /update 0, and never in the same moment as it was asked;
insertFile replaces what a slot holds, and is silent about a group track and about a file that is not there.
"""

import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pythonosc import osc_bundle_builder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

BUNDLE_MESSAGES = 100
TICK_S = 0.005


def free_port() -> int:
    """A UDP port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Slot:
    name: str = ""
    path: str = ""
    full: bool = False
    playing: bool = False
    queued: bool = False
    launched_by: str = ""  # the default launch quantisation in that moment


@dataclass
class Track:
    name: str
    kind: str = "audio"
    slots: list[Slot] = field(default_factory=lambda: [Slot() for _ in range(16)])


class BitwigStandIn:
    """Run as a context: `with BitwigStandIn("Drums") as bitwig:`. What it could not follow is in `complaints`."""

    def __init__(self, *names: str, size: int = 8, scenes: int = 12, whole_last_page: bool = True) -> None:
        self.tracks = [Track(name) for name in names]
        self.size = size
        self.scenes = scenes
        self.start = 0
        self.whole_last_page = whole_last_page  # whether the window stops where it is still full, or goes on by pages
        self.tempo = 120.0
        self.playing = False
        self.position = "1.01.01:00"
        self.signature = "4 / 4"
        self.grid = "1"
        self.effects = False
        self.undone = 0
        self.heard: list[str] = []
        self.complaints: list[str] = []
        self.silent = False
        self._lock = threading.RLock()
        self._told: dict[str, str | int | float] = {}
        self._dump = False
        self._ends = threading.Event()
        self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ear.bind(("127.0.0.1", 0))
        self._ear.settimeout(TICK_S)
        self.port: int = self._ear.getsockname()[1]
        self.feedback_port = free_port()  # told beforehand, as in the extension's settings
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.quit()

    def quit(self) -> None:
        """As if Bitwig were closed."""
        self._ends.set()
        self._thread.join(5)
        self._ear.close()

    def track(self, name: str) -> Track:
        return next(track for track in self.tracks if track.name == name)

    def slot(self, name: str, number: int) -> Slot:
        return self.track(name).slots[number - 1]

    def bar_line(self) -> None:
        """Playback crosses the next line of the launch quantisation."""
        with self._lock:
            for track in self.tracks:
                if any(slot.queued for slot in track.slots):
                    for slot in track.slots:
                        slot.playing, slot.queued = slot.queued, False

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                datagram, _ = self._ear.recvfrom(65_535)
            except TimeoutError:
                self._flush()  # a little later than what changed it, as in Bitwig
                continue
            if self.silent:
                continue
            with self._lock:
                for timed in OscPacket(datagram).messages:
                    self._obey(timed.message.address, list(timed.message.params))

    def _obey(self, address: str, values: list[object]) -> None:
        self.heard.append(address)
        parts = address.split("/")[1:]
        match parts:
            case ["refresh"]:
                self._dump = True
            case ["undo"]:
                self.undone += 1
            case ["launcher", "defaultQuantization"]:
                if values[0] not in ("none", "1", "2", "4", "8", "1/2", "1/4", "1/8", "1/16"):
                    self.complaints.append(f"Illegal parameter: {address} {values}")
                self.grid = str(values[0])
            case ["track", "bank", "+" | "-" as way]:
                self._scroll(1 if way == "+" else -1)
            case ["track", "bank", "page", "+" | "-" as way]:
                self._scroll(self.size if way == "+" else -self.size)
            case ["track", number, "clip", "stop"] if number.isdigit():
                for slot in self._shown(int(number)).slots:
                    slot.playing = slot.queued = False
            case ["track", number, "clip", which, deed] if number.isdigit() and which.isdigit():
                if not 1 <= int(which) <= self.size:
                    self.complaints.append(f"{address}: the window shows {self.size} slots")
                else:
                    self._with_slot(self._shown(int(number)), int(which), deed, values, address)
            case _:
                self.complaints.append(f"Unknown OSC command: {address}")

    def _shown(self, index: int) -> Track:
        place = self.start + index - 1
        if not 1 <= index <= self.size or place >= len(self.tracks):
            self.complaints.append(f"track {index} is not in the window")
            return Track("nowhere")
        return self.tracks[place]

    def _scroll(self, by: int) -> None:
        furthest = len(self.tracks) - (self.size if self.whole_last_page else 1)
        if not self.whole_last_page and self.start + by >= len(self.tracks):
            return
        self.start = max(0, min(self.start + by, furthest))

    def _with_slot(self, track: Track, which: int, deed: str, values: list[object], address: str) -> None:
        slot = track.slots[which - 1]
        match deed, values:
            case "insertFile", [str(path)]:
                if track.kind == "audio" and Path(path).is_file():  # else: silence
                    track.slots[which - 1] = Slot(name=Path(path).stem, path=path, full=True)
            case "launch", [int() | float() as pressed]:
                if pressed and slot.full:
                    slot.queued, slot.launched_by = True, self.grid
            case "remove", []:
                track.slots[which - 1] = Slot()
            case _:
                self.complaints.append(f"Illegal parameter: {address} {values}")

    def _state(self) -> dict[str, str | int | float]:
        told: dict[str, str | int | float] = {
            "/play": int(self.playing),
            "/tempo/raw": self.tempo,
            "/time/signature": self.signature,
            "/beat/str": self.position,
            "/launcher/defaultQuantization": self.grid,
        }
        for index in range(1, self.size + 1):
            place = self.start + index - 1
            exists = place < len(self.tracks) and not self.effects
            track = self.tracks[place] if exists else Track("", kind="unknown")
            told[f"/track/{index}/exists"] = int(exists)
            told[f"/track/{index}/name"] = track.name.replace("ä", "ae")  # as it writes umlauts
            told[f"/track/{index}/type"] = track.kind
            told[f"/track/{index}/canHoldAudioData"] = int(track.kind == "audio")
            told[f"/track/{index}/position"] = place if exists else -1
            for which, slot in enumerate(track.slots[: self.size], start=1):
                clip = f"/track/{index}/clip/{which}"
                told[f"{clip}/name"] = slot.name
                told[f"{clip}/hasContent"] = int(slot.full)
                told[f"{clip}/isPlaying"] = int(slot.playing)
                told[f"{clip}/isPlayingQueued"] = int(slot.queued)
                told[f"{clip}/isRecording"] = 0
        told["/track/toggleBank"] = int(self.effects)
        for which in range(1, self.size + 1):
            told[f"/scene/{which}/exists"] = int(which <= self.scenes)
        return told

    def _flush(self) -> None:
        if self.silent:
            return
        with self._lock:
            now = self._state()
            news = [
                (address, value) for address, value in now.items() if self._dump or self._told.get(address) != value
            ]
            self._told, self._dump = now, False
        if news:
            self._send([("/update", 1), *news, ("/update", 0)])

    def _send(self, news: list[tuple[str, str | int | float]]) -> None:
        for first in range(0, len(news), BUNDLE_MESSAGES):
            bundle = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
            for address, value in news[first : first + BUNDLE_MESSAGES]:
                message = OscMessageBuilder(address=address)
                message.add_arg(value)
                bundle.add_content(message.build())
            self._ear.sendto(bundle.build().dgram, ("127.0.0.1", self.feedback_port))
