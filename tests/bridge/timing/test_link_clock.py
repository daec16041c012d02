"""Our peer against a session that is told what to say; tests/whole/test_link.py has a real peer in another process."""

import sys
import time
from types import SimpleNamespace

import pytest

from bridge.timing.clocks import ClockError
from bridge.timing.link_clock import LinkClock


class ToldSession:
    """Stands in for the library's `Link`, clock and session state in one; its microseconds begin a day before ours."""

    def __init__(self, tempo_bpm: float) -> None:
        self.tempo_bpm, self.others, self.is_playing = tempo_bpm, 0, False
        self.enabled = self.startStopSyncEnabled = False
        self.commits: list[tuple[str, float]] = []
        self.forced: tuple[float, int] | None = None

    def clock(self) -> "ToldSession":
        return self

    def micros(self) -> int:
        return round(time.monotonic() * 1e6) - 86_400_000_000

    def numPeers(self) -> int:  # noqa: N802  # the library's own names
        return self.others

    def captureAppSessionState(self) -> "ToldSession":  # noqa: N802
        return self

    def commitAppSessionState(self, state: "ToldSession") -> None:  # noqa: N802
        self.commits.append(("commit", self.tempo_bpm))

    def tempo(self) -> float:
        return self.tempo_bpm

    def setTempo(self, tempo_bpm: float, at_micros: int) -> None:  # noqa: N802
        self.tempo_bpm = tempo_bpm

    def isPlaying(self) -> bool:  # noqa: N802
        return self.is_playing

    def setIsPlaying(self, playing: bool, at_micros: int) -> None:  # noqa: N802
        self.is_playing = playing

    def forceBeatAtTime(self, beat: float, at_micros: int, quantum: float) -> None:  # noqa: N802
        self.forced = (beat, at_micros)

    def beatAtTime(self, at_micros: int, quantum: float) -> float:  # noqa: N802
        return (at_micros + 86_400_000_000) / 1e6 * self.tempo_bpm / 60


class Ear:
    """Frames of a millisecond that sound 20 ms after they are mixed."""

    def heard_s(self, frame: float) -> float:
        return frame / 1_000 + 0.02


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[ToldSession]:
    """The library, telling what it is told; the sessions that were made."""
    made: list[ToldSession] = []

    def make(tempo_bpm: float) -> ToldSession:
        made.append(ToldSession(tempo_bpm))
        return made[-1]

    monkeypatch.setitem(sys.modules, "link", SimpleNamespace(Link=make))
    monkeypatch.setattr("bridge.timing.link_clock.JOIN_AFTER_S", 0.0)
    return made


def joined(sessions: list[ToldSession], *, start_stop: bool = False) -> tuple[LinkClock, ToldSession]:
    """A clock of ours at 120 BPM in a session of another's at 97."""
    clock = LinkClock(Ear(), tempo_bpm=120, beats_per_bar=4, start_stop=start_stop)
    [session] = sessions
    clock.read(0)
    session.others, session.tempo_bpm = 1, 97.0
    return clock, session


def test_joining_takes_what_is_there_and_sets_nothing(sessions: list[ToldSession]) -> None:
    clock, session = joined(sessions)

    reading = clock.read(5_000)

    assert reading is not None
    assert (reading.tempo_bpm, reading.playing, reading.known_beats, reading.note) == (97.0, None, 4, "1 peer")
    assert session.enabled
    assert not session.commits


def test_the_beat_is_that_of_the_moment_the_sound_leaves_the_loudspeaker(sessions: list[ToldSession]) -> None:
    clock, _ = joined(sessions)

    reading = clock.read(5_000)

    assert reading is not None
    assert reading.beat == pytest.approx(5.02 * 97 / 60, abs=1e-4)


def test_it_waits_before_it_joins(sessions: list[ToldSession], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.timing.link_clock.JOIN_AFTER_S", 60.0)
    clock, session = joined(sessions)

    assert clock.read(0) is None
    assert not session.enabled


def test_nobody_else_is_nobody_to_follow_and_may_find_our_tempo_later(sessions: list[ToldSession]) -> None:
    clock, session = joined(sessions)
    session.others = 0
    assert clock.read(0) is None

    clock.agree(2.0, 128.0, frame=1_000)
    assert session.tempo_bpm == 128
    assert session.forced is not None
    assert session.forced[1] == pytest.approx(1.02e6 - 86_400e6, abs=100)

    session.others = 1
    clock.agree(0.0, 90.0, frame=1_000)
    assert session.tempo_bpm == 128  # it is theirs too now


def test_a_session_that_plays_already_is_no_start_and_one_that_begins_is(sessions: list[ToldSession]) -> None:
    clock, session = joined(sessions, start_stop=True)
    session.is_playing = True
    found = clock.read(0)
    session.is_playing = False
    stopped = clock.read(10)
    session.is_playing = True
    started = clock.read(20)

    assert found is not None
    assert stopped is not None
    assert started is not None
    assert [(one.playing, one.epoch) for one in (found, stopped, started)] == [(True, 0), (False, 0), (True, 1)]


def test_our_own_start_is_told_to_the_session_and_not_obeyed(sessions: list[ToldSession]) -> None:
    clock, session = joined(sessions, start_stop=True)
    clock.read(0)

    clock.set_playing(True, frame=10)
    reading = clock.read(10)

    assert session.is_playing
    assert reading is not None
    assert (reading.playing, reading.epoch) == (True, 0)


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "link", None)

    with pytest.raises(ClockError, match=r"pip install 'upbeat\[link\]'"):
        LinkClock(Ear(), tempo_bpm=120, beats_per_bar=4)
