"""Curves to the latents that are denoised, and back: one token for every 40 ms, 64 numbers instead of 184."""

import math
from typing import Final

import torch
from torch import Tensor, nn

from engine.vocoders.curves import CHANNELS, HOPS_PER_S, NOISE_GAINS

HOPS_PER_TOKEN: Final = 4
TOKENS_PER_S: Final = HOPS_PER_S / HOPS_PER_TOKEN
LATENT: Final = 64
SHORTEST_S: Final = 0.2  # trained on no less; shorter clips are cut from one of this length
LONGEST_S: Final = 12.0


def tokens_for(length_s: float) -> int:
    """How many tokens cover a clip."""
    return math.ceil(round(length_s * TOKENS_PER_S, 6))


class CurveCodec(nn.Module):
    """Principal components of standardised curves, each half whitened so that large ones stay somewhat larger."""

    mean: Tensor  # (CHANNELS,)
    deviation: Tensor  # (CHANNELS,)
    basis: Tensor  # (HOPS_PER_TOKEN * CHANNELS, LATENT), orthonormal columns
    scale: Tensor  # (LATENT,)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.register_buffer("deviation", torch.ones(CHANNELS))
        self.register_buffer("basis", torch.zeros(HOPS_PER_TOKEN * CHANNELS, LATENT))
        self.register_buffer("scale", torch.ones(LATENT))

    def fit(self, clips: list[Tensor]) -> None:
        """Learn the statistics of `clips`, each (hops, CHANNELS) with whole tokens."""
        hops = torch.cat(clips).double()
        self.mean.copy_(hops.mean(0))
        self.deviation.copy_(hops.std(0))
        patches = torch.cat([self._patches(clip) for clip in clips]).double()
        spread, directions = torch.linalg.eigh(patches.T @ patches / len(patches))  # ascending
        self.basis.copy_(directions.flip(1)[:, :LATENT])
        self.scale.copy_(spread.flip(0)[:LATENT].clamp(min=1e-12) ** 0.25)
        whole = self.encode(torch.cat(clips)[None])
        self.scale.mul_(whole.std())  # so that the latents' variance is 1 on average, as the schedule assumes

    def encode(self, curves: Tensor) -> Tensor:
        """(batch, hops, CHANNELS) to (batch, tokens, LATENT)."""
        return self._patches(curves) @ self.basis / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """(batch, tokens, LATENT) to (batch, hops, CHANNELS)."""
        patches = (latents * self.scale) @ self.basis.T
        return patches.view(len(latents), -1, CHANNELS) * self.deviation + self.mean

    def _patches(self, curves: Tensor) -> Tensor:
        standard = (curves - self.mean) / self.deviation
        return standard.view(*curves.shape[:-2], -1, HOPS_PER_TOKEN * CHANNELS)


def smoothed(curves: Tensor) -> Tensor:
    """Curves (batch, hops, CHANNELS) without the faint steps between tokens: the mean of three hops.

    The first three hops hold attacks and stay; so do the noise gains, which are meant to be rough.
    """
    calm = curves.clone()
    coarse = slice(0, NOISE_GAINS.start)
    calm[:, 3:-1, coarse] = (curves[:, 2:-2, coarse] + curves[:, 3:-1, coarse] + curves[:, 4:, coarse]) / 3
    return calm
