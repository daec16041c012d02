"""The whole making of the default model, stage by stage. A stage whose result is on disk is not done again."""

import copy
import datetime
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine.families.embedded import WEIGHTS_FILE, Embedded, EmbeddedParts, shipped_weights
from engine.text.kinds import KINDS
from engine.training import distillation, teacher
from engine.training.batches import latent_batches, random_length_s, wide_sounds
from engine.training.constants import train_constants_head
from engine.training.distillation import distil
from engine.training.guided_latent_consistency import GuidedLatentConsistency
from engine.training.measuring.bench import DEVELOPMENT_SEED, TEST_SEED, Bench
from engine.training.measuring.card import CARD_FILE, SHEET_FILE, card_text, goal_table, row_table
from engine.training.measuring.contact_sheet import draw_contact_sheet
from engine.training.measuring.evaluation import MEASUREMENTS, evaluate
from engine.training.measuring.goals import Evaluation
from engine.training.measuring.judge import Judge, train_judge
from engine.training.measuring.makers import by_family, examples_to_test, truth
from engine.training.measuring.second_judge import SecondJudge
from engine.training.polish import polish
from engine.training.progress import Report
from engine.training.teacher import train_teacher
from engine.training.understanding import train_text_encoder
from engine.vocoders.latents import tokens_for

TEXT_FILE: Final = "text.safetensors"
SOUND_FILE: Final = "sound.safetensors"  # the codec's statistics and the constants head
TEACHER_FILE: Final = "teacher.safetensors"
STUDENT_FILE: Final = "student.safetensors"
POLISHED_FILE: Final = "polished.safetensors"  # the student that is shipped
JUDGE_FILE: Final = "judge.safetensors"
SECOND_JUDGE_FILE: Final = "second-judge.safetensors"
TIMES_FILE: Final = "times.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many updates each stage gets, and how much it sees."""

    text_updates: int
    constants_clips: int
    constants_updates: int
    codec_clips: int
    batch_tokens: int  # of the denoiser, in a batch of the teacher; a student's is a quarter larger
    teacher_updates: int
    student_updates: int
    polish_updates: int
    judge_updates: int
    second_judge_clips: int
    prompts: int  # that are judged


BUDGETS: Final = {
    "small": Budget(
        text_updates=300,
        constants_clips=6_000,
        constants_updates=1_500,
        codec_clips=1_000,
        batch_tokens=384,
        teacher_updates=450,
        student_updates=120,
        polish_updates=100,
        judge_updates=220,
        second_judge_clips=400,
        prompts=30,
    ),
    "full": Budget(
        text_updates=4_000,
        constants_clips=40_000,
        constants_updates=8_000,
        codec_clips=5_000,
        batch_tokens=1_024,
        teacher_updates=10_000,
        student_updates=900,
        polish_updates=1_500,
        judge_updates=4_000,
        second_judge_clips=8_000,
        prompts=1_000,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where a model is being made: the folder, the budget, the seed, the device, and who is told about it."""

    folder: Path
    budget: Budget
    budget_name: str
    seed: int
    device: torch.device
    say: Callable[[str], None]

    @property
    def report(self) -> Report:
        """Where training says how far it is, and keeps what is unfinished."""
        return Report(self.say, self.folder)

    def seeded(self, stage: str) -> np.random.Generator:
        """A generator of the stage's own, with torch's set alike: a stage gives the same whatever ran before it."""
        torch.manual_seed(self.seed)
        return np.random.default_rng([self.seed, *stage.encode()])

    def save(self, module: nn.Module, file: str) -> None:
        """Leave the module's tensors in the folder; the file appears whole or not at all."""
        aside = self.folder / f"{file}.part"
        save_file({name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}, aside)
        os.replace(aside, self.folder / file)

    def load(self, module: nn.Module, file: str) -> None:
        """Give the module the tensors that lie in the folder."""
        module.load_state_dict(load_file(self.folder / file))


def make_text(shop: Workshop) -> None:
    """The text encoder, from captions alone."""
    parts, rng = EmbeddedParts(), shop.seeded("text")
    train_text_encoder(parts.text_encoder, rng, updates=shop.budget.text_updates, report=shop.report)
    shop.save(parts.text_encoder, TEXT_FILE)


def make_sound(shop: Workshop) -> None:
    """What stands around the denoiser: the constants head, and the codec's statistics."""
    parts, rng = EmbeddedParts(), shop.seeded("sound")
    budget = shop.budget
    train_constants_head(
        parts.constants_head,
        rng,
        clips=budget.constants_clips,
        updates=budget.constants_updates,
        report=shop.report,
    )
    clips = [
        sound.curves
        for _ in range(budget.codec_clips)
        for _, sound in wide_sounds(1, tokens=tokens_for(random_length_s(rng)), rng=rng)
    ]
    parts.codec.fit(clips)
    shop.save(nn.ModuleDict({"constants_head": parts.constants_head, "codec": parts.codec}), SOUND_FILE)


def make_teacher(shop: Workshop) -> None:
    """The diffusion teacher on the codec's latents."""
    rng, parts = shop.seeded("teacher"), _with_sound(shop)
    batches = latent_batches(
        parts.codec, rng, batch_tokens=shop.budget.batch_tokens, most_rows=teacher.MOST_ROWS, device=shop.device
    )
    denoiser = train_teacher(
        parts.denoiser.to(shop.device), batches, rng, updates=shop.budget.teacher_updates, report=shop.report
    )
    shop.save(denoiser, TEACHER_FILE)


def make_student(shop: Workshop) -> None:
    """The student, distilled from the teacher in the folder."""
    rng, parts = shop.seeded("student"), _with_sound(shop)
    shop.load(parts.denoiser, TEACHER_FILE)
    parts.denoiser.to(shop.device).eval().requires_grad_(False)
    batches = latent_batches(
        parts.codec,
        rng,
        batch_tokens=5 * shop.budget.batch_tokens // 4,
        most_rows=distillation.MOST_ROWS,
        device=shop.device,
    )
    method = GuidedLatentConsistency(teacher=parts.denoiser)
    student = distil(parts.denoiser, method, batches, rng, updates=shop.budget.student_updates, report=shop.report)
    shop.save(student, STUDENT_FILE)


def make_polished(shop: Workshop) -> None:
    """The student with its last touch."""
    rng, parts = shop.seeded("polish"), _with_sound(shop)
    shop.load(parts.denoiser, STUDENT_FILE)
    batches = latent_batches(
        parts.codec, rng, batch_tokens=shop.budget.batch_tokens, most_rows=teacher.MOST_ROWS, device=shop.device
    )
    student = polish(
        parts.denoiser.to(shop.device),
        copy.deepcopy(parts.codec).to(shop.device),  # the batches encode on the CPU
        batches,
        rng,
        updates=shop.budget.polish_updates,
        report=shop.report,
    )
    shop.save(student, POLISHED_FILE)


def make_judge(shop: Workshop) -> None:
    """The judge. It knows nothing of the model, so that it can judge any weights."""
    judge, rng = Judge(), shop.seeded("judge")
    train_judge(judge, rng, updates=shop.budget.judge_updates, report=shop.report)
    shop.save(judge, JUDGE_FILE)


def make_second_judge(shop: Workshop) -> None:
    """The judge of another design."""
    judge = SecondJudge.taught(shop.seeded("second judge"), clips=shop.budget.second_judge_clips, report=shop.report)
    aside = shop.folder / f"{SECOND_JUDGE_FILE}.part"
    save_file(judge.tensors(), aside)
    os.replace(aside, shop.folder / SECOND_JUDGE_FILE)


STAGES: Final[dict[str, tuple[str, Callable[[Workshop], None], tuple[str, ...]]]] = {
    # name: the file it leaves, what makes it, the courses it keeps unfinished
    "text": (TEXT_FILE, make_text, ("text encoder",)),
    "sound": (SOUND_FILE, make_sound, ("constants head",)),
    "teacher": (TEACHER_FILE, make_teacher, ("teacher",)),
    "student": (STUDENT_FILE, make_student, ("student",)),
    "polish": (POLISHED_FILE, make_polished, ("polish",)),
    "judge": (JUDGE_FILE, make_judge, ("judge",)),
    "second-judge": (SECOND_JUDGE_FILE, make_second_judge, ()),
}


def run_stage(shop: Workshop, stage: str) -> None:
    """Do one stage unless its result is there; note how long it took, an interruption not counted."""
    file, make, courses = STAGES[stage]
    if (shop.folder / file).exists():
        shop.say(f"{stage}: done before, in {file}")
        return
    start_s = time.monotonic()
    make(shop)
    shop.report.forget(*courses)
    times_s = stage_times_s(shop.folder)
    times_s[stage] = time.monotonic() - start_s
    (shop.folder / TIMES_FILE).write_text(json.dumps(times_s, indent=1), encoding="utf-8")


def stage_times_s(folder: Path) -> dict[str, float]:
    """How long the stages took whose results lie in `folder`."""
    file = folder / TIMES_FILE
    times_s: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return times_s


def _with_sound(shop: Workshop) -> EmbeddedParts:
    parts = EmbeddedParts()
    shop.load(nn.ModuleDict({"constants_head": parts.constants_head, "codec": parts.codec}), SOUND_FILE)
    return parts


def parts_made(shop: Workshop, denoiser_file: str) -> EmbeddedParts:
    """The model whose pieces lie in the folder, with the teacher or the student as its denoiser."""
    parts = _with_sound(shop)
    shop.load(parts.text_encoder, TEXT_FILE)
    shop.load(parts.denoiser, denoiser_file)
    return parts.eval()


def export(shop: Workshop) -> Embedded:
    """Write the weights that are shipped, as float16; only the codec's few statistics stay float32."""
    parts = parts_made(shop, POLISHED_FILE)
    tensors = {
        name: (tensor if name.startswith("codec.") else tensor.half()).contiguous()
        for name, tensor in parts.state_dict().items()
    }
    file = shop.folder / WEIGHTS_FILE
    save_file(tensors, file)
    return Embedded.of_bytes(file.read_bytes())


def make_default(shop: Workshop) -> "Measured":
    """Train everything, export it, and measure it: weights, card and picture in the workshop's folder."""
    for stage in STAGES:
        run_stage(shop, stage)
    export(shop)
    return evaluated(shop, test=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the measurements gave."""

    evaluation: Evaluation

    @property
    def table(self) -> str:
        """The rows and the goals, for a terminal."""
        return f"{row_table(self.evaluation)}\n\n{goal_table(self.evaluation)}"


def evaluated(shop: Workshop, *, test: bool, names: Sequence[str] = tuple(MEASUREMENTS)) -> Measured:
    """Measure the weights in the folder, or the shipped ones, beside the teacher if it is there; write their card.

    The judges are made if they are missing: they know nothing of the model. A measurement that was made before of the
    same weights is not made again.
    """
    for stage in ("judge", "second-judge"):
        run_stage(shop, stage)
    weights_file = shop.folder / WEIGHTS_FILE
    weights = weights_file.read_bytes() if weights_file.exists() else shipped_weights()
    student = Embedded.of_bytes(weights)
    judge = Judge()
    shop.load(judge, JUDGE_FILE)
    bench = Bench(
        student=student.parts,
        teacher=parts_made(shop, TEACHER_FILE) if (shop.folder / TEACHER_FILE).exists() else None,
        judge=judge.eval(),
        second=SecondJudge.of_tensors(load_file(shop.folder / SECOND_JUDGE_FILE)),
        prompts=shop.budget.prompts,
        seed=TEST_SEED if test else DEVELOPMENT_SEED,
        report=shop.report,
    )
    kind = "test" if test else "development"
    folder = shop.folder / f"{kind}-{shop.budget.prompts}-{student.weights_hash[:12]}"
    evaluation = evaluate(bench, folder, names=names)
    if set(evaluation) == set(MEASUREMENTS):
        _document(shop, bench, evaluation, weights=weights, tested=test)
    return Measured(evaluation=evaluation)


def _document(shop: Workshop, bench: Bench, evaluation: Evaluation, *, weights: bytes, tested: bool) -> None:
    """Write the card and the picture of weights that were measured."""
    card = card_text(
        bench.student,
        evaluation,
        weights=weights,
        prompts=bench.prompts,
        budget=shop.budget_name,
        seed=shop.seed,
        took_s=sum(stage_times_s(shop.folder).values()),
        tested_on=datetime.date.today().isoformat() if tested else None,
    )
    (shop.folder / CARD_FILE).write_text(card, encoding="utf-8")
    one, two = (by_family(bench.family, steps=steps) for steps in (1, 2))
    columns = [("true", truth), ("1 step", one), ("2 steps", two)]
    draw_contact_sheet(shop.folder / SHEET_FILE, examples_to_test(len(KINDS), seed=bench.seed), columns)
