"""One vector for a whole prompt: the text half of LAION's CLAP, a RoBERTa and its projection."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ClapTextConfig, ClapTextModelWithProjection

from engine.checkpoints.layout import Config

MOST_TOKENS = 77


class ClapText(nn.Module):
    """`ClapTextModelWithProjection`. `config` holds RoBERTa's sizes and `projection_dim`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.body = ClapTextModelWithProjection(ClapTextConfig(**config, projection_hidden_act="relu"))
        embeddings = self.body.text_model.embeddings
        del embeddings.position_ids, embeddings.token_type_ids  # constants that no file holds: said at each call

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(batch, hidden_size): what the first token's state says of tokens (batch, tokens) where the mask is true."""
        states = self.body.text_model(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids))
        found: Tensor = states.pooler_output
        return found

    def embedding(self, ids: Tensor, mask: Tensor, *, projected: bool) -> Tensor:
        """(batch, width) of length 1: the pooled state itself, or what CLAP compares with audio, its projection.

        Padding is masked, so a prompt alone needs none, though the published code pads each to 77 tokens.
        """
        pooled = self.pooled(ids, mask)
        return functional.normalize(self.body.text_projection(pooled) if projected else pooled, dim=-1)

    def embedding_of(self, ids: Tensor, *, projected: bool) -> Tensor:
        """(1, width): the embedding of one prompt's tokens (tokens,), of which the first 77 count."""
        return self.embedding(ids[None], torch.ones_like(ids[None], dtype=torch.long), projected=projected)
