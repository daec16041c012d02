"""What takes long is done beside the music, and picked up when it is there: sounds brought to another rate or tempo."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from osc_schemas.samples import Samples

UNDER_WAY_MAX = 256

T = TypeVar("T")


class Beside:
    """Jobs by name, each done once on a thread of its own. One owner thread."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="for the plug-in")
        self._jobs: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    def result(self, name: Hashable, job: Callable[[], T]) -> T | None:
        """What the job gives; None while it is under way. Whatever it raises is raised here."""
        future = self._jobs.get(name)
        if future is None:
            if len(self._jobs) >= UNDER_WAY_MAX:
                self._jobs.popitem(last=False)[1].cancel()
            self._jobs[name] = self._worker.submit(job)
            return None
        if not future.done():
            return None
        del self._jobs[name]
        given: T = future.result()
        return given

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
