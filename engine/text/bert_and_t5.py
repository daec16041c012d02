"""AudioLCM's two text encoders: BERT with a projection reads the prompt, T5 reads the same as a structured caption.

Neither masks its padding: all 77 places of each are states, and the denoiser looks at all of them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel, BertTokenizerFast, T5TokenizerFast

from engine.text.flan_t5 import FlanT5

TOKENS: Final = 77  # of each encoder, whatever the prompt's length
PADDING: Final = 0  # in both vocabularies

Tokens = Callable[[str], Tensor]  # a text's ids (TOKENS,) int64


class Projection(nn.Module):
    """BERT's states in T5's width."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width_in, width_out, bias=False)
        self.linear2 = nn.Linear(width_out, width_out, bias=False)
        self.layer_norm = nn.LayerNorm(width_out)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, tokens, width_out)."""
        projected = self.linear1(states)
        out: Tensor = self.layer_norm(projected + self.linear2(functional.gelu(projected)))
        return out


class BertAndT5(nn.Module):
    """Token ids to the context that the denoiser reads."""

    def __init__(self, bert: Mapping[str, Any], t5: Mapping[str, Any], projection: Mapping[str, Any]) -> None:
        super().__init__()
        self.bert = BertModel(
            BertConfig(
                vocab_size=bert["vocab"],
                hidden_size=bert["hidden"],
                num_hidden_layers=bert["layers"],
                num_attention_heads=bert["heads"],
                intermediate_size=bert["inter"],
                max_position_embeddings=bert["max_position_embeddings"],
                layer_norm_eps=bert["layer_norm_eps"],
                type_vocab_size=bert["type_vocab_size"],
                hidden_act=bert["hidden_act"],
            ),
            add_pooling_layer=False,
        )
        for name in ("position_ids", "token_type_ids"):  # are passed; made on the meta device they would stay there
            delattr(self.bert.embeddings, name)
        self.projection = Projection(projection["d_in"], projection["d_out"])
        self.t5 = FlanT5(  # T5 v1.1 is the same network
            {
                "vocab_size": t5["vocab"],
                "d_model": t5["d_model"],
                "d_kv": t5["d_kv"],
                "d_ff": t5["d_ff"],
                "num_layers": t5["layers"],
                "num_heads": t5["heads"],
                "relative_attention_num_buckets": t5["relative_attention_num_buckets"],
                "relative_attention_max_distance": t5["relative_attention_max_distance"],
                "feed_forward_proj": t5["feed_forward_proj"],
                "layer_norm_epsilon": t5["layer_norm_epsilon"],
            }
        )

    def bert_states(self, ids: Tensor) -> Tensor:
        """(batch, tokens, BERT's width) of ids (batch, tokens): every place, seen by every other."""
        places = torch.arange(ids.shape[1], device=ids.device)[None]
        states: Tensor = self.bert(
            ids, attention_mask=torch.ones_like(ids), position_ids=places, token_type_ids=torch.zeros_like(ids)
        ).last_hidden_state
        return states

    def t5_states(self, ids: Tensor) -> Tensor:
        """(batch, tokens, width) of ids (batch, tokens): every place, seen by every other."""
        return self.t5.states(ids, torch.ones_like(ids))

    def context(self, bert_ids: Tensor, t5_ids: Tensor) -> Tensor:
        """(batch, tokens of both, width): BERT's projected states of the prompt, then T5's of the caption."""
        return torch.cat([self.projection(self.bert_states(bert_ids)), self.t5_states(t5_ids)], 1)


def structured_caption(prompt: str) -> str:
    """What T5 is told of a prompt: that it is one sound, all the time. Of no prompt it is told nothing."""
    return f"<{prompt}& all>" if prompt else ""


def bert_tokens_from(folder: Path) -> Tokens:
    """BERT's tokenizer by the vocabulary in `folder`: `tokenizer.json` or `vocab.txt`."""
    return _padded(BertTokenizerFast.from_pretrained(folder, local_files_only=True))


def t5_tokens_from(folder: Path) -> Tokens:
    """T5's tokenizer by the vocabulary in `folder`: `tokenizer.json` or `spiece.model`."""
    return _padded(T5TokenizerFast.from_pretrained(folder, local_files_only=True))


def _padded(tokenizer: Any) -> Tokens:
    """Every text cut and padded to `TOKENS` ids, the marks of beginning and end among them."""

    def tokens(text: str) -> Tensor:
        ids = tokenizer(text, truncation=True, max_length=TOKENS)["input_ids"]
        return torch.tensor([*ids, *[PADDING] * (TOKENS - len(ids))])

    return tokens
