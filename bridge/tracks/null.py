"""An output nobody hears: the same compiled mixer at the pace of real time, for machines without sound."""

import threading
import time
from collections.abc import Callable

import numpy as np

from bridge.tracks.mixer import Mixer

CATCH_UP_S = 0.1  # later than this is given up, as a sound card would: a burst would outrun those who plan ahead


class NullOutput:
    """Mixes each block when a sound card would ask for it, and throws it away.

    A Python thread is often late beside busy ones; it then mixes what is due at once, so frames keep up with the clock.
    Being late by more than `CATCH_UP_S` counts as an underrun, and the frame clock loses that time.
    """

    name = "null: nobody hears it"
    live = False

    def __init__(self, mixer: Mixer, *, block_frames: int = 256, clock: Callable[[], float] = time.monotonic) -> None:
        self.latency_frames = block_frames
        self.underruns = 0
        self.latest_s = 0.0  # how late the latest block was
        self._mixer = mixer
        self._clock = clock
        self._block = np.zeros((block_frames, mixer.channels), np.float32)
        self._block_s = block_frames / mixer.sample_rate_hz
        self._next_s: float | None = None  # when the next block is due
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to ask for blocks, on a thread of its own."""
        if self._thread is None:
            self._stopping.clear()
            self._next_s = None
            self._thread = threading.Thread(target=self._run, name="null output", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask for no more."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None

    def mix_due(self) -> float:
        """Mix every block that is due by now; the seconds until the next one is."""
        now_s = self._clock()
        if self._next_s is None:
            self._next_s = now_s
        late_s = now_s - self._next_s
        self.latest_s = max(self.latest_s, late_s)
        if late_s > CATCH_UP_S:
            self.underruns += 1
            self._next_s = now_s - CATCH_UP_S
        while self._next_s <= now_s:
            self._mixer.mix(self._block)
            self._next_s += self._block_s
        return self._next_s - self._clock()

    def _run(self) -> None:
        while not self._stopping.wait(max(0.0, self.mix_due())):
            pass
