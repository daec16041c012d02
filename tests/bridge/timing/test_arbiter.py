"""Clocks that are told what to say, the real transport, and where its beats fall: a hundred looks a second, by hand."""

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from bridge.timing.arbiter import Arbiter, ClockEvent, SaidTempo
from bridge.timing.clocks import ClockError, Reading
from bridge.timing.transport import Transport

RATE_HZ = 48_000
TICK_FRAMES = 480


@dataclass
class ToldClock:
    """Runs at a tempo from where it is told; `reading` None: it is gone."""

    name: str
    reading: Reading | None
    at_frame: int = 0  # where it has the beat of its reading

    def read(self, frame: int) -> Reading | None:
        if self.reading is None:
            return None
        beats = (frame - self.at_frame) / RATE_HZ * self.reading.tempo_bpm / 60
        return replace(self.reading, beat=self.reading.beat + (beats if self.reading.playing is not False else 0.0))


def link(beat: float = 0.0, tempo_bpm: float = 120.0) -> ToldClock:
    return ToldClock("link", Reading(beat=beat, tempo_bpm=tempo_bpm, playing=None, known_beats=4.0))


def midi(*, playing: bool | None = None, beat: float = 0.0, tempo_bpm: float = 120.0, epoch: int = 0) -> ToldClock:
    return ToldClock("midi", Reading(beat=beat, tempo_bpm=tempo_bpm, playing=playing, epoch=epoch))


class Stage:
    """An arbiter, its clocks and its transport, by hand."""

    def __init__(self, *clocks: ToldClock, tempo_bpm: float = 120.0) -> None:
        self.transport = Transport(tempo_bpm=tempo_bpm, sample_rate_hz=RATE_HZ)
        self.arbiter = Arbiter(clocks, transport=self.transport, beats_per_bar=4.0)
        self.frame = 0
        self.events: list[ClockEvent] = []

    def run(self, seconds: float) -> list[float]:
        """The beat at each look: of the music as it went."""
        beats = []
        for _ in range(round(seconds * RATE_HZ / TICK_FRAMES)):
            self.events += self.arbiter.tick(self.frame)
            beats.append(self.transport.beat_at_frame(self.frame))
            self.frame += TICK_FRAMES
        return beats

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def off_beat(stage: Stage, clock: ToldClock, *, modulo: float = 4.0) -> float:
    """Ours less the clock's beat, the shorter way round the bar."""
    reading = clock.read(stage.frame)
    assert reading is not None
    off = (stage.transport.beat_at_frame(stage.frame) - reading.beat) % modulo
    return min(off, modulo - off)


def test_without_another_clock_the_music_is_its_own_master() -> None:
    stage = Stage()
    stage.run(0.1)
    stage.arbiter.play(frame=stage.frame, preroll_frames=RATE_HZ)
    stage.run(2)

    assert (stage.arbiter.leader, stage.arbiter.led) == ("internal", False)
    assert stage.transport.frame_at_beat(2) == 4_800 + 2 * RATE_HZ


def test_the_first_clock_that_is_there_leads() -> None:
    gone = ToldClock("link", None)
    stage = Stage(gone, midi(tempo_bpm=98))

    stage.run(0.1)

    assert stage.arbiter.leader == "midi"
    assert stage.transport.tempo_bpm(stage.frame) == 98
    assert [(one.name, one.state) for one in stage.arbiter.status()] == [
        ("link", "absent"),
        ("midi", "leads"),
        ("internal", "steady"),
    ]


def test_with_link_our_first_beat_waits_for_the_bar() -> None:
    clock = link(beat=6.5)
    stage = Stage(clock)
    stage.run(0.1)

    stage.arbiter.play(frame=stage.frame, preroll_frames=RATE_HZ)

    # A second on it is at beat 8.7; its next bar is beat 12, 2.75 s from the beginning.
    assert stage.transport.frame_at_beat(0) == pytest.approx(2.75 * RATE_HZ, abs=1)
    stage.run(4)
    assert stage.transport.frame_at_beat(8) == pytest.approx(6.75 * RATE_HZ, abs=1)


def test_link_s_tempo_is_ours_from_the_moment_it_changes() -> None:
    clock = link()
    stage = Stage(clock)
    stage.run(0.1)
    stage.arbiter.play(frame=stage.frame, preroll_frames=0)
    stage.run(4)

    changed = clock.read(stage.frame)
    assert changed is not None
    clock.reading, clock.at_frame = replace(changed, tempo_bpm=90.0), stage.frame
    stage.run(0.01)

    assert stage.kinds()[-1] == "tempo"
    assert stage.transport.tempo_bpm(stage.frame) == 90
    stage.run(3)
    assert off_beat(stage, clock) < 1e-4


def test_a_lost_leader_is_held_over_and_its_return_is_no_jump() -> None:
    clock = link(tempo_bpm=100)
    stage = Stage(clock)
    stage.run(0.1)
    stage.arbiter.play(frame=stage.frame, preroll_frames=0)
    stage.run(3)

    reading, clock.reading = clock.reading, None
    held = stage.run(5)
    assert stage.arbiter.leader == "internal"
    assert held[-1] - held[0] == pytest.approx(4.99 * 100 / 60)
    assert "goes on at 100 BPM by itself" in stage.events[-1].sentence

    assert reading is not None
    clock.reading = replace(reading, beat=reading.beat + 0.2)  # 0.12 s ahead of where it would have been
    beats = stage.run(0.9)
    assert stage.arbiter.leader == "internal"  # not before it has been steady for a second
    beats += stage.run(4)
    assert stage.arbiter.leader == "link"
    steps = [(b - a) / (0.01 * 100 / 60) for a, b in pairwise(beats)]
    assert 1 - 1e-6 < min(steps) <= max(steps) < 1.05 + 1e-6  # never faster than 5 %
    assert off_beat(stage, clock) < 1e-4
    assert steps[-1] == pytest.approx(1)


def test_half_a_bar_off_is_made_up_the_shorter_way() -> None:
    clock = link(beat=0.0)
    stage = Stage(clock)
    stage.transport.play(at_frame=-RATE_HZ * 5 // 4)  # ours is 2.5 beats on, so 1.5 to go
    stage.run(1.5)
    stage.run(1.5 / 0.05 / 2 + 0.5)

    assert off_beat(stage, clock) < 1e-4


def test_start_takes_the_music_to_the_master_s_place_and_stop_is_told() -> None:
    clock = midi()
    stage = Stage(clock)
    stage.run(0.5)

    clock.reading, clock.at_frame = Reading(beat=0.0, tempo_bpm=120, playing=True, epoch=1), stage.frame - 100
    stage.run(1)
    assert stage.kinds()[-1] == "start"
    assert stage.transport.playing
    assert stage.transport.frame_at_beat(4) == clock.at_frame + 2 * RATE_HZ

    clock.reading = Reading(beat=2.0, tempo_bpm=120, playing=False, epoch=1)
    stage.run(0.01)
    assert stage.kinds()[-1] == "stop"


def test_a_song_position_moves_the_music_at_once() -> None:
    clock = midi(playing=False)
    stage = Stage(clock)
    stage.run(0.1)
    clock.reading, clock.at_frame = Reading(beat=0.0, tempo_bpm=120, playing=True, epoch=1), stage.frame
    stage.run(1)

    clock.reading, clock.at_frame = Reading(beat=64.0, tempo_bpm=120, playing=True, epoch=2), stage.frame
    stage.run(0.01)

    assert (stage.events[-1].kind, stage.events[-1].beat) == ("locate", 64.0)
    assert stage.transport.beat_at_frame(stage.frame) == pytest.approx(64.02)


def test_a_master_that_plays_already_when_we_come_does_not_start_us() -> None:
    clock = midi(playing=True, beat=17.0)
    stage = Stage(clock)
    stage.run(0.5)
    assert not stage.transport.playing

    stage.arbiter.play(frame=stage.frame, preroll_frames=RATE_HZ)

    assert stage.transport.beat_at_frame(stage.frame) == pytest.approx(18.0)


def test_a_start_heard_while_learning_counts_once_the_clock_is_steady() -> None:
    clock = ToldClock("midi", Reading(beat=0.0, tempo_bpm=120, playing=True, epoch=1, steady=False))
    stage = Stage(clock)
    stage.run(0.5)
    assert not stage.transport.playing

    assert clock.reading is not None
    clock.reading = replace(clock.reading, steady=True)
    stage.run(0.01)

    assert stage.events[-1].kind == "start"
    assert stage.transport.beat_at_frame(stage.frame) == pytest.approx(1.02)


def test_a_clock_that_takes_over_in_mid_music_keeps_our_bars() -> None:
    first, second = link(), midi(playing=True, beat=101.0, epoch=3)
    stage = Stage(first, second)
    stage.run(0.1)
    stage.arbiter.play(frame=stage.frame, preroll_frames=0)
    before = stage.run(4)

    first.reading = None
    after = stage.run(30)

    assert stage.arbiter.leader == "midi"
    assert after[0] - before[-1] == pytest.approx(0.02, abs=0.002)
    assert off_beat(stage, second) < 1e-4
    assert "start" not in stage.kinds()
    assert "locate" not in stage.kinds()


def test_a_nudge_stays_beside_the_leader_s_beat() -> None:
    clock = link()
    stage = Stage(clock)
    stage.transport.nudge_frames = 480
    stage.run(0.1)
    stage.arbiter.play(frame=stage.frame, preroll_frames=0)
    stage.run(5)

    assert stage.transport.frame_at_beat(4) == pytest.approx(2 * RATE_HZ + 2 * RATE_HZ + 480, abs=1)


def test_a_clock_that_knows_only_its_tempo_leaves_the_phase_alone() -> None:
    clock = ToldClock("midi", Reading(beat=3.3, tempo_bpm=100, playing=None, known_beats=0.0, tempo_exact=False))
    stage = Stage(clock)
    stage.run(0.1)
    stage.arbiter.play(frame=stage.frame, preroll_frames=0)
    beats = stage.run(3)

    assert beats[0] == pytest.approx(0.0, abs=1e-9)
    assert beats[-1] == pytest.approx(2.99 * 100 / 60)


def test_a_measured_tempo_that_trembles_is_said_as_one() -> None:
    said = SaidTempo(120)

    assert not any(said.hear(120 + 0.1 * (-1) ** k, exact=False, at_s=0.01 * k) for k in range(500))
    assert [said.hear(120.9, exact=False, at_s=5 + 0.01 * k) for k in range(60)].count(True) == 1
    assert said.tempo_bpm == 120.9
    assert said.hear(128.04, exact=False, at_s=6)  # far off: at once
    assert said.tempo_bpm == 128.0


class SharedToldClock(ToldClock):
    """A session that others are in, or not; remembers what was asked of it."""

    def __init__(self, reading: Reading | None) -> None:
        super().__init__("link", reading)
        self.asked: list[tuple[object, ...]] = []

    def set_tempo(self, tempo_bpm: float) -> None:
        self.asked.append(("tempo", tempo_bpm))

    def set_playing(self, playing: bool, *, frame: int) -> None:
        self.asked.append(("playing", playing, frame))

    def agree(self, beat: float, tempo_bpm: float, *, frame: int) -> None:
        self.asked.append(("agree", round(beat, 6), tempo_bpm))


def shared(*, playing: bool | None = None) -> SharedToldClock:
    return SharedToldClock(Reading(beat=0.0, tempo_bpm=97.0, playing=playing, known_beats=4.0))


def test_a_tempo_that_is_asked_for_here_is_the_session_s_and_joining_asks_for_none() -> None:
    clock = shared()
    stage = Stage(clock)
    stage.run(3)
    assert clock.asked == []

    stage.arbiter.ask_tempo(128)

    assert clock.asked == [("tempo", 128)]


def test_the_tempo_of_a_master_is_not_ours_to_change() -> None:
    stage = Stage(midi())
    stage.run(0.1)

    with pytest.raises(ClockError, match="the midi clock, which leads; change it there"):
        stage.arbiter.ask_tempo(128)


def test_our_own_start_and_stop_are_told_to_the_session() -> None:
    clock = shared(playing=False)
    stage = Stage(clock)
    stage.run(0.1)

    stage.arbiter.play(frame=stage.frame, preroll_frames=0)
    stage.arbiter.stop(frame=stage.frame)

    assert clock.asked == [("playing", True, stage.transport.frame_at_beat(0)), ("playing", False, stage.frame)]


def test_a_peer_s_start_is_obeyed_on_the_next_bar() -> None:
    clock = shared(playing=False)
    stage = Stage(clock, tempo_bpm=97)
    stage.run(1)

    assert clock.reading is not None
    clock.reading = Reading(beat=1.5, tempo_bpm=97, playing=True, known_beats=4.0, epoch=1)
    clock.at_frame = stage.frame
    stage.run(0.01)

    assert (stage.events[-1].kind, stage.events[-1].beat) == ("start", 0.0)
    assert stage.transport.frame_at_beat(0) == pytest.approx(clock.at_frame + 2.5 * 60 / 97 * RATE_HZ, abs=1)
    assert ("playing", True, stage.transport.frame_at_beat(0)) not in clock.asked  # it plays already


def test_whoever_comes_later_finds_our_tempo_and_bar() -> None:
    clock = SharedToldClock(None)
    stage = Stage(clock, tempo_bpm=111)

    stage.run(2.5)

    assert clock.asked == [("agree", 0.0, 111)] * 3
