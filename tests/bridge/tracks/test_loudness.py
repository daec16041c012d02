"""Clips come to their track's loudness, and never over the ceiling."""

import numpy as np
import pytest

from bridge.tracks import loudness
from osc_schemas.clip import Samples

RATE_HZ = 48_000


def tone(seconds: float, *, peak: float = 0.1, hz: float = 997.0, channels: int = 2) -> Samples:
    wave = peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def test_the_standards_own_tone_reads_what_the_standard_says() -> None:
    full_scale_left = tone(5, peak=1.0)
    full_scale_left[:, 1] = 0

    assert loudness.measure_lufs(full_scale_left, RATE_HZ) == pytest.approx(-3.01, abs=0.01)


def test_a_clip_comes_to_the_target() -> None:
    clip = tone(1.0, peak=0.02)
    gain = loudness.gain(clip, loudness.measure_lufs(clip, RATE_HZ), target_lufs=-16)

    assert loudness.measure_lufs(clip * np.float32(gain), RATE_HZ) == pytest.approx(-16, abs=0.01)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.399, 0.4, 1.0])
def test_a_short_clip_reads_as_loud_as_a_long_one_of_the_same_level(seconds: float) -> None:
    long = loudness.measure_lufs(tone(4.0), RATE_HZ)

    assert loudness.measure_lufs(tone(seconds), RATE_HZ) == pytest.approx(long, abs=0.25)


def test_a_mono_clip_reads_as_it_sounds_on_both_sides() -> None:
    assert loudness.measure_lufs(tone(1.0, channels=1), RATE_HZ) == pytest.approx(
        loudness.measure_lufs(tone(1.0), RATE_HZ), abs=1e-6
    )


def test_a_clip_with_a_high_peak_stays_under_the_ceiling_instead() -> None:
    click = tone(1.0, peak=0.001)
    click[100] = 0.5
    gain = loudness.gain(click, loudness.measure_lufs(click, RATE_HZ), target_lufs=-6)

    assert np.max(np.abs(click)) * gain == pytest.approx(10 ** (-1 / 20))


def test_silence_keeps_its_gain() -> None:
    for silence in (tone(1.0, peak=0.0), tone(0.1, peak=0.0), tone(1.0, peak=1e-5)):
        lufs = loudness.measure_lufs(silence, RATE_HZ)

        assert lufs == -np.inf
        assert loudness.gain(silence, lufs, target_lufs=-16) == 1.0
