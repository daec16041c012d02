"""Tone and noise that take turns with holes between, at random, as a digital fault sounds: drawn from the seed."""

import math

import torch
from torch import Tensor

from engine.sampling.noise import generator_for
from engine.vocoders.curves import Constants

SHORTEST_TURN_S = 0.01
TONE_SHARE = 0.5  # of the turns that are no holes
LONGEST_TURNS = 2.0  # of the usual length
EDGE_S = 0.0005  # of each break: abrupt, and no click of its own


def turns(constants: Constants, *, seed: int, frames: int, sample_rate_hz: int) -> tuple[Tensor, Tensor]:
    """(frames,) gains of the tone and of the noise. The first turn is noise, so that a sound begins at once.

    Times are drawn in seconds, so every sample rate has the same performance; a longer clip begins like a shorter one.
    """
    generator = generator_for(seed, "stutter")
    most = math.ceil(frames / sample_rate_hz / SHORTEST_TURN_S) + 1
    # Pairs are drawn in the order of time, so fewer of them are the first ones of more.
    draws = torch.rand(most, 2, generator=generator, dtype=torch.float64)
    rate_hz = constants.stutter_hz
    lengths_s = (-torch.log1p(-draws[:, 0]) / rate_hz).clamp(SHORTEST_TURN_S, LONGEST_TURNS / rate_hz)
    ends_s = lengths_s.cumsum(0)
    sounds = torch.arange(most) % 2 == 0  # every other turn is a hole
    is_tone = draws[:, 1] < TONE_SHARE
    is_tone[0] = False
    tone, noise = (sounds & is_tone).double(), (sounds & ~is_tone).double()
    seconds = torch.arange(frames, dtype=torch.float64) / sample_rate_hz
    turn = torch.searchsorted(ends_s, seconds, right=True).clamp(max=len(ends_s) - 1)
    begun = torch.where(turn > 0, seconds - ends_s[(turn - 1).clamp(min=0)], torch.inf)
    share = (begun / EDGE_S).clamp(max=1)
    before = (turn - 1).clamp(min=0)

    def gain(on: Tensor) -> Tensor:
        moving = on[before] + (on[turn] - on[before]) * share
        return (1 - constants.stutter * (1 - moving)).float()

    return gain(tone), gain(noise)
