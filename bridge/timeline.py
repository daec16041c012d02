"""What a set's timeline has in store from where the music stands: cues that land, and knobs that turn. Pure."""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence

from bridge.knobs import turned
from bridge.set_words import TimelineEntry, TimelineMove
from osc_schemas.shape import Shape


class Timeline:
    """Entries and moves by beat, each handed out once. One owner thread."""

    def __init__(self, entries: Sequence[TimelineEntry], moves: Sequence[TimelineMove]) -> None:
        self._all_entries = sorted(entries, key=lambda entry: entry.beat)
        self._all_moves = sorted(moves, key=lambda move: move.beat)
        self.line_up(from_beat=0.0)

    def line_up(self, *, from_beat: float) -> None:
        """Go on from `from_beat`. Knobs stay where they are until one is turned from there on."""
        self._entries = deque(entry for entry in self._all_entries if entry.beat >= from_beat)
        self._moves = [move for move in self._all_moves if move.beat >= from_beat]

    def entries_until(self, beat: float) -> Iterator[TimelineEntry]:
        """Take out the entries that come no later than `beat`."""
        while self._entries and self._entries[0].beat <= beat:
            yield self._entries.popleft()

    def moves_before(self, beat: float) -> list[list[TimelineMove]]:
        """The moves to come before `beat`, those of one track and beat together. They stay until `take_out`."""
        together: dict[tuple[float, str], list[TimelineMove]] = {}
        for move in itertools.takewhile(lambda move: move.beat < beat, self._moves):
            together.setdefault((move.beat, move.track), []).append(move)
        return list(together.values())

    def take_out(self, moves: list[TimelineMove]) -> None:
        """These moves are made."""
        self._moves = [move for move in self._moves if move not in moves]

    def knobs_at(self, track: str, beat: float, *, now: Shape) -> Shape:
        """Where the knobs of a track, which stand at `now`, will stand on a beat."""
        for move in itertools.takewhile(lambda move: move.beat <= beat, self._moves):
            if move.track == track:
                now = turned(now, move.knob, move.value)
        return now
