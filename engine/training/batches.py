"""Endless fresh examples. No clip is drawn twice, so nothing can be learned by heart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.sampling.constants import denoiser_condition
from engine.training.captions import caption
from engine.training.kinds import draw
from engine.training.sketch import Sound
from engine.training.wishes import Wish, random_wish, wide_wish
from engine.vocoders.latents import LONGEST_S, SHORTEST_S, TOKENS_PER_S, CurveCodec, tokens_for

SHORT_SHARE: Final = 0.8  # of batches with clips of no more than SHORT_S
SHORT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A clip and how one asks for it."""

    wish: Wish
    prompt: str
    sound: Sound
    length_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentBatch:
    """Clips as the denoiser learns them."""

    clean: Tensor  # (batch, tokens, LATENT)
    condition: Tensor  # (batch, CONDITION)
    length_s: Tensor  # (batch,)


def examples(count: int, *, length_s: float, rng: np.random.Generator, held_out: bool = False) -> list[Example]:
    """`count` fresh clips of one length and their prompts."""
    made = []
    for _ in range(count):
        wish = random_wish(rng)
        prompt = caption(wish, rng, held_out=held_out)
        made.append(Example(wish=wish, prompt=prompt, sound=draw(wish, length_s=length_s, rng=rng), length_s=length_s))
    return made


def random_length_s(rng: np.random.Generator) -> float:
    """Mostly short, at times up to the longest that is offered; evenly spread over octaves."""
    low, high = (SHORTEST_S, SHORT_S) if rng.random() < SHORT_SHARE else (SHORT_S, LONGEST_S)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def wide_sounds(count: int, *, tokens: int, rng: np.random.Generator) -> list[tuple[Wish, Sound]]:
    """Fresh clips whose lengths differ by less than a token, from all that can be asked for."""
    made = []
    for _ in range(count):
        wish = wide_wish(rng)
        length_s = (tokens - float(rng.uniform(0, 0.99))) / TOKENS_PER_S
        made.append((wish, draw(wish, length_s=length_s, rng=rng)))
    return made


def latents_of(sounds: Sequence[Sound], codec: CurveCodec) -> Tensor:
    """(batch, tokens, LATENT) of sounds of one length in tokens."""
    return codec.encode(torch.stack([sound.curves for sound in sounds]))


def latent_batches(
    codec: CurveCodec, rng: np.random.Generator, *, batch_tokens: int, most_rows: int, device: torch.device
) -> Iterator[LatentBatch]:
    """Endless batches of about `batch_tokens` tokens. The clips of one differ in length by less than a token."""
    while True:
        tokens = tokens_for(random_length_s(rng))
        batch = wide_sounds(max(2, min(most_rows, batch_tokens // tokens)), tokens=tokens, rng=rng)
        sounds = [sound for _, sound in batch]
        condition = denoiser_condition([wish.kind for wish, _ in batch], [sound.constants for sound in sounds])
        yield LatentBatch(
            clean=latents_of(sounds, codec).to(device),
            condition=condition.to(device),
            length_s=torch.tensor([sound.length_s for sound in sounds], device=device),
        )
