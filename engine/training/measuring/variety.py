"""How much sounds differ: a draft from its refinement, seeds from each other, all of them from what was trained on."""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.training.measuring.bench import Bench, Table, steps_of
from engine.training.measuring.judge import (
    HOP_FRAMES,
    JUDGE_RATE_HZ,
    LISTENED_S,
    fresh_sound,
    log_mel,
    mel_power,
    mono,
    render,
)
from engine.training.measuring.makers import Maker, by_family, oracle

SEEDS: Final = 8
REFINED_STEPS: Final = (2, 4)
FRESH_CLIPS: Final = 3_000  # of the generator, among which the nearest is looked for


def refining(bench: Bench) -> Table:
    """How alike one step and more steps are with the same seed: the correlation of their log-mel spectrograms."""
    draft = by_family(bench.family, steps=1)
    refined = {steps: by_family(bench.family, steps=steps) for steps in REFINED_STEPS}
    likeness: dict[int, list[float]] = {steps: [] for steps in REFINED_STEPS}
    for seed, example in enumerate(bench.cases[: max(50, bench.prompts // 3)]):
        first = draft(example, seed)
        for steps, make in refined.items():
            likeness[steps].append(log_mel_correlation(first, make(example, seed)))
    return {
        f"1 step and {steps_of(steps)}": {
            "median": float(np.median(found)),
            "10th percentile": float(np.quantile(found, 0.1)),
            "prompts": len(found),
        }
        for steps, found in likeness.items()
    }


def log_mel_correlation(one: Tensor, other: Tensor) -> float:
    """Of the log-mel spectrograms, over the time that both sound or could."""
    hops = min(round(LISTENED_S * JUDGE_RATE_HZ), one.shape[-1]) // HOP_FRAMES + 1
    pair = [log_mel(mel_power(mono(waveform)[None]))[0, :, :hops].flatten() for waveform in (one, other)]
    return float(torch.corrcoef(torch.stack(pair))[0, 1])


def variety(bench: Bench) -> Table:
    """The mean distance, in the first judge's features, between the sounds that seeds make of one prompt."""
    cases = bench.cases[: max(25, bench.prompts // 10)]

    def distance(make: Maker) -> float:
        found = [
            torch.pdist(bench.judge.listen([make(example, seed) for seed in range(SEEDS)]).features).mean()
            for example in cases
        ]
        return float(torch.stack(found).mean())

    table = {"oracle": {"distance between seeds": distance(oracle)}}
    for steps in (1, 2):
        made = distance(by_family(bench.family, steps=steps))
        table[f"student, {steps_of(steps)}"] = {
            "distance between seeds": made,
            "beside the oracle's": made / table["oracle"]["distance between seeds"],
        }
    return table


def nearest(bench: Bench) -> Table:
    """How far sounds are from the nearest of many fresh ones of the generator, beside other fresh ones.

    No training sees a clip twice, so there is none that could be copied; what could happen is that the student makes
    the middle of each kind again and again, which lies nearer to its neighbours than a true sound does.
    """
    rng = np.random.default_rng(bench.seed + 6)
    pool = torch.cat(
        [
            bench.judge.listen([render(fresh_sound(rng)[1], seed=place, heard_s=LISTENED_S)]).features
            for place in range(min(FRESH_CLIPS, 10 * bench.prompts))
        ]
    )
    cases = bench.cases[: max(50, bench.prompts // 3)]

    def distance(make: Maker) -> float:
        made = torch.cat([bench.judge.listen([make(example, 500 + i)]).features for i, example in enumerate(cases)])
        return float(torch.cdist(made, pool).amin(1).median())

    table = {"oracle": {"distance to the nearest": distance(oracle)}}
    for steps in (1, 2):
        made = distance(by_family(bench.family, steps=steps))
        table[f"student, {steps_of(steps)}"] = {
            "distance to the nearest": made,
            "beside the oracle's": made / table["oracle"]["distance to the nearest"],
        }
    return table
