"""Between the player, which never waits, and a host, which may: what lands on a track of ours goes to one of its own.

A thread of the desk's own talks to the host, one job after the other. What goes into slots is put there as soon as its
sound is known, and launched within the last stretch of the host's grid before its beat, so that the host's own
quantisation has it land there. Whether it will is known before the player has to decide: what the host has not
confirmed by then sounds in our own output. What goes on the arrangement is printed behind the playhead, once it has
been heard here.
"""

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from bridge.elsewhere import Answer, Landing
from bridge.hosts.base import Host, HostError, HostLost, Placement, SlotTaken
from bridge.hosts.clip_file import host_clip
from bridge.hosts.slots import TrackSlots, launch_quantum_beats
from bridge.set_words import TrackSpec
from bridge.tracks.sound import Sound
from osc_schemas.codec import Value

CONNECT_AGAIN_S = (1.0, 2.0, 5.0)
LOOK_EVERY_S = 2.0  # a host that has quit is noticed by then
LAUNCH_MARGIN_S = 0.03  # after a line of the grid, so that the host has passed it too
LAUNCH_AT_LEAST_S = 0.2  # before the beat: Live looks at its messages every 0.1 s
REMOVED_AFTER_S = 1.0  # what was replaced is taken away when its successor has sounded for so long
JOBS_MAX, PRINTS_KEPT_MAX, ASKED_MAX = 256, 1_024, 1_024
TOLD_AGAIN_S = 10.0
WAIT_S = 0.1  # for a job
PLACE_AGAIN_S = 0.1  # when all slots of a track are in use
CLOSE_WITHIN_S = 3.0

log = logging.getLogger(__name__)

# waiting: for the host or a free slot; placing; placed: in its slot; launching; launched: it will be heard; failed.
Stage = Literal["waiting", "placing", "placed", "launching", "launched", "failed"]
BEFORE_LAUNCH = ("waiting", "placing", "placed")


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

    def beat_at(self, now_s: float) -> float:
        """Our beat at another time."""
        return self.beat + (now_s - self.at_s) * self.tempo_bpm / 60 if self.playing else self.beat


@dataclass(slots=True)
class _Asked:
    landing: Landing
    quantum_beats: float
    stage: Stage = "waiting"
    placement: Placement | None = None
    again_s: float = 0.0  # not before is it tried
    why: str = "the host is not there"  # it waits


@dataclass(slots=True)
class _Loop:
    """What loops on a track that is printed: each pass of it, once it is over."""

    landing: Landing
    printed: int = 0


class HostDesk:
    """An `Elsewhere`: the tracks of a set that name a track of the host. Closed with `close`."""

    def __init__(
        self,
        host: Host,
        tracks: Mapping[str, TrackSpec],
        *,
        beats_per_bar: float,
        folder: Path,
        now: Callable[[int], Now],
        tell: Tell,
        refuse: Refuse,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tracks`: those of the set by name. `folder`: where the clips' files are kept. `now` reads the transport."""
        self._host, self._folder, self._beats_per_bar = host, folder, beats_per_bar
        self._tracks = {name: spec for name, spec in tracks.items() if spec.host_track}
        self._read_now, self._now_s, self._tell, self._refuse = now, now_s, tell, refuse
        self._now = Now()
        self._asked: dict[str, _Asked] = {}
        self._to_remove: list[tuple[int, str, Placement]] = []  # from which frame on, which track
        self._loops: dict[str, _Loop] = {}
        self._lock = threading.Lock()
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue(maxsize=JOBS_MAX)
        self._reports: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._prints: deque[tuple[Landing, float]] = deque(maxlen=PRINTS_KEPT_MAX)
        self._slots = {name: TrackSlots(spec.host_slots) for name, spec in self._tracks.items()}
        self._told_s: dict[str, float] = {}
        self._connected = False
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
        self._host.close()

    # On the player's thread ------------------------------------------------------------------------------------------

    def offer(self, landing: Landing) -> None:
        """Put it into a slot of its host track, if it goes into one, or move its beat."""
        spec = self._tracks.get(landing.cue.track)
        if spec is None or spec.host_place != "slot":
            return
        quantum_beats = launch_quantum_beats(landing.beat, beats_per_bar=self._beats_per_bar)
        asked = self._asked.get(landing.landing_id)
        if asked is not None and asked.stage in BEFORE_LAUNCH and asked.quantum_beats == quantum_beats:
            asked.landing = landing
            return
        if asked is not None:
            self._forget(landing.landing_id)
        if quantum_beats is not None and len(self._asked) < ASKED_MAX:
            self._asked[landing.landing_id] = _Asked(landing, quantum_beats)

    def answer(self, landing_id: str) -> Answer:
        """Sure once the host has confirmed that it will launch."""
        asked = self._asked.get(landing_id)
        if asked is None or self._tracks[asked.landing.cue.track].heard_where != "host":
            return "no"
        return "heard" if asked.stage == "launched" else "no" if asked.stage == "failed" else "coming"

    def withdraw(self, landing_id: str) -> None:
        """Have the host not launch it, unless it is to be heard in both places."""
        asked = self._asked.get(landing_id)
        if asked is not None and self._tracks[asked.landing.cue.track].heard_where == "host":
            self._forget(landing_id)

    def sounded(self, landing: Landing) -> None:
        """Print it where it was heard, if its track is printed: of a loop, each pass once it is over.

        A loop that took over here, because the host was not sure of it, ends what the host still plays.
        """
        spec = self._tracks.get(landing.cue.track)
        if spec is None:
            return
        if spec.host_place == "slot":
            if landing.cue.loop and spec.heard_where == "host" and self._slots[spec.name].playing is not None:
                self._enqueue(lambda: self._stop(spec.name))  # it took over here from what the host plays
            return
        if landing.cue.loop:
            self._print_passes(landing.cue.track, until_beat=landing.beat)
            self._loops[landing.cue.track] = _Loop(landing)
        else:
            self._print(landing, landing.beat)

    def bent(self, track: str, old: Sound, new: Sound) -> None:
        """A loop that is printed goes on in the new sound; what lies in slots stays as it was launched."""
        loop = self._loops.get(track)
        if loop is not None and loop.landing.sound is old:
            loop.landing = replace(loop.landing, sound=new)

    def stop(self, track: str, *, fade_s: float) -> None:
        """Have the host stop the track, by its own quantisation, and print nothing more of it."""
        self._loops.pop(track, None)
        if track not in self._tracks or self._tracks[track].host_place != "slot":
            return
        for landing_id in [name for name, asked in self._asked.items() if asked.landing.cue.track == track]:
            self._forget(landing_id)
        self._enqueue(lambda: self._stop(track))

    def tick(self, now_frame: int) -> None:
        """Launch what is due, print what is over, take away what was replaced; and say what the host answered."""
        now = self._now = self._read_now(now_frame)
        for landing_id, asked in list(self._asked.items()):
            if asked.landing.frame < now_frame:
                self._forget(landing_id, landed=True)
            elif asked.stage in ("waiting", "placed"):
                self._go_on(asked, now)
        for track in list(self._loops):
            self._print_passes(track, until_beat=now.beat)
        due = [removal for removal in self._to_remove if removal[0] <= now_frame]
        self._to_remove = [removal for removal in self._to_remove if removal not in due]
        for _, track, placement in due:
            self._enqueue(lambda track=track, placement=placement: self._take_away(track, placement))  # type: ignore[misc]
        with contextlib.suppress(queue.Empty):
            while True:
                self._reports.get_nowait()()

    def _go_on(self, asked: _Asked, now: Now) -> None:
        """Place what waits, and launch what is placed, within the last stretch of the grid before its beat."""
        landing, track = asked.landing, self._tracks[asked.landing.cue.track]
        beats_per_s = now.tempo_bpm / 60
        ahead_beats = landing.beat - now.beat
        if ahead_beats < LAUNCH_AT_LEAST_S * beats_per_s:
            why = asked.why if asked.stage == "waiting" else "there was no time to launch it there"
            asked.stage = "failed"
            if self._connected and track.heard_where != "upbeat":
                self._say(landing.cue.name, f"{landing.cue.name} is heard from Upbeat, because {why}")
        elif asked.stage == "waiting":
            if self._connected and self._now_s() >= asked.again_s:
                asked.stage = "placing"
                self._enqueue(lambda: self._place(asked), failing=asked)
        elif track.heard_where == "upbeat":  # it is only to lie there
            self._forget(landing.landing_id)
        elif ahead_beats < asked.quantum_beats - LAUNCH_MARGIN_S * beats_per_s:
            asked.stage = "launching"
            self._enqueue(lambda: self._launch(asked), failing=asked)

    def _forget(self, landing_id: str, *, landed: bool = False) -> None:
        """What the host was to do for a landing is done, or not wanted any more: then it must not launch it."""
        asked = self._asked.pop(landing_id)
        with self._lock:
            was, asked.stage = asked.stage, "failed"
        track, placement = asked.landing.cue.track, asked.placement
        if placement is None or (landed and was == "launched"):
            return
        if was in ("launching", "launched"):
            self._enqueue(lambda: self._take_away(track, placement))
        else:
            self._enqueue(lambda: self._slots[track].rests(placement))

    def _print_passes(self, track: str, *, until_beat: float) -> None:
        loop = self._loops.get(track)
        if loop is None:
            return
        length_beats = loop.landing.cue.length_beats
        while (beat := loop.landing.beat + loop.printed * length_beats) + length_beats <= until_beat + 1e-6:
            self._print(loop.landing, beat)
            loop.printed += 1

    def _print(self, landing: Landing, beat: float) -> None:
        """Have it printed at that beat of ours, now or when the host is back."""
        if len(self._prints) == PRINTS_KEPT_MAX:
            lost, at_beat = self._prints[0]
            self._say(
                lost.cue.name,
                f"{lost.cue.name} at beat {at_beat:g} was not printed, because {PRINTS_KEPT_MAX} wait for "
                f"{self._host.name}; its take is kept",
            )
        self._prints.append((landing, beat))
        if self._connected:
            self._enqueue(self._print_all)

    def _enqueue(self, job: Callable[[], None], *, failing: _Asked | None = None) -> None:
        def done() -> None:
            try:
                job()
            except HostError as error:
                if failing is not None and not isinstance(error, HostLost):
                    failing.stage = "failed"
                what, sentence = failing.landing.cue.name if failing else self._host.name, str(error)
                self._reports.put(lambda: self._say(what, sentence))
                if isinstance(error, HostLost):
                    raise

        try:
            self._jobs.put_nowait(done)
        except queue.Full:
            if failing is not None:
                failing.stage = "failed"
            self._say(
                self._host.name, f"{self._host.name} is too slow: {JOBS_MAX} deeds wait for it; some are left out"
            )

    def _say(self, what: str, sentence: str) -> None:
        """The same sentence once in a while."""
        now_s = self._now_s()
        if now_s - self._told_s.get(sentence, -TOLD_AGAIN_S) >= TOLD_AGAIN_S:
            self._told_s = {text: at_s for text, at_s in self._told_s.items() if now_s - at_s < TOLD_AGAIN_S}
            self._told_s[sentence] = now_s
            self._refuse(what, sentence)

    # On the desk's own thread ----------------------------------------------------------------------------------------

    def _live(self) -> None:
        while not self._closing.is_set():
            try:
                if not self.work(wait_s=WAIT_S):
                    self._closing.wait(CONNECT_AGAIN_S[min(self._tries, len(CONNECT_AGAIN_S)) - 1])
            except Exception:  # a mistake of ours must not end the set's way to its host
                log.exception("the desk stumbled, and goes on")

    def work(self, *, wait_s: float = 0.0) -> bool:
        """Do one job, or find the host. False if the host is not there."""
        if not self._connected:
            self._drop_jobs()
            if not self._connect():
                return False
        try:
            job = self._jobs.get(timeout=wait_s) if wait_s else self._jobs.get_nowait()
        except queue.Empty:
            if self._now_s() < self._look_again_s:
                return True
            self._look_again_s, job = self._now_s() + LOOK_EVERY_S, self._look
        try:
            job()
        except HostLost as error:
            self._lost(str(error))
        except HostError as error:
            log.warning("%s", error)
        return self._connected

    def _connect(self) -> bool:
        try:
            found = self._host.connect()
        except HostError as error:
            if not self._tries:
                self._state("connecting", f"{error}; until then all is heard from Upbeat")
            self._tries += 1
            return False
        self._connected, self._tries, self._look_again_s = True, 0, self._now_s() + LOOK_EVERY_S
        self._state("connected", found)
        if self._prints:
            self._enqueue(self._print_all)
        return True

    def _look(self) -> None:
        if "tempo" in self._host.abilities:
            self._host.time()
        else:
            self._host.tracks()

    def _lost(self, why: str) -> None:
        self._connected, self._tries = False, 1  # it is known to be away
        with self._lock:
            for asked in list(self._asked.values()):  # they wait for it to come back, as long as there is time
                if asked.placement is not None:
                    self._slots[asked.landing.cue.track].rests(asked.placement)
                asked.stage, asked.placement, asked.why = "waiting", None, "the host was lost"
        self._state("lost", f"{why}; what lands from now on is heard from Upbeat")

    def _drop_jobs(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()

    def _place(self, asked: _Asked) -> None:
        landing, spec, slots = asked.landing, *self._of(asked.landing.cue.track)
        clip = host_clip(landing.sound, landing.cue, folder=self._folder, quantum_beats=asked.quantum_beats)
        numbers = " and ".join(map(str, spec.host_slots))
        placement: Placement | None = None
        while placement is None:
            turn = slots.turn(clip)
            if turn is None and slots.all_theirs:
                raise HostError(
                    f"the slots {numbers} of {spec.host_track} hold something of yours, so {landing.cue.name} is heard "
                    "from Upbeat; name other ones with host_slots"
                )
            if turn is None:
                asked.why = f"the slots {numbers} of {spec.host_track} were in use; give it more with host_slots"
                asked.again_s, asked.stage = self._now_s() + PLACE_AGAIN_S, "waiting"
                return
            if turn.first_remove is not None:
                self._host.remove(turn.first_remove)
                slots.removed(turn.first_remove)
            if turn.lies is not None:
                placement = turn.lies
                break
            try:
                placement = self._host.place_in_slot(clip, track=spec.host_track, slot=turn.slot)
            except SlotTaken:
                slots.is_theirs(turn.slot)
                continue
            self._tell_placed(landing, placement, landing.beat)
        slots.placed(placement)
        with self._lock:
            if asked.stage == "placing":
                asked.placement, asked.stage = placement, "placed"
                return
        slots.rests(placement)  # it was taken back meanwhile

    def _launch(self, asked: _Asked) -> None:
        assert asked.placement is not None
        with self._lock:
            if asked.stage != "launching":
                return
        try:
            self._host.launch(asked.placement)
        except HostError:
            self._slots[asked.landing.cue.track].removed(asked.placement)  # so that it is placed anew the next time
            raise
        track, frame = asked.landing.cue.track, asked.landing.frame
        before = self._slots[track].launched(asked.placement)
        with self._lock:
            if asked.stage == "launching":
                asked.stage = "launched"
        if before is not None:
            after_frames = round(REMOVED_AFTER_S * asked.landing.sound.request.sample_rate_hz)
            self._reports.put(lambda: self._to_remove.append((frame + after_frames, track, before)))

    def _take_away(self, track: str, placement: Placement | None) -> None:
        if placement is not None:
            self._host.remove(placement)
            self._slots[track].removed(placement)

    def _stop(self, track: str) -> None:
        spec, slots = self._of(track)
        self._host.stop(spec.host_track)
        slots.playing = None

    def _print_all(self) -> None:
        while self._prints:
            landing, beat = self._prints[0]
            spec = self._tracks[landing.cue.track]
            try:
                clip = host_clip(landing.sound, landing.cue, folder=self._folder, quantum_beats=self._beats_per_bar)
                host_beat = self._host_beat(beat)
                placement = self._host.place_at_beat(clip, track=spec.host_track, beat=host_beat)
            except HostLost:  # it waits until the host is back
                raise
            except HostError:
                self._prints.popleft()
                raise
            self._prints.popleft()
            self._tell_placed(landing, placement, host_beat)

    def _host_beat(self, beat: float) -> float:
        """A beat of ours as the host counts it: the same if a clock says so, else moved by whole bars."""
        now = self._now
        if now.is_placed or "tempo" not in self._host.abilities:
            return beat
        time_there = self._host.time()
        if not time_there.playing or not now.playing:
            return beat
        between_beats = time_there.beat - now.beat_at(self._now_s())
        return max(0.0, beat + round(between_beats / self._beats_per_bar) * self._beats_per_bar)

    def _of(self, track: str) -> tuple[TrackSpec, TrackSlots]:
        return self._tracks[track], self._slots[track]

    def _tell_placed(self, landing: Landing, placement: Placement, beat: float) -> None:
        self._reports.put(
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

    def _state(self, state: str, sentence: str) -> None:
        self._reports.put(lambda: self._tell("/host/state", host=self._host.name, state=state, sentence=sentence))
