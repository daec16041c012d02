"""The unpitched part of a clip: seeded noise, its spectrum set every 10 ms, its gain every 1.25 ms.

A row of random numbers belongs to each hop and a column to every 50 Hz, so the same seed is the same rush of noise at
44.1 and 48 kHz, and a longer clip begins like a shorter one.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from engine.sampling.noise import generator_for
from engine.vocoders import kernels
from engine.vocoders.curves import GAINS_PER_HOP, HOPS_PER_S, NOISE_LEVELS, band_centres_hz, between

WIDEST_HZ = 22_050.0  # nothing above, so that noise is as loud at every sample rate
BINS = 448  # of 50 Hz; the first above WIDEST_HZ is 442, and rows of a multiple of 16 numbers do not depend on how many
SILENT = 2e-4
NEPER_PER_DB = math.log(10) / 20  # a power of e takes half as long as one of 10
MONO_BELOW_HZ = 150.0  # for the sake of loudspeakers: what is lowest stays in the middle
WIDE_ABOVE_HZ = 250.0
SIDE_POWER = 0.47  # at full width; at 0.5 left and right would have nothing in common, and their sum lose 3 dB


@lru_cache(maxsize=4)
def _bin_hz(window_frames: int, sample_rate_hz: int) -> Tensor:
    return torch.arange(window_frames // 2 + 1, dtype=torch.float64) * sample_rate_hz / window_frames


@lru_cache(maxsize=4)
def _onto_bins(window_frames: int, sample_rate_hz: int) -> Tensor:
    """(NOISE_BANDS, bins): levels of bands to levels of the bins of a window."""
    return between(band_centres_hz().log2(), _bin_hz(window_frames, sample_rate_hz).clamp(min=1).log2())


@lru_cache(maxsize=4)
def _bin_scale(window_frames: int, sample_rate_hz: int) -> Tensor:
    """What makes level 0 in every band a noise of RMS 1 below `WIDEST_HZ`, and nothing at 0 Hz."""
    bin_hz = _bin_hz(window_frames, sample_rate_hz)
    scale = math.sqrt(window_frames / 2 * sample_rate_hz / (2 * WIDEST_HZ))
    return scale * ((bin_hz > 0) & (bin_hz <= WIDEST_HZ)).float()


@lru_cache(maxsize=4)
def _window(window_frames: int) -> Tensor:
    return torch.sin(math.pi * (torch.arange(window_frames) + 0.5) / window_frames)


def side_power(hz: Tensor, *, width: float) -> Tensor:
    """The share of the noise's power in which left and right are opposite."""
    return SIDE_POWER * width * ((hz - MONO_BELOW_HZ) / (WIDE_ABOVE_HZ - MONO_BELOW_HZ)).clamp(0, 1).float()


def random_spectra(rows: int, *, bins: int, seed: int, purpose: str) -> Tensor:
    """(rows, bins) complex of variance 2; 0 above the first `BINS`."""
    spectra = torch.view_as_complex(torch.randn(rows, BINS, 2, generator=generator_for(seed, purpose)))
    return spectra[:, :bins] if bins <= BINS else torch.nn.functional.pad(spectra, (0, bins - BINS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The unpitched part, ready to be written block by block."""

    bin_levels_db: Tensor  # (sounding blocks + 1, bins) at the borders of the blocks
    gains: Tensor  # (channels, steps): linear, every 1.25 ms of the clip
    middle: Tensor  # (sounding blocks + 1, bins) complex: white noise from the seed
    side: Tensor | None  # another such, added on the left and taken off on the right; None in mono
    sample_rate_hz: int
    block_frames: int

    @classmethod
    def of(
        cls, curves: Tensor, *, gains: Tensor, width: float, seed: int, sample_rate_hz: int, block_frames: int
    ) -> "Noise":
        """The noise of `curves` (blocks + 1, CHANNELS). Random numbers are drawn only as far as it sounds."""
        sounding = (gains > SILENT).any(0).nonzero()[:, 0]
        borders = 0
        if len(sounding):
            end_s = (int(sounding[-1]) + 1) / (GAINS_PER_HOP * HOPS_PER_S)
            borders = min(math.ceil(end_s * sample_rate_hz / block_frames) + 1, len(curves))
        window_frames = 2 * block_frames
        bins = block_frames + 1
        middle = random_spectra(borders, bins=bins, seed=seed, purpose="noise")
        side = None
        if len(gains) == 2:
            power = side_power(_bin_hz(window_frames, sample_rate_hz), width=width)
            side = random_spectra(borders, bins=bins, seed=seed, purpose="side noise").mul_(power.sqrt())
            middle.mul_((1 - power).sqrt())
        return cls(
            bin_levels_db=curves[:borders, NOISE_LEVELS] @ _onto_bins(window_frames, sample_rate_hz),
            gains=gains,
            middle=middle,
            side=side,
            sample_rate_hz=sample_rate_hz,
            block_frames=block_frames,
        )

    def add_to(self, waveform: Tensor, *, start_block: int, blocks: int) -> None:
        """Add so many blocks from `start_block` on to `waveform` (channels, frames), in place."""
        blocks = min(blocks, len(self.middle) - 1 - start_block)
        if blocks <= 0:
            return
        borders = slice(start_block, start_block + blocks + 1)
        window_frames = 2 * self.block_frames
        scale = torch.exp(self.bin_levels_db[borders] * NEPER_PER_DB) * _bin_scale(window_frames, self.sample_rate_hz)
        middle = self.middle[borders] * scale
        if self.side is None:
            spectra = middle[None]
        else:
            side = self.side[borders] * scale
            spectra = torch.stack([middle + side, middle - side])
        kernels.add_noise(
            waveform.numpy(),
            start_block * self.block_frames,
            (start_block + blocks) * self.block_frames,
            self.block_frames,
            torch.fft.irfft(spectra, n=window_frames).numpy(),
            _window(window_frames).numpy(),
            self.gains.numpy(),
            GAINS_PER_HOP * HOPS_PER_S / self.sample_rate_hz,
        )
