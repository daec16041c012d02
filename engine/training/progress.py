"""How a long training tells where it is."""

import time
from collections.abc import Callable, Iterator

REPORT_EVERY_S = 20.0

Report = Callable[[str], None]


class Course:
    """One stage of training: so many updates. Counted, not timed, so that a slow machine makes the same weights."""

    def __init__(self, stage: str, *, updates: int, report: Report) -> None:
        self.updates = updates
        self._stage = stage
        self._report = report
        self._losses: list[float] = []

    def __iter__(self) -> Iterator[int]:
        """The number of each update, with a line of progress now and then and at the end."""
        start_s = reported_s = time.monotonic()
        for update in range(self.updates):
            now_s = time.monotonic()
            if now_s - reported_s > REPORT_EVERY_S:
                reported_s = now_s
                self._report(self._line(update, now_s - start_s))
            yield update
        self._report(self._line(self.updates, time.monotonic() - start_s))

    def note(self, loss: float) -> None:
        """Remember one update's loss."""
        self._losses = [*self._losses[-199:], loss]

    def _line(self, update: int, spent_s: float) -> str:
        recent_loss = sum(self._losses) / max(1, len(self._losses))
        return f"{self._stage}: {update} of {self.updates} updates, {spent_s:.0f} s, loss {recent_loss:.4f}"
