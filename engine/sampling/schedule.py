"""The cosine schedule of the embedded model: noise time 0 is clean, 1 is noise alone.

A network here predicts v = a noise - s clean, with a = cos(pi t / 2) and s = sin(pi t / 2). Source: arXiv:2202.00512.
"""

import math

import torch
from torch import Tensor


def signal_and_noise(time: Tensor) -> tuple[Tensor, Tensor]:
    """a and s for times (batch,), shaped (batch, 1, 1). a^2 + s^2 = 1."""
    angle = time[:, None, None] * (math.pi / 2)
    return torch.cos(angle), torch.sin(angle)


def noised(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """`clean` with noise up to `time`."""
    a, s = signal_and_noise(time)
    return a * clean + s * noise


def velocity(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """What the network should predict from `noised(clean, noise, time)`."""
    a, s = signal_and_noise(time)
    return a * noise - s * clean


def clean_of(x: Tensor, v: Tensor, time: Tensor) -> Tensor:
    """The clean latents that `x` at `time` and `v` stand for."""
    a, s = signal_and_noise(time)
    return a * x - s * v


def ddim_step(x: Tensor, v: Tensor, time: Tensor, next_time: Tensor) -> Tensor:
    """`x` at `time`, taken along `v` to `next_time` in one deterministic step. Source: arXiv:2010.02502."""
    a, s = signal_and_noise(time)
    noise = s * x + a * v
    return noised(clean_of(x, v, time), noise, next_time)
