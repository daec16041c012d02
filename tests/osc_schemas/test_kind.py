"""A kind of sound, born in order and carried over the wire."""

import pytest

from osc_schemas import codec
from osc_schemas.errors import KindError
from osc_schemas.kind import EXAMPLES_MAX, Kind


def kind(**changes: object) -> Kind:
    wanted: dict[str, object] = {"group": "drums", "name": "conga", "phrases": ("cajón", "<hand> & drum")}
    return Kind(**(wanted | {"examples": ("high conga", "conga loop, 124 bpm")} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("told", [kind(), kind(length_beats=0.1), kind(phrases=(), examples=())])
def test_a_kind_comes_back_from_the_wire_as_it_was(told: Kind) -> None:
    [message] = codec.read(codec.write_kind(told, place=3), to="client")

    assert message.whole("place") == 3
    assert codec.read_kind(message) == told


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "../conga"}, "the name of a kind is '../conga'; a name has"),
        ({"group": ""}, "the group of a kind is ''"),
        ({"phrases": ("two\nlines",)}, r"conga has 'two\\nlines' among its phrases; each is one line"),
        ({"phrases": ("",)}, "the prompt is empty"),
        ({"examples": ("again",) * (EXAMPLES_MAX + 1)}, "conga has 17 examples; at most 16 are taken"),
        ({"length_beats": 0.0}, "length_beats is 0; it must be between"),
    ],
)
def test_what_is_not_in_order_is_said(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(KindError, match=sentence):
        kind(**changes)
