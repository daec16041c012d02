"""AudioLCM's autoencoder: mel bands as channels, and time alone is convolved. Half as many latent frames as hops.

Norms take their statistics over all frames of a clip, and the middle attends to all of them, so it cannot be run in
pieces, nor on padded clips.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

DECODER_KERNEL = 3  # of its residual blocks; the configured kernel is that of its first and last convolution alone


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, width, eps=1e-6)


def _conv(width_in: int, width_out: int, kernel: int) -> nn.Conv1d:
    return nn.Conv1d(width_in, width_out, kernel, padding=kernel // 2)


class ResidualBlock(nn.Module):
    """Two convolutions, and what came in."""

    def __init__(self, width_in: int, width_out: int, kernel: int) -> None:
        super().__init__()
        self.norm1 = _norm(width_in)
        self.conv1 = _conv(width_in, width_out, kernel)
        self.norm2 = _norm(width_out)
        self.conv2 = _conv(width_out, width_out, kernel)
        self.nin_shortcut = _conv(width_in, width_out, 1) if width_in != width_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width_out, frames)."""
        h = self.conv1(functional.silu(self.norm1(x)))
        h = self.conv2(functional.silu(self.norm2(h)))
        out: Tensor = self.nin_shortcut(x) + h
        return out


class Attention(nn.Module):
    """Every frame looks at every frame, with one head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = _norm(width)
        self.q = _conv(width, width, 1)
        self.k = _conv(width, width, 1)
        self.v = _conv(width, width, 1)
        self.proj_out = _conv(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, frames) of the same."""
        h = self.norm(x)
        query, key, value = (layer(h).transpose(1, 2) for layer in (self.q, self.k, self.v))
        mixed = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = x + self.proj_out(mixed.transpose(1, 2))
        return out


class Middle(nn.Module):
    """The narrowest place in time."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(width, width, kernel)
        self.attn_1 = Attention(width)
        self.block_2 = ResidualBlock(width, width, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, frames) of the same."""
        out: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return out


class Downsample(nn.Module):
    """Half the frames, rounded down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, frames // 2)."""
        out: Tensor = self.conv(functional.pad(x, (0, 1)))
        return out


class Upsample(nn.Module):
    """Twice the frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _conv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, 2 * frames)."""
        out: Tensor = self.conv(x.repeat_interleave(2, dim=2))
        return out


class Level(nn.Module):
    """Residual blocks of one width, and a change of the frame rate where there is one."""

    def __init__(
        self, width_in: int, width_out: int, *, blocks: int, kernel: int, resample: tuple[str, nn.Module] | None
    ) -> None:
        super().__init__()
        widths = [width_in] + [width_out] * blocks
        self.block = nn.ModuleList(ResidualBlock(before, after, kernel) for before, after in itertools.pairwise(widths))
        self.resample = resample[0] if resample else None
        if resample:
            self.add_module(*resample)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width_out, frames), or another number of frames."""
        for block in self.block:
            x = block(x)
        return self.get_submodule(self.resample)(x) if self.resample else x


class Encoder(nn.Module):
    """Mel to the moments of latents."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        kernel = config["kernel_size"]
        widths = [config["ch"] * factor for factor in config["ch_mult"]]
        self.conv_in = _conv(config["in_channels"], config["ch"], kernel)
        self.down = nn.ModuleList(
            Level(
                before,
                width,
                blocks=config["num_res_blocks"],
                kernel=kernel,
                resample=("downsample", Downsample(width)) if level in config["down_layers"] else None,
            )
            for level, (before, width) in enumerate(zip([config["ch"], *widths], widths, strict=False))
        )
        self.mid = Middle(widths[-1], kernel)
        self.norm_out = _norm(widths[-1])
        self.conv_out = _conv(widths[-1], 2 * config["z_channels"], kernel)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, 2 * z_channels, frames)."""
        h = self.conv_in(mel)
        for level in self.down:
            h = level(h)
        out: Tensor = self.conv_out(functional.silu(self.norm_out(self.mid(h))))
        return out


class Decoder(nn.Module):
    """Latents to mel. `up` is numbered as the encoder's levels are, so the last one runs first."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        widths = [config["ch"] * factor for factor in config["ch_mult"]]
        self.conv_in = _conv(config["z_channels"], widths[-1], config["kernel_size"])
        self.mid = Middle(widths[-1], DECODER_KERNEL)
        self.up = nn.ModuleList(
            Level(
                before,
                width,
                blocks=config["num_res_blocks"] + 1,
                kernel=DECODER_KERNEL,
                # What the encoder halves after a level, the decoder doubles before it.
                resample=("upsample", Upsample(width)) if level - 1 in config["down_layers"] else None,
            )
            for level, (before, width) in enumerate(zip([*widths[1:], widths[-1]], widths, strict=True))
        )
        self.norm_out = _norm(widths[0])
        self.conv_out = _conv(widths[0], config["out_ch"], config["kernel_size"])

    def forward(self, latents: Tensor) -> Tensor:
        """(batch, out_ch, hops)."""
        h = self.mid(self.conv_in(latents))
        for level in reversed(self.up):
            h = level(h)
        out: Tensor = self.conv_out(functional.silu(self.norm_out(h)))
        return out


class MelVAE1d(nn.Module):
    """Both ways between log mel (batch, bands, hops) and the denoiser's latents (batch, channels, frames)."""

    scale_factor: Tensor  # brings the encoder's latents to about unit variance; the checkpoint says how

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config`: in_channels and out_ch, which are the mel bands, embed_dim, z_channels, ch, ch_mult,
        num_res_blocks, kernel_size, and down_layers, the levels after which time is halved.
        """
        super().__init__()
        self.hops_per_frame = 2 ** len(config["down_layers"])
        self.encoder = Encoder(config)
        self.quant_conv = _conv(2 * config["z_channels"], 2 * config["embed_dim"], 1)
        self.post_quant_conv = _conv(config["embed_dim"], config["z_channels"], 1)
        self.decoder = Decoder(config)
        self.register_buffer("scale_factor", torch.ones(()))

    def decoded(self, latents: Tensor) -> Tensor:
        """Log mel of the denoiser's latents."""
        mel: Tensor = self.decoder(self.post_quant_conv(latents / self.scale_factor))
        return mel

    def moments(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithmic variance of the latents of a log mel, not yet scaled."""
        mean, log_variance = self.quant_conv(self.encoder(mel)).chunk(2, 1)
        return mean, log_variance.clamp(-30, 20)

    def encoded(self, mel: Tensor, noise: Tensor | None = None) -> Tensor:
        """The denoiser's latents of a log mel: the likeliest, or with `noise` like them those that it draws."""
        mean, log_variance = self.moments(mel)
        latents = mean if noise is None else mean + (log_variance / 2).exp() * noise
        return self.scale_factor * latents
