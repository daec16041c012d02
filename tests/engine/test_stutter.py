"""A digital fault: tone and noise take turns, with holes between."""

import pytest
import torch

from engine.vocoders.curves import Constants
from engine.vocoders.stutter import turns

FAULTY = Constants(pitch_hz=440, stutter=1.0, stutter_hz=30)


def gains(*, seed: int = 1, length_s: float = 2.0, sample_rate_hz: int = 48_000) -> torch.Tensor:
    """(2, frames): the gain of the tone and that of the noise."""
    frames = round(length_s * sample_rate_hz)
    return torch.stack(turns(FAULTY, seed=seed, frames=frames, sample_rate_hz=sample_rate_hz))


def test_it_begins_with_noise_and_has_turns_of_both_and_holes() -> None:
    tone, noise = gains()

    assert noise[0] == 1
    assert tone[0] == 0
    assert 0.1 < (tone > 0.5).float().mean() < 0.7
    assert 0.1 < (noise > 0.5).float().mean() < 0.7
    assert 0.05 < ((noise < 0.01) & (tone < 0.01)).float().mean() < 0.6
    assert (tone + noise <= 1.0001).all(), "they never sound together"


def test_turns_come_about_as_often_as_asked() -> None:
    tone, noise = gains(length_s=8)
    state = (tone > 0.5).int() + 2 * (noise > 0.5).int()

    assert 8 * 10 < int((state.diff() != 0).sum()) < 8 * 40


def test_no_turn_is_a_click() -> None:
    assert gains().diff(dim=1).abs().max() < 0.1


def test_a_longer_clip_begins_like_a_shorter_one_and_every_rate_has_the_same_turns() -> None:
    assert torch.equal(gains(length_s=3)[:, : 48_000 // 2], gains(length_s=0.5))
    assert (gains(sample_rate_hz=96_000)[:, ::2] - gains()).abs().max() < 1e-6


def test_another_seed_takes_other_turns() -> None:
    assert not torch.equal(gains(seed=1), gains(seed=2))


@pytest.mark.parametrize("stutter", [0.0, 0.5])
def test_what_is_not_to_break_off_does_so_in_part_or_not_at_all(stutter: float) -> None:
    tone, _ = turns(Constants(pitch_hz=440, stutter=stutter), seed=3, frames=48_000, sample_rate_hz=48_000)

    assert float(tone.min()) == pytest.approx(1 - stutter)
