"""What takes long is done beside the music, and picked up when it is there: sounds brought to another rate or tempo."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from osc_schemas.samples import Samples

UNDER_WAY_MAX = 256
FORGOTTEN_AFTER_S = 10.0  # a job that nobody has asked for so long makes room for another

T = TypeVar("T")


class Beside:
    """Jobs by name, each done once on a thread of its own. One owner thread."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="for the plug-in")
        self._jobs: OrderedDict[Hashable, tuple[Future[Any], float]] = OrderedDict()  # with when it was asked for last

    def result(self, name: Hashable, job: Callable[[], T]) -> T | None:
        """What the job gives; None while it is under way, or waits for room. Whatever it raises is raised here."""
        now_s = self._now_s()
        future, _ = self._jobs.pop(name, (None, 0.0))
        if future is None:
            if len(self._jobs) >= UNDER_WAY_MAX and not self._makes_room(now_s):
                return None
            future = self._worker.submit(job)
        elif future.done():
            given: T = future.result()
            return given
        self._jobs[name] = future, now_s
        return None

    def _makes_room(self, now_s: float) -> bool:
        oldest, (future, asked_s) = next(iter(self._jobs.items()))
        if now_s - asked_s < FORGOTTEN_AFTER_S:
            return False
        future.cancel()
        del self._jobs[oldest]
        return True

    def close(self) -> None:
        """Forget what is under way."""
        self._worker.shutdown(wait=False, cancel_futures=True)


def at_rate(samples: Samples, *, frames: int, from_hz: int, to_hz: int) -> Samples:
    """`samples` (frames, channels) as exactly `frames` frames of another rate, without what it cannot hold."""
    from scipy.signal import resample_poly

    if from_hz == to_hz:
        return samples
    divisor = int(np.gcd(from_hz, to_hz))
    made = resample_poly(samples, to_hz // divisor, from_hz // divisor, axis=0).astype(np.float32)
    out = np.zeros((frames, samples.shape[1]), np.float32)
    out[: min(frames, len(made))] = made[:frames]
    return out
