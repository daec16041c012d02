"""AudioLDM's autoencoder: log-mel to latents and back, 4 hops and 4 bands to one place. Source: arXiv:2301.12503."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from engine.autoencoders.mel_bands import slaney_bands

SMALL_FULL: Final[Mapping[str, Any]] = {
    "ddconfig": {
        "double_z": True,
        "in_channels": 1,
        "out_ch": 1,
        "ch": 128,
        "ch_mult": [1, 2, 4],
        "num_res_blocks": 2,
        "z_channels": 8,
    },
    "embed_dim": 8,
    "scale_factor": 0.9227914214134216,  # where no file says another
}

RATE_HZ: Final = 16_000
WINDOW: Final = 1024
HOP: Final = 160
BANDS: Final = 64
HIGHEST_HZ: Final = 8000.0
QUIETEST: Final = 1e-5
PEAK: Final = 0.5  # of the sounds that the encoder was trained on


class AudioLDMVAE(nn.Module):
    """A mel's latents (batch, 8, time, 16), scaled to about unit variance.

    `config` has the names of the authors' own: `ddconfig`, `embed_dim`, `scale_factor`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        sizes = config["ddconfig"]
        levels = len(sizes["ch_mult"])
        self.scale_factor = float(config["scale_factor"])
        self.network = AutoencoderKL(
            in_channels=sizes["in_channels"],
            out_channels=sizes["out_ch"],
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(sizes["ch"] * factor for factor in sizes["ch_mult"]),
            layers_per_block=sizes["num_res_blocks"],
            latent_channels=config["embed_dim"],
            norm_num_groups=32,
        )

    def decoded(self, latents: Tensor) -> Tensor:
        """The natural-log mel (batch, 1, 4 time, 64) of scaled latents (batch, 8, time, 16)."""
        mel: Tensor = self.network.decode(latents / self.scale_factor, return_dict=False)[0]
        return mel

    def encoded(self, mel: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Scaled latents (batch, 8, hops / 4, 16) of a mel (batch, 1, hops, 64).

        A generator draws them from the posterior, as the denoiser's training did; without one they are its mean.
        """
        mean, log_variance = self.posterior(mel)
        if generator is None:
            return mean * self.scale_factor
        noise = torch.randn(mean.shape, generator=generator, device=generator.device).to(mean)
        return posterior_sample(mean, log_variance, noise) * self.scale_factor

    def posterior(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, each (batch, 8, hops / 4, 16) and not scaled."""
        posterior = self.network.encode(mel, return_dict=False)[0]
        return posterior.mean, posterior.logvar


def posterior_sample(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """A normal variable of such mean and log variance; the log variance is kept in [-30, 20], as in training."""
    return mean + torch.exp(log_variance.clamp(-30, 20) / 2) * noise


def log_mel(waveform: Tensor) -> Tensor:
    """The natural-log mel (batch, 1, hops, 64) of a waveform (batch, frames) at 16 kHz; hops is frames // 160 + 1.

    Needs more than 512 frames, which the edges mirror.
    """
    window = torch.hann_window(WINDOW, device=waveform.device)
    spectrum = torch.stft(waveform, WINDOW, HOP, window=window, pad_mode="reflect", return_complex=True)
    mel = _bands().to(waveform.device) @ spectrum.abs()
    return mel.clamp(min=QUIETEST).log().mT[:, None]


def at_trained_level(waveform: Tensor) -> Tensor:
    """Each row (batch, frames) without its mean and at the peak that the encoder knows; silence stays silence."""
    waveform = waveform - waveform.mean(1, keepdim=True)
    peak = waveform.abs().amax(1, keepdim=True)
    return torch.where(peak > QUIETEST, waveform * (PEAK / peak.clamp(min=QUIETEST)), 0.0)


@lru_cache
def _bands() -> Tensor:
    return slaney_bands(BANDS, window=WINDOW, rate_hz=RATE_HZ, lowest_hz=0.0, highest_hz=HIGHEST_HZ)
