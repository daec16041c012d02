"""The tuned kinds hold up against what is known about the instruments."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.text.kinds import GROUPS
from engine.text.notes import hz_of_midi
from engine.training.kinds.pitched import PITCHED
from engine.training.measuring.measures import attack_s, centroid_hz, cents_from, energy_time_s, harmonicity
from engine.training.sketch import Sketch, Sound
from engine.training.wishes import ABRUPT, LASTING, TUNED, Wish
from engine.vocoders.curve_decoder import decode

RATE_HZ: Final = 44_100
SEEDS: Final = range(3)
HELD: Final = sorted(LASTING & set(PITCHED))
STRUCK: Final = sorted(set(PITCHED) - LASTING)


def drawn(wish: Wish, *, length_s: float, seed: int) -> Sound:
    """One sketch of the kind, finished."""
    sketch = Sketch(wish, length_s, np.random.default_rng(seed))
    PITCHED[wish.kind](sketch)
    return sketch.finished(wish)


def heard(sound: Sound, *, seed: int = 0) -> Tensor:
    """(frames,) as a mono listener hears it."""
    frames = round(sound.length_s * RATE_HZ)
    waveform = decode(sound.curves, sound.constants, seed=seed, frames=frames, sample_rate_hz=RATE_HZ)
    return waveform.mean(0) if waveform.ndim == 2 else waveform


def sound_of(kind: str, *, seed: int = 0, length_s: float = 1.0, brightness: int = 0, length: int = 0) -> Tensor:
    """A mono waveform of the kind at its usual note."""
    wish = Wish(kind=kind, midi=TUNED[kind], brightness=brightness, length=length)
    return heard(drawn(wish, length_s=length_s, seed=seed), seed=seed)


def single_note(kind: str, *, length_s: float = 1.0) -> Tensor:
    """A waveform of the kind at its usual note, without a chord."""
    sounds = (drawn(Wish(kind=kind, midi=TUNED[kind]), length_s=length_s, seed=seed) for seed in range(20))
    return heard(next(sound for sound in sounds if sound.constants.chord == (0,)))


def energy_share(waveform: Tensor, low_hz: float, high_hz: float) -> float:
    """How much of the energy lies between two frequencies."""
    power = torch.fft.rfft(waveform.double()).abs().pow(2)
    hz = torch.linspace(0, RATE_HZ / 2, len(power))
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum())


def partial_db(waveform: Tensor, kind: str, ratio: float) -> float:
    """How strong the partial at that multiple of the usual note is, beside the first."""
    window = torch.hann_window(len(waveform), dtype=torch.float64)
    magnitude = torch.fft.rfft(waveform.double() * window).abs()
    hz = torch.linspace(0, RATE_HZ / 2, len(magnitude))

    def peak(centre_hz: float) -> Tensor:
        return magnitude[(hz > centre_hz * 0.98) & (hz < centre_hz * 1.02)].max()

    pitch_hz = hz_of_midi(TUNED[kind])
    return float(20 * torch.log10(peak(pitch_hz * ratio) / peak(pitch_hz)))


def loudness(waveform: Tensor, start_s: float, end_s: float) -> float:
    """The RMS of a part."""
    return float(waveform[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)].pow(2).mean().sqrt())


def part(waveform: Tensor, start_s: float, end_s: float) -> Tensor:
    """What sounds between two times."""
    return waveform[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def brightness_of(waveforms: Sequence[Tensor]) -> float:
    """The mean centre of gravity of some sounds."""
    return float(np.mean([centroid_hz(waveform, sample_rate_hz=RATE_HZ) for waveform in waveforms]))


def brightness_within(waveform: Tensor, start_s: float, end_s: float) -> float:
    """The centre of gravity of a part, tapered, for a cut would sound like a click."""
    cut = part(waveform, start_s, end_s)
    return brightness_of([cut * torch.hann_window(len(cut))])


def test_every_pitched_kind_is_drawn_in_the_order_of_the_group() -> None:
    assert tuple(PITCHED) == GROUPS["pitched"]


@pytest.mark.parametrize("kind", PITCHED)
@pytest.mark.parametrize("length_s", [0.05, 0.484, 12.0])
def test_it_can_be_any_length(kind: str, length_s: float) -> None:
    sound = drawn(Wish(kind=kind), length_s=length_s, seed=1)

    assert sound.curves.isfinite().all()
    if length_s < 1:
        assert heard(sound).abs().max() > 0.5


@pytest.mark.parametrize("kind", PITCHED)
@pytest.mark.parametrize("semitones", [-7, 0, 12])
def test_it_is_in_tune(kind: str, semitones: int) -> None:
    midi = TUNED[kind] + semitones
    sound = drawn(Wish(kind=kind, midi=midi), length_s=1.5, seed=semitones + 20)

    assert abs(cents_from(heard(sound), hz_of_midi(midi), sample_rate_hz=RATE_HZ)) < 5


@pytest.mark.parametrize("kind", PITCHED)
def test_bright_is_brighter_than_usual_and_that_than_dark(kind: str) -> None:
    dark, usual, bright = (
        brightness_of([sound_of(kind, brightness=level, seed=seed) for seed in SEEDS]) for level in (-1, 0, 1)
    )

    assert 1.08 * dark < usual
    assert 1.08 * usual < bright


@pytest.mark.parametrize("kind", STRUCK)
def test_long_lasts_longer_than_usual_and_that_than_short(kind: str) -> None:
    short, usual, long = (
        np.mean(
            [
                energy_time_s(sound_of(kind, length=level, length_s=2, seed=seed), sample_rate_hz=RATE_HZ)
                for seed in SEEDS
            ]
        )
        for level in (-1, 0, 1)
    )

    assert 1.3 * short < usual
    assert 1.3 * usual < long


@pytest.mark.parametrize("kind", STRUCK)
def test_what_is_struck_or_plucked_dies_away(kind: str) -> None:
    waveform = sound_of(kind, length_s=4)

    assert loudness(waveform, 3, 3.9) < 0.1 * loudness(waveform, 0, 0.3)


@pytest.mark.parametrize("kind", HELD)
@pytest.mark.parametrize("length_s", [0.8, 4.0])
def test_what_is_held_is_still_there_at_nine_tenths_and_gone_at_the_end(kind: str, length_s: float) -> None:
    waveform = sound_of(kind, length_s=length_s)

    assert loudness(waveform, 0.8 * length_s, 0.92 * length_s) > 0.4 * loudness(waveform, 0, length_s)
    assert loudness(waveform, length_s - 0.005, length_s) < 0.2 * loudness(waveform, 0, length_s)


@pytest.mark.parametrize("kind", sorted(ABRUPT & set(PITCHED)))
@pytest.mark.parametrize("semitones", [-12, 0, 12])
def test_an_abrupt_kind_is_there_within_5_ms(kind: str, semitones: int) -> None:
    waveform = heard(drawn(Wish(kind=kind, midi=TUNED[kind] + semitones), length_s=0.5, seed=3))

    assert attack_s(waveform, sample_rate_hz=RATE_HZ) < 0.005


@pytest.mark.parametrize(
    ("kind", "least_s", "most_s"), [("strings", 0.04, 0.25), ("pad", 0.1, 0.5), ("choir", 0.05, 0.3)]
)
def test_an_ensemble_sets_in_slowly(kind: str, least_s: float, most_s: float) -> None:
    power = sound_of(kind, length_s=2.0).pow(2).view(-1, 882).mean(1)  # every 20 ms
    first = int((power > 0.25 * power[:60].max()).nonzero()[0, 0])

    assert least_s - 0.02 <= first * 0.02 <= most_s


@pytest.mark.parametrize("kind", ["pluck", "bass", "guitar", "lead", "flute", "sub bass"])
def test_a_single_note_repeats_every_period(kind: str) -> None:
    middle = part(sound_of(kind), 0.2, 0.6)

    assert harmonicity(middle, hz_of_midi(TUNED[kind]), sample_rate_hz=RATE_HZ) > 0.9


@pytest.mark.parametrize("kind", ["bell", "mallet"])
def test_a_bell_and_a_bar_have_no_second_harmonic_but_a_stretched_one(kind: str) -> None:
    beginning = part(sound_of(kind, brightness=1), 0.02, 0.3)
    stretched = {"bell": 2.7, "mallet": 4.0}[kind]

    assert max(partial_db(beginning, kind, stretched * off) for off in (0.97, 1, 1.03)) > -26
    assert partial_db(beginning, kind, 2.0) < -35


def test_a_sub_bass_lies_in_its_first_partial() -> None:
    assert energy_share(sound_of("sub bass"), 0, 75) > 0.95
    assert energy_share(sound_of("bass"), 0, 75) < 0.95


def test_an_acid_bass_falls_from_a_bright_peak_that_a_bass_does_not_have() -> None:
    def high(kind: str, start_s: float, end_s: float) -> float:
        return energy_share(part(sound_of(kind), start_s, end_s), 900, 4000)

    assert high("acid bass", 0, 0.06) > 0.3
    assert high("acid bass", 0.4, 0.6) < 0.1
    assert high("bass", 0, 0.06) < 0.1


def test_an_acid_bass_slides_into_its_note() -> None:
    constants = drawn(Wish(kind="acid bass"), length_s=1.0, seed=0).constants

    assert 0.5 < 12 * np.log2(1 + constants.sweep_depth) < 2.5


@pytest.mark.parametrize("kind", ["pluck", "guitar", "piano", "keys", "mallet", "bell", "bass"])
def test_a_string_or_bar_darkens_as_it_rings(kind: str) -> None:
    waveform = sound_of(kind)

    assert brightness_within(waveform, 0, 0.1) > 1.2 * brightness_within(waveform, 0.5, 0.8)


def test_a_guitar_knocks_on_wood_below_its_note_and_rings_longer_than_a_pluck() -> None:
    guitar, pluck = sound_of("guitar"), sound_of("pluck")

    assert energy_share(part(guitar, 0, 0.15), 70, 160) > 20 * energy_share(part(pluck, 0, 0.15), 70, 160)
    assert energy_time_s(guitar, sample_rate_hz=RATE_HZ) > 1.5 * energy_time_s(pluck, sample_rate_hz=RATE_HZ)


def test_a_piano_decays_first_quickly_and_then_slowly_and_longer_when_low() -> None:
    waveform = single_note("piano", length_s=3.0)
    early = loudness(waveform, 0.02, 0.12) / loudness(waveform, 0.22, 0.32)
    late = loudness(waveform, 0.9, 1.0) / loudness(waveform, 1.1, 1.2)
    low, high = (heard(drawn(Wish(kind="piano", midi=midi), length_s=3.0, seed=2)) for midi in (41, 79))

    assert early > 1.2 * late
    assert energy_time_s(low, sample_rate_hz=RATE_HZ) > 1.3 * energy_time_s(high, sample_rate_hz=RATE_HZ)


def test_a_mallet_is_shorter_than_a_bell_and_begins_with_a_wooden_knock() -> None:
    mallet, bell = sound_of("mallet", length_s=2), sound_of("bell", length_s=2)

    assert energy_time_s(mallet, sample_rate_hz=RATE_HZ) < 0.6 * energy_time_s(bell, sample_rate_hz=RATE_HZ)
    knock = energy_share(part(mallet, 0, 0.01), 700, 1300)
    assert knock > 20 * energy_share(part(mallet, 0.2, 0.3), 700, 1300)


def test_an_electric_piano_trembles() -> None:
    power = single_note("keys", length_s=1.6).pow(2).view(-1, 882).mean(1)[5:].log()
    steady = power - torch.linspace(0, 1, len(power)) * (power[-1] - power[0])

    rises = ((steady[1:-1] > steady[:-2]) & (steady[1:-1] > steady[2:])).sum()
    assert 5 <= rises <= 12


def test_an_organ_has_drawbars_for_the_sixth_partial_but_none_for_the_seventh_and_never_decays() -> None:
    waveform = single_note("organ", length_s=2.0)

    assert partial_db(waveform, "organ", 6) > -26
    assert partial_db(waveform, "organ", 5) < -45
    assert partial_db(waveform, "organ", 7) < -45
    assert loudness(waveform, 1.7, 1.9) == pytest.approx(loudness(waveform, 0.1, 0.3), rel=0.05)


def test_a_lead_is_brighter_than_an_organ_and_a_pad() -> None:
    lead, organ, pad = (
        brightness_of([sound_of(kind, seed=seed) for seed in SEEDS]) for kind in ("lead", "organ", "pad")
    )

    assert lead > 2 * organ
    assert lead > 2 * pad


@pytest.mark.parametrize("kind", ["lead", "strings", "choir", "flute"])
def test_a_player_gives_vibrato(kind: str) -> None:
    constants = drawn(Wish(kind=kind), length_s=1.0, seed=0).constants

    assert 4 < constants.vibrato_hz < 7
    assert 0.002 < constants.vibrato < 0.01


@pytest.mark.parametrize(
    ("kind", "breathy"), [("strings", True), ("choir", True), ("flute", True), ("lead", False), ("organ", False)]
)
def test_bows_and_breath_leave_noise_between_the_partials(kind: str, breathy: bool) -> None:
    middle = part(single_note(kind, length_s=2.0), 0.5, 1.7)
    power = torch.fft.rfft(middle.double() * torch.hann_window(len(middle), dtype=torch.float64)).abs().pow(2)
    hz = torch.linspace(0, RATE_HZ / 2, len(power), dtype=torch.float64)
    number = hz / hz_of_midi(TUNED[kind])
    between_partials = ((number - number.round()).abs() > 0.3) & (number > 1.3) & (hz < 8000)
    share = float(power[between_partials].sum() / power.sum())

    assert (share > 2e-4) == breathy
    assert share < 0.05


def test_a_flute_is_almost_a_sine() -> None:
    pitch_hz = hz_of_midi(TUNED["flute"])

    assert energy_share(sound_of("flute"), 0.97 * pitch_hz, 1.03 * pitch_hz) > 0.8


def test_a_choir_sings_a_vowel_which_strings_do_not() -> None:
    """Around 1.7 kHz, between the second and the third formant of every vowel between ooh and aah, little is heard."""

    def dip_db(kind: str) -> float:
        waveform = part(single_note(kind, length_s=2.0), 0.4, 1.8)
        valley, hill = energy_share(waveform, 1600, 1950), energy_share(waveform, 2300, 2900)
        return float(10 * np.log10(hill / valley))

    assert dip_db("choir") > dip_db("strings") + 6


def test_brass_swells_in_a_moment_and_is_brightest_when_loudest() -> None:
    waveform = sound_of("brass stab")
    start, swollen, end = (part(waveform, *window) for window in ((0, 0.015), (0.06, 0.16), (0.4, 0.6)))

    assert swollen.pow(2).mean() > 1.5 * start.pow(2).mean()
    assert swollen.pow(2).mean() > 5 * end.pow(2).mean()
    assert brightness_within(waveform, 0.06, 0.16) > 1.3 * brightness_within(waveform, 0.4, 0.6)


def test_a_drone_is_a_dark_fifth_and_a_pad_a_triad() -> None:
    drone, pad = (drawn(Wish(kind=kind), length_s=2.0, seed=0) for kind in ("drone", "pad"))

    assert drone.constants.chord == (0, 7)
    assert pad.constants.chord in ((0, 3, 7), (0, 4, 7))
    assert energy_share(heard(drone), 0, 600) > 0.9


@pytest.mark.parametrize("kind", ["strings", "choir", "organ", "brass stab", "piano", "keys"])
def test_some_kinds_play_single_notes_and_sometimes_a_chord(kind: str) -> None:
    chords = [drawn(Wish(kind=kind), length_s=0.1, seed=seed).constants.chord for seed in range(60)]

    assert set(chords) == {(0,), (0, 3, 7), (0, 4, 7)}
    assert 30 < chords.count((0,)) < 50


def test_low_ends_stay_in_the_middle_and_ensembles_are_wide() -> None:
    def width(kind: str) -> float:
        return drawn(Wish(kind=kind), length_s=0.1, seed=0).constants.width

    assert all(width(kind) == 0 for kind in ("sub bass", "bass", "acid bass"))
    assert all(width(kind) >= 0.6 for kind in ("strings", "pad", "choir", "drone"))
