"""Noise to latents with a consistency trajectory model: its network jumps from any noise level to any lower one.

A noisy latent is z = z_0 + t eps, and t is the standard deviation of its noise. Without fresh noise (`gamma` 0) every
number of steps walks the same trajectory from the same start: the grids nest, so a draft of one step and its
refinement of sixteen are one sound, and sampling can go on from any intermediate that was kept. Source: Kim et al.,
arXiv:2310.02279; Saito et al., arXiv:2405.18503.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Final, Protocol

import torch
from torch import Tensor

SIGMA_MIN: Final = 0.002
SIGMA_MAX: Final = 80.0
RHO: Final = 7


class Network(Protocol):
    """The raw network, its text and guidance already given."""

    def __call__(self, x: Tensor, level_t: Tensor, level_s: Tensor) -> Tensor:
        """F of a scaled input x (batch, ...), at `c_noise` of where it is and of where it goes, both (batch,)."""


class Jump(Protocol):
    """A latent's way from one noise level to another."""

    def __call__(self, z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """z (batch, ...) at the noise levels t (batch,) brought to the levels s (batch,), none above t."""


class Steer(Protocol):
    """Something that bends the trajectory after each jump."""

    def __call__(self, landed: Tensor, *, z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """What is gone on with at s, where a jump from z at t has `landed`; t and s are numbers, on the CPU."""


def sigmas_for(steps: int, *, start: float = SIGMA_MAX) -> Tensor:
    """(steps + 1,): the noise levels from `start` down to `SIGMA_MIN`, evenly spaced in their seventh root.

    Each grid of N steps is, to the bit, every other level of the grid of 2 N. Source: Karras et al., arXiv:2206.00364.
    """
    high, low = start ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return torch.tensor([(high + step / steps * (low - high)) ** RHO for step in range(steps + 1)])


def sigma_of(strength: float) -> float:
    """How far a latent is noised for a `strength` of 0 to 1: linear in the seventh root, as the grids are.

    0 gives `SIGMA_MIN`, 0.3 about 0.32, 0.5 about 2.5, 1 `SIGMA_MAX`. Latents have a deviation of 0.25 or 0.5, so at
    0.3 there is about as much noise as sound.
    """
    low, high = SIGMA_MIN ** (1 / RHO), SIGMA_MAX ** (1 / RHO)
    return float((low + strength * (high - low)) ** RHO)


def c_noise(sigma: Tensor) -> Tensor:
    """A noise level as the network reads it."""
    return sigma.log() / 4


def c_in(sigma: Tensor, *, sigma_data: float) -> Tensor:
    """What a noisy latent is scaled by before the network sees it."""
    return 1 / (sigma**2 + sigma_data**2).sqrt()


def denoised(network: Network, z: Tensor, t: Tensor, s: Tensor, *, sigma_data: float) -> Tensor:
    """g: the network's guess at the part of the trajectory between t and s; at s = t it is the plain denoiser."""
    level = _beside(t, z)
    c_skip = sigma_data**2 / (level**2 + sigma_data**2)
    c_out = level * sigma_data / (level**2 + sigma_data**2).sqrt()
    return c_skip * z + c_out * network(c_in(level, sigma_data=sigma_data) * z, c_noise(t), c_noise(s))


def jump_of(network: Network, *, sigma_data: float) -> Jump:
    """G of a network: (s/t) z + (1 - s/t) g."""

    def jump(z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        ratio = _beside(s / t, z)
        return ratio * z + (1 - ratio) * denoised(network, z, t, s, sigma_data=sigma_data)

    return jump


def combined(conditional: Jump, unconditional: Jump, *, nu: float) -> Jump:
    """B + nu (A - B): both jumps weighed. At nu = 1 B cancels, and whoever asks for that should not call it at all."""

    def jump(z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        without = unconditional(z, t, s)
        return without + nu * (conditional(z, t, s) - without)

    return jump


def omega_embedding(omega: Tensor, *, width: int) -> Tensor:
    """(batch, width): guidance strengths (batch,) as sinusoids, sine first, in exactly the published order of float32.

    The angles reach 10^4, so another order of the same operations moves the result by 2.5e-4.
    """
    half = width // 2
    falloff = torch.log(torch.tensor(10000.0, device=omega.device)) / (half - 1)
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32, device=omega.device) * -falloff)
    angles = (1000 * omega)[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def ctm_sample(
    jump: Jump,
    z: Tensor,
    sigmas: Tensor,
    *,
    gamma: float = 0.0,
    noises: Sequence[Tensor] = (),
    steer: Steer | None = None,
) -> Tensor:
    """Latents at the last of `sigmas` (levels,), from z (batch, ...) at the first of them, one jump a level.

    With `gamma` 0 it is deterministic, and `ctm_sample(jump, intermediate, sigmas[i:])` gives the same bits as the
    whole way. With `gamma` above 0 each jump but the last goes further down, to `SIGMA_MIN` at 1, and as much of
    `noises` (one for each such jump, like z) is added as brings it back to its level.
    """
    last = len(sigmas) - 2
    for step, (t, level) in enumerate(itertools.pairwise(sigmas)):
        s = level if gamma == 0 else math.sqrt(1 - gamma**2) * (level - SIGMA_MIN) + SIGMA_MIN
        landed = jump(z, t.to(z.device).expand(len(z)), s.to(z.device).expand(len(z)))
        if steer is not None:
            landed = steer(landed, z=z, t=t, s=s)
        z = landed if gamma == 0 or step == last else landed + (level**2 - s**2).sqrt() * noises[step]
    return z


def _beside(level: Tensor, z: Tensor) -> Tensor:
    """A number a row, to multiply rows of z by."""
    return level.view(-1, *[1] * (z.ndim - 1))
