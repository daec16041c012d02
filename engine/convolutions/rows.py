"""Filters over rows (time, channels) that keep the length: short ones with fewer multiplications, narrow ones directly.

Without gradients, one clip at a time, on a CPU. A transposed convolution is a filter whose outputs lie side by side.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor
from torch.nn import functional

from engine.convolutions import transforms
from engine.convolutions.onednn import PackedConvolution
from engine.convolutions.toom_cook import scheme

# How many outputs at once, and taps a piece: the longest of these is as good as any shorter for shorter filters.
SCHEMES = {3: (6, 3), 5: (4, 5), 7: (6, 7), 9: (4, 9), 11: (6, 6)}
WIDE_CHANNELS, WIDE_TILES, NARROW_TILES = 192, 104, 512
EXPECTED_ROWS = 2496


class ShortFilter:
    """A filter of few taps with many channels, dilated or not: `y = bias + filter(x)`, both (time, channels)."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, *, dilation: int = 1, expected_rows: int = EXPECTED_ROWS
    ) -> None:
        """`weight` (out, in, taps), taps one of `SCHEMES`. It is fastest when the rows are as many as expected."""
        self.out, inside, taps = weight.shape
        self.outputs, piece = SCHEMES[taps]
        found = scheme(self.outputs, piece)
        self.products, self.dilation, self.left = found.products, dilation, dilation * (taps // 2)
        self.pieces = math.ceil(taps / piece)
        whole = functional.pad(weight.detach().double(), (0, self.pieces * piece - taps))
        kernel = torch.from_numpy(found.kernel)
        values = torch.einsum("nt,oipt->noip", kernel, whole.view(self.out, inside, self.pieces, piece))
        added = None
        if bias is not None:  # every output takes the product at the point 1 once, so the bias goes in there
            added = torch.zeros(self.products, self.out)
            added[1] = bias.detach() / float(found.out[0, 1])
            added = added.flatten()
        # oneDNN orders the weights by the size of the signal, so there is one size for all chunks: large enough for
        # the full speed of its products (measured for each width), and a whole part of what is expected.
        tiles = dilation * self._tiles_a_phase(expected_rows)
        wanted = WIDE_TILES if min(inside, self.out) >= WIDE_CHANNELS else NARROW_TILES
        self.chunk = math.ceil(tiles / math.ceil(tiles / wanted))
        self.core = PackedConvolution(
            values.float().reshape(self.products * self.out, inside, 1, self.pieces),
            added,
            groups=self.products,
            expected=(1, self.chunk + self.pieces - 1),
        )

    def _tiles_a_phase(self, rows: int) -> int:
        return math.ceil(math.ceil(rows / self.dilation) / self.outputs) + self.pieces - 1

    def __call__(
        self, rows: Tensor, *, slope: float = 1.0, residual: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """(time, out): the filter of what `slope` makes of the rows, plus `residual`; `out` may be `residual` itself."""
        if out is None:
            out = rows.new_empty(len(rows), self.out)
        source, target = rows.numpy(), out.numpy()
        base = target if residual is None else residual.numpy()
        tiles_a_phase = self._tiles_a_phase(len(rows))
        tiles = rows.new_zeros(self.chunk + self.pieces - 1, self.products, rows.shape[1])
        numbers = (tiles_a_phase, self.outputs, self.dilation)
        for first in range(0, self.dilation * tiles_a_phase - self.pieces + 1, self.chunk):
            inner, at = tiles.numpy(), first
            spread(lambda a, b: transforms.before(source, inner, a, b, at, *numbers, self.left, slope), len(tiles))
            products = self.core.rows(tiles.flatten(1)[None]).reshape(self.chunk, self.products, self.out).numpy()
            adds = residual is not None
            spread(lambda a, b: transforms.after(products, target, base, a, b, at, *numbers, adds), self.chunk)
        return out


_pool: ThreadPoolExecutor | None = None


def spread(work: Callable[[int, int], None], count: int) -> None:
    """Call `work(start, end)` for parts of `count` on as many threads as torch may use."""
    global _pool
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        work(0, count)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="loops")
    borders = [count * part // threads for part in range(threads + 1)]
    jobs = [_pool.submit(work, a, b) for a, b in zip(borders[1:], borders[2:], strict=False)]
    work(borders[0], borders[1])
    for job in jobs:
        job.result()
