"""MIDI clock: 24 ticks to the quarter note, start, stop, continue and song position, as a clock to follow.

What counts: Start and Continue take effect at the next tick; a song position counts sixteenths, 6 ticks each; ticks go
on while the master is stopped, so the tempo is known before the start; and they tremble by milliseconds, which
`TickLine` smooths over one to four quarter notes.
"""

import threading
from collections import deque
from typing import TYPE_CHECKING

import mido
import numpy as np

from bridge.timing.clocks import FrameTime, Reading
from bridge.timing.tick_line import TICKS_NEEDED, TickLine

if TYPE_CHECKING:
    from collections.abc import Sequence

REAL_TIME = 0xF8  # from here on a byte is a message of its own, wherever it stands
TICKS_PER_BEAT, TICKS_PER_SIXTEENTH = 24, 6
STEADY_TICKS = 24  # smoothed over a quarter note before anybody should follow
LOST_BEATS = 3.0  # silent for so long, and the clock is gone
ODD_MAX, ODD_OF = 3, 6  # so many dropped or doubled ticks among the latest are no accident but another tempo
TWICE_TICKS = 0.3  # nearer to the one before than this, a tick came twice
OFF_GRID_TICKS = 0.25  # a start further from the running ticks than this has begun them anew
PERIOD_S_LEAST, PERIOD_S_MOST = 60 / 999 / TICKS_PER_BEAT, 60 / 10 / TICKS_PER_BEAT


class MidiClock:
    """Messages and when they came -> where the master is. May be fed on one thread and read on another."""

    name = "midi"

    def __init__(self, frame_time: FrameTime, *, tempo_bpm: float = 120.0) -> None:
        """`tempo_bpm`: what is assumed until the second tick."""
        self.dropped = self.doubled = 0
        self._frame_time = frame_time
        self._parser, self._real_time = mido.Parser(), mido.Parser()
        self._lock = threading.Lock()
        self._line = TickLine(period_s=60 / tempo_bpm / TICKS_PER_BEAT)
        self._period_known = False
        self._heard_s: float | None = None  # the latest tick
        self._recent: deque[tuple[float, int]] = deque(maxlen=ODD_OF)  # when a tick came, and for how many it counted
        self._playing: bool | None = None  # not known before the first start or stop
        self._epoch = 0
        self._next_tick = 0  # of the song, which the next tick will be
        self._song_less_line = 0  # ticks of the song less ticks of the line, while playing
        self._starting = False

    def feed(self, raw: "bytes | Sequence[int]", at_s: float) -> None:
        """Take raw MIDI that came at `at_s`, in seconds of `time.monotonic`: messages, or pieces of them."""
        for byte in raw:  # a tick may stand in the middle of a song position; mido would lose that
            parser = self._real_time if byte >= REAL_TIME else self._parser
            parser.feed_byte(byte)
            for message in parser:
                self.hear(message, at_s)

    def hear(self, message: "mido.Message", at_s: float) -> None:
        """Take one message that came at `at_s`; those that are not about the clock change nothing."""
        with self._lock:
            match message.type:
                case "clock":
                    self._tick(at_s)
                case "start":
                    self._next_tick, self._starting = 0, True
                case "continue":
                    self._starting = True
                case "songpos":
                    self._next_tick = message.pos * TICKS_PER_SIXTEENTH
                    self._starting = self._starting or self._playing is True
                case "stop":
                    self._playing, self._starting = False, False

    def read(self, frame: int) -> Reading | None:
        """What is known about the sound of `frame`; None before the first ticks and after 3 silent quarter notes."""
        at_s = self._frame_time.heard_s(frame)
        with self._lock:
            if self._line.ticks < 2 or self._is_lost(at_s):
                return None
            smoothed = min(self._line.ticks, TICKS_PER_BEAT)
            return Reading(
                beat=self._beat_at(at_s),
                tempo_bpm=self._tempo_bpm,
                playing=self._playing,
                known_beats=0.0 if self._playing is None else float("inf"),
                epoch=self._epoch,
                steady=self._line.ticks >= STEADY_TICKS,
                tempo_exact=False,
                error_ms=2_000 * self._line.jitter_s / smoothed**0.5,
                note=f"jitter {1_000 * self._line.jitter_s:.1f} ms",
            )

    @property
    def playing(self) -> bool:
        """Whether the master plays, as far as is known."""
        return self._playing is True

    @property
    def tempo_bpm(self) -> float:
        """As measured."""
        with self._lock:
            return self._tempo_bpm

    def beat_at(self, at_s: float) -> float:
        """Quarter notes from the song's start; while stopped, where it will go on."""
        with self._lock:
            return self._beat_at(at_s)

    def is_lost(self, at_s: float) -> bool:
        """Whether no tick has come for 3 quarter notes, or ever."""
        with self._lock:
            return self._is_lost(at_s)

    @property
    def _tempo_bpm(self) -> float:
        return 60 / (self._line.period_s * TICKS_PER_BEAT)

    def _beat_at(self, at_s: float) -> float:
        if not self._playing:
            return self._next_tick / TICKS_PER_BEAT
        return (self._line.tick_at(at_s) + self._song_less_line) / TICKS_PER_BEAT

    def _is_lost(self, at_s: float) -> bool:
        return self._heard_s is None or at_s - self._heard_s > LOST_BEATS * TICKS_PER_BEAT * self._line.period_s

    def _tick(self, at_s: float) -> None:
        line, was_lost = self._line, self._is_lost(at_s)
        if self._heard_s is None:
            line.restart(0, at_s)
        elif was_lost:  # as if ticks had gone on: no jump, and the tempo is learnt anew
            line.restart(max(line.latest_tick + 1, round(line.tick_at(at_s))), at_s)
        elif self._starting and abs(line.tick_at(at_s) - line.latest_tick - 1) > OFF_GRID_TICKS:
            line.restart(line.latest_tick + 1, at_s)
        elif not self._counted(at_s):
            return
        if self._heard_s is None or was_lost:
            self._period_known = False
            self._recent.clear()
        self._heard_s = at_s
        self._place(line.latest_tick)

    def _counted(self, at_s: float) -> bool:
        """Give the tick its number. False if it came twice, and so counts for nothing."""
        line = self._line
        steps = 1
        if self._period_known and self._heard_s is not None:  # the gap alone trembles twice, the line alone lags
            gap_ticks = (at_s - self._heard_s) / line.period_s
            steps = max(1, round((gap_ticks + line.tick_at(at_s) - line.latest_tick) / 2))
            if gap_ticks < TWICE_TICKS:
                steps = 0
        self._recent.append((at_s, steps))
        if self._is_other_tempo():
            return True
        if steps == 0:
            self.doubled += 1
            return False
        self.dropped += steps - 1
        line.add(line.latest_tick + steps, at_s)
        self._period_known = self._period_known or line.ticks >= TICKS_NEEDED
        return True

    def _is_other_tempo(self) -> bool:
        """Whether half of the latest ticks were odd; then each of them counts for one, and the line begins anew."""
        odd = [index for index, (_, steps) in enumerate(self._recent) if steps != 1]
        if len(odd) < ODD_MAX:
            return False
        line, recent = self._line, list(self._recent)[odd[0] :]
        counted = sum(steps for _, steps in recent[:-1])
        for _, steps in recent[:-1]:
            self.dropped -= max(0, steps - 1)
            self.doubled -= steps == 0
        gaps_s = np.diff([came_s for came_s, _ in recent])
        period_s = float(np.clip(np.median(gaps_s), PERIOD_S_LEAST, PERIOD_S_MOST))
        line.restart(line.latest_tick - counted + len(recent), recent[-1][0], period_s=period_s)
        self._period_known = False
        self._recent.clear()
        return True

    def _place(self, tick: int) -> None:
        """The line has come to `tick`: where that is in the song."""
        if self._starting:
            self._starting, self._playing = False, True
            self._epoch += 1
            self._song_less_line = self._next_tick - tick
        if self._playing:
            self._next_tick = tick + self._song_less_line + 1
