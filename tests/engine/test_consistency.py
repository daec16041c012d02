"""One, two and four steps of a consistency student."""

import pytest
import torch
from torch import Tensor

from engine.errors import Cancelled
from engine.families.base import Stage
from engine.sampling.consistency import STEP_TIMES, consistency_sample
from engine.sampling.schedule import signal_and_noise

TARGET = torch.full((2, 3, 4), 0.7)


def perfect(x: Tensor, time: Tensor) -> Tensor:
    """A student that always answers `TARGET`."""
    a, s = signal_and_noise(time)
    return (a * x - TARGET) / s


@pytest.mark.parametrize("steps", STEP_TIMES)
def test_a_perfect_student_is_right_after_any_number_of_steps(steps: int) -> None:
    torch.testing.assert_close(consistency_sample(perfect, [1, 2], shape=(3, 4), steps=steps), TARGET)


def test_the_first_step_sees_noise_alone_and_the_next_ones_less_and_less() -> None:
    seen: list[float] = []

    def student(x: Tensor, time: Tensor) -> Tensor:
        seen.append(float(time[0]))
        return perfect(x, time)

    consistency_sample(student, [1, 2], shape=(3, 4), steps=4)

    assert seen == pytest.approx(STEP_TIMES[4])
    assert seen[0] == 1
    assert seen == sorted(seen, reverse=True)


def test_a_checkpoint_comes_before_every_step_and_can_end_it() -> None:
    calls: list[Stage] = []

    def cancel_at_second(stage: Stage) -> None:
        calls.append(stage)
        if len(calls) == 2:
            raise Cancelled("taken back")

    with pytest.raises(Cancelled):
        consistency_sample(perfect, [1, 2], shape=(3, 4), steps=4, checkpoint=cancel_at_second)
    assert calls == ["denoise", "denoise"]
