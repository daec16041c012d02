"""Filters over rows (time, channels) that keep the length: short ones with fewer multiplications, narrow ones directly.

Without gradients, one clip at a time, on a CPU. A transposed convolution is a filter whose outputs lie side by side.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.convolutions import transforms
from engine.convolutions.onednn import PackedConvolution
from engine.convolutions.toom_cook import scheme

# How many outputs at once, and taps of a piece, by the taps of a filter: what saves more loses more digits. Through a
# whole HiFi-GAN the exact way keeps 110 dB and the thrifty one 98; through a BigVGAN, whose periodic
# activations make more of small differences, 82 and 67.
Schemes = Mapping[int, tuple[int, int]]
EXACT: Schemes = {3: (6, 3), 5: (4, 5), 7: (4, 4), 9: (4, 5), 11: (4, 4)}
THRIFTY: Schemes = {3: (6, 3), 5: (4, 5), 7: (6, 7), 9: (4, 5), 11: (6, 6)}
WIDE_CHANNELS, WIDE_TILES, NARROW_TILES = 192, 104, 512
DIRECT_ROWS, LEAST_AT_ONCE = 1024, 48
EXPECTED_ROWS = 2496
NARROWEST = {3: 48, 5: 48, 7: 16, 9: 16, 11: 16}  # channels from which on fewer multiplications win, by taps


def even_parts(count: int, *, at_most: int) -> int:
    """How many of `count` to take at once so that no part is much smaller: for longer signals too, never a few."""
    return max(math.ceil(count / math.ceil(count / at_most)), LEAST_AT_ONCE)


class ShortFilter:
    """A filter of few taps with many channels, dilated or not: `y = bias + filter(x)`, both (time, channels)."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        *,
        dilation: int = 1,
        expected_rows: int = EXPECTED_ROWS,
        schemes: Schemes = EXACT,
    ) -> None:
        """`weight` (out, in, taps), taps in `schemes`. It is fastest when the rows are as many as expected."""
        self.out, self.inside, taps = weight.shape
        self.outputs, piece = schemes[taps]
        found = scheme(self.outputs, piece)
        self.products, self.dilation, self.left = found.products, dilation, dilation * (taps // 2)
        self.pieces = 1 + math.ceil(max(0, taps - piece) / self.outputs)
        kernel = torch.from_numpy(found.kernel)
        values = weight.new_empty(self.products, self.out, self.inside, 1, self.pieces)
        for number in range(self.pieces):  # a tile serves all pieces: the next one reads where the next tile begins
            first = number * self.outputs
            part = weight[:, :, first : taps if number == self.pieces - 1 else first + self.outputs].detach().double()
            values[..., 0, number] = torch.einsum("nt,oit->noi", kernel[:, : part.shape[2]], part)
        added = None
        if bias is not None:  # every output takes the product at the point 1 once, so the bias goes in there
            added = torch.zeros(self.products, self.out)
            added[1] = bias.detach() / float(found.out[0, 1])
            added = added.flatten()
        # oneDNN orders the weights by the size of the signal, so there is one size for all chunks: large enough for
        # the full speed of its products (measured for each width), and a whole part of what is expected.
        tiles = dilation * self._tiles_a_phase(expected_rows)
        wanted = WIDE_TILES if min(self.inside, self.out) >= WIDE_CHANNELS else NARROW_TILES
        self.chunk = even_parts(tiles, at_most=wanted)
        self.core = PackedConvolution(
            values.flatten(0, 1),
            added,
            groups=self.products,
            expected=(1, self.chunk + self.pieces - 1),
        )

    def _tiles_a_phase(self, rows: int) -> int:
        return math.ceil(math.ceil(rows / self.dilation) / self.outputs) + self.pieces - 1

    def __call__(
        self, rows: Tensor, *, slope: float = 1.0, residual: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """(time, out) of what `slope` makes of the rows, plus `residual`, which may be `out` itself."""
        if out is None:
            out = rows.new_empty(len(rows), self.out)
        if rows.shape[1] != self.inside:  # what has fewer channels than the loops take at once
            rows = functional.pad(rows, (0, self.inside - rows.shape[1]))
        source, target = rows.contiguous().numpy(), out.numpy()
        base = target if residual is None else residual.numpy()
        tiles_a_phase = self._tiles_a_phase(len(rows))
        # What the last chunk leaves unfilled, nothing that is read depends on.
        tiles = rows.new_empty(self.chunk + self.pieces - 1, self.products, rows.shape[1])
        inner = tiles.numpy()
        numbers = (tiles_a_phase, self.outputs, self.dilation)
        for first in range(0, self.dilation * tiles_a_phase - self.pieces + 1, self.chunk):
            spread(transforms.before, len(tiles), (source, inner), (first, *numbers, self.left, slope))
            products = self.core.rows(tiles.flatten(1)[None]).reshape(self.chunk, self.products, self.out).numpy()
            spread(transforms.after, self.chunk, (products, target, base), (first, *numbers, residual is not None))
        return out


class DirectFilter:
    """A filter with as many multiplications as it has taps, for narrow layers and what `EXACT` does not know."""

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        *,
        dilation: int = 1,
        padding: int | None = None,
        expected_rows: int = EXPECTED_ROWS,
    ) -> None:
        """`weight` (out, in, taps). The rows are padded on both sides, so that the length stays if nothing is said."""
        self.out, self.inside, taps = weight.shape
        self.reach = dilation * (taps - 1)
        self.padding = self.reach // 2 if padding is None else padding
        self.chunk = even_parts(expected_rows, at_most=DIRECT_ROWS)
        self.core = PackedConvolution(
            weight[:, :, None], bias, dilation=(1, dilation), expected=(1, self.chunk + self.reach)
        )

    def __call__(
        self, rows: Tensor, *, slope: float = 1.0, residual: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """(time, out) of what `slope` makes of the rows, plus `residual`, which may be `out` itself."""
        if rows.shape[1] != self.inside:  # what has fewer channels than the loops take at once
            rows = functional.pad(rows, (0, self.inside - rows.shape[1]))
        length = len(rows) + 2 * self.padding - self.reach
        if out is None:
            out = rows.new_empty(length, self.out)
        padded = rows
        if len(rows) != math.ceil(length / self.chunk) * self.chunk + self.reach or slope != 1:
            padded = rows.new_zeros(math.ceil(length / self.chunk) * self.chunk + self.reach, rows.shape[1])
            within = padded[self.padding : self.padding + len(rows)]
            within.copy_(rows)
            if slope != 1:
                functional.leaky_relu_(within, slope)
        for first in range(0, length, self.chunk):
            found = self.core.rows(padded[None, first : first + self.chunk + self.reach])[0, : length - first]
            if residual is None:
                out[first : first + self.chunk] = found
            else:
                torch.add(found, residual[first : first + self.chunk], out=out[first : first + self.chunk])
        return out


class Upsampler:
    """A transposed convolution: a filter that gives `stride` rows for one, side by side."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, *, stride: int, padding: int, expected_rows: int = EXPECTED_ROWS
    ) -> None:
        """`weight` (in, out, kernel) as torch has it for transposed convolutions."""
        inside, self.out, self.kernel = weight.shape
        self.stride, self.padding = stride, padding
        taps = math.ceil(self.kernel / stride)
        whole = functional.pad(weight.detach(), (0, taps * stride - self.kernel)).view(inside, self.out, taps, stride)
        side_by_side = whole.flip(2).permute(3, 1, 0, 2).reshape(stride * self.out, inside, taps)
        self.filter = DirectFilter(
            side_by_side.contiguous(),
            None if bias is None else bias.detach().repeat(stride),
            padding=taps - 1,
            expected_rows=expected_rows,
        )

    def __call__(self, rows: Tensor, *, slope: float = 1.0) -> Tensor:
        """(longer time, out) of what `slope` makes of the rows."""
        length = (len(rows) - 1) * self.stride - 2 * self.padding + self.kernel
        return self.filter(rows, slope=slope).view(-1, self.out)[self.padding : self.padding + length]


def same_filter(
    weight: Tensor,
    bias: Tensor | None,
    *,
    dilation: int = 1,
    expected_rows: int = EXPECTED_ROWS,
    schemes: Schemes = EXACT,
) -> ShortFilter | DirectFilter:
    """The faster filter that keeps the length, as measured: three taps save too little for narrow rows."""
    out, inside, taps = weight.shape
    narrowest = NARROWEST.get(taps)
    if narrowest is None or min(out, inside) < max(narrowest, transforms.LANES):
        return DirectFilter(weight, bias, dilation=dilation, expected_rows=expected_rows)
    return ShortFilter(weight, bias, dilation=dilation, expected_rows=expected_rows, schemes=schemes)


def filter_of(
    conv: nn.Module, *, expected_rows: int = EXPECTED_ROWS, schemes: Schemes = EXACT
) -> ShortFilter | DirectFilter:
    """The faster filter that does what a `nn.Conv1d` that keeps the length does."""
    assert isinstance(conv, nn.Conv1d)
    assert conv.stride == (1,)
    assert conv.groups == 1
    assert conv.padding == (conv.dilation[0] * (conv.kernel_size[0] // 2),)
    weight, bias = at_least_lanes(conv.weight, conv.bias)
    return same_filter(weight, bias, dilation=conv.dilation[0], expected_rows=expected_rows, schemes=schemes)


def upsampler_of(conv: nn.Module, *, expected_rows: int = EXPECTED_ROWS) -> Upsampler:
    """What a `nn.ConvTranspose1d` does."""
    assert isinstance(conv, nn.ConvTranspose1d)
    assert conv.groups == 1
    weight, bias = at_least_lanes(conv.weight, conv.bias, axes=(1, 0))
    padding = conv.padding[0]
    assert isinstance(padding, int)
    assert conv.output_padding == (0,)
    return Upsampler(weight, bias, stride=conv.stride[0], padding=padding, expected_rows=expected_rows)


def at_least_lanes(
    weight: Tensor, bias: Tensor | None, *, axes: tuple[int, int] = (0, 1)
) -> tuple[Tensor, Tensor | None]:
    """A filter's weight and bias with channels of zeros behind, where it has fewer than the loops take at once.

    `axes` are those of the outputs and of the inputs.
    """
    missing = [max(0, transforms.LANES - weight.shape[axis]) for axis in axes]
    sizes = list(weight.shape)
    for axis, more in zip(axes, missing, strict=True):
        sizes[axis] += more
    padded = weight.new_zeros(sizes)
    padded[tuple(slice(size) for size in weight.shape)] = weight.detach()
    return padded, None if bias is None else functional.pad(bias.detach(), (0, missing[0]))


_pool: ThreadPoolExecutor | None = None


def spread(loop: Callable[..., None], count: int, before: tuple[Any, ...], after: tuple[Any, ...] = ()) -> None:
    """Call `loop(*before, start, end, *after)` for parts of `count` on as many threads as torch may use."""
    global _pool
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        loop(*before, 0, count, *after)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="loops")
    borders = [count * part // threads for part in range(threads + 1)]
    jobs = [_pool.submit(loop, *before, start, end, *after) for start, end in itertools.pairwise(borders[1:])]
    loop(*before, 0, borders[1], *after)
    for job in jobs:
        job.result()
