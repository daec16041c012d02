"""A cue by the timeline and the same cue live, over MIDI or OSC, are one and the same: beats, takes, and every sample.

What differs by its nature, and is not compared:
- A timeline names its beat. A hand names the moment, and its cue's quantum makes a beat of it; so they are the same
  where the hand plays within the quantum before the beat that the timeline has.
- A timeline asks for its sounds 4 s ahead, a hand asks when it plays. What was never made before lands for a hand on
  the first quantum that leaves the engine its time, and one that is late says so to whoever played, which a timeline
  has nobody to say to.
- A late cue of the timeline falls back on the grid of its quantum, counted from 0. Where the timeline has it off that
  grid, as no hand can play it, only the beat of its fallback is on it.
- Of two cues for one beat of one slot the newest counts: the order of the file for a timeline, that of the hand for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from bridge.player import PREROLL_S
from bridge.set_file import NoteTrigger
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed
from osc_schemas.cue import Cue, LateRule
from tests.bridge.stage import RATE_HZ, Stage, a_set, cue, onsets

Way = Literal["timeline", "midi", "osc"]
LIVE: tuple[Way, ...] = ("midi", "osc")

START_FRAME, BEAT_FRAMES = round(PREROLL_S * RATE_HZ), 24_000
AHEAD_QUANTA = 0.8  # how long before its beat a hand plays a cue: after the grid's line before, and in time for its own

Sheet = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Outcome:
    """All that there is to know of a performance."""

    launches: list[tuple[float, int, int | None, str, str, str]]
    sound: np.ndarray


@pytest.fixture
def perform(tmp_path: Path) -> Iterator[Callable[..., Outcome]]:
    stages: list[Stage] = []

    def performed(
        way: Way,
        cues: tuple[Cue, ...],
        sheet: Sheet,
        *,
        beats: float,
        deaf: tuple[float, float] = (0, 0),
        tempo_bpm: float = 120,
    ) -> Outcome:
        """Play `sheet` that way; from and to the beats of `deaf` the engine does not answer."""
        music = a_set(*cues, timeline=sheet if way == "timeline" else (), midi=pads(cues), tempo_bpm=tempo_bpm)
        stage = Stage(music, tmp_path / f"takes{len(stages)}")
        stages.append(stage)
        keyboard = MidiFeed(Keymap(tuple(music.midi)), on_heard=stage.player.hear)
        hits = {} if way == "timeline" else {beat - ahead_beats(music.cues[name]): name for beat, name in sheet}
        stage.hear("/transport/play")
        now_beat = -PREROLL_S * tempo_bpm / 60
        for beat in sorted({*hits, *deaf, beats}):
            stage.run((beat - now_beat) * 120 / tempo_bpm, answer=not deaf[0] <= now_beat < deaf[1])
            now_beat = beat
            if beat in hits and way == "midi":
                keyboard.feed(bytes([0x90, list(music.cues).index(hits[beat]), 100]))
            elif beat in hits:
                stage.hear("/cue/go", name=hits[beat])
        return outcome(stage)

    yield performed
    for stage in stages:
        stage.library.close()


def ahead_beats(cue: Cue) -> float:
    """How long before its beat a hand plays that cue."""
    return AHEAD_QUANTA * cue.quantum_beats


def pads(cues: tuple[Cue, ...]) -> tuple[NoteTrigger, ...]:
    return tuple(NoteTrigger(note=note, cue=cue.name) for note, cue in enumerate(cues))


def outcome(stage: Stage) -> Outcome:
    launches = [
        (one.asked_beat, one.asked_frame, one.heard_frame, one.take_id, one.cue.name, one.how)
        for one in stage.player.launcher.launches
    ]
    return Outcome(sorted(launches), stage.sound)  # by beat: which was handed to the mixer first nobody hears


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.launches == other.launches
    assert np.array_equal(one.sound, other.sound)  # bit by bit
    assert np.abs(one.sound).max() > 0.1


@pytest.mark.parametrize("way", LIVE)
def test_one_shots_on_their_quanta(perform: Callable[..., Outcome], way: Way) -> None:
    cues = (
        cue("kick", seed=1, quantum_beats=1),
        cue("snare", seed=2, quantum_beats=0.5, length_beats=0.5),
        cue("riser", seed=3, quantum_beats=4, length_beats=4, track="bass", gain_db=-3),
    )
    sheet = ((2, "kick"), (4, "riser"), (5.5, "snare"), (7, "kick"), (8, "snare"))

    by_timeline = perform("timeline", cues, sheet, beats=12)

    assert_same(by_timeline, perform(way, cues, sheet, beats=12))
    assert [launch[0] for launch in by_timeline.launches] == [2, 4, 5.5, 7, 8]
    assert [launch[1] for launch in by_timeline.launches] == [
        START_FRAME + round(beat * BEAT_FRAMES) for beat, _ in sheet
    ]
    assert all(asked == heard for _, asked, heard, *_ in by_timeline.launches)


@pytest.mark.parametrize("way", LIVE)
def test_loops_that_take_turns_with_a_crossfade(perform: Callable[..., Outcome], way: Way) -> None:
    cues = (
        cue("a", seed=1, loop=True, length_beats=2, quantum_beats=4),
        cue("b", seed=2, loop=True, quantum_beats=4, swap_fade_ms=40.0),
        cue("fill", seed=3, quantum_beats=0.5),
        cue("sub", seed=4, loop=True, length_beats=4, quantum_beats=4, track="bass"),
    )
    sheet = ((4, "a"), (8, "sub"), (10.5, "fill"), (12, "b"), (16, "a"))

    by_timeline = perform("timeline", cues, sheet, beats=22)

    assert_same(by_timeline, perform(way, cues, sheet, beats=22))
    assert [launch[4] for launch in by_timeline.launches] == ["a", "sub", "fill", "b", "a"]


@pytest.mark.parametrize("way", LIVE)
def test_at_a_tempo_whose_beats_fall_between_frames(perform: Callable[..., Outcome], way: Way) -> None:
    cues = (cue("a", seed=1, loop=True, quantum_beats=4), cue("kick", seed=2, quantum_beats=0.5))
    sheet = ((4, "a"), (6.5, "kick"), (11, "kick"))
    by_timeline = perform("timeline", cues, sheet, beats=18, tempo_bpm=97)

    assert_same(by_timeline, perform(way, cues, sheet, beats=18, tempo_bpm=97))
    assert [launch[1] for launch in by_timeline.launches] == [
        START_FRAME + round(beat * 60 / 97 * RATE_HZ) for beat, _ in sheet
    ]


@pytest.mark.parametrize("way", LIVE)
@pytest.mark.parametrize(("late", "how"), [("last-take", ["next"]), ("next", ["next"]), ("drop", []), ("now", ["now"])])
def test_what_was_never_made_and_comes_too_late(
    perform: Callable[..., Outcome], way: Way, late: LateRule, how: list[str]
) -> None:
    cues = (cue("riser", late=late, quantum_beats=2),)
    sheet, deaf = ((4, "riser"),), (-2, 5)  # the engine comes a beat after its beat

    by_timeline = perform("timeline", cues, sheet, beats=12, deaf=deaf)
    live = perform(way, cues, sheet, beats=12, deaf=deaf)

    assert [launch[5] for launch in by_timeline.launches] == how
    assert by_timeline.launches == live.launches
    assert np.array_equal(by_timeline.sound, live.sound)


@pytest.mark.parametrize("way", LIVE)
def test_a_loop_that_is_late_lets_the_old_one_go_on(perform: Callable[..., Outcome], way: Way) -> None:
    cues = (cue("a", seed=1, loop=True, quantum_beats=4), cue("b", seed=2, loop=True, quantum_beats=4))
    sheet, deaf = ((4, "a"), (16, "b")), (6, 17)  # the timeline asks for b on beat 8, a hand later

    by_timeline = perform("timeline", cues, sheet, beats=26, deaf=deaf)
    live = perform(way, cues, sheet, beats=26, deaf=deaf)

    assert_same(by_timeline, live)
    assert [(launch[4], launch[0], launch[5]) for launch in live.launches] == [
        ("a", 4, "on-time"),
        ("b", 20, "next"),
    ]
    assert len(onsets(live.sound)) == 22


def test_both_at_once_on_one_beat_sound_once(tmp_path: Path) -> None:
    kick = cue("kick")
    stage = Stage(a_set(kick, timeline=((4, "kick"),), midi=pads((kick,))), tmp_path)
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 3.5)

    MidiFeed(Keymap(tuple(stage.player.music.midi)), on_heard=stage.player.hear).feed(bytes([0x90, 0, 100]))
    stage.run(3)

    assert onsets(stage.sound) == [START_FRAME + 4 * BEAT_FRAMES]
    assert len(stage.player.launcher.launches) == 1
    stage.library.close()
