"""AudioLCM's denoiser as it was released: a plain transformer over time, text and latent tokens in one sequence.

Learned positions, two full self-attentions a block, and a gated feed-forward of convolutions that run along the whole
sequence. The network of the paper's text (arXiv:2406.00356: rotary positions, RMSNorm, SwiGLU) is another one; the
published weights are of this one.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

WAVES = 128  # cosine and sine each, to spell a timestep
GUIDANCE = 256  # numbers that spell a guidance scale
TEXT_HALVES = 2  # BERT's tokens and T5's, each with an embedding of their own


def timestep_embedding(timestep: Tensor) -> Tensor:
    """(batch, 256) float32 of integers (batch,): cosines first, then sines."""
    places = torch.arange(WAVES, dtype=torch.float32, device=timestep.device)
    angle = timestep.float()[:, None] * torch.exp(-math.log(10000) * places / WAVES)
    return torch.cat([angle.cos(), angle.sin()], -1)


class TimeToken(nn.Module):
    """The timestep, and how strongly to follow the text, as one token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.guidance_in = nn.Linear(GUIDANCE, 2 * WAVES, bias=False)
        self.mlp = nn.Sequential(nn.Linear(2 * WAVES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, timestep: Tensor, guidance: Tensor | None) -> Tensor:
        """(batch, width) of timesteps (batch,) and embedded guidance (batch, 256), or none: a teacher's way."""
        embedding = timestep_embedding(timestep)
        if guidance is not None:
            embedding = embedding + self.guidance_in(guidance)
        token: Tensor = self.mlp(embedding)
        return token


class TextEmbedder(nn.Module):
    """The states of one text encoder as tokens of the denoiser's width."""

    def __init__(self, context: int, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(context, width), nn.GELU(approximate="tanh"), nn.Linear(width, width), nn.LayerNorm(width)
        )

    def forward(self, states: Tensor) -> Tensor:
        """(batch, tokens, width) of (batch, tokens, context)."""
        tokens: Tensor = self.mlp(states)
        return tokens


class SelfAttention(nn.Module):
    """Every token looks at every token: no mask, no positions of its own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor) -> Tensor:
        """(batch, tokens, width) of the same."""
        batch, tokens, width = h.shape
        query, key, value = self.query_key_value(h).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return out


class ConvFeedForward(nn.Module):
    """A gated feed-forward that sees four tokens to each side, twice."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv1d(width, 8 * width, 9, padding=4)
        self.conv_out = nn.Conv1d(4 * width, width, 9, padding=4)

    def forward(self, h: Tensor) -> Tensor:
        """(batch, width, tokens) of the same."""
        value, gate = self.conv_in(h).chunk(2, 1)
        out: Tensor = self.conv_out(value * functional.gelu(gate))
        return out


class Block(nn.Module):
    """Norm over the sequence, two attentions, feed-forward; all of it added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, width, eps=1e-6)
        self.linear_in = nn.Linear(width, width)
        self.norm_1 = nn.LayerNorm(width)
        self.attention_1 = SelfAttention(width, heads)
        self.norm_2 = nn.LayerNorm(width)
        self.attention_2 = SelfAttention(width, heads)
        self.norm_3 = nn.LayerNorm(width)
        self.feed_forward = ConvFeedForward(width)
        self.linear_out = nn.Linear(width, width)

    def forward(self, sequence: Tensor) -> Tensor:
        """(batch, width, tokens) of the same."""
        h = self.linear_in(self.norm(sequence).transpose(1, 2))
        h = h + self.attention_1(self.norm_1(h))
        h = h + self.attention_2(self.norm_2(h))
        h = h + self.feed_forward(self.norm_3(h).transpose(1, 2)).transpose(1, 2)
        out: Tensor = sequence + self.linear_out(h).transpose(1, 2)
        return out


class AudioLCMTransformer(nn.Module):
    """Predicts the noise in latents. A row's result depends on its own length: nothing may be padded."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config`: in_channels, context_dim, hidden_size, num_heads, depth, and max_len, the tokens there can be."""
        super().__init__()
        width = config["hidden_size"]
        self.time_token = TimeToken(width)
        self.text_embedders = nn.ModuleList(TextEmbedder(config["context_dim"], width) for _ in range(TEXT_HALVES))
        self.conv_in = nn.Conv1d(config["in_channels"], width, 5, padding=2)
        self.positions = nn.Parameter(torch.zeros(config["max_len"], width))
        self.blocks = nn.ModuleList(Block(width, config["num_heads"]) for _ in range(config["depth"]))
        self.norm_out = nn.GroupNorm(16, width)
        self.conv_out = nn.Conv1d(width, config["in_channels"], 1)

    def text_tokens(self, context: Tensor) -> Tensor:
        """(batch, tokens, width) of the states (batch, tokens, context_dim) of BERT and then T5, as many of each.

        Neither time nor noise decides them, so one prompt needs them once.
        """
        halves = context.chunk(TEXT_HALVES, 1)
        return torch.cat(
            [embedder(half) for embedder, half in zip(self.text_embedders, halves, strict=True)],
            1,
        )

    def forward(self, x: Tensor, timestep: Tensor, text_tokens: Tensor, guidance: Tensor | None) -> Tensor:
        """Noise like x (batch, in_channels, frames), at timesteps (batch,), for text tokens (batch, tokens, width).

        `guidance` (batch, 256) is the embedded scale, see `engine.sampling.lcm`; a teacher has none.
        """
        time_token = self.time_token(timestep, guidance)[:, None]
        latent_tokens = self.conv_in(x).transpose(1, 2)
        tokens = torch.cat([time_token, text_tokens, latent_tokens], 1)
        sequence = (tokens + self.positions[: tokens.shape[1]]).transpose(1, 2)
        for block in self.blocks:
            sequence = block(sequence)
        latents = sequence[:, :, -x.shape[2] :]
        noise: Tensor = self.conv_out(self.norm_out(latents))
        return noise
