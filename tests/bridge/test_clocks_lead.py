"""Clicks of a player that a MIDI master leads, by its raw bytes: when each is heard, against where the master truly is.

Time goes by hand, a millisecond at a time, so a minute of music takes a second; every part is the one that plays live.
"""

import heapq
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from bridge.commands.event_lines import event_in
from bridge.library import Library
from bridge.player import Player
from bridge.set_file import ClockChoice, Set, TrackSpec
from bridge.timing.clockwork import Clockwork
from bridge.tracks.mixer import Mixer
from bridge.tracks.sound import Sound
from bridge.triggers.heard import Heard, message_of, unanswered
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed
from osc_schemas.cue import Cue
from osc_schemas.errors import CueError
from osc_schemas.request import GenerateRequest
from tests.bridge.stage import ToldEngine

RATE_HZ, BLOCK_FRAMES = 48_000, 256
JITTER_S = 0.002
CLOCK, START, STOP, CONTINUE = b"\xf8", b"\xfa", b"\xfc", b"\xfb"
CLICK = Cue(name="click", track="clicks", prompt="click", length_beats=1, quantum_beats=1, loop=True, tempo="keep")


def click() -> Sound:
    samples = np.zeros((RATE_HZ, 1), np.float32)
    samples[0] = 0.5
    request = GenerateRequest(
        request_id="click", prompt="click", frames=43_200, tail_frames=4_800, sample_rate_hz=RATE_HZ, tempo_bpm=120
    )
    return Sound(take_id="click", request=request, samples=samples, gain=1.0, sustained=False)


class PacedOutput:
    """Mixes each block when it is due, and keeps it; a block later it is heard."""

    name, live, underruns, latency_frames = "by hand", False, 0, BLOCK_FRAMES

    def __init__(self, mixer: Mixer) -> None:
        self.mixer = mixer
        self.blocks: list[np.ndarray] = []

    def start(self) -> None: ...
    def stop(self) -> None: ...

    def mix_due(self, now_s: float) -> None:
        while self.mixer.frame <= now_s * RATE_HZ:
            self.blocks.append(np.zeros((BLOCK_FRAMES, 2), np.float32))
            self.mixer.mix(self.blocks[-1])

    def heard_s(self) -> list[float]:
        """When each click was heard."""
        return [(frame + BLOCK_FRAMES) / RATE_HZ for frame in np.flatnonzero(np.concatenate(self.blocks)[:, 0] > 0.1)]


class Rig:
    """A master, a player, and what is between them; `true_s` has the moment of each tick of the song that was sent."""

    def __init__(self, folder: Path, *, seed: int = 0, sources: tuple[str, ...] = ("midi", "internal")) -> None:
        self.now_s = 0.0
        self.rng = np.random.default_rng(seed)
        self.true_s: list[float] = []
        self.told: list[bytes] = []
        self._wire: list[tuple[float, int, bytes]] = []
        self._next_s = 0.1  # of the master's ticks
        music = Set(
            tracks={"clicks": TrackSpec(name="clicks")}, cues={"click": CLICK}, clock=ClockChoice(sources=sources)
        )
        mixer = Mixer(["clicks"], sample_rate_hz=RATE_HZ)
        self.output = PacedOutput(mixer)
        self.library = Library(folder)
        self.clockwork = Clockwork(
            sources,
            mixer=mixer,
            output=self.output,
            tempo_bpm=120,
            beats_per_bar=4,
            say=lambda sentence: None,
            now_s=lambda: self.now_s,
        )
        self.feed = MidiFeed(Keymap(()), on_heard=lambda heard: None, on_clock=self.clockwork.hear_midi)
        self.player = Player(
            music,
            mixer=mixer,
            engine=ToldEngine(),
            library=self.library,
            place_ahead_frames=BLOCK_FRAMES + round(0.02 * RATE_HZ),
            now_s=lambda: self.now_s,
            unix_s=lambda: self.now_s,
            clocks=self.clockwork.clocks,
        )
        self.player.audience.subscribe("test", self.told.append, seconds=3_600, now_s=0.0)

    def tick(
        self, tempos_bpm: Sequence[float], *, send: Callable[[int], int] = lambda tick: 1, song: bool = True
    ) -> None:
        """The master's next ticks, each for as long as its tempo says; they arrive when time has come there."""
        for index, tempo_bpm in enumerate(tempos_bpm):
            if song:
                self.true_s.append(self._next_s)
            for _ in range(send(index)):
                self.say(CLOCK, self._next_s + self.rng.uniform(-JITTER_S, JITTER_S))
            self._next_s += 2.5 / tempo_bpm

    def say(self, raw: bytes, at_s: float | None = None) -> None:
        """Bytes that arrive then, or just before the next tick."""
        at_s = self._next_s - 0.006 if at_s is None else at_s
        heapq.heappush(self._wire, (at_s, len(self._wire), raw))

    def run(self, until_s: float | None = None) -> None:
        """Let time go by, to the end of what was sent."""
        until_s = self._next_s if until_s is None else until_s
        while self.now_s < until_s:
            while self._wire and self._wire[0][0] <= self.now_s + 0.001:
                self.now_s, _, raw = heapq.heappop(self._wire)
                self.feed.feed(raw)
            self.now_s = (int(self.now_s * 1_000 + 1e-6) + 1) / 1_000
            self.output.mix_due(self.now_s)
            if round(self.now_s * 1_000) % 10 == 0:
                self.clockwork.look()
                self.player.tick()

    def clock_events(self) -> list[tuple[str, str]]:
        """What subscribers were told of the clocks, and in which sentence."""
        messages = [event_in(packet) for packet in self.told if packet.startswith(b"/clock/event")]
        return [(message.text("what"), message.text("sentence")) for message in messages]

    def loop_clicks(self) -> None:
        self.player.fire(CLICK, trigger="api", reply=unanswered, sound=click())

    def off_ms(self, *, from_s: float = 0.0) -> list[float]:
        """How far each click was from the true beat that is nearest to it."""
        beats_s = np.array(self.true_s[::24])
        heard_s = [at_s for at_s in self.output.heard_s() if from_s <= at_s <= beats_s[-1]]
        return [1_000 * (at_s - beats_s[np.argmin(np.abs(beats_s - at_s))]) for at_s in heard_s]


@pytest.fixture
def make_rig(tmp_path: Path):  # type: ignore[no-untyped-def]
    rigs: list[Rig] = []

    def make(seed: int = 0) -> Rig:
        rigs.append(Rig(tmp_path / f"takes{len(rigs)}", seed=seed))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.library.close()


def started(rig: Rig, *, tempo_bpm: float = 120.0) -> Rig:
    """The master's ticks run for two bars, then it is started, and a bar later our clicks are asked for."""
    rig.tick([tempo_bpm] * 192, song=False)
    rig.say(START)
    rig.tick([tempo_bpm] * 96)
    rig.run()
    rig.loop_clicks()
    return rig


@pytest.mark.parametrize(("seed", "tempo_bpm"), [(0, 120), (1, 97.3), (2, 174)])
def test_clicks_are_heard_within_2_ms_of_a_master_whose_ticks_are_2_ms_off(
    make_rig, seed: int, tempo_bpm: float
) -> None:
    rig = started(make_rig(seed), tempo_bpm=tempo_bpm)
    rig.tick([tempo_bpm] * 24 * 24)
    rig.run()

    off_ms = rig.off_ms()

    assert len(off_ms) >= 22
    assert max(map(abs, off_ms)) < 2
    assert rig.player.arbiter.leader == "midi"


def test_dropped_and_doubled_ticks_are_not_heard(make_rig) -> None:
    rig = started(make_rig())
    rig.tick([120] * 480, send=lambda tick: {50: 0, 51: 0, 130: 2, 222: 0, 301: 2, 302: 2}.get(tick, 1))
    rig.run()

    assert max(map(abs, rig.off_ms())) < 2


def test_a_master_that_glides_is_followed_within_3_ms(make_rig) -> None:
    rig = started(make_rig())
    rig.tick([120] * 48 + list(np.linspace(120, 140, 16 * 24)) + [140] * 192)
    rig.run()

    assert max(map(abs, rig.off_ms())) < 3
    assert rig.player.transport.tempo_bpm(rig.player.mixer.frame) == 140


def test_a_master_that_falls_silent_is_held_over_and_its_return_is_no_jump(make_rig) -> None:
    rig = started(make_rig())
    rig.tick([120] * 96)
    rig.tick([120] * 24 * 8, send=lambda tick: 0)
    rig.run()
    assert rig.player.arbiter.leader == "internal"
    rig.tick([120] * 24 * 16)
    rig.run()

    assert rig.player.arbiter.leader == "midi"
    intervals_ms = 1_000 * np.diff(rig.output.heard_s())
    assert intervals_ms == pytest.approx(np.full(len(intervals_ms), 500.0), abs=4)
    assert max(map(abs, rig.off_ms(from_s=rig.now_s - 4))) < 2
    assert [what for what, _ in rig.clock_events()] == ["lead", "start", "lead", "lead"]
    assert "goes on at 120 BPM by itself" in rig.clock_events()[2][1]


def test_stop_stands_still_and_a_song_position_with_continue_goes_on_from_there(make_rig) -> None:
    rig = started(make_rig())
    rig.tick([120] * 96)
    rig.say(STOP)
    rig.tick([120] * 48, song=False)
    rig.run()
    assert not rig.player.transport.playing
    assert rig.player.transport.beat_at_frame(rig.player.mixer.frame) == pytest.approx(8, abs=0.1)

    rig.say(b"\xf2\x00\x01", rig._next_s - 0.012)  # 128 sixteenths: beat 32
    rig.say(CONTINUE)
    rig.tick([120] * 48, song=False)
    rig.run()
    assert rig.player.transport.playing
    assert rig.player.transport.beat_at_frame(rig.player.mixer.frame) == pytest.approx(34, abs=0.1)
    assert rig.clock_events()[-2:] == [
        ("stop", "the midi clock stops the music"),
        ("start", "the midi clock starts the music at bar 9"),
    ]


def test_a_song_position_in_mid_music_is_obeyed_and_told(make_rig) -> None:
    rig = started(make_rig())
    rig.tick([120] * 96)
    rig.say(b"\xf2\x40\x00", rig._next_s - 0.012)  # 64 sixteenths: beat 16
    rig.tick([120] * 48, song=False)
    rig.run()

    assert rig.player.transport.beat_at_frame(rig.player.mixer.frame) == pytest.approx(18, abs=0.1)
    assert rig.clock_events()[-1] == ("locate", "the midi clock moves the music to bar 5")


def test_a_nudge_moves_what_is_heard_by_so_much(make_rig) -> None:
    rig = started(make_rig())
    rig.player.hear(Heard(message=message_of("/clock/nudge", ms=12.0), trigger="osc"))
    rig.tick([120] * 240)
    rig.run()

    off_ms = rig.off_ms(from_s=rig.now_s - 4)
    assert len(off_ms) >= 7
    assert off_ms == pytest.approx(np.full(len(off_ms), 12.0), abs=2)


def test_of_a_master_that_gave_no_position_a_performer_says_where_bars_begin_until_it_starts_anew(make_rig) -> None:
    rig = make_rig()
    rig.tick([120] * 24 * 4)
    rig.run()
    rig.player.play()
    rig.tick([120] * 24 * 8)
    rig.run()
    rig.player.hear(Heard(message=message_of("/clock/align"), trigger="osc"))

    assert rig.player.meter.from_beat == pytest.approx(6, abs=1)
    assert rig.clock_events()[-1][0] == "align"
    rig.say(START)
    rig.tick([120] * 24)
    rig.run()
    assert rig.player.meter.from_beat == 0


def test_tempo_and_place_are_the_master_s_to_change(make_rig) -> None:
    rig = started(make_rig())

    with pytest.raises(CueError, match="the tempo is that of the midi clock"):
        rig.player.conductor.set_tempo(90)
    with pytest.raises(CueError, match="says where the music is"):
        rig.player.conductor.locate(0.0, fade_s=0.0)


def test_status_says_which_clock_leads_and_how_well(make_rig) -> None:
    rig = started(make_rig())
    rig.run(rig.now_s + 0.1)
    said: list[bytes] = []

    rig.player.hear(Heard(message=message_of("/status"), trigger="osc", reply=said.append))

    clocks = [packet for packet in said if packet.startswith(b"/status/clock")]
    assert [b"leads" in packet for packet in clocks] == [True, False]
    assert b"midi" in clocks[0]
    [transport] = [packet for packet in said if packet.startswith(b"/status/transport")]
    assert b"midi" in transport
