"""Soft takeover: by itself, and with a player whose numbers others change too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.set_file import ControlTrigger, NoteTrigger, ShapeTrigger, TimelineMove
from bridge.triggers.heard import Controller
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed
from bridge.triggers.takeover import Takeover
from tests.bridge.stage import Stage, a_set, cue

LEFT, RIGHT = (Controller(name=f"cc {number} on channel 1", range=(0, 127)) for number in (20, 21))
GAIN = ("kick", "gain_db")


class Number:
    """A number under takeover, as the player has it."""

    def __init__(self, at_start: float | None) -> None:
        self.at_start = self.present = at_start
        self.takeover = Takeover()

    def turn(self, controller: Controller, *values: float) -> float | None:
        """Turn a controller through those values. What the number is then."""
        for value in values:
            if self.takeover.lets(controller, GAIN, value, present=self.present, at_start=self.at_start):
                self.present = value
        return self.present


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    music = a_set(
        cue("kick"),
        midi=(
            ShapeTrigger(cc=20, shape="drums.brightness"),
            ShapeTrigger(cc=21, shape="drums.brightness"),
            ControlTrigger(cc=22, set="kick.gain_db", range=(-24, 6)),
            NoteTrigger(note=36, cue="kick", velocity={"gain_db": (-18, 0)}),
            ControlTrigger(cc=23, set="kick.seed", range=(0, 127), takeover="jump"),
        ),
        moves=(TimelineMove(beat=4, shape="drums.brightness", value=0.5),),
    )
    stage = Stage(music, tmp_path)
    yield stage
    stage.library.close()


def feed(stage: Stage, raw: bytes) -> None:
    """Let MIDI bytes come in."""
    MidiFeed(Keymap(tuple(stage.player.music.midi)), on_heard=stage.player.hear).feed(raw)


def turn(stage: Stage, controller: int, *values: int) -> None:
    """Turn a knob of the hardware through those positions."""
    for value in values:
        feed(stage, bytes([0xB0, controller, value]))


def brightness(stage: Stage) -> float:
    return stage.player.shaper.knobs("drums").brightness


def test_what_nobody_has_touched_is_taken_at_once() -> None:
    assert Number(64).turn(LEFT, 3) == 3


def test_who_set_a_number_last_goes_on_with_it_in_leaps_if_need_be() -> None:
    assert Number(64).turn(LEFT, 3, 100, 50) == 50


def test_what_another_has_set_is_to_be_met_first() -> None:
    number = Number(64)
    number.turn(LEFT, 30)

    assert number.turn(RIGHT, 100, 90, 60) == 30
    assert number.turn(RIGHT, 40, 31) == 31
    assert number.turn(RIGHT, 90) == 90
    assert number.turn(LEFT, 40, 60) == 90


def test_a_quick_hand_may_leap_over_the_number() -> None:
    number = Number(0)
    number.present = 64  # over OSC

    assert number.turn(LEFT, 100) == 64
    assert number.turn(LEFT, 20) == 20


def test_a_number_beyond_reach_is_met_at_the_end_that_is_nearer() -> None:
    number = Number(0)
    number.present = 500

    assert number.turn(LEFT, 60, 120) == 500
    assert number.turn(LEFT, 127) == 127


def test_a_number_that_is_none_yet_is_taken_at_once() -> None:
    assert Number(None).turn(LEFT, 90) == 90


@given(st.integers(0, 127), st.lists(st.integers(0, 127), min_size=1))
def test_a_slow_turn_never_jumps_by_more_than_two_steps(present: int, hand: list[int]) -> None:
    number = Number(-1)
    number.present = present
    at = hand[0]
    for goal in hand:
        while True:
            before = number.present
            assert before is not None
            assert abs((number.turn(LEFT, at) or 0) - before) <= 2
            if at == goal:
                break
            at += 1 if goal > at else -1


@given(st.floats(-200, 200), st.sampled_from([(0.0, 127.0), (127.0, 0.0), (-1.0, 1.0)]))
def test_a_turn_from_end_to_end_always_gets_hold_of_the_number(present: float, ends: tuple[float, float]) -> None:
    controller, number = Controller(name="cc 20", range=ends), Number(-500)
    number.present = present

    number.turn(controller, *(ends[0] + (ends[1] - ends[0]) * step / 127 for step in range(128)))

    assert number.present == ends[1]


def test_a_knob_that_nobody_touched_is_moved_by_the_first_turn(stage: Stage) -> None:
    turn(stage, 20, 127)

    assert brightness(stage) == 1


def test_after_osc_has_turned_a_knob_the_hand_has_to_meet_it(stage: Stage) -> None:
    turn(stage, 20, 127)
    stage.hear("/take/shape", track="drums", knob="brightness", value=-1.0)

    turn(stage, 20, 126, 100)
    assert brightness(stage) == -1

    turn(stage, 20, 40, 0, 10)
    assert brightness(stage) == pytest.approx(-1 + 10 / 64)


def test_after_the_timeline_has_turned_a_knob_the_hand_has_to_meet_it(stage: Stage) -> None:
    stage.hear("/transport/play")
    stage.run(8)
    assert brightness(stage) == 0.5

    turn(stage, 20, 0, 30)
    assert brightness(stage) == 0.5

    turn(stage, 20, 127)
    assert brightness(stage) == 1


def test_two_controllers_on_one_knob_hand_it_over_where_they_meet(stage: Stage) -> None:
    turn(stage, 20, 127)

    turn(stage, 21, 10)
    assert brightness(stage) == 1

    turn(stage, 21, 127, 100)
    assert brightness(stage) == pytest.approx(36 / 63)


def test_a_number_of_a_cue_is_met_as_well(stage: Stage) -> None:
    stage.hear("/cue/set", name="kick", key="gain_db", value=-12.0)

    turn(stage, 22, 127)
    assert stage.player.cues["kick"].gain_db == -12

    turn(stage, 22, 0)
    assert stage.player.cues["kick"].gain_db == -24


def test_a_trigger_that_is_to_jump_jumps(stage: Stage) -> None:
    stage.hear("/cue/set", name="kick", key="seed", value=50)

    turn(stage, 23, 100)

    assert stage.player.cues["kick"].seed == 100


def test_a_hit_by_its_velocity_moves_no_number_that_a_knob_holds(stage: Stage) -> None:
    turn(stage, 22, 100)
    held = stage.player.cues["kick"].gain_db

    feed(stage, bytes([0x90, 36, 1]))
    stage.run(4)
    assert stage.player.cues["kick"].gain_db == held

    turn(stage, 22, 20)  # so the hand still holds it
    assert stage.player.cues["kick"].gain_db == pytest.approx(-24 + 30 * 20 / 127)
