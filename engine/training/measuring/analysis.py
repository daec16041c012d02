"""What instruments read off one sound: levels, spectra, pitch and their course, without any network.

The second judge and the acoustic checks both begin here. Everything is computed when it is first asked for.
"""

from functools import cached_property
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

LISTENED_S: Final = 4.0  # a longer sound is analysed by its beginning
STEP_S: Final = 0.01  # between columns of the spectrogram
WINDOW_FRAMES: Final = 2048  # of it: 46 ms at 44.1 kHz
LEVEL_STEP_S: Final = 0.002  # between values of the level
LONG_WINDOW_FRAMES: Final = 4096  # of spectra that must tell partials apart, and of the autocorrelation
LONG_STEP_FRAMES: Final = 2048
LOWEST_PITCH_HZ: Final = 28.0
HIGHEST_PITCH_HZ: Final = 3_000.0
PEAK_RATIO: Final = 10.0  # power over the middle of its neighbours that noise reaches with a hundredth of its energy
PEAK_REACH: Final = 20  # neighbours on each side
TINY: Final = 1e-20


class Analysis:
    """One sound, (frames,) or (channels, frames)."""

    def __init__(self, waveform: Tensor, *, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        channels = waveform if waveform.dim() == 2 else waveform[None]
        self.channels = channels[:, : round(LISTENED_S * sample_rate_hz)].detach().float()
        self.mono = self.channels.mean(0)
        self.length_s = len(self.mono) / sample_rate_hz

    @cached_property
    def power(self) -> Array:
        """(columns, bins): the spectrogram, one column each `STEP_S`, centred on its time."""
        return self._stft(self.mono, WINDOW_FRAMES, round(STEP_S * self.sample_rate_hz))

    @cached_property
    def bin_hz(self) -> Array:
        """The frequency of each bin of `power`."""
        return np.arange(WINDOW_FRAMES // 2 + 1) * self.sample_rate_hz / WINDOW_FRAMES

    @cached_property
    def spectrum(self) -> Array:
        """(bins): the power of the whole sound, summing to 1."""
        total = self.power.sum(0)
        return np.asarray(total / max(total.sum(), TINY))

    @cached_property
    def level(self) -> Array:
        """The RMS in each `LEVEL_STEP_S`, over a window three times as long; the loudest is 1, of silence the first."""
        step = round(LEVEL_STEP_S * self.sample_rate_hz)
        steps = max(1, len(self.mono) // step)
        power = self.mono[: steps * step].double().pow(2).view(steps, -1).mean(1).numpy()
        power = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, mode="valid")
        power[0] += TINY**2 * (power.max() <= 0)
        return np.asarray(np.sqrt(power / power.max()))

    @cached_property
    def peak_s(self) -> float:
        """When it is loudest."""
        return float(self.level.argmax()) * LEVEL_STEP_S

    def gone_s(self, below_db: float) -> float:
        """How long after the loudest moment it was last less than `below_db` under it."""
        loud = np.flatnonzero(self.level > 10 ** (-below_db / 20))
        return max(0.0, (float(loud[-1]) + 1) * LEVEL_STEP_S - self.peak_s)

    def share_between(self, low_hz: float, high_hz: float) -> float:
        """The share of its energy between two frequencies."""
        return float(self.spectrum[(self.bin_hz >= low_hz) & (self.bin_hz < high_hz)].sum())

    def energy_share(self, from_share: float, to_share: float) -> float:
        """The share of its energy in a part of its time, both ends given as shares of the length."""
        energy = self.level**2
        places = (np.arange(len(energy)) + 0.5) / len(energy)
        inside = (places >= from_share) & (places < to_share)
        return float(energy[inside].sum() / max(energy.sum(), TINY))

    @cached_property
    def column_energy(self) -> Array:
        """(columns): the power of each column, summing to 1."""
        energy = self.power.sum(1)
        return np.asarray(energy / max(energy.sum(), TINY))

    @cached_property
    def centroid_octaves(self) -> Array:
        """(columns): the middle of the power on the octave scale, as log2 of Hz, from 40 Hz up."""
        octaves = np.log2(np.maximum(self.bin_hz, 1))
        heard = self.bin_hz >= 40
        power = self.power[:, heard]
        return np.asarray((power * octaves[heard]).sum(1) / np.maximum(power.sum(1), TINY))

    def centroid_between(self, from_s: float, to_s: float) -> float:
        """The energy's middle on the octave scale within that time, as log2 of Hz."""
        inside = slice(round(from_s / STEP_S), max(round(from_s / STEP_S) + 1, round(to_s / STEP_S)))
        weight = self.column_energy[inside]
        return float((weight * self.centroid_octaves[inside]).sum() / max(weight.sum(), TINY))

    @cached_property
    def flatness_db(self) -> float:
        """The spectrum's geometric under its arithmetic mean, 100 Hz to 16 kHz: 0 is white, -40 a few lines."""
        heard = self.spectrum[(self.bin_hz >= 100) & (self.bin_hz <= 16_000)] + 1e-12
        return float(10 * (np.log10(heard).mean() - np.log10(heard.mean())))

    @cached_property
    def long_power(self) -> Array:
        """(columns, bins) of a spectrogram with a longer window."""
        return self._stft(self.mono, LONG_WINDOW_FRAMES, LONG_STEP_FRAMES)

    @cached_property
    def peaked(self) -> float:
        """The share of energy in bins that stand out from their neighbours: 0.01 for noise, near 1 for partials."""
        power = self.long_power[self.long_power.sum(1) > 1e-3 * self.long_power.sum(1).max()]
        padded = np.pad(power, ((0, 0), (PEAK_REACH, PEAK_REACH)), mode="reflect")
        # Every eighth neighbour is enough for the middle of them.
        shifts = [padded[:, shift : shift + power.shape[1]] for shift in range(0, 2 * PEAK_REACH + 1, 8)]
        middle = np.median(np.stack(shifts), axis=0)
        return float(power[power > PEAK_RATIO * middle].sum() / max(power.sum(), TINY))

    @cached_property
    def _periods(self) -> tuple[Array, Array, Array]:
        """For each long column: its energy, how alike it is one period later, and its pitch in Hz."""
        frames = LONG_WINDOW_FRAMES
        padded = torch.nn.functional.pad(self.mono, (0, max(0, frames - len(self.mono))))
        rows = padded.unfold(0, frames, LONG_STEP_FRAMES).double()
        window = torch.hann_window(frames, dtype=torch.float64)

        def correlation(x: Tensor) -> Tensor:
            found: Tensor = torch.fft.irfft(torch.fft.rfft(x, 2 * frames).abs().pow(2))
            return found[..., :frames]

        found = correlation(rows * window)
        alike = found / found[:, :1].clamp(min=TINY) / (correlation(window) / correlation(window)[0]).clamp(min=1e-3)
        low, high = int(self.sample_rate_hz / HIGHEST_PITCH_HZ), int(self.sample_rate_hz / LOWEST_PITCH_HZ)
        negative = (alike[:, :high] < 0).cumsum(1) > 0  # the first period lies beyond the first zero
        reach = torch.where(negative, alike[:, :high], 0.0)[:, low:]
        best = reach.amax(1)
        first = ((reach >= 0.9 * best[:, None]) & (reach > 0)).double().argmax(1)
        # Climb from where it is nearly as alike to the top of that peak.
        near = torch.stack([reach[row, start : start + 12].argmax() for row, start in enumerate(first.tolist())])
        pitch_hz = self.sample_rate_hz / (first + near + low).double()
        return rows.pow(2).sum(1).numpy(), best.clamp(0, 1).numpy(), pitch_hz.numpy()

    @cached_property
    def harmonic(self) -> float:
        """How alike it is one period later, weighted by energy: about 0.2 for white noise, 1 for one steady tone."""
        energy, alike, _ = self._periods
        return float((energy * alike).sum() / max(energy.sum(), TINY))

    @cached_property
    def pitches_hz(self) -> Array:
        """The pitch in each of its periodic moments that are not faint."""
        energy, alike, pitch_hz = self._periods
        return np.asarray(pitch_hz[(alike > 0.5) & (energy > 1e-3 * energy.max())])

    @cached_property
    def partials(self) -> tuple[Array, Array]:
        """Hz and level in dB of the spectrum's eight strongest peaks, the strongest first."""
        total = self.long_power.sum(0)
        inner = total[1:-1]
        tops = np.flatnonzero((inner > total[:-2]) & (inner >= total[2:])) + 1
        tops = tops[np.argsort(total[tops])[::-1][:8]]
        hz = tops * self.sample_rate_hz / LONG_WINDOW_FRAMES
        return hz, 10 * np.log10(np.maximum(total[tops] / max(total.max(), TINY), 1e-9))

    def modulation(self, low_hz: float, high_hz: float, *, from_hz: float = 0, to_hz: float = 1e5) -> float:
        """How much the level between two frequencies comes and goes at such rates: RMS under 1 times the mean."""
        inside = (self.bin_hz >= from_hz) & (self.bin_hz < to_hz)
        level = np.sqrt(self.power[:, inside].sum(1))
        return swing(level, low_hz, high_hz)

    @cached_property
    def jumps_per_s(self) -> float:
        """How often the level above 1 kHz rises by more than 6 dB within 4 ms while it is not faint."""
        step = round(LEVEL_STEP_S * self.sample_rate_hz)
        high = torch.diff(self.mono, n=2)  # two differences lift high over low by 12 dB an octave
        steps = max(1, len(high) // step)
        level_db = 10 * np.log10(high[: steps * step].pow(2).view(steps, -1).mean(1).double().numpy() + 1e-12)
        loud = level_db[2:] > level_db.max() - 35
        rises = (level_db[2:] - level_db[:-2] > 6) & loud
        starts = rises[1:] & ~rises[:-1]
        return float(starts.sum()) / max(self.length_s, LEVEL_STEP_S)

    @cached_property
    def crest_db(self) -> float:
        """The highest sample over the RMS."""
        rms = float(self.mono.double().pow(2).mean().sqrt())
        return 20 * float(np.log10(max(float(self.mono.abs().max()), TINY) / max(rms, TINY)))

    @cached_property
    def width(self) -> float:
        """The share of the energy in which left and right differ; 0 for mono."""
        if len(self.channels) < 2:
            return 0.0
        middle, side = self.channels[:2].sum(0), self.channels[0] - self.channels[1]
        energy = float(middle.pow(2).sum() + side.pow(2).sum())
        return float(side.pow(2).sum()) / max(energy, TINY)

    @staticmethod
    def _stft(mono: Tensor, window_frames: int, step_frames: int) -> Array:
        window = torch.hann_window(window_frames)
        spectrum = torch.stft(mono, window_frames, step_frames, window=window, return_complex=True, pad_mode="constant")
        return np.asarray(spectrum.abs().pow(2).T.double().numpy())


def swing(level: Array, low_hz: float, high_hz: float) -> float:
    """How much a level, given each `STEP_S`, comes and goes at rates in that range, beside its mean."""
    spectrum = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(len(level)))) / len(level) * 2
    rate_hz = np.fft.rfftfreq(len(level), STEP_S)
    inside = (rate_hz >= low_hz) & (rate_hz < high_hz)
    return float(np.sqrt((spectrum[inside] ** 2).sum()) / max(level.mean(), TINY))
