"""A text to what it names: which kind of sound, what is special about it, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from engine.text.kinds import ATTRIBUTES, KINDS
from engine.text.ngrams import BUCKETS, WORDS, bags

VECTOR: Final = 128
LETTERS_GAIN: Final = 5.0  # letters learn so much faster than what reads them; each is in few captions, that in all
NOTHING: Final = len(KINDS)  # the class of a text that names no sound we know


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one text says. The probabilities are calibrated: of readings that are 80 % sure, 80 % are right."""

    kinds: Tensor  # (len(KINDS),) probabilities; with `nothing` they sum to 1
    nothing: float  # the probability that the text names no sound we know
    levels: Tensor  # (len(ATTRIBUTES),) in -1..1: P(higher) - P(lower), 0 where the usual is most probable
    attributes: Tensor  # (len(ATTRIBUTES), 3) probabilities of lower, usual, higher


class TextEncoder(nn.Module):
    """Hashed letter sequences, then a transformer of two layers over the words."""

    kind_temperature: Tensor
    attribute_temperature: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(BUCKETS, VECTOR, mode="mean")
        nn.init.normal_(self.bag.weight, std=0.5 / LETTERS_GAIN)
        self.places = nn.Parameter(torch.randn(WORDS, VECTOR) * 0.1)
        layer = nn.TransformerEncoderLayer(
            VECTOR, nhead=4, dim_feedforward=2 * VECTOR, activation="gelu", batch_first=True, norm_first=True
        )
        self.words = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(VECTOR)
        self.kind_head = nn.Linear(VECTOR, len(KINDS) + 1)
        self.attribute_head = nn.Linear(VECTOR, 3 * len(ATTRIBUTES))
        # Logits are divided by these. They are fitted after training, and are saved with the weights.
        self.register_buffer("kind_temperature", torch.ones(()))
        self.register_buffer("attribute_temperature", torch.ones(()))

    def forward(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Logits of the kinds and of nothing (batch, len(KINDS) + 1), and of attributes (batch, len(ATTRIBUTES), 3)."""
        buckets, starts, exists = bags(prompts)
        batch, width = exists.shape
        words = LETTERS_GAIN * self.bag(buckets, starts).view(batch, width, VECTOR) + self.places[:width]
        words = self.words(words, src_key_padding_mask=~exists)
        weights = exists[:, :, None] / exists.sum(1)[:, None, None]
        vectors = self.norm((words * weights).sum(1))
        return self.kind_head(vectors), self.attribute_head(vectors).view(batch, len(ATTRIBUTES), 3)

    @torch.no_grad()
    def readings(self, prompts: Sequence[str]) -> list[Reading]:
        """What each text says."""
        if not prompts:
            return []
        kind_logits, attribute_logits = self(prompts)
        kinds = (kind_logits / self.kind_temperature).softmax(-1)
        attributes = (attribute_logits / self.attribute_temperature).softmax(-1)
        usual = attributes.argmax(-1) == 1
        levels = (attributes[..., 2] - attributes[..., 0]).masked_fill(usual, 0.0)
        return [
            Reading(
                kinds=kinds[row, :NOTHING],
                nothing=float(kinds[row, NOTHING]),
                levels=levels[row],
                attributes=attributes[row],
            )
            for row in range(len(prompts))
        ]
