"""BigVGAN: log mel to waveform by upsampling, each stage followed by blocks of periodic activations.

Source: arXiv:2206.04658. It looks only so far to each side, so a clip can be decoded in pieces that overlap, and its
beginning is heard while the rest is being made.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.convolutions import onednn
from engine.families.base import Checkpoint, no_checkpoint
from engine.vocoders.alias_free import REACH, AliasFreeSnake
from engine.vocoders.quick_bigvgan import QuickBigVGAN

CONV_KERNEL = 7  # of the first and the last convolution
EXPECTED_HOPS = 624  # 10 s: where the quick way on a CPU is quickest


class AMPBlock(nn.Module):
    """Dilated convolutions between periodic activations: the paper's anti-aliased multi-periodicity block."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=dilation * (kernel - 1) // 2)
            for dilation in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations)
        self.activations = nn.ModuleList(AliasFreeSnake(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, values) of the same."""
        for dilated, plain, before, between in zip(
            self.convs1, self.convs2, self.activations[::2], self.activations[1::2], strict=True
        ):
            x = x + plain(between(dilated(before(x))))
        return x


class BigVGAN(nn.Module):
    """Log mel (batch, bands, hops) to waveform (batch, hops * hop_frames)."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config`: num_mels, upsample_rates, upsample_kernel_sizes, upsample_initial_channel, resblock_kernel_sizes
        and resblock_dilation_sizes, as in the authors' file.
        """
        super().__init__()
        rates, kernels = config["upsample_rates"], config["upsample_kernel_sizes"]
        widths = [config["upsample_initial_channel"] // 2**stage for stage in range(len(rates) + 1)]
        self.hop_frames = math.prod(rates)
        self.halo_hops = halo_hops(config)
        self.conv_pre = nn.Conv1d(config["num_mels"], widths[0], CONV_KERNEL, padding=CONV_KERNEL // 2)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(before, after, kernel, stride=rate, padding=(kernel - rate) // 2)
            for before, after, kernel, rate in zip(widths, widths[1:], kernels, rates, strict=False)
        )
        self.branches = len(config["resblock_kernel_sizes"])
        self.resblocks = nn.ModuleList(  # of the first stage, then of the second, ...
            AMPBlock(width, kernel, dilations)
            for width in widths[1:]
            for kernel, dilations in zip(
                config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True
            )
        )
        self.activation_post = AliasFreeSnake(widths[-1])
        self.conv_post = nn.Conv1d(widths[-1], 1, CONV_KERNEL, padding=CONV_KERNEL // 2)
        self.quick: QuickBigVGAN | None = None
        self.register_load_state_dict_post_hook(_forget_quick)  # type: ignore[no-untyped-call]

    def forward(self, mel: Tensor, checkpoint: Checkpoint = no_checkpoint) -> Tensor:
        """(batch, hops * hop_frames) in (-1, 1), all at once. `checkpoint` is called before each stage.

        On a CPU and without gradients it goes the quick way, for which the weights are prepared at the first call.
        """
        if onednn.serves(mel, self.conv_pre.weight):
            if self.quick is None:
                self.quick = QuickBigVGAN(self, expected_hops=EXPECTED_HOPS)
            return torch.stack([self.quick(row, checkpoint) for row in mel])
        x = self.conv_pre(mel)
        for stage, up in enumerate(self.ups):
            checkpoint("decode")
            x = up(x)
            blocks = self.resblocks[stage * self.branches : (stage + 1) * self.branches]
            total = blocks[0](x)
            for block in blocks[1:]:
                total = total + block(x)
            x = total / self.branches
        return torch.tanh(self.conv_post(self.activation_post(x)))[:, 0]

    def pieces(
        self, mel: Tensor, *, first_hops: int, more_hops: int, checkpoint: Checkpoint = no_checkpoint
    ) -> Iterator[Tensor]:
        """The same waveform piece by piece: (batch, frames) of `first_hops` hops, then of up to `more_hops` each.

        Each piece is decoded with as many hops to its sides as can be heard in it, so the edges of pieces are no edges.
        """
        hops = mel.shape[2]
        start = 0
        while start < hops:
            end = min(hops, start + (first_hops if start == 0 else more_hops))
            left, right = max(0, start - self.halo_hops), min(hops, end + self.halo_hops)
            waveform = self(mel[:, :, left:right], checkpoint)
            yield waveform[:, (start - left) * self.hop_frames : (end - left) * self.hop_frames]
            start = end


def _forget_quick(network: nn.Module, incompatible_keys: object) -> None:
    assert isinstance(network, BigVGAN)
    network.quick = None


def halo_hops(config: Mapping[str, Any]) -> int:
    """How many hops to each side a hop's frames depend on: the reach of all convolutions, from the last to the first.

    38 with the published sizes.
    """
    block = max(
        sum(2 * REACH + (dilation + 1) * (kernel - 1) // 2 for dilation in dilations)
        for kernel, dilations in zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True)
    )
    reach = CONV_KERNEL // 2 + REACH
    stages = list(zip(config["upsample_rates"], config["upsample_kernel_sizes"], strict=True))
    for rate, kernel in reversed(stages):
        reach += block
        padding = (kernel - rate) // 2
        # Output o takes from input i if 0 <= o + padding - i rate < kernel. Of each `rate` outputs the first looks most
        # to the left, and the last most to the right.
        reach = max((reach + kernel - 1 - padding) // rate, (reach + rate - 1 + padding) // rate)
    return reach + CONV_KERNEL // 2
