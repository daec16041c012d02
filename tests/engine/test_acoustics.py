"""What is known of the kinds, held against sounds whose truth is known."""

import math

import pytest
import torch
from torch import Tensor

from engine.text.kinds import KINDS
from engine.training.measuring.acoustics import (
    FACTS,
    above,
    below,
    brightens,
    broken,
    bursts,
    closes,
    darkens,
    facts_that_hold,
    gone_within,
    grows,
    lasts,
    loudest_between,
    noisy,
    partials,
    periodic,
    pitch_sinks,
    rings,
    swells,
)
from engine.training.measuring.analysis import Analysis
from engine.training.measuring.judge import JUDGE_RATE_HZ

SECONDS = torch.arange(JUDGE_RATE_HZ) / JUDGE_RATE_HZ


def heard(waveform: Tensor) -> Analysis:
    """A waveform at the judge's rate, ready to be measured."""
    return Analysis(waveform, sample_rate_hz=JUDGE_RATE_HZ)


def sine(hz: float) -> Tensor:
    """One second of it."""
    return torch.sin(2 * math.pi * hz * SECONDS)


def hiss() -> Tensor:
    """One second of white noise."""
    return 0.3 * torch.randn(JUDGE_RATE_HZ, generator=torch.Generator().manual_seed(0))


def chirp(from_hz: float, to_hz: float) -> Tensor:
    """One second from one pitch to another."""
    octaves = math.log2(to_hz / from_hz)
    return torch.sin(2 * math.pi * from_hz * torch.expm1(octaves * math.log(2) * SECONDS) / (octaves * math.log(2)))


def test_every_kind_has_two_facts_or_more() -> None:
    assert list(FACTS) == list(KINDS)
    assert all(len(facts) >= 2 for facts in FACTS.values())


def test_energy_is_found_where_it_lies() -> None:
    mixed = heard(sine(100) + sine(5_000))

    assert mixed.share_between(50, 200) == pytest.approx(0.5, abs=0.01)
    assert below(200, 0.9).holds(heard(sine(100)))
    assert not below(200, 0.9).holds(mixed)
    assert above(2_000, 0.9).holds(heard(sine(5_000)))


def test_a_decay_is_timed_from_the_peak() -> None:
    ringing = heard(sine(500) * torch.exp(-SECONDS / 0.1))  # 20 dB in 0.23 s

    assert ringing.gone_s(20) == pytest.approx(0.1 * math.log(10), abs=0.01)
    assert gone_within(0.3).holds(ringing)
    assert not gone_within(0.2).holds(ringing)
    assert rings(0.2).holds(ringing)
    assert not lasts().holds(ringing)
    assert lasts().holds(heard(sine(500)))


def test_a_swell_begins_late_and_grows() -> None:
    swelling = heard(sine(500) * SECONDS**2)

    assert swells(0.1).holds(swelling)
    assert grows().holds(swelling)
    assert loudest_between(0.7, 1).holds(swelling)
    assert not swells(0.1).holds(heard(sine(500)))


def test_tones_repeat_and_stand_out_and_noise_does_neither() -> None:
    tone, noise = heard(sine(220) + 0.5 * sine(440)), heard(hiss())

    assert periodic(0.95).holds(tone)
    assert partials(0.9).holds(tone)
    assert noisy(0.1).holds(noise)
    assert not periodic(0.5).holds(noise)
    assert tone.pitches_hz.mean() == pytest.approx(220, rel=0.01)


def test_a_falling_chirp_darkens_and_its_pitch_sinks() -> None:
    falling, rising = heard(chirp(1_600, 200)), heard(chirp(200, 1_600))

    assert darkens(1).holds(falling)
    assert pitch_sinks(2).holds(falling)
    assert brightens(1).holds(rising)
    assert not pitch_sinks(0.1).holds(rising)


def test_a_closing_filter_takes_the_highs_away() -> None:
    closing = sine(100) + sine(3_000) * torch.exp(-SECONDS / 0.1)

    assert closes(1_500, 6, early_s=0.1, late_s=0.3).holds(heard(closing))
    assert not closes(1_500, 6, early_s=0.1, late_s=0.3).holds(heard(sine(100) + sine(3_000)))


def test_a_clap_is_told_by_its_bursts() -> None:
    clap = hiss() * torch.exp(-((SECONDS % 0.012) / 0.003)) * (SECONDS < 0.05)

    assert bursts(3, within_s=0.06).holds(heard(clap))
    assert not bursts(2, within_s=0.06).holds(heard(sine(300) * torch.exp(-SECONDS / 0.1)))


def test_silence_between_fragments_is_measured() -> None:
    chopped = heard(sine(700) * ((SECONDS % 0.1) < 0.05))

    assert chopped.length_s == 1
    assert broken(0.3).holds(chopped)
    assert not broken(0.05).holds(heard(sine(700)))


def test_a_sine_at_50_hz_that_dies_is_more_of_a_kick_than_noise_is() -> None:
    cycles = 50 * SECONDS + 4 * (1 - torch.exp(-SECONDS / 0.02))  # begins at 250 Hz
    thump = torch.sin(2 * math.pi * cycles) * torch.exp(-SECONDS / 0.1)

    assert all(facts_that_hold("kick", heard(thump)))
    assert not facts_that_hold("kick", heard(hiss()))[0]  # nothing of it lies at the bottom
    assert all(facts_that_hold("noise", heard(hiss())))


def test_facts_can_be_asked_of_silence() -> None:
    silence = heard(torch.zeros(2, JUDGE_RATE_HZ))

    assert all(not all(facts_that_hold(kind, silence)) for kind in KINDS)
