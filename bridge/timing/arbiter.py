"""Which clock leads, and how our music comes to where that clock is without a jump.

Clocks stand in the set's order. The first one that is there and steady leads; one that comes back leads again after a
second of steadiness. When the leader is lost our transport holds over: it runs on at the tempo it had, and the next
clock takes the lead from where the music is then. A difference in place is never jumped over: the music runs up to 5 %
faster or slower until it is gone, which moves launches and the passes of loops and bends no pitch. Only what somebody
asked for moves the music at once: start, continue, a song position, a locate.

Bars count as ours. Link's phase is known within a bar, so the way to it is at most half a bar, either way; a clock that
counts bars too and takes over in mid-music is followed as if its bar were ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.timing.clocks import Clock, ClockError, InternalClock, Reading, SharedClock
from bridge.timing.tempo import Stretch
from bridge.timing.transport import Transport

SLEW_SHARE = 0.05  # by how much faster or slower the music runs until it is where the clock is
RETURNED_S = 1.0
AGREED_S = 1.0  # how often a shared clock that nobody else is in is brought to where we are
START_AHEAD_S = 0.1  # a peer's start is obeyed on the next bar that is at least so far away
EXACT_FRAMES = 0.5  # nearer than this the music is on the clock's line
SAID_DIGITS_EXACT, SAID_DIGITS_MEASURED = 3, 1
TREMBLE_SHARE, SETTLED_S, FAR_SHARE = 0.0015, 0.5, 0.03  # when a measured tempo is another one; see `SaidTempo`

EventKind = Literal["lead", "start", "stop", "locate", "tempo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEvent:
    """What the clocks did to the music: another one leads, or the leader started, stopped or moved it, or its tempo."""

    kind: EventKind
    clock: str
    beat: float = 0.0  # where the music is now, for start, stop and locate
    tempo_bpm: float = 0.0
    in_music: bool = False  # whether we were playing when it started or moved us
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStatus:
    """One clock as /status tells it: leads, steady, learning or absent, and how well it is known."""

    name: str
    state: Literal["leads", "steady", "learning", "absent"]
    tempo_bpm: float = 0.0
    error_ms: float = 0.0  # how far its beat may be off, as far as it can tell
    away_ms: float = 0.0  # how far our music still is from the leader's; above 0: we are late
    note: str = ""


class SaidTempo:
    """A tempo as musicians say it, of one that may tremble: clips are made for it, so it must not change for nothing.

    A measured tempo is another one when it has been 0.15 % off for half a second, or at once when it is 3 % off.
    """

    def __init__(self, tempo_bpm: float) -> None:
        self.tempo_bpm = tempo_bpm
        self._candidate_bpm: float | None = None
        self._since_s = 0.0

    def hear(self, tempo_bpm: float, *, exact: bool, at_s: float) -> bool:
        """Take in the clock's tempo at a time. Whether another one is said from now on."""
        if exact:
            return self._say(round(tempo_bpm, SAID_DIGITS_EXACT))
        off_share = abs(tempo_bpm / self.tempo_bpm - 1)
        if off_share <= TREMBLE_SHARE:
            self._candidate_bpm = None
        elif off_share > FAR_SHARE:
            return self._say(round(tempo_bpm, SAID_DIGITS_MEASURED))
        elif self._candidate_bpm is None or abs(tempo_bpm / self._candidate_bpm - 1) > TREMBLE_SHARE:
            self._candidate_bpm, self._since_s = tempo_bpm, at_s
        elif at_s - self._since_s >= SETTLED_S:
            return self._say(round(tempo_bpm, SAID_DIGITS_MEASURED))
        return False

    def _say(self, tempo_bpm: float) -> bool:
        changed, self.tempo_bpm = tempo_bpm != self.tempo_bpm, tempo_bpm
        self._candidate_bpm = None
        return changed


class Arbiter:
    """Clocks in, the transport steered. Told the frame at every call; one owner thread, the transport's."""

    def __init__(self, clocks: Sequence[Clock], *, transport: Transport, beats_per_bar: float) -> None:
        """`clocks` by priority, without the internal one: it is the transport itself, and leads when no other does."""
        self._clocks = tuple(clocks)
        self._transport = transport
        self._internal = InternalClock(transport)
        self._beats_per_bar = beats_per_bar
        self._leader: Clock = self._internal
        self._readings: dict[str, Reading | None] = {}
        self._steady_since: dict[str, int] = {}  # the frame
        self._known: dict[str, tuple[bool | None, int]] = {}  # whether a clock played when last seen, and its epoch
        self._offset_beats = 0.0  # the leader's beat less ours, in whole bars
        self._away_ms = 0.0
        self._frame = 0  # of the readings
        self._agreed_frame = -math.inf
        self._said = SaidTempo(transport.tempo_bpm(0))

    @property
    def leader(self) -> str:
        """The name of the clock that leads."""
        return self._leader.name

    @property
    def led(self) -> bool:
        """Whether a clock other than our own leads."""
        return self._leader is not self._internal

    @property
    def is_placed(self) -> bool:
        """Whether the leader plays, and says not only the tempo and the bar but where the music is."""
        reading = self._readings.get(self.leader)
        return reading is not None and reading.playing is True and math.isinf(reading.known_beats)

    @property
    def knows_bars(self) -> bool:
        """Whether the leader says where bars begin, as Link does even where it does not say which bar it is."""
        reading = self._readings.get(self.leader)
        return reading is not None and reading.known_beats > 0

    def tick(self, frame: int) -> list[ClockEvent]:
        """Look at every clock, and steer the music from `frame` on, the next one that can still be changed."""
        self._readings = {clock.name: clock.read(frame) for clock in self._clocks}
        self._frame = frame
        events = self._choose(frame)
        reading = self._readings.get(self.leader)
        if reading is not None:
            events += self._obey(reading, frame)
        else:
            self._said.tempo_bpm = self._transport.tempo_bpm(frame)
        for name, seen in self._readings.items():
            if seen is not None and (seen.steady or name == self.leader):  # a start heard while learning waits
                self._known[name] = (seen.playing, seen.epoch)
        self._agree(frame)
        return events

    def ask_tempo(self, tempo_bpm: float) -> None:
        """Have the leader change its tempo, for everybody. Raises `ClockError` if it is not for us to change."""
        if not isinstance(self._leader, SharedClock):
            raise ClockError(f"the tempo is that of the {self.leader} clock, which leads; change it there")
        self._leader.set_tempo(tempo_bpm)

    def stop(self, *, frame: int) -> None:
        """Our music stops: so does that of all who share the leader's transport."""
        if isinstance(self._leader, SharedClock):
            self._leader.set_playing(False, frame=frame)

    def play(self, *, frame: int, preroll_frames: int) -> float:
        """Run from where the music stands: at the leader's place if that plays, on its next bar if it has a phase.

        There are at least `preroll_frames` from `frame` to the first beat, unless the leader plays. The beat from which
        the music goes on.
        """
        transport, reading = self._transport, self._readings.get(self.leader)
        stands = transport.beat_at_frame(frame)
        if transport.playing:
            return stands
        first_frame = frame + preroll_frames
        if reading is None or reading.known_beats == 0 or (math.isinf(reading.known_beats) and not reading.playing):
            transport.play(at_frame=first_frame)
            return stands
        if math.isinf(reading.known_beats):
            self._offset_beats = 0.0
            transport.run_along(self._line(reading, self._frame), said_bpm=self._said.tempo_bpm)
            return transport.beat_at_frame(frame)
        line = self._line(reading, self._frame)
        to_bar = (stands - line.beat_at(first_frame - transport.nudge_frames)) % reading.known_beats
        at_frame = round(first_frame + to_bar * line.frames_per_beat)
        transport.play(at_frame=at_frame)
        if isinstance(self._leader, SharedClock) and not reading.playing:
            self._leader.set_playing(True, frame=at_frame)
        return stands

    def status(self) -> tuple[ClockStatus, ...]:
        """Every clock by priority, the internal one last, as of the latest tick."""
        found = []
        for clock in self._clocks:
            reading = self._readings.get(clock.name)
            if reading is None:
                found.append(ClockStatus(name=clock.name, state="absent"))
                continue
            leads = clock is self._leader
            found.append(
                ClockStatus(
                    name=clock.name,
                    state="leads" if leads else "steady" if reading.steady else "learning",
                    tempo_bpm=reading.tempo_bpm,
                    error_ms=reading.error_ms,
                    away_ms=self._away_ms if leads else 0.0,
                    note=reading.note,
                )
            )
        own = ClockStatus(
            name=self._internal.name, state="steady" if self.led else "leads", tempo_bpm=self._said.tempo_bpm
        )
        return (*found, own)

    def _agree(self, frame: int) -> None:
        transport = self._transport
        if frame - self._agreed_frame < AGREED_S * transport.sample_rate_hz:
            return
        self._agreed_frame = frame
        for clock in self._clocks:
            if self._readings[clock.name] is None and isinstance(clock, SharedClock):
                clock.agree(transport.beat_at_frame(frame), self._said.tempo_bpm, frame=frame)

    def _choose(self, frame: int) -> list[ClockEvent]:
        """Let the first steady clock lead; one that returns has to be steady for a while first."""
        returned_frames = RETURNED_S * self._transport.sample_rate_hz
        best: Clock = self._internal
        for clock in self._clocks:
            reading = self._readings[clock.name]
            leads = clock is self._leader and reading is not None
            if reading is None or not (reading.steady or leads):
                self._steady_since.pop(clock.name, None)
                continue
            since_frame = self._steady_since.setdefault(clock.name, frame)
            waited = frame - since_frame >= returned_frames or not self._transport.playing
            if best is self._internal and (leads or waited):
                best = clock
        if best is self._leader:
            return []
        lost, self._leader = self._leader, best
        self._away_ms = 0.0
        if best is self._internal:
            self._hold_over(frame)
            sentence = f"the {lost.name} clock is gone; the music goes on at {self._said.tempo_bpm:g} BPM by itself"
            if not self._transport.playing:
                sentence = f"the {lost.name} clock is gone"
        else:
            reading = self._readings[best.name]
            assert reading is not None
            self._offset_beats = 0.0
            if self._transport.playing and math.isinf(reading.known_beats):
                ahead_beats = reading.beat - self._transport.steered_beat_at(frame)
                self._offset_beats = round(ahead_beats / self._beats_per_bar) * self._beats_per_bar
            sentence = f"the {best.name} clock leads, at {reading.tempo_bpm:.4g} BPM"
        return [ClockEvent(kind="lead", clock=best.name, tempo_bpm=self._said.tempo_bpm, sentence=sentence)]

    def _obey(self, reading: Reading, frame: int) -> list[ClockEvent]:
        """Do what the leader does: its tempo, its start and stop, its place."""
        name, transport, events = self.leader, self._transport, []
        at_s = frame / transport.sample_rate_hz
        if self._said.hear(reading.tempo_bpm, exact=reading.tempo_exact, at_s=at_s):
            events.append(ClockEvent(kind="tempo", clock=name, tempo_bpm=self._said.tempo_bpm))
        said_bpm = self._said.tempo_bpm
        if not transport.playing and transport.tempo_bpm(frame) != said_bpm:
            transport.set_tempo(said_bpm, at_beat=0.0, at_frame=frame)
        played, epoch = self._known.get(name, (False, 0))
        if reading.playing and reading.epoch != epoch and not (played and not transport.playing):
            events += self._move(reading, frame, kind="locate" if played else "start")
        elif reading.playing is False and played:
            events.append(ClockEvent(kind="stop", clock=name, beat=reading.beat))
        if transport.playing and (reading.playing is not False or math.isfinite(reading.known_beats)):
            self._steer(reading, frame)
        return events

    def _move(self, reading: Reading, frame: int, *, kind: EventKind) -> list[ClockEvent]:
        """Go at once where the leader has gone: to its place, or with Link, which has bars alone, to its next bar."""
        transport, said_bpm = self._transport, self._said.tempo_bpm
        in_music = transport.playing
        self._offset_beats = 0.0
        if math.isfinite(reading.known_beats):
            if in_music:  # the others come to us
                return []
            beat = self.play(frame=frame, preroll_frames=round(START_AHEAD_S * transport.sample_rate_hz))
        elif kind == "start" or self._is_elsewhere(reading, frame):
            beat = reading.beat
            transport.run_along(self._line(reading, frame), said_bpm=said_bpm)
        else:
            return []
        return [ClockEvent(kind=kind, clock=self.leader, beat=beat, tempo_bpm=said_bpm, in_music=in_music)]

    def _is_elsewhere(self, reading: Reading, frame: int) -> bool:
        """Whether a position that was set anew is another one: a locate to where the music is anyway moves nothing."""
        return abs(reading.beat - self._transport.steered_beat_at(frame)) > 1 / 8

    def _steer(self, reading: Reading, frame: int) -> None:
        """From `frame` on, run to the leader's line and then along it."""
        transport, said_bpm = self._transport, self._said.tempo_bpm
        line = self._line(reading, frame)
        own_beat = transport.steered_beat_at(frame)
        late_beats = line.beat - own_beat
        if reading.known_beats == 0:
            late_beats = 0.0
        elif math.isfinite(reading.known_beats):
            late_beats = math.remainder(late_beats, reading.known_beats)
        self._away_ms = late_beats * 60_000 / reading.tempo_bpm
        if abs(late_beats) * line.frames_per_beat < EXACT_FRAMES and reading.known_beats > 0:
            transport.follow([self._placed(line, frame, own_beat + late_beats)], said_bpm=said_bpm)
            return
        catch_up_frames = abs(late_beats) / SLEW_SHARE * line.frames_per_beat
        speed = 1 + math.copysign(SLEW_SHARE, late_beats)
        run = Stretch(
            beat=own_beat,
            frame=frame,
            tempo_bpm=reading.tempo_bpm * speed,
            sample_rate_hz=transport.sample_rate_hz,
        )
        there = self._placed(
            line, frame + catch_up_frames, own_beat + late_beats + catch_up_frames / line.frames_per_beat
        )
        transport.follow([run, there] if catch_up_frames else [there], said_bpm=said_bpm)

    def _hold_over(self, frame: int) -> None:
        """Run on as the music runs, without whatever was still to be caught up with."""
        transport = self._transport
        if transport.playing:
            on = self._placed(self._latest_line, frame, transport.steered_beat_at(frame))
            transport.follow([on], said_bpm=self._said.tempo_bpm)

    def _line(self, reading: Reading, frame: float) -> Stretch:
        """The leader's line through `frame`, in our bars."""
        self._latest_line = Stretch(
            beat=reading.beat - self._offset_beats,
            frame=frame,
            tempo_bpm=reading.tempo_bpm,
            sample_rate_hz=self._transport.sample_rate_hz,
        )
        return self._latest_line

    @staticmethod
    def _placed(line: Stretch, frame: float, beat: float) -> Stretch:
        return Stretch(beat=beat, frame=frame, tempo_bpm=line.tempo_bpm, sample_rate_hz=line.sample_rate_hz)
