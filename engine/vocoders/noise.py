"""The unpitched part of a clip: seeded noise, its spectrum set every 10 ms, its gain every 1.25 ms."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from engine.sampling.noise import generator_for
from engine.vocoders.curves import (
    GAINS_PER_HOP,
    NOISE_GAINS,
    NOISE_LEVELS,
    amplitude,
    band_centres_hz,
    between,
)

WIDEST_HZ = 22_050.0  # nothing above, so that noise is as loud at every sample rate
SILENT = 2e-4
DROPLET_SHARE = 0.3  # of the 1.25 ms steps of grainy noise that hold a droplet
DROPLET_SPREAD = 0.9  # standard deviation of its level, in nepers


@lru_cache(maxsize=4)
def _onto_bins(window_frames: int, sample_rate_hz: int) -> Tensor:
    """(NOISE_BANDS, bins): levels of bands to levels of the bins of a window."""
    bin_hz = torch.arange(window_frames // 2 + 1, dtype=torch.float64) * sample_rate_hz / window_frames
    return between(band_centres_hz().log2(), bin_hz.clamp(min=1).log2())


@lru_cache(maxsize=4)
def _bin_scale(window_frames: int, sample_rate_hz: int) -> Tensor:
    """What makes level 0 in every band a noise of RMS 1 below `WIDEST_HZ`, and nothing at 0 Hz."""
    bin_hz = torch.arange(window_frames // 2 + 1) * sample_rate_hz / window_frames
    scale = math.sqrt(window_frames / 2 * sample_rate_hz / (2 * WIDEST_HZ))
    return scale * ((bin_hz > 0) & (bin_hz <= WIDEST_HZ)).float()


@lru_cache(maxsize=4)
def _window(window_frames: int) -> Tensor:
    return torch.sin(math.pi * (torch.arange(window_frames) + 0.5) / window_frames)


@lru_cache(maxsize=4)
def _gains_onto_frames(block_frames: int) -> Tensor:
    """(GAINS_PER_HOP + 1, block_frames): the gains of a block and the first of the next, onto its frames."""
    places = torch.arange(block_frames, dtype=torch.float64) * GAINS_PER_HOP / block_frames
    return between(torch.arange(GAINS_PER_HOP + 1, dtype=torch.float64), places)


def fine_gains(curves: Tensor, *, grain: float, seed: int) -> Tensor:
    """(hops, GAINS_PER_HOP) linear gains of the noise, with the seed's droplets where the noise is grainy."""
    gains = amplitude(curves[:, NOISE_GAINS])
    if grain <= 0:
        return gains
    generator = generator_for(seed, "droplets")
    falls = torch.rand(gains.shape, generator=generator) < DROPLET_SHARE
    sizes = torch.exp(DROPLET_SPREAD * torch.randn(gains.shape, generator=generator))
    return gains * (1 - grain + grain * falls * sizes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The unpitched part, ready to be written block by block."""

    levels_db: Tensor  # (blocks + 1, NOISE_BANDS) at the borders of the blocks
    gains: Tensor  # (blocks + 1, GAINS_PER_HOP)
    spectra: Tensor  # (sounding blocks + 1, bins) complex: white noise from the seed
    sample_rate_hz: int
    block_frames: int

    @classmethod
    def of(cls, curves: Tensor, *, grain: float, seed: int, sample_rate_hz: int, block_frames: int) -> "Noise":
        """The noise of `curves` (blocks + 1, CHANNELS). Random numbers are drawn only as far as it sounds."""
        gains = fine_gains(curves, grain=grain, seed=seed)
        sounding = (gains > SILENT).any(1).nonzero()[:, 0]
        borders = min(int(sounding[-1]) + 2, len(curves)) if len(sounding) else 0
        shape = (borders, block_frames + 1, 2)  # a window is two blocks, so it has block_frames + 1 bins
        spectra = torch.view_as_complex(torch.randn(shape, generator=generator_for(seed, "noise")))
        return cls(
            levels_db=curves[:, NOISE_LEVELS],
            gains=gains,
            spectra=spectra,
            sample_rate_hz=sample_rate_hz,
            block_frames=block_frames,
        )

    @property
    def silent(self) -> bool:
        """Whether the noise never sounds."""
        return len(self.spectra) == 0

    def add_to(self, waveform: Tensor, *, start_block: int) -> None:
        """Add the blocks from `start_block` on to `waveform` (blocks, block_frames), in place."""
        blocks = min(len(waveform), len(self.spectra) - 1 - start_block)
        if blocks <= 0:
            return
        borders = slice(start_block, start_block + blocks + 1)
        window_frames = 2 * self.block_frames
        levels_db = self.levels_db[borders] @ _onto_bins(window_frames, self.sample_rate_hz)
        bins = self.spectra[borders] * torch.pow(10.0, levels_db / 20)
        bins = bins * _bin_scale(window_frames, self.sample_rate_hz)
        windows = torch.fft.irfft(bins, n=window_frames) * _window(window_frames)
        white = windows[:-1, self.block_frames :] + windows[1:, : self.block_frames]
        gains = torch.cat([self.gains[borders][:-1], self.gains[borders][1:, :1]], 1)
        waveform[:blocks] += white * (gains @ _gains_onto_frames(self.block_frames))
