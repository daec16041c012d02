"""Constants of a clip: what the head learns, and what it draws."""

import dataclasses

import pytest
import torch

from engine.sampling.constants import FLAGS, SEMITONES, VALUES, ConstantsHead, ConstantsTarget
from engine.text.encoder import ATTRIBUTES, CONDITION, KINDS, Condition
from engine.text.notes import hz_of_midi, midi_of_hz
from engine.vocoders.curves import CHORDS, Constants

KNOWN = [
    Constants(pitch_hz=hz_of_midi(34), odd=0.4, drive=1),
    Constants(pitch_hz=hz_of_midi(57), chord="major", detune_cents=9),
    Constants(pitch_hz=51.3, sweep_depth=5, sweep_s=0.02),
    Constants(pitch_hz=hz_of_midi(75), stretch=1.44, room=1),
    Constants(pitch_hz=150.5, glide_octaves=4.2),
    Constants(pitch_hz=2785.2, glide_octaves=-4.2),
    Constants(pitch_hz=200, grain=0.8),
]


def condition_of(row: int, *, midi: float | None = None) -> Condition:
    """A condition that tells one of `KNOWN` from the others."""
    return Condition(
        features=torch.eye(CONDITION)[row],
        kinds=torch.full((len(KINDS),), 1 / len(KINDS)),
        attributes=torch.full((len(ATTRIBUTES), 3), 1 / 3),
        midi=midi,
    )


@pytest.fixture(scope="module")
def head() -> ConstantsHead:
    """A head that has learned `KNOWN` by heart."""
    torch.manual_seed(0)
    head = ConstantsHead()
    target = ConstantsTarget.of(KNOWN)
    features = torch.stack([condition_of(row).features for row in range(len(KNOWN))])
    optimiser = torch.optim.Adam(head.parameters(), lr=3e-3)
    for _ in range(600):
        optimiser.zero_grad()
        head.loss(features, target).backward()
        optimiser.step()
    return head.requires_grad_(False)


def test_targets_have_the_shapes_of_the_tables() -> None:
    target = ConstantsTarget.of(KNOWN)

    assert target.semitone.tolist()[:2] == [34, 57]
    assert target.chord.tolist()[:2] == [CHORDS.index("none"), CHORDS.index("major")]
    assert target.flags.shape == (len(KNOWN), len(FLAGS))
    assert target.values.shape == target.value_weights.shape == (len(KNOWN), len(VALUES))
    assert target.flags[:, FLAGS.index("tuned")].tolist() == [1, 1, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("row", range(len(KNOWN)))
def test_what_was_learned_is_drawn_again(head: ConstantsHead, row: int) -> None:
    drawn, known = head.sample(condition_of(row), seed=4), KNOWN[row]

    assert drawn.chord == known.chord
    assert (drawn.drive, drawn.room, drawn.grain > 0) == (known.drive, known.room, known.grain > 0)
    assert drawn.stretch == pytest.approx(known.stretch, abs=0.05)
    assert drawn.glide_octaves == pytest.approx(known.glide_octaves, abs=0.4)
    assert drawn.sweep_depth == pytest.approx(known.sweep_depth, rel=0.35)
    assert abs(midi_of_hz(drawn.pitch_hz) - midi_of_hz(known.pitch_hz)) <= 1
    if known.pitch_hz == hz_of_midi(round(midi_of_hz(known.pitch_hz))):
        assert drawn.pitch_hz == pytest.approx(known.pitch_hz)  # what is in tune stays exactly in tune


def test_an_asked_note_is_set_as_it_was_parsed(head: ConstantsHead) -> None:
    assert head.sample(condition_of(2, midi=42.25), seed=9).pitch_hz == hz_of_midi(42.25)


def test_a_seed_always_draws_the_same(head: ConstantsHead) -> None:
    first = head.sample(condition_of(1), seed=11)
    torch.manual_seed(99)  # the global state plays no part

    assert head.sample(condition_of(1), seed=11) == first


def test_every_row_of_a_target_can_be_picked() -> None:
    target = ConstantsTarget.of(KNOWN)
    picked = target.rows(torch.tensor([3, 0]))

    for field in dataclasses.fields(ConstantsTarget):
        assert torch.equal(getattr(picked, field.name), getattr(target, field.name)[[3, 0]])


def test_features_of_all_constants_are_about_unit_sized() -> None:
    for constants in KNOWN:
        assert len(constants.features()) == Constants.FEATURES
        assert max(map(abs, constants.features())) < 4
    assert SEMITONES == 128
