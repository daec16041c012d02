"""What a clip is drawn with: nothing that shapes its curves is hidden from the denoiser."""

from dataclasses import replace
from typing import Final, cast

import numpy as np
import pytest
import torch

from engine.text.kinds import KINDS
from engine.training.kinds import draw
from engine.training.sketch import Sketch, Sound
from engine.training.wishes import Wish, random_wish
from engine.vocoders.curves import OWNS, TIMBRE

USUAL: Final = 0.4  # where in its range each number lies
OTHER: Final = 0.8


class LoadedDice:
    """A generator whose numbers all lie at one place of their ranges, but for the one that `turns` out otherwise."""

    def __init__(self, timbre: tuple[float, ...], *, turns: int | None = None) -> None:
        self.rolled = 0
        self._timbre = timbre
        self._turns = turns

    def uniform(self, low: float, high: float, size: int | None = None) -> np.ndarray | float:
        """A timbre, or a number of a range."""
        return np.array(self._timbre) if size is not None else low + (high - low) * self.random()

    def random(self) -> float:
        """A place from 0 to 1."""
        self.rolled += 1
        return OTHER if self.rolled - 1 == self._turns else USUAL


def drawn(wish: Wish, dice: LoadedDice, *, length_s: float = 0.9) -> Sound:
    """The sound that these dice give."""
    return draw(wish, length_s=length_s, rng=cast(np.random.Generator, dice))


def wish_for(kind: str) -> Wish:
    """One of the wishes for a kind."""
    return random_wish(np.random.default_rng(5), kind=kind)


def timbre_of(place: float) -> tuple[float, ...]:
    """All numbers of a timbre at one place."""
    return (place,) * TIMBRE


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_moves_the_curves_of_a_kind_is_told_to_the_denoiser(kind: str) -> None:
    wish, timbre = wish_for(kind), timbre_of(0.3)
    dice = LoadedDice(timbre)
    usual = drawn(wish, dice)
    assert dice.rolled > 0

    for turns in range(dice.rolled):
        other = drawn(wish, LoadedDice(timbre, turns=turns))
        told = other.constants.features() != usual.constants.features()
        assert told or torch.equal(other.curves, usual.curves), f"draw {turns} of {kind} is hidden"


@pytest.mark.parametrize("kind", KINDS)
def test_the_timbre_makes_clips_of_a_kind_differ_and_alone_keeps_them_alike(kind: str) -> None:
    wish = wish_for(kind)
    one, again, other = (drawn(wish, LoadedDice(timbre_of(place))) for place in (-0.5, -0.5, 0.6))

    assert torch.equal(one.curves, again.curves)
    assert not torch.equal(one.curves, other.curves)
    assert replace(one.constants, timbre=other.constants.timbre) == other.constants


def test_an_own_number_is_a_place_in_its_range() -> None:
    timbre = (0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.5, 0.2, 0.1)
    sketch = Sketch(Wish(kind="kick"), 1.0, cast(np.random.Generator, LoadedDice(timbre)))

    assert [sketch.own(2, 6), sketch.own(2, 6), sketch.own(2, 6), sketch.own(2, 6)] == [2, 4, 6, 5]


def test_a_kind_has_so_many_own_numbers_and_no_more() -> None:
    sketch = Sketch(Wish(kind="kick"), 1.0, np.random.default_rng(0))
    for _ in range(OWNS):
        sketch.own(0, 1)

    with pytest.raises(AssertionError, match="of its own"):
        sketch.own(0, 1)
