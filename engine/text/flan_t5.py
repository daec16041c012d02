"""FLAN-T5's encoder: what ConsistencyTTA and SoundCTM's U-Net read of a prompt. Source: arXiv:2210.11416."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol, Self

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, T5Config, T5EncoderModel

from engine.text.states import TextStates

REPOSITORY: Final = "google/flan-t5-large"
MAX_TOKENS: Final = 512
LARGE: Final[Mapping[str, Any]] = {
    "d_model": 1024,
    "d_kv": 64,
    "num_heads": 16,
    "d_ff": 2816,
    "num_layers": 24,
    "vocab_size": 32128,
    "feed_forward_proj": "gated-gelu",
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
    "layer_norm_epsilon": 1e-6,
    "pad_token_id": 0,
    "eos_token_id": 1,
}


class Tokens(Protocol):
    """Splits one prompt into tokens."""

    def __call__(self, prompt: str) -> Tensor:
        """Ids (tokens,) int64, the end token among them and no padding."""


class Tokenizer:
    """A prompt's ids by a published vocabulary: the prompt as it is, cut to `max_tokens`, then the end token."""

    def __init__(self, vocabulary: Any, *, max_tokens: int) -> None:
        self._vocabulary = vocabulary
        self._max_tokens = max_tokens

    @classmethod
    def from_folder(cls, path: Path, max_tokens: int = MAX_TOKENS) -> Self:
        """The vocabulary in `path`: `tokenizer.json`, or `spiece.model`."""
        return cls(AutoTokenizer.from_pretrained(path, local_files_only=True), max_tokens=max_tokens)

    def __call__(self, prompt: str) -> Tensor:
        """Ids (tokens,) int64; one token, the end, for the empty prompt."""
        return torch.tensor(self._vocabulary(prompt, truncation=True, max_length=self._max_tokens).input_ids)


class FlanT5(nn.Module):
    """Token ids to states. `config` has the names of `transformers.T5Config`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.encoder = T5EncoderModel(T5Config(**config, dropout_rate=0.0))
        # A second name of `shared`, which files may lack and safetensors cannot hold; the embedding is done here.
        del self.encoder.encoder.embed_tokens

    def states(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(batch, tokens, width) of ids and a mask (batch, tokens); states of masked tokens mean nothing."""
        embedded = self.encoder.shared(ids)
        states: Tensor = self.encoder(inputs_embeds=embedded, attention_mask=mask.long()).last_hidden_state
        return states

    def of_prompt(self, ids: Tensor) -> TextStates:
        """The states of one prompt's ids (tokens,), all of which count."""
        mask = torch.ones_like(ids, dtype=torch.bool)
        return TextStates(states=self.states(ids[None], mask[None])[0], mask=mask)
