"""Guided latent consistency distillation, held against what its formulas say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.denoisers.curve_transformer import CurveTransformer
from engine.sampling.schedule import clean_of, signal_and_noise
from engine.training import distillation
from engine.training.batches import LatentBatch
from engine.training.distillation import distil
from engine.training.guided_latent_consistency import GuidedLatentConsistency, pseudo_huber
from engine.training.progress import Report
from engine.vocoders.latents import LATENT

CLEAN = 0.7


@dataclass
class Network:
    """Stands for a denoiser that always answers `clean`, and remembers what it was asked."""

    clean: float = CLEAN
    asked: list[tuple[Tensor, Tensor, Tensor | None]] = field(default_factory=list)  # x, time, guidance

    no_condition = torch.zeros(3)

    def __call__(
        self, x: Tensor, time: Tensor, condition: Tensor, *, length_s: Tensor, guidance_scale: Tensor | None = None
    ) -> Tensor:
        self.asked.append((x, time, guidance_scale))
        a, s = signal_and_noise(time)
        return (a * x - self.clean) / s.clamp(min=1e-6)

    @property
    def network(self) -> CurveTransformer:
        """The same, for the type checker."""
        return cast(CurveTransformer, self)


def batch(rows: int = 64) -> LatentBatch:
    """Clips that are all the same constant."""
    return LatentBatch(clean=torch.full((rows, 2, 4), CLEAN), condition=torch.ones(rows, 3), length_s=torch.ones(rows))


def test_where_all_agree_there_is_nothing_to_learn() -> None:
    torch.manual_seed(0)
    method = GuidedLatentConsistency(teacher=Network().network)

    loss = method.loss(Network().network, Network().network, batch(), progress=0.5)

    assert float(loss) < 1e-4


def test_the_student_is_led_to_the_answer_of_its_average() -> None:
    torch.manual_seed(0)
    method = GuidedLatentConsistency(teacher=Network().network, huber=0.001, first_jump=1, last_jump=1)

    loss = method.loss(Network(clean=CLEAN).network, Network(clean=CLEAN + 0.2).network, batch(), progress=0)

    # One time in fifty is the first of the grid, where the target is the trajectory itself.
    assert float(loss) == pytest.approx(0.2 - 0.001, abs=0.01)


def test_the_average_is_asked_one_jump_earlier_and_jumps_get_shorter() -> None:
    for progress, jump in ((0.0, 10), (0.5, 7), (1.0, 4)):
        torch.manual_seed(1)
        student, average = Network(), Network()
        method = GuidedLatentConsistency(
            teacher=Network().network, first_jump=10, last_jump=4, lowest_guidance=1.0, highest_guidance=2.5
        )
        method.loss(student.network, average.network, batch(), progress=progress)
        (_, time, w), (_, earlier, same_w) = student.asked[0], average.asked[0]

        assert torch.equal((time * 50).round() - (earlier * 50).round(), (time * 50).round().clamp(max=jump))
        assert w is not None
        assert same_w is not None
        assert torch.equal(w, same_w)
        assert 1.0 <= float(w.min()) < 1.2
        assert 2.3 < float(w.max()) <= 2.5
        assert (time == 1).float().mean() >= 0.25


def test_the_trajectory_is_that_of_the_guided_teacher() -> None:
    torch.manual_seed(2)
    average = Network()

    class Guided(Network):
        """Answers 1 where there is a condition and 0 where there is none, so that guidance w answers w."""

        def __call__(self, x: Tensor, time: Tensor, condition: Tensor, **others: Tensor | None) -> Tensor:
            a, s = signal_and_noise(time)
            return (a * x - condition[:, :1, None]) / s.clamp(min=1e-6)

    method = GuidedLatentConsistency(teacher=Guided().network, first_jump=50, last_jump=50, highest_guidance=2.5)
    student = Network()
    method.loss(student.network, average.network, batch(), progress=0)
    before, earlier, w = average.asked[0]

    assert w is not None
    assert float(earlier.max()) == 0  # a jump over the whole grid ends at the clean latents
    torch.testing.assert_close(before, w[:, None, None].expand_as(before), atol=1e-4, rtol=1e-4)


def test_pseudo_huber_is_quadratic_below_c_and_straight_above() -> None:
    zero = torch.zeros(1, 2, 3)

    assert float(pseudo_huber(zero + 1e-2, zero, c=0.1)) == pytest.approx(1e-4 / 0.2, rel=0.01)
    assert float(pseudo_huber(zero + 10.0, zero, c=0.1)) == pytest.approx(9.9, rel=0.01)


def test_any_method_with_a_loss_makes_a_student(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seam: a method is its loss and the decay of its average."""
    monkeypatch.setattr(distillation, "PEAK_RATE", 5e-4)  # so that a few updates are enough
    monkeypatch.setattr(distillation, "SLOW_DECAY", 0.9)

    class Towards(nn.Module):
        average_decay = 0.0

        def loss(
            self, student: CurveTransformer, average: CurveTransformer, batch: LatentBatch, *, progress: float
        ) -> Tensor:
            v = student(batch.clean, torch.ones(2), batch.condition, length_s=batch.length_s)
            return (clean_of(batch.clean, v, torch.ones(2)) - 0.3).pow(2).mean()

    def batches() -> Iterator[LatentBatch]:
        while True:
            yield LatentBatch(clean=torch.zeros(2, 3, LATENT), condition=torch.ones(2, 5), length_s=torch.ones(2))

    torch.manual_seed(0)
    teacher = CurveTransformer(condition=5)
    student = distil(
        teacher, Towards(), batches(), np.random.default_rng(0), updates=60, report=Report(lambda line: None)
    )
    only = next(batches())
    answer = clean_of(
        only.clean, student(only.clean, torch.ones(2), only.condition, length_s=only.length_s), torch.ones(2)
    )

    assert answer.mean().item() == pytest.approx(0.3, abs=0.1)
    assert not teacher(only.clean, torch.ones(2), only.condition, length_s=only.length_s).any()  # untouched
