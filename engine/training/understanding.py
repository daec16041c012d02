"""Training of the text encoder: what a text names, what it says about it, and how sure the encoder may be."""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.text.encoder import NOTHING, TextEncoder
from engine.text.kinds import ATTRIBUTES, KINDS
from engine.text.ngrams import words_of
from engine.training.captions import Lesson, lesson, mistyped
from engine.training.optimiser import Optimiser
from engine.training.progress import Course, Held, Report

BATCH: Final = 96
SHARES: Final = 3  # of a batch, each of prompts about equally long: less is computed for words that are not there
ATTRIBUTE_WEIGHT: Final = 0.5
CALIBRATION_BATCHES: Final = 40
TEMPERATURES: Final = torch.linspace(0.5, 3.0, 101)


def train_text_encoder(encoder: TextEncoder, rng: np.random.Generator, *, updates: int, report: Report) -> None:
    """Teach kinds, attributes and what is no sound from fresh captions, typing errors included; then calibrate."""
    encoder.train()
    optimiser = Optimiser(encoder.parameters(), peak_rate=2e-3, updates=updates, warm_up=30, weight_decay=1e-2)
    holds: Held = {"encoder": encoder, "optimiser": optimiser, "rng": rng}
    course = Course("text encoder", updates=updates, report=report, holds=holds)
    for _ in course:
        course.note(optimiser.step(_loss(encoder, *_batch(rng))))
    encoder.eval()
    calibrate(encoder, rng)


@torch.no_grad()
def calibrate(encoder: TextEncoder, rng: np.random.Generator) -> None:
    """Fit the temperatures by which logits become probabilities, on fresh captions, typing errors included."""
    lessons = [_batch(rng) for _ in range(CALIBRATION_BATCHES)]
    logits = [_logits(encoder, prompts) for prompts, _, _ in lessons]
    kinds = torch.cat([kinds for _, kinds, _ in lessons])
    levels = torch.cat([levels for _, _, levels in lessons]).flatten()
    encoder.kind_temperature.copy_(_temperature(torch.cat([row for row, _ in logits]), kinds))
    encoder.attribute_temperature.copy_(_temperature(torch.cat([row for _, row in logits]).flatten(0, 1), levels))


def targets(lessons: list[Lesson]) -> tuple[Tensor, Tensor]:
    """Classes of the kinds (batch,) and of the attributes (batch, len(ATTRIBUTES)): 0 lower, 1 usual, 2 higher."""
    kinds = [NOTHING if one.kind is None else KINDS.index(one.kind) for one in lessons]
    levels = [[one.levels[attribute] + 1 for attribute in ATTRIBUTES] for one in lessons]
    return torch.tensor(kinds), torch.tensor(levels)


def _batch(rng: np.random.Generator) -> tuple[list[str], Tensor, Tensor]:
    lessons = sorted((lesson(rng) for _ in range(BATCH)), key=lambda one: len(words_of(one.text)))
    return [mistyped(one.text, rng) for one in lessons], *targets(lessons)


def _logits(encoder: TextEncoder, prompts: list[str]) -> tuple[Tensor, Tensor]:
    size = len(prompts) // SHARES
    kinds, attributes = zip(*(encoder(prompts[i : i + size]) for i in range(0, len(prompts), size)), strict=True)
    return torch.cat(kinds), torch.cat(attributes)


def _loss(encoder: TextEncoder, prompts: list[str], kinds: Tensor, levels: Tensor) -> Tensor:
    kind_logits, attribute_logits = _logits(encoder, prompts)
    attribute_loss = functional.cross_entropy(attribute_logits.flatten(0, 1), levels.flatten()) * len(ATTRIBUTES)
    return functional.cross_entropy(kind_logits, kinds) + ATTRIBUTE_WEIGHT * attribute_loss


def _temperature(logits: Tensor, classes: Tensor) -> Tensor:
    losses = [functional.cross_entropy(logits / temperature, classes) for temperature in TEMPERATURES]
    return TEMPERATURES[int(torch.stack(losses).argmin())]
