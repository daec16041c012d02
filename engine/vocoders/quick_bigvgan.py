"""BigVGAN on a CPU: the same layers over rows of channels, with fewer multiplications and one pass an activation."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.convolutions import snakes
from engine.convolutions.rows import DirectFilter, Upsampler, at_least_lanes, filter_of, spread, upsampler_of
from engine.families.base import Checkpoint, no_checkpoint
from engine.vocoders import bigvgan
from engine.vocoders.alias_free import AliasFreeSnake


class QuickSnake:
    """`AliasFreeSnake` over rows (time, channels)."""

    def __init__(self, activation: nn.Module) -> None:
        assert isinstance(activation, AliasFreeSnake)
        missing = max(0, snakes.LANES - len(activation.frequency))
        per_channel = (activation.frequency.detach(), activation.magnitude.detach())
        self.per_block = snakes.per_block_of(*(functional.pad(values, (0, missing)).numpy() for values in per_channel))
        self.up, self.down = (2 * activation.up_filter).numpy(), activation.down_filter.numpy()

    def __call__(self, rows: Tensor) -> Tensor:
        """New rows of the same shape."""
        out = torch.empty_like(rows)
        spread(snakes.alias_free_snake, len(out), (rows.numpy(), out.numpy(), self.per_block, self.up, self.down))
        return out


class QuickBlock:
    """`AMPBlock` over rows."""

    def __init__(self, block: nn.Module, *, expected_rows: int) -> None:
        assert isinstance(block, bigvgan.AMPBlock)
        self.convs1 = [filter_of(conv, expected_rows=expected_rows) for conv in block.convs1]
        self.convs2 = [filter_of(conv, expected_rows=expected_rows) for conv in block.convs2]
        self.activations = [QuickSnake(activation) for activation in block.activations]

    def __call__(self, rows: Tensor) -> Tensor:
        """New rows of the same shape."""
        x, out = rows, None
        for dilated, plain, before, between in zip(
            self.convs1, self.convs2, self.activations[::2], self.activations[1::2], strict=True
        ):
            x = out = plain(between(dilated(before(x))), residual=x, out=out)
        return x


class QuickBigVGAN:
    """The same waveform as the `BigVGAN` that it is made from, one mel at a time and without gradients."""

    def __init__(self, network: "bigvgan.BigVGAN", *, expected_hops: int) -> None:
        """It is fastest with as many hops as expected. It holds weights of its own, twice as many."""
        rows = expected_hops
        self.conv_pre = filter_of(network.conv_pre, expected_rows=rows)
        self.stages: list[tuple[Upsampler, list[QuickBlock]]] = []
        for stage, up in enumerate(network.ups):
            assert isinstance(up, nn.ConvTranspose1d)
            quick = upsampler_of(up, expected_rows=rows)
            rows *= up.stride[0]
            blocks = network.resblocks[stage * network.branches : (stage + 1) * network.branches]
            self.stages.append((quick, [QuickBlock(block, expected_rows=rows) for block in blocks]))
        self.activation_post = QuickSnake(network.activation_post)
        weight, _ = at_least_lanes(network.conv_post.weight, None)
        self.conv_post = DirectFilter(weight[:1].contiguous(), network.conv_post.bias, expected_rows=rows)

    def __call__(self, mel: Tensor, checkpoint: Checkpoint = no_checkpoint) -> Tensor:
        """(hops * hop_frames,) of a mel (bands, hops)."""
        x = self.conv_pre(mel.T)
        for up, blocks in self.stages:
            checkpoint("decode")
            x = up(x)
            total = blocks[0](x)
            for block in blocks[1:]:
                total += block(x)
            x = total.div_(len(blocks))
        return torch.tanh(self.conv_post(self.activation_post(x)))[:, 0]
