"""The drums sound as the instruments do: where their energy lies, how fast it goes, what rings and what hisses."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.text.kinds import GROUPS
from engine.training.kinds import draw
from engine.training.kinds.drums import DRUMS
from engine.training.measuring.measures import attack_s, centroid_hz
from engine.training.wishes import Wish, random_wish
from engine.vocoders.curve_decoder import decode

RATE_HZ = 44_100
SEEDS = range(4)

# Where a drummer hears each of them, and how much of the energy must at least be there.
HOME_HZ = {
    "kick": (30, 300, 0.85),
    "snare": (1_000, 12_000, 0.5),
    "rimshot": (400, 2_500, 0.8),
    "clap": (600, 5_000, 0.8),
    "snap": (1_200, 5_000, 0.9),
    "closed hat": (5_000, 20_000, 0.8),
    "open hat": (5_000, 20_000, 0.8),
    "ride": (1_200, 9_000, 0.85),
    "crash": (600, 16_000, 0.8),
    "shaker": (3_000, 10_000, 0.85),
    "tambourine": (4_000, 16_000, 0.8),
    "tom": (70, 250, 0.85),
    "conga": (150, 500, 0.75),
    "woodblock": (600, 2_500, 0.9),
    "cowbell": (450, 1_200, 0.8),
}
# How long each is heard: until it is 30 dB under its loudest moment.
HEARD_S = {
    "kick": (0.2, 0.8),
    "snare": (0.15, 0.6),
    "rimshot": (0.03, 0.15),
    "clap": (0.15, 0.6),
    "snap": (0.03, 0.15),
    "closed hat": (0.04, 0.15),
    "open hat": (0.5, 2.0),
    "ride": (1.2, 4.0),
    "crash": (1.2, 4.0),
    "shaker": (0.06, 0.2),
    "tambourine": (0.15, 0.8),
    "tom": (0.4, 1.2),
    "conga": (0.15, 0.5),
    "woodblock": (0.03, 0.15),
    "cowbell": (0.15, 0.6),
}


def sound_of(kind: str, *, brightness: int = 0, length: int = 0, seed: int = 0, length_s: float = 3.0) -> Tensor:
    """A true sound, both channels as one waveform."""
    wish = Wish(kind=kind, brightness=brightness, length=length)
    sound = draw(wish, length_s=length_s, rng=np.random.default_rng(seed))
    frames = round(length_s * RATE_HZ)
    waveform = decode(sound.curves, sound.constants, seed=seed, frames=frames, sample_rate_hz=RATE_HZ)
    return waveform.mean(0) if waveform.ndim == 2 else waveform


def part(waveform: Tensor, start_s: float, end_s: float) -> Tensor:
    """What sounds between those times."""
    return waveform[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def spectrum_of(waveform: Tensor) -> tuple[Tensor, Tensor]:
    """The power at every frequency, and the frequencies."""
    power = torch.fft.rfft(waveform.double()).abs().square()
    return power, torch.linspace(0, RATE_HZ / 2, len(power), dtype=torch.float64)


def share_between(waveform: Tensor, low_hz: float, high_hz: float) -> float:
    """How much of the energy lies between those frequencies."""
    power, hz = spectrum_of(waveform)
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum())


def strongest_hz(waveform: Tensor, low_hz: float, high_hz: float) -> float:
    """The frequency of the strongest partial between those."""
    power, hz = spectrum_of(waveform)
    return float(hz[(power * ((hz >= low_hz) & (hz < high_hz))).argmax()])


def share_of_strongest_lines(waveform: Tensor) -> float:
    """How much of the energy stands in the eight strongest lines of 20 Hz: near 1 rings, near 0 hisses."""
    power, hz = spectrum_of(waveform)
    left = power.clone()
    for _ in range(8):
        left[(hz - hz[left.argmax()]).abs() < 10] = 0
    return float(1 - left.sum() / power.sum())


def heard_s(waveform: Tensor) -> float:
    """When it is 30 dB under its loudest moment for good."""
    step = RATE_HZ // 200
    moments = waveform[: len(waveform) // step * step].view(-1, step).square().mean(1)
    return float((moments > 1e-3 * moments.max()).nonzero()[-1] + 1) / 200


def mean_over_seeds(measure: Callable[[Tensor], float], kind: str, **wished: int) -> float:
    """A measure of a kind, over a few of its sounds."""
    return float(np.mean([measure(sound_of(kind, seed=seed, **wished)) for seed in SEEDS]))


def test_every_drum_has_curves() -> None:
    assert tuple(DRUMS) == GROUPS["drums"] == tuple(HOME_HZ) == tuple(HEARD_S)


@pytest.mark.parametrize("kind", DRUMS)
@pytest.mark.parametrize("length_s", [0.05, 0.37, 12.0])
def test_a_drum_may_be_cut_or_given_time(kind: str, length_s: float) -> None:
    rng = np.random.default_rng(2)
    sound = draw(random_wish(rng, kind=kind), length_s=length_s, rng=rng)

    assert sound.curves.isfinite().all()
    assert sound_of(kind, length_s=length_s).abs().max() > 0.3


@pytest.mark.parametrize("kind", DRUMS)
def test_a_drum_sounds_where_the_instrument_does(kind: str) -> None:
    low_hz, high_hz, share = HOME_HZ[kind]

    assert all(share_between(sound_of(kind, seed=seed), low_hz, high_hz) > share for seed in SEEDS)


@pytest.mark.parametrize("kind", DRUMS)
def test_a_drum_is_heard_as_long_as_the_instrument(kind: str) -> None:
    least_s, most_s = HEARD_S[kind]

    assert all(least_s < heard_s(sound_of(kind, seed=seed)) < most_s for seed in SEEDS)


@pytest.mark.parametrize("kind", DRUMS)
def test_a_drum_is_there_within_5_ms(kind: str) -> None:
    assert all(attack_s(sound_of(kind, seed=seed), sample_rate_hz=RATE_HZ) < 0.005 for seed in range(8))


@pytest.mark.parametrize("kind", DRUMS)
def test_a_brighter_drum_has_its_weight_higher_up(kind: str) -> None:
    dark_hz, usual_hz, bright_hz = (
        mean_over_seeds(lambda waveform: centroid_hz(waveform, sample_rate_hz=RATE_HZ), kind, brightness=level)
        for level in (-1, 0, 1)
    )
    assert 1.05 * dark_hz < usual_hz
    assert 1.05 * usual_hz < bright_hz


@pytest.mark.parametrize("kind", DRUMS)
def test_a_longer_drum_is_heard_half_as_long_again(kind: str) -> None:
    short_s, usual_s = (mean_over_seeds(heard_s, kind, length=level) for level in (-1, 0))
    long_s = np.mean([heard_s(sound_of(kind, length=1, seed=seed, length_s=10)) for seed in SEEDS])

    assert 1.5 * short_s < usual_s
    assert 1.5 * usual_s < long_s


@pytest.mark.parametrize("kind", ["tom", "conga", "woodblock", "cowbell", "rimshot", "ride"])
def test_skin_wood_and_bell_metal_ring(kind: str) -> None:
    assert mean_over_seeds(share_of_strongest_lines, kind) > 0.6


@pytest.mark.parametrize("kind", ["snare", "clap", "closed hat", "open hat", "crash", "shaker"])
def test_wires_hands_thin_metal_and_beads_hiss(kind: str) -> None:
    assert mean_over_seeds(share_of_strongest_lines, kind) < 0.4


@pytest.mark.parametrize("kind", DRUMS)
def test_another_seed_is_another_drum(kind: str) -> None:
    one, other = (draw(Wish(kind=kind), length_s=0.4, rng=np.random.default_rng(seed)).curves for seed in (1, 2))

    assert (one - other).abs().mean() > 0.5


def test_a_kick_falls_in_its_first_moment() -> None:
    for seed in SEEDS:
        kick = sound_of("kick", seed=seed)
        assert share_between(part(kick, 0, 0.025), 100, 1_000) > 0.4
        assert share_between(part(kick, 0.1, 0.3), 100, 1_000) < 0.1


def test_a_snare_has_both_skin_and_wires() -> None:
    for seed in SEEDS:
        snare = sound_of("snare", seed=seed)
        assert share_between(snare, 120, 400) > 0.05
        assert share_between(snare, 2_000, 12_000) > 0.3


def test_a_rimshot_has_two_partials_more_than_an_octave_apart() -> None:
    for seed in SEEDS:
        rimshot = sound_of("rimshot", seed=seed)
        low_hz, high_hz = strongest_hz(rimshot, 300, 900), strongest_hz(rimshot, 1_200, 3_000)
        assert 400 < low_hz < 620
        assert 3 < high_hz / low_hz < 3.8


def test_a_clap_is_several_hands() -> None:
    for seed in SEEDS:
        level = sound_of("clap", seed=seed).abs()
        first, gap = part(level, 0, 0.003).mean(), part(level, 0.0055, 0.0075).mean()
        ring = part(level, 0.045, 0.06).mean()
        assert gap < 0.7 * first
        assert ring > gap


def test_a_snap_is_narrower_and_drier_than_a_clap() -> None:
    assert mean_over_seeds(heard_s, "snap") < 0.5 * mean_over_seeds(heard_s, "clap")
    assert mean_over_seeds(lambda snap: share_between(snap, 150, 1_000), "snap") < 0.02
    assert mean_over_seeds(lambda snap: share_between(snap, 5_000, 20_000), "snap") < 0.05


def test_a_long_closed_hat_is_still_shorter_than_a_short_open_one() -> None:
    longest_s = max(heard_s(sound_of("closed hat", length=1, seed=seed)) for seed in range(8))
    shortest_s = min(heard_s(sound_of("open hat", length=-1, seed=seed)) for seed in range(8))

    assert longest_s < shortest_s


def test_a_crash_darkens_and_reaches_lower_than_an_open_hat() -> None:
    for seed in SEEDS:
        crash = sound_of("crash", seed=seed)
        early_hz, late_hz = (
            centroid_hz(part(crash, start_s, start_s + 0.3), sample_rate_hz=RATE_HZ) for start_s in (0, 1.5)
        )
        assert late_hz < 0.95 * early_hz
        assert share_between(crash, 400, 4_000) > 10 * share_between(sound_of("open hat", seed=seed), 400, 4_000)


def test_a_ride_pings_before_it_washes() -> None:
    for seed in SEEDS:
        level = sound_of("ride", seed=seed).square()
        assert part(level, 0, 0.05).mean() > 2 * part(level, 0.2, 0.5).mean()
        assert part(level, 1, 1.5).mean() > 0.002 * part(level, 0, 0.05).mean()


def test_a_shaker_swells_before_it_falls() -> None:
    levels = [sound_of("shaker", seed=seed).square() for seed in range(12)]
    beginning, swollen, late = (
        np.mean([float(part(level, start_s, end_s).mean()) for level in levels])
        for start_s, end_s in ((0, 0.005), (0.014, 0.03), (0.09, 0.11))
    )
    assert beginning < 0.6 * swollen
    assert late < 0.3 * swollen


def test_a_tambourine_strikes_twice_and_its_jingles_are_above_everything_but_hats() -> None:
    levels = [sound_of("tambourine", seed=seed).square() for seed in range(12)]
    assert np.mean([float(part(level, 0.04, 0.075).mean() / part(level, 0.1, 0.135).mean()) for level in levels]) > 1.5
    assert mean_over_seeds(lambda jingles: share_between(jingles, 20, 2_500), "tambourine") < 0.05
    assert mean_over_seeds(share_of_strongest_lines, "tambourine") > mean_over_seeds(
        share_of_strongest_lines, "open hat"
    )


def test_a_tom_sinks_and_a_conga_hardly_does() -> None:
    def fall(kind: str, seed: int) -> float:
        waveform = sound_of(kind, seed=seed)
        early_hz, late_hz = (strongest_hz(part(waveform, *times), 60, 600) for times in ((0.01, 0.06), (0.15, 0.3)))
        return early_hz / late_hz

    assert min(fall("tom", seed) for seed in SEEDS) > 1.12
    assert max(fall("conga", seed) for seed in SEEDS) < 1.12


def test_a_conga_is_slapped() -> None:
    for seed in SEEDS:
        conga = sound_of("conga", seed=seed)
        assert share_between(part(conga, 0, 0.02), 1_000, 4_000) > 10 * share_between(
            part(conga, 0.06, 0.2), 1_000, 4_000
        )


def test_a_woodblock_is_hollow_with_its_second_partial_well_over_an_octave_up() -> None:
    for seed in SEEDS:
        woodblock = sound_of("woodblock", seed=seed)
        low_hz, high_hz = strongest_hz(woodblock, 600, 1_200), strongest_hz(woodblock, 1_500, 4_000)
        assert 2.2 < high_hz / low_hz < 2.7


def test_a_cowbell_clashes_near_a_fifth() -> None:
    for seed in SEEDS:
        cowbell = sound_of("cowbell", seed=seed)
        low_hz, high_hz = strongest_hz(cowbell, 450, 650), strongest_hz(cowbell, 700, 1_000)
        assert 480 < low_hz < 620
        assert 1.4 < high_hz / low_hz < 1.53
