"""Between the player, which never waits, and a host, which may: what lands on a track of ours goes to one of its own.

A thread of the desk's own talks to the host, one job after the other, looks for it while it is away, and notices when
it goes. What goes into slots is `launching.py`'s, what is printed `printing.py`'s.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bridge.elsewhere import Answer, Landing
from bridge.hosts.base import Host, HostClip, HostError, HostLost, Placement
from bridge.hosts.clip_file import host_clip, in_steps
from bridge.hosts.launching import Launching
from bridge.hosts.printing import Printing
from bridge.set_words import TrackSpec
from bridge.tracks.sound import Sound
from osc_schemas.codec import Value
from osc_schemas.cue import Cue

CONNECT_AGAIN_S = (1.0, 2.0, 5.0)
LOOK_EVERY_S = 2.0  # a host that has quit is noticed by then
JOBS_MAX = 256
WAIT_S = 0.1  # for a job
TOLD_AGAIN_S = 10.0
CLOSE_WITHIN_S = 3.0

log = logging.getLogger(__name__)


class Tell(Protocol):
    """Sends an event to all who subscribed; on the player's thread."""

    def __call__(self, address: str, **values: Value) -> None:
        """`values` by argument name of the route at `address`."""


class Refuse(Protocol):
    """Lets everybody know that something was not done; on the player's thread."""

    def __call__(self, what: str, sentence: str) -> None:
        """`what` names the cue."""


@dataclass(frozen=True, slots=True)
class Now:
    """Where our music is: read on the player's thread, used on the desk's."""

    beat: float = 0.0
    at_s: float = 0.0
    tempo_bpm: float = 120.0
    playing: bool = False
    is_placed: bool = False  # by a clock that says where the music is, so that the host's beat is ours
    bar_beat: float = 0.0  # the first beat of some bar of the host, in our count

    def beat_at(self, now_s: float) -> float:
        """Our beat at another time."""
        return self.beat + (now_s - self.at_s) * self.tempo_bpm / 60 if self.playing else self.beat


class HostDesk:
    """An `Elsewhere`: the tracks of a set that name a track of the host. Closed with `close`."""

    def __init__(
        self,
        host: Host,
        tracks: Mapping[str, TrackSpec],
        cues: Mapping[str, Cue],
        *,
        beats_per_bar: float,
        folder: Path,
        now: Callable[[int], Now],
        tell: Tell,
        refuse: Refuse,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tracks` and `cues`: those of the set by name. `folder`: where the clips' files are kept.

        `now` reads the transport.
        """
        self.host, self.now_s, self.now = host, now_s, Now()
        self.tracks = {name: spec for name, spec in tracks.items() if spec.host_track}
        self.connected = False
        self._cues, self._folder, self._beats_per_bar = cues, folder, beats_per_bar
        self._read_now, self._tell, self._refuse = now, tell, refuse
        self._launching = Launching(self, beats_per_bar=beats_per_bar)
        self._printing = Printing(self, beats_per_bar=beats_per_bar)
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue(maxsize=JOBS_MAX)
        self._reports: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._told_s: dict[str, float] = {}
        self._tries, self._look_again_s = 0, 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"host {host.name}", daemon=True)

    def start(self) -> None:
        """Begin to look for the host."""
        self._thread.start()

    def close(self) -> None:
        """Let go of the host; what was placed stays there. Bounded."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=CLOSE_WITHIN_S)
        self.host.close()

    # On the player's thread ------------------------------------------------------------------------------------------

    def offer(self, landing: Landing) -> None:
        """Have it put into a slot of its host track, if it goes into one."""
        if self._place_of(landing.cue.track) == "slot":
            self._launching.offer(landing)

    def answer(self, landing_id: str) -> Answer:
        """Sure once the host has confirmed that it will launch."""
        return self._launching.answer(landing_id)

    def withdraw(self, landing_id: str) -> None:
        """Have the host not launch it, unless it is to be heard in both places."""
        self._launching.withdraw(landing_id)

    def sounded(self, landing: Landing) -> None:
        """It sounds here: print it, if its track is printed."""
        track = landing.cue.track
        if self._place_of(track) == "arrangement":
            self._printing.sounded(landing)
        elif landing.cue.loop and self._place_of(track) == "slot" and self.tracks[track].heard_where == "host":
            self._launching.took_over_here(track)

    def bent(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """A loop that is printed goes on in the new sound; what lies in slots stays as it was launched."""
        self._printing.bent(track, old, new, at_frame=at_frame)

    def stop(self, track: str, *, fade_s: float) -> None:
        """Have the host stop the track, by its own quantisation, and print nothing more of it."""
        self._printing.stop(track)
        if self._place_of(track) == "slot":
            self._launching.stop(track)

    def tick(self, now_frame: int) -> None:
        """Do what is due, and say what the host answered."""
        self.now = self._read_now(now_frame)
        self._launching.tick(now_frame)
        self._printing.tick(now_frame)
        with contextlib.suppress(queue.Empty):
            while True:
                self._reports.get_nowait()()

    def enqueue(self, job: Callable[[], None], *, about: str = "", failed: Callable[[], None] = lambda: None) -> None:
        """Have the desk's thread do `job`; what it raises is told of the cue `about`, after `failed` was called."""

        def done() -> None:
            try:
                job()
            except HostError as error:
                if isinstance(error, HostLost):
                    raise
                failed()
                sentence = str(error)
                self.report(lambda: self.say(about or self.host.name, sentence))

        try:
            self._jobs.put_nowait(done)
        except queue.Full:
            failed()
            self.say(self.host.name, f"{self.host.name} is too slow: {JOBS_MAX} deeds wait for it; some are left out")

    def say(self, what: str, sentence: str) -> None:
        """Let everybody know, the same sentence once in a while."""
        now_s = self.now_s()
        if now_s - self._told_s.get(sentence, -TOLD_AGAIN_S) >= TOLD_AGAIN_S:
            self._told_s = {text: at_s for text, at_s in self._told_s.items() if now_s - at_s < TOLD_AGAIN_S}
            self._told_s[sentence] = now_s
            self._refuse(what, sentence)

    def _place_of(self, track: str) -> str:
        return self.tracks[track].host_place if track in self.tracks else ""

    # On the desk's own thread ----------------------------------------------------------------------------------------

    def report(self, news: Callable[[], None]) -> None:
        """Have the player's thread do that at its next tick."""
        self._reports.put(news)

    def clip(self, landing: Landing, *, quantum_beats: float) -> HostClip:
        """The file of a landing's sound. Raises `HostError` if it cannot be written."""
        cue = landing.cue
        accent_db = cue.gain_db - self._cues.get(cue.name, cue).gain_db
        return host_clip(
            in_steps(landing.sound, accent_db=accent_db),
            cue,
            folder=self._folder,
            quantum_beats=quantum_beats,
            beats_per_bar=self._beats_per_bar,
        )

    def tell_placed(self, landing: Landing, placement: Placement, beat: float) -> None:
        """Say where in the host it lies, at which beat of the host."""
        self.report(
            lambda: self._tell(
                "/host/placed",
                take_id=landing.sound.take_id,
                cue=landing.cue.name,
                track=landing.cue.track,
                host_track=placement.track,
                slot=placement.slot,
                beat=beat,
            )
        )

    def _live(self) -> None:
        while not self._closing.is_set():
            try:
                if not self.work(wait_s=WAIT_S):
                    self._closing.wait(CONNECT_AGAIN_S[min(self._tries, len(CONNECT_AGAIN_S)) - 1])
            except Exception:  # a mistake of ours must not end the set's way to its host
                log.exception("the desk stumbled, and goes on")

    def work(self, *, wait_s: float = 0.0) -> bool:
        """Do one job, or find the host. False if the host is not there."""
        if not self.connected:
            self._drop_jobs()
            if not self._connect():
                return False
        try:
            job = self._jobs.get(timeout=wait_s) if wait_s else self._jobs.get_nowait()
        except queue.Empty:
            if self.now_s() < self._look_again_s:
                return True
            self._look_again_s, job = self.now_s() + LOOK_EVERY_S, self._look
        try:
            job()
        except HostLost as error:
            self._lost(str(error))
        except HostError as error:  # of a look
            log.warning("%s", error)
        return self.connected

    def _connect(self) -> bool:
        try:
            found = self.host.connect()
        except HostError as error:
            if not self._tries:
                self._state("connecting", f"{error}; until then all is heard from Upbeat")
            self._tries += 1
            return False
        self.connected, self._tries, self._look_again_s = True, 0, self.now_s() + LOOK_EVERY_S
        self._state("connected", found)
        if self._printing.waits:
            self.enqueue(self._printing.print_all)
        return True

    def _look(self) -> None:
        if "tempo" in self.host.abilities:
            self.host.time()
        else:
            self.host.tracks()

    def _lost(self, why: str) -> None:
        self.connected, self._tries = False, 1  # it is known to be away
        self._launching.lost()
        self._state("lost", f"{why}; what lands from now on is heard from Upbeat")

    def _drop_jobs(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()

    def _state(self, state: str, sentence: str) -> None:
        self.report(lambda: self._tell("/host/state", host=self.host.name, state=state, sentence=sentence))
