"""The knobs that bend what a track plays: which there are, how one is turned, and how two settings add up. Pure."""

from dataclasses import replace

from bridge.set_words import nearest
from osc_schemas import bounds
from osc_schemas.errors import CueError
from osc_schemas.shape import KNOB, KNOBS, NEUTRAL, Shape

RESET = "reset"  # in the place of a knob's name: all of them bend nothing again


def turned(shape: Shape, name: str, value: float | None) -> Shape:
    """`shape` with one knob at `value`, or, for reset, with all neutral. Raises `CueError` for what cannot be turned.

    >>> turned(Shape(room=0.5), "pitch", -12).room
    0.5
    """
    if name == RESET:
        return NEUTRAL
    if name not in KNOB:
        raise CueError(f"there is no knob {name[:80]!r}" + nearest(name, [*KNOB, RESET]))
    knob = KNOB[name]
    if value is None:
        raise CueError(f"{name} came without a value; turn it to between {knob.low:g} and {knob.high:g}")
    bounds.check_range(name, value, knob.low, knob.high, CueError)
    return replace(shape, **{name: value})


def on_top_of(own: Shape, knobs: Shape) -> Shape:
    """What comes of a cue's own shape under a track's knobs: lengths multiply, all else adds up, as far as knobs go.

    >>> on_top_of(Shape(length=0.5, pitch=-12), Shape(length=0.5, pitch=7)).length
    0.25
    """
    if own.neutral or knobs.neutral:
        return knobs if own.neutral else own
    positions = {}
    for knob in KNOBS:
        first, second = getattr(own, knob.name), getattr(knobs, knob.name)
        together = first * second if knob.name == "length" else first + second
        positions[knob.name] = min(max(together, knob.low), knob.high)
    return Shape(**positions)
