"""JACK transport: the server's own frames, and the bars of whichever program keeps them, on the frame.

The frame comes from our output's callback, which asks the server within the very cycle that it mixes: the transport's
frame less the mixer's is one number, and while it stays the same the two roll together. Bars and beats are asked for
beside it. A program tells them in whole ticks, so that a beat alone would be 12 frames coarse; but at one tempo from
the first frame on the beat follows from the frame, and after a change of tempo a few looks at the ticks narrow it down.

JACK counts bars and beats from 1, in the note that the meter names; a beat of ours is a quarter note. Without a program
that keeps bars there is no tempo; the transport's frames are then counted at the music's own.
"""

from collections.abc import Callable
from typing import Any, Protocol

from bridge.timing.clocks import Reading

ROLLING = 1  # JackTransportRolling
HAS_BARS, HAS_OFFSET = 0x10, 0x40  # JackPositionBBT, JackBBTFrameOffset
SAME_TEMPO_SHARE = 1e-6


class JackClient(Protocol):
    """What is wanted of a `jack.Client`."""

    def transport_query_struct(self) -> tuple[int, Any]:
        """The state, and the server's `jack_position_t`."""


class JackTransport:
    """The transport of the JACK server that our output belongs to. One owner thread."""

    name = "jack"

    def __init__(
        self,
        client: JackClient,
        *,
        transport_less_mixer: Callable[[], int | None],
        own_tempo_bpm: Callable[[], float],
        sample_rate_hz: int,
    ) -> None:
        """`transport_less_mixer`: the transport's frame less the mixer's as it rolls; None while it stands."""
        self._client = client
        self._transport_less_mixer = transport_less_mixer
        self._own_tempo_bpm = own_tempo_bpm
        self._rate_hz = sample_rate_hz
        self._rolls_from: int | None = None  # the frame of the mixer at which the transport had, or would have had, 0
        self._seen = False
        self._epoch = 0
        self._tempo_bpm = 0.0
        self._low_beat = self._high_beat = 0.0  # between these lies the beat of the transport's frame 0

    def read(self, frame: int) -> Reading:
        """Where the transport will be at `frame` of the mixer."""
        state, position = self._client.transport_query_struct()
        less_mixer = self._transport_less_mixer()
        rolls = state == ROLLING and less_mixer is not None
        if rolls and less_mixer != self._rolls_from and self._seen:  # a start, a locate, or a cycle that was missed
            self._epoch += 1
        self._rolls_from = less_mixer if rolls else None
        self._seen = True
        tempo_bpm, zero_beat, note = self._bars(position)
        at_frame = position.frame if less_mixer is None or not rolls else frame + less_mixer
        return Reading(
            beat=zero_beat + at_frame * tempo_bpm / 60 / self._rate_hz,
            tempo_bpm=tempo_bpm,
            playing=rolls,
            epoch=self._epoch,
            error_ms=1_000 * (self._high_beat - self._low_beat) / 2 * 60 / tempo_bpm,
            note=note,
        )

    def _bars(self, position: Any) -> tuple[float, float, str]:
        """The tempo, the beat that the transport's frame 0 has or would have at it, and a note for people."""
        if not position.valid & HAS_BARS or position.beats_per_minute <= 0:
            self._low_beat = self._high_beat = self._tempo_bpm = 0.0
            return self._own_tempo_bpm(), 0.0, "no program keeps its bars"
        quarters = 4 / position.beat_type
        tempo_bpm = position.beats_per_minute * quarters
        beats = (
            (position.bar - 1) * position.beats_per_bar + position.beat - 1 + position.tick / position.ticks_per_beat
        )
        tick_beats = quarters / position.ticks_per_beat
        at_frame = position.frame - (position.bbt_offset if position.valid & HAS_OFFSET else 0)
        zero_beat = beats * quarters - at_frame * tempo_bpm / 60 / self._rate_hz
        note = f"{position.beats_per_bar:g}/{position.beat_type:g}"
        if abs(zero_beat) <= tick_beats:
            self._low_beat = self._high_beat = 0.0
            self._tempo_bpm = tempo_bpm
            return tempo_bpm, 0.0, note
        low, high = zero_beat, zero_beat + tick_beats  # the tick that was told has begun, the next has not
        same = abs(tempo_bpm - self._tempo_bpm) <= SAME_TEMPO_SHARE * tempo_bpm
        if same and low <= self._high_beat and high >= self._low_beat:
            low, high = max(low, self._low_beat), min(high, self._high_beat)
        self._tempo_bpm, self._low_beat, self._high_beat = tempo_bpm, low, high
        return tempo_bpm, (low + high) / 2, note
