"""Knobs that bend a sound without making it again, and sounds that last as long as asked."""

import dataclasses
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.training.measuring.measures import cents_from
from engine.vocoders.curve_decoder import decode
from engine.vocoders.curves import (
    CHANNELS,
    FLOOR_DB,
    HARMONIC_GAIN,
    HARMONIC_LEVELS,
    HOPS_PER_S,
    NOISE_GAINS,
    NOISE_LEVELS,
    Constants,
)
from engine.vocoders.shaping import FADED_DB, lasting, loudness, shaped, sounding_s
from osc_schemas.shape import Shape

TONE = Constants(pitch_hz=220)
RATE_HZ = 48_000


def struck(length_s: float, *, ring_s: float = 0.2, noise_db: float = -10, noise_s: float = 0.05) -> Tensor:
    """A string that is struck: partials and a noise, each with its time constant."""
    hops = math.ceil(length_s * HOPS_PER_S)
    curves = torch.full((hops, CHANNELS), FLOOR_DB)
    nepers_db = 20 / math.log(10)
    seconds, fine_s = torch.arange(hops)[:, None] / HOPS_PER_S, torch.arange(hops * 8).view(-1, 8) / (8 * HOPS_PER_S)
    curves[:, HARMONIC_GAIN] = (-nepers_db * seconds / ring_s).clamp(min=FLOOR_DB)
    curves[:, HARMONIC_LEVELS] = -4 * torch.arange(13.0)
    curves[:, NOISE_LEVELS] = -torch.arange(24.0)
    curves[:, NOISE_GAINS] = (noise_db - nepers_db * fine_s / noise_s).clamp(min=FLOOR_DB)
    return curves


def steady(length_s: float) -> Tensor:
    """The same, held."""
    return struck(length_s, ring_s=1e6, noise_s=1e6)


def heard(curves: Tensor, constants: Constants = TONE, *, length_s: float = 1) -> Tensor:
    """The left side."""
    frames = round(length_s * RATE_HZ)
    return decode(curves, constants, seed=0, frames=frames, sample_rate_hz=RATE_HZ)[0]


def bent(curves: Tensor, **knobs: Any) -> Tensor:
    """What is heard of a second of the curves with those knobs turned."""
    return heard(*shaped(curves, TONE, Shape(**knobs), length_s=1))


def centroid_hz(waveform: Tensor) -> float:
    """The mean frequency, by energy."""
    power = torch.fft.rfft(waveform).abs().square()
    return float((power * torch.fft.rfftfreq(len(waveform), 1 / RATE_HZ)).sum() / power.sum())


def energy_s(waveform: Tensor) -> float:
    """The mean time, by energy."""
    power = waveform.square()
    return float((power * torch.arange(len(power))).sum() / power.sum()) / RATE_HZ


def test_the_neutral_shape_bends_nothing() -> None:
    curves = struck(1)
    unbent, constants = shaped(curves, TONE, Shape(), length_s=1)

    assert torch.equal(unbent, curves)
    assert constants == TONE


@settings(max_examples=12, deadline=None)
@given(semitones=st.floats(-24, 24))
def test_pitch_is_exact(semitones: float) -> None:
    waveform = bent(struck(1, ring_s=2, noise_db=FLOOR_DB), pitch=semitones)

    assert abs(cents_from(waveform, 220 * 2 ** (semitones / 12), sample_rate_hz=RATE_HZ)) < 5


@pytest.mark.parametrize("curves", [struck(1), struck(1, noise_db=6), steady(1)])
def test_brightness_tilts_the_spectrum_and_leaves_the_level(curves: Tensor) -> None:
    centroids = [centroid_hz(bent(curves, brightness=brightness)) for brightness in (-1, -0.5, 0, 0.5, 1)]

    assert centroids == sorted(centroids)
    assert centroids[-1] > 1.5 * centroids[0]
    for brightness in (-1, 1):
        tilted, _ = shaped(curves, TONE, Shape(brightness=brightness), length_s=1)
        change_db = 10 * math.log10(float(loudness(tilted).mean() / loudness(curves).mean()))
        assert abs(change_db) < 5


def test_brightness_raises_no_partials_that_are_not_there() -> None:
    curves = struck(1, noise_db=FLOOR_DB)
    curves[:, HARMONIC_LEVELS] = -60
    curves[:, HARMONIC_LEVELS.start] = 0

    assert centroid_hz(bent(curves, brightness=1)) == pytest.approx(220, abs=5)


@pytest.mark.parametrize("ring_s", [0.05, 0.2, 0.6])
def test_length_makes_decays_so_many_times_as_long(ring_s: float) -> None:
    curves = struck(1, ring_s=ring_s)
    times = [energy_s(bent(curves, length=length)) for length in (0.1, 0.5, 1, 2, 4)]
    assert times == sorted(times)

    twice, _ = shaped(struck(4, ring_s=ring_s), TONE, Shape(length=2), length_s=4)
    assert sounding_s(twice) == pytest.approx(min(2 * sounding_s(struck(4, ring_s=ring_s)), 4), rel=0.17)


def test_a_stretched_sound_keeps_its_attack() -> None:
    curves = struck(1, ring_s=0.5, noise_s=0.004)
    stretched, _ = shaped(curves, TONE, Shape(length=3), length_s=1)

    assert torch.equal(stretched[:3], curves[:3])


def test_a_hurried_sound_goes_on_decaying_where_its_curves_end() -> None:
    curves = struck(0.5, ring_s=1.0, noise_db=FLOOR_DB)
    hurried, _ = shaped(curves, TONE, Shape(length=0.25), length_s=0.5)
    gain_db = hurried[:, HARMONIC_GAIN][:, 0]

    assert (gain_db[1:] <= gain_db[:-1]).all()
    assert gain_db[-1] < curves[-1, HARMONIC_GAIN.start] - 10


def test_drive_and_room_are_added_within_bounds() -> None:
    constants = dataclasses.replace(TONE, drive=0.8, room=0.2)

    _, more = shaped(steady(1), constants, Shape(drive=1, room=0.5), length_s=1)
    _, less = shaped(steady(1), constants, Shape(drive=-1, room=-1), length_s=1)
    assert (more.drive, more.room) == (1.5, 0.7)
    assert (less.drive, less.room) == (0, 0)


def test_an_attack_fades_in_and_a_release_fades_out() -> None:
    curves = steady(1)
    curves[:, NOISE_GAINS] = FLOOR_DB
    waveform = bent(curves, attack_ms=200, release_ms=300)
    level = waveform.view(-1, RATE_HZ // 20).square().mean(1).sqrt()  # of every 11 cycles

    assert level[0] < 0.1 * level.max()
    assert (level[1:4] > level[:3]).all()
    torch.testing.assert_close(level[4:14], level.max().expand(10), rtol=0.02, atol=0)
    assert (level[15:] < level[14:-1]).all()
    assert level[-1] < 0.1 * level.max()


def test_a_release_ends_a_decaying_sound_where_it_has_faded() -> None:
    curves = struck(1, ring_s=0.1)
    released, _ = shaped(curves, TONE, Shape(release_ms=100), length_s=1)

    assert not heard(released)[round(0.6 * RATE_HZ) :].any()
    assert torch.equal(released[:30], curves[:30])


@settings(max_examples=60, deadline=None)
@given(ring_s=st.floats(0.01, 3), length_s=st.floats(0.2, 4), asked_s=st.floats(0.05, 10))
def test_a_decaying_sound_has_faded_when_asked(ring_s: float, length_s: float, asked_s: float) -> None:
    curves = lasting(struck(length_s, ring_s=ring_s), asked_s=asked_s, lasts=False)

    assert sounding_s(curves) == pytest.approx(asked_s, rel=0.15)
    assert loudness(curves)[-1] == 0


@settings(max_examples=30, deadline=None)
@given(length_s=st.floats(0.2, 4), asked_s=st.floats(0.05, 10))
def test_a_held_sound_ends_when_asked_and_is_as_it_was_before(length_s: float, asked_s: float) -> None:
    before = steady(length_s)
    for lasts in (True, False):
        curves = lasting(before, asked_s=asked_s, lasts=lasts)
        assert sounding_s(curves) == pytest.approx(asked_s, abs=0.03)
        assert loudness(curves)[-1] == 0
        untouched = max(0, min(int((asked_s - 0.03) * HOPS_PER_S), len(before)))
        assert torch.equal(curves[:untouched], before[:untouched])


def test_what_sounds_is_measured_from_partials_and_noise_alike() -> None:
    assert sounding_s(struck(2, ring_s=0.1, noise_db=FLOOR_DB)) == pytest.approx(0.1 * FADED_DB / 8.686, abs=0.01)
    hiss = struck(2, noise_db=0, noise_s=0.2)
    hiss[:, HARMONIC_GAIN] = FLOOR_DB
    assert sounding_s(hiss) == pytest.approx(0.2 * FADED_DB / 8.686, abs=0.01)
    assert sounding_s(torch.full((20, CHANNELS), FLOOR_DB)) == 0
    assert sounding_s(steady(1)) == 1
