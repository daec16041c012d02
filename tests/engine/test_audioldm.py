"""AudioLDM's autoencoder, and the mel that it reads."""

import math

import pytest
import torch

from engine.autoencoders.audioldm import AudioLDMVAE, at_trained_level, log_mel
from tests.engine.tiny_consistency_tta import tiny_config, tiny_family

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def autoencoder() -> AudioLDMVAE:
    """Small and random."""
    return tiny_family().autoencoder


def tone(hz: float, *, level: float = 0.5, length_s: float = 1.0) -> torch.Tensor:
    """(1, frames)."""
    time_s = torch.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return level * torch.sin(2 * math.pi * hz * time_s)[None]


def test_a_mel_has_a_hop_every_10_ms_and_one_more() -> None:
    assert log_mel(tone(440.0)).shape == (1, 1, 101, 64)


def test_a_higher_tone_lies_in_a_higher_band() -> None:
    bands = [int(log_mel(tone(hz))[0, 0, 50].argmax()) for hz in (110.0, 440.0, 1760.0, 7040.0)]

    assert bands == sorted(set(bands))


def test_a_tone_twice_as_loud_lies_higher_by_the_logarithm_of_2() -> None:
    quiet, loud = (log_mel(tone(440.0, level=level))[0, 0, 50].max() for level in (0.2, 0.4))

    assert float(loud - quiet) == pytest.approx(math.log(2), abs=1e-3)


def test_silence_lies_at_the_floor() -> None:
    assert float(log_mel(torch.zeros(1, RATE_HZ)).max()) == pytest.approx(math.log(1e-5), abs=1e-4)


def test_the_trained_level_is_a_peak_of_one_half_without_a_mean() -> None:
    level = at_trained_level(tone(440.0, level=0.01) + 0.3)

    assert float(level.abs().max()) == pytest.approx(0.5, abs=1e-4)
    assert float(level.mean()) == pytest.approx(0, abs=1e-4)
    assert not at_trained_level(torch.zeros(1, 100)).any()


def test_four_hops_and_four_bands_are_one_place(autoencoder: AudioLDMVAE) -> None:
    with torch.no_grad():
        latents = autoencoder.encoded(log_mel(tone(440.0))[:, :, :100])

        assert latents.shape == (1, 8, 25, 16)
        assert autoencoder.decoded(latents).shape == (1, 1, 100, 64)


def test_latents_are_the_posteriors_mean_or_drawn_from_it(autoencoder: AudioLDMVAE) -> None:
    mel = log_mel(tone(440.0))[:, :, :32]
    with torch.no_grad():
        mean, log_variance = autoencoder.posterior(mel)
        drawn = torch.cat([autoencoder.encoded(mel, torch.Generator().manual_seed(seed)) for seed in range(200)])
        drawn_again = autoencoder.encoded(mel, torch.Generator().manual_seed(0))

        assert torch.equal(autoencoder.encoded(mel), mean * autoencoder.scale_factor)
    assert torch.equal(drawn[:1], drawn_again)
    spread = drawn.std(0) / autoencoder.scale_factor / (log_variance[0] / 2).exp()
    assert float(spread.mean()) == pytest.approx(1, abs=0.02)


def test_what_is_scaled_once_more_is_decoded_the_same_by_another_scale(autoencoder: AudioLDMVAE) -> None:
    doubled = AudioLDMVAE({**tiny_config()["vae"], "scale_factor": 2 * autoencoder.scale_factor}).eval()
    doubled.load_state_dict(autoencoder.state_dict())
    latents = torch.randn(1, 8, 4, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(doubled.decoded(2 * latents), autoencoder.decoded(latents), atol=1e-5)
