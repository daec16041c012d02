"""The mel that AudioLCM's autoencoder and vocoder speak."""

import math

import torch

from engine.autoencoders.log10_mel import log10_mel
from engine.autoencoders.mel_bands import hz_of_mel, mel_of_hz, slaney_bands


def test_there_are_as_many_hops_as_whole_ones_fit() -> None:
    assert log10_mel(torch.zeros(2, 5220)).shape == (2, 80, 20)
    assert log10_mel(torch.zeros(1, 512 * 32)).shape == (1, 80, 64)


def test_silence_lies_on_the_floor() -> None:
    assert log10_mel(torch.zeros(1, 4096)).max() == -5


def test_a_tone_is_loudest_in_its_own_band() -> None:
    tone = 0.5 * torch.sin(2 * math.pi * 1000 * torch.arange(16_000) / 16_000)[None]
    band = int(log10_mel(tone)[0, :, 30].argmax())
    step = mel_of_hz(8000) / 81

    assert abs(float(hz_of_mel(torch.tensor((band + 1) * step))) - 1000) < 60


def test_what_is_beyond_full_scale_is_cut_as_it_was_in_training() -> None:
    loud = 3 * torch.sin(torch.arange(8192.0) / 7)[None]

    assert torch.equal(log10_mel(loud), log10_mel(loud.clamp(-1, 1)))


def test_every_band_has_the_same_area() -> None:
    bands = slaney_bands(20, window=4096, rate_hz=16_000, lowest_hz=0, highest_hz=8000)

    assert torch.allclose(bands.sum(1) * 16_000 / 4096, torch.ones(20), atol=0.02)
