"""What is measured on a waveform without asking a network."""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

ATTACK_SHARE: Final = 0.1  # of the peak; the attack is the first frame above it
PITCH_REACH_SEMITONES: Final = 2.0  # around the asked pitch: nearer than the third of a chord
FADED_DB: Final = 30.0  # under its loudest moment a sound counts as over
SMOOTHED_S: Final = 0.01  # of the level by which that is measured
ONSET_WINDOW_S: Final = 0.002  # what comes after an onset is held against as much before it
CHANGE_WINDOWS: Final = 3  # so many of them on either side decide where exactly the one gives way to the other
ONSET_FLOOR: Final = 1e-4  # of the loudest such window: nothing rises out of silence without limit


def attack_s(waveform: Tensor, *, sample_rate_hz: int) -> float:
    """When (frames,) is first louder than a tenth of its peak; infinity if it is silent."""
    loud = (waveform.abs() > ATTACK_SHARE * waveform.abs().max()).nonzero()
    return float(loud[0, 0]) / sample_rate_hz if len(loud) else math.inf


def energy_time_s(waveform: Tensor, *, sample_rate_hz: int, share: float = 0.9) -> float:
    """When that share of the energy has passed."""
    passed = waveform.double().pow(2).cumsum(0)
    return float(torch.searchsorted(passed, share * passed[-1])) / sample_rate_hz


def centroid_hz(waveform: Tensor, *, sample_rate_hz: int) -> float:
    """The centre of gravity of the amplitude spectrum."""
    magnitude = torch.fft.rfft(waveform.double()).abs()
    hz = torch.linspace(0, sample_rate_hz / 2, len(magnitude), dtype=torch.float64)
    return float((magnitude * hz).sum() / magnitude.sum().clamp(min=1e-12))


def sounding_s(waveform: Tensor, *, sample_rate_hz: int) -> float:
    """When the smoothed level of (frames,) was last within `FADED_DB` of its loudest; 0 if it is silent."""
    window = round(SMOOTHED_S * sample_rate_hz)
    power = functional.avg_pool1d(waveform.double().pow(2)[None, None], window, 1, padding=window // 2)[0, 0]
    loud = (power > float(power.max()) * 10 ** (-FADED_DB / 10)).nonzero()
    return min(float(loud[-1, 0] + 1), len(waveform)) / sample_rate_hz if len(loud) else 0.0


def onset_near(waveform: Tensor, expected_s: float, *, sample_rate_hz: int, reach_s: float) -> tuple[float, float]:
    """Where (frames,) rises most steeply within `reach_s` of a time: seconds after it, and the rise in dB.

    Two differences lift what begins abruptly over what rings on. The energy just after a frame is held against the
    energy just before it, at every frame. In noise that ratio is a matter of chance by a millisecond or two, so around
    the frame that was found the most likely one is taken at which one variance gives way to another: the change point
    of maximum likelihood (Hinkley, Biometrika 57, 1970), for normal noise.
    """
    reach, window = (round(seconds * sample_rate_hz) for seconds in (reach_s, ONSET_WINDOW_S))
    margin = reach + (1 + CHANGE_WINDOWS) * window
    bent = torch.diff(functional.pad(waveform.double(), (margin + 2, margin)), n=2)
    passed = functional.pad(bent.pow(2).cumsum(0), (1, 0))
    energy = passed[window:] - passed[:-window]  # of the window that begins at each frame
    floor = ONSET_FLOOR * float(energy.max().clamp(min=1e-30))

    asked = round(expected_s * sample_rate_hz) + margin
    after, before = (energy[first - reach : first + reach + 1] for first in (asked, asked - window))
    rise = (after + floor) / (before + floor)
    found = asked - reach + int(rise.argmax())

    start, end = found - CHANGE_WINDOWS * window, found + CHANGE_WINDOWS * window
    frame = torch.arange(found - window, found + window + 1)
    variance_before = (passed[frame] - passed[start] + floor) / (frame - start)
    variance_after = (passed[end] - passed[frame] + floor) / (end - frame)
    surprise = (frame - start) * variance_before.log() + (end - frame) * variance_after.log()
    change = int(frame[surprise.argmin()])
    return (change - asked) / sample_rate_hz, 10 * math.log10(float(rise.max()))


def octaves_apart(one: float, other: float) -> float:
    """How far two positive numbers are apart, as the logarithm of their ratio to base 2."""
    return abs(math.log2(max(one, 1e-6) / max(other, 1e-6)))


def cents_from(waveform: Tensor, asked_hz: float, *, sample_rate_hz: int) -> float:
    """How far the strongest partial near `asked_hz` is from it, in cents, sharp positive; from the spectrum alone."""
    fft_frames = 1 << (8 * len(waveform) - 1).bit_length()
    window = torch.hann_window(len(waveform), periodic=False, dtype=torch.float64)
    magnitude = torch.fft.rfft(waveform.double() * window, fft_frames).abs()
    reach = 2 ** (PITCH_REACH_SEMITONES / 12)
    bin_hz = sample_rate_hz / fft_frames
    low, high = round(asked_hz / reach / bin_hz), round(asked_hz * reach / bin_hz)
    peak = low + int(magnitude[low : high + 1].argmax())
    left, top, right = magnitude[peak - 1 : peak + 2].clamp(min=1e-12).log().tolist()
    flatness = left - 2 * top + right
    aside = 0.5 * (left - right) / flatness if flatness else 0.0
    return 1200 * math.log2((peak + aside) * bin_hz / asked_hz)


def harmonicity(waveform: Tensor, pitch_hz: float, *, sample_rate_hz: int) -> float:
    """How alike (1 is perfectly) the waveform is one period later."""
    period = sample_rate_hz / pitch_hz
    whole = int(period)
    kept = waveform.double()
    earlier = kept[: len(kept) - whole - 1]
    later = torch.lerp(kept[whole:-1], kept[whole + 1 :], period - whole)[: len(earlier)]
    return float((earlier * later).sum() / (earlier.norm() * later.norm()).clamp(min=1e-12))


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """Between Gaussians fitted to two sets of features (count, width); biased upwards when a set is small."""
    a, b = one.double(), other.double()
    spread_a, spread_b = a.T.cov(), b.T.cov()
    # The trace of the square root of a product is the sum of the roots of its eigenvalues, none of them negative.
    roots = torch.linalg.eigvals(spread_a @ spread_b).real.clamp(min=0).sqrt()
    between_means = (a.mean(0) - b.mean(0)).pow(2).sum()
    return float(between_means + spread_a.trace() + spread_b.trace() - 2 * roots.sum())
