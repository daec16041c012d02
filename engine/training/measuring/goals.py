"""What the model was to reach, as data, and how a measurement says whether it did."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.training.measuring.bench import Table

Evaluation = dict[str, Table]  # by the name of the measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One number that was promised. `measure` raises KeyError for an evaluation that lacks it."""

    says: str
    limit: float
    measure: Callable[[Evaluation], float]
    at_most: bool = False
    unit: str = "%"

    def measured(self, evaluation: Evaluation) -> float:
        """The number; not a number if it was not measured."""
        try:
            return self.measure(evaluation)
        except KeyError:
            return math.nan

    def met(self, evaluation: Evaluation) -> bool:
        """Whether it holds; what was not measured does not."""
        number = self.measured(evaluation)
        return number <= self.limit if self.at_most else number >= self.limit


def _of_row(row: str, column: str) -> Callable[[Evaluation], float]:
    return lambda evaluation: evaluation[row]["measures"][column]


def _of(table: str, row: str, column: str) -> Callable[[Evaluation], float]:
    return lambda evaluation: evaluation[table][row][column]


def _weakest(row: str) -> Callable[[Evaluation], float]:
    return lambda evaluation: min(evaluation[row]["judge A"].values())


def _distance_ratio(evaluation: Evaluation) -> float:
    return _of_row("student, 2 steps", "distance")(evaluation) / _of_row("teacher, 50 steps", "distance")(evaluation)


def _worst_of_steps(table: str, column: str, *, worst: Callable[..., float] = min) -> Callable[[Evaluation], float]:
    return lambda evaluation: worst(evaluation[table][f"student, {steps}"][column] for steps in ("1 step", "2 steps"))


GOALS: Final = (
    Goal(says="kind right, 2 steps", limit=0.97, measure=_of_row("student, 2 steps", "judge A")),
    Goal(says="kind right, 1 step", limit=0.95, measure=_of_row("student, 1 step", "judge A")),
    Goal(
        says="kind right with held-out wordings, 2 steps",
        limit=0.95,
        measure=_of_row("student, 2 steps, held-out wordings", "judge A"),
    ),
    Goal(
        says="kind right with held-out wordings, 1 step",
        limit=0.95,
        measure=_of_row("student, 1 step, held-out wordings", "judge A"),
    ),
    Goal(says="weakest kind, 2 steps", limit=0.85, measure=_weakest("student, 2 steps")),
    Goal(says="weakest kind, 1 step", limit=0.85, measure=_weakest("student, 1 step")),
    Goal(
        says="Fréchet distance at 2 steps over the teacher's at 50",
        limit=1.1,
        measure=_distance_ratio,
        at_most=True,
        unit="",
    ),
    Goal(says="asked notes within 5 cents", limit=0.98, measure=_worst_of_steps("notes", "within 5 cents")),
    Goal(
        says="worst event off the grid",
        limit=1.0,
        measure=_worst_of_steps("grid", "worst, ms", worst=max),
        at_most=True,
        unit="ms",
    ),
    Goal(
        says="draft and refinement alike (log-mel correlation, median)",
        limit=0.95,
        measure=_of("refining", "1 step and 2 steps", "median"),
        unit="",
    ),
    Goal(
        says="prompt to 1 s clip, p50",
        limit=12,
        measure=_of("latency", "1 s, 1 step", "p50, ms"),
        at_most=True,
        unit="ms",
    ),
    Goal(
        says="prompt to 1 s clip, p99",
        limit=25,
        measure=_of("latency", "1 s, 1 step", "p99, ms"),
        at_most=True,
        unit="ms",
    ),
    Goal(
        says="prompt to 10 s chord, p50",
        limit=60,
        measure=_of("latency", "10 s chord, 1 step", "p50, ms"),
        at_most=True,
        unit="ms",
    ),
)
