"""Curves to latents and back."""

import numpy as np
import pytest
import torch

from engine.training.batches import examples
from engine.vocoders.curves import CHANNELS, NOISE_GAINS
from engine.vocoders.latents import HOPS_PER_TOKEN, LATENT, CurveCodec, smoothed, tokens_for


@pytest.fixture(scope="module")
def clips() -> list[torch.Tensor]:
    """Curves of true sounds."""
    return [example.sound.curves for example in examples(60, length_s=0.8, rng=np.random.default_rng(0))]


@pytest.fixture(scope="module")
def codec(clips: list[torch.Tensor]) -> CurveCodec:
    """A codec of those."""
    codec = CurveCodec()
    codec.fit(clips)
    return codec


@pytest.mark.parametrize(("length_s", "tokens"), [(0.04, 1), (0.041, 2), (0.2, 5), (1.0, 25), (12.0, 300)])
def test_tokens_cover_the_clip(length_s: float, tokens: int) -> None:
    assert tokens_for(length_s) == tokens


def test_latents_have_unit_variance_and_lead_back_to_the_curves(codec: CurveCodec, clips: list[torch.Tensor]) -> None:
    curves = torch.stack(clips)
    latents = codec.encode(curves)

    assert latents.shape == (60, 80 // HOPS_PER_TOKEN, LATENT)
    assert float(latents.std()) == pytest.approx(1, abs=0.01)
    error_db = (codec.decode(latents) - curves).pow(2).mean().sqrt()
    assert error_db < 1.5


def test_smoothing_spares_attacks_and_noise_gains() -> None:
    curves = torch.randn(2, 40, CHANNELS, generator=torch.Generator().manual_seed(0))
    calm = smoothed(curves)

    assert torch.equal(calm[:, :3], curves[:, :3])
    assert torch.equal(calm[..., NOISE_GAINS], curves[..., NOISE_GAINS])
    assert calm[:, 3:-1, : NOISE_GAINS.start].std() < 0.7 * curves.std()
