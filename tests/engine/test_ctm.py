"""Sampling along a trajectory, with networks that are formulas."""

import math

import pytest
import torch
from torch import Tensor

from engine.sampling.ctm import (
    SIGMA_MAX,
    SIGMA_MIN,
    Network,
    combined,
    ctm_sample,
    jump_of,
    omega_embedding,
    sigma_of,
    sigmas_for,
)
from engine.sampling.noise import seeded_noise

SHAPE = (4, 6)


def bend(x: Tensor, level_t: Tensor, level_s: Tensor) -> Tensor:
    """A network of sorts: it depends on all that it is given."""
    return (x * 1.7 + level_t[:, None, None]).sin() + 0.3 * level_s[:, None, None]


JUMP = jump_of(bend, sigma_data=0.5)


def start_of(seed: int) -> Tensor:
    return SIGMA_MAX * seeded_noise([seed], shape=SHAPE, purpose="start")


def test_every_grid_is_every_other_level_of_the_grid_of_twice_as_many_steps() -> None:
    for steps in (1, 2, 4, 8, 16):
        assert torch.equal(sigmas_for(steps), sigmas_for(2 * steps)[::2])
        assert sigmas_for(steps)[0] == SIGMA_MAX
        assert sigmas_for(steps)[-1] == torch.tensor(SIGMA_MIN)


def test_a_strength_is_a_noise_level_between_none_and_the_start() -> None:
    assert sigma_of(0) == pytest.approx(SIGMA_MIN)
    assert sigma_of(0.3) == pytest.approx(0.32, abs=0.01)
    assert sigma_of(0.5) == pytest.approx(float(sigmas_for(2)[1]))
    assert sigma_of(1) == pytest.approx(SIGMA_MAX)


@pytest.mark.parametrize("kept", [1, 5, 15])
def test_going_on_from_an_intermediate_gives_the_bits_of_the_whole_way(kept: int) -> None:
    sigmas = sigmas_for(16)
    whole = ctm_sample(JUMP, start_of(3), sigmas)

    intermediate = ctm_sample(JUMP, start_of(3), sigmas[: kept + 1])

    assert torch.equal(ctm_sample(JUMP, intermediate, sigmas[kept:]), whole)


def test_a_jump_to_where_it_stands_changes_nothing() -> None:
    z, t = start_of(1), torch.tensor([2.0])

    assert torch.equal(JUMP(z, t, t), z)


def test_a_perfect_network_is_at_its_sound_whatever_the_number_of_steps() -> None:
    """If g were the clean sound itself, every trajectory would end there but for a share of the start's noise."""
    sound = torch.linspace(-1, 1, 24).view(1, *SHAPE)

    def jump(z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        return (s / t) * z + (1 - s / t) * sound

    for steps in (1, 2, 16):
        assert ctm_sample(jump, start_of(9), sigmas_for(steps)) == pytest.approx(sound, abs=5 * SIGMA_MIN)


@pytest.mark.parametrize(("gamma", "deepest"), [(0.6, 0.8), (1.0, 0.0)])
def test_gamma_jumps_deeper_and_comes_back_up_with_fresh_noise(gamma: float, deepest: float) -> None:
    sigmas, asked = sigmas_for(4), []

    def nothing_left(z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        asked.append((float(t[0]), float(s[0])))
        return torch.zeros_like(z)

    noises = [torch.full((1, *SHAPE), 10.0**step) for step in range(3)]
    states = []

    def watched(z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        states.append(z)
        return nothing_left(z, t, s)

    ctm_sample(watched, start_of(1), sigmas, gamma=gamma, noises=noises)

    for step, (t, s) in enumerate(asked):
        level = float(sigmas[step + 1])
        assert t == float(sigmas[step])
        assert s == pytest.approx(deepest * (level - SIGMA_MIN) + SIGMA_MIN)
        if step < 3:
            assert float(states[step + 1].mean()) == pytest.approx(math.sqrt(level**2 - s**2) * 10.0**step, rel=1e-5)


def test_nu_weighs_the_way_with_the_prompt_against_the_way_without() -> None:
    def flat(level: float) -> Network:
        return lambda x, level_t, level_s: torch.full_like(x, level)

    z, t, s = start_of(1), torch.tensor([8.0]), torch.tensor([1.0])
    conditional, unconditional = (jump_of(flat(level), sigma_data=0.5) for level in (1.0, -1.0))
    a, b = conditional(z, t, s), unconditional(z, t, s)

    assert torch.equal(combined(conditional, unconditional, nu=0)(z, t, s), b)
    assert combined(conditional, unconditional, nu=1.3)(z, t, s) == pytest.approx(b + 1.3 * (a - b))


def test_omega_is_spelt_in_sines_then_cosines_of_falling_frequency() -> None:
    embedding = omega_embedding(torch.tensor([3.5, 0.0]), width=8)

    assert embedding.shape == (2, 8)
    assert embedding[0, 0] == torch.tensor(3500.0).sin()
    assert embedding[0, 4] == torch.tensor(3500.0).cos()
    assert embedding[0, 3] == pytest.approx(math.sin(0.35), abs=1e-4)  # the slowest is a ten-thousandth
    assert embedding[1].tolist() == [0.0] * 4 + [1.0] * 4
