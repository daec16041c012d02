"""Training of what comes before the denoiser: the text encoder on captions, the constants head on its conditions."""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.families.embedded import SHORTEST_S, EmbeddedParts
from engine.sampling.constants import ConstantsTarget
from engine.text.encoder import KINDS, TextEncoder
from engine.training.batches import examples
from engine.training.captions import caption, mistyped
from engine.training.optimiser import Optimiser
from engine.training.progress import Course, Report
from engine.training.wishes import Wish, random_wish

TEXT_BATCH: Final = 96
ATTRIBUTE_WEIGHT: Final = 0.5
HEAD_BATCH: Final = 256
CONDITION_JITTER: Final = 0.05  # so that the head does not read more out of a condition than is there


def train_text_encoder(encoder: TextEncoder, rng: np.random.Generator, *, updates: int, report: Report) -> None:
    """Teach kinds and attributes from captions, typing errors included."""
    encoder.train()
    optimiser = Optimiser(encoder.parameters(), peak_rate=2e-3, updates=updates, warm_up=30, weight_decay=1e-2)
    course = Course("text encoder", updates=updates, report=report)
    for _ in course:
        wishes = [random_wish(rng) for _ in range(TEXT_BATCH)]
        prompts = [mistyped(caption(wish, rng), rng) for wish in wishes]
        course.note(optimiser.step(_text_loss(encoder, prompts, wishes)))
    encoder.eval()


def _text_loss(encoder: TextEncoder, prompts: list[str], wishes: list[Wish]) -> Tensor:
    _, kind_logits, attribute_logits = encoder(prompts)
    kinds = torch.tensor([KINDS.index(wish.kind) for wish in wishes])
    levels = torch.tensor([wish.levels for wish in wishes]) + 1
    attribute_loss = functional.cross_entropy(attribute_logits.flatten(0, 1), levels.flatten()) * levels.shape[1]
    return functional.cross_entropy(kind_logits, kinds) + ATTRIBUTE_WEIGHT * attribute_loss


def train_constants_head(
    parts: EmbeddedParts, rng: np.random.Generator, *, clips: int, updates: int, report: Report
) -> None:
    """Teach the head which constants go with a condition, from `clips` captioned sounds."""
    known = examples(clips, length_s=SHORTEST_S, rng=rng)  # constants do not depend on the length
    with torch.no_grad():
        features = torch.stack(
            [
                condition.features
                for start in range(0, clips, HEAD_BATCH)
                for condition in parts.text_encoder.conditions(
                    [example.prompt for example in known[start : start + HEAD_BATCH]]
                )
            ]
        )
    targets = ConstantsTarget.of([example.sound.constants for example in known])
    head = parts.constants_head
    head.train()
    optimiser = Optimiser(head.parameters(), peak_rate=2e-3, updates=updates, warm_up=50)
    course = Course("constants head", updates=updates, report=report)
    for _ in course:
        rows = torch.from_numpy(rng.integers(0, clips, HEAD_BATCH))
        seen = features[rows] + CONDITION_JITTER * torch.randn(HEAD_BATCH, features.shape[1])
        course.note(optimiser.step(head.loss(seen, targets.rows(rows))))
    head.eval()
