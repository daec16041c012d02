"""What a measurement has at hand: the models, the listeners, and the test cases with their true sounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from engine.families.embedded import Embedded, EmbeddedParts
from engine.training.batches import Example
from engine.training.measuring.judge import JUDGE_RATE_HZ, Judge, mono
from engine.training.measuring.makers import Taught, examples_to_test, truth
from engine.training.measuring.measures import centroid_hz, energy_time_s
from engine.training.measuring.second_judge import SecondJudge
from engine.training.progress import Report

Table = dict[str, dict[str, float]]  # row, then column, to a number: what every measurement gives

DEVELOPMENT_SEED: Final = 101  # for choices made while the model is worked on
TEST_SEED: Final = 404  # for the table in the card, and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Test cases, and the measures of their true sounds."""

    cases: Sequence[Example]
    features: Tensor  # (cases, FEATURES) of the judge
    centroids_hz: list[float]
    decays_s: list[float]

    @classmethod
    def of(cls, cases: Sequence[Example], judge: Judge) -> "Reference":
        """The reference that every row on these cases is held against."""
        features, centroids_hz, decays_s = [], [], []
        for i, example in enumerate(cases):
            waveform = truth(example, 10_000 + i)
            features.append(judge.listen([waveform]).features)
            centroids_hz.append(centroid_hz(mono(waveform), sample_rate_hz=JUDGE_RATE_HZ))
            decays_s.append(energy_time_s(mono(waveform), sample_rate_hz=JUDGE_RATE_HZ))
        return cls(cases=cases, features=torch.cat(features), centroids_hz=centroids_hz, decays_s=decays_s)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that measurements share. What takes long is made when it is first asked for."""

    student: EmbeddedParts
    teacher: EmbeddedParts | None
    judge: Judge
    second: SecondJudge
    prompts: int
    seed: int
    report: Report

    @cached_property
    def family(self) -> Embedded:
        """The student as the engine runs it."""
        return Embedded(self.student)

    @cached_property
    def taught(self) -> Embedded | None:
        """The teacher in its place."""
        return Taught(self.teacher) if self.teacher is not None else None

    @cached_property
    def cases(self) -> list[Example]:
        """Prompts and true sounds, every kind equally often."""
        return examples_to_test(self.prompts, seed=self.seed)

    @cached_property
    def held_out_cases(self) -> list[Example]:
        """The same with wordings that no training has seen."""
        return examples_to_test(self.prompts, seed=self.seed + 1, held_out=True)

    @cached_property
    def reference(self) -> Reference:
        """What rows on `cases` are held against."""
        return Reference.of(self.cases, self.judge)

    @cached_property
    def held_out_reference(self) -> Reference:
        """What rows on `held_out_cases` are held against."""
        return Reference.of(self.held_out_cases, self.judge)


def steps_of(steps: int) -> str:
    """The number of steps in words."""
    return f"{steps} step{'s' if steps > 1 else ''}"
