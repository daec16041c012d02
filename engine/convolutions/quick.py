"""Layers of networks that others wrote, made quicker on a CPU where they stand: same weights, same names, same shapes.

Only what is float32, on a CPU and without gradients goes the quick way; all else goes torch's. What a layer needs for
it is prepared from its weights at its first quick call, and again after other weights were loaded.
"""

import math
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from engine.convolutions import onednn
from engine.convolutions.attention import QuickAttention
from engine.convolutions.rows import EXACT, NARROWEST, ShortFilter
from engine.convolutions.tiles import LANES, OUTPUTS, TileFilter

# Below these sizes the quick ways cost more than they save, or keep much larger weights for little work.
LEAST_ROWS = 16  # of a matrix product
LEAST_FRAMES = 64  # of a filter over time
LEAST_TILES = 48  # of a filter over images
LARGEST_TWICE = 1 << 18  # weights of a layer that are kept a second time only to be in another order

Network = TypeVar("Network", bound=nn.Module)


def quicken(network: Network) -> Network:
    """The same network, whose linear layers and convolutions go the quick ways that there are for them."""
    for module in network.modules():
        kind: Any = type(module)
        quick = _QUICK.get(kind) or _attending(kind)
        if quick is not None:
            module.__class__ = quick
    return network


class QuickLinear(nn.Linear):
    """A linear layer by oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., out) of (..., in)."""
        if x.numel() < LEAST_ROWS * self.in_features or not onednn.serves(x, self.weight):
            return super().forward(x)
        return onednn.linear(x, self.weight, self.bias)


class QuickConv1d(nn.Conv1d):
    """A filter over time with fewer multiplications, if it keeps the length."""

    prepared: ShortFilter | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, out, time) of (batch, in, time)."""
        if not (self._may() and x.ndim == 3 and x.shape[2] >= LEAST_FRAMES and onednn.serves(x, self.weight)):
            return super().forward(x)
        if self.prepared is None:
            self.prepared = ShortFilter(self.weight, self.bias, dilation=self.dilation[0], expected_rows=x.shape[2])
        return together([self.prepared(row.T.contiguous()) for row in x]).transpose(1, 2)

    def _may(self) -> bool:
        taps = self.kernel_size[0]
        return (
            taps in EXACT
            and min(self.in_channels, self.out_channels) >= NARROWEST[taps]
            and self.stride == (1,)
            and self.groups == 1
            and self.padding == (self.dilation[0] * (taps // 2),)
            and self.padding_mode == "zeros"
        )

    def _load_from_state_dict(self, *arguments: Any, **named: Any) -> None:
        self.prepared = None
        super()._load_from_state_dict(*arguments, **named)


class QuickConv2d(nn.Conv2d):
    """A filter over images with channels last, and a 3x3 one with fewer multiplications."""

    tiles: TileFilter | None = None
    packed: onednn.PackedConvolution | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, out, height, width) of (batch, in, height, width)."""
        if x.ndim != 4 or not self._plain() or not onednn.serves(x, self.weight):
            self._unpack()
            return super().forward(x)
        tiles = math.ceil(x.shape[2] / OUTPUTS) * math.ceil(x.shape[3] / OUTPUTS)
        if self.tiles is not None or (tiles >= LEAST_TILES and x.shape[3] >= OUTPUTS and self._may()):
            if self.tiles is None:
                self._unpack()
                self.tiles = TileFilter(self.weight, self.bias, expected_tiles=tiles)
            images = [self.tiles(image) for image in x.permute(0, 2, 3, 1)]
            return together(images).permute(0, 3, 1, 2)
        x = x.contiguous(memory_format=torch.channels_last)
        if self.kernel_size == (1, 1) and self.padding == (0, 0):
            mixed = onednn.linear(x.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias)
            return mixed.permute(0, 3, 1, 2)
        if self.packed is None:
            assert not isinstance(self.padding, str)
            self.packed = onednn.PackedConvolution(
                self.weight,
                self.bias,
                padding=(self.padding[0], self.padding[1]),
                dilation=(self.dilation[0], self.dilation[1]),
                expected=(x.shape[2], x.shape[3]),
            )
            if self.weight.numel() > LARGEST_TWICE:
                self.weight = nn.Parameter(self.weight.to("meta"), requires_grad=False)
        return self.packed.images(x)

    def _unpack(self) -> None:
        """Have the weight again where it is plainly in order."""
        if self.packed is not None and self.weight.is_meta:
            self.weight = nn.Parameter(self.packed.weight.to_dense(), requires_grad=False)
            self.packed = None

    def _plain(self) -> bool:
        return self.stride == (1, 1) and self.groups == 1 and self.padding_mode == "zeros" and self.padding != "same"

    def _may(self) -> bool:
        return (
            self.kernel_size == (3, 3)
            and min(self.in_channels, self.out_channels) >= LANES
            and self.dilation == (1, 1)
            and self.padding == (1, 1)
        )

    def _load_from_state_dict(self, *arguments: Any, **named: Any) -> None:
        self.tiles = self.packed = None
        super()._load_from_state_dict(*arguments, **named)


def together(rows: list[Tensor]) -> Tensor:
    """The rows of a batch, with nothing copied if it is one."""
    return rows[0][None] if len(rows) == 1 else torch.stack(rows)


@lru_cache
def _attending(kind: Any) -> type[nn.Module] | None:
    """A class like diffusers' for attention whose matrix products go the quick way; None for any other."""
    if kind.__name__ not in ("Attention", "StableAudioAttention") or not kind.__module__.startswith("diffusers."):
        return None

    class Quick(kind):  # type: ignore[misc]
        def forward(self, *arguments: Any, **named: Any) -> Any:
            with QuickAttention():
                return super().forward(*arguments, **named)

    return Quick


_QUICK: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: QuickLinear,
    nn.Conv1d: QuickConv1d,
    nn.Conv2d: QuickConv2d,
}
