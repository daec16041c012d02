"""Constants of a clip: what the head learns, and what it draws."""

import dataclasses

import pytest
import torch

from engine.sampling.constants import (
    CHORDS,
    CONDITION,
    DEVIATION,
    FLAGS,
    MOST_LEVEL,
    ROOM_S,
    VALUES,
    ConstantsHead,
    ConstantsTarget,
    denoiser_condition,
    head_inputs,
)
from engine.sampling.specification import Specification
from engine.text.kinds import KINDS
from engine.text.notes import hz_of_midi, midi_of_hz
from engine.training.optimiser import Optimiser
from engine.vocoders.curves import TIMBRE, Constants

KNOWN = {
    "bass": Constants(pitch_hz=hz_of_midi(34), odd=0.4),
    "pad": Constants(pitch_hz=hz_of_midi(57), chord=(0, 4, 7), detune_cents=9, width=0.8),
    "kick": Constants(pitch_hz=51.3, sweep_depth=5, sweep_s=0.02),
    "bell": Constants(pitch_hz=hz_of_midi(75), stretch=1.44, width=0.3),
    "riser": Constants(pitch_hz=150.5, glide_octaves=4.2),
    "downlifter": Constants(pitch_hz=2785.2, glide_octaves=-4.2),
    "rain": Constants(pitch_hz=200, grain=0.8, grain_hz=300, width=0.9),
    "water": Constants(pitch_hz=200, bubbles=1.4, bubbles_hz=30, flutter=0.5, flutter_hz=3),
    "siren": Constants(pitch_hz=620, vibrato=0.3, vibrato_hz=1.2),
    "keys": Constants(pitch_hz=hz_of_midi(64), tremble=0.43, vibrato_hz=4.5),
    "glitch": Constants(pitch_hz=800, stutter=1.0, stutter_hz=30, odd=1.0),
}


@pytest.fixture(scope="module")
def head() -> ConstantsHead:
    """A head that has learned `KNOWN` by heart, whatever brightness, ring and pitch are asked."""
    torch.manual_seed(0)
    head = ConstantsHead()
    target = ConstantsTarget.of(list(KNOWN.values()))
    count = len(KNOWN)
    optimiser = Optimiser(head.parameters(), peak_rate=3e-3, updates=1_200, warm_up=50)
    for _ in range(1_200):
        brightness, ring = (0.3 * torch.randn(2, count)).tolist()
        inputs = head_inputs(
            list(KNOWN),
            brightness=brightness,
            ring=ring,
            pitch=[0.0] * count,
            midi=[None] * count,
            length_s=[1.0] * count,
        )
        optimiser.step(head.loss(inputs, target))
    return head.requires_grad_(False)


def drawn(head: ConstantsHead, kind: str, *, seed: int = 4, **asked: object) -> Constants:
    """A draw for a specification."""
    return head.sample(Specification(kind=kind, **asked), seed=seed, length_s=1.0)  # type: ignore[arg-type]


def test_targets_have_the_shapes_of_the_tables() -> None:
    target = ConstantsTarget.of(list(KNOWN.values()))

    assert target.semitone.tolist()[:2] == [34, 57]
    assert target.chord.tolist()[:2] == [CHORDS.index((0,)), CHORDS.index((0, 4, 7))]
    assert target.flags.shape == (len(KNOWN), len(FLAGS))
    assert target.values.shape == target.value_weights.shape == (len(KNOWN), len(VALUES))
    assert target.flags[:, FLAGS.index("tuned")].tolist()[:6] == [1, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("kind", KNOWN)
def test_what_was_learned_is_drawn_again(head: ConstantsHead, kind: str) -> None:
    again, known = drawn(head, kind), KNOWN[kind]

    assert again.chord == known.chord
    for amount in ("sweep_depth", "vibrato", "tremble", "grain", "bubbles", "flutter", "stutter"):
        assert (getattr(again, amount) > 0) == (getattr(known, amount) > 0), amount
        assert getattr(again, amount) == pytest.approx(getattr(known, amount), rel=0.35), amount
    for number in ("stretch", "odd", "width"):
        assert getattr(again, number) == pytest.approx(getattr(known, number), abs=0.08), number
    for rate in ("grain_hz", "bubbles_hz", "flutter_hz", "vibrato_hz", "stutter_hz", "sweep_s"):
        assert getattr(again, rate) == pytest.approx(getattr(known, rate), rel=0.35), rate
    assert again.glide_octaves == pytest.approx(known.glide_octaves, abs=0.4)
    assert abs(midi_of_hz(again.pitch_hz) - midi_of_hz(known.pitch_hz)) <= 1
    if known.pitch_hz == hz_of_midi(round(midi_of_hz(known.pitch_hz))):
        assert again.pitch_hz == pytest.approx(known.pitch_hz)  # what is in tune stays exactly in tune


def test_what_was_asked_is_set_as_it_was_asked(head: ConstantsHead) -> None:
    asked = drawn(head, "kick", midi=42.25, chord=(0, 3, 7, 10), drive=0.4, room=1.0, room_s=3.0)

    assert asked.pitch_hz == hz_of_midi(42.25)
    assert asked.chord == (0, 3, 7, 10)
    assert (asked.drive, asked.room, asked.room_s) == (0.4, 1.0, 3.0)
    assert drawn(head, "kick").room_s == ROOM_S


def test_a_note_without_its_octave_is_the_nearest_to_where_the_kind_is_at_home(head: ConstantsHead) -> None:
    for pitch_class in range(12):
        midi = midi_of_hz(drawn(head, "bass", pitch_class=pitch_class).pitch_hz)
        assert round(midi) % 12 == pitch_class
        assert abs(midi - 34) <= 6 + 1e-6


def test_a_level_is_met_within_the_deviation_and_has_a_limit(head: ConstantsHead) -> None:
    seeds = [drawn(head, "bass", seed=seed, brightness=1.0, length=-0.5) for seed in range(40)]

    assert all(abs(row.brightness - 1.0) <= DEVIATION and abs(row.ring + 0.5) <= DEVIATION for row in seeds)
    assert max(row.brightness for row in seeds) - min(row.brightness for row in seeds) > DEVIATION
    assert drawn(head, "bass", brightness=9.0).brightness <= MOST_LEVEL + DEVIATION


def test_a_seed_always_draws_the_same(head: ConstantsHead) -> None:
    first = drawn(head, "pad", seed=11)
    torch.manual_seed(99)  # the global state plays no part

    assert drawn(head, "pad", seed=11) == first


def test_timbre_is_the_seeds_alone_and_fills_its_range(head: ConstantsHead) -> None:
    timbres = [drawn(head, "choir", seed=seed).timbre for seed in range(200)]

    assert drawn(head, "kick", seed=7, brightness=1.0).timbre == timbres[7]  # whatever was asked
    assert len(set(timbres)) == 200
    for numbers in zip(*timbres, strict=True):
        assert -1 <= min(numbers) < -0.9
        assert 0.9 < max(numbers) <= 1
        assert abs(sum(numbers) / 200) < 0.15


def test_every_row_of_a_target_can_be_picked() -> None:
    target = ConstantsTarget.of(list(KNOWN.values()))
    picked = target.rows(torch.tensor([3, 0]))

    for field in dataclasses.fields(ConstantsTarget):
        assert torch.equal(getattr(picked, field.name), getattr(target, field.name)[[3, 0]])


def test_the_denoiser_is_told_the_kind_and_about_unit_sized_numbers() -> None:
    condition = denoiser_condition(list(KNOWN), list(KNOWN.values()))

    assert condition.shape == (len(KNOWN), CONDITION)
    assert condition[:, : len(KINDS)].argmax(1).tolist() == [KINDS.index(kind) for kind in KNOWN]
    assert condition.abs().max() < 5


def test_the_denoiser_is_told_every_number_of_the_timbre() -> None:
    plain = KNOWN["pad"]
    told = plain.features()

    assert len(told) == Constants.FEATURES
    for place in range(TIMBRE):
        other = dataclasses.replace(plain, timbre=tuple(0.5 if i == place else 0.0 for i in range(TIMBRE)))
        assert sum(one != two for one, two in zip(told, other.features(), strict=True)) in (1, 2), place


def test_a_colour_that_turns_once_around_is_the_same_colour() -> None:
    one, other = (
        dataclasses.replace(KNOWN["pad"], timbre=(0.3, -0.2, turn, *[0.1] * (TIMBRE - 3))).features()
        for turn in (-1.0, 1.0)
    )

    assert one == pytest.approx(other)
