"""The room: as long as asked, darkening, wide, level, and the same wherever it is cut."""

import math

import pytest
import torch
from torch import Tensor

from engine.errors import Cancelled
from engine.families.base import Stage
from engine.vocoders.room import SIZES_PER_OCTAVE, in_room, response, rounded_size_s

RATE_HZ = 48_000


def fall_s(heard: Tensor, low_hz: float, high_hz: float, *, size_s: float) -> float:
    """How long the tail takes to fall by 60 dB in that band: a line through its level."""
    spectra = torch.stft(heard, 2048, 1024, window=torch.hann_window(2048), return_complex=True)
    hz = torch.arange(1025) * RATE_HZ / 2048
    power = spectra.abs().square().sum(0)[(hz > low_hz) & (hz < high_hz)].sum(0)
    level_db = 10 * torch.log10(power[5 : round(0.6 * size_s * RATE_HZ / 1024)])
    seconds = torch.arange(len(level_db)) * 1024 / RATE_HZ
    slope = torch.linalg.lstsq(torch.stack([seconds, torch.ones_like(seconds)], 1), level_db[:, None]).solution[0]
    return -60 / float(slope)


@pytest.mark.parametrize("size_s", [0.5, 1.0, 4.0, 8.0])
def test_the_tail_takes_the_time_asked_and_its_high_frequencies_less(size_s: float) -> None:
    heard = response(round(1.5 * size_s * RATE_HZ), sample_rate_hz=RATE_HZ, size_s=size_s)

    assert fall_s(heard, 100, 600, size_s=size_s) == pytest.approx(size_s, rel=0.2)
    assert fall_s(heard, 5000, 12_000, size_s=size_s) < 0.6 * size_s


@pytest.mark.parametrize("sample_rate_hz", [44_100, 48_000])
@pytest.mark.parametrize("size_s", [0.3, 1.0, 8.0])
def test_rooms_of_all_sizes_are_equally_loud_and_differ_between_the_sides(size_s: float, sample_rate_hz: int) -> None:
    heard = response(round(1.5 * size_s * sample_rate_hz), sample_rate_hz=sample_rate_hz, size_s=size_s)
    hz = torch.fft.rfftfreq(heard.shape[1], 1 / sample_rate_hz)
    power = torch.fft.rfft(heard).abs().square()[:, (hz > 80) & (hz < 4000)].mean(1)
    left, right = heard

    assert (10 * torch.log10(power)).abs().max() < 1.5
    assert abs(left @ right / (left.norm() * right.norm())) < 0.2


def test_a_shorter_response_is_the_beginning_of_a_longer_one() -> None:
    short, long = (response(frames, sample_rate_hz=RATE_HZ, size_s=2) for frames in (20_000, 90_000))

    assert torch.equal(short[:, :19_000], long[:, :19_000])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [2_400, 48_000, 150_000])
def test_it_is_a_convolution_cut_at_the_length_of_the_sound(frames: int, channels: int) -> None:
    dry = torch.randn(channels, frames, generator=torch.Generator().manual_seed(0))
    whole = in_room(dry, 1, room_s=1, sample_rate_hz=RATE_HZ)

    # The parts of the response reach a little further than 60 dB down: at most as far as the sound does.
    echo = response(2 * frames, sample_rate_hz=RATE_HZ, size_s=1)
    spectrum = torch.fft.rfft(dry, 4 * frames) * torch.fft.rfft(echo[:, :frames], 4 * frames)
    expected = dry + 0.5 * torch.fft.irfft(spectrum, 4 * frames)[:, :frames]
    torch.testing.assert_close(whole, expected, atol=5e-3, rtol=0)


def test_a_full_room_lies_about_6_db_under_the_sound() -> None:
    frames = 4 * RATE_HZ
    spectrum = torch.fft.rfft(torch.randn(1, frames, generator=torch.Generator().manual_seed(1)))
    hz = torch.fft.rfftfreq(frames, 1 / RATE_HZ)
    dry = torch.fft.irfft(spectrum * ((hz > 80) & (hz < 4000)))
    wet = in_room(dry, 1, room_s=1, sample_rate_hz=RATE_HZ) - dry

    assert 20 * math.log10(float(wet.norm() / (math.sqrt(2) * dry.norm()))) == pytest.approx(-6, abs=2.5)


def test_sizes_are_kept_within_reason_and_rounded_unnoticeably() -> None:
    assert rounded_size_s(0.01) == pytest.approx(0.3, rel=0.06)
    assert rounded_size_s(100) == 8
    assert rounded_size_s(1.7) == pytest.approx(1.7, rel=2 ** (0.5 / SIZES_PER_OCTAVE) - 1)


def test_a_cancel_waits_for_one_part() -> None:
    calls: list[Stage] = []

    def cancel_at_second(stage: Stage) -> None:
        calls.append(stage)
        if len(calls) == 2:
            raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        in_room(torch.ones(1, 300_000), 1, room_s=1, sample_rate_hz=RATE_HZ, checkpoint=cancel_at_second)
