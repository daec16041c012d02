"""What is random within a clip: grains, bubbles and flutter, drawn from its seed in seconds, at no sample rate.

Every draw is a row of its own, taken in order, so a longer clip begins like a shorter one.
"""

import math

import torch
from torch import Tensor

from engine.sampling.noise import generator_for
from engine.vocoders import kernels
from engine.vocoders.curves import (
    GAINS_PER_HOP,
    HOPS_PER_S,
    NOISE_GAINS,
    NOISE_LEVELS,
    Constants,
    amplitude,
    band_centres_hz,
)

STEPS_PER_S = GAINS_PER_HOP * HOPS_PER_S
GRAIN_SPREAD = 0.9  # standard deviation of a grain's level, in nepers ...
GRAIN_REACH = 1.2  # ... and how many of them it may lie off, so that no single grain sets the level of the clip
LOUDEST_GRAIN = 4.0  # the usual grain beside steady noise; reached below some 20 grains a second
FLUTTER_NEPERS = 0.9  # standard deviation of the level at full depth
BUBBLE_LEVEL = 5.0  # peak of a usual bubble beside the noise's RMS
BUBBLE_SPREAD = 0.5  # standard deviation of its level, in nepers
SHORTEST_BUBBLE_S, LONGEST_BUBBLE_S = 0.005, 0.040  # to -40 dB
SMALLEST_RISE, LARGEST_RISE = 0.05, 0.30


def noise_gains(curves: Tensor, constants: Constants, *, seed: int) -> Tensor:
    """(channels, steps of 1.25 ms) linear gains of the noise of `curves` (hops, CHANNELS); one channel if mono."""
    gains = amplitude(curves[:, NOISE_GAINS]).reshape(1, -1)
    if constants.flutter > 0:
        gains = gains * _flutter(gains.shape[1], constants, seed=seed)
    if constants.grain > 0:
        return gains * _grains(gains.shape[1], constants, seed=seed)
    return gains.repeat(1 if constants.width == 0 else 2, 1)


def _grains(steps: int, constants: Constants, *, seed: int) -> Tensor:
    """(channels, steps) gains of mean power 1: a steady rest, and grains that fall at random in time and panorama."""
    grain = min(constants.grain, 1.0)
    density = min(max(constants.grain_hz / STEPS_PER_S, 1e-4), 1.0)
    # The usual grain's level x follows from the power: (1-g)^2 + 2 (1-g) d E[s] x + d E[s^2] x^2 = 1.
    linear = 2 * (1 - grain) * density * _mean_of_level(GRAIN_SPREAD)
    square = density * _mean_of_level(2 * GRAIN_SPREAD)
    level = (math.sqrt(linear**2 + 4 * square * (1 - (1 - grain) ** 2)) - linear) / (2 * square)
    falls, sizes, places = torch.rand(steps, 3, generator=generator_for(seed, "grains")).unbind(1)
    deviation = torch.special.ndtri(sizes).clamp(-GRAIN_REACH, GRAIN_REACH)
    grains = min(level, LOUDEST_GRAIN) * torch.exp(GRAIN_SPREAD * deviation) * (falls < density)
    if constants.width == 0:
        return (1 - grain + grains)[None]
    place = constants.width * (2 * places - 1)
    return 1 - grain + grains * torch.stack([(1 - place).sqrt(), (1 + place).sqrt()])


def _mean_of_level(spread: float) -> float:
    """The mean of e^(spread x) for a normal x that is clamped to `GRAIN_REACH`."""

    def below(x: float) -> float:
        return (1 + math.erf(x / math.sqrt(2))) / 2

    ends = (math.exp(spread * GRAIN_REACH) + math.exp(-spread * GRAIN_REACH)) * below(-GRAIN_REACH)
    return ends + math.exp(spread**2 / 2) * (below(GRAIN_REACH - spread) - below(-GRAIN_REACH - spread))


def _flutter(steps: int, constants: Constants, *, seed: int) -> Tensor:
    """(steps,) gains of mean power 1 whose level wanders from one random place to the next."""
    place = torch.arange(steps, dtype=torch.float64) * (2 * constants.flutter_hz / STEPS_PER_S)
    before = place.long()
    count = 16 * (int(before[-1]) // 16 + 1) + 16  # in sixteens: torch draws those in order
    levels = torch.randn(count, generator=generator_for(seed, "flutter"))
    part = (place - before).float()
    share = part * part * (3 - 2 * part)
    # Between two independent levels the deviation would sink; this keeps it at 1.
    level = torch.lerp(levels[before], levels[before + 1], share) / ((1 - share) ** 2 + share**2).sqrt()
    depth = FLUTTER_NEPERS * constants.flutter
    return torch.exp(depth * level - depth**2)


def add_bubbles(waveform: Tensor, curves: Tensor, constants: Constants, *, seed: int, sample_rate_hz: int) -> None:
    """Add the clip's bubbles to `waveform` (channels, frames), in place; they are few, so all at once."""
    if constants.bubbles <= 0 or constants.bubbles_hz <= 0:
        return
    length_s = waveform.shape[1] / sample_rate_hz
    expected = constants.bubbles_hz * length_s
    count = int(expected + 6 * math.sqrt(expected) + 10)  # more than will be needed
    draws = torch.rand(count, 7, generator=generator_for(seed, "bubbles"), dtype=torch.float64)
    start_s = torch.cumsum(-torch.log1p(-draws[:, 0]), 0) / constants.bubbles_hz
    _, pitch, length, rise, level, place, side = draws[start_s < length_s].unbind(1)
    start_s = start_s[start_s < length_s]
    hop = (start_s * HOPS_PER_S).long().clamp(max=len(curves) - 1)
    step = (start_s * STEPS_PER_S).long().clamp(max=len(curves) * GAINS_PER_HOP - 1)
    centre_hz, noise_rms = _centre_and_rms(curves)
    pitch_hz = centre_hz[hop] * 2 ** (2 * pitch - 1)
    rise = SMALLEST_RISE + (LARGEST_RISE - SMALLEST_RISE) * rise
    bubble_s = SHORTEST_BUBBLE_S * (LONGEST_BUBBLE_S / SHORTEST_BUBBLE_S) ** length
    size = torch.exp(BUBBLE_SPREAD * torch.special.ndtri(level.clamp(0.02, 0.98)))
    gain = amplitude(curves[:, NOISE_GAINS]).reshape(-1)[step] * noise_rms[hop]
    # As many begin upwards as downwards, so that they do not add up to an offset.
    peak = BUBBLE_LEVEL * constants.bubbles * size * gain * torch.where(side < 0.5, 1.0, -1.0)
    pan = constants.width * (2 * place - 1)
    gains = torch.stack([peak * (1 - pan).sqrt(), peak * (1 + pan).sqrt()], 1)[:, : len(waveform)]
    bubbles = torch.stack([start_s, pitch_hz, rise, bubble_s / math.log(100)], 1)
    audible = (pitch_hz * (1 + rise) < 0.45 * sample_rate_hz) & (gain > 0)
    kernels.add_bubbles(
        waveform.numpy(),
        sample_rate_hz,
        bubbles[audible].contiguous().numpy(),
        gains[audible].float().contiguous().numpy(),
    )


def _centre_and_rms(curves: Tensor) -> tuple[Tensor, Tensor]:
    """Of the noise at gain 1, each (hops,): the frequency its energy centres on (to the ear), and its RMS."""
    centres_hz = band_centres_hz()
    power = torch.pow(10.0, curves[:, NOISE_LEVELS].double() / 10) * centres_hz  # bands widen with frequency
    centre = (power * centres_hz.log2()).sum(1) / power.sum(1)
    return torch.exp2(centre), (power.sum(1) / centres_hz.sum()).sqrt()
