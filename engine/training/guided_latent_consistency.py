"""AudioLCM's guided latent consistency distillation, on the embedded model's schedule.

The student's answer at a time t_n must be that of its own average at t_(n-k), to where one guided DDIM step of the
teacher leads. Source: arXiv:2406.00356 (AudioLCM), section 3, after arXiv:2310.04378 (latent consistency models); its
released form takes one DDIM step over the whole jump, a pseudo-Huber loss, and an average with mu = 0.95.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoisers.curve_transformer import CurveTransformer
from engine.sampling.schedule import clean_of, ddim_step, noised
from engine.training.batches import LatentBatch
from engine.training.teacher import guided_velocity


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedLatentConsistency:
    """The method and its settings, under the paper's letters where it has some."""

    teacher: CurveTransformer  # psi's network, frozen
    grid: int = 50  # N: times are n / N
    first_jump: int = 10  # k, at the beginning: long jumps carry the end of the trajectory far quickly
    last_jump: int = 4  # k, at the end: one DDIM step over a short jump errs less
    # w ~ U[lowest, highest]. Kind, constants and timbre leave open next to nothing: more than 1 only exaggerates (the
    # teacher's Frechet distance in one step is 84 at 1.5 and 14 at 1; 300 development sounds).
    lowest_guidance: float = 1.0
    highest_guidance: float = 1.0
    huber: float = 0.03  # c
    first_time_share: float = 0.25  # of a batch at t = 1, where every clip begins
    average_decay: float = 0.95  # mu

    def loss(
        self, student: CurveTransformer, average: CurveTransformer, batch: LatentBatch, *, progress: float
    ) -> Tensor:
        """d(f(x_n, c, w, t_n; theta), f(x'_(n-k), c, w, t_(n-k); theta-)), summed up over the batch."""
        rows, device = len(batch.clean), batch.clean.device
        condition, length_s = batch.condition, batch.length_s
        jump = round(self.first_jump + (self.last_jump - self.first_jump) * progress)
        n = torch.randint(1, self.grid + 1, (rows,))
        n[: max(1, round(rows * self.first_time_share))] = self.grid
        time, earlier = (n / self.grid).to(device), ((n - jump).clamp(min=0) / self.grid).to(device)
        w = (self.lowest_guidance + (self.highest_guidance - self.lowest_guidance) * torch.rand(rows)).to(device)
        x = noised(batch.clean, torch.randn(batch.clean.shape).to(device), time)  # x_n
        with torch.autocast(device.type, torch.bfloat16):
            with torch.no_grad():
                # x'_(n-k) = x_n + Psi(x_n, t_n, t_(n-k), c, w): the trajectory is that of the guided teacher.
                led = guided_velocity(self.teacher, x, time, condition, length_s=length_s, guidance_scale=w)
                before = ddim_step(x, led, time, earlier)
                v = average(before, earlier, condition, length_s=length_s, guidance_scale=w)
                target = clean_of(before, v, earlier)  # f at time 0 is the identity: `before` itself
            v = student(x, time, condition, length_s=length_s, guidance_scale=w)
        return pseudo_huber(clean_of(x, v, time), target, c=self.huber)


def pseudo_huber(answer: Tensor, target: Tensor, *, c: float) -> Tensor:
    """The mean over the batch of sqrt(d^2 + c^2) - c, with d^2 a clip's mean square difference."""
    distance = (answer - target).pow(2).mean((1, 2))
    return (torch.sqrt(distance + c**2) - c).mean()
