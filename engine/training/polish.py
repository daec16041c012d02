"""The student's last touch: clean latents straight from noise against true ones, levels weighed as ears weigh them.

Kind, constants and timbre nearly decide a clip, so one step can be nearly right. But a latent is a mean over all
curves: a swell that begins 14 dB too loud weighs less there than noise bands that nobody hears. Denoising beside
distillation: arXiv:2310.02279 (consistency trajectory models), section 3.3.
"""

import copy
from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.denoisers.curve_transformer import CurveTransformer
from engine.sampling.schedule import clean_of, noised
from engine.training.batches import LatentBatch
from engine.training.optimiser import Optimiser, follow
from engine.training.progress import Course, Held, Report
from engine.vocoders.curves import HARMONIC_GAIN, NOISE_GAINS
from engine.vocoders.latents import CurveCodec

PEAK_RATE: Final = 3e-4
AVERAGE_DECAY: Final = 0.99
FIRST_TIME_SHARE: Final = 0.6  # of a batch at t = 1, where every clip begins
HEARD_DB: Final = -50.0  # gains below are not heard, and may be anything
GAIN_WEIGHT: Final = 0.2
GAIN_UNIT_DB: Final = 5.0


def polish(
    student: CurveTransformer,
    codec: CurveCodec,
    batches: Iterator[LatentBatch],
    rng: np.random.Generator,
    *,
    updates: int,
    report: Report,
) -> CurveTransformer:
    """The average of the student's weights while it learns from true clips. `rng` is what `batches` draw from."""
    student = student.train().requires_grad_(True)
    average = copy.deepcopy(student).requires_grad_(False)
    optimiser = Optimiser(student.parameters(), peak_rate=PEAK_RATE, updates=updates, warm_up=30, weight_decay=0)
    holds: Held = {"student": student, "average": average, "optimiser": optimiser, "rng": rng}
    course = Course("polish", updates=updates, report=report, holds=holds)
    for update in course:
        batch = next(batches)
        course.note(optimiser.step(truth_loss(student, codec, batch)))
        follow(average, student, decay=AVERAGE_DECAY, updates=update)
    return average.eval()


def truth_loss(student: CurveTransformer, codec: CurveCodec, batch: LatentBatch) -> Tensor:
    """How far one step's answer is from the true clip: in latents, and in the gains that are heard."""
    rows, device = len(batch.clean), batch.clean.device
    time = torch.rand(rows)
    time[: max(1, round(rows * FIRST_TIME_SHARE))] = 1
    time = time.to(device)
    x = noised(batch.clean, torch.randn(batch.clean.shape).to(device), time)
    with torch.autocast(device.type, torch.bfloat16):
        v = student(x, time, batch.condition, length_s=batch.length_s, guidance_scale=torch.ones_like(time))
    answer = clean_of(x, v, time)
    made, true = codec.decode(answer), codec.decode(batch.clean)
    gains = sum(_gain_error(made[..., part], true[..., part]) for part in (HARMONIC_GAIN, NOISE_GAINS))
    return (answer - batch.clean).pow(2).mean() + GAIN_WEIGHT * gains


def _gain_error(made_db: Tensor, true_db: Tensor) -> Tensor:
    heard = (true_db > HEARD_DB) | (made_db > HEARD_DB)
    return ((made_db - true_db) / GAIN_UNIT_DB * heard).pow(2).mean()
