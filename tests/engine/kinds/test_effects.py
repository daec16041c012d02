"""Effects sound like what they are called: facts known of the sounds, measured on the decoded ones."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.text.kinds import GROUPS
from engine.training.kinds import draw
from engine.training.kinds.effects import EFFECTS
from engine.training.measuring.measures import attack_s, energy_time_s
from engine.training.wishes import APPLIES, Wish
from engine.vocoders.curve_decoder import decode

RATE_HZ = 44_100
KINDS = GROUPS["effects"]
each_clip = pytest.mark.parametrize(("length_s", "seed"), [(0.5, 1), (1.5, 2), (4.0, 3)])


def sound_of(kind: str, *, length_s: float = 1.5, seed: int = 0, **levels: int) -> torch.Tensor:
    """A sound of that kind as one channel."""
    sound = draw(Wish(kind=kind, **levels), length_s=length_s, rng=np.random.default_rng(seed))
    frames = round(length_s * RATE_HZ)
    waveform = decode(sound.curves, sound.constants, seed=seed, frames=frames, sample_rate_hz=RATE_HZ)
    return waveform.mean(0) if waveform.ndim == 2 else waveform


def fifths(waveform: torch.Tensor, measure: Callable[[torch.Tensor], float]) -> list[float]:
    """What is measured on each fifth of a sound."""
    return [measure(part) for part in waveform.tensor_split(5)]


def level_db(waveform: torch.Tensor) -> float:
    return 10 * float(torch.log10(waveform.double().pow(2).mean() + 1e-12))


def brightness_hz(waveform: torch.Tensor) -> float:
    """The centre of gravity of the energy."""
    power = torch.fft.rfft(waveform.double()).abs().pow(2)
    return float((power * torch.linspace(0, RATE_HZ / 2, len(power), dtype=torch.float64)).sum() / power.sum())


def peak_hz(waveform: torch.Tensor) -> float:
    """The strongest frequency."""
    window = torch.hann_window(len(waveform), dtype=torch.float64)
    magnitude = torch.fft.rfft(waveform.double() * window, 1 << 17).abs()
    return float(magnitude.argmax()) * RATE_HZ / (1 << 17)


def flatness(waveform: torch.Tensor, *, low_hz: float, high_hz: float) -> float:
    """Of the spectrum between two frequencies, in the middle tenth of a second: about 0.56 is noise, 0 is a tone."""
    start = (len(waveform) - RATE_HZ // 10) // 2
    part = waveform[start : start + RATE_HZ // 10].double()
    power = torch.fft.rfft(part * torch.hann_window(len(part), dtype=torch.float64)).abs().pow(2)
    kept = power[round(low_hz / 10) : round(high_hz / 10)] + 1e-12
    return float(kept.log().mean().exp() / kept.mean())


def loudness(waveform: torch.Tensor, *, step_s: float = 0.005) -> NDArray[np.float64]:
    """The peak of every 5 ms."""
    step = round(step_s * RATE_HZ)
    return np.array([float(part.abs().max()) for part in waveform.split(step)])


def share_below(waveform: torch.Tensor, hz: float) -> float:
    """How much of the energy lies below a frequency."""
    power = torch.fft.rfft(waveform.double()).abs().pow(2)
    return float(power[: round(hz * len(waveform) / RATE_HZ)].sum() / power.sum())


def test_every_effect_is_there_in_order() -> None:
    assert tuple(EFFECTS) == KINDS
    assert all(curves.__doc__ for curves in EFFECTS.values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length_s", [0.05, 0.4, 12.0])
def test_an_effect_of_any_length_is_finite_and_has_no_offset(kind: str, length_s: float) -> None:
    waveform = sound_of(kind, length_s=length_s)

    assert waveform.isfinite().all()
    assert waveform.abs().max() > 0.3
    if length_s >= 0.4:
        assert waveform.mean().abs() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_brighter_effect_is_brighter(kind: str) -> None:
    dark, usual, bright = (
        np.mean([np.log2(brightness_hz(sound_of(kind, seed=seed, brightness=level))) for seed in range(4)])
        for level in (-1, 0, 1)
    )
    assert dark + 0.05 < usual < bright - 0.05


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in APPLIES["length"]])
def test_a_longer_effect_lasts_longer(kind: str) -> None:
    short, usual, long = (
        np.mean([energy_time_s(sound_of(kind, length_s=4, seed=seed, length=level), sample_rate_hz=RATE_HZ)
                 for seed in range(3)])
        for level in (-1, 0, 1)
    )  # fmt: skip
    assert short * 1.2 < usual < long / 1.2


@each_clip
def test_a_riser_gets_higher_and_louder_to_the_end(length_s: float, seed: int) -> None:
    riser = sound_of("riser", length_s=length_s, seed=seed)

    assert fifths(riser, level_db) == sorted(fifths(riser, level_db))
    assert fifths(riser, brightness_hz) == sorted(fifths(riser, brightness_hz))
    assert fifths(riser, level_db)[4] > fifths(riser, level_db)[1] + 8


@each_clip
def test_a_downlifter_gets_lower_and_softer(length_s: float, seed: int) -> None:
    falling = sound_of("downlifter", length_s=length_s, seed=seed)

    assert fifths(falling, level_db) == sorted(fifths(falling, level_db), reverse=True)
    assert fifths(falling, brightness_hz) == sorted(fifths(falling, brightness_hz), reverse=True)


@each_clip
def test_a_sweep_flies_past_in_the_middle_and_is_noise(length_s: float, seed: int) -> None:
    sweep = sound_of("sweep", length_s=length_s, seed=seed)
    levels, heights = fifths(sweep, level_db), fifths(sweep, brightness_hz)

    assert int(np.argmax(levels)) == int(np.argmax(heights)) == 2
    assert max(levels[0], levels[4]) < levels[2] - 15
    assert heights[2] > 2 * max(heights[0], heights[4])
    top_hz = peak_hz(sweep)
    assert flatness(sweep, low_hz=top_hz / 1.15, high_hz=top_hz * 1.15) > 0.25


@pytest.mark.parametrize("seed", range(3))
def test_a_riser_carries_a_tone_where_a_sweep_is_all_noise(seed: int) -> None:
    """The tone stands out of the noise, as the strongest of its neighbourhood, by more than noise ever does."""
    riser = sound_of("riser", length_s=4, seed=seed)
    part = riser[-RATE_HZ // 2 :].double()
    power = torch.stft(part, 4096, 1024, window=torch.hann_window(4096).double(), return_complex=True).abs().pow(2)
    low_bins = power[20:400, 2:-2]

    prominence_db = 10 * torch.log10(low_bins.amax(0) / low_bins.median(0).values)
    assert prominence_db.median() > 18


@pytest.mark.parametrize("seed", range(3))
def test_an_impact_is_a_boom_that_darkens(seed: int) -> None:
    impact = sound_of("impact", length_s=2, seed=seed)

    assert attack_s(impact, sample_rate_hz=RATE_HZ) < 0.005
    assert share_below(impact, 150) > 0.5
    assert brightness_hz(impact[: RATE_HZ // 10]) > 2 * brightness_hz(impact[RATE_HZ // 2 : RATE_HZ])
    assert level_db(impact[-RATE_HZ // 2 :]) < level_db(impact[: RATE_HZ // 2]) - 15


@pytest.mark.parametrize("seed", range(3))
def test_a_sub_drop_glides_from_a_low_tone_to_the_bottom_of_hearing(seed: int) -> None:
    drop = sound_of("sub drop", length_s=2, seed=seed)
    tenth = RATE_HZ // 10

    assert 90 < peak_hz(drop[:tenth]) < 190
    assert 25 < peak_hz(drop[10 * tenth : 12 * tenth]) < 55
    assert share_below(drop, 250) > 0.97
    assert flatness(drop, low_hz=30, high_hz=2000) < 0.01
    assert 0.5 < energy_time_s(drop, sample_rate_hz=RATE_HZ) < 1.4


@pytest.mark.parametrize("seed", range(3))
def test_a_zap_falls_fast_and_far(seed: int) -> None:
    zap = sound_of("zap", length_s=0.6, seed=seed)

    assert attack_s(zap, sample_rate_hz=RATE_HZ) < 0.005
    assert peak_hz(zap[:700]) > 1500
    assert peak_hz(zap[RATE_HZ // 5 : RATE_HZ // 2]) < 400


@pytest.mark.parametrize("seed", range(5))
def test_a_glitch_stutters_irregularly(seed: int) -> None:
    glitch = sound_of("glitch", length_s=1, seed=seed)
    assert attack_s(glitch, sample_rate_hz=RATE_HZ) < 0.005

    loud = loudness(glitch) > 0.1
    edges = np.flatnonzero(np.diff(loud.astype(int)))
    assert len(edges) >= 5, "at least three pieces with holes between them"
    assert np.ptp(np.diff(edges)) >= 2, "pieces and holes are not all alike"
    assert (loudness(glitch)[: edges[-1]] < 1e-3).mean() > 0.08, "the holes are silent"


@pytest.mark.parametrize("length_s", [1.5, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_siren_is_a_tone_that_wails(length_s: float, seed: int) -> None:
    siren = sound_of("siren", length_s=length_s, seed=seed)
    pitches = [peak_hz(part) for part in siren.split(RATE_HZ // 20) if len(part) == RATE_HZ // 20]

    # Its strongest partial may change, but never is it far from 250 to 1200 Hz, and it moves by several semitones.
    assert 250 < np.median(pitches) < 1200
    assert np.percentile(pitches, 90) / np.percentile(pitches, 10) > 2 ** (3 / 12)
    assert flatness(siren, low_hz=100, high_hz=8000) < 0.05
    assert np.ptp(fifths(siren, level_db)) < 8


@each_clip
def test_a_reverse_cymbal_grows_and_is_cut_at_its_end(length_s: float, seed: int) -> None:
    sound = draw(Wish(kind="reverse cymbal"), length_s=length_s, rng=np.random.default_rng(seed))
    frames = round((length_s + 0.3) * RATE_HZ)
    decoded = decode(sound.curves, sound.constants, seed=seed, frames=frames, sample_rate_hz=RATE_HZ)
    cymbal = decoded.mean(0) if decoded.ndim == 2 else decoded
    end = round(length_s * RATE_HZ)

    levels = fifths(cymbal[:end], level_db)
    assert levels == sorted(levels)
    assert levels[4] > levels[2] + 10
    assert int(cymbal.abs().argmax()) > 0.8 * end
    assert cymbal[end + RATE_HZ // 100 :].abs().max() < 1e-3, "nothing is left 10 ms after the cut"
    assert brightness_hz(cymbal[end // 2 : end]) > 5000
