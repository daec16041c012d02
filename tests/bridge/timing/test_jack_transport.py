"""A JACK client that is told its position; tests/whole/test_jack_transport.py has a real server."""

from dataclasses import dataclass, field

import pytest

from bridge.timing.jack_transport import HAS_BARS, HAS_OFFSET, JackTransport

RATE_HZ = 48_000


@dataclass
class Position:
    """The fields of a jack_position_t."""

    frame: int = 0
    valid: int = 0
    bar: int = 1
    beat: int = 1
    tick: int = 0
    beats_per_bar: float = 4.0
    beat_type: float = 4.0
    ticks_per_beat: float = 1_920.0
    beats_per_minute: float = 120.0
    bbt_offset: int = 0

    def keep_bars(self, *, from_beat: float = 0.0, from_frame: int = 0) -> None:
        """As a program with whole ticks keeps them, from a beat on a frame."""
        self.valid |= HAS_BARS
        beats = from_beat + (self.frame - from_frame) * self.beats_per_minute / 60 / RATE_HZ
        ticks = int(beats * self.ticks_per_beat + 1e-9)
        whole, self.tick = divmod(ticks, int(self.ticks_per_beat))
        bar, beat = divmod(whole, int(self.beats_per_bar))
        self.bar, self.beat = bar + 1, beat + 1


@dataclass
class Server:
    """A server and the output that plays into it, whose mixer is `mixer_ahead` frames ahead of the transport."""

    position: Position = field(default_factory=Position)
    rolling: bool = True
    mixer_ahead: int = 1_000

    def transport_query_struct(self) -> tuple[int, Position]:
        return int(self.rolling), self.position

    def transport_less_mixer(self) -> int | None:
        return -self.mixer_ahead if self.rolling else None

    def clock(self) -> JackTransport:
        return JackTransport(
            self,
            transport_less_mixer=self.transport_less_mixer,
            own_tempo_bpm=lambda: 90.0,
            sample_rate_hz=RATE_HZ,
        )


def test_at_one_tempo_the_beat_follows_from_the_frame_exactly() -> None:
    server = Server()
    server.position.beats_per_minute = 124.0
    clock = server.clock()

    for frame in range(0, 480_000, 1_234):  # most of them lie between two ticks
        server.position.frame = frame
        server.position.keep_bars()
        reading = clock.read(frame + 1_000)
        assert reading.beat == pytest.approx(frame * 124 / 60 / RATE_HZ, abs=1e-9)
        assert reading.tempo_bpm == 124


def test_bars_are_asked_for_once_and_the_frame_is_that_of_the_mixer() -> None:
    server = Server(Position(frame=48_000))
    server.position.keep_bars()

    assert server.clock().read(1_000 + 96_000).beat == pytest.approx(4.0)


def test_after_a_change_of_tempo_a_few_looks_narrow_the_beat_down_to_a_frame() -> None:
    server = Server()
    server.position.beats_per_minute = 97.3
    clock = server.clock()

    errors_frames = []
    for frame in range(200_000, 400_000, 1_024):
        server.position.frame = frame
        server.position.keep_bars(from_beat=8.0, from_frame=150_000)
        off_beats = clock.read(frame + 1_000).beat - (8 + (frame - 150_000) * 97.3 / 60 / RATE_HZ)
        errors_frames.append(abs(off_beats) * 60 / 97.3 * RATE_HZ)

    assert max(errors_frames) < 8
    assert max(errors_frames[20:]) < 1
    assert clock.read(frame + 1_000).error_ms < 0.02


def test_beats_of_a_6_8_meter_are_eighths_and_ours_are_quarters() -> None:
    server = Server(Position(frame=0, beats_per_bar=6.0, beat_type=8.0, bar=3, beat=4, beats_per_minute=180.0))
    server.position.valid = HAS_BARS

    reading = server.clock().read(1_000)

    assert reading.tempo_bpm == 90
    assert reading.beat == pytest.approx(2 * 3 + 1.5, abs=1 / 1_920)


def test_a_position_that_refers_to_a_frame_before_the_cycle_is_counted_from_there() -> None:
    server = Server(Position(frame=24_100, beat=2, bbt_offset=100))
    server.position.valid = HAS_BARS | HAS_OFFSET

    assert server.clock().read(1_000 + 24_100).beat == pytest.approx(1 + 100 / 24_000)


def test_without_a_program_that_keeps_bars_the_music_s_own_tempo_counts_the_frames() -> None:
    server = Server(Position(frame=96_000))

    reading = server.clock().read(1_000 + 96_000)

    assert (reading.tempo_bpm, reading.beat) == (90, 3)
    assert reading.note == "no program keeps its bars"


def test_a_start_and_a_locate_are_new_epochs_and_rolling_on_is_none() -> None:
    server = Server(rolling=False)
    clock = server.clock()
    readings = [clock.read(0)]
    server.rolling = True
    readings += [clock.read(1_000), clock.read(2_000)]
    server.mixer_ahead = -50_000
    readings += [clock.read(3_000), clock.read(4_000)]

    assert [one.playing for one in readings] == [False, True, True, True, True]
    assert [one.epoch for one in readings] == [0, 1, 1, 2, 2]


def test_a_transport_that_rolls_already_when_we_come_is_no_start() -> None:
    clock = Server().clock()

    assert [clock.read(frame).epoch for frame in (0, 1_000)] == [0, 0]
