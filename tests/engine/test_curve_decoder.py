"""Curves to sound: exact pitch, exact silence, attacks at frame 0, the same in any chunks."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from engine.errors import Cancelled
from engine.families.base import Stage
from engine.training.measuring.measures import cents_from
from engine.vocoders.curve_decoder import PEAK, decode
from engine.vocoders.curves import (
    CHANNELS,
    FLOOR_DB,
    HARMONIC_GAIN,
    HARMONIC_LEVELS,
    HOPS_PER_S,
    NOISE_GAINS,
    NOISE_LEVELS,
    Constants,
    amplitude,
    between,
    cycles,
    pitch_hz_at,
)

TONE = Constants(pitch_hz=440.0)


def silent_curves(length_s: float) -> Tensor:
    """(hops, CHANNELS) in which nothing sounds."""
    return torch.full((math.ceil(length_s * HOPS_PER_S), CHANNELS), FLOOR_DB)


def harmonic_curves(length_s: float, *, level_db_per_partial: float = -70.0) -> Tensor:
    """Steady partials, each so much weaker than the one before."""
    curves = silent_curves(length_s)
    curves[:, HARMONIC_GAIN] = 0
    curves[:, HARMONIC_LEVELS] = torch.arange(13) * level_db_per_partial
    return curves


def noise_curves(length_s: float) -> Tensor:
    """Steady white noise."""
    curves = silent_curves(length_s)
    curves[:, NOISE_LEVELS] = 0
    curves[:, NOISE_GAINS] = 0
    return curves


@pytest.mark.parametrize("sample_rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("stretch", [1.0, 1.4])
def test_one_partial_is_a_sine_at_exactly_the_pitch(sample_rate_hz: int, stretch: float) -> None:
    constants = dataclasses.replace(TONE, stretch=stretch)
    waveform = decode(harmonic_curves(1), constants, seed=0, frames=sample_rate_hz, sample_rate_hz=sample_rate_hz)
    seconds = torch.arange(sample_rate_hz, dtype=torch.float64) / sample_rate_hz
    steady = slice(0, round(0.99 * sample_rate_hz))

    sine = PEAK * torch.sin(2 * math.pi * 440 * seconds)
    for side in waveform:
        torch.testing.assert_close(side[steady].double(), sine[steady], atol=2e-3, rtol=0)
        assert abs(cents_from(side, 440, sample_rate_hz=sample_rate_hz)) < 0.1


def test_silence_is_silence() -> None:
    assert not decode(silent_curves(0.5), TONE, seed=0, frames=22_050, sample_rate_hz=44_100).any()


def test_the_pitch_is_the_slope_of_its_cycles() -> None:
    constants = Constants(pitch_hz=90, sweep_depth=40, sweep_s=0.05, glide_octaves=-2)
    seconds = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    counted = cycles(seconds, constants, length_s=1)

    slope = (counted[2:] - counted[:-2]) / (seconds[2:] - seconds[:-2])
    torch.testing.assert_close(slope, pitch_hz_at(seconds, constants, length_s=1)[1:-1], rtol=1e-5, atol=0)
    assert counted[0] == 0


def test_a_tone_that_trembles_is_loudest_first_and_as_often_as_its_rate_and_its_noise_stays() -> None:
    trembling = dataclasses.replace(TONE, tremble=0.5, vibrato_hz=4)
    waveform = decode(harmonic_curves(1), trembling, seed=0, frames=48_000, sample_rate_hz=48_000)[0]

    def level(at_s: float) -> float:
        return float(waveform[round(at_s * 48_000) - 120 :][:240].abs().max()) / PEAK

    assert [level(at_s) for at_s in (0.25, 0.5, 0.75)] == pytest.approx([1] * 3, abs=0.02)
    assert [level(at_s) for at_s in (0.125, 0.375, 0.875)] == pytest.approx([1 / 3] * 3, abs=0.02)
    still, shaken = (
        decode(noise_curves(0.5), constants, seed=0, frames=24_000, sample_rate_hz=48_000)
        for constants in (TONE, trembling)
    )
    assert torch.equal(still, shaken)


def test_a_glide_ends_as_far_away_as_it_says() -> None:
    constants = Constants(pitch_hz=100, glide_octaves=3)

    assert float(pitch_hz_at(torch.tensor([2.0]), constants, length_s=2)) == pytest.approx(800)


@pytest.mark.parametrize(
    "constants",
    [
        TONE,
        dataclasses.replace(TONE, chord=(0, 3, 7), width=0.7, detune_cents=8),
        dataclasses.replace(TONE, stretch=0.7, sweep_depth=2),
        dataclasses.replace(TONE, grain=0.8, room=1, drive=1, glide_octaves=1, width=0.5),
        dataclasses.replace(TONE, bubbles=1, flutter=0.5, vibrato=0.01, grain=0.5, grain_hz=20),
    ],
)
@pytest.mark.parametrize("sample_rate_hz", [44_100, 48_000])
def test_any_chunks_give_the_same_sound(constants: Constants, sample_rate_hz: int) -> None:
    curves = harmonic_curves(1.3, level_db_per_partial=-3)
    curves[:, NOISE_LEVELS] = -torch.arange(24.0)
    curves[:, NOISE_GAINS] = -20
    frames = round(1.27 * sample_rate_hz)

    def decoded(chunk_frames: int) -> Tensor:
        return decode(
            curves, constants, seed=5, frames=frames, sample_rate_hz=sample_rate_hz, chunk_frames=chunk_frames
        )

    whole = decoded(10 * sample_rate_hz)
    for chunk_frames in (480, 10_000, 48_000):
        assert torch.equal(decoded(chunk_frames), whole)


@pytest.mark.parametrize("sample_rate_hz", [44_100, 48_000])
def test_an_attack_at_hop_0_begins_at_frame_0(sample_rate_hz: int) -> None:
    curves = noise_curves(0.5)
    curves[5:, NOISE_GAINS] = FLOOR_DB
    waveform = decode(curves, TONE, seed=1, frames=sample_rate_hz // 2, sample_rate_hz=sample_rate_hz)

    assert waveform[:, : sample_rate_hz // 1000].abs().max() > 0.1
    assert not waveform[:, round(0.06 * sample_rate_hz) :].any()


def test_noise_is_as_loud_at_any_sample_rate_and_takes_its_randomness_from_the_seed() -> None:
    loudness = {}
    for sample_rate_hz in (44_100, 48_000, 96_000):
        waveform = decode(noise_curves(2), TONE, seed=3, frames=2 * sample_rate_hz, sample_rate_hz=sample_rate_hz)
        loudness[sample_rate_hz] = float(waveform.std() / waveform.abs().max())
    assert max(loudness.values()) < 1.3 * min(loudness.values())

    def noise(seed: int) -> Tensor:
        return decode(noise_curves(0.2), TONE, seed=seed, frames=8820, sample_rate_hz=44_100)

    assert torch.equal(noise(1), noise(1))
    assert not torch.equal(noise(1), noise(2))


def test_partials_above_the_sample_rate_do_not_come_back_from_below() -> None:
    constants = Constants(pitch_hz=1900)
    waveform = decode(harmonic_curves(1, level_db_per_partial=0), constants, seed=0, frames=8000, sample_rate_hz=8000)
    level = torch.fft.rfft(waveform[0] * torch.hann_window(8000)).abs()

    assert level[:1800].max() < 0.01 * level.max()


def test_the_loudest_frame_is_at_the_peak_and_the_last_is_faded() -> None:
    waveform = decode(noise_curves(1), TONE, seed=0, frames=44_100, sample_rate_hz=44_100)

    assert float(waveform.abs().max()) == pytest.approx(PEAK)
    assert not waveform[:, -1].any()


def test_curves_shorter_than_the_clip_hold_their_last_value() -> None:
    waveform = decode(harmonic_curves(0.2), TONE, seed=0, frames=44_100, sample_rate_hz=44_100)

    assert waveform[:, 30_000:40_000].abs().max() > 0.8


def test_a_checkpoint_can_end_the_decoding_before_any_chunk() -> None:
    calls: list[Stage] = []

    def cancel_at_third(stage: Stage) -> None:
        calls.append(stage)
        if len(calls) == 3:
            raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        decode(noise_curves(4), TONE, seed=0, frames=192_000, sample_rate_hz=48_000, checkpoint=cancel_at_third)
    assert calls == ["decode"] * 3


def test_amplitude_is_linear_and_off_is_exactly_zero() -> None:
    assert float(amplitude(torch.tensor(0.0))) == pytest.approx(1, abs=1e-3)
    assert float(amplitude(torch.tensor(FLOOR_DB))) == 0


def test_between_interpolates_and_keeps_the_outermost_values_outside() -> None:
    matrix = between(torch.tensor([0.0, 1.0, 3.0]).double(), torch.tensor([-1.0, 0.5, 2.0, 9.0]).double())

    assert (torch.tensor([10.0, 20.0, 40.0]) @ matrix).tolist() == [10, 15, 30, 40]


def correlation(waveform: Tensor) -> float:
    """Of left and right."""
    left, right = waveform
    return float(left @ right / (left.norm() * right.norm()))


def between_hz(waveform: Tensor, low_hz: float, high_hz: float, *, sample_rate_hz: int) -> Tensor:
    """The waveform with nothing outside these frequencies."""
    spectrum = torch.fft.rfft(waveform)
    hz = torch.arange(spectrum.shape[1]) * sample_rate_hz / waveform.shape[1]
    return torch.fft.irfft(spectrum * ((hz > low_hz) & (hz < high_hz)), waveform.shape[1])


def mono_loss_db(waveform: Tensor) -> float:
    """How much quieter the mean of both sides is than they are."""
    return -10 * math.log10(float(waveform.mean(0).square().mean() / waveform.square().mean()))


@pytest.mark.parametrize(
    "constants",
    [
        TONE,
        dataclasses.replace(TONE, detune_cents=6, chord=(0, 4, 7), drive=1),
        dataclasses.replace(TONE, stretch=1.4, detune_cents=6),
        dataclasses.replace(TONE, grain=0.9, bubbles=1, flutter=1),
    ],
)
def test_without_width_left_and_right_are_the_same(constants: Constants) -> None:
    left, right = decode(
        torch.maximum(noise_curves(0.5), harmonic_curves(0.5)), constants, seed=1, frames=22_050, sample_rate_hz=44_100
    )

    assert torch.equal(left, right)
    assert left.any()


@pytest.mark.parametrize("width", [0.3, 0.6, 1.0])
def test_noise_has_less_in_common_between_the_sides_the_wider_it_is_but_for_its_lowest_octaves(width: float) -> None:
    constants = dataclasses.replace(TONE, width=width)
    waveform = decode(noise_curves(3), constants, seed=2, frames=144_000, sample_rate_hz=48_000)

    high = between_hz(waveform, 300, 20_000, sample_rate_hz=48_000)
    assert correlation(high) == pytest.approx(1 - width, abs=0.08)
    assert correlation(between_hz(waveform, 30, 140, sample_rate_hz=48_000)) > 0.97


@pytest.mark.parametrize(
    "constants",
    [
        dataclasses.replace(TONE, width=1, detune_cents=7),
        dataclasses.replace(TONE, width=1, detune_cents=7, stretch=1.3),
        dataclasses.replace(TONE, width=1, detune_cents=7, chord=(0, 3, 7, 10)),
        dataclasses.replace(TONE, width=1, grain=0.9, grain_hz=100),
        dataclasses.replace(TONE, width=1, bubbles=1),
        dataclasses.replace(TONE, width=1, room=1, drive=1),
    ],
)
def test_a_wide_sound_is_balanced_and_loses_less_than_3_db_in_mono(constants: Constants) -> None:
    curves = harmonic_curves(4, level_db_per_partial=-3)
    curves[:, NOISE_GAINS] = -10
    curves[:, NOISE_LEVELS] = 0
    waveform = decode(curves, constants, seed=4, frames=176_400, sample_rate_hz=44_100)
    left, right = waveform

    assert 0.1 < mono_loss_db(waveform) < 3
    assert 20 * math.log10(float(left.norm() / right.norm())) == pytest.approx(0, abs=1.5)


def test_a_lone_string_in_tune_stays_in_the_middle_at_any_width() -> None:
    constants = dataclasses.replace(TONE, width=1)
    left, right = decode(harmonic_curves(0.5), constants, seed=0, frames=22_050, sample_rate_hz=44_100)

    assert torch.equal(left, right)


@pytest.mark.parametrize("stretch", [1.0, 1.3])
def test_detuned_strings_beat_as_fast_as_they_are_apart(stretch: float) -> None:
    constants = dataclasses.replace(TONE, detune_cents=8, stretch=stretch)
    waveform = decode(harmonic_curves(3), constants, seed=0, frames=3 * 48_000, sample_rate_hz=48_000)
    loudness = waveform[0].view(-1, 480).square().mean(1)[:-2]

    beat_hz = 440 * (2 ** (8 / 1200) - 1)
    spectrum = torch.fft.rfft((loudness - loudness.mean()) * torch.hann_window(len(loudness)), 30_000).abs()
    assert float(spectrum.argmax()) / 300 == pytest.approx(beat_hz, abs=0.1)


@pytest.mark.parametrize("sample_rate_hz", [22_050, 44_100, 48_000])
@pytest.mark.parametrize("length_s", [0.05, 0.2, 1.0, 12.0])
@pytest.mark.parametrize(
    "constants",
    [
        dataclasses.replace(TONE, drive=1.5, width=0.5),
        dataclasses.replace(TONE, pitch_hz=45, sweep_depth=4, room=1.5, room_s=8),
        dataclasses.replace(TONE, bubbles=1, bubbles_hz=60, grain=0.9, grain_hz=8, width=1),
    ],
)
def test_at_any_length_there_is_no_offset_and_nothing_above_the_peak(
    constants: Constants, length_s: float, sample_rate_hz: int
) -> None:
    curves = harmonic_curves(length_s, level_db_per_partial=-4)
    curves[:, NOISE_GAINS] = -20
    curves[:, NOISE_LEVELS] = 0
    frames = round(length_s * sample_rate_hz)
    waveform = decode(curves, constants, seed=6, frames=frames, sample_rate_hz=sample_rate_hz)

    assert waveform.shape == (2, frames)
    assert waveform.isfinite().all()
    assert float(waveform.abs().max()) == pytest.approx(PEAK)
    assert waveform.mean(1).abs().max() < PEAK / 1000


def test_a_glide_spans_the_sounds_own_length_not_the_clips() -> None:
    constants = dataclasses.replace(TONE, glide_octaves=1)
    waveform = decode(
        harmonic_curves(2), constants, seed=0, frames=96_000, sample_rate_hz=48_000, length_s=1.0
    )  # a second octave follows in the second second

    assert abs(cents_from(waveform[0, 45_600:50_400], 880, sample_rate_hz=48_000)) < 60
