"""A stand-in for a host: tracks with slots, an arrangement, and a launch grid, all in memory and strict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import soundfile as sf

from bridge.hosts.base import (
    BasicHost,
    HostClip,
    HostError,
    HostLost,
    HostTime,
    HostTrack,
    Placement,
    SlotTaken,
)


@dataclass(frozen=True)
class Played:
    """A clip that the host began to play, by its own quantisation."""

    track: str
    slot: int
    name: str
    beat: float


@dataclass
class GridHost(BasicHost):
    """Launches a slot at the next line of the clip's grid, as a launcher does. `beat` says where its music is."""

    beat: Callable[[], float]
    names: list[str] = field(default_factory=lambda: ["Drums", "Bass"])
    abilities = frozenset(("slot", "bar", "launch", "tempo", "tracks"))
    name, title = "grid", "The stand-in"
    here: bool = True
    ahead_beats: float = 0.0  # of our music, in whole bars or not
    slots: dict[tuple[str, int], str] = field(default_factory=dict)  # what lies where, by the clip's name
    grids_beats: list[float] = field(default_factory=list)  # on which what was put into slots is launched
    arranged: list[tuple[str, float, str]] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def connect(self, *, within_s: float = 2.0) -> str:
        self._check()
        return "a stand-in"

    def tracks(self) -> Sequence[HostTrack]:
        self._check()
        return [HostTrack(number=number, name=name) for number, name in enumerate(self.names, start=1)]

    def time(self) -> HostTime:
        self._check()
        return HostTime(beat=self.beat() + self.ahead_beats, tempo_bpm=120, playing=True)

    def place_in_slot(self, clip: HostClip, *, track: str, slot: int) -> Placement:
        self._check(track)
        if (track, slot) in self.slots:
            raise SlotTaken(f"slot {slot} of {track} holds {self.slots[track, slot]}")
        self._check_file(clip)
        self.slots[track, slot] = clip.name
        self.grids_beats.append(clip.quantum_beats)
        return Placement(clip=clip, track=track, slot=slot)

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        self._check(track)
        self._check_file(clip)
        self.arranged.append((track, beat, clip.name))
        return Placement(clip=clip, track=track, beat=beat)

    def launch(self, placement: Placement) -> None:
        self._check(placement.track)
        assert self.slots[placement.track, placement.slot] == placement.clip.name, "an empty slot was launched"
        quantum_beats = placement.clip.quantum_beats
        next_beat = ((self.beat() + self.ahead_beats) // quantum_beats + 1) * quantum_beats - self.ahead_beats
        self.played.append(Played(placement.track, placement.slot, placement.clip.name, next_beat))

    def stop(self, track: str) -> None:
        self._check(track)
        self.stopped.append(track)

    def remove(self, placement: Placement) -> None:
        self._check(placement.track)
        assert self.slots.pop((placement.track, placement.slot), placement.clip.name) == placement.clip.name
        self.played = [one for one in self.played if one.beat <= self.beat() or one.name != placement.clip.name]

    def _check(self, track: str = "") -> None:
        if not self.here:
            raise HostLost("the stand-in does not answer; start it")
        if track and track not in self.names:
            raise HostError(f"the stand-in has no track {track!r}; there is {', '.join(self.names)}")

    @staticmethod
    def _check_file(clip: HostClip) -> None:
        assert clip.path.is_absolute()
        assert sf.info(clip.path).frames == clip.frames
