"""How a long training tells where it is, and goes on where it was when it was killed."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from engine.training.optimiser import Optimiser

REPORT_EVERY_S: Final = 20.0
KEPT_EVERY_S: Final = 30.0  # what a kill can cost
LOSSES_AVERAGED: Final = 200

Held = Mapping[str, nn.Module | Optimiser | np.random.Generator]


@dataclass(frozen=True, slots=True)
class Report:
    """Where a training says how far it is, and the folder in which it keeps what it needs to go on."""

    say: Callable[[str], None] = print
    folder: Path | None = None  # None: a training that is killed begins anew

    def kept_file(self, stage: str) -> Path | None:
        """The file that holds a stage which is under way."""
        return self.folder / f"{stage.replace(' ', '-')}.unfinished" if self.folder else None

    def forget(self, *stages: str) -> None:
        """Remove what was kept of stages whose result is on disk."""
        for stage in stages:
            if (file := self.kept_file(stage)) is not None:
                file.unlink(missing_ok=True)


class Course:
    """One stage of training: so many updates. Counted, not timed, so that a slow machine makes the same weights.

    What it `holds` (networks, optimiser, generators of random numbers) is kept on disk now and then, together with
    torch's own random state; a course with the same name that starts later goes on from there, and ends with the same
    weights as one that was never interrupted.
    """

    def __init__(self, stage: str, *, updates: int, report: Report, holds: Held | None = None) -> None:
        self.updates = updates
        self._stage = stage
        self._report = report
        self._holds = holds or {}
        self._file = report.kept_file(stage) if holds else None
        self._losses: list[float] = []

    def __iter__(self) -> Iterator[int]:
        """The number of each update, with a bar or now and then a line of progress."""
        first = self._restored()
        start_s = said_s = kept_s = time.monotonic()
        with _bar(self._stage, self.updates) as advance:
            for update in range(first, self.updates):
                now_s = time.monotonic()
                if now_s - said_s > REPORT_EVERY_S:
                    said_s = now_s
                    self._report.say(self._line(update, now_s - start_s, update - first))
                if now_s - kept_s > KEPT_EVERY_S:
                    self._keep(update)
                    kept_s = time.monotonic()
                yield update
                advance(update + 1)
        self._report.say(self._line(self.updates, time.monotonic() - start_s, self.updates - first))

    def note(self, loss: float) -> None:
        """Remember one update's loss."""
        self._losses = [*self._losses[1 - LOSSES_AVERAGED :], loss]

    def _line(self, update: int, spent_s: float, done: int) -> str:
        recent_loss = sum(self._losses) / max(1, len(self._losses))
        left_s = spent_s / max(1, done) * (self.updates - update)
        left = f", {left_s:.0f} s left" if update < self.updates else ""
        return f"{self._stage}: {update} of {self.updates} updates, {spent_s:.0f} s{left}, loss {recent_loss:.4f}"

    def _keep(self, update: int) -> None:
        if self._file is None:
            return
        aside = self._file.with_suffix(".part")
        held = {name: _state(thing) for name, thing in self._holds.items()}
        torch.save({"update": update, "updates": self.updates, "torch": torch.get_rng_state(), "held": held}, aside)
        os.replace(aside, self._file)  # whole or not at all

    def _restored(self) -> int:
        """The update to begin with: 0, or where an earlier run of this very course was."""
        if self._file is None or not self._file.exists():
            return 0
        kept: dict[str, Any] = torch.load(self._file, weights_only=True)
        if kept["updates"] != self.updates:
            self._report.say(f"{self._stage}: what was kept is of {kept['updates']} updates; it begins anew")
            return 0
        for name, thing in self._holds.items():
            _restore(thing, kept["held"][name])
        torch.set_rng_state(kept["torch"])
        self._report.say(f"{self._stage}: goes on at update {kept['update']}")
        return int(kept["update"])


def _state(thing: nn.Module | Optimiser | np.random.Generator) -> Any:
    # A generator's state holds integers of 128 bits, which only text carries safely.
    return json.dumps(thing.bit_generator.state) if isinstance(thing, np.random.Generator) else thing.state_dict()


def _restore(thing: nn.Module | Optimiser | np.random.Generator, state: Any) -> None:
    if isinstance(thing, np.random.Generator):
        thing.bit_generator.state = json.loads(state)
    else:
        thing.load_state_dict(state)


class _bar:  # noqa: N801 - used as a function in a with statement
    """A progress bar with the time left, where a person looks at a terminal."""

    def __init__(self, stage: str, updates: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
        self._task = self._progress.add_task(stage, total=updates)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return lambda done: self._progress.update(self._task, completed=done)

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()
