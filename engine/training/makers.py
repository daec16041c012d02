"""Prompts to test with, and the ways of making their sounds that are held against each other."""

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.families.embedded import Embedded, EmbeddedParts, denoiser_condition
from engine.sampling.noise import seeded_noise
from engine.text.encoder import KINDS
from engine.training.batches import Example
from engine.training.captions import caption
from engine.training.judge import JUDGE_RATE_HZ
from engine.training.kinds import draw
from engine.training.teacher import sample_teacher
from engine.training.wishes import random_wish
from engine.vocoders.curve_decoder import decode
from engine.vocoders.latents import LATENT, smoothed, tokens_for

TEST_LENGTHS_S: Final = (0.484, 0.968, 1.935, 3.871)  # 1 to 8 beats at 124 BPM

Maker = Callable[[Example, int], Tensor]  # an example and a seed to a waveform (frames,) at the judge's sample rate


def examples_to_test(count: int, *, seed: int, held_out: bool = False) -> list[Example]:
    """`count` prompts and true sounds, every kind equally often."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        wish = random_wish(rng, kind=KINDS[i % len(KINDS)])
        length_s = TEST_LENGTHS_S[rng.integers(len(TEST_LENGTHS_S))]
        prompt = caption(wish, rng, held_out=held_out)
        made.append(Example(wish=wish, prompt=prompt, sound=draw(wish, length_s=length_s, rng=rng), length_s=length_s))
    return made


def rendered(example: Example, curves: Tensor, *, seed: int) -> Tensor:
    """Curves that were made for an example, decoded with its constants at the judge's sample rate."""
    frames = round(example.length_s * JUDGE_RATE_HZ)
    return decode(curves, example.sound.constants, seed=seed, frames=frames, sample_rate_hz=JUDGE_RATE_HZ)


def truth(example: Example, seed: int) -> Tensor:
    """The example's own sound."""
    return rendered(example, example.sound.curves, seed=seed)


def oracle(example: Example, seed: int) -> Tensor:
    """Another sound that fits the same wish: as good as a perfect model that knows what the caption left out."""
    sound = draw(example.wish, length_s=example.length_s, rng=np.random.default_rng(seed))
    return truth(Example(wish=example.wish, prompt=example.prompt, sound=sound, length_s=example.length_s), seed)


def round_trip(parts: EmbeddedParts) -> Maker:
    """The example's own sound through the latents."""

    def make(example: Example, seed: int) -> Tensor:
        latents = parts.codec.encode(example.sound.curves[None])
        return rendered(example, parts.codec.decode(latents)[0], seed=seed)

    return make


def by_student(parts: EmbeddedParts, *, steps: int, guidance_scale: float = Embedded.guidance_default) -> Maker:
    """The model as the engine runs it."""
    family = Embedded(parts)

    def make(example: Example, seed: int) -> Tensor:
        frames = round(example.length_s * JUDGE_RATE_HZ)
        return family.waveform(
            [example.prompt],
            [seed],
            steps=steps,
            guidance_scale=guidance_scale,
            frames=frames,
            sample_rate_hz=JUDGE_RATE_HZ,
        )[0, 0]

    return make


def by_teacher(parts: EmbeddedParts, *, steps: int, guidance_scale: float) -> Maker:
    """The teacher with DDIM steps, everything around it as in the student."""

    @torch.inference_mode()
    def make(example: Example, seed: int) -> Tensor:
        (condition,) = parts.text_encoder.conditions([example.prompt])
        constants = parts.constants_head.sample(condition, seed=seed)
        latents = sample_teacher(
            parts.denoiser,
            seeded_noise([seed], shape=(tokens_for(example.length_s), LATENT), purpose="step 0"),
            denoiser_condition([condition], [constants]),
            length_s=torch.tensor([example.length_s]),
            guidance_scale=guidance_scale,
            steps=steps,
        )
        curves = smoothed(parts.codec.decode(latents))[0]
        frames = round(example.length_s * JUDGE_RATE_HZ)
        return decode(curves, constants, seed=seed, frames=frames, sample_rate_hz=JUDGE_RATE_HZ)

    return make
