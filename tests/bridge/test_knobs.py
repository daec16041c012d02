from hypothesis import given
from hypothesis import strategies as st

from bridge.knobs import on_top_of, turned
from osc_schemas.shape import KNOBS, NEUTRAL, Shape

shapes = st.builds(Shape, **{knob.name: st.floats(knob.low, knob.high) for knob in KNOBS})


@given(shapes, shapes)
def test_two_settings_add_up_to_one_that_the_knobs_allow_whichever_comes_first(own: Shape, knobs: Shape) -> None:
    assert on_top_of(own, knobs) == on_top_of(knobs, own)
    assert on_top_of(own, NEUTRAL) == own


def test_lengths_multiply_and_all_else_adds_up() -> None:
    together = on_top_of(Shape(length=2, pitch=-12, attack_ms=100), Shape(length=0.5, pitch=7, attack_ms=50))

    assert together == Shape(length=1, pitch=-5, attack_ms=150)


@given(shapes)
def test_reset_turns_all_back(shape: Shape) -> None:
    assert turned(shape, "reset", None) == NEUTRAL
