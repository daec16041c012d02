"""A prompt to what the networks are conditioned on: a vector, what was understood, and the note that was asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from engine.text.ngrams import BUCKETS, WORDS, bags
from engine.text.notes import asked_midi

KINDS: Final = (
    *("kick", "snare", "closed hat", "open hat", "clap", "tom", "cowbell"),
    *("bass", "pluck", "pad", "keys", "bell", "drone"),
    *("riser", "downlifter", "impact", "zap"),
    *("noise", "rain", "wind"),
)
# What each attribute is called when it is lower and when it is higher than usual.
ATTRIBUTES: Final = {
    "brightness": ("dark", "bright"),
    "length": ("short", "long"),
    "pitch": ("low", "high"),
    "drive": ("", "distorted"),
    "room": ("", "in a room"),
}
VECTOR: Final = 128
NOTE: Final = 1 + 12 + 10  # whether one was asked, its pitch class, its octave
CONDITION: Final = VECTOR + len(KINDS) + 3 * len(ATTRIBUTES) + NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What one prompt means to the networks."""

    features: Tensor  # (CONDITION,)
    kinds: Tensor  # (len(KINDS),) probabilities
    attributes: Tensor  # (len(ATTRIBUTES), 3) probabilities of lower, usual, higher
    midi: float | None  # the pitch asked for


class TextEncoder(nn.Module):
    """Hashed letter sequences, then a transformer of two layers over the words."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(BUCKETS, VECTOR, mode="mean")
        nn.init.normal_(self.bag.weight, std=0.5)
        self.places = nn.Parameter(torch.randn(WORDS, VECTOR) * 0.1)
        layer = nn.TransformerEncoderLayer(
            VECTOR, nhead=4, dim_feedforward=2 * VECTOR, activation="gelu", batch_first=True, norm_first=True
        )
        self.words = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(VECTOR)
        self.kind_head = nn.Linear(VECTOR, len(KINDS))
        self.attribute_head = nn.Linear(VECTOR, 3 * len(ATTRIBUTES))

    def vectors(self, prompts: Sequence[str]) -> Tensor:
        """(batch, VECTOR): one vector for each prompt, the mean over its words."""
        buckets, starts, exists = bags(prompts)
        words = self.bag(buckets, starts).view(len(prompts), WORDS, VECTOR) + self.places
        words = self.words(words, src_key_padding_mask=~exists)
        weights = exists[:, :, None] / exists.sum(1)[:, None, None]
        normed: Tensor = self.norm((words * weights).sum(1))
        return normed

    def forward(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors, and the logits of kinds (batch, kinds) and attributes (batch, attributes, 3)."""
        vectors = self.vectors(prompts)
        attributes = self.attribute_head(vectors).view(-1, len(ATTRIBUTES), 3)
        return vectors, self.kind_head(vectors), attributes

    def conditions(self, prompts: Sequence[str]) -> list[Condition]:
        """What each prompt means."""
        vectors, kind_logits, attribute_logits = self(prompts)
        kinds, attributes = kind_logits.softmax(-1), attribute_logits.softmax(-1)
        notes = [asked_midi(prompt) for prompt in prompts]
        note_features = torch.tensor([_note_features(midi) for midi in notes])
        features = torch.cat([vectors, kinds, attributes.flatten(1), note_features], 1)
        return [
            Condition(features=features[row], kinds=kinds[row], attributes=attributes[row], midi=midi)
            for row, midi in enumerate(notes)
        ]


def _note_features(midi: float | None) -> list[float]:
    features = [0.0] * NOTE
    if midi is not None:
        octave, pitch_class = divmod(round(midi), 12)
        features[0] = features[1 + pitch_class] = features[13 + min(max(octave - 1, 0), 9)] = 1.0
    return features
