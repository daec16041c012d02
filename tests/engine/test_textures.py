"""Grains, bubbles and flutter: as many, as deep and as loud as asked, the same performance at any rate and length."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from engine.vocoders.curve_decoder import decode
from engine.vocoders.curves import CHANNELS, FLOOR_DB, HOPS_PER_S, NOISE_GAINS, NOISE_LEVELS, Constants
from engine.vocoders.textures import STEPS_PER_S, noise_gains

STEADY = Constants(pitch_hz=220)


def noise_curves(length_s: float) -> Tensor:
    """White noise at 0 dB."""
    curves = torch.full((round(length_s * HOPS_PER_S), CHANNELS), FLOOR_DB)
    curves[:, NOISE_LEVELS] = 0
    curves[:, NOISE_GAINS] = 0
    return curves


def envelope(waveform: Tensor, *, sample_rate_hz: int) -> Tensor:
    """(channels, hops): the level of every 10 ms."""
    return waveform.unfold(1, sample_rate_hz // 100, sample_rate_hz // 100).square().mean(2).add(1e-9).log10()


@pytest.mark.parametrize("width", [0.0, 1.0])
@pytest.mark.parametrize(("grain", "grain_hz"), [(0.3, 60), (0.8, 240), (1.0, 100), (0.5, 800)])
def test_grains_keep_the_power_of_the_noise(grain: float, grain_hz: float, width: float) -> None:
    constants = dataclasses.replace(STEADY, grain=grain, grain_hz=grain_hz, width=width)

    assert float(noise_gains(noise_curves(40), constants, seed=1).square().mean()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("grain_hz", [4, 12, 50, 300])
def test_there_are_as_many_grains_as_asked(grain_hz: float) -> None:
    constants = dataclasses.replace(STEADY, grain=0.9, grain_hz=grain_hz)
    gains = noise_gains(noise_curves(60), constants, seed=2)

    grains = int((gains > 0.1 + 1e-3).sum())
    assert grains == pytest.approx(60 * grain_hz, abs=4 * math.sqrt(60 * grain_hz))


def test_sparse_grains_are_clicks_that_stand_far_out_of_their_noise() -> None:
    constants = dataclasses.replace(STEADY, grain=0.9, grain_hz=10)
    waveform = decode(noise_curves(10), constants, seed=3, frames=480_000, sample_rate_hz=48_000)
    level_db = 10 * envelope(waveform, sample_rate_hz=48_000)[0]

    clicks = level_db > level_db.median() + 10
    assert 50 < int(clicks.sum()) < 200
    assert float(level_db.max() - level_db.median()) < 40


@pytest.mark.parametrize(("flutter", "flutter_hz"), [(0.5, 1.0), (1.0, 4.0), (0.3, 20.0)])
def test_flutter_comes_and_goes_about_a_level_that_stays(flutter: float, flutter_hz: float) -> None:
    constants = dataclasses.replace(STEADY, flutter=flutter, flutter_hz=flutter_hz)
    gains = noise_gains(noise_curves(600), constants, seed=4)[0]
    level_db = 20 * gains.log10()

    assert float(gains.square().mean()) == pytest.approx(1, rel=0.25)
    assert float(level_db.std()) == pytest.approx(7.8 * flutter, rel=0.15)
    assert (level_db[1:] - level_db[:-1]).abs().max() < 60 * flutter * flutter_hz / STEPS_PER_S * 5  # no step
    crossings = int(((level_db[1:] > level_db.median()) != (level_db[:-1] > level_db.median())).sum())
    assert crossings / 600 == pytest.approx(flutter_hz, rel=0.25)


def bubbles_alone(constants: Constants, *, length_s: float = 20, bands_hz: int = 12) -> Tensor:
    """The waveform with bubbles less the one without, in the noise of one narrow band."""
    curves = noise_curves(length_s)
    curves[:, NOISE_LEVELS] = -60
    curves[:, NOISE_LEVELS.start + bands_hz] = 0
    frames = round(length_s * 48_000)
    with_bubbles = decode(curves, constants, seed=5, frames=frames, sample_rate_hz=48_000)
    # The noise beside them, on the scale that the bubbles' peak has set.
    noise = decode(curves, dataclasses.replace(constants, bubbles=0), seed=5, frames=frames, sample_rate_hz=48_000)
    scale = (with_bubbles * noise).sum() / noise.square().sum()
    return with_bubbles - scale * noise


def test_bubbles_are_as_many_as_asked_and_pitched_about_the_bands_of_the_noise() -> None:
    constants = dataclasses.replace(STEADY, bubbles=1, bubbles_hz=4)
    alone = bubbles_alone(constants)
    level_db = 10 * envelope(alone, sample_rate_hz=48_000)[0]

    loud = level_db > level_db.max() - 25
    onsets = int((loud[1:] & ~loud[:-1]).sum())
    assert 40 < onsets <= 100  # 80, of which some begin before another has died away
    spectrum = torch.fft.rfft(alone[0]).abs().square()
    hz = torch.fft.rfftfreq(alone.shape[1], 1 / 48_000)
    centre_hz = 60 * (17_000 / 60) ** (12 / 23)
    within = (hz > centre_hz / 2.1) & (hz < centre_hz * 2.1 * 1.3)
    assert spectrum[within].sum() > 0.95 * spectrum.sum()


def test_a_bubble_rises_in_pitch_while_it_dies() -> None:
    alone = bubbles_alone(dataclasses.replace(STEADY, bubbles=1, bubbles_hz=0.7), bands_hz=16)[0]
    start = int((alone.abs() > 0.5 * alone.abs().max()).nonzero()[0])
    bubble = alone[start : start + 480]
    crossings = ((bubble[1:] > 0) & (bubble[:-1] <= 0)).nonzero()[:, 0]
    periods = crossings[1:] - crossings[:-1]

    assert periods[:3].float().mean() >= periods[-3:].float().mean()
    assert bubble[-100:].abs().max() < bubble[:100].abs().max()


@pytest.mark.parametrize(
    "constants",
    [
        dataclasses.replace(STEADY, grain=0.9, grain_hz=12, width=0.7),
        dataclasses.replace(STEADY, bubbles=1, width=0.5),
        dataclasses.replace(STEADY, flutter=1, flutter_hz=3),
    ],
)
def test_it_is_the_same_performance_at_any_sample_rate_and_a_longer_one_begins_like_a_shorter(
    constants: Constants,
) -> None:
    curves = noise_curves(3)
    at_48, at_44, short = (
        decode(curves, constants, seed=6, frames=round(length_s * rate_hz), sample_rate_hz=rate_hz)
        for rate_hz, length_s in ((48_000, 3), (44_100, 3), (48_000, 2))
    )

    levels = torch.stack([envelope(at_48, sample_rate_hz=48_000)[0], envelope(at_44, sample_rate_hz=44_100)[0]])
    assert float(torch.corrcoef(levels[:, :-2])[0, 1]) > 0.999
    begins = at_48[:, :90_000]
    scale = (begins * short[:, :90_000]).sum() / short[:, :90_000].square().sum()  # each has its own peak
    torch.testing.assert_close(begins, scale * short[:, :90_000], atol=1e-3, rtol=0)


def test_another_seed_is_another_performance() -> None:
    constants = dataclasses.replace(STEADY, grain=0.9, grain_hz=12, flutter=0.5)

    first, again, other = (noise_gains(noise_curves(2), constants, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
