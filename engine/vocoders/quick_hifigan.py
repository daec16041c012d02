"""HiFi-GAN on a CPU: the same layers over rows of channels, with fewer multiplications."""

from typing import Any

import torch
from torch import Tensor, nn

from engine.convolutions.rows import THRIFTY, DirectFilter, Upsampler, at_least_lanes, filter_of, upsampler_of

LAST_SLOPE = 0.01  # torch's own, which the authors' last rectifier was left with


class QuickBlock:
    """A residual block over rows: dilated and plain filters, each after a leaky rectifier."""

    def __init__(self, block: Any, *, slope: float, expected_rows: int) -> None:
        self.slope = slope
        self.convs1 = [filter_of(conv, expected_rows=expected_rows, schemes=THRIFTY) for conv in block.convs1]
        self.convs2 = [filter_of(conv, expected_rows=expected_rows, schemes=THRIFTY) for conv in block.convs2]

    def __call__(self, rows: Tensor) -> Tensor:
        """New rows of the same shape."""
        x, out = rows, None
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = out = plain(dilated(x, slope=self.slope), slope=self.slope, residual=x, out=out)
        return x


class QuickHiFiGAN:
    """The same waveform as the library's `SpeechT5HifiGan` that it is made from, one mel at a time, without gradients.

    It is fastest with as many hops as expected. It holds weights of its own, nearly twice as many.
    """

    def __init__(self, network: Any, *, expected_hops: int) -> None:
        rows = expected_hops
        self.slope: float = network.config.leaky_relu_slope
        self.conv_pre = filter_of(network.conv_pre, expected_rows=rows)
        self.stages: list[tuple[Upsampler, list[QuickBlock]]] = []
        branches = network.num_kernels
        for stage, up in enumerate(network.upsampler):
            assert isinstance(up, nn.ConvTranspose1d)
            quick = upsampler_of(up, expected_rows=rows)
            rows *= up.stride[0]
            blocks = network.resblocks[stage * branches : (stage + 1) * branches]
            self.stages.append((quick, [QuickBlock(block, slope=self.slope, expected_rows=rows) for block in blocks]))
        weight, _ = at_least_lanes(network.conv_post.weight, None)
        self.conv_post = DirectFilter(weight[:1].contiguous(), network.conv_post.bias, expected_rows=rows)

    def __call__(self, mel: Tensor) -> Tensor:
        """(frames,) of a mel (hops, bands)."""
        x = self.conv_pre(mel.contiguous())
        for up, blocks in self.stages:
            x = up(x, slope=self.slope)
            total = blocks[0](x)
            for block in blocks[1:]:
                total += block(x)
            x = total.div_(len(blocks))
        return torch.tanh(self.conv_post(x, slope=LAST_SLOPE))[:, 0]
