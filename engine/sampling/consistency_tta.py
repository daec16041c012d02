"""How ConsistencyTTA samples: a query makes clean latents of noisy ones; more queries add noise again and ask again.

Noise is added to clean latents as z = clean + sigma noise, and a network reads z / sqrt(sigma^2 + 1). Source:
arXiv:2309.10740 and the authors' code.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol

import torch
from torch import Tensor

from engine.text.states import TextStates

TIMESTEPS: Final = 1000
NOISE_ALONE: Final = 999.0  # the timestep at which the network was trained to be given no signal at all
GRID: Final = 17  # the student was trained at 999 k / 17, k = 1 to 17, and nowhere else
BETA_START: Final = 0.00085
BETA_END: Final = 0.012


class Denoiser(Protocol):
    """The U-Net."""

    def __call__(self, x: Tensor, timestep: Tensor, guidance_scale: Tensor, text: TextStates) -> Tensor:
        """Clean latents of x, both (batch, ...)."""


class Query(Protocol):
    """The denoiser with its text and its guidance."""

    def __call__(self, x: Tensor, timestep: float) -> Tensor:
        """Clean latents of x, both (batch, ...)."""


@lru_cache
def alphas_cumprod() -> Tensor:
    """(TIMESTEPS,): how much of the signal's power is left at each timestep."""
    beta = torch.linspace(BETA_START**0.5, BETA_END**0.5, TIMESTEPS, dtype=torch.float32) ** 2
    return torch.cumprod(1 - beta, 0)


@lru_cache
def sigmas() -> tuple[float, ...]:
    """The noise level at each timestep, with the signal's kept at 1: 0.029 to 14.6."""
    alpha = alphas_cumprod()
    return tuple(((1 - alpha) / alpha).sqrt().tolist())


def sigma_at(timestep: float) -> float:
    """The noise level at a timestep that may lie between two: on the line between theirs.

    >>> round(sigma_at(999.0), 4), round(sigma_at(499.5), 4), round(sigma_at(0.0), 4)
    (14.6146, 1.6156, 0.0292)
    """
    below = min(int(timestep), TIMESTEPS - 2)
    part = timestep - below
    return (1 - part) * sigmas()[below] + part * sigmas()[below + 1]


def reference_timesteps(steps: int, *, first: float = NOISE_ALONE) -> tuple[float, ...]:
    """The authors' own: even from `first` to 0. The last of several asks at 0, where the student was never trained.

    >>> reference_timesteps(1), reference_timesteps(4)
    ((999.0,), (999.0, 666.0, 333.0, 0.0))
    """
    return tuple(first * (steps - 1 - step) / (steps - 1) if step else first for step in range(steps))


def grid_timesteps(steps: int, *, first_place: int = GRID) -> tuple[float, ...]:
    """Timesteps that the student knows, falling evenly from place `first_place` of 1 to 17; at most as many as places.

    Each query has an equal share of the noise's time to undo, so that the last one still has something to say.

    >>> [round(timestep * 17 / 999) for timestep in grid_timesteps(4)]
    [17, 13, 9, 4]
    """
    places = [max(1, math.floor(first_place * (steps - step) / steps + 0.5)) for step in range(steps)]
    return tuple(place * NOISE_ALONE / GRID for place in dict.fromkeys(places))


def place_of_strength(strength: float) -> int:
    """Where on the student's grid a sound is taken up again: 17, noise alone, for strength 1; at least 1.

    Timesteps count the training's noise evenly, so strength is the share of the way from clean to noise.

    >>> place_of_strength(1.0), place_of_strength(0.6), place_of_strength(0.0)
    (17, 10, 1)
    """
    return max(1, round(strength * GRID))


def guided_query(
    denoiser: Denoiser,
    x: Tensor,
    timestep: float,
    *,
    text: TextStates,
    guidance_scale: float,
    unguided: TextStates | None = None,
    guidance_post: float = 1.0,
) -> Tensor:
    """Clean latents of x (batch, ...): with the network's own guidance, and from outside if `unguided` is given.

    The latter is how far to go from what the network makes of the empty prompt, past what it makes of the text. Both
    are one batch, and have as many tokens.
    """
    at, scale = torch.tensor([[timestep], [guidance_scale]], dtype=torch.float64, device=x.device)
    if unguided is None:
        return denoiser(x, at, scale, text)
    both = TextStates(
        states=torch.cat([unguided.states, text.states]),
        mask=torch.cat([unguided.mask, text.mask]),
    )
    without, with_text = denoiser(torch.cat([x, x]), at, scale, both).chunk(2)
    return (1 - guidance_post) * without + guidance_post * with_text


def consistency_tta_sample(
    query: Query, noises: Sequence[Tensor], *, timesteps: Sequence[float], start: Tensor | None = None
) -> Tensor:
    """Clean latents, by one query at each timestep; `noises` (batch, ...) are used in order, one for each.

    `start` is clean latents to begin from. At timestep 999 nothing of them is used: there the student was trained on
    noise alone.
    """
    clean = torch.zeros_like(noises[0]) if start is None or timesteps[0] >= NOISE_ALONE else start
    for timestep, noise in zip(timesteps, noises, strict=True):
        clean = query(network_input(clean, noise, timestep), timestep)
    return clean


def network_input(clean: Tensor, noise: Tensor, timestep: float) -> Tensor:
    """Clean latents with the noise of a timestep, in the network's own scale."""
    sigma = sigma_at(timestep)
    return (clean + sigma * noise) / math.sqrt(sigma**2 + 1)
