"""One row of the main table: a way of making the test sounds, heard by both judges and held against what is known."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from engine.text.kinds import ATTRIBUTES, KINDS
from engine.text.notes import hz_of_midi
from engine.training.batches import Example
from engine.training.measuring.acoustics import FACTS, facts_that_hold
from engine.training.measuring.analysis import Analysis
from engine.training.measuring.bench import Bench, Reference, Table
from engine.training.measuring.judge import JUDGE_RATE_HZ, Verdict, mono
from engine.training.measuring.makers import Maker
from engine.training.measuring.measures import (
    attack_s,
    centroid_hz,
    energy_time_s,
    frechet_distance,
    harmonicity,
    octaves_apart,
)
from engine.training.measuring.second_judge import properties_of
from engine.training.wishes import ABRUPT, APPLIES

ATTACK_WITHIN_S: Final = 0.005
SINGLE_STRINGS: Final = ("bass", "pluck", "sub bass", "guitar")  # these should repeat after each period of their note
PAIRS_KEPT: Final = 10  # of kinds that are taken for one another


def measured(make: Maker, reference: Reference, bench: Bench) -> Table:
    """The row's "measures", its accuracy by kind for both judges, and the kinds it is most often mistaken for."""
    cases = reference.cases
    verdicts: list[Verdict] = []
    seconds, facts, centroids_hz, decays_s, attacks_s, likeness = [], [], [], [], [], []
    for i, example in enumerate(cases):
        waveform = make(example, 20_000 + i)
        middle = mono(waveform)
        verdicts.append(bench.judge.listen([waveform]))
        sound = Analysis(waveform, sample_rate_hz=JUDGE_RATE_HZ)
        seconds.append(properties_of(sound))
        facts.append(facts_that_hold(example.wish.kind, sound))
        centroids_hz.append(centroid_hz(middle, sample_rate_hz=JUDGE_RATE_HZ))
        decays_s.append(energy_time_s(middle, sample_rate_hz=JUDGE_RATE_HZ))
        if example.wish.kind in ABRUPT:
            attacks_s.append(attack_s(middle, sample_rate_hz=JUDGE_RATE_HZ))
        if example.wish.kind in SINGLE_STRINGS and example.wish.note_said and example.wish.midi is not None:
            likeness.append(harmonicity(middle, hz_of_midi(example.wish.midi), sample_rate_hz=JUDGE_RATE_HZ))
    verdict = Verdict(
        kinds=torch.cat([one.kinds for one in verdicts]),
        attributes=torch.cat([one.attributes for one in verdicts]),
        features=torch.cat([one.features for one in verdicts]),
    )
    kinds = np.array([KINDS.index(example.wish.kind) for example in cases])
    first, second = verdict.kinds.argmax(1).numpy(), bench.second.verdict(np.stack(seconds)).argmax(1)
    return {
        "measures": {
            "judge A": float((first == kinds).mean()),
            "judge B": float((second == kinds).mean()),
            "both": float(((first == kinds) & (second == kinds)).mean()),
            "facts": float(np.mean([np.mean(held) for held in facts])),
            **_attribute_accuracy(verdict, cases),
            "distance": frechet_distance(verdict.features, reference.features),
            "centroid": _median_octaves(centroids_hz, reference.centroids_hz),
            "decay": _median_octaves(decays_s, reference.decays_s),
            "attack": float(np.mean(np.array(attacks_s) <= ATTACK_WITHIN_S)) if attacks_s else float("nan"),
            "harmonicity": float(np.median(likeness)) if likeness else float("nan"),
        },
        "judge A": _by_kind(first == kinds, kinds),
        "judge B": _by_kind(second == kinds, kinds),
        "facts": _facts_by_kind(facts, cases),
        "taken for another": _pairs(kinds, first),
    }


def _by_kind(right: NDArray[np.bool_], kinds: NDArray[np.int64]) -> dict[str, float]:
    return {kind: float(right[kinds == place].mean()) for place, kind in enumerate(KINDS) if (kinds == place).any()}


def _facts_by_kind(facts: Sequence[Sequence[bool]], cases: Sequence[Example]) -> dict[str, float]:
    """The share of sounds for which each fact holds."""
    held: dict[str, list[bool]] = {}
    for row, example in zip(facts, cases, strict=True):
        for fact, holds in zip(FACTS[example.wish.kind], row, strict=True):
            held.setdefault(f"{example.wish.kind}: {fact.says}", []).append(holds)
    return {says: float(np.mean(row)) for says, row in held.items()}


def _pairs(kinds: NDArray[np.int64], heard: NDArray[np.int64]) -> dict[str, float]:
    """The most frequent mistakes, as shares of all the sounds of the kind that was asked."""
    counts = Counter((int(asked), int(found)) for asked, found in zip(kinds, heard, strict=True) if asked != found)
    return {
        f"{KINDS[asked]} taken for {KINDS[found]}": float(count / (kinds == asked).sum())
        for (asked, found), count in counts.most_common(PAIRS_KEPT)
    }


def _median_octaves(made: list[float], true: list[float]) -> float:
    return float(np.median([octaves_apart(one, other) for one, other in zip(made, true, strict=True)]))


def _attribute_accuracy(verdict: Verdict, cases: Sequence[Example]) -> dict[str, float]:
    heard = verdict.attributes.argmax(2) - 1
    levels = torch.tensor([example.wish.levels for example in cases])
    shares = {}
    for place, attribute in enumerate(ATTRIBUTES):
        applies = torch.tensor([example.wish.kind in APPLIES[attribute] for example in cases])
        shares[attribute] = float((heard[:, place] == levels[:, place])[applies].float().mean())
    return shares
