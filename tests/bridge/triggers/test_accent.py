"""What a hard hit makes of its cue, and of what is heard: with the real mixer, a velocity is a level."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bridge.set_file import NoteTrigger, Set
from bridge.triggers.accent import NO_ACCENT, Accent, accent_of
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed
from osc_schemas.shape import Shape
from tests.bridge.stage import Stage, a_set, cue

LOUD = {"gain_db": (-18.0, 0.0)}


OnStage = Callable[[Set], Stage]


@pytest.fixture
def on_stage(tmp_path: Path) -> Iterator[OnStage]:
    stages: list[Stage] = []

    def put(music: Set) -> Stage:
        stages.append(Stage(music, tmp_path / f"takes{len(stages)}"))
        return stages[-1]

    yield put
    for stage in stages:
        stage.library.close()


def pads(stage: Stage) -> MidiFeed:
    """MIDI bytes into that player."""
    return MidiFeed(Keymap(tuple(stage.player.music.midi)), on_heard=stage.player.hear)


def peak_of(stage: Stage, beats: float) -> float:
    """How loud the next beats are, with an engine that does not answer."""
    begun = len(stage.sound)
    stage.run(beats, answer=False)
    return float(np.abs(stage.sound[begun:]).max())


def test_gain_goes_with_the_velocity_from_one_end_of_its_range_to_the_other() -> None:
    gains = [accent_of(velocity, LOUD).gain_db for velocity in range(1, 128)]

    assert (gains[0], gains[63], gains[-1]) == (-18, -9, 0)
    assert gains == sorted(gains)


def test_a_shape_comes_in_eight_layers() -> None:
    shapes = [accent_of(velocity, {"brightness": (-0.7, 0.7), "room": (0.4, 0)}).shape for velocity in range(1, 128)]

    assert shapes[0] == Shape(brightness=-0.7, room=0.4)
    assert shapes[-1].brightness == pytest.approx(0.7)
    assert shapes[-1].room == 0
    assert len(set(shapes)) == 8


def test_without_a_range_a_hit_is_a_hit() -> None:
    kick = cue("kick", gain_db=-3)

    assert accent_of(1, {}) is NO_ACCENT
    assert NO_ACCENT.on(kick) is kick


def test_an_accent_lies_on_top_of_what_the_cue_says_as_far_as_a_cue_goes() -> None:
    kick = cue("kick", gain_db=-6, shape=Shape(pitch=-12))

    assert Accent(gain_db=-3, shape=Shape(pitch=2)).on(kick) == cue("kick", gain_db=-9, shape=Shape(pitch=-10))
    assert Accent(gain_db=100).on(kick).gain_db == 24


def test_a_soft_hit_is_as_much_softer_as_the_set_says_and_waits_for_no_engine(on_stage: OnStage) -> None:
    stage = on_stage(a_set(cue("kick"), midi=(NoteTrigger(note=36, cue="kick", velocity=LOUD),)))
    pads(stage).feed(bytes([0x90, 36, 127]))
    stage.run(4)
    hard = float(np.abs(stage.sound).max())

    pads(stage).feed(bytes([0x90, 36, 64]))
    soft = peak_of(stage, 2)

    assert 20 * np.log10(soft / hard) == pytest.approx(-9, abs=0.01)
    assert stage.engine.asked == []
    hard_launch, soft_launch = stage.player.launcher.launches
    assert hard_launch.take_id == soft_launch.take_id
    assert [launch.error_frames for launch in stage.player.launcher.launches] == [0, 0]


def test_the_next_landing_knows_nothing_of_the_hit_before(on_stage: OnStage) -> None:
    stage = on_stage(a_set(cue("kick"), midi=(NoteTrigger(note=36, cue="kick", velocity=LOUD),)))
    pads(stage).feed(bytes([0x90, 36, 1]))
    stage.run(4)

    stage.hear("/cue/go", name="kick")
    full = peak_of(stage, 2)

    assert 20 * np.log10(full / np.abs(stage.sound[: 4 * 24_000]).max()) == pytest.approx(18, abs=0.01)
    assert stage.player.cues["kick"].gain_db == 0


def test_a_scene_keeps_its_balance_however_it_is_struck(on_stage: OnStage) -> None:
    music = a_set(
        cue("kick", seed=1),
        cue("sub", track="bass", seed=2, gain_db=-6),
        scenes={"drop": ("kick", "sub")},
        midi=(NoteTrigger(note=48, scene="drop", velocity=LOUD),),
    )
    stage = on_stage(music)
    pads(stage).feed(bytes([0x90, 48, 64]))

    stage.run(4)

    assert [launch.cue.gain_db for launch in stage.player.launcher.launches] == [-9, -15]


def test_a_new_layer_lands_at_once_in_the_shape_at_hand_and_takes_over_when_it_is_made(on_stage: OnStage) -> None:
    bright = NoteTrigger(note=36, cue="kick", velocity={"brightness": (-0.7, 0.7)})
    stage = on_stage(a_set(cue("kick", length_beats=4), midi=(bright,)))
    pads(stage).feed(bytes([0x90, 36, 127]))
    stage.run(4)

    pads(stage).feed(bytes([0x90, 36, 1]))
    stage.run(1.5, answer=False)
    landed = stage.player.launcher.launches[-1]
    assert landed.error_frames == 0
    assert {request.shape for request in stage.engine.asked} == {Shape(brightness=-0.7)}

    stage.run(1)
    pads(stage).feed(bytes([0x90, 36, 2]))
    stage.run(2, answer=False)
    assert stage.engine.asked == []  # the layer is at hand now
    assert stage.player.launcher.history["drums"][-1][1].request.shape == Shape(brightness=-0.7)
