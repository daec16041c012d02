"""The student's last touch brings one step nearer to true clips, in what is heard first of all."""

import numpy as np
import pytest
import torch

from engine.denoisers.curve_transformer import CurveTransformer
from engine.sampling.constants import CONDITION
from engine.training.batches import LatentBatch, latent_batches, wide_sounds
from engine.training.polish import polish, truth_loss
from engine.training.progress import Report
from engine.vocoders.curves import HARMONIC_GAIN
from engine.vocoders.latents import CurveCodec


def codec() -> CurveCodec:
    """A codec of a few clips."""
    fitted = CurveCodec()
    rng = np.random.default_rng(1)
    fitted.fit([sound.curves for _, sound in wide_sounds(200, tokens=12, rng=rng)])
    return fitted


class Answers(CurveTransformer):
    """A student that answers every noise with given latents."""

    def __init__(self, latents: torch.Tensor) -> None:
        super().__init__(condition=CONDITION)
        self.latents = latents

    def forward(self, x: torch.Tensor, time: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        """The velocity that leads there: x0 = cos x - sin v."""
        angle = (torch.pi / 2 * time)[:, None, None]
        return (torch.cos(angle) * x - self.latents) / torch.sin(angle)


def batch_of(codec: CurveCodec, seed: int = 2) -> LatentBatch:
    """One batch of short clips."""
    rng = np.random.default_rng(seed)
    return next(latent_batches(codec, rng, batch_tokens=200, most_rows=16, device=torch.device("cpu")))


def test_the_truth_costs_nothing_and_a_wrong_gain_more_than_as_wrong_a_level() -> None:
    known = codec()
    batch = batch_of(known)

    def cost(channel: int) -> float:
        curves = known.decode(batch.clean)
        curves[..., channel] += 3.0
        return float(truth_loss(Answers(known.encode(curves)), known, batch))

    torch.manual_seed(0)
    assert float(truth_loss(Answers(batch.clean), known, batch)) < 1e-4
    assert cost(HARMONIC_GAIN.start) > 3 * cost(HARMONIC_GAIN.stop + 4)


@pytest.mark.slow
def test_a_polished_student_errs_less() -> None:
    known, rng = codec(), np.random.default_rng(4)
    torch.manual_seed(0)
    student = CurveTransformer(condition=CONDITION)
    test = batch_of(known, seed=9)

    def error(model: CurveTransformer) -> float:
        torch.manual_seed(7)
        with torch.no_grad():
            return float(truth_loss(model, known, test))

    before = error(student)
    batches = latent_batches(known, rng, batch_tokens=200, most_rows=16, device=torch.device("cpu"))
    polished = polish(student, known, batches, rng, updates=40, report=Report(lambda line: None, None))
    assert error(polished) < 0.97 * before  # the first updates of a network that knows nothing
