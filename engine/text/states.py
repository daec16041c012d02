"""What a text encoder says of a prompt, as a denoiser reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextStates:
    """One prompt's states (tokens, width), and which of its tokens count: a boolean mask (tokens,)."""

    states: Tensor
    mask: Tensor


def batch_of(texts: Sequence[TextStates], *, tokens: int = 0) -> TextStates:
    """States (batch, tokens, width) and mask (batch, tokens): the longest decides, or `tokens` if that is more.

    What is added is zero and masked, so it changes nothing but the last bits.
    """
    tokens = max(tokens, *(len(text.mask) for text in texts))
    like = texts[0].states
    states = torch.zeros(len(texts), tokens, like.shape[-1], dtype=like.dtype, device=like.device)
    mask = torch.zeros(len(texts), tokens, dtype=torch.bool, device=like.device)
    for row, text in enumerate(texts):
        states[row, : len(text.mask)] = text.states
        mask[row, : len(text.mask)] = text.mask
    return TextStates(states=states, mask=mask)
