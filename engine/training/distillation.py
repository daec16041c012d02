"""The student: guided latent consistency distillation, which makes one or two steps enough.

The student's answer at a time must be that of its own average a jump earlier, where the guided teacher leads.
Source: arXiv:2310.04378, with the teacher's schedule.
"""

import copy
from collections.abc import Iterator
from typing import Final

import torch

from engine.denoisers.curve_transformer import CurveTransformer
from engine.sampling.schedule import clean_of, ddim_step, noised
from engine.training.batches import LatentBatch
from engine.training.optimiser import Optimiser, follow
from engine.training.progress import Course, Report
from engine.training.teacher import guided_velocity

GRID: Final = 50  # times are n / 50
JUMP: Final = 10
LOWEST_GUIDANCE: Final = 1.0
HIGHEST_GUIDANCE: Final = 3.0
HUBER: Final = 1e-3  # c^2
PURE_NOISE_SHARE: Final = 0.2  # of a batch at time 1, where every clip begins
AVERAGE_DECAY: Final = 0.95
BATCH_TOKENS: Final = 1280
MOST_ROWS: Final = 60


def distil(
    teacher: CurveTransformer, batches: Iterator[LatentBatch], *, updates: int, report: Report
) -> CurveTransformer:
    """A student of `teacher`; the average of its weights is the result."""
    student = copy.deepcopy(teacher).train().requires_grad_(True)
    average = copy.deepcopy(teacher)
    optimiser = Optimiser(student.parameters(), peak_rate=5e-4, updates=updates, warm_up=30, rest=0.05, weight_decay=0)
    course = Course("student", updates=updates, report=report)
    for update in course:
        batch = next(batches)
        rows = len(batch.clean)
        step = torch.randint(1, GRID + 1, (rows,))
        step[: max(1, round(rows * PURE_NOISE_SHARE))] = GRID
        time, earlier = step / GRID, (step - JUMP).clamp(min=0) / GRID
        guidance = LOWEST_GUIDANCE + (HIGHEST_GUIDANCE - LOWEST_GUIDANCE) * torch.rand(rows)
        x = noised(batch.clean, torch.randn_like(batch.clean), time)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                led = guided_velocity(
                    teacher, x, time, batch.condition, length_s=batch.length_s, guidance_scale=guidance
                )
                before = ddim_step(x, led, time, earlier)
                v = average(before, earlier, batch.condition, length_s=batch.length_s, guidance_scale=guidance)
                target = clean_of(before, v, earlier)  # at time 0 this is `before` itself
            v = student(x, time, batch.condition, length_s=batch.length_s, guidance_scale=guidance)
        distance = (clean_of(x, v, time) - target).pow(2).mean((1, 2))
        loss = (torch.sqrt(distance + HUBER) - HUBER**0.5).mean()
        course.note(optimiser.step(loss))
        follow(average, student, decay=AVERAGE_DECAY, updates=update)
    return average.eval()
