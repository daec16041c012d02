"""Clips into a host's slots, each launched by the host on its beat: what is under way, and how far it is.

A clip is put into its slot as soon as its sound is known, and launched within the last stretch of the host's grid
before its beat, so that the host's own quantisation has it land there. Whether it will is known before the player has
to decide: what the host has not confirmed by then sounds in our own output.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge.elsewhere import Answer, Landing
from bridge.hosts.base import HostError, Placement, SlotTaken
from bridge.hosts.slots import TrackSlots, launch_quantum_beats

if TYPE_CHECKING:
    from bridge.hosts.desk import HostDesk

LAUNCH_MARGIN_S = 0.03  # after a line of the grid, so that the host has passed it too
LAUNCH_AT_LEAST_S = 0.2  # before the beat: Live looks at its messages every 0.1 s
REMOVED_AFTER_S = 1.0  # what was replaced is taken away when its successor has sounded for so long
PLACE_AGAIN_S = 0.1  # when all slots of a track are in use
ASKED_MAX = 1_024

# waiting: for the host or a free slot; placing; placed: in its slot; launching; launched: it will be heard; failed.
Stage = Literal["waiting", "placing", "placed", "launching", "launched", "failed"]
BEFORE_LAUNCH = ("waiting", "placing", "placed")


@dataclass(slots=True)
class _Asked:
    landing: Landing
    quantum_beats: float
    stage: Stage = "waiting"
    placement: Placement | None = None
    again_s: float = 0.0  # not before is it tried
    why: str = "the host is not there"  # it waits


class Launching:
    """What lands in the slots of a host. Its jobs run on the desk's thread, all else on the player's."""

    def __init__(self, desk: "HostDesk", *, beats_per_bar: float) -> None:
        self._desk, self._beats_per_bar = desk, beats_per_bar
        self._lock = threading.Lock()  # of every stage that both threads change
        self._asked: dict[str, _Asked] = {}
        self._to_remove: list[tuple[int, str, Placement]] = []  # from which frame on, which track
        self._slots = {name: TrackSlots(spec.host_slots) for name, spec in desk.tracks.items()}

    def offer(self, landing: Landing) -> None:
        """Have it placed, or move its beat."""
        host_beat = landing.beat - self._desk.now.bar_beat
        quantum_beats = launch_quantum_beats(host_beat, beats_per_bar=self._beats_per_bar)
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
        if asked is None or self._desk.tracks[asked.landing.cue.track].heard_where != "host":
            return "no"
        return "heard" if asked.stage == "launched" else "no" if asked.stage == "failed" else "coming"

    def withdraw(self, landing_id: str) -> None:
        """Have the host not launch it, unless it is to be heard in both places."""
        asked = self._asked.get(landing_id)
        if asked is not None and self._desk.tracks[asked.landing.cue.track].heard_where == "host":
            self._forget(landing_id)

    def took_over_here(self, track: str) -> None:
        """A loop of ours sounds, because the host was not sure of it: end what the host still plays there."""
        if self._slots[track].playing is not None:
            self._desk.enqueue(lambda: self._stop(track))

    def stop(self, track: str) -> None:
        """Have the host stop a track, by its own quantisation, and launch nothing that was under way."""
        for landing_id in [name for name, asked in self._asked.items() if asked.landing.cue.track == track]:
            self._forget(landing_id)
        self._desk.enqueue(lambda: self._stop(track))

    def tick(self, now_frame: int) -> None:
        """Place what waits, launch what is due, take away what was replaced."""
        for landing_id, asked in list(self._asked.items()):
            if asked.landing.frame < now_frame:
                self._forget(landing_id, landed=True)
            elif asked.stage in ("waiting", "placed"):
                self._go_on(asked)
        due = [removal for removal in self._to_remove if removal[0] <= now_frame]
        self._to_remove = [removal for removal in self._to_remove if removal[0] > now_frame]
        for _, track, placement in due:
            self._enqueue_removal(track, placement)

    def lost(self) -> None:
        """The host is away: what was under way waits for it to come back, as long as there is time."""
        with self._lock:
            for asked in list(self._asked.values()):
                if asked.placement is not None:
                    self._slots[asked.landing.cue.track].rests(asked.placement)
                asked.stage, asked.placement, asked.why = "waiting", None, "the host was lost"

    def _go_on(self, asked: _Asked) -> None:
        """Place what waits, and launch what is placed, within the last stretch of the grid before its beat."""
        landing, track, now = asked.landing, self._desk.tracks[asked.landing.cue.track], self._desk.now
        beats_per_s = now.tempo_bpm / 60
        ahead_beats = landing.beat - now.beat
        if ahead_beats < LAUNCH_AT_LEAST_S * beats_per_s:
            why = asked.why if asked.stage == "waiting" else "there was no time to launch it there"
            asked.stage = "failed"
            if self._desk.connected and track.heard_where != "upbeat":
                self._desk.say(landing.cue.name, f"{landing.cue.name} is heard from Upbeat, because {why}")
        elif asked.stage == "waiting":
            if self._desk.connected and self._desk.now_s() >= asked.again_s:
                asked.stage = "placing"
                self._enqueue(self._place, asked)
        elif track.heard_where == "upbeat":  # it is only to lie there
            self._forget(landing.landing_id)
        elif ahead_beats < asked.quantum_beats - LAUNCH_MARGIN_S * beats_per_s:
            asked.stage = "launching"
            self._enqueue(self._launch, asked)

    def _forget(self, landing_id: str, *, landed: bool = False) -> None:
        """What the host was to do for a landing is done, or not wanted any more: then it must not launch it."""
        asked = self._asked.pop(landing_id)
        with self._lock:
            was, asked.stage = asked.stage, "failed"
        track, placement = asked.landing.cue.track, asked.placement
        if placement is None or (landed and was == "launched"):
            return
        if was in ("launching", "launched"):
            self._enqueue_removal(track, placement)
        else:
            self._desk.enqueue(lambda: self._slots[track].rests(placement))

    def _enqueue(self, job: Callable[[_Asked], None], asked: _Asked) -> None:
        def failed() -> None:
            asked.stage = "failed"

        self._desk.enqueue(lambda: job(asked), about=asked.landing.cue.name, failed=failed)

    def _enqueue_removal(self, track: str, placement: Placement) -> None:
        self._desk.enqueue(lambda: self._take_away(track, placement))

    # Jobs, on the desk's thread --------------------------------------------------------------------------------------

    def _place(self, asked: _Asked) -> None:
        landing, track = asked.landing, asked.landing.cue.track
        spec, slots, host = self._desk.tracks[track], self._slots[track], self._desk.host
        clip = self._desk.clip(landing, quantum_beats=asked.quantum_beats)
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
                asked.again_s, asked.stage = self._desk.now_s() + PLACE_AGAIN_S, "waiting"
                return
            if turn.first_remove is not None:
                host.remove(turn.first_remove)
                slots.removed(turn.first_remove)
            if turn.lies is not None:
                placement = turn.lies
                break
            try:
                placement = host.place_in_slot(clip, track=spec.host_track, slot=turn.slot)
            except SlotTaken:
                slots.is_theirs(turn.slot)
                continue
            self._desk.tell_placed(landing, placement, landing.beat)
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
            self._desk.host.launch(asked.placement)
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
            self._desk.report(lambda: self._to_remove.append((frame + after_frames, track, before)))

    def _take_away(self, track: str, placement: Placement) -> None:
        self._desk.host.remove(placement)
        self._slots[track].removed(placement)

    def _stop(self, track: str) -> None:
        self._desk.host.stop(self._desk.tracks[track].host_track)
        self._slots[track].playing = None
