"""The host that our plug-in lives in, as a clock to follow; and where each such host is, for who places clips there.

An instance says every 20 ms which beat the block had that it was playing, how long ago that block began, and how many
frames it had played by then. The beat follows from the frames exactly. When a frame was played trembles, as hosts work
ahead in bursts, but it is never early: so `FrameClock` finds it as it does for our own output. What leads stays exact
between messages, whatever the size of the host's blocks.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.timing.clocks import FrameTime, Reading
from bridge.timing.frame_time import FrameClock
from osc_schemas import bounds
from osc_schemas.codec import Message

LOST_S = 1.0  # without a word of the time: the host hangs, or is gone
STEADY_MESSAGES = 10  # the first few blocks after a start come late
ERROR_MS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMoment:
    """Where a host is at one moment."""

    beat: float  # quarter notes from its project's start; where it stands while it does not play
    tempo_bpm: float
    playing: bool
    offline: bool  # it bounces: faster or slower than time goes by
    epoch: int


class _HostTime:
    """What one instance has said of the time."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.messages = 0
        self.heard_s = 0.0
        self.has_played = False
        self.latest: Message | None = None
        self._frame_clock = FrameClock(sample_rate_hz=sample_rate_hz)

    def hear(self, message: Message, at_s: float) -> None:
        frame = message.whole("frame")
        if self.latest is not None and frame < self.latest.whole("frame"):  # the host has set it up anew
            self._frame_clock = FrameClock(sample_rate_hz=self.sample_rate_hz)
            self.messages = 0
        self._frame_clock.look(frame, at_s - message.number("age_s"))
        self.latest, self.heard_s = message, at_s
        self.messages += 1
        self.has_played = self.has_played or message.whole("playing") == 1

    def at(self, at_s: float, now_s: float) -> HostMoment | None:
        said = self.latest
        if said is None or now_s - self.heard_s > LOST_S:
            return None
        tempo_bpm, playing = said.number("tempo_bpm"), said.whole("playing") == 1
        beat = said.number("beat")
        if playing:
            zero_s, second_s = self._frame_clock.heard_s(0), self._frame_clock.heard_s(self.sample_rate_hz)
            played_s = (at_s - zero_s) / (second_s - zero_s) - said.whole("frame") / self.sample_rate_hz
            beat += played_s * tempo_bpm / 60
        return HostMoment(
            beat=beat,
            tempo_bpm=tempo_bpm,
            playing=playing,
            offline=said.whole("offline") == 1,
            epoch=said.whole("epoch"),
        )


class PluginTimes:
    """Where the host of every instance is. Told on one thread, asked on any; times are `time.monotonic`."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._hosts: dict[bytes, _HostTime] = {}  # by the instance's identity, the oldest first
        self._leader: bytes | None = None

    def welcome(self, identity: bytes, *, sample_rate_hz: int) -> None:
        """An instance has come, or has another rate now."""
        with self._lock:
            known = self._hosts.get(identity)
            if known is None or known.sample_rate_hz != sample_rate_hz:
                self._hosts[identity] = _HostTime(sample_rate_hz)

    def hear(self, identity: bytes, message: Message, at_s: float) -> None:
        """A /plugin/time came at `at_s`."""
        with self._lock:
            if identity in self._hosts:
                self._hosts[identity].hear(message, at_s)

    def forget(self, identity: bytes) -> None:
        """An instance has gone."""
        with self._lock:
            self._hosts.pop(identity, None)

    def at(self, identity: bytes, at_s: float) -> HostMoment | None:
        """Where its host is at a time, which may lie ahead if nothing changes until then; None if it does not say."""
        with self._lock:
            host = self._hosts.get(identity)
            return None if host is None else host.at(at_s, self._now_s())

    def leading(self, at_s: float) -> tuple[bytes, HostMoment, bool] | None:
        """The instance to follow, where its host is, and whether that is known well; None if nobody says.

        The first that plays stays the one until it is gone; before any has played, the first that is there.
        """
        with self._lock:
            moments = {name: host.at(at_s, self._now_s()) for name, host in self._hosts.items()}
            there = {name: self._hosts[name] for name, moment in moments.items() if moment is not None}
            if self._leader not in there or not there[self._leader].has_played:
                players = [name for name, host in there.items() if host.has_played]
                self._leader = next(iter([*players, *there]), None)
            if self._leader is None:
                return None
            moment = moments[self._leader]
            assert moment is not None
            return self._leader, moment, there[self._leader].messages >= STEADY_MESSAGES


class PluginClock:
    """The host of the instance that leads, as a clock. Read on the player's thread."""

    name = "plugin"

    def __init__(self, times: PluginTimes, frame_time: FrameTime) -> None:
        self.moved: tuple[bool, int] = (False, 0)  # whether it played when last read, and its epoch
        self._times, self._frame_time = times, frame_time
        self._known: tuple[bytes, int] | None = None
        self._epoch = 0

    def read(self, frame: int) -> Reading | None:
        """Where the host is when `frame` is heard; None while no instance says, or at a tempo that nobody follows.

        A host that bounces stands still for us: its time is not ours.
        """
        found = self._times.leading(self._frame_time.heard_s(frame))
        if found is None:
            return None
        identity, moment, steady = found
        if not bounds.TEMPO_BPM_LOW <= moment.tempo_bpm <= bounds.TEMPO_BPM_HIGH:
            return None
        if self._known != (identity, moment.epoch):
            self._known = (identity, moment.epoch)
            self._epoch += 1
        playing = moment.playing and not moment.offline
        self.moved = (playing, self._epoch)
        return Reading(
            beat=moment.beat,
            tempo_bpm=moment.tempo_bpm,
            playing=playing,
            epoch=self._epoch,
            steady=steady,
            error_ms=ERROR_MS,
            note="bounces" if moment.offline else identity.decode(errors="replace").partition("/")[0],
        )
