"""The pitched part of a clip: up to 48 partials for each voice of the chord."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from engine.vocoders import kernels
from engine.vocoders.curves import (
    ANCHOR_PARTIALS,
    HARMONIC_GAIN,
    HARMONIC_LEVELS,
    PARTIALS,
    Constants,
    amplitude,
    between,
    cycles,
    pitch_hz_at,
    tremble_at,
)

TABLE_FRAMES_PER_PARTIAL = 42  # linear reading then errs by -51 dB at the highest partial, far less at those below
SHORTEST_TABLE = 512
INAUDIBLE = 10 ** (-56 / 20)  # beside the loudest partial
SILENT = 1e-4
NYQUIST_SHARE = 0.43  # partials above this share of the sample rate are left out
HIGHEST_PARTIAL_HZ = 19_000.0
DETUNED_SHARE = 0.4  # of a voice, in its sharp and flat strings; all of it would punch holes into the fundamental
LEAST_DETUNE_CENTS = 0.3
CHORD_SPREAD = 0.5  # how far the outer voices go to the sides at full width

_PARTIAL = torch.arange(1, PARTIALS + 1, dtype=torch.float64)
_START_CYCLE = torch.frac(0.38 * (_PARTIAL - 1) * _PARTIAL)  # scattered, so that partials do not add up to a click


@lru_cache(maxsize=1)
def _onto_partials() -> Tensor:
    return between(torch.tensor(ANCHOR_PARTIALS, dtype=torch.float64).log2(), _PARTIAL.log2())


def partial_amplitudes(curves: Tensor, constants: Constants) -> Tensor:
    """(hops, PARTIALS) of one voice."""
    levels_db = curves[:, HARMONIC_GAIN] + curves[:, HARMONIC_LEVELS] @ _onto_partials()
    even = (_PARTIAL % 2 == 0).float()
    return amplitude(levels_db) * (1 - constants.odd * even)


def panned(place: float) -> tuple[float, float]:
    """Gains of left and right for a place from -1 (left) to 1: equal power, and exactly 1 and 1 in the middle."""
    return math.sqrt(1 - place), math.sqrt(1 + place)


def voice_places(voices: int, *, width: float) -> list[float]:
    """Where the voices of a chord stand: the lowest in the middle, those above spread evenly; two share the sides."""
    if voices == 1:
        return [0.0]
    spread = CHORD_SPREAD * width
    if voices == 2:
        return [-spread / 2, spread / 2]
    return [0.0, *(spread * (2 * voice / (voices - 2) - 1) for voice in range(voices - 1))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmonics:
    """The pitched part, ready to be written block by block. A block is one hop in frames of the sample rate."""

    constants: Constants
    amplitudes: Tensor  # (sounding blocks + 1, partials up to the highest that is heard) at the borders of the blocks
    cycle: Tensor  # (frames of the sounding blocks,) float64: cycles of the pitch so far
    border_hz: Tensor  # (sounding blocks + 1,): the pitch
    sample_rate_hz: int
    block_frames: int

    @classmethod
    def of(
        cls, curves: Tensor, constants: Constants, *, length_s: float, sample_rate_hz: int, block_frames: int
    ) -> "Harmonics":
        """The pitched part of `curves` (blocks + 1, CHANNELS)."""
        border_s = torch.arange(len(curves)) * (block_frames / sample_rate_hz)
        amplitudes = partial_amplitudes(curves, constants) * tremble_at(border_s, constants)[:, None]
        loud = (amplitudes > SILENT).any(1).nonzero()[:, 0]
        blocks = min(int(loud[-1]) + 1, len(curves) - 1) if len(loud) else 0
        # Judged over the whole clip: a partial must not come and go with the borders of the chunks.
        heard = amplitudes.amax(0) > INAUDIBLE * amplitudes.max()
        highest = int(heard.nonzero()[-1]) + 1 if blocks else 0
        seconds = torch.arange(blocks * block_frames, dtype=torch.float64) / sample_rate_hz
        return cls(
            constants=constants,
            amplitudes=(amplitudes * heard)[: blocks + 1, :highest],
            cycle=cycles(seconds, constants, length_s=length_s),
            border_hz=pitch_hz_at(border_s[: blocks + 1], constants, length_s=length_s),
            sample_rate_hz=sample_rate_hz,
            block_frames=block_frames,
        )

    def add_to(self, waveform: Tensor, *, start_block: int, blocks: int) -> None:
        """Add so many blocks from `start_block` on to `waveform` (channels, frames), in place."""
        blocks = min(blocks, len(self.amplitudes) - 1 - start_block)
        if blocks <= 0:
            return
        write = self._write_tables if self.constants.stretch == 1 else self._write_partials
        write(waveform, slice(start_block, start_block + blocks + 1))

    @property
    def _detuned(self) -> bool:
        return self.constants.detune_cents > LEAST_DETUNE_CENTS

    def _beat_hz(self, ratio: Tensor | float) -> Tensor | float:
        """What the sharp string of that multiple of the pitch gains on the one in tune."""
        return self.constants.pitch_hz * ratio * (2 ** (self.constants.detune_cents / 1200) - 1)

    def _voices(self, channels: int) -> list[tuple[float, list[float]]]:
        """The ratio of each voice to the pitch, and its gains."""
        places = voice_places(len(self.constants.chord), width=self.constants.width)
        return [
            (2 ** (semitones / 12), list(panned(place))[:channels])
            for semitones, place in zip(self.constants.chord, places, strict=True)
        ]

    def _in_range(self, ratios: Tensor, borders: slice) -> Tensor:
        """(borders, partials): 0 for partials too high for the sample rate."""
        limit_hz = min(HIGHEST_PARTIAL_HZ, NYQUIST_SHARE * self.sample_rate_hz)
        return (self.border_hz[borders, None] * ratios < limit_hz).float()

    def _write_tables(self, waveform: Tensor, borders: slice) -> None:
        """Partials at whole multiples repeat every cycle: one table per border, read along both axes at once.

        Voices with the same partials share their tables, and detuned strings read the same ones at other phases. On one
        core, 10 s of three detuned voices in stereo take 15 ms to decode like this, 8 of them reading.
        """
        number = _PARTIAL[: self.amplitudes.shape[1]]
        start, end = borders.start * self.block_frames, (borders.stop - 1) * self.block_frames
        drawn: list[tuple[Tensor, Tensor]] = []
        for ratio, gains in self._voices(len(waveform)):
            in_range = self._in_range(ratio * number, borders)
            tables = next((tables for already, tables in drawn if torch.equal(already, in_range)), None)
            if tables is None:
                tables = self._tables(self.amplitudes[borders] * in_range)
                drawn.append((in_range, tables))
            common = (waveform.numpy(), start, end, self.block_frames, tables.numpy(), self.cycle.numpy(), ratio)
            gain = np.asarray(gains, np.float32)
            if self._detuned:
                beat = float(self._beat_hz(ratio)) / self.sample_rate_hz
                kernels.add_detuned_voice(*common, gain, beat, DETUNED_SHARE, self.constants.width)
            else:
                kernels.add_voice(*common, gain)

    def _tables(self, amplitudes: Tensor) -> Tensor:
        """(borders, 2^n): one cycle at each border."""
        partials = amplitudes.shape[1]
        frames = max(SHORTEST_TABLE, 1 << (TABLE_FRAMES_PER_PARTIAL * partials - 1).bit_length())
        start = 2 * math.pi * (_START_CYCLE[:partials].float() - 0.25)
        spectrum = torch.zeros(len(amplitudes), frames // 2 + 1, dtype=torch.complex64)
        spectrum[:, 1 : partials + 1] = amplitudes * torch.polar(torch.full_like(start, frames / 2), start)
        tables: Tensor = torch.fft.irfft(spectrum, n=frames)
        return tables

    def _write_partials(self, waveform: Tensor, borders: slice) -> None:
        """Each partial its own sine; the three strings of a detuned one come as its sine and its cosine.

        On one core, 10 s of a detuned bell of 24 partials in stereo take 17 ms to decode; as products of arrays, 126 in
        mono.
        """
        partials = self.amplitudes.shape[1]
        own_ratio = _PARTIAL[:partials] ** self.constants.stretch
        border_s = torch.arange(borders.start, borders.stop) * (self.block_frames / self.sample_rate_hz)
        ratios, sines, cosines = [], [], []
        for voice_ratio, gains in self._voices(len(waveform)):
            ratio = voice_ratio * own_ratio
            amplitudes = self.amplitudes[borders] * self._in_range(ratio, borders)
            apart = torch.zeros(0)
            if self._detuned:
                beat = 2 * math.pi * self._beat_hz(ratio) * border_s[:, None].double()
                apart = DETUNED_SHARE * self.constants.width * amplitudes * torch.sin(beat).float()
                amplitudes = amplitudes * (1 - DETUNED_SHARE + DETUNED_SHARE * torch.cos(beat)).float()
            ratios.append(ratio)
            sines.append(torch.stack([gain * amplitudes for gain in gains]))
            if self._detuned and len(waveform) == 2:
                cosines.append(torch.stack([gains[0] * apart, -gains[1] * apart]))
        nothing = torch.zeros(0, 1, 1)
        kernels.add_partials(
            waveform.numpy(),
            borders.start * self.block_frames,
            (borders.stop - 1) * self.block_frames,
            self.block_frames,
            self.cycle.numpy(),
            torch.cat(ratios).numpy(),
            _START_CYCLE[:partials].repeat(len(ratios)).numpy(),
            torch.cat(sines, 2).contiguous().numpy(),
            (torch.cat(cosines, 2) if cosines else nothing).contiguous().numpy(),
        )
