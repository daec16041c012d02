"""The window of tracks that DrivenByMoss shows of Bitwig: 8 as it comes, moved to where a track is, and put back."""

from collections.abc import Iterator
from contextlib import contextmanager

from bridge.hosts.base import HostError
from bridge.hosts.bitwig_words import same_name
from bridge.hosts.moss import Moss
from osc_schemas.nearest import nearest_only

_MOVED_WITHIN_S = 0.4  # a window that has not moved by then stands at its end
_QUIET_S = 0.05
_SETTLED_WITHIN_S = 0.5
_TRACKS_MAX = 512  # no window is moved on beyond these


class NoSuchTrack(HostError):
    """No track of that name is to be seen in any window."""


class TrackBank:
    """The window: tracks are counted from 1 inside it. One owner thread, that of its `Moss`."""

    def __init__(self, moss: Moss) -> None:
        self._moss = moss

    @property
    def size(self) -> int:
        """How many tracks it shows, and as many slots: the extension's setting "Bank Page Size"."""
        size = 0
        while self._moss.told(f"/track/{size + 1}/exists") is not None:
            size += 1
        return size

    def name(self, index: int) -> str:
        """Of a track that it shows."""
        return self._moss.text(f"/track/{index}/name")

    def shown(self) -> list[int]:
        """Where in it there are tracks."""
        return [index for index in range(1, self.size + 1) if self._moss.number(f"/track/{index}/exists") > 0]

    def through_all(self) -> Iterator[tuple[int, int]]:
        """Every track by its place in the project, from 0, and where in the window it is as it comes by."""
        with self.put_back():
            while self._page("-"):
                pass
            seen: set[int] = set()
            while True:
                for index in self.shown():
                    place = self._moss.number(f"/track/{index}/position")
                    seen.add(place)
                    yield place, index
                if len(seen) >= _TRACKS_MAX or not self._page("+"):
                    break

    @contextmanager
    def at(self, track: str) -> Iterator[int]:
        """The window moved to a track, and back afterwards; the track's index in it. Raises `NoSuchTrack`."""
        with self.put_back():
            yield self._moved_to(track)

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Afterwards the window is where it was."""
        start = self._first
        try:
            yield
        finally:
            self._put_back(start)

    def _moved_to(self, track: str) -> int:
        seen: dict[int, str] = {}
        for direction in ("+", "-"):
            while True:
                for index in self.shown():
                    if same_name(self.name(index), track):
                        return index
                    seen[self._moss.number(f"/track/{index}/position")] = self.name(index)
                if len(seen) >= _TRACKS_MAX or not self._page(direction):
                    break
        names = [seen[place] for place in sorted(seen)]
        raise NoSuchTrack(
            f"Bitwig has no track {track!r}{nearest_only(track, names)}; it has {', '.join(names[:20]) or 'none'} "
            "(what is inside a group is seen only while the group is open)"
        )

    @property
    def _first(self) -> int:
        return self._moss.number("/track/1/position")

    def _put_back(self, start: int) -> None:
        """By pages as long as it is a page or more away, then by single tracks."""
        size = self.size
        for step, far in (("page/", size), ("", 1)):
            for _ in range(_TRACKS_MAX):
                away = start - self._first
                if abs(away) < far or not self._move(f"/track/bank/{step}{'+' if away > 0 else '-'}"):
                    break
                if (start - self._first) * away < 0:  # gone too far by less than a page
                    break

    def _page(self, direction: str) -> bool:
        """Move the window by a page; False where it stands at its end already."""
        if direction == "+" and len(self.shown()) < self.size:
            return False
        if direction == "-" and self._first == 0:
            return False
        return self._move(f"/track/bank/page/{direction}")

    def _move(self, address: str) -> bool:
        before = self._first
        self._moss.say(address)
        if not self._moss.wait(lambda: self._first != before, within_s=_MOVED_WITHIN_S):
            return False
        self._moss.settle(quiet_s=_QUIET_S, within_s=_SETTLED_WITHIN_S)
        return True
