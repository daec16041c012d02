"""A student from a teacher: the loop that every method of distillation shares, and the one seam between them."""

import copy
from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
from torch import Tensor

from engine.denoisers.curve_transformer import CurveTransformer
from engine.training.batches import LatentBatch
from engine.training.optimiser import Optimiser, follow
from engine.training.progress import Course, Held, Report

MOST_ROWS: Final = 60
SLOW_DECAY: Final = 0.995
# The teacher is nearly right in one step already: at 5e-4 the student forgot more than it learned (Frechet distance at
# 2 steps 1.6 times the 50-step teacher's; 1.05 at 1e-4, 0.94 at 3e-5; 400 development prompts).
PEAK_RATE: Final = 1e-5


class Method(Protocol):
    """How a student learns from a teacher: a loss. All else is `distil`."""

    @property
    def average_decay(self) -> float:
        """Of the average of the student's weights, its target."""

    def loss(
        self, student: CurveTransformer, average: CurveTransformer, batch: LatentBatch, *, progress: float
    ) -> Tensor:
        """The loss of one batch; `progress` goes from 0 to 1 over the training. Only `student` gets gradients."""


def distil(
    teacher: CurveTransformer,
    method: Method,
    batches: Iterator[LatentBatch],
    rng: np.random.Generator,
    *,
    updates: int,
    report: Report,
) -> CurveTransformer:
    """A student that begins as `teacher` (theta <- phi). `rng` is what `batches` draw from.

    Two averages of its weights are kept: the method's quick one, which is its target, and a slow one, the result.
    """
    student = copy.deepcopy(teacher).train().requires_grad_(True)
    average = copy.deepcopy(teacher).requires_grad_(False)
    slow_average = copy.deepcopy(teacher).requires_grad_(False)
    optimiser = Optimiser(
        student.parameters(), peak_rate=PEAK_RATE, updates=updates, warm_up=30, rest=0.03, weight_decay=0
    )
    holds: Held = {
        "student": student,
        "average": average,
        "slow average": slow_average,
        "optimiser": optimiser,
        "rng": rng,
    }
    course = Course("student", updates=updates, report=report, holds=holds)
    for update in course:
        loss = method.loss(student, average, next(batches), progress=update / updates)
        course.note(optimiser.step(loss))
        follow(average, student, decay=method.average_decay, updates=update)  # theta- <- mu theta- + (1 - mu) theta
        follow(slow_average, student, decay=SLOW_DECAY, updates=update)
    return slow_average.eval()
