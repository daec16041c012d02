"""`python -m engine.training`: make the embedded default model's weights, and measure them."""

import argparse
import time
from pathlib import Path

import torch

from engine.training.measuring.evaluation import MEASUREMENTS
from engine.training.recipe import BUDGETS, STAGES, Workshop, evaluated, make_default, run_stage

EXAMPLE_MAKE = """\
example:
  python -m engine.training make-default --budget small --out build/try
A making that was interrupted, even by kill -9, goes on where it was when the same command is given again. To do one
stage again, delete the file it left.
"""


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser(
        "make-default",
        help="train, distil, measure and export",
        epilog=EXAMPLE_MAKE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    make.add_argument("--stages", help=f"only these, comma-separated, of {', '.join(STAGES)}")
    measure = commands.add_parser(
        "evaluate",
        help="measure the weights in a folder, or else the shipped ones",
        epilog="example: python -m engine.training evaluate --test",
    )
    measure.add_argument("--test", action="store_true", help="on the prompts of the card; keep them for the end")
    measure.add_argument("--only", help="only these measurements, separated by semicolons, so that processes can share")
    for command in (make, measure):
        command.add_argument("--budget", choices=BUDGETS, default="full", help="small: minutes; full: under two hours")
        command.add_argument("--seed", type=int, default=0, help="of the training, default 0")
        command.add_argument("--out", type=Path, default=Path("build/embedded"), help="the folder")
        command.add_argument(
            "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: cuda where there is one"
        )
    arguments = parser.parse_args()
    # On an idle machine a second thread saves a third of the time; on a busy one it made training four times slower.
    torch.set_num_threads(1)
    start_s = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - start_s:6.0f} s] {line}", flush=True)

    shop = Workshop(
        folder=arguments.out,
        budget=BUDGETS[arguments.budget],
        budget_name=arguments.budget,
        seed=arguments.seed,
        device=_device(parser, arguments.device),
        say=say,
    )
    shop.folder.mkdir(parents=True, exist_ok=True)
    if arguments.command == "evaluate":
        names = tuple(arguments.only.split(";")) if arguments.only else tuple(MEASUREMENTS)
        if unknown := set(names) - set(MEASUREMENTS):
            parser.error(f"there is no measurement {sorted(unknown)[0]!r}; there are {'; '.join(MEASUREMENTS)}")
        print(evaluated(shop, test=arguments.test, names=names).table)
    elif arguments.stages is None:
        print(make_default(shop).table)
    else:
        for stage in arguments.stages.split(","):
            if stage not in STAGES:
                parser.error(f"there is no stage {stage!r}; the stages are {', '.join(STAGES)}")
            run_stage(shop, stage)


def _device(parser: argparse.ArgumentParser, name: str) -> torch.device:
    """The device of that name; ends with one sentence if it is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda was asked, but torch sees no CUDA device; use --device cpu, or auto")
    return torch.device(name)


if __name__ == "__main__":
    main()
