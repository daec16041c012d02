"""The decoder of the Descript audio codec on a CPU: the same layers over rows of channels, with fewer multiplications.

Source: arXiv:2306.06546; the layers are those of `transformers`' `DacDecoder`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engine.convolutions import snakes
from engine.convolutions.rows import DirectFilter, at_least_lanes, filter_of, spread, upsampler_of


class QuickSnake:
    """The library's `Snake1d` over rows (time, channels)."""

    def __init__(self, activation: Any) -> None:
        alpha = activation.alpha.detach().flatten()
        missing = max(0, snakes.LANES - len(alpha))
        magnitude = functional.pad((alpha + 1e-9).reciprocal(), (0, missing))
        self.per_block = snakes.per_block_of(functional.pad(alpha, (0, missing)).numpy(), magnitude.numpy())

    def __call__(self, rows: Tensor) -> Tensor:
        """New rows of the same shape."""
        out = torch.empty_like(rows)
        spread(snakes.snake, len(out), (rows.numpy(), out.numpy(), self.per_block))
        return out


class QuickUnit:
    """A residual unit over rows: a dilated filter and a mixing of channels, each after a snake."""

    def __init__(self, unit: Any, *, expected_rows: int) -> None:
        self.snake1, self.snake2 = QuickSnake(unit.snake1), QuickSnake(unit.snake2)
        self.conv1 = filter_of(unit.conv1, expected_rows=expected_rows)
        self.conv2 = filter_of(unit.conv2, expected_rows=expected_rows)

    def __call__(self, rows: Tensor) -> Tensor:
        """New rows of the same shape."""
        return self.conv2(self.snake2(self.conv1(self.snake1(rows))), residual=rows)


class QuickDacDecoder:
    """The same waveform as the `DacDecoder` that it is made from, one clip at a time and without gradients.

    It is fastest with as many latents as expected. It holds weights of its own, nearly twice as many.
    """

    def __init__(self, network: Any, *, expected_latents: int) -> None:
        rows = expected_latents
        self.conv1 = filter_of(network.conv1, expected_rows=rows)
        self.blocks = []
        for block in network.block:
            up = upsampler_of(block.conv_t1, expected_rows=rows)
            rows *= block.conv_t1.stride[0]
            units = (block.res_unit1, block.res_unit2, block.res_unit3)
            self.blocks.append((QuickSnake(block.snake1), up, [QuickUnit(unit, expected_rows=rows) for unit in units]))
        self.snake1 = QuickSnake(network.snake1)
        weight, _ = at_least_lanes(network.conv2.weight, None)
        self.conv2 = DirectFilter(weight[:1].contiguous(), network.conv2.bias, expected_rows=rows)

    def __call__(self, latents: Tensor) -> Tensor:
        """(frames,) of latents (width, latents)."""
        x = self.conv1(latents.T)
        for snake, up, units in self.blocks:
            x = up(snake(x))
            for unit in units:
                x = unit(x)
        return torch.tanh(self.conv2(self.snake1(x)))[:, 0]
