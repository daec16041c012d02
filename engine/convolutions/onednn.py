"""Matrix products and convolutions by oneDNN, with the weights brought into its order once.

torch sends float32 matrix products to MKL, which on processors of other makers keeps to half as wide vectors: on an
AMD EPYC with AVX-512, 92 GFLOP/s a core, and 215 by oneDNN. Convolutions always go to oneDNN, but reorder signal and
weights at every call unless both come as it wants them (165 to 195 GFLOP/s, then 205 to 225).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_packs: Any = torch._C._nn  # where torch keeps what its own compiler packs weights with
_ops: Any = torch.ops.mkldnn


def available() -> bool:
    """Whether this build of torch has oneDNN, on a processor that it was made for."""
    return bool(torch._C._has_mkldnn) and hasattr(_packs, "mkldnn_reorder_conv2d_weight")


_off = False


@contextmanager
def switched_off() -> Iterator[None]:
    """All goes torch's way meanwhile: to compare the two, or to listen inside of a network."""
    global _off
    before, _off = _off, True
    try:
        yield
    finally:
        _off = before


def serves(x: Tensor, weight: Tensor) -> bool:
    """Whether what is computed of `x` may go this way: float32 on a CPU that has oneDNN, and nobody wants gradients."""
    wanted = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    return available() and not _off and not wanted and x.device.type == "cpu" and x.dtype == torch.float32


class PackedConvolution:
    """A convolution of stride 1 over channels-last images or rows, without gradients."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        *,
        groups: int = 1,
        dilation: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        expected: tuple[int, int] = (1, 256),
    ) -> None:
        """`weight` (out, in / groups, height, width); `expected` the size of most images."""
        self.bias = bias
        self.settings = (list(padding), [1, 1], list(dilation), groups)
        size = [1, weight.shape[1] * groups, *expected]
        self.weight = _packs.mkldnn_reorder_conv2d_weight(
            weight.detach().contiguous().to_mkldnn(), list(padding), [1, 1], list(dilation), groups, size
        )

    def images(self, images: Tensor) -> Tensor:
        """(batch, out, height, width) of (batch, in, height, width), both channels last."""
        found: Tensor = _ops._convolution_pointwise(images, self.weight, self.bias, *self.settings, "none", [], "")
        return found

    def rows(self, rows: Tensor) -> Tensor:
        """(batch, time, out) of (batch, time, in), contiguous."""
        images = rows.transpose(1, 2)[:, :, None]
        return self.images(images)[:, :, 0].transpose(1, 2)


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """What `functional.linear` gives, by oneDNN where it is, without gradients."""
    if not available():
        return functional.linear(rows, weight, bias)
    found: Tensor = _ops._linear_pointwise(rows, weight, bias, "none", [], "")
    return found
