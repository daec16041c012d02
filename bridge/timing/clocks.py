"""Who says where the music is: one small interface for every clock, and our own as the first of them.

A clock is asked about a frame of the output, which lies a little ahead of the ear. One that lives in the computer's
time gets there by `FrameTime`; JACK's counts in frames itself.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bridge.timing.transport import Transport


class ClockError(RuntimeError):
    """A clock cannot be had; the text says what is missing and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a clock knows about one frame of the output."""

    beat: float  # quarter notes, as the clock counts them; where it stands while it does not play
    tempo_bpm: float
    playing: bool | None  # None: it has no transport, as Link without start/stop sync
    known_beats: float = math.inf  # the beat is known modulo this: a bar for Link; 0 if only the tempo is known
    epoch: int = 0  # another number when start, continue or a locate has set the position anew; 0: not since we listen
    steady: bool = True  # False while it is still learning: not to be followed yet
    tempo_exact: bool = True  # False where the tempo is measured, and so trembles
    error_ms: float = 0.0  # by how much the beat may be off, as far as the clock can tell
    note: str = ""  # such as "2 peers", for people


class FrameTime(Protocol):
    """When a frame of the output is heard, in seconds of `time.monotonic`."""

    def heard_s(self, frame: float) -> float:
        """The moment its sound leaves the loudspeaker, output latency included."""


class Clock(Protocol):
    """Something that may lead the music. `read` is called on the player's thread, about a hundred times a second."""

    @property
    def name(self) -> str:
        """As sets and /status write it: link, midi, jack, internal."""

    def read(self, frame: int) -> Reading | None:
        """What it knows about `frame`; None when it is not there, or has been silent for too long."""


@runtime_checkable
class SharedClock(Clock, Protocol):
    """A clock whose tempo and transport belong to all who are in it, us among them, as Link's do."""

    def set_tempo(self, tempo_bpm: float) -> None:
        """Change the tempo for everybody: only when somebody here has asked for it."""

    def set_playing(self, playing: bool, *, frame: int) -> None:
        """Let everybody play, or stop, from `frame` on, if that is shared."""

    def agree(self, beat: float, tempo_bpm: float, *, frame: int) -> None:
        """While nobody else is there, let whoever comes find our beat and tempo."""


class InternalClock:
    """Our own transport, told by nobody: it is always there, and its beat is the beat."""

    name = "internal"

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read(self, frame: int) -> Reading:
        """Where the transport is."""
        return Reading(
            beat=self._transport.beat_at_frame(frame), tempo_bpm=self._transport.tempo_bpm(frame), playing=None
        )
