"""Periodic activations over rows (time, channels): x + magnitude sin(frequency x)^2, and BigVGAN's at twice the rate.

Sources: arXiv:2006.08195 (snake), arXiv:2206.04658 (at twice the rate, between two filters). One pass instead of
fourteen. sin^2 has the period pi and is a polynomial of the square within half of one: 3e-7 at most beside float64.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from engine.convolutions import vectors
from engine.convolutions.compiling import entry

Floats = NDArray[np.float32]

LANES = vectors.LANES
TAPS = 12  # of each of BigVGAN's filters
HALF = TAPS // 2
BLOCK = 1 << 13  # values of one pass, which at twice the rate stay in a near cache

_PI_HIGH = float(np.float32(math.pi))
_PI_LOW = math.pi - _PI_HIGH
# sin(r)^2 = w (c0 + c1 w + ...), w = r^2, r within half a period: least squares over 4000 Chebyshev points; 6e-9 off.
_SQUARED_SINE = (
    0.99999984364388,
    -0.33333211205690155,
    0.04444124503138983,
    -0.0031707284623854626,
    0.00013870364097016047,
    -3.539096633062664e-06,
)


def _bent(builder: Any, x: Any, frequency: Any, magnitude: Any) -> Any:
    """x + magnitude sin(frequency x)^2."""
    angle = builder.fmul(x, frequency)
    periods = vectors.nearest_whole(builder, builder.fmul(angle, vectors.constant(1 / math.pi)))
    rest = vectors.times_plus(builder, periods, vectors.constant(-_PI_HIGH), angle)
    rest = vectors.times_plus(builder, periods, vectors.constant(-_PI_LOW), rest)
    square = builder.fmul(rest, rest)
    total = vectors.constant(_SQUARED_SINE[-1])
    for coefficient in reversed(_SQUARED_SINE[:-1]):
        total = vectors.times_plus(builder, total, square, vectors.constant(coefficient))
    return vectors.times_plus(builder, builder.fmul(square, total), magnitude, x)


def _tap(builder: Any, pointer: Any, at: int) -> Any:
    """One value of a filter in all lanes."""
    number = builder.load(builder.gep(pointer, [ir.Constant(ir.IntType(64), at)]))
    return vectors.broadcast(builder, number)


def _summed(builder: Any, pairs: list[tuple[Any, Any]]) -> Any:
    total = builder.fmul(*pairs[0])
    for value, weight in pairs[1:]:
        total = vectors.times_plus(builder, value, weight, total)
    return total


@vectors.intrinsic
def _raise(
    typing: Any,
    rows: Any,
    at: Any,
    step: Any,
    up: Any,
    per_channel: Any,
    channel: Any,
    to: Any,
    place: Any,
    step_to: Any,
) -> Any:
    """Two bent values at twice the rate, from the seven values from three before to three after."""
    signature = types.void(rows, types.intp, types.intp, up, per_channel, types.intp, to, types.intp, types.intp)

    def code(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        source, taps, both, target = (
            vectors.data(context, builder, kinds.args[at], arguments[at]) for at in (0, 3, 4, 6)
        )
        here, values = arguments[1], []
        for _ in range(HALF + 1):
            values.append(vectors.load(builder, source, here))
            here = builder.add(here, arguments[2])
        channel = builder.mul(arguments[5], ir.Constant(ir.IntType(64), 2))
        frequency = vectors.load(builder, both, channel)
        magnitude = vectors.load(builder, both, builder.add(channel, ir.Constant(ir.IntType(64), LANES)))
        place = arguments[7]
        for odd in range(2):
            pairs = [(values[i + odd], _tap(builder, taps, TAPS - 1 - odd - 2 * i)) for i in range(HALF)]
            vectors.store(builder, _bent(builder, _summed(builder, pairs), frequency, magnitude), target, place)
            place = builder.add(place, arguments[8])
        return context.get_dummy_value()

    return signature, code


@vectors.intrinsic
def _lower(typing: Any, rows: Any, at: Any, step: Any, down: Any, to: Any, place: Any) -> Any:
    """One value at the old rate, from `TAPS` at twice the rate."""
    signature = types.void(rows, types.intp, types.intp, down, to, types.intp)

    def code(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        source, taps, target = (vectors.data(context, builder, kinds.args[at], arguments[at]) for at in (0, 3, 4))
        here, pairs = arguments[1], []
        for i in range(TAPS):
            pairs.append((vectors.load(builder, source, here), _tap(builder, taps, i)))
            here = builder.add(here, arguments[2])
        vectors.store(builder, _summed(builder, pairs), target, arguments[5])
        return context.get_dummy_value()

    return signature, code


@vectors.intrinsic
def _bend(typing: Any, rows: Any, at: Any, per_channel: Any, channel: Any, to: Any, place: Any) -> Any:
    """One value at the rate it has."""
    signature = types.void(rows, types.intp, per_channel, types.intp, to, types.intp)

    def code(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
        source, both, target = (vectors.data(context, builder, kinds.args[at], arguments[at]) for at in (0, 2, 4))
        channel = builder.mul(arguments[3], ir.Constant(ir.IntType(64), 2))
        frequency = vectors.load(builder, both, channel)
        magnitude = vectors.load(builder, both, builder.add(channel, ir.Constant(ir.IntType(64), LANES)))
        value = vectors.load(builder, source, arguments[1])
        vectors.store(builder, _bent(builder, value, frequency, magnitude), target, arguments[5])
        return context.get_dummy_value()

    return signature, code


@entry("void(f4[:,::1], f4[:,::1], f4[:,:,::1], f4[::1], f4[::1], i8, i8)")
def alias_free_snake(
    rows: Floats, out: Floats, per_block: Floats, up: Floats, down: Floats, start: int, end: int
) -> None:
    """Rows `start` to `end` of the snake at twice the rate. `up` is the filter times 2; the edges' values go on.

    `per_block` (blocks of lanes, 2, lanes) has the frequencies and magnitudes, see `per_block_of`.
    """
    length, channels = rows.shape
    blocks = per_block.shape[0]
    rows_a_pass = max(16, BLOCK // channels)
    room = np.empty((2 * rows_a_pass + TAPS) * channels + LANES, np.float32)
    offset = (-(room.ctypes.data // 4)) % LANES  # vectors across two lines of the cache are half as fast
    twice = room[offset : offset + (2 * rows_a_pass + TAPS) * channels].reshape((2 * rows_a_pass + TAPS, channels))
    edge = np.empty((HALF + 1) * LANES, np.float32)
    for top in range(start, end, rows_a_pass):
        bottom = min(top + rows_a_pass, end)
        first, last = max(0, top - HALF // 2), min(length, bottom + HALF // 2)
        base = 2 * (top - HALF // 2)  # the value at twice the rate that `twice` begins with
        for row in range(first, last):
            inside = row >= HALF // 2 and row + HALF // 2 < length
            for block in range(blocks):
                channel = min(block * LANES, channels - LANES)
                place = (2 * row - base) * channels + channel
                if inside:
                    at = (row - HALF // 2) * channels + channel
                    _raise(rows, at, channels, up, per_block, block * LANES, twice, place, channels)
                    continue
                for i in range(HALF + 1):
                    near = min(max(row - HALF // 2 + i, 0), length - 1)
                    for lane in range(LANES):
                        edge[i * LANES + lane] = rows[near, channel + lane]
                _raise(edge, 0, LANES, up, per_block, block * LANES, twice, place, channels)
        for value in range(base, 2 * first):  # before the clip: its first value
            twice[value - base] = twice[2 * first - base]
        for value in range(2 * last, 2 * bottom + HALF):  # after it: its last
            twice[value - base] = twice[2 * last - 1 - base]
        for row in range(top, bottom):
            for block in range(blocks):
                channel = min(block * LANES, channels - LANES)
                at = (2 * row - (HALF - 1) - base) * channels + channel
                _lower(twice, at, channels, down, out, row * channels + channel)


@entry("void(f4[:,::1], f4[:,::1], f4[:,:,::1], i8, i8)")
def snake(rows: Floats, out: Floats, per_block: Floats, start: int, end: int) -> None:
    """Rows `start` to `end` of the snake at its own rate; `out` is another array."""
    channels = rows.shape[1]
    for row in range(start, end):
        for block in range(per_block.shape[0]):
            at = row * channels + min(block * LANES, channels - LANES)
            _bend(rows, at, per_block, block * LANES, out, at)


def per_block_of(frequency: Floats, magnitude: Floats) -> Floats:
    """(blocks, 2, LANES): what each block of lanes needs side by side; the last block overlaps the one before it."""
    channels = len(frequency)
    firsts = [min(at, channels - LANES) for at in range(0, channels, LANES)]
    blocks = [[per[first : first + LANES] for per in (frequency, magnitude)] for first in firsts]
    return np.ascontiguousarray(np.array(blocks, dtype=np.float32))
