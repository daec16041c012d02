"""A second listener of another design: measured properties of a sound, and a forest of decision trees.

It shares nothing with the first one but the sounds it learned from: no spectrogram as a picture, no network, no
gradient. Where both agree, a number is not the whim of one of them. It names kinds only.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from torch import Tensor

from engine.text.kinds import KINDS
from engine.training.measuring.analysis import STEP_S, TINY, Analysis, Array
from engine.training.measuring.judge import JUDGE_RATE_HZ, fresh_sound, render
from engine.training.progress import Report

BORDERS_S: Final = (0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 4.0)  # parts of time in which bands are compared
BAND_EDGES_HZ: Final = (
    30,
    60,
    90,
    130,
    180,
    260,
    370,
    520,
    740,
    1050,
    1480,
    2090,
    2960,
    4180,
    5900,
    8350,
    11_800,
    18_000,
)
COARSE_HZ: Final = (0, 200, 800, 3_000, 20_000)
RATES_HZ: Final = (0.6, 2, 4, 8, 16, 45)  # of modulation
FLOOR_DB: Final = -60.0
TREES: Final = 400
SPREAD_DB: Final = 1.0  # of the level wobble that a made sound may have and a true one has not


class SecondJudge:
    """Names the kind of a sound from `properties` of it."""

    def __init__(self, properties: NDArray[np.float32], kinds: NDArray[np.int64], *, seed: int = 0) -> None:
        """Fit the trees to rows of `properties` with the place in `KINDS` of each; the same rows give the same judge.

        The rows are what is kept in a file, not the trees: numbers cannot carry code, a pickle can.
        """
        self.rows = properties
        self.kinds = kinds
        self._trees = ExtraTreesClassifier(TREES, max_features=0.2, min_samples_leaf=1, random_state=seed, n_jobs=1)
        self._trees.fit(properties, kinds)

    @classmethod
    def taught(cls, rng: np.random.Generator, *, clips: int, report: Report) -> Self:
        """One that has heard `clips` degraded true sounds, every kind equally often."""
        rows = []
        for place in range(clips):
            if place % 1_000 == 0:
                report.say(f"second judge: {place} of {clips} clips heard")
            _, sound = fresh_sound(rng, kind=KINDS[place % len(KINDS)])
            rows.append(properties(degraded(render(sound, seed=int(rng.integers(2**31))), rng)))
        return cls(np.stack(rows), np.arange(clips) % len(KINDS))

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> Self:
        """The judge that `tensors` gave."""
        return cls(tensors["properties"].numpy(), tensors["kinds"].numpy())

    def tensors(self) -> dict[str, Tensor]:
        """All that makes this judge again, for a safetensors file."""
        return {"properties": torch.from_numpy(self.rows), "kinds": torch.from_numpy(self.kinds)}

    def listen(self, waveforms: Sequence[Tensor]) -> NDArray[np.float64]:
        """(count, len(KINDS)) probabilities for waveforms (frames,) or (channels, frames) at `JUDGE_RATE_HZ`."""
        return self.verdict(np.stack([properties(waveform) for waveform in waveforms]))

    def verdict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """(count, len(KINDS)) probabilities for rows of `properties`; many at once cost hardly more than one."""
        known = np.zeros((len(rows), len(KINDS)))
        known[:, self._trees.classes_] = self._trees.predict_proba(rows)
        return known


def properties(waveform: Tensor) -> NDArray[np.float32]:
    """What is measured on a sound, as one row of numbers. It does not depend on the sound's level."""
    return properties_of(Analysis(waveform, sample_rate_hz=JUDGE_RATE_HZ))


def properties_of(sound: Analysis) -> NDArray[np.float32]:
    """The same for a sound whose analysis has begun."""
    row = np.concatenate(
        [_bands(sound), _course(sound), _envelope(sound), _pitch(sound), _partials(sound), _movement(sound)]
    )
    return np.asarray(np.nan_to_num(row, posinf=99, neginf=-99), dtype=np.float32)


def degraded(waveform: Tensor, rng: np.random.Generator) -> Tensor:
    """A sound as after a poor recording: hiss 40 to 90 dB down, an odd equaliser, a wobbling level, perhaps mono."""
    frames = waveform.shape[-1]
    padded = 1 << (frames - 1).bit_length()
    octaves = torch.arange(padded // 2 + 1).clamp(min=1).log2() - np.log2(padded / 2) + 10  # 10 at the top
    tilt, depth, waves, phase = rng.uniform(-5, 5), rng.normal() * 2, rng.uniform(0.3, 1.5), rng.uniform(0, 6.3)
    gain_db = (tilt * (octaves / 5 - 1)).clamp(-10, 10) + depth * torch.sin(waves * octaves + phase)
    heard: Tensor = torch.fft.irfft(torch.fft.rfft(waveform, padded) * torch.pow(10.0, gain_db / 20), padded)[
        ..., :frames
    ]
    points = torch.from_numpy(rng.normal(size=max(2, int(frames / JUDGE_RATE_HZ / 0.04)))).float() * SPREAD_DB
    wobble_db = torch.nn.functional.interpolate(points[None, None], size=frames, mode="linear")[0, 0]
    heard = heard * torch.pow(10.0, wobble_db / 20)
    hiss_db = rng.uniform(-90, -40)
    hiss = torch.from_numpy(rng.normal(size=tuple(waveform.shape))).float() * 10 ** (hiss_db / 20)
    heard = heard + hiss * heard.abs().max()
    if heard.dim() == 2 and rng.random() < 0.25:
        heard = heard.mean(0, keepdim=True).expand_as(heard)
    return heard


def _in_db(power: Array) -> Array:
    return np.asarray(np.maximum(10 * np.log10(power / max(power.max(), TINY) + 1e-12), FLOOR_DB))


def _bands(sound: Analysis) -> Array:
    """Levels of bands in parts of time, under the loudest; and each part's own colour."""
    edges = np.searchsorted(sound.bin_hz, BAND_EDGES_HZ)
    bands = np.stack([sound.power[:, low:high].sum(1) for low, high in pairwise(edges)], 1)
    columns = [min(round(border / STEP_S), len(bands)) for border in BORDERS_S]
    parts = np.stack(
        [bands[start:end].mean(0) if end > start else np.zeros(bands.shape[1]) for start, end in pairwise(columns)]
    )
    whole = _in_db(bands.sum(0))
    thirds = [_in_db(part.sum(0) + TINY) for part in np.array_split(bands, 3)]
    third_levels = _in_db(np.array([part.sum() for part in np.array_split(bands, 6)]))
    return np.concatenate([_in_db(parts).ravel(), whole, *thirds, third_levels])


def _course(sound: Analysis) -> Array:
    """Where the spectrum's middle is and how it moves."""
    middle, weight = sound.centroid_octaves, sound.column_energy
    mean = float((weight * middle).sum())
    spread = float(np.sqrt((weight * (middle - mean) ** 2).sum()))
    thirds = [
        float((w * m).sum() / max(w.sum(), TINY))
        for m, w in zip(np.array_split(middle, 3), np.array_split(weight, 3), strict=True)
    ]
    passed = sound.spectrum.cumsum()
    rolled = [
        np.log2(sound.bin_hz[min(int(np.searchsorted(passed, s)), len(passed) - 1)] + 20)
        for s in (0.05, 0.5, 0.85, 0.95)
    ]
    first = sound.centroid_between(0, 0.03)
    return np.array([mean, spread, first, first - mean, thirds[1] - thirds[0], thirds[2] - thirds[1], *thirds, *rolled])


def _envelope(sound: Analysis) -> Array:
    """Attack, decays, and how evenly the energy lies in time."""
    level = sound.level
    rise = np.flatnonzero(level > 0.1)[0], np.flatnonzero(level > 0.7)[0]
    passed = (level**2).cumsum() / max((level**2).sum(), TINY)
    times = [np.searchsorted(passed, share) * 0.002 for share in (0.1, 0.5, 0.9)]
    gone = [np.log2(sound.gone_s(db) + 0.002) for db in (3, 10, 20, 30, 40)]
    last = 20 * np.log10(level[-max(1, len(level) // 20) :].mean() + 1e-3)
    return np.array(
        [
            *(place * 0.002 for place in rise),
            np.log2((rise[1] - rise[0]) * 0.002 + 0.001),
            sound.peak_s,
            sound.peak_s / sound.length_s,
            *(np.log2(t + 0.002) for t in times),
            *(t / sound.length_s for t in times),
            *gone,
            sound.gone_s(30) / sound.length_s,
            last,
            sound.length_s,
            sound.crest_db,
            float((level > 0.1).mean()),
        ]
    )


def _pitch(sound: Analysis) -> Array:
    """How periodic it is, where its pitch lies and how it moves."""
    pitches = np.log2(sound.pitches_hz)
    if len(pitches) == 0:
        return np.array([sound.harmonic, sound.peaked, sound.flatness_db, 0, 0, 0, 0, 0])
    half = len(pitches) // 2
    moved = float(np.median(pitches[half:]) - np.median(pitches[: half or 1]))
    quartiles = np.quantile(pitches, [0.1, 0.5, 0.9])
    return np.array([sound.harmonic, sound.peaked, sound.flatness_db, *quartiles, moved, quartiles[2] - quartiles[0]])


def _partials(sound: Analysis) -> Array:
    """The strongest peaks, and the levels of the first partials of the pitch."""
    hz, level_db = sound.partials
    places = np.full(8, -1.0)
    levels = np.full(8, -90.0)
    order = np.argsort(hz)
    places[: len(hz)] = np.log2(hz[order] / max(hz.min(initial=1e9), 1))
    levels[: len(hz)] = level_db[order]
    strongest = np.log2(hz[0]) if len(hz) else 0.0
    pitch_hz = float(np.median(sound.pitches_hz)) if len(sound.pitches_hz) else 100.0
    total = sound.long_power.sum(0)
    bin_hz = sound.sample_rate_hz / (2 * (len(total) - 1))
    near = [total[max(0, round(k * pitch_hz / bin_hz) - 1) : round(k * pitch_hz / bin_hz) + 2] for k in range(1, 11)]
    harmonics = _in_db(np.array([part.max(initial=0.0) for part in near]) + TINY)
    between = total[max(0, round(1.5 * pitch_hz / bin_hz) - 1) : round(1.5 * pitch_hz / bin_hz) + 2].max(initial=0.0)
    under = 10 * np.log10((between + 1e-12) / (max(part.max(initial=0.0) for part in near) + 1e-12))
    return np.concatenate([places, levels, [strongest], harmonics, [under]])


def _movement(sound: Analysis) -> Array:
    """Modulation by rate, in all and in bands; clicks; how wide it is."""
    rates = list(pairwise(RATES_HZ))
    whole = [sound.modulation(low, high) for low, high in rates]
    coarse = [
        sound.modulation(low, high, from_hz=from_hz, to_hz=to_hz)
        for from_hz, to_hz in pairwise(COARSE_HZ[1:])
        for low, high in rates
    ]
    fine = np.diff(20 * np.log10(sound.level + 1e-3))
    return np.array([*whole, *coarse, sound.jumps_per_s, float(np.abs(fine).mean()), float(fine.std()), sound.width])
