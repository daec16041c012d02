"""What was really mixed, track by track, carried from the callback to whoever records or checks it."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bridge.tracks import kernel
from bridge.tracks.memory import offset

if TYPE_CHECKING:
    from bridge.tracks.mixer import Samples

SECONDS = 5  # how far behind a reader may fall before rows are lost


class Tap:
    """A ring of rows (left and right of every track after its gain, then of the limited master), and their frames.

    The mixer owns it and fills it while it is open; one thread reads. Its memory stays, since a block may be in the
    making when it is closed.
    """

    def __init__(self, state: npt.NDArray[np.void], *, sample_rate_hz: int) -> None:
        """Lay the ring beside the mixer record `state` (1,)."""
        rows = SECONDS * sample_rate_hz
        self._address = state.ctypes.data
        self._rows = np.ones((rows, 2 * (int(state[0]["tracks"]) + 1)), np.float32)  # written to, so no page is new
        self._frames = np.ones(rows, np.int64)  # to the callback
        state[0]["tap"], state[0]["tap_frames"] = self._rows.ctypes.data, self._frames.ctypes.data
        state[0]["tap_rows"] = rows

    def open(self) -> None:
        """Let rows come, from the next chunk on; those left from before are forgotten."""
        self._store("tap_read", self._load("tap_written"))
        self._store("tap_armed", 1)

    def close(self) -> None:
        """Let no more rows come; those that wait can still be read."""
        self._store("tap_armed", 0)

    @property
    def is_open(self) -> bool:
        """Whether rows come."""
        return bool(self._load("tap_armed"))

    def read(self) -> "tuple[npt.NDArray[np.int64], Samples]":
        """The rows that wait: their frames (rows,), and the rows (rows, 2 * (tracks + 1)). A lost frame has none."""
        read, written = self._load("tap_read"), self._load("tap_written")
        places = np.arange(read, written) % len(self._rows)
        frames, rows = self._frames[places], self._rows[places]
        self._store("tap_read", written)
        return frames, rows

    def _load(self, name: str) -> int:
        return kernel.load(self._address + offset(name))

    def _store(self, name: str, value: int) -> None:
        kernel.store(self._address + offset(name), value)
