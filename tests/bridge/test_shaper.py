"""Knobs turned while the music plays, with the real mixer, at 120 BPM and 48 kHz: a beat is 24 000 frames."""

import json
from pathlib import Path

import numpy as np
import pytest

from bridge.library import read_journal
from bridge.player import PREROLL_S
from bridge.set_file import Set, TimelineMove
from bridge.shaper import HELD_S, SWAP_S, WITHIN_S
from osc_schemas.clip import Samples
from osc_schemas.request import GenerateRequest
from osc_schemas.shape import NEUTRAL, Shape
from tests.bridge.stage import BLOCK_FRAMES, RATE_HZ, Stage, a_set, cue, onsets

BEAT_FRAMES = 24_000
START_FRAME = round(PREROLL_S * RATE_HZ)  # of beat 0
SWAP_FRAMES = round(SWAP_S * RATE_HZ)
HELD_BEATS = 2 * HELD_S


@pytest.fixture
def on_stage(tmp_path: Path):  # type: ignore[no-untyped-def]
    stages: list[Stage] = []

    def put(music: Set) -> Stage:
        stages.append(Stage(music, tmp_path / f"takes{len(stages)}"))
        return stages[-1]

    yield put
    for stage in stages:
        stage.library.close()


@pytest.fixture
def looping(on_stage) -> Stage:  # type: ignore[no-untyped-def]
    """A stage on which a kick has looped for two beats."""
    stage: Stage = on_stage(a_set(cue("kick", loop=True, seed=1), timeline=((0, "kick"),)))
    stage.hear("/transport/play")
    stage.run(2 + 2 * PREROLL_S)
    return stage


def turn(stage: Stage, knob: str, value: float, track: str = "drums") -> None:
    stage.hear("/take/shape", track=track, knob=knob, value=value)


def tone(request: GenerateRequest, *, partials: int) -> Samples:
    """Whole cycles of 110 Hz for as long as a clip of one beat lasts, with more or fewer partials."""
    t = np.arange(request.frames + request.tail_frames) / RATE_HZ
    sound = sum(np.sin(2 * np.pi * 110 * n * t) / n for n in range(1, partials + 1))
    return (0.3 * np.asarray(sound)[:, None]).astype(np.float32)


def kept(stage: Stage) -> list[Shape]:
    """The shapes in the journal, in the order in which they became takes."""
    lines = map(json.loads, (stage.library.folder / "journal.jsonl").read_text().splitlines())
    return [Shape(**line["request"]["shape"]) for line in lines if line["kind"] == "take"]


def test_a_loop_is_bent_at_the_place_it_has_come_to_and_ever_after(on_stage) -> None:  # type: ignore[no-untyped-def]
    stage = on_stage(a_set(cue("pad", loop=True), timeline=((0, "pad"),)))
    stage.hear("/transport/play")
    stage.run(1, answer=False)
    plain = stage.engine.asked.pop()
    stage.answer(plain, samples=tone(plain, partials=4))
    stage.run(3.6)

    turn(stage, "brightness", -1)
    asked_frame = stage.mixer.frame
    [bent] = stage.engine.asked
    stage.engine.asked.clear()
    stage.answer(bent, samples=tone(bent, partials=1))
    stage.run(3, answer=False)

    assert bent.shape == Shape(brightness=-1)
    assert (bent.prompt, bent.seed, bent.frames, bent.tail_frames) == ("pad", 0, plain.frames, plain.tail_frames)
    heard = stage.sound[:, 0]
    place = (asked_frame - START_FRAME) % BEAT_FRAMES
    after = heard[asked_frame + SWAP_FRAMES : asked_frame + 5_000]
    pure = tone(bent, partials=1)[place + SWAP_FRAMES : place + 5_000, 0]
    assert after / np.abs(after).max() == pytest.approx(pure / np.abs(pure).max(), abs=1e-3)
    steps = np.abs(np.diff(heard[asked_frame - 2_000 : asked_frame + 2_000]))
    assert steps[1_900:].max() <= 1.05 * steps[:1_900].max()  # nowhere steeper than the brighter sound itself
    next_pass = START_FRAME + (asked_frame - START_FRAME + BEAT_FRAMES) // BEAT_FRAMES * BEAT_FRAMES
    level = after[1_000] / pure[1_000]
    middle = slice(next_pass + 13_000, next_pass + 14_000)  # beyond the seam
    assert heard[middle] == pytest.approx(level * tone(bent, partials=1)[13_000:14_000, 0], abs=2e-3)


def test_a_bent_loop_stays_on_its_beat(looping: Stage) -> None:
    turn(looping, "length", 4)
    looping.run(6)

    first_beats = [START_FRAME + beat * BEAT_FRAMES for beat in range(8)]
    assert onsets(looping.sound)[:8] == first_beats
    before, after = (looping.sound[START_FRAME + beat * BEAT_FRAMES + 3_500, 0] for beat in (0, 6))
    click_before, click_after = (looping.sound[START_FRAME + beat * BEAT_FRAMES, 0] for beat in (0, 6))
    assert abs(after / click_after) > 5 * abs(before / click_before)


def test_a_sweep_queues_nothing_up_and_its_last_position_arrives(looping: Stage) -> None:
    waiting = []
    for step in range(200):  # a controller at its fastest, over an engine that takes 20 ms
        turn(looping, "pitch", step / 10 - 10)
        waiting.append(len(looping.engine.asked))
        if step % 5 == 4:
            looping.answer_all()
        looping.run(0.008, answer=False)
    looping.run(1)

    assert max(waiting) == 1
    sounding = looping.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert sounding.request.shape.pitch == pytest.approx(9.9)
    assert looping.engine.asked == []
    assert looping.mixer.voices_in_use < 10


def test_bending_runs_before_what_can_wait_and_behind_a_cue_that_lands_sooner(looping: Stage) -> None:
    looping.hear("/take/refine", track="drums")
    turn(looping, "room", 1)

    refined, bent = looping.engine.asked
    assert bent.deadline_in_s == WITHIN_S < refined.deadline_in_s


def test_knobs_belong_to_the_track(on_stage) -> None:  # type: ignore[no-untyped-def]
    stage = on_stage(a_set(cue("kick", seed=1), cue("snare", seed=1), cue("sub", track="bass")))
    turn(stage, "room", 0.5)
    stage.hear("/cue/go", name="kick")
    stage.run(4)
    stage.hear("/take/next", track="drums")
    stage.hear("/take/refine", track="drums")
    stage.hear("/cue/go", name="snare")
    stage.hear("/cue/go", name="sub")

    assert [request.shape.room for request in stage.engine.asked] == [0.5, 0.5, 0.5, 0.0]
    stage.run(2)
    stage.hear("/take/shape", track="drums", knob="reset")
    stage.hear("/cue/go", name="kick")
    assert [request.shape for request in stage.engine.asked][-1] == NEUTRAL


def test_a_cue_has_a_shape_of_its_own_under_the_knobs(on_stage) -> None:  # type: ignore[no-untyped-def]
    stage = on_stage(a_set(cue("kick", shape=Shape(pitch=-12, length=0.5, room=0.8))))
    turn(stage, "pitch", 7)
    turn(stage, "length", 0.5)
    turn(stage, "room", 0.5)

    stage.hear("/cue/go", name="kick")

    [request] = stage.engine.asked
    assert request.shape == Shape(pitch=-5, length=0.25, room=1)


def test_a_one_shot_is_bent_from_its_next_launch_on_without_the_engine(on_stage) -> None:  # type: ignore[no-untyped-def]
    stage = on_stage(a_set(cue("kick", seed=1)))
    stage.hear("/cue/go", name="kick")
    stage.run(2.01)
    voices = stage.mixer.voices_in_use
    turn(stage, "length", 4)
    stage.answer_all()
    assert (stage.mixer.voices_in_use, voices) == (1, 1)  # what sounds is left alone

    stage.hear("/cue/go", name="kick")
    stage.run(2, answer=False)

    first, second = stage.player.launcher.launches
    assert first.take_id != second.take_id
    assert stage.library.take(second.take_id).request.shape == Shape(length=4)
    assert stage.engine.asked == []


def test_a_knob_never_delays_a_landing_and_bends_what_lands_before_it_sounds(on_stage) -> None:  # type: ignore[no-untyped-def]
    stage = on_stage(a_set(cue("kick", seed=1)))
    stage.hear("/cue/arm", name="kick")
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 0.6)

    turn(stage, "length", 4)
    stage.hear("/cue/go", name="kick")
    stage.run(2)

    [[_, _, _, bar, beat]] = stage.replied("/cue/planned")
    assert (bar, beat) == (1, 2.0)  # 0.2 s away, which the engine is not known to manage
    [launch] = stage.player.launcher.launches
    assert launch.error_frames == 0
    assert stage.library.take(launch.take_id).request.shape == Shape(length=4)


def test_what_is_armed_is_made_again_when_the_knobs_rest(on_stage) -> None:  # type: ignore[no-untyped-def]
    stage = on_stage(a_set(cue("kick", seed=1), cue("hat", seed=2)))
    for name in ("kick", "hat"):
        stage.hear("/cue/arm", name=name)
    stage.answer_all()
    for step in range(10):
        turn(stage, "drive", step / 10)
        stage.run(0.1, answer=False)
    assert stage.engine.asked == []

    stage.run(1.3, answer=False)

    assert [(request.prompt, request.shape.drive) for request in stage.engine.asked] == [
        ("kick", pytest.approx(0.9)),
        ("hat", pytest.approx(0.9)),
    ]


def test_only_positions_that_were_held_or_left_in_place_become_takes(looping: Stage) -> None:
    for step in range(50):
        turn(looping, "pitch", -step / 10)
        looping.run(0.02)
    looping.run(HELD_BEATS + 0.2)
    assert [shape.pitch for shape in kept(looping)] == [0.0, pytest.approx(-4.9)]

    turn(looping, "pitch", 12)
    looping.run(0.1)
    looping.hear("/track/stop", track="drums")
    looping.run(HELD_BEATS + 0.2)
    assert [shape.pitch for shape in kept(looping)][2:] == [12.0]


def test_a_slow_sweep_makes_at_most_two_takes_a_second(looping: Stage) -> None:
    before = len(kept(looping))
    for step in range(100):  # 10 s
        turn(looping, "room", step / 100)
        looping.run(0.2)

    assert len(kept(looping)) - before <= 20


def test_pinning_keeps_the_position_of_now_and_the_end_of_the_music_that_in_place(looping: Stage) -> None:
    turn(looping, "room", 0.25)
    looping.run(0.1)
    looping.hear("/take/pin", track="drums")
    turn(looping, "room", 0.75)
    looping.run(0.1)
    looping.player.shaper.finish()

    assert [shape.room for shape in kept(looping)[-3:] if shape.room] == [0.25, 0.75]
    assert [take.request.shape.room for take in looping.library.takes.values() if take.pinned] == [0.25]
    assert looping.replied("/refused") == []


def test_a_bent_take_is_read_back_from_the_journal_with_its_shape(looping: Stage) -> None:
    turn(looping, "brightness", 0.5)
    looping.run(HELD_BEATS + 0.5)

    *_, take = read_journal(looping.library.folder).values()
    assert take.request.shape == Shape(brightness=0.5)
    assert take == looping.library.takes[take.take_id]


def test_whoever_subscribed_hears_of_each_knob_that_has_come_to_a_value(looping: Stage) -> None:
    looping.hear("/subscribe", seconds=60)
    turn(looping, "room", 0.5)
    turn(looping, "pitch", -12)
    looping.run(0.5)

    shaped = looping.replied("/take/shaped")
    assert [(track, knob, value) for track, _, knob, value in shaped] == [
        ("drums", "room", 0.5),
        ("drums", "pitch", -12.0),
    ]
    looping.hear("/status")
    assert looping.replied("/status/knob") == [["drums", "pitch", -12.0], ["drums", "room", 0.5]]
    looping.hear("/take/shape", track="drums", knob="reset")
    looping.run(0.5)
    assert [row[2:] for row in looping.replied("/take/shaped")[2:]] == [["pitch", 0.0], ["room", 0.0]]


def test_what_the_engine_will_not_make_is_refused_once_and_the_sound_stays(looping: Stage) -> None:
    turn(looping, "room", 1)
    looping.refuse(looping.engine.asked.pop())
    looping.run(1, answer=False)

    assert looping.replied("/refused") == [["the knobs of drums", "engine-error", "it would not"]]
    assert looping.engine.asked == []
    sounding = looping.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert sounding.request.shape == NEUTRAL
    turn(looping, "room", 0.9)
    assert len(looping.engine.asked) == 1


def test_while_the_engine_is_lost_the_knobs_are_remembered(looping: Stage) -> None:
    looping.engine.state = "lost"
    for value in (0.1, 0.2, 0.3):
        turn(looping, "room", value)
        looping.run(0.5, answer=False)
    assert len(onsets(looping.sound)) == 4  # the music goes on

    looping.engine.state = "ready"  # the link asks again by itself
    looping.run(0.5)

    sounding = looping.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert sounding.request.shape.room == pytest.approx(0.3)


def test_a_clip_that_comes_when_another_loop_has_taken_over_bends_that_one_instead(on_stage) -> None:  # type: ignore[no-untyped-def]
    loops = (cue("a", loop=True, seed=1), cue("b", loop=True, seed=2))
    stage = on_stage(a_set(*loops, timeline=((0, "a"), (2, "b"))))
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 0.5)
    turn(stage, "length", 4)
    [late] = stage.engine.asked
    stage.engine.asked.clear()
    stage.run(2.5, answer=False)

    stage.answer(late)
    stage.run(0.5)

    sounding = stage.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert (sounding.request.prompt, sounding.request.shape) == ("b", Shape(length=4))


def test_knobs_that_come_back_need_no_engine(looping: Stage) -> None:
    turn(looping, "room", 1)
    looping.run(HELD_BEATS + 0.5)
    turn(looping, "room", 0)

    assert looping.engine.asked == []
    sounding = looping.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert sounding.request.shape == NEUTRAL


def test_the_take_before_comes_back_and_goes_through_the_knobs(on_stage) -> None:  # type: ignore[no-untyped-def]
    stage = on_stage(a_set(cue("pad", loop=True, seed=1)))
    stage.hear("/cue/go", name="pad")
    stage.run(4)
    stage.hear("/take/next", track="drums")
    stage.run(2)
    turn(stage, "room", 0.5)
    stage.run(2)
    stage.hear("/take/previous", track="drums")
    stage.run(4)

    sounding = stage.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert (sounding.request.seed, sounding.request.shape) == (1, Shape(room=0.5))
    assert [launch.error_frames for launch in stage.player.launcher.launches] == [0, 0, 0]


def test_stopping_in_the_middle_of_a_swap_leaves_silence(looping: Stage) -> None:
    turn(looping, "length", 4)
    looping.answer_all()
    looping.mixer.mix(np.zeros((BLOCK_FRAMES // 2, 2), np.float32))
    looping.hear("/track/stop", track="drums")
    looping.run(1, answer=False)

    assert looping.mixer.voices_in_use == 0
    assert not looping.sound[-10_000:].any()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"track": "drms", "knob": "room", "value": 0.0}, "there is no track 'drms'; the nearest is drums"),
        ({"track": "drums", "knob": "brigtness", "value": 0.0}, "no knob 'brigtness'; the nearest is brightness"),
        ({"track": "drums", "knob": "volume", "value": 0.0}, "there is length, pitch, brightness, drive, room"),
        ({"track": "drums", "knob": "pitch", "value": 25.0}, "pitch is 25; it must be between -24 and 24"),
        ({"track": "drums", "knob": "room"}, "room came without a value; turn it to between -1 and 1"),
    ],
)
def test_what_cannot_be_turned_is_refused_with_a_sentence(looping: Stage, values: dict, sentence: str) -> None:
    looping.hear("/take/shape", **values)

    [[what, _, said]] = looping.replied("/refused")
    assert what == "/take/shape"
    assert sentence in str(said)
    assert looping.engine.asked == []


def test_the_timeline_turns_a_knob_on_its_beat_to_the_frame(on_stage) -> None:  # type: ignore[no-untyped-def]
    moves = (
        TimelineMove(beat=0, shape="drums.pitch", value=-3),
        TimelineMove(beat=2.5, shape="drums.pitch", value=5),
        TimelineMove(beat=2.5, shape="drums.room", value=0.5),
        TimelineMove(beat=2.6, shape="drums.room", value=0.75),
    )
    levels = {Shape(pitch=-3): 0.1, Shape(pitch=5, room=0.5): -0.1, Shape(pitch=5, room=0.75): 0.1}
    stage = on_stage(a_set(cue("pad", loop=True, length_beats=4), timeline=((0, "pad"),), moves=moves))
    stage.hear("/transport/play")
    while stage.mixer.frame < START_FRAME + 4 * BEAT_FRAMES:
        stage.run(0.02, answer=False)
        for request in stage.engine.asked:
            frames = request.frames + request.tail_frames
            stage.answer(request, samples=np.full((frames, 1), levels[request.shape], np.float32))
        stage.engine.asked.clear()

    heard = stage.sound[START_FRAME:, 0] / abs(stage.sound[START_FRAME, 0])
    first, second = round(2.5 * BEAT_FRAMES), round(2.6 * BEAT_FRAMES)
    assert heard[: first + 1] == pytest.approx(1)
    assert heard[first : first + SWAP_FRAMES] == pytest.approx(1 - 2 * np.arange(SWAP_FRAMES) / SWAP_FRAMES, abs=1e-4)
    assert heard[first + SWAP_FRAMES : second + 1] == pytest.approx(-1)
    assert heard[second : second + SWAP_FRAMES] == pytest.approx(
        -1 + 2 * np.arange(SWAP_FRAMES) / SWAP_FRAMES, abs=1e-4
    )
    assert heard[second + SWAP_FRAMES : 4 * BEAT_FRAMES] == pytest.approx(1)


def test_what_the_timeline_lands_later_is_asked_for_with_the_knobs_of_then(on_stage) -> None:  # type: ignore[no-untyped-def]
    moves = (TimelineMove(beat=4, shape="drums.room", value=1),)
    stage = on_stage(a_set(cue("kick"), timeline=((3, "kick"), (4, "kick")), moves=moves))
    stage.hear("/transport/play")
    stage.run(1, answer=False)

    assert [request.shape.room for request in stage.engine.asked] == [0, 1]
    stage.run(8)
    first, second = stage.player.launcher.launches
    assert stage.library.take(first.take_id).request.shape == NEUTRAL
    assert stage.library.take(second.take_id).request.shape == Shape(room=1)
    assert [launch.error_frames for launch in (first, second)] == [0, 0]
