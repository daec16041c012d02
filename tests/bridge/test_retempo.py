"""What loops when the tempo changes, with the real mixer: 120 BPM, so a beat is 24 000 frames; 100 BPM has 28 800."""

import time
from pathlib import Path

import numpy as np
import pytest

from bridge.session import Session
from bridge.set_file import Set
from bridge.tracks.sound import sound_of
from bridge.triggers.heard import unanswered
from osc_schemas.cue import Cue, TempoRule
from osc_schemas.request import GenerateRequest
from tests.bridge.stage import Stage, a_set, clip_of, cue, onsets


@pytest.fixture
def on_stage(tmp_path: Path):  # type: ignore[no-untyped-def]
    stages: list[Stage] = []

    def put(music: Set) -> Stage:
        stages.append(Stage(music, tmp_path / f"takes{len(stages)}"))
        return stages[-1]

    yield put
    for stage in stages:
        stage.library.close()


def looping(rule: TempoRule, **changes: object) -> Cue:
    return cue("beat", loop=True, length_beats=4.0, quantum_beats=4.0, tempo=rule, **changes)


def after_the_change(stage: Stage, *, answer: bool = True) -> None:
    """The loop plays at 120 BPM, then at 100, for long enough."""
    stage.hear("/cue/go", name="beat")
    stage.run(10)
    stage.hear("/transport/tempo", tempo_bpm=100.0)
    stage.run(24, answer=answer)


def test_regenerate_asks_once_for_the_new_length_and_lets_it_take_over_at_a_pass(on_stage) -> None:
    stage = on_stage(a_set(looping("regenerate")))

    after_the_change(stage)

    first, second = stage.player.launcher.launches
    assert (first.asked_beat % 4, second.asked_beat % 4, second.how) == (0, 0, "on-time")
    [(_, sound)] = stage.player.launcher.playing("drums")
    assert (sound.request.tempo_bpm, sound.request.frames) == (100, 4 * 28_800)
    assert len(stage.library.takes) == 2
    assert set(np.diff(onsets(stage.sound)).tolist()) == {4 * 24_000, 4 * 28_800}


def test_while_the_engine_is_lost_what_was_to_be_made_again_is_stretched(on_stage) -> None:
    stage = on_stage(a_set(looping("regenerate")))
    stage.hear("/cue/go", name="beat")
    stage.run(10)
    stage.engine.state = "lost"

    stage.hear("/transport/tempo", tempo_bpm=100.0)
    stage.run(24, answer=False)

    assert stage.engine.asked == []
    [(_, sound)] = stage.player.launcher.playing("drums")
    assert (sound.request.tempo_bpm, sound.request.frames) == (100, 4 * 28_800)


def test_stretch_asks_for_nothing_keeps_the_take_and_comes_back_to_its_own_samples(on_stage) -> None:
    stage = on_stage(a_set(looping("stretch")))
    stage.hear("/cue/go", name="beat")
    stage.run(10)
    [(_, original)] = stage.player.launcher.playing("drums")

    stage.hear("/transport/tempo", tempo_bpm=100.0)
    stage.run(24, answer=False)
    [(_, slower)] = stage.player.launcher.playing("drums")
    stage.hear("/transport/tempo", tempo_bpm=120.0)
    stage.run(24, answer=False)
    [(_, back)] = stage.player.launcher.playing("drums")

    assert stage.engine.asked == []
    assert slower.take_id == back.take_id == original.take_id
    assert len(slower.samples) == pytest.approx(len(original.samples) * 1.2, abs=1)
    assert np.array_equal(back.samples, original.samples)
    assert len(stage.library.takes) == 1


def test_keep_leaves_the_clip_as_it_is_and_each_pass_on_its_beat(on_stage) -> None:
    stage = on_stage(a_set(looping("keep")))

    after_the_change(stage, answer=False)

    assert stage.engine.asked == []
    assert len(stage.player.launcher.launches) == 1
    assert set(np.diff(onsets(stage.sound)).tolist()) == {4 * 24_000, 4 * 28_800}


def test_a_loop_longer_than_its_quantum_is_taken_over_where_it_begins(on_stage) -> None:
    stage = on_stage(a_set(cue("beat", loop=True, length_beats=8.0, quantum_beats=1.0)))
    stage.hear("/cue/go", name="beat")
    stage.run(6)

    stage.hear("/transport/tempo", tempo_bpm=110.0)
    stage.run(30)

    first, second = stage.player.launcher.launches
    assert (second.asked_beat - first.asked_beat) % 8 == 0


def test_what_is_being_made_again_is_not_asked_for_twice(on_stage) -> None:
    stage = on_stage(a_set(looping("regenerate")))
    stage.hear("/cue/go", name="beat")
    stage.run(10)
    stage.hear("/transport/tempo", tempo_bpm=100.0)
    stage.run(3, answer=False)
    assert [request.tempo_bpm for request in stage.engine.asked] == [100]

    stage.hear("/take/shape", track="drums", knob="brightness", value=0.0)  # whatever settles the music once more
    stage.run(2, answer=False)

    assert [request.tempo_bpm for request in stage.engine.asked] == [100]
    assert stage.replied("/refused") == []


def test_live_a_clip_is_stretched_beside_the_music_and_takes_over(tmp_path: Path) -> None:
    music = a_set(cue("beat", loop=True, tempo="stretch"))
    nobody = "tcp://127.0.0.1:9"  # the sound is at hand
    session = Session(music, engine_endpoint=nobody, takes_folder=tmp_path, output_kind="null")
    request = GenerateRequest(
        request_id="r", prompt="beat", frames=24_000, tail_frames=12_000, sample_rate_hz=48_000, tempo_bpm=120
    )
    sound = sound_of(clip_of(request), take_id="t", loudness_lufs=-16.0)
    with session:
        session.ask(lambda player: player.fire(music.cues["beat"], trigger="api", reply=unanswered, sound=sound))
        session.ask(lambda player: player.conductor.set_tempo(150))
        playing: list[float | None] = []
        ends_at_s = time.monotonic() + 20
        while playing[-1:] != [150] and time.monotonic() < ends_at_s:
            time.sleep(0.05)
            playing = session.ask(lambda player: [one.request.tempo_bpm for _, one in player.launcher.playing("drums")])

    assert playing[-1] == 150
