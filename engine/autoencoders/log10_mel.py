"""The log mel that AudioLCM's autoencoder reads and its vocoder was trained on: 62.5 hops a second, log10, floor -5."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from engine.autoencoders.mel_bands import slaney_bands

RATE_HZ = 16_000
WINDOW = 1024
HOP = 256
HIGHEST_HZ = 8000.0
FLOOR = 1e-5


def log10_mel(waveform: Tensor, *, bands: int = 80) -> Tensor:
    """(batch, bands, hops) of a waveform (batch, frames) at 16 kHz: as many hops as whole ones fit in the frames."""
    edge = (WINDOW - HOP) // 2
    padded = functional.pad(waveform.clamp(-1, 1)[:, None], (edge, edge), mode="reflect")[:, 0]
    window = torch.hann_window(WINDOW, device=waveform.device)
    spectrum = torch.stft(padded, WINDOW, HOP, window=window, center=False, return_complex=True)
    magnitude = torch.sqrt(torch.view_as_real(spectrum).square().sum(-1) + 1e-9)
    return torch.log10((_bands(bands).to(waveform.device) @ magnitude).clamp(min=FLOOR))


@lru_cache
def _bands(bands: int) -> Tensor:
    return slaney_bands(bands, window=WINDOW, rate_hz=RATE_HZ, lowest_hz=0.0, highest_hz=HIGHEST_HZ)
