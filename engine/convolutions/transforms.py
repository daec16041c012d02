"""The loops before and after the products of a short convolution, over rows (time, channels) of float32.

A tile is `outputs` neighbouring outputs and the inputs they need. With a dilation of d every d-th row belongs together:
d phases, each filtered by itself. Rows outside the signal are zeros. Channels are at least `LANES`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.convolutions import vectors
from engine.convolutions.compiling import entry
from engine.convolutions.toom_cook import Matrix, scheme

Floats = NDArray[np.float32]

LANES = vectors.LANES


def _inner(outputs: int, taps: int) -> Any:
    matrix = scheme(outputs, taps).inner

    def body(builder: Any, rows: list[Any], slope: Any) -> list[Any]:
        bent = [vectors.larger(builder, row, builder.fmul(row, slope)) for row in rows]
        return vectors.product(builder, matrix, bent)

    return vectors.rows_to_rows(len(matrix), body)


def _out(outputs: int, taps: int, *, adds: bool) -> Any:
    matrix: Matrix = scheme(outputs, taps).out

    def body(builder: Any, rows: list[Any], unused: Any) -> list[Any]:
        return vectors.product(builder, matrix, rows)

    return vectors.rows_to_rows(matrix.shape[1], body, adds=adds)


_SCHEMES = ((4, 4), (6, 3), (4, 5), (6, 6), (6, 7))
_inner_7, _inner_8, _inner_11, _inner_12 = (_inner(*_SCHEMES[number]) for number in (0, 1, 3, 4))
_out_4_4, _out_6_3, _out_4_5, _out_6_6, _out_6_7 = (_out(*sizes, adds=False) for sizes in _SCHEMES)
_add_4_4, _add_6_3, _add_4_5, _add_6_6, _add_6_7 = (_out(*sizes, adds=True) for sizes in _SCHEMES)


@entry("void(f4[:,::1], f4[:,:,::1], i8, i8, i8, i8, i8, i8, i8, f4)")
def before(
    rows: Floats,
    tiles: Floats,
    start: int,
    end: int,
    first: int,
    tiles_a_phase: int,
    outputs: int,
    dilation: int,
    left: int,
    slope: float,
) -> None:
    """Fill `start` to `end` of tiles (tiles, products, channels) from rows (time, channels).

    `first` is the number of the first tile, and each phase has `tiles_a_phase`, one phase after the other; what lies
    behind the last phase stays as it is. The first tap reads `left` rows before the output. Inputs below zero are times
    `slope` (1 leaves them, 0.1 is a leaky rectifier).
    """
    products, channels = tiles.shape[1:]
    length = rows.shape[0]
    step = dilation * channels
    edge = np.zeros((products, LANES), np.float32)
    for place in range(start, min(end, dilation * tiles_a_phase - first)):
        phase, tile = (first + place) // tiles_a_phase, (first + place) % tiles_a_phase
        top = phase + dilation * outputs * tile - left
        inside = top >= 0 and top + dilation * (products - 1) < length
        to = place * products * channels
        for at in range(0, channels, LANES):
            channel = min(at, channels - LANES)
            if inside:
                here = top * channels + channel
                if products == 7:
                    _inner_7(rows, here, step, tiles, to + channel, channels, slope)
                elif products == 8:
                    _inner_8(rows, here, step, tiles, to + channel, channels, slope)
                elif products == 11:
                    _inner_11(rows, here, step, tiles, to + channel, channels, slope)
                else:
                    _inner_12(rows, here, step, tiles, to + channel, channels, slope)
                continue
            for i in range(products):
                row = top + dilation * i
                if row >= 0 and row < length:
                    edge[i] = rows[row, channel : channel + LANES]
                else:
                    edge[i] = 0
            if products == 7:
                _inner_7(edge, 0, LANES, tiles, to + channel, channels, slope)
            elif products == 8:
                _inner_8(edge, 0, LANES, tiles, to + channel, channels, slope)
            elif products == 11:
                _inner_11(edge, 0, LANES, tiles, to + channel, channels, slope)
            else:
                _inner_12(edge, 0, LANES, tiles, to + channel, channels, slope)


@entry("void(f4[:,:,::1], f4[:,::1], f4[:,::1], i8, i8, i8, i8, i8, i8, b1)")
def after(
    tiles: Floats,
    rows: Floats,
    residual: Floats,
    start: int,
    end: int,
    first: int,
    tiles_a_phase: int,
    outputs: int,
    dilation: int,
    adds: bool,
) -> None:
    """Write the rows that `start` to `end` of tiles (tiles, products, channels) hold, plus `residual` if `adds`.

    `residual` is like `rows`, and may be the same.
    """
    products, channels = tiles.shape[1:]
    length = rows.shape[0]
    step = dilation * channels
    edge = np.zeros((outputs, LANES), np.float32)
    none = np.float32(0)
    for place in range(start, min(end, dilation * tiles_a_phase - first)):
        phase, tile = (first + place) // tiles_a_phase, (first + place) % tiles_a_phase
        top = phase + dilation * outputs * tile
        if top >= length:  # a tile that only follows because longer filters look into it
            continue
        inside = top + dilation * (outputs - 1) < length
        source = place * products * channels
        for at in range(0, channels, LANES):
            channel = min(at, channels - LANES)
            here, to = source + channel, top * channels + channel
            if adds and inside and channel == at:
                if products == 7:
                    _add_4_4(tiles, here, channels, rows, to, step, none, residual, to, step)
                elif products == 8 and outputs == 6:
                    _add_6_3(tiles, here, channels, rows, to, step, none, residual, to, step)
                elif products == 8:
                    _add_4_5(tiles, here, channels, rows, to, step, none, residual, to, step)
                elif products == 11:
                    _add_6_6(tiles, here, channels, rows, to, step, none, residual, to, step)
                else:
                    _add_6_7(tiles, here, channels, rows, to, step, none, residual, to, step)
                continue
            if inside and not adds:
                if products == 7:
                    _out_4_4(tiles, here, channels, rows, to, step, none)
                elif products == 8 and outputs == 6:
                    _out_6_3(tiles, here, channels, rows, to, step, none)
                elif products == 8:
                    _out_4_5(tiles, here, channels, rows, to, step, none)
                elif products == 11:
                    _out_6_6(tiles, here, channels, rows, to, step, none)
                else:
                    _out_6_7(tiles, here, channels, rows, to, step, none)
                continue
            if products == 7:
                _out_4_4(tiles, here, channels, edge, 0, LANES, none)
            elif products == 8 and outputs == 6:
                _out_6_3(tiles, here, channels, edge, 0, LANES, none)
            elif products == 8:
                _out_4_5(tiles, here, channels, edge, 0, LANES, none)
            elif products == 11:
                _out_6_6(tiles, here, channels, edge, 0, LANES, none)
            else:
                _out_6_7(tiles, here, channels, edge, 0, LANES, none)
            for i in range(outputs):
                row = top + dilation * i
                if row < length:
                    for lane in range(at - channel, LANES):  # the lanes before are done: never add twice
                        value = edge[i, lane]
                        if adds:
                            value += residual[row, channel + lane]
                        rows[row, channel + lane] = value
