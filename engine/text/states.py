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
    states = torch.zeros(len(texts), tokens, texts[0].states.shape[-1], dtype=texts[0].states.dtype)
    mask = torch.zeros(len(texts), tokens, dtype=torch.bool)
    for row, text in enumerate(texts):
        states[row, : len(text.mask)] = text.states
        mask[row, : len(text.mask)] = text.mask
    return TextStates(states=states, mask=mask)
