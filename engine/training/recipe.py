"""The whole making of the default model, stage by stage, within a budget of time."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from engine.families.embedded import WEIGHTS_FILE, Embedded, EmbeddedParts
from engine.text.encoder import KINDS
from engine.training import distillation, teacher
from engine.training.batches import examples, latent_batches, random_length_s
from engine.training.card import CARD_FILE, SHEET_FILE, card_text
from engine.training.contact_sheet import draw_contact_sheet
from engine.training.distillation import distil
from engine.training.evaluation import TEST_SEED, Evaluation, evaluate
from engine.training.judge import Judge, train_judge
from engine.training.makers import by_student, examples_to_test, truth
from engine.training.progress import Report
from engine.training.teacher import train_teacher
from engine.training.understanding import train_constants_head, train_text_encoder

TEACHER_FILE: Final = "teacher.safetensors"
JUDGE_FILE: Final = "judge.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many updates each stage gets, and how much it sees."""

    text_updates: int
    constants_clips: int
    constants_updates: int
    codec_clips: int
    teacher_updates: int
    student_updates: int
    judge_updates: int
    judged_prompts: int


BUDGETS: Final = {
    "small": Budget(
        text_updates=800,
        constants_clips=6_000,
        constants_updates=3_000,
        codec_clips=1_000,
        teacher_updates=700,
        student_updates=200,
        judge_updates=300,
        judged_prompts=100,
    ),
    "full": Budget(
        text_updates=1_500,
        constants_clips=24_000,
        constants_updates=6_000,
        codec_clips=4_000,
        teacher_updates=4_000,
        student_updates=1_800,
        judge_updates=2_000,
        judged_prompts=400,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a training leaves: the model, and what it is measured with."""

    student: EmbeddedParts
    teacher: EmbeddedParts | None
    judge: Judge


def make_default(budget: Budget, *, name: str, seed: int, folder: Path, report: Report) -> Evaluation:
    """Train everything, measure it, and leave weights, card and picture in `folder`."""
    start_s = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    make_teacher(budget, seed=seed, folder=folder, report=report)
    make_student(budget, seed=seed, folder=folder, report=report)
    make_judge(budget, seed=seed, folder=folder, report=report)
    took_s = time.monotonic() - start_s
    made = made_before(folder)
    evaluation = evaluate(
        made.student, made.teacher, made.judge, prompts=budget.judged_prompts, seed=TEST_SEED, report=report
    )
    document(made, evaluation, name=name, seed=seed, took_s=took_s, folder=folder)
    return evaluation


def make_teacher(budget: Budget, *, seed: int, folder: Path, report: Report) -> None:
    """Leave a teacher in `folder`, with text encoder, constants head and codec."""
    rng = seeded(seed)
    parts = EmbeddedParts()
    train_text_encoder(parts.text_encoder, rng, updates=budget.text_updates, report=report)
    train_constants_head(parts, rng, clips=budget.constants_clips, updates=budget.constants_updates, report=report)
    clips = [examples(1, length_s=random_length_s(rng), rng=rng)[0] for _ in range(budget.codec_clips)]
    parts.codec.fit([example.sound.curves for example in clips])
    batches = latent_batches(parts, rng, batch_tokens=teacher.BATCH_TOKENS, most_rows=teacher.MOST_ROWS)
    parts.denoiser = train_teacher(parts.denoiser, batches, updates=budget.teacher_updates, report=report)
    save_file(parts.state_dict(), folder / TEACHER_FILE)


def make_student(budget: Budget, *, seed: int, folder: Path, report: Report) -> None:
    """Distil the teacher in `folder`, and leave the weights that are shipped."""
    rng = seeded(seed)
    parts = parts_of(folder / TEACHER_FILE)
    batches = latent_batches(parts, rng, batch_tokens=distillation.BATCH_TOKENS, most_rows=distillation.MOST_ROWS)
    parts.denoiser = distil(parts.denoiser, batches, updates=budget.student_updates, report=report)
    export(parts, folder / WEIGHTS_FILE)


def make_judge(budget: Budget, *, seed: int, folder: Path, report: Report) -> None:
    """Leave a judge in `folder`. It knows nothing of the model, so that it can judge any weights."""
    rng = seeded(seed)
    judge = Judge()
    train_judge(judge, rng, updates=budget.judge_updates, report=report)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(judge.state_dict(), folder / JUDGE_FILE)


def seeded(seed: int) -> np.random.Generator:
    """A generator for sounds and captions, with torch's own set to the same seed: each stage begins like this."""
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def export(parts: EmbeddedParts, file: Path) -> None:
    """Write the weights as float16; only the codec's few statistics stay float32."""
    tensors = {
        name: (tensor if name.startswith("codec.") else tensor.half()).contiguous()
        for name, tensor in parts.state_dict().items()
    }
    save_file(tensors, file)


def parts_of(file: Path) -> EmbeddedParts:
    """The parts in a weight file, ready to run."""
    return Embedded.of_bytes(file.read_bytes()).parts


def made_before(folder: Path) -> Made:
    """What lies in `folder`; the shipped weights if it has none."""
    student_file, teacher_file = folder / WEIGHTS_FILE, folder / TEACHER_FILE
    judge = Judge()
    judge.load_state_dict(load_file(folder / JUDGE_FILE))
    return Made(
        student=parts_of(student_file) if student_file.exists() else Embedded.load().parts,
        teacher=parts_of(teacher_file) if teacher_file.exists() else None,
        judge=judge.eval(),
    )


def document(made: Made, evaluation: Evaluation, *, name: str, seed: int, took_s: float, folder: Path) -> None:
    """Write the card and the picture of weights that lie in `folder`."""
    weights = (folder / WEIGHTS_FILE).read_bytes()
    (folder / CARD_FILE).write_text(
        card_text(made.student, evaluation, weights=weights, budget=name, seed=seed, took_s=took_s), encoding="utf-8"
    )
    one, two = (by_student(made.student, steps=steps) for steps in (1, 2))
    columns = [("true", truth), ("1 step", one), ("2 steps", two)]
    draw_contact_sheet(folder / SHEET_FILE, examples_to_test(len(KINDS), seed=TEST_SEED), columns)
