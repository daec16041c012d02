"""The waveform VAE: chunks that add up, and whose edges are where they are said to be."""

import pytest
import torch

from engine.autoencoders import gaussian_dac
from engine.autoencoders.gaussian_dac import CHUNK_FRAMES, GaussianDAC, halo_of
from engine.errors import Cancelled
from engine.families.base import Stage
from tests.engine.tiny_soundctm import dit_config, random_tensors, smooth_tensors

PUBLISHED_RATES = [8, 8, 8, 2]


def vae_of(decoder_rates: list[int]) -> GaussianDAC:
    vae = GaussianDAC({**dit_config()["dac"], "decoder_rates": decoder_rates})
    vae.load_state_dict(random_tensors(vae))
    return vae.eval().requires_grad_(False)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("decoder_rates", [[8, 4, 2], [2, 4, 8], [4, 4]])
def test_chunks_are_the_whole(decoder_rates: list[int]) -> None:
    vae = vae_of(decoder_rates).double()  # random snakes blow up roundings, and these are not what is tested
    latents = drawn(2, vae.config["latent_dim"], 2 * CHUNK_FRAMES + 5)
    stages: list[Stage] = []

    whole, chunked = vae.whole(latents), vae.decoded(latents, checkpoint=stages.append)

    assert chunked.shape == whole.shape == (2, latents.shape[2] * vae.hop_frames)
    assert (chunked - whole).abs().max() < 1e-9
    assert stages == ["decode"] * 3


def test_chunks_are_the_whole_in_single_precision_too() -> None:
    vae = vae_of([8, 4, 2])
    vae.load_state_dict(smooth_tensors(vae))
    latents = drawn(2, vae.config["latent_dim"], CHUNK_FRAMES + 9).float()

    whole, chunked = vae.whole(latents), vae.decoded(latents)

    assert whole.abs().max() > 0.1
    assert (chunked - whole).abs().max() < 1e-5


@pytest.mark.parametrize("decoder_rates", [[8, 4, 2], [2, 4, 8], PUBLISHED_RATES])
def test_nothing_beyond_the_halo_reaches_a_latents_samples(decoder_rates: list[int]) -> None:
    vae, halo = vae_of(decoder_rates).double(), halo_of(decoder_rates)
    length, place = 2 * halo + 5, halo + 2
    latents = drawn(1, vae.config["latent_dim"], length)
    beyond = latents.clone()
    beyond[:, :, : place - halo] += 3.0
    beyond[:, :, place + halo + 1 :] += 3.0
    own = slice(place * vae.hop_frames, (place + 1) * vae.hop_frames)

    difference = (vae.whole(beyond) - vae.whole(latents)).abs()
    assert difference[:, own].max() < 1e-9
    assert difference.max() > 0.1


def test_the_halo_is_a_tenth_of_a_chunk_at_the_published_strides() -> None:
    assert halo_of(PUBLISHED_RATES) == 10
    assert gaussian_dac.CHUNK_FRAMES == 96


def test_a_decode_ends_at_the_chunk_where_it_is_cancelled() -> None:
    vae = vae_of([2, 2])
    latents = torch.zeros(1, vae.config["latent_dim"], 5 * CHUNK_FRAMES)
    stages: list[Stage] = []

    def checkpoint(stage: Stage) -> None:
        stages.append(stage)
        if len(stages) == 3:
            raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        vae.decoded(latents, checkpoint=checkpoint)
    assert len(stages) == 3


def test_a_waveform_is_padded_to_whole_latents() -> None:
    vae = vae_of([8, 4, 2])
    waveform = torch.randn(1, 64 * 3 - 10, generator=torch.Generator().manual_seed(4))

    mean, log_variance = vae.moments(waveform)

    assert mean.shape == log_variance.shape == (1, vae.config["latent_dim"], 3)
