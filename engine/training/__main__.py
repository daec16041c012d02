"""`python -m engine.training`: make the embedded default model's weights, and measure them."""

import argparse
import time
from pathlib import Path

import torch

from engine.families.embedded import WEIGHTS_FILE
from engine.training.card import CARD_FILE, SHEET_FILE, row_table
from engine.training.evaluation import DEVELOPMENT_SEED, TEST_SEED, evaluate
from engine.training.recipe import BUDGETS, JUDGE_FILE, made_before, make_default, make_judge


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser(
        "make-default",
        help="train, distil, measure and export",
        epilog="example: python -m engine.training make-default --budget small --out build/try",
    )
    measure = commands.add_parser(
        "evaluate",
        help="measure the weights in a folder, or else the shipped ones",
        epilog="example: python -m engine.training evaluate --test",
    )
    for command in (make, measure):
        command.add_argument("--budget", choices=BUDGETS, default="full", help="small: minutes; full: an hour")
        command.add_argument("--seed", type=int, default=0, help="of the training, default 0")
        command.add_argument("--out", type=Path, default=Path("build/embedded"), help="the folder")
    measure.add_argument("--test", action="store_true", help="on the prompts of the card; keep them for the end")
    arguments = parser.parse_args()
    budget = BUDGETS[arguments.budget]
    # On an idle machine a second thread saves a third of the time; on a busy one it made training four times slower.
    torch.set_num_threads(1)
    start_s = time.monotonic()

    def report(line: str) -> None:
        print(f"[{time.monotonic() - start_s:6.0f} s] {line}", flush=True)

    if arguments.command == "make-default":
        evaluation = make_default(
            budget, name=arguments.budget, seed=arguments.seed, folder=arguments.out, report=report
        )
        print(f"Wrote {WEIGHTS_FILE}, {CARD_FILE} and {SHEET_FILE} to {arguments.out}.")
    else:
        if not (arguments.out / JUDGE_FILE).exists():
            make_judge(budget, seed=arguments.seed, folder=arguments.out, report=report)
        made = made_before(arguments.out)
        seed = TEST_SEED if arguments.test else DEVELOPMENT_SEED
        evaluation = evaluate(
            made.student, made.teacher, made.judge, prompts=budget.judged_prompts, seed=seed, report=report
        )
    print(row_table(evaluation))


if __name__ == "__main__":
    main()
