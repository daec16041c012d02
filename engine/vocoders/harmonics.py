"""The pitched part of a clip: up to 48 partials for each voice of the chord."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from engine.vocoders.curves import (
    ANCHOR_PARTIALS,
    HARMONIC_GAIN,
    HARMONIC_LEVELS,
    PARTIALS,
    VOICES,
    Constants,
    amplitude,
    between,
    cycles,
    pitch_hz_at,
)

TABLE_FRAMES = 2048  # of one cycle; linear reading then errs by -51 dB at the 48th partial, by -115 dB at the first
INAUDIBLE = 10 ** (-56 / 20)  # beside the loudest partial
SILENT = 1e-4
NYQUIST_SHARE = 0.43  # partials above this share of the sample rate are left out
HIGHEST_PARTIAL_HZ = 19_000.0

_PARTIAL = torch.arange(1, PARTIALS + 1, dtype=torch.float64)
_START_CYCLE = torch.frac(0.38 * (_PARTIAL - 1) * _PARTIAL)  # scattered, so that partials do not add up to a click


@lru_cache(maxsize=1)
def _onto_partials() -> Tensor:
    return between(torch.tensor(ANCHOR_PARTIALS, dtype=torch.float64).log2(), _PARTIAL.log2())


def partial_amplitudes(curves: Tensor, constants: Constants) -> Tensor:
    """(hops, PARTIALS) of one voice, before its gain in the chord and before detuning."""
    levels_db = curves[:, HARMONIC_GAIN] + curves[:, HARMONIC_LEVELS] @ _onto_partials()
    even = (_PARTIAL % 2 == 0).float()
    return amplitude(levels_db) * (1 - constants.odd * even)


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonics:
    """The pitched part, ready to be written block by block. A block is one hop in frames of the sample rate."""

    constants: Constants
    amplitudes: Tensor  # (blocks + 1, PARTIALS) at the borders of the blocks
    length_s: float
    sample_rate_hz: int
    block_frames: int

    @property
    def silent(self) -> bool:
        """Whether no partial ever sounds."""
        return bool(self.amplitudes.max() <= SILENT)

    def add_to(self, waveform: Tensor, *, start_block: int) -> None:
        """Add the blocks from `start_block` on to `waveform` (blocks, block_frames), in place."""
        borders = self.amplitudes[start_block : start_block + len(waveform) + 1]
        loud = (borders > SILENT).any(1).nonzero()[:, 0]
        if len(loud) == 0:
            return
        blocks = min(int(loud[-1]) + 1, len(waveform))
        borders = borders[: blocks + 1]
        seconds = _block_seconds(start_block, blocks, self.block_frames, self.sample_rate_hz)
        cycle = cycles(seconds, self.constants, length_s=self.length_s)  # (blocks, block_frames) float64
        border_s = torch.arange(start_block, start_block + blocks + 1) * (self.block_frames / self.sample_rate_hz)
        border_hz = pitch_hz_at(border_s, self.constants, length_s=self.length_s)
        # Judged over the whole clip: a partial must not come and go with the borders of the chunks.
        heard = (self.amplitudes.amax(0) > INAUDIBLE * self.amplitudes.max()).nonzero()[:, 0]
        write = _write_table if self.constants.stretch == 1 else _write_partials
        for semitones, gain_db in VOICES[self.constants.chord]:
            voice_ratio = 2 ** (semitones / 12)
            ratios = voice_ratio * _PARTIAL**self.constants.stretch
            amplitudes = borders * self._voice_gains(ratios, border_hz, border_s) * 10 ** (gain_db / 20)
            waveform[:blocks] += write(cycle, amplitudes[:, heard], ratios[heard], heard)

    def _voice_gains(self, ratios: Tensor, border_hz: Tensor, border_s: Tensor) -> Tensor:
        """(borders, PARTIALS): 0 for partials too high for the sample rate, and the beating of detuned ones."""
        limit_hz = min(HIGHEST_PARTIAL_HZ, NYQUIST_SHARE * self.sample_rate_hz)
        gains = (border_hz[:, None] * ratios < limit_hz).float()
        if self.constants.detune_cents > 0.3:
            # Not a full cancellation: that punched holes into the fundamental.
            beat_hz = self.constants.pitch_hz * ratios * (2 ** (self.constants.detune_cents / 1200) - 1)
            gains = gains * (0.6 + 0.4 * torch.cos(2 * math.pi * beat_hz * border_s[:, None])).float()
        return gains


def _block_seconds(start_block: int, blocks: int, block_frames: int, sample_rate_hz: int) -> Tensor:
    frames = torch.arange(start_block * block_frames, (start_block + blocks) * block_frames, dtype=torch.float64)
    return (frames / sample_rate_hz).view(blocks, block_frames)


def _write_table(cycle: Tensor, amplitudes: Tensor, ratios: Tensor, heard: Tensor) -> Tensor:
    """Partials at whole multiples repeat every cycle: one table per border, read along both axes at once.

    On one core a second of three voices takes 8 ms like this and 40 ms as a sum of sines.
    """
    borders = len(amplitudes)
    number = heard + 1
    spectrum = torch.zeros(borders, TABLE_FRAMES // 2 + 1, dtype=torch.complex64)
    start = 2 * math.pi * (_START_CYCLE[heard].float() - 0.25)
    spectrum[:, number] = amplitudes * torch.polar(torch.full_like(start, TABLE_FRAMES / 2), start)
    table = functional.pad(torch.fft.irfft(spectrum, n=TABLE_FRAMES), (0, 1))
    table[:, -1] = table[:, 0]
    voice_ratio = ratios[0] / float(number[0])
    place = torch.empty(*cycle.shape, 2)
    place[..., 0] = torch.frac(cycle * voice_ratio) * 2 - 1
    block = torch.arange(cycle.shape[0])[:, None] + torch.arange(cycle.shape[1]) / cycle.shape[1]
    place[..., 1] = block * (2 / (borders - 1)) - 1
    return functional.grid_sample(table[None, None], place[None], align_corners=True, padding_mode="border")[0, 0]


def _write_partials(cycle: Tensor, amplitudes: Tensor, ratios: Tensor, heard: Tensor) -> Tensor:
    """Each partial its own sine: bells and drums, whose few partials never meet again."""
    block_start = cycle[:, :1]
    # Only the wrapped start needs float64: within a block the phase stays small.
    start = torch.frac(block_start * ratios + _START_CYCLE[heard]).float()  # (blocks, partials)
    within = (cycle - block_start).float()  # (blocks, block_frames)
    phase = start[:, :, None] + within[:, None, :] * ratios.float()[:, None]
    sines = phase.mul_(2 * math.pi).sin_()
    ends = torch.stack([amplitudes[:-1], amplitudes[1:]], 1)  # (blocks, 2, partials)
    first, last = (ends @ sines).unbind(1)
    share = torch.arange(cycle.shape[1]) / cycle.shape[1]
    return first + (last - first) * share
