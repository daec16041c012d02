"""A training that is killed goes on where it was, and ends as if nothing had happened."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.training import progress
from engine.training.optimiser import Optimiser
from engine.training.progress import Course, Report


class Killed(Exception):
    """The end that a kill -9 would be."""


def weights_after(updates: int, *, report: Report, killed_at: int | None = None) -> torch.Tensor:
    """A line fitted to noise from both generators of random numbers; perhaps killed on the way."""
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    model = nn.Linear(4, 1)
    optimiser = Optimiser(model.parameters(), peak_rate=1e-2, updates=updates, warm_up=3)
    holds = {"model": model, "optimiser": optimiser, "rng": rng}
    course = Course("a line", updates=updates, report=report, holds=holds)
    for update in course:
        if update == killed_at:
            raise Killed
        x = torch.from_numpy(rng.normal(size=(8, 4))).float() + torch.randn(8, 4)
        course.note(optimiser.step((model(x) - x.sum(1, keepdim=True)).pow(2).mean()))
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.fixture(autouse=True)
def _kept_at_every_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "KEPT_EVERY_S", -1.0)


def test_a_killed_course_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = weights_after(20, report=Report(lambda line: None))
    lines: list[str] = []
    with pytest.raises(Killed):
        weights_after(20, report=Report(lines.append, tmp_path), killed_at=13)
    resumed = weights_after(20, report=Report(lines.append, tmp_path))

    assert torch.equal(resumed, whole)
    assert "a line: goes on at update 13" in lines


def test_what_was_kept_of_another_length_is_not_used(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(Killed):
        weights_after(30, report=Report(lines.append, tmp_path), killed_at=13)
    anew = weights_after(20, report=Report(lines.append, tmp_path))

    assert torch.equal(anew, weights_after(20, report=Report(lambda line: None)))
    assert "a line: what was kept is of 30 updates; it begins anew" in lines


def test_a_course_without_a_folder_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    weights_after(5, report=Report(lambda line: None))

    assert list(tmp_path.iterdir()) == []


def test_a_finished_stage_is_forgotten(tmp_path: Path) -> None:
    report = Report(lambda line: None, tmp_path)
    weights_after(5, report=report)
    assert [file.name for file in tmp_path.iterdir()] == ["a-line.unfinished"]

    report.forget("a line")
    assert list(tmp_path.iterdir()) == []


def test_a_line_of_progress_tells_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REPORT_EVERY_S", -1.0)
    lines: list[str] = []
    weights_after(4, report=Report(lines.append))

    assert lines[1].startswith("a line: 1 of 4 updates, ")
    assert " s left, loss " in lines[1]
    assert "left" not in lines[-1]
