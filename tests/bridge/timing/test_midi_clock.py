"""A master's ticks as they arrive, early or late by up to 2 ms each, against where the master truly is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from bridge.timing.midi_clock import MidiClock

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
JITTER_S = 0.002


class Ear:
    """Frames of a millisecond, heard as they are mixed."""

    def heard_s(self, frame: float) -> float:
        return frame / 1_000


def song_position(sixteenths: int) -> bytes:
    return bytes([0xF2, sixteenths & 0x7F, sixteenths >> 7])


@dataclass
class Master:
    """Plays ticks into a clock under test. `true_s[k]` is when tick k of the song truly was."""

    clock: MidiClock
    seed: int = 0
    jitter_s: float = JITTER_S
    now_s: float = 100.0
    true_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.errors_ms: list[float] = []  # of the clock's beat, just after each tick, and half way to the next
        self.tempo_errors: list[float] = []

    def play(self, tempos_bpm: Sequence[float], *, send: Callable[[int], int] = lambda tick: 1) -> None:
        """A tick at each of the tempos; `send` says how often the n-th arrives: 0 drops it, 2 doubles it."""
        for tempo_bpm in tempos_bpm:
            tick, period_s = len(self.true_s), 2.5 / tempo_bpm
            self.true_s.append(self.now_s)
            arrived_s = self.now_s + self.rng.uniform(-self.jitter_s, self.jitter_s)
            for _ in range(send(tick)):
                self.clock.feed(CLOCK, arrived_s)
            for share in (0.0, 0.5):
                true_beat = (tick + share) / 24
                heard_beat = self.clock.beat_at(self.now_s + share * period_s)
                self.errors_ms.append((heard_beat - true_beat) * 24 * period_s * 1_000)
            self.tempo_errors.append(self.clock.tempo_bpm / tempo_bpm - 1)
            self.now_s += period_s

    def worst_ms(self, *, from_tick: int = 0) -> float:
        return max(map(abs, self.errors_ms[2 * from_tick :]))

    def worst_tempo(self, *, from_tick: int) -> float:
        return max(map(abs, self.tempo_errors[from_tick:]))


def started(seed: int, *, tempo_bpm: float = 120.0) -> Master:
    """A master whose ticks ran for a bar before it was started."""
    master = Master(MidiClock(Ear()), seed=seed)
    for _ in range(96):
        master.clock.feed(CLOCK, master.now_s + master.rng.uniform(-JITTER_S, JITTER_S))
        master.now_s += 2.5 / tempo_bpm
    master.clock.feed(START, master.now_s - 0.004)
    return master


SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("tempo_bpm", [60, 123.4, 200])
def test_a_jittered_master_is_followed_within_2_ms_always(seed: int, tempo_bpm: float) -> None:
    master = started(seed, tempo_bpm=tempo_bpm)

    master.play([tempo_bpm] * 240)

    assert master.worst_ms() < 2
    assert master.worst_tempo(from_tick=0) < 0.01
    assert np.median(np.abs(master.tempo_errors)) < 0.001


@pytest.mark.parametrize("seed", SEEDS)
def test_dropped_and_doubled_ticks_neither_move_the_beat_nor_count(seed: int) -> None:
    master = started(seed)
    mishap = {30: 0, 61: 2, 100: 0, 101: 0, 150: 2, 151: 2, 200: 0}

    master.play([120] * 240, send=lambda tick: mishap.get(tick, 1))

    assert (master.clock.dropped, master.clock.doubled) == (4, 3)
    assert master.worst_ms() < 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tempo_that_glides_is_followed_within_3_ms(seed: int) -> None:
    master = started(seed)

    master.play([120] * 48 + list(np.linspace(120, 140, 192)) + [140] * 96)

    assert master.worst_ms() < 3
    assert master.worst_tempo(from_tick=48 + 192 + 48) < 0.01


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("tempo_bpm", "bound_ms"), [(121, 2.5), (130, 6), (100, 12)])
def test_a_tempo_that_jumps_is_found_again_within_a_quarter_note(seed: int, tempo_bpm: float, bound_ms: float) -> None:
    master = started(seed)

    master.play([120] * 96 + [tempo_bpm] * 120)

    assert master.worst_ms() < bound_ms  # for the ticks in which nobody can tell a change from jitter
    assert master.worst_ms(from_tick=96 + 24) < 2
    assert master.worst_tempo(from_tick=96 + 48) < 0.01


@pytest.mark.parametrize("tempo_bpm", [55, 250])
def test_half_and_double_tempo_are_no_dropped_or_doubled_ticks(tempo_bpm: float) -> None:
    master = started(0)

    master.play([120] * 48 + [tempo_bpm] * 120)

    assert master.worst_ms(from_tick=48 + 24) < 2
    assert (master.clock.dropped, master.clock.doubled) == (0, 0)


def test_start_takes_effect_at_the_next_tick() -> None:
    clock = MidiClock(Ear())

    clock.feed(START, 9.9)
    assert not clock.playing

    clock.feed(CLOCK, 10.0)
    assert clock.playing
    assert clock.beat_at(10.0) == 0.0


def test_a_start_that_begins_the_ticks_anew_is_anchored_there() -> None:
    master = started(0)
    master.now_s += 0.009  # nearly half a tick after where it would have been

    master.play([120] * 48)

    assert master.worst_ms() < 2 * 1_000 * JITTER_S
    assert master.worst_ms(from_tick=24) < 2


def test_a_song_position_counts_sixteenths_and_continue_goes_on_from_there() -> None:
    clock = MidiClock(Ear())
    for k in range(30):
        clock.feed(CLOCK, k / 48)

    clock.feed(song_position(1_000), 0.62)  # needs both data bytes
    clock.feed(CONTINUE, 0.621)
    clock.feed(CLOCK, 30 / 48)

    assert clock.beat_at(30 / 48) == pytest.approx(250, abs=1e-6)
    assert clock.tempo_bpm == pytest.approx(120, abs=1e-6)


def test_a_song_position_while_playing_takes_effect_at_the_next_tick() -> None:
    master = started(0)
    master.play([120] * 48)
    before = master.clock.read(round(1_000 * master.now_s))

    master.clock.feed(song_position(64), master.now_s - 0.003)
    master.clock.feed(CLOCK, master.now_s)
    after = master.clock.read(round(1_000 * master.now_s))

    assert before is not None
    assert after is not None
    assert after.beat == pytest.approx(16, abs=0.005)
    assert after.epoch == before.epoch + 1


def test_stop_stands_where_continue_goes_on_while_ticks_run() -> None:
    master = started(0)
    master.play([120] * 48)

    master.clock.feed(STOP, master.now_s - 0.005)
    for k in range(24):
        master.clock.feed(CLOCK, master.now_s + k / 48)
    assert master.clock.beat_at(master.now_s + 0.5) == 2.0
    assert not master.clock.playing

    master.clock.feed(CONTINUE, master.now_s + 0.49)
    master.clock.feed(CLOCK, master.now_s + 0.5)
    assert master.clock.beat_at(master.now_s + 0.5) == pytest.approx(2.0, abs=0.003)


def test_three_silent_quarter_notes_are_a_loss_and_until_then_the_beat_runs_on() -> None:
    master = started(0)
    master.play([120] * 96)
    last_s = master.true_s[-1]

    assert master.clock.beat_at(last_s + 1.4) == pytest.approx(95 / 24 + 2.8, abs=0.01)
    assert not master.clock.is_lost(last_s + 1.45)
    assert master.clock.is_lost(last_s + 1.55)
    assert master.clock.read(round(1_000 * (last_s + 1.6))) is None


def test_a_master_that_returns_is_taken_up_where_it_would_have_been() -> None:
    master = started(0)
    master.play([120] * 96)

    master.play([120] * 240, send=lambda tick: tick >= 96 + 96)  # two seconds of silence

    assert master.worst_ms(from_tick=192) < 1_000 * JITTER_S * 2
    assert master.worst_ms(from_tick=192 + 24) < 2


def test_until_it_was_started_only_the_tempo_is_known() -> None:
    clock = MidiClock(Ear())
    for k in range(20):
        clock.feed(CLOCK, k / 48)
    learning = clock.read(410)
    for k in range(20, 40):
        clock.feed(CLOCK, k / 48)
    known = clock.read(830)

    assert learning is not None
    assert known is not None
    assert (learning.steady, known.steady) == (False, True)
    assert (known.playing, known.known_beats, round(known.tempo_bpm, 6)) == (None, 0.0, 120.0)


def test_notes_and_pieces_of_messages_do_no_harm() -> None:
    clock = MidiClock(Ear())

    clock.feed(b"\x90\x24", 0.0)
    clock.feed(b"\xfa\x40\xf8\xf2", 0.1)  # real-time bytes may stand inside any message
    clock.feed(b"\x08\xf8\x00\xf8", 0.12)

    assert clock.playing
    assert clock.beat_at(0.12) == pytest.approx(2.0, abs=0.05)
