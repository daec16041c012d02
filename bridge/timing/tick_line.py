"""Where the ticks of an unsteady clock truly fall: a straight line through the last of them, which may have one bend.

Ticks arrive some milliseconds early or late, and a tempo may change at any of them. A line through four quarter notes
averages the jitter out but lags behind a change; a short one follows but trembles. So each tick weighs both: the
straight line, and lines that bend at one of the latest 48 ticks, each by how probable it makes what arrived (Bayes'
rule; Gaussian jitter, a flat prior on place and tempo, a Gaussian one on the bend). What is told is their mean, so a
suspicion that proves wrong is forgotten with the next ticks. What lies before a bend that is certain and old is
dropped.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

TICKS_KEPT = 96  # four quarter notes: the tempo of steady ticks with 2 ms of jitter is then known to 0.05 %
TICKS_NEEDED = 6  # before that the latest tick counts as true
BEND_MOST = 48  # ticks ago
BEND_OLD, BEND_CERTAIN = 32, 0.9
BEND_PROBABLE = 1e-3  # of one tick being where the tempo changes
BEND_SHARE = 0.1  # by how much of a tempo it typically changes
JITTER_S_FIRST, JITTER_S_LEAST, JITTER_S_MOST = 1.2e-3, 2e-4, 6e-3  # standard deviations
STRAY = 3.0  # a lone tick is believed to be at most so many of them off

Floats = npt.NDArray[np.float64]


class TickLine:
    """Ticks by number and time of arrival -> when any tick is due, and how long one lasts. One owner thread."""

    def __init__(self, *, period_s: float) -> None:
        """`period_s`: what a tick lasts until ticks have told."""
        self.period_s = period_s
        self.jitter_s = JITTER_S_FIRST
        self._due_s = 0.0  # of the latest tick, as the line has it
        self._tick = 0
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=TICKS_KEPT)
        self._stray: float | None = None  # when the latest tick arrived, if that was hard to believe

    @property
    def ticks(self) -> int:
        """How many ticks the line goes through."""
        return len(self._arrivals)

    @property
    def latest_tick(self) -> int:
        """The number of the latest tick."""
        return self._tick

    def due_s(self, tick: float) -> float:
        """When `tick`, or a fraction between two, is due."""
        return self._due_s + (tick - self._tick) * self.period_s

    def tick_at(self, at_s: float) -> float:
        """The tick, with its fraction, at a time."""
        return self._tick + (at_s - self._due_s) / self.period_s

    def restart(self, tick: int, at_s: float, *, period_s: float | None = None) -> None:
        """Forget all before this tick, but not, unless another is given, what a tick lasts."""
        self.period_s = period_s or self.period_s
        self._arrivals = deque([(tick, at_s)], maxlen=TICKS_KEPT)
        self._tick, self._due_s, self._stray = tick, at_s, None

    def add(self, tick: int, at_s: float) -> None:
        """Take in the arrival of the next tick; its number is above all before it."""
        early_s = at_s - self.due_s(tick)
        believed_s = STRAY * self.jitter_s
        stray, self._stray = self._stray, None
        if len(self._arrivals) >= TICKS_NEEDED and abs(early_s) > believed_s:
            if stray is None:
                self._stray = at_s
                at_s = self.due_s(tick) + float(np.copysign(believed_s, early_s))
            else:  # two in a row are news
                before, _ = self._arrivals.pop()
                self._arrivals.append((before, stray))
        self._arrivals.append((tick, at_s))
        if len(self._arrivals) < TICKS_NEEDED:
            self._begin(tick, at_s)
        else:
            self._fit()

    def _begin(self, tick: int, at_s: float) -> None:
        first, first_s = self._arrivals[0]
        if len(self._arrivals) > 2:
            self.period_s = (at_s - first_s) / (tick - first)
        self._tick, self._due_s = tick, at_s

    def _fit(self) -> None:
        """Weigh the lines through what arrived less what the present tempo has, all seen from the latest tick.

        With the columns 1, tick and max(0, tick + bend), a line's normal equations are `gram @ line = moments`; sums
        over the ticks after each bend give those of all lines at once.
        """
        arrivals = np.array(self._arrivals, np.float64)
        tick, at_s = arrivals[-1]
        ticks = arrivals[:, 0] - tick
        late = arrivals[:, 1] - at_s - ticks * self.period_s
        bends = np.arange(0.0, min(BEND_MOST, -ticks[0] - 2) + 1)  # 0: none
        terms = np.stack([np.ones_like(ticks), ticks, ticks**2, late, ticks * late])
        after = np.append(terms[:, ::-1].cumsum(axis=1)[:, ::-1], np.zeros((5, 1)), axis=1)
        count, first, second, late_sum, late_first = after[:, np.searchsorted(ticks, -bends, side="right")]
        gram = np.empty((len(bends), 3, 3))
        gram[:, :2, :2] = [[after[0, 0], after[1, 0]], [after[1, 0], after[2, 0]]]
        gram[:, 0, 2] = gram[:, 2, 0] = first + bends * count
        gram[:, 1, 2] = gram[:, 2, 1] = second + bends * first
        stiffness = (self.jitter_s / (BEND_SHARE * self.period_s)) ** 2
        gram[:, 2, 2] = second + 2 * bends * first + bends**2 * count + stiffness
        moments = np.empty((len(bends), 3))
        moments[:, :2] = after[3:, 0]
        moments[:, 2] = late_first + bends * late_sum
        lines = np.linalg.solve(gram, moments[:, :, None])[:, :, 0]
        evidence = (lines * moments).sum(axis=1) / (2 * self.jitter_s**2) - np.log(np.linalg.det(gram) / stiffness) / 2
        evidence[1:] += np.log(BEND_PROBABLE)
        weights = np.exp(evidence - evidence.max())
        weights /= weights.sum()
        self._tick = int(tick)
        self._due_s = float(at_s + weights @ (lines[:, 0] + lines[:, 2] * bends))
        self.period_s += float(weights @ (lines[:, 1] + lines[:, 2]))
        best = int(np.argmax(weights))
        fitted = lines[best, 0] + lines[best, 1] * ticks + lines[best, 2] * np.maximum(0.0, ticks + bends[best])
        self._learn_jitter(late - fitted)
        self._forget(bends, weights)

    def _learn_jitter(self, off_s: Floats) -> None:
        if len(off_s) < TICKS_KEPT // 4:
            return
        seen_s = float(np.sqrt(np.sum(off_s**2) / (len(off_s) - 3)))
        seen_s = min(max(seen_s, JITTER_S_LEAST), JITTER_S_MOST)
        self.jitter_s += (seen_s - self.jitter_s) / TICKS_KEPT

    def _forget(self, bends: Floats, weights: Floats) -> None:
        old = bends >= BEND_OLD
        if weights[old].sum() > BEND_CERTAIN:
            first = self._tick - bends[np.argmax(weights * old)]
            self._arrivals = deque((one for one in self._arrivals if one[0] >= first), maxlen=TICKS_KEPT)
