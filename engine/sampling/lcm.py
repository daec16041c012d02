"""Noise to latents by a latent consistency model with guidance built in. Source: arXiv:2310.04378, arXiv:2406.00356.

A schedule of 1000 timesteps, of which the student learnt 50. Every step cleans entirely; the next one starts from the
cleaned latents under fresh, weaker noise.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from engine.families.base import Checkpoint, no_checkpoint

SIGMA_DATA = 0.5
TIMESTEP_SCALING = 10.0
GUIDANCE_WAVES = 128

# Noise in latents (batch, ...), predicted at timesteps (batch,).
PredictedNoise = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LCMSchedule:
    """How much of the signal is left at each timestep, and which timesteps the student learnt."""

    betas: Tensor  # (timesteps,) float64
    signal_power: Tensor  # (timesteps,) float32; the papers' alpha bar
    grid: tuple[int, ...]  # ascending

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """From `timesteps`, `linear_start`, `linear_end` and `num_ddim_timesteps`; computed in double precision."""
        timesteps, learnt = config["timesteps"], config["num_ddim_timesteps"]
        ends = (math.sqrt(config["linear_start"]), math.sqrt(config["linear_end"]))
        betas = torch.linspace(*ends, timesteps, dtype=torch.float64) ** 2
        stride = timesteps // learnt
        return cls(
            betas=betas,
            signal_power=torch.cumprod(1 - betas, 0).float(),
            grid=tuple(range(stride - 1, timesteps, stride)),
        )

    def timesteps(self, steps: int, *, reach: int | None = None) -> list[int]:
        """The timesteps of `steps` steps, from the noisiest down, spread over the first `reach` points of the grid."""
        downwards = self.grid[: len(self.grid) if reach is None else reach][::-1]
        steps = min(steps, len(downwards))
        return [downwards[step * len(downwards) // steps] for step in range(steps)]

    def reach_of(self, strength: float) -> int:
        """How many points of the grid lie within a strength of 0 to 1: the share of it, to the nearest point."""
        return round(strength * len(self.grid))

    def noised(self, clean: Tensor, noise: Tensor, timestep: int) -> Tensor:
        """`clean` with noise up to `timestep`."""
        power = self.signal_power[timestep]
        return power.sqrt() * clean + (1 - power).sqrt() * noise

    def clean_of(self, x: Tensor, noise: Tensor, timestep: int) -> Tensor:
        """The latents that `x` at `timestep` stands for if `noise` is in it, by way of the boundary weights."""
        power = self.signal_power[timestep]
        clean = (x - (1 - power).sqrt() * noise) / power.sqrt()
        c_skip, c_out = skip_and_out(timestep)
        return c_out * clean + c_skip * x


def skip_and_out(timestep: int) -> tuple[Tensor, Tensor]:
    """Weights, float32, of the noisy latents and the cleaned ones; (1, 0) at 0. Source: arXiv:2310.04378."""
    scaled = torch.tensor(TIMESTEP_SCALING * timestep, dtype=torch.float32)
    variance = scaled**2 + SIGMA_DATA**2
    return SIGMA_DATA**2 / variance, scaled / variance.sqrt()


def guidance_embedding(w: Tensor) -> Tensor:
    """(batch, 256) float32 on the CPU of w (batch,), which is the guidance scale less 1: sines first, then cosines.

    Phases reach thousands of radians, so the order of operations counts in float32; this is the authors'.
    """
    frequency = torch.exp(torch.arange(GUIDANCE_WAVES, dtype=torch.float32) * -(math.log(10000) / (GUIDANCE_WAVES - 1)))
    angle = (w.float() * 1000.0)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], -1)


def lcm_sample(
    predicted_noise: PredictedNoise,
    x: Tensor,
    noises: Sequence[Tensor],
    *,
    schedule: LCMSchedule,
    timesteps: Sequence[int],
    checkpoint: Checkpoint = no_checkpoint,
) -> Tensor:
    """Clean latents like `x` (batch, ...), which are at the first of `timesteps`; one of `noises` between two steps."""
    for step, timestep in enumerate(timesteps):
        checkpoint("denoise")
        noise = predicted_noise(x, torch.full((len(x),), timestep, device=x.device))
        clean = schedule.clean_of(x, noise, timestep)
        if step + 1 == len(timesteps):
            return clean
        x = schedule.noised(clean, noises[step], timesteps[step + 1])
    return x
