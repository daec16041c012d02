"""3x3 filters over images (height, width, channels) with a quarter of the multiplications: 4x4 outputs at once.

Source: Lavin and Gray, arXiv:1509.09308, F(4x4, 3x3), on the points of `engine.convolutions.toom_cook`.
"""

import math
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numpy.typing import NDArray
from torch import Tensor

from engine.convolutions import vectors
from engine.convolutions.compiling import entry
from engine.convolutions.onednn import PackedConvolution
from engine.convolutions.rows import NARROW_TILES, WIDE_CHANNELS, WIDE_TILES, even_parts, spread
from engine.convolutions.toom_cook import Matrix, scheme

Floats = NDArray[np.float32]

LANES = vectors.LANES
OUTPUTS, TAPS = 4, 3
SCHEME = scheme(OUTPUTS, TAPS)
SIDE = SCHEME.products  # of a tile
PRODUCTS = SIDE * SIDE


def _square(builder: Any, matrix: Matrix, rows: list[list[Any]]) -> list[list[Any]]:
    """matrix @ rows @ matrix.T, of values that are vectors."""
    across = [vectors.product(builder, matrix, row) for row in rows]
    columns = [vectors.product(builder, matrix, [row[i] for row in across]) for i in range(len(matrix))]
    return [[column[i] for column in columns] for i in range(len(matrix))]


def _tile_to_tile(matrix: Matrix) -> Any:
    """A call for loops: (from, first, step down, step across, to, first, step down, step across)."""
    size = matrix.shape[1]

    @vectors.intrinsic
    def call(typing: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
        whole = types.intp
        signature = types.void(a, whole, whole, whole, e, whole, whole, whole)

        def code(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
            source, target = (vectors.data(context, builder, kinds.args[at], arguments[at]) for at in (0, 4))

            def place(first: Any, down: Any, across: Any, i: int, j: int) -> Any:
                below = builder.add(first, builder.mul(down, ir.Constant(ir.IntType(64), i)))
                return builder.add(below, builder.mul(across, ir.Constant(ir.IntType(64), j)))

            rows = [
                [
                    vectors.load(builder, source, place(arguments[1], arguments[2], arguments[3], i, j))
                    for j in range(size)
                ]
                for i in range(size)
            ]
            for i, row in enumerate(_square(builder, matrix, rows)):
                for j, value in enumerate(row):
                    vectors.store(builder, value, target, place(arguments[5], arguments[6], arguments[7], i, j))
            return context.get_dummy_value()

        return signature, code

    return call


_inner, _out = _tile_to_tile(SCHEME.inner), _tile_to_tile(SCHEME.out)


@entry("void(f4[:,:,::1], f4[:,:,::1], i8, i8, i8, i8)")
def before(image: Floats, tiles: Floats, start: int, end: int, first: int, count: int) -> None:
    """Fill `start` to `end` of tiles (tiles, products, channels), of which there are `count`, from an image.

    The image has a border of one and whole tiles: (4 tiles + 2, 4 tiles + 2, channels).
    """
    across, channels = (image.shape[1] - 2) // OUTPUTS, image.shape[2]
    down = image.shape[1] * channels
    for tile in range(start, min(end, count - first)):
        row, column = (first + tile) // across * OUTPUTS, (first + tile) % across * OUTPUTS
        for at in range(0, channels, LANES):
            channel = min(at, channels - LANES)
            here = row * down + column * channels + channel
            to = tile * PRODUCTS * channels + channel
            _inner(image, here, down, channels, tiles, to, SIDE * channels, channels)


@entry("void(f4[:,:,::1], f4[:,:,::1], i8, i8, i8, i8)")
def after(tiles: Floats, image: Floats, start: int, end: int, first: int, count: int) -> None:
    """Write what tiles hold into an image (4 tiles, 4 tiles, channels)."""
    across, channels = image.shape[1] // OUTPUTS, image.shape[2]
    down = image.shape[1] * channels
    for tile in range(start, min(end, count - first)):
        row, column = (first + tile) // across * OUTPUTS, (first + tile) % across * OUTPUTS
        for at in range(0, channels, LANES):
            channel = min(at, channels - LANES)
            here = tile * PRODUCTS * channels + channel
            to = row * down + column * channels + channel
            _out(tiles, here, SIDE * channels, channels, image, to, down, channels)


class TileFilter:
    """A 3x3 filter with a border of zeros, over images of at least `LANES` channels. Without gradients."""

    def __init__(self, weight: Tensor, bias: Tensor | None, *, expected_tiles: int = WIDE_TILES) -> None:
        """`weight` (out, in, 3, 3). It is fastest with as many tiles of 4x4 as expected."""
        self.out, self.inside = weight.shape[:2]
        kernel = torch.from_numpy(SCHEME.kernel).float()
        values = torch.einsum("nh,oihw,mw->nmoi", kernel, weight.detach(), kernel)
        added = None
        if bias is not None:  # every output takes the product at the points 1 and 1 once
            added = torch.zeros(SIDE, SIDE, self.out)
            added[1, 1] = bias.detach() / float(SCHEME.out[0, 1]) ** 2
            added = added.flatten()
        wanted = WIDE_TILES if min(self.inside, self.out) >= WIDE_CHANNELS else NARROW_TILES
        self.chunk = even_parts(expected_tiles, at_most=wanted)
        self.core = PackedConvolution(
            values.reshape(PRODUCTS * self.out, self.inside, 1, 1), added, groups=PRODUCTS, expected=(1, self.chunk)
        )

    def __call__(self, image: Tensor) -> Tensor:
        """(height, width, out) of an image (height, width, in)."""
        height, width = image.shape[:2]
        down, across = math.ceil(height / OUTPUTS), math.ceil(width / OUTPUTS)
        bordered = image.new_empty(down * OUTPUTS + 2, across * OUTPUTS + 2, self.inside)
        bordered[1 : height + 1, 1 : width + 1] = image
        for border in (bordered[0], bordered[height + 1 :], bordered[:, 0], bordered[:, width + 1 :]):
            border.zero_()
        padded = bordered.numpy()
        out = image.new_empty(down * OUTPUTS, across * OUTPUTS, self.out)
        target = out.numpy()
        tiles = image.new_empty(self.chunk, PRODUCTS, self.inside)  # what the last chunk leaves unfilled is not read
        inner, count = tiles.numpy(), down * across
        for first in range(0, count, self.chunk):
            spread(before, self.chunk, (padded, inner), (first, count))
            products = self.core.rows(tiles.flatten(1)[None]).reshape(self.chunk, PRODUCTS, self.out).numpy()
            spread(after, self.chunk, (products, target), (first, count))
        return out[:height, :width]
