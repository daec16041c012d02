"""How ConsistencyTTA samples, with denoisers whose answer is known."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.sampling.consistency_tta import (
    alphas_cumprod,
    consistency_tta_sample,
    grid_timesteps,
    guided_query,
    network_input,
    place_of_strength,
    reference_timesteps,
    sigma_at,
)
from engine.text.states import TextStates


def noises(count: int) -> list[Tensor]:
    """Each (2, 8, 4, 16)."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, 8, 4, 16, generator=generator) for _ in range(count)]


def test_noise_levels_are_those_of_the_published_table() -> None:
    published = {999.0: 14.6146469, 666.0: 2.9183085, 499.5: 1.6155834, 333.0: 0.9323584, 0.0: 0.0291675}

    for timestep, sigma in published.items():
        assert sigma_at(timestep) == pytest.approx(sigma, rel=1e-5)


def test_a_networks_input_keeps_the_power_of_what_has_the_power_of_noise() -> None:
    clean, noise = (torch.randn(1, 200_000, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))

    for timestep in (0.0, 333.0, 999.0):
        assert float(network_input(clean, noise, timestep).square().mean()) == pytest.approx(1, abs=0.01)


def test_one_step_reads_noise_alone_a_little_weaker_than_it_is() -> None:
    [noise] = noises(1)
    read = consistency_tta_sample(lambda x, timestep: x, [noise], timesteps=reference_timesteps(1))

    assert torch.allclose(read, 0.9976672 * noise, atol=1e-6)


def test_every_step_adds_its_own_noise_to_what_the_one_before_found() -> None:
    drawn = noises(4)
    found = torch.full_like(drawn[0], 0.7)
    read: list[Tensor] = []

    def query(x: Tensor, timestep: float) -> Tensor:
        read.append(x)
        return found

    assert torch.equal(consistency_tta_sample(query, drawn, timesteps=reference_timesteps(4)), found)
    for x, noise, timestep in zip(read[1:], drawn[1:], (666, 333, 0), strict=True):
        sigma = float(((1 - alphas_cumprod()[timestep]) / alphas_cumprod()[timestep]).sqrt())
        assert torch.allclose(x, (found + sigma * noise) / math.sqrt(sigma**2 + 1), atol=1e-5)


def test_a_start_is_noised_as_far_as_its_place_says_and_at_the_top_is_not_read() -> None:
    [noise] = noises(1)
    start = torch.full((1, 8, 4, 16), 2.0)
    read: list[Tensor] = []

    def query(x: Tensor, timestep: float) -> Tensor:
        read.append(x)
        return x

    for timestep in (333.0, 999.0):
        consistency_tta_sample(query, [noise], timesteps=[timestep], start=start)
    assert torch.allclose(read[0], (start + sigma_at(333) * noise) * 0.7314109, atol=1e-5)
    assert torch.equal(read[1], network_input(torch.zeros_like(noise), noise, 999.0))


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("place", range(1, 18))
def test_timesteps_fall_and_those_on_the_grid_are_where_the_student_was_trained(steps: int, place: int) -> None:
    first = place * 999 / 17
    reference = reference_timesteps(steps, first=first)
    grid = grid_timesteps(steps, first_place=place)

    assert len(reference) == steps
    assert reference[0] == grid[0] == first
    assert len(grid) == min(steps, place)
    for timesteps in (reference, grid):
        assert all(later < earlier for earlier, later in pairwise(timesteps))
    assert all(1 <= timestep * 17 / 999 <= 17 for timestep in grid)
    assert all((timestep * 17 / 999) == pytest.approx(round(timestep * 17 / 999)) for timestep in grid)


def test_more_strength_never_begins_lower() -> None:
    places = [place_of_strength(strength / 100) for strength in range(101)]

    assert places == sorted(places)
    assert set(places) == set(range(1, 18))


def test_guidance_from_outside_goes_from_the_empty_prompt_past_the_text() -> None:
    text = TextStates(states=torch.full((2, 3, 5), 4.0), mask=torch.ones(2, 3, dtype=torch.bool))
    unguided = TextStates(states=torch.full((2, 3, 5), 1.0), mask=torch.ones(2, 3, dtype=torch.bool))

    def denoiser(x: Tensor, timestep: Tensor, guidance_scale: Tensor, text: TextStates) -> Tensor:
        return x * 0 + text.states[:, 0, 0][:, None]

    def asked(**more: object) -> Tensor:
        return guided_query(denoiser, torch.zeros(2, 7), 999.0, text=text, guidance_scale=4.0, **more)  # type: ignore[arg-type]

    assert torch.equal(asked(), torch.full((2, 7), 4.0))
    assert torch.equal(asked(unguided=unguided, guidance_post=2.0), torch.full((2, 7), 7.0))
