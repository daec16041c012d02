"""The teacher: v-prediction diffusion on the latents of fresh clips, and its guided sampler."""

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.denoisers.curve_transformer import CurveTransformer
from engine.sampling.schedule import ddim_step, noised, velocity
from engine.training.batches import LatentBatch
from engine.training.optimiser import Optimiser, follow
from engine.training.progress import Course, Held, Report

MOST_ROWS: Final = 48
CONDITION_DROPPED: Final = 0.1
AVERAGE_DECAY: Final = 0.998


def random_times(count: int) -> Tensor:
    """Noise times, stratified, denser where the work is; an eighth close to noise alone, where one step begins."""
    even = ((torch.arange(count) + torch.rand(count)) / count).clamp(1e-4, 1 - 1e-4)
    times = torch.sigmoid(1.3 * torch.logit(even) + 0.6)
    late = max(1, count // 8)
    times[torch.randperm(count)[:late]] = 1 - 0.03 * torch.rand(late)
    return times


def train_teacher(
    teacher: CurveTransformer,
    batches: Iterator[LatentBatch],
    rng: np.random.Generator,
    *,
    updates: int,
    report: Report,
) -> CurveTransformer:
    """Train `teacher` where it is; the average of its weights is the result. `rng` is what `batches` draw from."""
    device = next(teacher.parameters()).device
    average = copy.deepcopy(teacher)
    teacher.train()
    optimiser = Optimiser(teacher.parameters(), peak_rate=1.5e-3, updates=updates, warm_up=60)
    holds: Held = {"teacher": teacher, "average": average, "optimiser": optimiser, "rng": rng}
    course = Course("teacher", updates=updates, report=report, holds=holds)
    for update in course:
        batch = next(batches)
        time = random_times(len(batch.clean)).to(device)
        noise = torch.randn(batch.clean.shape).to(device)
        dropped = (torch.rand(len(time), 1) < CONDITION_DROPPED).to(device)
        condition = torch.where(dropped, teacher.no_condition, batch.condition)
        with torch.autocast(device.type, torch.bfloat16):
            v = teacher(noised(batch.clean, noise, time), time, condition, length_s=batch.length_s)
        loss = (v - velocity(batch.clean, noise, time)).pow(2).mean()
        course.note(optimiser.step(loss))
        follow(average, teacher, decay=AVERAGE_DECAY, updates=update)
    return average.eval()


def guided_velocity(
    teacher: CurveTransformer, x: Tensor, time: Tensor, condition: Tensor, *, length_s: Tensor, guidance_scale: Tensor
) -> Tensor:
    """v with classifier-free guidance (arXiv:2207.12598): 1 is the condition alone, more exaggerates it."""
    nothing = teacher.no_condition.expand_as(condition)
    v: Tensor = teacher(
        torch.cat([x, x]), torch.cat([time, time]), torch.cat([condition, nothing]), length_s=length_s.repeat(2)
    )
    asked, unasked = v.chunk(2)
    return unasked + guidance_scale[:, None, None] * (asked - unasked)


@torch.inference_mode()
def sample_teacher(
    teacher: CurveTransformer,
    noise: Tensor,
    condition: Tensor,
    *,
    length_s: Tensor,
    guidance_scale: float,
    steps: int,
) -> Tensor:
    """Clean latents from noise in `steps` equal DDIM steps: what the student is measured against."""
    x = noise
    guidance = torch.full((len(x),), guidance_scale)
    times = torch.linspace(1, 0, steps + 1).expand(len(x), -1).unbind(1)
    for time, next_time in pairwise(times):
        v = guided_velocity(teacher, x, time, condition, length_s=length_s, guidance_scale=guidance)
        x = ddim_step(x, v, time, next_time)
    return x
