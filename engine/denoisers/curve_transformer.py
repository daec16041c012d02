"""The embedded model's denoiser: a small transformer over tokens of curves.

Blocks after the diffusion transformer (arXiv:2212.09748) with one shared modulation (arXiv:2310.00426), RMSNorm,
rotary positions and a gated feed-forward.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.vocoders.latents import LATENT, TOKENS_PER_S

WIDTH = 192
DEPTH = 6
HEADS = 4
HIDDEN = 512
CONDITION_WIDTH = 512
WAVES = 64  # cosine and sine each, to spell a number
ROTARY_BASE = 100.0
PLACES = 6 * 8


def waves(number: Tensor, *, count: int = WAVES, fastest: float = 1000.0, slowest: float = 0.1) -> Tensor:
    """(..., 2 * count): a number spelt as cosines and sines of frequencies from `fastest` down to `slowest`."""
    frequency = fastest * (slowest / fastest) ** (torch.arange(count, device=number.device) / (count - 1))
    angle = number[..., None] * frequency
    return torch.cat([angle.cos(), angle.sin()], -1)


class RMSNorm(nn.Module):
    """Root mean square normalisation. Source: arXiv:1910.07467."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Rows of mean square 1, times the weight."""
        return functional.rms_norm(x, (x.shape[-1],), self.weight)


class Residual(nn.Module):
    """A step of the condition's own network, beside which it passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = RMSNorm(width)
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width), as it came and changed a little."""
        x = x.float()  # the sum stays float32 in autocast
        changed: Tensor = x + self.second(functional.silu(self.first(self.norm(x))))
        return changed


class Block(nn.Module):
    """Attention, then feed-forward; each shifted, scaled and gated by the modulation."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(WIDTH)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.attention_out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.forward_norm = RMSNorm(WIDTH)
        self.gate_and_value = nn.Linear(WIDTH, 2 * HIDDEN, bias=False)
        self.forward_out = nn.Linear(HIDDEN, WIDTH, bias=False)
        own = torch.zeros(6, WIDTH)
        own[2] = own[5] = 0.3  # gates open a little, so that every block learns from the start
        self.own_modulation = nn.Parameter(own)

    def forward(self, x: Tensor, modulation: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """x (batch, tokens, WIDTH), modulation (batch, 6, WIDTH), cosine and sine (tokens, head width / 2)."""
        scale_1, shift_1, gate_1, scale_2, shift_2, gate_2 = (modulation + self.own_modulation)[:, :, None].unbind(1)
        y = torch.addcmul(shift_1, self.attention_norm(x), 1 + scale_1)
        x = x + gate_1 * self._attention(y, cosine, sine)
        y = torch.addcmul(shift_2, self.forward_norm(x), 1 + scale_2)
        gate, value = self.gate_and_value(y).chunk(2, -1)
        out: Tensor = x + gate_2 * self.forward_out(functional.silu(gate) * value)
        return out

    def _attention(self, y: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        batch, tokens, _ = y.shape
        heads = self.query_key_value(y).view(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        left, right = heads[:2].chunk(2, -1)
        turned = torch.cat([left * cosine - right * sine, left * sine + right * cosine], -1).to(heads.dtype)
        mixed = functional.scaled_dot_product_attention(turned[0], turned[1], heads[2])
        out: Tensor = self.attention_out(mixed.transpose(1, 2).reshape(batch, tokens, WIDTH))
        return out


class CurveTransformer(nn.Module):
    """Predicts v from noisy latents, the noise time, the clip's length, and a condition or none."""

    def __init__(self, *, condition: int) -> None:
        super().__init__()
        self.latents_in = nn.Linear(LATENT, WIDTH)
        self.places_in = nn.Linear(PLACES, WIDTH)
        self.time_in = nn.Sequential(nn.Linear(2 * WAVES, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        # The curves nearly follow from the condition, sharply where partials meet a vowel or a body. One hidden
        # layer erred three times as much (mean square; kind, constants and timbre to curves, 60 000 sounds).
        self.condition_in = nn.Sequential(
            nn.Linear(condition, CONDITION_WIDTH),
            Residual(CONDITION_WIDTH),
            Residual(CONDITION_WIDTH),
            nn.SiLU(),
            nn.Linear(CONDITION_WIDTH, WIDTH),
        )
        self.no_condition = nn.Parameter(torch.zeros(condition))
        self.length_in = nn.Linear(16, WIDTH)
        self.guidance_in = nn.Linear(2 * WAVES, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.modulation = nn.Linear(WIDTH, 6 * WIDTH)
        self.out_norm = RMSNorm(WIDTH)
        self.out_modulation = nn.Linear(WIDTH, 2 * WIDTH)
        self.latents_out = nn.Linear(WIDTH, LATENT)
        for layer in (self.guidance_in, self.modulation, self.out_modulation, self.latents_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, x: Tensor, time: Tensor, condition: Tensor, *, length_s: Tensor, guidance_scale: Tensor | None = None
    ) -> Tensor:
        """v, float32 (batch, tokens, LATENT). All others are per row: time, length_s and guidance_scale (batch,)."""
        vector = self.time_in(waves(time)) + self.condition_in(condition)
        vector = vector + self.length_in(waves(length_s.log2(), count=8, fastest=4.0))
        if guidance_scale is not None:
            vector = vector + self.guidance_in(waves(guidance_scale / 10))
        vector = functional.silu(vector)
        modulation = self.modulation(vector).view(len(x), 6, WIDTH)
        tokens = x.shape[1]
        cosine, sine = _rotary(tokens, x.device)
        y = (
            self.latents_in(x) + self.places_in(_places(tokens, length_s))
        ).float()  # the sum stays float32 in autocast
        for block in self.blocks:
            y = block(y, modulation, cosine, sine)
        scale, shift = self.out_modulation(vector)[:, None].chunk(2, -1)
        out: Tensor = self.latents_out(torch.addcmul(shift, self.out_norm(y), 1 + scale))
        return out.float()


def _rotary(tokens: int, device: torch.device) -> tuple[Tensor, Tensor]:
    pairs = WIDTH // HEADS // 2
    angle = torch.arange(tokens, device=device)[:, None] * ROTARY_BASE ** (-torch.arange(pairs, device=device) / pairs)
    return angle.cos(), angle.sin()


def _places(tokens: int, length_s: Tensor) -> Tensor:
    """(batch, tokens, PLACES): where a token stands, from the start, towards the end, and as a share of the clip.

    Rotary positions only tell tokens apart; an attack must know that it is first, and a riser how far it has risen.
    """
    seconds = (torch.arange(tokens, device=length_s.device) / TOKENS_PER_S).expand(len(length_s), -1)
    share = seconds / length_s[:, None]
    from_start = torch.log2(1 + seconds * TOKENS_PER_S)
    places = [
        waves(place, count=8, fastest=fastest) for place, fastest in ((from_start, 4.0), (seconds, 8.0), (share, 16.0))
    ]
    return torch.cat(places, -1)
