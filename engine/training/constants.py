"""Training of the constants head: which constants go with a specification, learned from drawn clips."""

from typing import Final

import numpy as np
import torch

from engine.sampling.constants import ConstantsHead, ConstantsTarget, head_inputs
from engine.training.batches import random_length_s, wide_sounds
from engine.training.optimiser import Optimiser
from engine.training.progress import Course, Report
from engine.vocoders.latents import tokens_for

BATCH: Final = 256


def train_constants_head(
    head: ConstantsHead, rng: np.random.Generator, *, clips: int, updates: int, report: Report
) -> None:
    """Teach the head from `clips` fresh clips."""
    known = [
        wished for _ in range(clips) for wished in wide_sounds(1, tokens=tokens_for(random_length_s(rng)), rng=rng)
    ]
    constants = [sound.constants for _, sound in known]
    inputs = head_inputs(
        [wish.kind for wish, _ in known],
        brightness=[row.brightness for row in constants],
        ring=[row.ring for row in constants],
        pitch=[float(wish.pitch) for wish, _ in known],
        midi=[wish.midi if wish.note_said else None for wish, _ in known],
        length_s=[sound.length_s for _, sound in known],
    )
    targets = ConstantsTarget.of(constants)
    head.train()
    optimiser = Optimiser(head.parameters(), peak_rate=2e-3, updates=updates, warm_up=50)
    course = Course("constants head", updates=updates, report=report)  # under a minute: not kept on disk
    for _ in course:
        rows = torch.from_numpy(rng.integers(0, clips, BATCH))
        course.note(optimiser.step(head.loss(inputs[rows], targets.rows(rows))))
    head.eval()
