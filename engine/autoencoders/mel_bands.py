"""Mel bands over a spectrum, after Slaney's Auditory Toolbox (1998): linear below 1 kHz, logarithmic above."""

import math

import torch
from torch import Tensor

HZ_PER_MEL = 200 / 3
BREAK_HZ = 1000.0
BREAK_MEL = BREAK_HZ / HZ_PER_MEL
LOG_STEP = math.log(6.4) / 27  # of frequency, per mel above the break


def mel_of_hz(hz: float) -> float:
    """A frequency on Slaney's scale."""
    return hz / HZ_PER_MEL if hz < BREAK_HZ else BREAK_MEL + math.log(hz / BREAK_HZ) / LOG_STEP


def hz_of_mel(mel: Tensor) -> Tensor:
    """Frequencies of places on Slaney's scale."""
    return torch.where(mel < BREAK_MEL, mel * HZ_PER_MEL, BREAK_HZ * torch.exp(LOG_STEP * (mel - BREAK_MEL)))


def slaney_bands(bands: int, *, window: int, rate_hz: int, lowest_hz: float, highest_hz: float) -> Tensor:
    """(bands, window / 2 + 1) float32: triangles that each have the same area, whatever their width."""
    bins_hz = torch.linspace(0, rate_hz / 2, window // 2 + 1, dtype=torch.float64)
    ends = (mel_of_hz(lowest_hz), mel_of_hz(highest_hz))
    edges_hz = hz_of_mel(torch.linspace(*ends, bands + 2, dtype=torch.float64))
    below, centre, above = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (bins_hz - below) / (centre - below)
    falling = (above - bins_hz) / (above - centre)
    triangles = torch.minimum(rising, falling).clamp(min=0)
    return (triangles * 2 / (above - below)).float()
