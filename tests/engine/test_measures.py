"""Measures agree with sounds whose truth is known."""

import math

import pytest
import torch

from engine.training.measuring.measures import (
    attack_s,
    centroid_hz,
    cents_from,
    energy_time_s,
    frechet_distance,
    harmonicity,
    octaves_apart,
    onset_near,
    sounding_s,
)

RATE_HZ = 48_000
SECONDS = torch.arange(RATE_HZ, dtype=torch.float64) / RATE_HZ


@pytest.mark.parametrize("cents", [-80, -3, 0, 0.5, 40])
def test_cents_are_read_off_a_decaying_tone(cents: float) -> None:
    hz = 110 * 2 ** (cents / 1200)
    waveform = torch.sin(2 * math.pi * hz * SECONDS) * torch.exp(-SECONDS / 0.4)

    assert cents_from(waveform, 110, sample_rate_hz=RATE_HZ) == pytest.approx(cents, abs=0.3)


def test_attack_is_the_first_loud_frame() -> None:
    waveform = torch.zeros(RATE_HZ)
    waveform[480:] = 1
    waveform[100] = 0.05

    assert attack_s(waveform, sample_rate_hz=RATE_HZ) == 0.01
    assert attack_s(torch.zeros(10), sample_rate_hz=RATE_HZ) == math.inf


def test_energy_time_and_centroid_of_a_steady_tone() -> None:
    tone = torch.sin(2 * math.pi * 1000 * SECONDS)

    assert energy_time_s(tone, sample_rate_hz=RATE_HZ) == pytest.approx(0.9, abs=1e-3)
    assert centroid_hz(tone, sample_rate_hz=RATE_HZ) == pytest.approx(1000, rel=1e-3)
    assert octaves_apart(1000, 250) == 2


def test_harmonicity_is_1_for_a_period_and_small_for_noise() -> None:
    tone = torch.sin(2 * math.pi * 110 * SECONDS) + torch.sin(2 * math.pi * 330 * SECONDS)
    noise = torch.randn(RATE_HZ, generator=torch.Generator().manual_seed(0))

    assert harmonicity(tone, 110, sample_rate_hz=RATE_HZ) > 0.999
    assert abs(harmonicity(noise, 110, sample_rate_hz=RATE_HZ)) < 0.05


def test_the_distance_of_shifted_gaussians_is_the_shift_squared() -> None:
    one = torch.randn(4000, 6, generator=torch.Generator().manual_seed(1))

    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(one, one + 2) == pytest.approx(6 * 2**2, rel=1e-6)
    assert frechet_distance(one, 3 * one) == pytest.approx(6 * 2**2, rel=0.05)


@pytest.mark.parametrize("start_frame", [4_800, 4_811, 5_100])
def test_an_onset_is_found_where_a_hit_begins_though_another_rings(start_frame: int) -> None:
    hit = torch.sin(2 * math.pi * 700 * SECONDS[:RATE_HZ]) * torch.exp(-SECONDS / 0.1)
    noise = 0.3 * torch.randn(RATE_HZ, generator=torch.Generator().manual_seed(0)) * torch.exp(-SECONDS / 0.01)
    waveform = hit.clone()
    waveform[start_frame:] += (hit + noise)[: RATE_HZ - start_frame]

    late_s, rise_db = onset_near(waveform, 0.1, sample_rate_hz=RATE_HZ, reach_s=0.02)
    assert late_s * RATE_HZ == pytest.approx(start_frame - 4_800, abs=10)
    assert rise_db > 10


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("late_frames", [0, 72])
def test_a_soft_noise_over_a_ringing_one_is_found_within_half_a_millisecond(seed: int, late_frames: int) -> None:
    ringing, hit = torch.randn(2, RATE_HZ, generator=torch.Generator().manual_seed(seed))
    waveform = 0.25 * ringing  # 12 dB under the hit
    waveform[24_000 + late_frames :] += hit[: 24_000 - late_frames] * torch.exp(-SECONDS[: 24_000 - late_frames] / 0.02)

    late_s, rise_db = onset_near(waveform, 0.5, sample_rate_hz=RATE_HZ, reach_s=0.02)
    assert late_s == pytest.approx(late_frames / RATE_HZ, abs=5e-4)
    assert 8 < rise_db < 20


def test_nothing_begins_within_a_steady_tone() -> None:
    tone = torch.sin(2 * math.pi * 700 * SECONDS)

    _, rise_db = onset_near(tone, 0.5, sample_rate_hz=RATE_HZ, reach_s=0.05)
    assert rise_db < 3


def test_a_clip_can_begin_at_once() -> None:
    noise = torch.randn(RATE_HZ, generator=torch.Generator().manual_seed(0)) * torch.exp(-SECONDS / 0.1)

    late_s, _ = onset_near(noise, 0, sample_rate_hz=RATE_HZ, reach_s=0.02)
    assert late_s == pytest.approx(0, abs=2e-4)


def test_a_sound_is_over_when_it_is_30_db_down() -> None:
    ringing = torch.sin(2 * math.pi * 1000 * SECONDS) * torch.exp(-SECONDS / 0.1)
    gated = torch.sin(2 * math.pi * 1000 * SECONDS) * (SECONDS < 0.4)

    assert sounding_s(ringing, sample_rate_hz=RATE_HZ) == pytest.approx(0.1 * math.log(10 ** (30 / 20)), abs=0.01)
    assert sounding_s(gated, sample_rate_hz=RATE_HZ) == pytest.approx(0.4, abs=0.01)
