"""Facts about each kind of sound, written down from what is known of it, not learned: a third opinion.

A kick has its energy at the bottom and is soon over, a riser ends brighter than it began. Such facts are weaker than a
judge (several kinds may share them), but no training can bend them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import inf
from typing import Final

import numpy as np

from engine.training.measuring.analysis import LEVEL_STEP_S, STEP_S, TINY, Analysis, swing

Measure = Callable[[Analysis], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that is measured on a sound, and between which limits it has to lie."""

    says: str
    measure: Measure
    least: float = -inf
    most: float = inf

    def holds(self, sound: Analysis) -> bool:
        """Whether it is true of this sound."""
        return self.least <= self.measure(sound) <= self.most


def mostly(low_hz: float, high_hz: float, share: float) -> Fact:
    """At least that share of the energy lies between two frequencies."""
    says = f"at least {share:.0%} of its energy from {low_hz:g} to {high_hz:g} Hz"
    return Fact(says=says, measure=lambda sound: sound.share_between(low_hz, high_hz), least=share)


def below(hz: float, share: float) -> Fact:
    """At least that share of the energy lies under a frequency."""
    return Fact(says=f"at least {share:.0%} of its energy below {hz:g} Hz", measure=_under(hz), least=share)


def hardly_below(hz: float, share: float) -> Fact:
    """At most that share of the energy lies under a frequency."""
    return Fact(says=f"at most {share:.0%} of its energy below {hz:g} Hz", measure=_under(hz), most=share)


def above(hz: float, share: float) -> Fact:
    """At least that share of the energy lies over a frequency."""
    says = f"at least {share:.0%} of its energy above {hz:g} Hz"
    return Fact(says=says, measure=lambda sound: sound.share_between(hz, inf), least=share)


def _under(hz: float) -> Measure:
    return lambda sound: sound.share_between(0, hz)


def gone_within(seconds: float, *, below_db: float = 20) -> Fact:
    """After its loudest moment it falls that far, for good, in so many seconds."""
    return Fact(
        says=f"{below_db:g} dB down within {1000 * seconds:g} ms of its peak",
        measure=lambda sound: sound.gone_s(below_db),
        most=seconds,
    )


def rings(seconds: float, *, below_db: float = 20) -> Fact:
    """It stays above that level for so many seconds, or as long as its clip does."""
    return Fact(
        says=f"within {below_db:g} dB of its peak for {1000 * seconds:g} ms, or to the end",
        measure=lambda sound: sound.gone_s(below_db) / min(seconds, 0.8 * (sound.length_s - sound.peak_s)),
        least=1,
    )


def starts_within(seconds: float) -> Fact:
    """It is at half of its peak level within so many seconds."""
    return Fact(says=f"at half its peak within {1000 * seconds:g} ms", measure=_onset_s, most=seconds)


def loudest_after(seconds: float) -> Fact:
    """Its loudest moment comes so many seconds after its beginning."""
    return Fact(says=f"loudest after {1000 * seconds:g} ms or later", measure=lambda sound: sound.peak_s, least=seconds)


def swells(seconds: float) -> Fact:
    """It takes more than so many seconds to half of its peak level."""
    return Fact(says=f"at half its peak after {1000 * seconds:g} ms or later", measure=_onset_s, least=seconds)


def _onset_s(sound: Analysis) -> float:
    return float(np.flatnonzero(sound.level > 0.5)[0]) * LEVEL_STEP_S


def lasts(share: float = 0.12) -> Fact:
    """Its last third still carries a fair part of its energy."""
    measure = partial(_energy, from_share=2 / 3, to_share=1)
    return Fact(says=f"at least {share:.0%} of its energy in its last third", measure=measure, least=share)


def dies_away(share: float = 0.6) -> Fact:
    """Most of its energy comes in its first half."""
    measure = partial(_energy, from_share=0, to_share=0.5)
    return Fact(says=f"at least {share:.0%} of its energy in its first half", measure=measure, least=share)


def grows() -> Fact:
    """Its last third is much louder than its first."""
    return Fact(says="its last third at least 6 dB over its first", measure=_growth_db, least=6)


def fades() -> Fact:
    """Its last third is much softer than its first."""
    return Fact(says="its last third at least 6 dB under its first", measure=_growth_db, most=-6)


def _energy(sound: Analysis, *, from_share: float, to_share: float) -> float:
    return sound.energy_share(from_share, to_share)


def _growth_db(sound: Analysis) -> float:
    first, last = sound.energy_share(0, 1 / 3), sound.energy_share(2 / 3, 1)
    return float(10 * np.log10((last + 1e-9) / (first + 1e-9)))


def loudest_between(from_share: float, to_share: float) -> Fact:
    """Half of its energy has passed at some time in that part of the clip."""
    return Fact(
        says=f"half its energy has passed between {from_share:.0%} and {to_share:.0%} of its time",
        measure=_middle_share,
        least=from_share,
        most=to_share,
    )


def _middle_share(sound: Analysis) -> float:
    passed = (sound.level**2).cumsum()
    return float(np.searchsorted(passed, passed[-1] / 2) / len(passed))


def periodic(likeness: float = 0.8) -> Fact:
    """One period later it looks much the same."""
    return Fact(
        says=f"at least {likeness:.0%} alike one period later",
        measure=lambda sound: sound.harmonic,
        least=likeness,
    )


def partials(share: float = 0.6) -> Fact:
    """Much of its energy lies in partials that stand out from what is around them."""
    return Fact(
        says=f"at least {share:.0%} of its energy in separate partials", measure=lambda sound: sound.peaked, least=share
    )


def noisy(share: float = 0.3) -> Fact:
    """Little of its energy lies in separate partials."""
    return Fact(
        says=f"at most {share:.0%} of its energy in separate partials", measure=lambda sound: sound.peaked, most=share
    )


def darkens(octaves: float, *, split_s: float | None = None) -> Fact:
    """The middle of its spectrum sinks, from the first half (or the time before `split_s`) to the rest."""
    return Fact(
        says=f"its spectrum's middle {octaves:g} octaves lower later on",
        measure=partial(_moved_octaves, split_s=split_s),
        most=-octaves,
    )


def closes(hz: float, fall_db: float, *, early_s: float, late_s: float) -> Fact:
    """What lies above a frequency falls, beside the whole, from its first moments to a later time."""

    def measure(sound: Analysis) -> float:
        shares = []
        for columns in (slice(0, round(early_s / STEP_S)), slice(round(late_s / STEP_S), None)):
            spectrum = sound.power[columns].sum(0)
            shares.append(spectrum[sound.bin_hz >= hz].sum() / max(spectrum.sum(), TINY))
        return float(10 * np.log10((shares[0] + 1e-9) / (shares[1] + 1e-9)))

    says = f"{fall_db:g} dB less above {hz:g} Hz after {1000 * late_s:g} ms than at first"
    return Fact(says=says, measure=measure, least=fall_db)


def brightens(octaves: float) -> Fact:
    """The middle of its spectrum rises from the first half to the second."""
    return Fact(
        says=f"its spectrum's middle {octaves:g} octaves higher later on",
        measure=partial(_moved_octaves, split_s=None),
        least=octaves,
    )


def _moved_octaves(sound: Analysis, *, split_s: float | None) -> float:
    split_s = sound.length_s / 2 if split_s is None else split_s
    return sound.centroid_between(split_s + STEP_S, sound.length_s) - sound.centroid_between(0, split_s)


def pitch_sinks(octaves: float) -> Fact:
    """Its pitch ends lower than it begins."""
    return Fact(says=f"its pitch sinks by at least {octaves:g} octaves", measure=_pitch_moved, most=-octaves)


def pitch_ranges(octaves: float) -> Fact:
    """Its pitch covers a range."""
    return Fact(says=f"its pitch covers at least {octaves:g} octaves", measure=_pitch_range, least=octaves)


def _pitch_moved(sound: Analysis) -> float:
    pitches = sound.pitches_hz
    return float(np.log2(pitches[-1] / pitches[0])) if len(pitches) > 1 else 0.0


def _pitch_range(sound: Analysis) -> float:
    pitches = sound.pitches_hz
    return float(np.ptp(np.log2(np.quantile(pitches, [0.1, 0.9])))) if len(pitches) > 1 else 0.0


def pulses(depth: float, low_hz: float, high_hz: float) -> Fact:
    """Its level comes and goes at such rates."""
    return Fact(
        says=f"its level swings by {depth:g} at {low_hz:g} to {high_hz:g} Hz",
        measure=lambda sound: sound.modulation(low_hz, high_hz),
        least=depth,
    )


def steady(depth: float) -> Fact:
    """Its level hardly moves at 2 to 20 Hz, its first and last tenth of a second left out."""
    return Fact(says=f"its level swings by no more than {depth:g} at 2 to 20 Hz", measure=_unrest, most=depth)


def _unrest(sound: Analysis) -> float:
    level = np.sqrt(sound.power.sum(1))
    edge = min(round(0.1 / STEP_S), len(level) // 4)
    return swing(level[edge : len(level) - edge], 2, 20)


def spiky(crest_db: float) -> Fact:
    """Its highest sample stands far over its RMS."""
    return Fact(says=f"crest at least {crest_db:g} dB", measure=lambda sound: sound.crest_db, least=crest_db)


def bursts(count: int, *, within_s: float) -> Fact:
    """Its level rises anew that often within its first moments."""
    return Fact(
        says=f"at least {count} bursts within {1000 * within_s:g} ms",
        measure=partial(_bursts, within_s=within_s),
        least=count,
    )


def _bursts(sound: Analysis, *, within_s: float) -> int:
    level_db = 20 * np.log10(sound.level[: round(within_s / LEVEL_STEP_S)] + 1e-3)
    count, lowest = 1, level_db[0]
    for before, here in pairwise(level_db):
        lowest = min(lowest, here)
        if here > lowest + 4 and here > -15 and here >= before:  # a rise out of a dip
            count, lowest = count + 1, inf
        if here < before:
            lowest = min(lowest, here)
    return count


def broken(share: float) -> Fact:
    """While it sounds, it is silent for that share of the time."""
    return Fact(
        says=f"40 dB under its peak for at least {share:.0%} of the time it sounds", measure=_holes, least=share
    )


def _holes(sound: Analysis) -> float:
    loud = sound.level > 0.01
    last = int(np.flatnonzero(loud)[-1]) + 1
    return float(1 - loud[:last].mean())


FACTS: Final[dict[str, tuple[Fact, ...]]] = {
    "kick": (below(160, 0.6), gone_within(1.0), starts_within(0.02), darkens(0.3, split_s=0.03)),
    "snare": (above(1_000, 0.15), mostly(100, 500, 0.02), gone_within(0.9), starts_within(0.01)),
    "rimshot": (mostly(250, 9_000, 0.85), gone_within(0.2), starts_within(0.01)),
    "clap": (hardly_below(400, 0.15), mostly(500, 7_000, 0.7), bursts(3, within_s=0.06), gone_within(0.6)),
    "snap": (mostly(900, 6_000, 0.8), gone_within(0.2), noisy(0.5)),
    "closed hat": (above(4_000, 0.7), gone_within(0.25), starts_within(0.01)),
    "open hat": (above(4_000, 0.7), rings(0.25), starts_within(0.02)),
    "ride": (above(1_000, 0.75), rings(0.3, below_db=30), hardly_below(400, 0.1)),
    "crash": (above(800, 0.7), rings(0.25), starts_within(0.03), noisy(0.4)),
    "shaker": (above(2_000, 0.8), gone_within(0.5), loudest_after(0.006), noisy(0.4)),
    "tambourine": (above(3_000, 0.8), gone_within(0.9), starts_within(0.02)),
    "tom": (mostly(40, 450, 0.7), gone_within(1.5), starts_within(0.02), darkens(0.1, split_s=0.08)),
    "conga": (mostly(100, 1_500, 0.7), gone_within(0.7), starts_within(0.015)),
    "woodblock": (mostly(300, 5_000, 0.85), gone_within(0.25), starts_within(0.01)),
    "cowbell": (mostly(250, 5_000, 0.8), partials(0.6), gone_within(1.2), starts_within(0.01)),
    "sub bass": (below(250, 0.85), periodic(0.8), starts_within(0.03)),
    "bass": (below(700, 0.75), periodic(0.8), starts_within(0.03), dies_away(0.5)),
    "acid bass": (below(3_000, 0.75), periodic(0.7), closes(1_500, 4, early_s=0.1, late_s=0.3), starts_within(0.03)),
    "pluck": (periodic(0.7), dies_away(), starts_within(0.02), darkens(0.02)),
    "guitar": (periodic(0.7), mostly(60, 4_000, 0.9), starts_within(0.02), dies_away(0.5)),
    "mallet": (partials(0.6), starts_within(0.02), dies_away()),
    "bell": (partials(0.6), mostly(150, 16_000, 0.95), starts_within(0.02), dies_away()),
    "piano": (periodic(0.6), dies_away(), starts_within(0.02)),
    "keys": (periodic(0.6), dies_away(), starts_within(0.03)),
    "organ": (periodic(0.5), lasts(), starts_within(0.03)),
    "lead": (periodic(0.7), lasts(), starts_within(0.04)),
    "strings": (periodic(0.4), lasts(), swells(0.02), above(800, 0.02)),
    "pad": (periodic(0.4), lasts(), swells(0.03), below(3_000, 0.8)),
    "choir": (periodic(0.4), lasts(), swells(0.02), mostly(150, 4_000, 0.8)),
    "brass stab": (periodic(0.5), gone_within(1.6), starts_within(0.07), dies_away(0.5)),
    "flute": (periodic(0.7), lasts(), mostly(100, 6_000, 0.85)),
    "drone": (below(800, 0.8), periodic(0.4), lasts(0.05)),
    "riser": (brightens(1.0), grows()),
    "downlifter": (darkens(1.0), fades()),
    "sweep": (noisy(0.3), loudest_between(0.3, 0.75)),
    "impact": (below(300, 0.5), starts_within(0.06), darkens(0.2, split_s=0.06), dies_away(0.5)),
    "sub drop": (below(400, 0.7), pitch_sinks(0.2), periodic(0.7)),
    "zap": (darkens(0.5, split_s=0.1), starts_within(0.02), dies_away()),
    "glitch": (broken(0.05), spiky(10)),
    "siren": (periodic(0.5), pitch_ranges(0.15), lasts(0.08)),
    "reverse cymbal": (grows(), above(2_000, 0.8), loudest_between(0.6, 1.0)),
    "noise": (noisy(0.1), steady(0.25), above(1_000, 0.3), lasts()),
    "vinyl": (noisy(0.2), spiky(14), rings(9, below_db=50)),
    "rain": (above(1_500, 0.8), noisy(0.15), lasts()),
    "water": (mostly(200, 6_000, 0.85), lasts(0.06)),
    "waves": (noisy(0.15), loudest_between(0.2, 0.7), mostly(80, 12_000, 0.8)),
    "wind": (mostly(120, 3_500, 0.9), below(2_000, 0.8), rings(9, below_db=50)),
    "fire": (below(500, 0.15), noisy(0.3), spiky(12), rings(9, below_db=50)),
    "crowd": (mostly(200, 5_000, 0.8), noisy(0.45), rings(9, below_db=50), pulses(0.1, 1, 10)),
    "thunder": (below(400, 0.5), noisy(0.5), loudest_between(0, 0.6)),
}


def facts_that_hold(kind: str, sound: Analysis) -> list[bool]:
    """For each of the kind's facts, whether it is true of a sound."""
    return [fact.holds(sound) for fact in FACTS[kind]]
