"""SoundCTM-DiT's transformer: Stable Audio's over the frames of a waveform VAE, its text one constant a layer."""

from typing import Any

import torch
from diffusers import StableAudioDiTModel
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from torch import Tensor, nn

from engine.checkpoints.layout import Config

FOURIER_WIDTH = 256
LEAST_ROTARY_WIDTH = 32


class CtmDiT(nn.Module):
    """`StableAudioDiTModel` without what one token of text leaves no influence.

    A softmax over one token is 1, so what a layer's cross-attention adds is a vector that depends on the prompt alone:
    neither on the latents, nor on the noise levels, nor on omega. `text_vectors` gives them once a prompt, and the
    queries, keys and norms that led there are dropped: 71 of 1052 million weights at the published size.

    `config` has io_channels, embed_dim, num_heads, depth and cond_token_dim, as the published training file says them.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        head_width = config["embed_dim"] // config["num_heads"]
        self.body = stock(config)
        self.body.global_proj = nn.Identity()
        for block in self.body.transformer_blocks:
            block.norm2 = block.attn2.to_q = block.attn2.to_k = nn.Identity()
        self.omega_width: int = config["embed_dim"]
        self.rotary_width = max(head_width // 2, LEAST_ROTARY_WIDTH)
        self.head_width: int = head_width

    def text_vectors(self, embedding: Tensor) -> Tensor:
        """(batch, depth, embed_dim): what a text embedding (batch, cond_token_dim) adds in each layer."""
        token = self.body.cross_attention_proj(embedding)
        vectors = []
        for block in self.body.transformer_blocks:
            values = block.attn2.to_v(token).unflatten(1, (-1, self.head_width))  # (batch, key heads, head_width)
            heads = values.repeat_interleave(block.attn2.heads // values.shape[1], dim=1)
            vectors.append(block.attn2.to_out[0](heads.flatten(1)))
        return torch.stack(vectors, dim=1)

    def level_embedding(self, level: Tensor) -> Tensor:
        """(batch, embed_dim) of `c_noise` levels (batch,): the same weights serve where it is and where it goes."""
        embedded: Tensor = self.body.timestep_proj(self.body.time_proj(level))
        return embedded

    def forward(self, x: Tensor, level_t: Tensor, level_s: Tensor, omega: Tensor, text_vectors: Tensor) -> Tensor:
        """F (batch, io_channels, frames) of x at two levels (batch,), and an omega embedding (batch, embed_dim)."""
        body = self.body
        first = self.level_embedding(level_t) + self.level_embedding(level_s) + omega
        frames = body.proj_in((x + body.preprocess_conv(x)).transpose(1, 2))
        h = torch.cat([first[:, None], frames], dim=1)  # the levels and omega are the token before the frames
        rotary = rotary_of(self.rotary_width, tokens=h.shape[1], device=x.device)
        for block, text_vector in zip(body.transformer_blocks, text_vectors.unbind(1), strict=True):
            h = h + block.attn1(block.norm1(h), rotary_emb=rotary)
            h = h + text_vector[:, None]
            h = h + block.ff(block.norm3(h))
        out = body.proj_out(h[:, 1:]).transpose(1, 2)
        found: Tensor = out + body.postprocess_conv(out)
        return found


def stock(config: Config) -> Any:
    """The library's whole class at these sizes: for text of more than one token, which no published encoder gives."""
    dit: Any = StableAudioDiTModel  # the library has no types
    return dit(
        num_layers=config["depth"],
        attention_head_dim=config["embed_dim"] // config["num_heads"],
        num_attention_heads=config["num_heads"],
        num_key_value_attention_heads=config["cond_token_dim"] * config["num_heads"] // config["embed_dim"],
        cross_attention_dim=config["cond_token_dim"],
        cross_attention_input_dim=config["cond_token_dim"],
        time_proj_dim=FOURIER_WIDTH,
        in_channels=config["io_channels"],
        out_channels=config["io_channels"],
        global_states_input_dim=config["embed_dim"],
    )


def rotary_of(width: int, *, tokens: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Cosines and sines (tokens, width) that turn queries and keys by place; halves are paired, not neighbours."""
    places: Any = torch.arange(tokens, device=device)
    cosines, sines = get_1d_rotary_pos_embed(width, places, use_real=True, repeat_interleave_real=False)
    return cosines, sines
