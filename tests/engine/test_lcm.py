"""A latent consistency model's schedule and steps."""

import pytest
import torch
from torch import Tensor

from engine.checkpoints.audiolcm import LAYOUT
from engine.sampling.lcm import LCMSchedule, guidance_embedding, lcm_sample, skip_and_out


@pytest.fixture(scope="module")
def schedule() -> LCMSchedule:
    return LCMSchedule.of(LAYOUT.config["schedule"])


def test_steps_are_spread_from_the_noisiest_timestep_down(schedule: LCMSchedule) -> None:
    assert schedule.timesteps(1) == [999]
    assert schedule.timesteps(2) == [999, 499]
    assert schedule.timesteps(3) == [999, 679, 339]
    assert schedule.timesteps(4) == [999, 759, 499, 259]
    assert schedule.timesteps(50) == list(range(999, 0, -20))


def test_there_are_no_more_steps_than_timesteps_were_learnt(schedule: LCMSchedule) -> None:
    assert len(schedule.timesteps(80)) == 50
    assert schedule.timesteps(4, reach=1) == [19]


def test_clean_latents_stay_as_they_are() -> None:
    assert [weight.item() for weight in skip_and_out(0)] == [1, 0]


def test_guidance_begins_with_sines() -> None:
    embedding = guidance_embedding(torch.tensor([0.0, 4.0]))

    assert embedding.shape == (2, 256)
    assert not embedding[0, :128].any()
    assert bool((embedding[0, 128:] == 1).all())


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_who_knows_the_noise_finds_the_clean_latents_in_any_number_of_steps(schedule: LCMSchedule, steps: int) -> None:
    generator = torch.Generator().manual_seed(3)
    clean = torch.randn(2, 6, 10, generator=generator)
    noises = list(torch.randn(steps - 1, 2, 6, 10, generator=generator))
    calls = []

    def knowing(x: Tensor, timestep: Tensor) -> Tensor:
        calls.append(timestep.tolist())
        power = schedule.signal_power[timestep[0]]
        return (x - power.sqrt() * clean) / (1 - power).sqrt()

    timesteps = schedule.timesteps(steps)
    start = schedule.noised(clean, torch.randn(2, 6, 10, generator=generator), timesteps[0])
    found = lcm_sample(knowing, start, noises, schedule=schedule, timesteps=timesteps)

    assert calls == [[timestep] * 2 for timestep in timesteps]
    assert (found - clean).abs().max() < 1e-4
