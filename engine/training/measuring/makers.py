"""Prompts to test with, and the ways of making their sounds that are held against each other."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.families.base import Checkpoint, no_checkpoint
from engine.families.embedded import DISTILLED_GUIDANCE, Embedded, EmbeddedParts
from engine.sampling.noise import seeded_noise
from engine.text.asks import asked
from engine.text.kinds import KINDS
from engine.training.batches import Example
from engine.training.captions import caption
from engine.training.kinds import draw
from engine.training.measuring.judge import JUDGE_RATE_HZ, render
from engine.training.teacher import sample_teacher
from engine.training.wishes import random_wish
from engine.vocoders.latents import LATENT, tokens_for

TEST_LENGTHS_S: Final = (0.484, 0.968, 1.935, 3.871)  # 1 to 8 beats at 124 BPM

Maker = Callable[[Example, int], Tensor]  # an example and a seed to a waveform (2, frames) at the judge's sample rate


def examples_to_test(count: int, *, seed: int, held_out: bool = False) -> list[Example]:
    """`count` prompts and true sounds, every kind equally often."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        wish = random_wish(rng, kind=KINDS[i % len(KINDS)])
        length_s = TEST_LENGTHS_S[rng.integers(len(TEST_LENGTHS_S))]
        prompt = caption(wish, rng, held_out=held_out)
        while asks_for_a_rhythm(prompt):  # the true sound is struck once
            prompt = caption(wish, rng, held_out=held_out)
        made.append(Example(wish=wish, prompt=prompt, sound=draw(wish, length_s=length_s, rng=rng), length_s=length_s))
    return made


def asks_for_a_rhythm(prompt: str) -> bool:
    """Whether a prompt is for a loop, a line or a tune, and not for one sound."""
    return any(segment.rhythm or segment.kit for segment in asked(prompt).segments)


def truth(example: Example, seed: int) -> Tensor:
    """The example's own sound."""
    return render(example.sound, seed=seed)


def oracle(example: Example, seed: int) -> Tensor:
    """Another sound that fits the same wish: as good as a perfect model that knows what the caption left out."""
    return render(draw(example.wish, length_s=example.length_s, rng=np.random.default_rng(seed)), seed=seed)


def round_trip(parts: EmbeddedParts) -> Maker:
    """The example's own sound through the latents."""

    def make(example: Example, seed: int) -> Tensor:
        curves = parts.codec.decode(parts.codec.encode(example.sound.curves[None]))[0]
        return render(replace(example.sound, curves=curves), seed=seed)

    return make


def by_family(family: Embedded, *, steps: int) -> Maker:
    """The model as the engine runs it."""

    def make(example: Example, seed: int) -> Tensor:
        return said(family, example.prompt, seed, length_s=example.length_s, steps=steps)

    return make


def said(
    family: Embedded,
    prompt: str,
    seed: int,
    *,
    length_s: float,
    steps: int,
    tempo_bpm: float | None = None,
) -> Tensor:
    """(2, frames): what a family makes of a prompt, at the judge's sample rate."""
    return family.waveform(
        [prompt],
        [seed],
        steps=steps,
        guidance_scale=family.guidance_default,
        frames=round(length_s * JUDGE_RATE_HZ),
        sample_rate_hz=JUDGE_RATE_HZ,
        tempo_bpm=tempo_bpm,
    )[0]


class Taught(Embedded):
    """The family with a teacher as its denoiser, which takes any number of DDIM steps."""

    @torch.inference_mode()
    def latents(
        self,
        condition: Tensor,
        seeds: Sequence[int],
        *,
        length_s: float,
        steps: int,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Tensor:
        """(batch, tokens, LATENT), from the same noise as the student's first step."""
        return sample_teacher(
            self.parts.denoiser,
            seeded_noise(seeds, shape=(tokens_for(length_s), LATENT), purpose="step 0"),
            condition,
            length_s=torch.full((len(seeds),), length_s),
            guidance_scale=DISTILLED_GUIDANCE,
            steps=steps,
        )
