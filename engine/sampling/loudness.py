"""A clip's loudness led along a given curve while it is sampled, without training: gradients of what would be heard.

At each step of a consistency trajectory model one more jump tells the whole clip that the step believes in. It is
decoded, its loudness compared with the curve, and its latents moved down the gradient of the difference; the next step
goes on from where the moved latents would have led. The gradient flows through the decoder alone, so no more memory is
needed than the decoder takes, whatever the network's size. It costs one more jump for every step but the last, and at
each step `DESCENTS` decodings and as many ways back through them: many times the work of a clip that follows nothing.

Design: the loss guidance of Saito et al., arXiv:2405.18503, with the gradient stopped at the estimated clip.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from engine.families.published import levels_db_of
from engine.sampling.ctm import SIGMA_MIN, Jump

DESCENTS = 6  # moves of a step's estimate
SMOOTHED_HOPS = 5  # of 20 ms: what lies closer together is heard as one


class LoudnessSteer:
    """A `Steer` towards a curve of loudness.

    Only the curve's shape counts: it and the clip's are compared relative to their own means, because how loud the
    whole is, is decided elsewhere.
    """

    def __init__(
        self, jump: Jump, decode: Callable[[Tensor], Tensor], *, levels_db: Tensor, hop_frames: int, reach: float
    ) -> None:
        """`decode` makes waveforms (batch, frames) of latents, `levels_db` (hops,) is the curve.

        `reach` is how far a step may move its latents, as a share of their own size: 0 not at all, 1 as far as silence.
        """
        self._jump = jump
        self._decode = decode
        self._hop_frames = hop_frames
        self._hops = len(levels_db)
        self._wanted_db = shape_of(levels_db[None])
        self._reach = reach

    def __call__(self, landed: Tensor, *, z: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """`landed` moved as its clean part is: the s/t of it that is still z stays as it is."""
        clean = landed
        if s > SIGMA_MIN:
            each = torch.ones(len(z), device=z.device)
            clean = self._jump(z, t * each, SIGMA_MIN * each)
        return landed + (1 - s / t) * (self.moved(clean) - clean)

    def moved(self, latents: Tensor) -> Tensor:
        """Clean latents (batch, ...) after a few moves down the gradient, each row wherever it was best on the way.

        So no row ends further from the curve than it began. Moves get shorter, and are of a given length whatever the
        gradient's: decibels have steep and flat places.
        """
        best, least = latents, torch.full((len(latents),), torch.inf, device=latents.device)
        reach = self._reach * size_of(latents)
        for descent in range(DESCENTS):
            error, gradient = self._error_and_gradient(latents)
            better = error < least
            best, least = torch.where(beside(better, latents), latents, best), torch.where(better, error, least)
            length = reach * 2 * (DESCENTS - descent) / (DESCENTS * (DESCENTS + 1))  # all of them make `reach`
            latents = latents - beside(length / size_of(gradient), latents) * gradient
        better = self.error(latents) < least
        return torch.where(beside(better, latents), latents, best)

    def error(self, latents: Tensor) -> Tensor:
        """(batch,): the mean square in dB between what latents sound like and the curve, each without its mean."""
        waveform = self._decode(latents)[:, : self._hops * self._hop_frames]
        levels_db = levels_db_of(waveform, hop_frames=self._hop_frames)
        return (shape_of(levels_db) - self._wanted_db).square().mean(1)

    def _error_and_gradient(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            leaf = latents.detach().requires_grad_()
            error = self.error(leaf)
            (gradient,) = torch.autograd.grad(error.sum(), leaf)
        return error.detach(), gradient


def shape_of(levels_db: Tensor) -> Tensor:
    """Levels (batch, hops) smoothed over 100 ms, and less their mean."""
    smoothed = functional.avg_pool1d(levels_db, SMOOTHED_HOPS, 1, SMOOTHED_HOPS // 2, count_include_pad=False)
    return smoothed - smoothed.mean(1, keepdim=True)


def size_of(latents: Tensor) -> Tensor:
    """(batch,): the root mean square of each row, and hardly anything for a row of zeros."""
    return latents.square().flatten(1).mean(1).sqrt().clamp(min=1e-12)


def beside(numbers: Tensor, latents: Tensor) -> Tensor:
    """A number a row, to be taken with rows of latents."""
    return numbers.view(-1, *[1] * (latents.ndim - 1))
