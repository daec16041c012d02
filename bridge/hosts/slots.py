"""The two-slot way: a track's clips take turns in two slots of the host, so that a new one never cuts an old one. Pure.

What plays is not touched: the next clip is put into the other slot, launched, and only when it has landed is the old
one taken away. What we did not put into a slot stays there.
"""

from dataclasses import dataclass, field

from bridge.hosts.base import HostClip, Placement

EXACT = 1e-6  # a beat that is so near to a line of a grid is on it
QUANTA_BEATS = (2.0, 1.0, 0.5, 0.25)  # below a bar; what every launcher offers


def launch_quantum_beats(beat: float, *, beats_per_bar: float) -> float | None:
    """The widest grid of a launcher, a bar at most, that has a line on `beat`; None if it has none.

    The wider the grid, the more time there is to launch in: a host that launches by its own grid hits the line that
    comes next.

    >>> launch_quantum_beats(8, beats_per_bar=4), launch_quantum_beats(9.5, beats_per_bar=4)
    (4, 0.5)
    """
    for quantum_beats in (beats_per_bar, *(one for one in QUANTA_BEATS if one < beats_per_bar)):
        if abs(beat / quantum_beats - round(beat / quantum_beats)) < EXACT:
            return quantum_beats
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where a clip goes: into `slot`, from which `first_remove` has to be taken away before; or it `lies` there."""

    slot: int
    first_remove: Placement | None = None
    lies: Placement | None = None


@dataclass(slots=True)
class TrackSlots:
    """The slots of one track of the host that are ours to use, and what we know of them."""

    numbers: tuple[int, ...]
    playing: Placement | None = None  # what was launched last
    _held: dict[int, Placement] = field(default_factory=dict)
    _waiting: list[Placement] = field(default_factory=list)  # placed, and to be launched
    _leaving: list[Placement] = field(default_factory=list)  # they sound until what was launched after them has landed
    _theirs: set[int] = field(default_factory=set)

    def turn(self, clip: HostClip) -> Turn | None:
        """Where `clip` goes; None if no slot is left for it now."""
        in_use = [*([self.playing] if self.playing else []), *self._waiting, *self._leaving]
        resting = [held for held in self._held.values() if all(held is not one for one in in_use)]
        for held in resting:
            if held.clip == clip:
                return Turn(slot=held.slot, lies=held)
        free = [slot for slot in self.numbers if slot not in self._theirs and slot not in self._held]
        if free:
            return Turn(slot=free[0])
        return Turn(slot=resting[0].slot, first_remove=resting[0]) if resting else None

    def placed(self, placement: Placement) -> None:
        """It lies there now, and waits to be launched."""
        self._held[placement.slot] = placement
        self._waiting.append(placement)

    def rests(self, placement: Placement) -> None:
        """It will not be launched; it lies there until its slot is needed."""
        self._waiting = _without(self._waiting, placement)

    def removed(self, placement: Placement) -> None:
        """It does not lie there any more."""
        if self._held.get(placement.slot) is placement:
            del self._held[placement.slot]
        if self.playing is placement:
            self.playing = None
        self._waiting, self._leaving = _without(self._waiting, placement), _without(self._leaving, placement)

    def is_theirs(self, slot: int) -> None:
        """Something that is not ours lies there: it is left alone for as long as the set plays."""
        self._theirs.add(slot)

    def launched(self, placement: Placement) -> Placement | None:
        """It will play from its beat on. What plays until then, to be taken away once it has landed."""
        self.rests(placement)
        before, self.playing = self.playing, placement
        if before is None or before is placement:
            return None
        self._leaving.append(before)
        return before

    @property
    def all_theirs(self) -> bool:
        """Whether what is not ours lies in all of them."""
        return self._theirs.issuperset(self.numbers)


def _without(placements: list[Placement], placement: Placement) -> list[Placement]:
    return [one for one in placements if one is not placement]
