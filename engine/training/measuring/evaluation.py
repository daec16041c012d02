"""The measured truth about the weights: how well prompts are followed, beside what is possible at all.

The oracle row is the generator of sounds itself with a new draw, the round trip its sounds through the latents. Every
measurement stands alone and leaves a file, so that several processes can share the work and a killed one goes on.
"""

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from engine.families.embedded import Embedded
from engine.training.measuring.asked import grid, layers, lengths, notes
from engine.training.measuring.bench import Bench, Table, steps_of
from engine.training.measuring.comprehension import confidence, understanding
from engine.training.measuring.goals import Evaluation
from engine.training.measuring.latency import latency
from engine.training.measuring.makers import by_family, oracle, round_trip
from engine.training.measuring.rows import measured
from engine.training.measuring.variety import nearest, refining, variety

TEACHER_STEPS: Final = (1, 2, 10, 50)


def _oracle(bench: Bench) -> Table:
    return measured(oracle, bench.reference, bench)


def _round_trip(bench: Bench) -> Table:
    return measured(round_trip(bench.student), bench.reference, bench)


def _teacher(bench: Bench, *, steps: int) -> Table:
    if bench.taught is None:
        return {}
    return measured(by_family(bench.taught, steps=steps), bench.reference, bench)


def _student(bench: Bench, *, steps: int) -> Table:
    return measured(by_family(bench.family, steps=steps), bench.reference, bench)


def _held_out(bench: Bench, *, steps: int) -> Table:
    return measured(by_family(bench.family, steps=steps), bench.held_out_reference, bench)


ROWS: Final[dict[str, Callable[[Bench], Table]]] = {
    "oracle": _oracle,
    "latent round trip": _round_trip,
    **{f"teacher, {steps_of(steps)}": partial(_teacher, steps=steps) for steps in TEACHER_STEPS},
    **{f"student, {steps_of(steps)}": partial(_student, steps=steps) for steps in Embedded.steps_offered},
    **{f"student, {steps_of(steps)}, held-out wordings": partial(_held_out, steps=steps) for steps in (1, 2)},
}
MEASUREMENTS: Final[dict[str, Callable[[Bench], Table]]] = {
    **ROWS,
    "notes": notes,
    "grid": grid,
    "lengths": lengths,
    "layers": layers,
    "refining": refining,
    "variety": variety,
    "nearest": nearest,
    "understanding": understanding,
    "confidence": confidence,
    "latency": latency,
}
# Two processes finish at about the same time with these; what is timed runs alone, after both.
SHARES: Final[tuple[tuple[str, ...], ...]] = (
    ("teacher, 50 steps", "teacher, 10 steps", "teacher, 2 steps", "teacher, 1 step"),
    tuple(name for name in MEASUREMENTS if not name.startswith("teacher") and name != "latency"),
)


def evaluate(bench: Bench, folder: Path, *, names: Sequence[str] = tuple(MEASUREMENTS)) -> Evaluation:
    """The measurements that `names` lists, each kept in `folder` as soon as it is done and not done again."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if _file(folder, name).exists():
            continue
        table = MEASUREMENTS[name](bench)
        _keep(table, _file(folder, name))
        bench.report.say(f"{name}: {_in_short(table)}")
    return measured_before(folder)


def measured_before(folder: Path) -> Evaluation:
    """All that lies in `folder`, in the order of `MEASUREMENTS`."""
    return {
        name: json.loads(_file(folder, name).read_text(encoding="utf-8"))
        for name in MEASUREMENTS
        if _file(folder, name).exists()
    }


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(', ', '-').replace(' ', '-')}.json"


def _keep(table: Table, file: Path) -> None:
    aside = file.with_suffix(".part")
    aside.write_text(json.dumps(table, indent=1), encoding="utf-8")
    os.replace(aside, file)  # whole or not at all


def _in_short(table: Table) -> str:
    row = next(iter(table.values()), {})
    return ", ".join(f"{column} {number:.3f}" for column, number in list(row.items())[:5]) or "not measured"
