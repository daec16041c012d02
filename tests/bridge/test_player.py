"""One cue from trigger to track, with the real mixer, at 120 BPM and 48 kHz: a beat is 24 000 frames."""

from pathlib import Path

import numpy as np
import pytest

from bridge.engine_link import EngineStateChanged
from bridge.player import PREROLL_S
from bridge.set_file import NoteTrigger, Set
from osc_schemas.cue import LateRule
from tests.bridge.stage import RATE_HZ, Stage, a_set, cue, onsets

BEAT_FRAMES = 24_000
START_FRAME = round(PREROLL_S * RATE_HZ)  # of beat 0


@pytest.fixture
def on_stage(tmp_path: Path):  # type: ignore[no-untyped-def]
    stages: list[Stage] = []

    def put(music: Set) -> Stage:
        stages.append(Stage(music, tmp_path / f"takes{len(stages)}"))
        return stages[-1]

    yield put
    for stage in stages:
        stage.library.close()


def test_a_cue_of_the_timeline_sounds_on_its_beat_to_the_frame(on_stage) -> None:
    stage = on_stage(a_set(cue("kick"), timeline=((0, "kick"), (2.5, "kick"))))

    stage.hear("/transport/play")
    stage.run(8)

    assert onsets(stage.sound) == [START_FRAME, START_FRAME + round(2.5 * BEAT_FRAMES)]
    assert [(launch.asked_beat, launch.error_frames, launch.how) for launch in stage.player.launcher.launches] == [
        (0, 0, "on-time"),
        (2.5, 0, "on-time"),
    ]


def test_a_cue_over_osc_lands_on_its_quantum_and_its_sender_is_told_where(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", quantum_beats=4)))
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 1.2)

    stage.hear("/cue/go", name="kick")
    stage.run(4)

    assert onsets(stage.sound) == [START_FRAME + 4 * BEAT_FRAMES]
    [[_, name, track, bar, beat]] = stage.replied("/cue/planned")
    assert (name, track, bar, beat) == ("kick", "drums", 2, 1.0)


def test_a_cue_starts_the_music_if_it_stands_still(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))

    stage.hear("/cue/go", name="kick")
    stage.run(4)

    assert onsets(stage.sound) == [START_FRAME]


def test_a_timetag_is_honoured_to_the_frame_where_there_is_no_quantum(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", quantum_beats=0)))
    stage.hear("/transport/play")
    stage.run(4)

    stage.hear("/cue/go", name="kick", at_unix_s=2.75)
    stage.run(4)

    assert onsets(stage.sound) == [pytest.approx(2.75 * RATE_HZ, abs=1)]


def test_a_loop_goes_round_on_the_beat_and_its_tail_sounds_over_the_next_pass(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", loop=True), timeline=((0, "kick"),), tempo_bpm=124))
    stage.hear("/transport/play")
    stage.run(1, answer=False)
    request = stage.engine.asked.pop()
    samples = np.zeros((request.frames + request.tail_frames, 1), np.float32)
    samples[0], samples[request.frames + 100] = 0.8, 0.2
    stage.answer(request, samples=samples)

    stage.run(12)

    beat_frames = 60 / 124 * RATE_HZ
    begun = [START_FRAME + round(beat * beat_frames) for beat in range(11)]
    assert onsets(stage.sound)[:11] == begun
    in_the_tail = stage.sound[begun[0] + request.frames + 100, 0]
    assert in_the_tail > 0.2 * stage.sound[begun[0], 0]


def test_a_new_loop_takes_over_from_the_old_one(on_stage) -> None:
    stage = on_stage(a_set(cue("a", loop=True, seed=1), cue("b", loop=True, seed=2), timeline=((0, "a"), (4, "b"))))
    stage.hear("/transport/play")

    stage.run(12)

    sounding = stage.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert sounding.take_id.startswith("b-")
    at_four = START_FRAME + 4 * BEAT_FRAMES
    assert onsets(stage.sound[at_four - 100 :])[0] == 100
    assert stage.mixer.voices_in_use < 8


def test_what_was_made_once_lands_again_without_the_engine(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/go", name="kick")
    stage.run(4)

    stage.hear("/cue/go", name="kick")
    stage.run(2, answer=False)

    assert len(onsets(stage.sound)) == 2
    assert stage.engine.asked == []


def test_an_armed_cue_is_made_at_once_and_waits(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/transport/play")
    stage.hear("/cue/arm", name="kick")
    stage.run(4)
    assert onsets(stage.sound) == []

    stage.hear("/cue/go", name="kick")
    stage.run(2, answer=False)

    assert len(onsets(stage.sound)) == 1


def test_what_is_played_by_hand_is_armed_as_soon_as_the_engine_is_ready(tmp_path: Path) -> None:
    music = a_set(
        cue("kick", seed=1),
        cue("pad", seed=2),
        cue("drop", seed=3),
        cue("bell", seed=4),
        timeline=((0, "kick"), (0, "pad"), (0, "drop")),
        midi=(NoteTrigger(note=36, cue="pad"),),
        scenes={"all": ("drop",)},
    )
    stage = Stage(music, tmp_path, arm=True)

    stage.player.engine_said(EngineStateChanged("ready", ""))

    assert [request.seed for request in stage.engine.asked] == [2, 3, 4]
    stage.library.close()


def test_the_lookahead_follows_the_engine(on_stage) -> None:
    stage = on_stage(a_set(cue("slow", quantum_beats=1, seed=1)))
    stage.hear("/cue/arm", name="slow")
    stage.answer(stage.engine.asked.pop(), after_ms=900)
    stage.hear("/cue/set", name="slow", key="seed", value=2)
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 0.1)

    stage.hear("/cue/go", name="slow")

    [[_, _, _, bar, beat]] = stage.replied("/cue/planned")
    assert (bar, beat) == (1, 3.0)  # beat 1 is 450 ms away, beat 2 the first that leaves 900 ms


@pytest.mark.parametrize(
    ("late", "heard_beats"), [("last-take", [0, 4]), ("next", [0, 6]), ("drop", [0]), ("now", [0, 5])]
)
def test_what_a_late_one_shot_becomes(on_stage, late: LateRule, heard_beats: list[int]) -> None:
    stage = on_stage(a_set(cue("kick", seed=1, late=late), timeline=((0, "kick"),)))
    stage.hear("/transport/play")
    stage.run(3)
    stage.hear("/cue/set", name="kick", key="seed", value=2)
    stage.player.fire(stage.player.cues["kick"], trigger="timeline", reply=lambda packet: None, asked_beat=4)

    stage.run(4, answer=False)  # beat 5 has come, and the clip for beat 4 has not
    stage.run(5)

    found = [round((frame - START_FRAME) / BEAT_FRAMES, 2) for frame in onsets(stage.sound)]
    assert found == pytest.approx(heard_beats, abs=0.1)
    assert all(launch.error_frames == 0 for launch in stage.player.launcher.launches)


def test_a_loop_goes_on_while_the_engine_is_lost_and_the_new_one_comes_when_it_is_back(on_stage) -> None:
    loops = (cue("a", loop=True, seed=1, quantum_beats=4), cue("b", loop=True, seed=2, quantum_beats=4))
    stage = on_stage(a_set(*loops, timeline=((0, "a"),)))
    stage.hear("/transport/play")
    stage.run(4)

    stage.engine.state = "lost"
    stage.hear("/cue/go", name="b")
    stage.run(12, answer=False)
    assert onsets(stage.sound) == [START_FRAME + beat * BEAT_FRAMES for beat in range(14)]

    stage.engine.state = "ready"
    stage.run(8)
    sounding = stage.player.launcher.tracks["drums"].looping
    assert sounding is not None
    assert sounding.take_id.startswith("b-")
    assert len(onsets(stage.sound)) == 22


def test_a_refusal_by_the_engine_reaches_whoever_asked(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/go", name="kick")

    stage.refuse(stage.engine.asked.pop())

    assert stage.replied("/refused") == [["kick", "engine-error", "it would not"]]
    assert stage.player.wishes == {}


def test_silence_is_refused(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/go", name="kick")
    request = stage.engine.asked.pop()

    stage.answer(request, samples=np.zeros((request.frames + request.tail_frames, 1), np.float32))

    [[_, reason, _]] = stage.replied("/refused")
    assert reason == "silent"


def test_every_launch_has_its_journal_line_first(on_stage) -> None:
    stage = on_stage(a_set(cue("kick"), timeline=((0, "kick"),)))
    stage.hear("/transport/play")
    stage.run(1)  # the clip is there, its beat is not

    journal = (stage.library.folder / "journal.jsonl").read_text()

    assert '"cue": "kick"' in journal
    assert onsets(stage.sound) == []


def test_takes_go_back_and_forth(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", seed=1)))
    stage.hear("/cue/go", name="kick")
    stage.run(4)
    stage.hear("/take/next", track="drums")
    stage.run(2)
    stage.hear("/take/previous", track="drums")
    stage.run(2, answer=False)
    stage.hear("/take/again", track="drums")
    stage.run(2, answer=False)

    first, second, third, fourth = (launch.take_id for launch in stage.player.launcher.launches)
    assert first != second
    assert first == third == fourth
    stage.hear("/take/pin", track="drums")
    assert stage.library.take(first).pinned


def test_refining_asks_for_the_same_seed_at_more_steps(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", seed=9)))
    stage.hear("/cue/go", name="kick")
    stage.run(4)

    stage.hear("/take/refine", track="drums")

    assert (stage.engine.asked[0].seed, stage.engine.asked[0].steps) == (9, 4)


def test_refining_takes_as_many_steps_as_are_named_or_as_the_model_has_up_to_4(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", steps=2)))
    stage.hear("/cue/go", name="kick")
    stage.run(4)

    stage.engine.steps_offered = (1, 2, 4, 8)
    stage.hear("/take/refine", track="drums")
    stage.hear("/take/refine", track="drums", steps=8)
    stage.hear("/take/refine", track="drums", steps=5)
    stage.engine.steps_offered = (1, 2, 16)
    stage.hear("/take/refine", track="drums")
    stage.engine.steps_offered = (1, 2)
    stage.hear("/take/refine", track="drums")

    assert [request.steps for request in stage.engine.asked] == [4, 8]
    assert [sentence for _, _, sentence in stage.replied("/refused") if "steps" in str(sentence)] == [
        "steps is 5; it must be one of 1, 2, 4, 8",
        "the take on drums was made at 2 steps already; name a number above that: 16",
        "the take on drums was made at 2 steps already; the model makes no finer one",
    ]


def test_a_refined_loop_takes_over_where_the_next_pass_begins_whatever_the_quantum(on_stage) -> None:
    stage = on_stage(a_set(cue("riff", loop=True, length_beats=4, quantum_beats=1, seed=5)))
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 0.5)
    stage.hear("/cue/go", name="riff")  # on beat 2: passes begin on 2, 6, 10, ...
    stage.run(2)

    stage.hear("/take/refine", track="drums")
    stage.run(8)

    draft, refined = stage.player.launcher.launches
    assert (draft.asked_beat, refined.asked_beat) == (2, 6)
    assert refined.error_frames == 0
    assert onsets(stage.sound) == [START_FRAME + beat * BEAT_FRAMES for beat in (2, 6, 10)]


def test_a_refined_loop_that_comes_late_waits_for_the_pass_after(on_stage) -> None:
    stage = on_stage(a_set(cue("riff", loop=True, length_beats=4, quantum_beats=1)))
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 0.5)
    stage.hear("/cue/go", name="riff")
    stage.run(2)

    stage.hear("/take/refine", track="drums")
    stage.run(5, answer=False)  # past beat 6: the draft goes on
    stage.run(4)

    assert stage.player.launcher.launches[-1].asked_beat == 10
    assert stage.player.launcher.tracks["drums"].looping.request.steps == 4
    assert onsets(stage.sound) == [START_FRAME + beat * BEAT_FRAMES for beat in (2, 6, 10)]


def test_a_scene_lands_together(on_stage) -> None:
    music = a_set(cue("kick", seed=1), cue("sub", track="bass", seed=2), scenes={"drop": ("kick", "sub")})
    stage = on_stage(music)
    stage.hear("/scene/go", name="drop")

    stage.run(4)

    assert len({launch.heard_frame for launch in stage.player.launcher.launches}) == 1
    assert len(stage.player.launcher.launches) == 2


def test_panic_fades_and_a_second_one_cuts(on_stage) -> None:
    stage = on_stage(a_set(cue("pad", length_beats=16)))
    stage.hear("/cue/go", name="pad")
    request = stage.engine.asked.pop()
    stage.answer(request, samples=np.full((request.frames + request.tail_frames, 1), 0.5, np.float32))
    stage.run(4)

    stage.hear("/panic")
    stage.run(0.1, answer=False)
    fading = stage.sound[-1, 0]
    stage.hear("/panic")
    stage.run(0.1, answer=False)

    assert 0 < fading < stage.sound[4 * BEAT_FRAMES - 1, 0]
    assert np.all(stage.sound[-BEAT_FRAMES // 20 :] == 0)
    assert not stage.player.transport.playing


def test_gain_is_ramped(on_stage) -> None:
    stage = on_stage(a_set(cue("pad", length_beats=16)))
    stage.hear("/cue/go", name="pad")
    request = stage.engine.asked.pop()
    stage.answer(request, samples=np.full((request.frames + request.tail_frames, 1), 0.5, np.float32))
    stage.run(4)

    stage.hear("/track/gain", track="drums", gain_db=-20.0)
    stage.run(0.5)

    before, after = stage.sound[4 * BEAT_FRAMES - 1, 0], stage.sound[-1, 0]
    assert after == pytest.approx(before / 10, rel=1e-3)
    assert np.abs(np.diff(stage.sound[-12_000:, 0])).max() < 0.01 * before


def test_stopping_a_track_leaves_the_other_playing(on_stage) -> None:
    music = a_set(
        cue("kick", loop=True, seed=1), cue("sub", track="bass", loop=True, seed=2), timeline=((0, "kick"), (0, "sub"))
    )
    stage = on_stage(music)
    stage.hear("/transport/play")
    stage.run(4)

    stage.hear("/track/stop", track="drums")
    stage.run(4)

    assert stage.player.launcher.tracks["drums"].looping is None
    assert stage.player.launcher.tracks["bass"].looping is not None


def test_a_tempo_change_moves_the_beats_to_come(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", loop=True), timeline=((0, "kick"),)))
    stage.hear("/transport/play")
    stage.run(3)

    stage.hear("/transport/tempo", tempo_bpm=60.0)
    stage.run(16)

    apart = np.diff(onsets(stage.sound))
    assert set(apart.tolist()) == {BEAT_FRAMES, 2 * BEAT_FRAMES}
    assert apart.tolist() == sorted(apart.tolist())


def test_locate_goes_on_with_the_timeline_from_there(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", seed=1), cue("crash", seed=2), timeline=((0, "kick"), (32, "crash"))))
    stage.hear("/transport/play")
    stage.run(1)

    stage.hear("/transport/locate", bar=9, beat=1.0)
    stage.run(6)

    assert [launch.cue.name for launch in stage.player.launcher.launches] == ["crash"]


def test_a_piece_with_an_end_ends_there_with_its_last_pass_and_tail(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", loop=True), timeline=((0, "kick"), (5, "kick"))))
    stage.player.end_beat = 4.0
    stage.hear("/transport/play")

    stage.run(12)

    assert onsets(stage.sound) == [START_FRAME + beat * BEAT_FRAMES for beat in range(4)]


def test_status_answers_with_types_anyone_can_read(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/go", name="kick")
    stage.run(4)

    stage.hear("/status")

    [transport] = stage.replied("/status/transport")
    assert transport[:2] == [1, 120.0]
    assert [track[:2] for track in stage.replied("/status/track")] == [["drums", "kick"], ["bass", ""]]
    assert stage.replied("/status/end") == [[2]]


def test_status_names_what_loops_and_not_what_came_over_it(on_stage) -> None:
    music = a_set(cue("kick", loop=True, seed=1), cue("snare", seed=2), timeline=((0, "kick"), (1, "snare")))
    stage = on_stage(music)
    stage.hear("/transport/play")
    stage.run(6)

    stage.hear("/status")

    drums, _ = stage.replied("/status/track")
    assert (drums[1], drums[4]) == ("kick", "looping")


def test_the_newest_take_of_a_cue_takes_the_place_of_one_laid_out_for_the_same_beat(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", seed=1, quantum_beats=4)))
    stage.hear("/cue/go", name="kick")
    stage.run(5)
    stage.hear("/take/next", track="drums")
    stage.run(0.5)
    stage.hear("/take/again", track="drums")

    stage.run(6, answer=False)

    assert [launch.asked_beat for launch in stage.player.launcher.launches] == [0, 4]
    assert len(onsets(stage.sound)) == 2


def test_whoever_asked_and_subscribed_is_refused_once(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/subscribe", seconds=60)

    stage.hear("/cue/go", name="nosuch")

    assert len(stage.replied("/refused")) == 1


def test_a_cue_that_moves_says_where_to(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", late="next", quantum_beats=4)))
    stage.hear("/cue/go", name="kick")
    stage.run(3, answer=False)

    stage.run(6)

    assert [planned[3] for planned in stage.replied("/cue/planned")] == [1, 2]


def test_whoever_subscribed_hears_beats_and_launches(on_stage) -> None:
    stage = on_stage(a_set(cue("kick"), timeline=((1, "kick"),)))
    stage.hear("/subscribe", seconds=60)
    stage.hear("/transport/play")

    stage.run(6)

    assert stage.replied("/beat")[:3] == [[1, 1.0], [1, 2.0], [1, 3.0]]
    [[take_id, name, track, bar, beat, error_frames, how]] = stage.replied("/launch")
    assert (name, track, bar, beat, error_frames, how) == ("kick", "drums", 1, 2.0, 0, "on-time")
    assert str(take_id).startswith("kick-")


@pytest.mark.parametrize(
    ("address", "values", "sentence"),
    [
        ("/cue/go", {"name": "kik"}, "there is no cue 'kik'; the nearest is kick"),
        ("/cue/say", {"track": "drms", "prompt": "x", "length_beats": 1.0}, "the nearest is drums"),
        ("/cue/say", {"track": "drums", "prompt": " ", "length_beats": 1.0}, "the prompt is empty"),
        ("/cue/say", {"track": "drums", "prompt": "k" * 2_000, "length_beats": 1.0}, "at most 1000"),
        ("/cue/say", {"track": "drums", "prompt": "x", "length_beats": 0.0}, "needs a length above 0"),
        ("/cue/say", {"track": "drums", "prompt": "x", "length_beats": 900.0}, "a clip has at most 60 s"),
        ("/cue/set", {"name": "kick", "key": "steps", "value": 3.0}, "one of 1, 2, 4"),
        ("/cue/cancel", {"name": "kick"}, "is under way"),
        ("/scene/go", {"name": "drop"}, "there is no scene 'drop'"),
        ("/take/again", {"track": "drums"}, "has played no take yet"),
        ("/take/previous", {"track": "drums"}, "there is none before"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(on_stage, address: str, values: dict, sentence: str) -> None:
    stage = on_stage(a_set(cue("kick")))

    stage.hear(address, **values)

    [[what, _, said]] = stage.replied("/refused")
    assert what == address
    assert sentence in str(said)
    assert stage.player.wishes == {}


def test_a_cue_made_before_lands_at_its_new_gain(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/go", name="kick")
    stage.run(4)

    stage.hear("/cue/set", name="kick", key="gain_db", value=-20.0)
    stage.hear("/cue/go", name="kick")
    stage.run(2, answer=False)

    first, second = (launch.heard_frame for launch in stage.player.launcher.launches)
    assert stage.sound[second, 0] == pytest.approx(stage.sound[first, 0] / 10, rel=1e-3)


def test_an_armed_cue_that_is_fired_before_it_is_made_is_asked_for_once(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/arm", name="kick")
    stage.hear("/cue/arm", name="kick")
    [armed] = stage.engine.asked

    stage.hear("/cue/go", name="kick")

    assert stage.engine.cancelled == [armed.request_id]
    assert len(stage.player.wishes) == 1


def test_a_clip_that_came_just_too_late_is_kept_and_forgotten_as_a_wish(on_stage) -> None:
    stage = on_stage(a_set(cue("kick", seed=1), timeline=((0, "kick"),)))
    stage.hear("/transport/play")
    stage.run(3)
    again = cue("kick", seed=2)
    stage.player.fire(again, trigger="timeline", reply=lambda packet: None, asked_beat=2)
    for _ in range(20):  # the frames go by before the player gets a word in
        stage.mixer.mix(np.zeros((1_200, 2), np.float32))
    stage.answer_all()

    stage.run(1)

    assert stage.player.wishes == {}
    assert [launch.how for launch in stage.player.launcher.launches] == ["on-time", "last-take"]


def test_a_timeline_cue_that_cannot_be_asked_for_leaves_the_others_alone(on_stage) -> None:
    long, short = cue("long", length_beats=100), cue("short", seed=1)
    stage = on_stage(a_set(long, short, timeline=((12, "long"), (12, "short"))))
    stage.hear("/subscribe", seconds=60)
    stage.hear("/transport/tempo", tempo_bpm=60.0)  # the long one would last 100 s now
    stage.hear("/transport/play")

    stage.run(32)

    assert [launch.cue.name for launch in stage.player.launcher.launches] == ["short"]
    assert "a clip has at most 60 s" in str(stage.replied("/refused"))


def test_a_take_played_again_keeps_the_gain_it_was_last_given(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/go", name="kick")
    stage.run(4)
    stage.hear("/cue/set", name="kick", key="gain_db", value=-20.0)
    stage.hear("/cue/go", name="kick")
    stage.run(2, answer=False)

    stage.hear("/take/again", track="drums")
    stage.run(2, answer=False)

    first, _, again = (stage.sound[launch.heard_frame, 0] for launch in stage.player.launcher.launches)
    assert again == pytest.approx(first / 10, rel=1e-3)


def test_a_scene_says_of_every_cue_where_it_lands_in_the_end(on_stage) -> None:
    near, far = cue("near", quantum_beats=1), cue("far", track="bass", quantum_beats=4)
    stage = on_stage(a_set(near, far, scenes={"both": ("near", "far")}))
    stage.hear("/transport/play")
    stage.run(2 * PREROLL_S + 1.2)

    stage.hear("/scene/go", name="both")

    where = {planned[1]: planned[3:] for planned in stage.replied("/cue/planned")}
    assert where == {"near": [2, 1.0], "far": [2, 1.0]}


def test_a_request_has_the_tempo_of_its_landing_and_the_key_of_the_music(on_stage) -> None:
    cues = (cue("sub", length_beats=2), cue("lead", key="F# dorian"), cue("noise", key="off"))
    stage = on_stage(a_set(*cues, key="D minor", timeline=((1, "sub"), (2, "lead"), (3, "noise"), (8, "sub"))))
    stage.hear("/transport/play")
    stage.run(1, answer=False)
    stage.hear("/transport/tempo", tempo_bpm=60.0)  # from beat 4 on
    stage.run(6, answer=False)

    asked = [(request.prompt, request.key, request.tempo_bpm, request.frames) for request in stage.engine.asked]
    assert asked == [
        ("sub", "D minor", 120, 2 * BEAT_FRAMES),
        ("lead", "F# dorian", 120, BEAT_FRAMES),
        ("noise", "", 120, BEAT_FRAMES),
        ("sub", "D minor", 60, 4 * BEAT_FRAMES),
    ]


def test_a_cue_fired_right_before_a_tempo_change_that_it_lands_behind_is_made_for_the_new_tempo(on_stage) -> None:
    stage = on_stage(a_set(cue("pad", quantum_beats=4)))
    stage.hear("/transport/play")
    stage.run(3)
    stage.hear("/transport/tempo", tempo_bpm=60.0)  # at beat 4, a second and more away
    stage.run(1)

    stage.hear("/cue/go", name="pad")

    [request] = stage.engine.asked
    assert (request.tempo_bpm, request.frames) == (60, 2 * BEAT_FRAMES)


def test_what_is_armed_is_made_again_once_when_the_tempo_rests(on_stage) -> None:
    stage = on_stage(a_set(cue("kick"), cue("hat")))
    stage.hear("/transport/play")
    for name in ("kick", "hat"):
        stage.hear("/cue/arm", name=name)
    stage.run(1)
    for tempo_bpm in range(121, 131):
        stage.hear("/transport/tempo", tempo_bpm=float(tempo_bpm))
        stage.run(0.1, answer=False)
    assert stage.engine.asked == []

    stage.run(1.3)
    stage.run(6, answer=False)
    stage.hear("/cue/go", name="kick")

    assert stage.engine.asked == []
    assert {take.request.tempo_bpm for take in stage.library.takes.values()} == {120, 130}


def test_what_was_armed_and_taken_back_is_not_made_again(on_stage) -> None:
    stage = on_stage(a_set(cue("kick")))
    stage.hear("/cue/arm", name="kick")
    stage.hear("/cue/cancel", name="kick")
    stage.engine.asked.clear()

    stage.hear("/transport/tempo", tempo_bpm=90.0)
    stage.run(4, answer=False)

    assert stage.engine.asked == []


def test_a_key_that_the_engine_refuses_is_told_to_whoever_asked(on_stage) -> None:
    stage = on_stage(a_set(cue("sub", key="G moll")))
    stage.hear("/cue/go", name="sub")

    stage.refuse(stage.engine.asked.pop(), reason="bad-request")

    assert stage.replied("/refused") == [["sub", "bad-request", "it would not"]]


def test_a_take_is_kept_with_the_metre_of_its_set(on_stage) -> None:
    stage = on_stage(a_set(cue("kick"), timeline=((0, "kick"),), meter="3/4"))

    stage.hear("/transport/play")
    stage.run(4)

    assert [take.beats_per_bar for take in stage.library.takes.values()] == [3.0]
