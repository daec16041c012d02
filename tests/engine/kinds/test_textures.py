"""Textures sound like what they are called: facts known of the sounds, measured on the decoded ones."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.text.kinds import GROUPS
from engine.training.kinds import draw
from engine.training.kinds.textures import TEXTURES
from engine.training.wishes import Wish
from engine.vocoders.curve_decoder import decode

RATE_HZ = 44_100
KINDS = GROUPS["textures"]
each_seed = pytest.mark.parametrize("seed", range(3))


def channels_of(kind: str, *, length_s: float = 4.0, seed: int = 0, brightness: int = 0) -> torch.Tensor:
    """A sound of that kind as it is decoded."""
    wish = Wish(kind=kind, brightness=brightness)
    sound = draw(wish, length_s=length_s, rng=np.random.default_rng(seed))
    frames = round(length_s * RATE_HZ)
    return decode(sound.curves, sound.constants, seed=seed, frames=frames, sample_rate_hz=RATE_HZ)


def sound_of(kind: str, *, length_s: float = 4.0, seed: int = 0, brightness: int = 0) -> torch.Tensor:
    """A sound of that kind as one channel."""
    waveform = channels_of(kind, length_s=length_s, seed=seed, brightness=brightness)
    return waveform.mean(0) if waveform.ndim == 2 else waveform


def brightness_hz(waveform: torch.Tensor) -> float:
    """The centre of gravity of the energy."""
    power = torch.fft.rfft(waveform.double()).abs().pow(2)
    return float((power * torch.linspace(0, RATE_HZ / 2, len(power), dtype=torch.float64)).sum() / power.sum())


def share_between(waveform: torch.Tensor, low_hz: float, high_hz: float) -> float:
    """How much of the energy lies between two frequencies."""
    power = torch.fft.rfft(waveform.double()).abs().pow(2)
    low, high = (round(hz * len(waveform) / RATE_HZ) for hz in (low_hz, high_hz))
    return float(power[low:high].sum() / power.sum())


def spectrum_flatness(waveform: torch.Tensor, low_hz: float, high_hz: float) -> float:
    """Of the mean spectrum between two frequencies: near 1 is broad noise, 0 is a tone or a narrow band."""
    window = torch.hann_window(2048, dtype=torch.float64)
    power = torch.stft(waveform.double(), 2048, 1024, window=window, return_complex=True).abs().pow(2).mean(1)
    kept = power[round(low_hz * 2048 / RATE_HZ) : round(high_hz * 2048 / RATE_HZ)]
    return float(kept.log().mean().exp() / kept.mean())


def loudness(waveform: torch.Tensor, step_s: float) -> NDArray[np.float64]:
    """The RMS of one step after another."""
    step = round(step_s * RATE_HZ)
    steps = waveform.double()[: len(waveform) // step * step].view(-1, step)
    result: NDArray[np.float64] = steps.pow(2).mean(1).sqrt().numpy()
    return result


def unrest(waveform: torch.Tensor, step_s: float) -> float:
    """How much the loudness of such steps varies beside its mean."""
    levels = loudness(waveform, step_s)
    return float(levels.std() / levels.mean())


def clicks_per_s(waveform: torch.Tensor) -> float:
    """How often the loudness of 2 ms leaps over four times its median."""
    levels = loudness(waveform, 0.002)
    loud = levels > 4 * np.median(levels)
    return float((loud[1:] & ~loud[:-1]).sum()) / (len(levels) * 0.002)


def crest(waveform: torch.Tensor) -> float:
    """Peak beside RMS: about 4 is steady noise."""
    return float(waveform.abs().max() / waveform.pow(2).mean().sqrt())


def test_every_texture_is_there_in_order() -> None:
    assert tuple(TEXTURES) == KINDS
    assert all(curves.__doc__ for curves in TEXTURES.values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length_s", [0.05, 0.4, 12.0])
def test_a_texture_of_any_length_is_finite_and_has_no_offset(kind: str, length_s: float) -> None:
    waveform = sound_of(kind, length_s=length_s)

    assert waveform.isfinite().all()
    assert waveform.abs().max() > 0.3
    if length_s >= 0.4:
        assert waveform.mean().abs() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_brighter_texture_is_brighter(kind: str) -> None:
    dark, usual, bright = (
        np.mean([np.log2(brightness_hz(sound_of(kind, length_s=1, seed=seed, brightness=level))) for seed in range(4)])
        for level in (-1, 0, 1)
    )
    assert dark + 0.05 < usual < bright - 0.05


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("waves", "thunder")])
def test_a_texture_goes_on_to_its_end(kind: str) -> None:
    waveforms = torch.stack([sound_of(kind, length_s=6, seed=seed) for seed in range(12)])  # one wind may lull

    quarters = [float(part.pow(2).mean()) for part in waveforms.tensor_split(4, 1)]
    assert min(quarters) > 0.3 * max(quarters)


@pytest.mark.parametrize("kind", KINDS)
def test_a_texture_surrounds_the_listener(kind: str) -> None:
    left, right = channels_of(kind, length_s=2)

    assert float(torch.corrcoef(torch.stack([left, right]))[0, 1]) < 0.9
    assert 0.5 < float(left.norm() / right.norm()) < 2


@each_seed
def test_noise_is_broad_and_steady(seed: int) -> None:
    noise = sound_of("noise", seed=seed)

    assert spectrum_flatness(noise, 100, 3000) > 0.6
    assert unrest(noise, 0.05) < 0.12
    assert crest(noise) < 6
    assert clicks_per_s(noise) == 0


@each_seed
def test_vinyl_clicks_now_and_then_over_hiss_and_rumble(seed: int) -> None:
    vinyl = sound_of("vinyl", length_s=8, seed=seed)

    assert 3 < clicks_per_s(vinyl) < 18
    assert crest(vinyl) > 8
    assert share_between(vinyl, 30, 120) > 1.4 * share_between(vinyl, 200, 290)
    assert share_between(vinyl, 1000, 12_000) > 0.5


@each_seed
def test_rain_is_bright_and_made_of_countless_drops(seed: int) -> None:
    rain = sound_of("rain", seed=seed)

    assert brightness_hz(rain) > 3000
    assert share_between(rain, 20, 1000) < 0.1
    assert crest(rain) > 5, "drops stand out"
    assert unrest(rain, 0.002) > 0.4, "seen closely it is rough"
    assert unrest(rain, 0.25) < 0.25, "seen from afar it is steady"


@each_seed
def test_water_ripples_in_the_middle_of_the_spectrum(seed: int) -> None:
    water = sound_of("water", seed=seed)

    assert share_between(water, 300, 4000) > 0.8
    assert unrest(water, 0.02) > 0.15


def test_a_bubble_of_water_is_a_tone_while_it_lasts() -> None:
    water, voices = (
        np.mean([_standing_out_db(sound_of(kind, seed=seed)) for seed in range(10)]) for kind in ("water", "crowd")
    )
    assert water > voices + 0.8


def _standing_out_db(waveform: torch.Tensor) -> float:
    """By how much the strongest frequency stands over the mean, in the middle of the spectrum, usually."""
    spectra = torch.stft(waveform, 2048, 512, window=torch.hann_window(2048), return_complex=True)
    power = spectra.abs().pow(2)[10:200]
    return float((10 * torch.log10(power.amax(0) / power.mean(0))).median())


@each_seed
def test_waves_swell_slowly_and_open_up(seed: int) -> None:
    waves = sound_of("waves", length_s=6, seed=seed)
    levels = loudness(waves, 0.25)

    assert 20 * np.log10(levels.max() / levels.min()) > 10
    top = int(levels.argmax())
    assert 2 < top < len(levels) - 3
    quarter = RATE_HZ // 4
    breaking = waves[top * quarter : (top + 1) * quarter]
    assert brightness_hz(breaking) > 2 * brightness_hz(waves[:quarter])
    assert spectrum_flatness(breaking, 200, 3000) > 0.4


@each_seed
def test_a_long_clip_holds_more_than_one_wave(seed: int) -> None:
    levels = loudness(sound_of("waves", length_s=12, seed=seed), 0.25)
    calm = np.convolve(levels, np.ones(5) / 5, "same")

    inner = calm[1:-1]
    tops = np.flatnonzero((inner > calm[:-2]) & (inner >= calm[2:]) & (inner > 0.5 * calm.max()))
    assert np.ptp(tops) * 0.25 > 3.5


@each_seed
def test_wind_is_narrow_and_comes_and_goes(seed: int) -> None:
    wind = sound_of("wind", length_s=8, seed=seed)

    assert share_between(wind, 180, 1200) > 0.9
    assert unrest(wind, 0.1) > 0.3


@each_seed
def test_fire_crackles_over_a_low_roar(seed: int) -> None:
    fire = sound_of("fire", length_s=6, seed=seed)

    assert 6 < clicks_per_s(fire) < 60
    assert crest(fire) > 6
    assert share_between(fire, 20, 600) > 0.25, "the roar"
    assert share_between(fire, 1000, 8000) > 0.1, "the crackling"


@each_seed
def test_a_crowd_has_the_formants_of_voices_and_babbles(seed: int) -> None:
    crowd = sound_of("crowd", seed=seed)

    first, between, second, above = (
        share_between(crowd, hz / 1.12, hz * 1.12) / hz for hz in (500, 900, 1500, 6000)
    )  # per Hz
    assert first > 2 * between
    assert second > 2 * between
    assert min(first, second) > 20 * above
    levels = loudness(crowd, 0.03)
    spectrum = np.abs(np.fft.rfft(levels - levels.mean())) ** 2
    rate_hz = np.fft.rfftfreq(len(levels), 0.03)
    assert unrest(crowd, 0.03) > 0.15
    assert spectrum[(rate_hz > 0.5) & (rate_hz < 9)].sum() > spectrum[rate_hz >= 9].sum()


@each_seed
def test_thunder_cracks_then_rumbles_away(seed: int) -> None:
    thunder = sound_of("thunder", seed=seed)
    crack, rumble = thunder[: RATE_HZ // 8], thunder[RATE_HZ:]

    assert brightness_hz(crack) > 2 * brightness_hz(rumble)
    assert share_between(rumble, 20, 400) > 0.85
    assert unrest(rumble[:RATE_HZ], 0.05) > 0.15, "it rolls"
    first, *_, last = (float(part.pow(2).mean()) for part in thunder.tensor_split(4))
    assert last < 0.25 * first
