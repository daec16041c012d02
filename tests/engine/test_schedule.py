"""The cosine schedule and its identities."""

import pytest
import torch

from engine.sampling.noise import seeded_noise
from engine.sampling.schedule import clean_of, ddim_step, noised, signal_and_noise, velocity

CLEAN = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
NOISE = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(2))
TIMES = torch.tensor([0.1, 0.5, 0.9])


def test_signal_and_noise_keep_the_variance() -> None:
    a, s = signal_and_noise(TIMES)

    assert a.shape == (3, 1, 1)
    torch.testing.assert_close(a**2 + s**2, torch.ones(3, 1, 1))


def test_time_0_is_clean_and_time_1_is_noise() -> None:
    torch.testing.assert_close(noised(CLEAN, NOISE, torch.zeros(3)), CLEAN)
    torch.testing.assert_close(noised(CLEAN, NOISE, torch.ones(3)), NOISE, atol=1e-6, rtol=0)


def test_the_true_velocity_leads_back_to_the_clean_latents_from_any_time() -> None:
    torch.testing.assert_close(clean_of(noised(CLEAN, NOISE, TIMES), velocity(CLEAN, NOISE, TIMES), TIMES), CLEAN)


def test_a_ddim_step_along_the_true_velocity_stays_on_the_path() -> None:
    earlier = TIMES / 2
    stepped = ddim_step(noised(CLEAN, NOISE, TIMES), velocity(CLEAN, NOISE, TIMES), TIMES, earlier)

    torch.testing.assert_close(stepped, noised(CLEAN, NOISE, earlier))


def test_a_row_of_noise_depends_on_its_own_seed_alone() -> None:
    together = seeded_noise([7, 8, 7], shape=(4, 6), purpose="step 0")

    assert torch.equal(together[0], together[2])
    assert torch.equal(together[1], seeded_noise([8], shape=(4, 6), purpose="step 0")[0])
    assert not torch.equal(together[0], seeded_noise([7], shape=(4, 6), purpose="step 1")[0])


def test_a_longer_clip_begins_with_the_noise_of_a_shorter_one() -> None:
    short, long = (seeded_noise([3], shape=(tokens, 48), purpose="step 0") for tokens in (5, 50))

    assert torch.equal(long[:, :5], short)


@pytest.mark.parametrize("seed", [-1, 0, 2**63, 2**70])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    assert seeded_noise([seed], shape=(2,), purpose="step 0").isfinite().all()
