"""When a frame is heard: the mixer's frames fitted against the computer's clock, with a slow filter.

Whoever looks at the mixer's count sees it late, by up to a block and by whatever kept the machine busy, but never
early. So of many looks the least late ones count: a line along the lower edge of half-second minima. Its slope is the
difference between the sound card's idea of a second and the computer's, usually below 100 ppm.
"""

from collections import deque

import numpy as np

BUCKET_S, BUCKETS = 0.5, 40
SLOPE_TYPICAL, LEAST_TREMBLES_S = 50e-6, 0.3e-3  # how much a slope must be proved: few minima leave it near 0
LOST_S = 0.005  # the least late look of half a second is this much later than the line: frames were lost


class FrameClock:
    """Looks at the frame counter in; the moment of any frame's sound out. One owner thread."""

    def __init__(self, *, sample_rate_hz: int) -> None:
        self.ahead_frames = 0  # from the mixing of a frame to its sound: the output's latency and one block
        self._rate_hz = sample_rate_hz
        self._least: deque[tuple[float, float]] = deque(maxlen=BUCKETS)  # when, and the second of frame 0 as seen then
        self._bucket_ends_s = -np.inf
        self._slope = 0.0
        self._edge_s, self._edge_at_s = 0.0, 0.0
        self._late = 0  # half seconds in a row that were later than the line

    def look(self, frame: int, at_s: float) -> None:
        """The next frame to be mixed was `frame` at `at_s`."""
        zero_s = at_s - frame / self._rate_hz
        if not self._least:
            self._begin(zero_s, at_s)
        elif at_s >= self._bucket_ends_s:
            self._weigh()
            self._least.append((at_s, zero_s))
            self._bucket_ends_s = at_s + BUCKET_S
        elif zero_s < self._least[-1][1]:
            self._least[-1] = (at_s, zero_s)
        ahead_s = self._zero_s(at_s) - zero_s
        if ahead_s > LOST_S:  # frames came from nowhere: the server ran freely, or the computer's clock was set
            self._begin(zero_s, at_s)
        elif ahead_s > 0:
            self._edge_s -= ahead_s

    def heard_s(self, frame: float) -> float:
        """The moment the sound of `frame` leaves the loudspeaker."""
        played_s = (frame + self.ahead_frames) / self._rate_hz
        return (played_s + self._edge_s - self._slope * self._edge_at_s) / (1 - self._slope)

    def _zero_s(self, at_s: float) -> float:
        return self._edge_s + self._slope * (at_s - self._edge_at_s)

    def _begin(self, zero_s: float, at_s: float) -> None:
        self._least = deque([(at_s, zero_s)], maxlen=BUCKETS)
        self._bucket_ends_s = at_s + BUCKET_S
        self._slope, self._edge_s, self._edge_at_s, self._late = 0.0, zero_s, at_s, 0

    def _weigh(self) -> None:
        """Half a second is over: lay the line along the lower edge anew."""
        at_s, zero_s = self._least[-1]
        if zero_s - self._zero_s(at_s) > LOST_S:
            self._late += 1
            if self._late > 1:
                self._begin(zero_s, at_s)
            return
        self._late = 0
        seen = np.array(self._least)
        since_s = seen[:, 0] - at_s
        from_middle_s = since_s - since_s.mean()
        doubt = (LEAST_TREMBLES_S / SLOPE_TYPICAL) ** 2
        self._slope = float(from_middle_s @ seen[:, 1] / (from_middle_s @ from_middle_s + doubt))
        self._edge_at_s = at_s
        self._edge_s = float(np.min(seen[:, 1] - self._slope * since_s))
