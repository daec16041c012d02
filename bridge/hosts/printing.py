"""What was heard here, printed onto a host's arrangement behind the playhead: each hit, and each pass of a loop."""

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.elsewhere import Landing
from bridge.hosts.base import HostError, HostLost
from bridge.tracks.sound import Sound

if TYPE_CHECKING:
    from bridge.hosts.desk import HostDesk

KEPT_MAX = 1_024  # to be printed when the host is back
OVER_BEATS = 1e-6  # a pass that ends so soon is over


@dataclass(slots=True)
class _Loop:
    """What loops on a track, and how many of its passes were printed: each once it is over."""

    landing: Landing
    printed: int = 0


class Printing:
    """What goes onto the arrangement of a host. `print_all` runs on the desk's thread, all else on the player's."""

    def __init__(self, desk: "HostDesk", *, beats_per_bar: float) -> None:
        self._desk, self._beats_per_bar = desk, beats_per_bar
        self._loops: dict[str, _Loop] = {}
        self._turns: list[tuple[int, str, Sound, Sound]] = []  # of knobs: from which frame on, on which track
        self._waiting: deque[tuple[Landing, float]] = deque(maxlen=KEPT_MAX)

    @property
    def waits(self) -> bool:
        """Whether something is still to be printed."""
        return bool(self._waiting)

    def sounded(self, landing: Landing) -> None:
        """Print it where it was heard; of a loop, each pass once it is over."""
        if landing.cue.loop:
            self._print_passes(landing.cue.track, until_beat=landing.beat)
            self._loops[landing.cue.track] = _Loop(landing)
        else:
            self._print(landing, landing.beat)

    def bent(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """A loop goes on in the new sound from that frame on."""
        self._turns.append((at_frame, track, old, new))

    def stop(self, track: str) -> None:
        """Print nothing more of what loops on a track: its last pass was not heard to its end."""
        self._loops.pop(track, None)
        self._turns = [turn for turn in self._turns if turn[1] != track]

    def tick(self, now_frame: int) -> None:
        """Print the passes that are over, and then go on in what the knobs have bent."""
        for track in list(self._loops):
            self._print_passes(track, until_beat=self._desk.now.beat)
        due = [turn for turn in self._turns if turn[0] <= now_frame]
        self._turns = [turn for turn in self._turns if turn[0] > now_frame]
        for _, track, old, new in due:
            loop = self._loops.get(track)
            if loop is not None and loop.landing.sound is old:
                loop.landing = replace(loop.landing, sound=new)

    def _print_passes(self, track: str, *, until_beat: float) -> None:
        loop = self._loops.get(track)
        if loop is None:
            return
        length_beats = loop.landing.cue.length_beats
        while (beat := loop.landing.beat + loop.printed * length_beats) + length_beats <= until_beat + OVER_BEATS:
            self._print(loop.landing, beat)
            loop.printed += 1

    def _print(self, landing: Landing, beat: float) -> None:
        if len(self._waiting) == KEPT_MAX:
            lost, at_beat = self._waiting[0]
            self._desk.say(
                lost.cue.name,
                f"{lost.cue.name} at beat {at_beat:g} was not printed, because {KEPT_MAX} wait for "
                f"{self._desk.host.name}; its take is kept",
            )
        self._waiting.append((landing, beat))
        if self._desk.connected:
            self._desk.enqueue(self.print_all)

    def print_all(self) -> None:
        """Print what waits. What cannot be printed is told by the `HostError`, and left out."""
        while self._waiting:
            landing, beat = self._waiting[0]
            try:
                clip = self._desk.clip(landing, quantum_beats=self._beats_per_bar)
                host_beat = self._host_beat(beat)
                track = self._desk.tracks[landing.cue.track].host_track
                placement = self._desk.host.place_at_beat(clip, track=track, beat=host_beat)
            except HostLost:  # it waits until the host is back
                raise
            except HostError:
                self._waiting.popleft()
                raise
            self._waiting.popleft()
            self._desk.tell_placed(landing, placement, host_beat)

    def _host_beat(self, beat: float) -> float:
        """A beat of ours as the host counts it: the same if a clock says so, else moved by whole bars."""
        now = self._desk.now
        if now.is_placed or "tempo" not in self._desk.host.abilities:
            return beat
        there = self._desk.host.time()
        if not there.playing or not now.playing:
            return beat
        between_beats = there.beat - now.beat_at(self._desk.now_s()) + now.bar_beat
        bars_beats = round(between_beats / self._beats_per_bar) * self._beats_per_bar
        return max(0.0, beat - now.bar_beat + bars_beats)
