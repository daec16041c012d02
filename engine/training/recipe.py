"""The whole making of the default model, stage by stage, within a budget of time."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from engine.families.embedded import WEIGHTS_FILE, EmbeddedParts
from engine.training import distillation, teacher
from engine.training.batches import examples, latent_batches, random_length_s
from engine.training.distillation import distil
from engine.training.judge import Judge, train_judge
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
    "tiny": Budget(
        text_updates=40,
        constants_clips=200,
        constants_updates=40,
        codec_clips=60,
        teacher_updates=6,
        student_updates=3,
        judge_updates=4,
        judged_prompts=20,
    ),
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
        text_updates=3_000,
        constants_clips=24_000,
        constants_updates=12_000,
        codec_clips=4_000,
        teacher_updates=7_000,
        student_updates=2_200,
        judge_updates=2_000,
        judged_prompts=400,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a training leaves: the model, and what it is measured with."""

    student: EmbeddedParts
    teacher: EmbeddedParts
    judge: Judge


def make(budget: Budget, *, seed: int, folder: Path, report: Report) -> Made:
    """Train everything. Each finished stage is written to `folder`, so that nothing is lost with a later one."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    taught = EmbeddedParts()
    train_text_encoder(taught.text_encoder, rng, updates=budget.text_updates, report=report)
    train_constants_head(taught, rng, clips=budget.constants_clips, updates=budget.constants_updates, report=report)
    clips = [examples(1, length_s=random_length_s(rng), rng=rng)[0] for _ in range(budget.codec_clips)]
    taught.codec.fit([example.sound.curves for example in clips])

    batches = latent_batches(taught, rng, batch_tokens=teacher.BATCH_TOKENS, most_rows=teacher.MOST_ROWS)
    taught.denoiser = train_teacher(taught.denoiser, batches, updates=budget.teacher_updates, report=report)
    save_file(taught.state_dict(), folder / TEACHER_FILE)

    batches = latent_batches(taught, rng, batch_tokens=distillation.BATCH_TOKENS, most_rows=distillation.MOST_ROWS)
    student = copy.deepcopy(taught)
    student.denoiser = distil(taught.denoiser, batches, updates=budget.student_updates, report=report)
    export(student, folder / WEIGHTS_FILE)

    judge = Judge()
    train_judge(judge, rng, updates=budget.judge_updates, report=report)
    save_file(judge.state_dict(), folder / JUDGE_FILE)
    return made_before(folder)


def made_before(folder: Path) -> Made:
    """What an earlier `make` left in `folder`, the student as it is shipped: rounded to float16."""
    judge = Judge()
    judge.load_state_dict(load_file(folder / JUDGE_FILE))
    return Made(student=_parts(folder / WEIGHTS_FILE), teacher=_parts(folder / TEACHER_FILE), judge=judge.eval())


def _parts(file: Path) -> EmbeddedParts:
    parts = EmbeddedParts()
    parts.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    return parts.eval().requires_grad_(False)


def export(parts: EmbeddedParts, file: Path) -> None:
    """Write the weights as float16; only the codec's few statistics stay float32."""
    tensors = {
        name: (tensor if name.startswith("codec.") else tensor.half()).contiguous()
        for name, tensor in parts.state_dict().items()
    }
    save_file(tensors, file)
