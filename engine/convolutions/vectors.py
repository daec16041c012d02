"""Sixteen neighbouring channels at once, as operations of the compiler.

A compiler must prove that rows do not overlap before it makes vectors of a loop over a dozen of them, and gives up;
so these loops say it. Measured: 0.15 ns a value instead of 1.3. Wider vectors than the processor has are split by it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types

from engine.convolutions.toom_cook import Matrix


def intrinsic(function: Callable[..., Any]) -> Any:
    """What `function` builds, as something that loops can call."""
    made: Any = extending.intrinsic  # its types differ from version to version
    return made(function)


LANES = 16  # channels; what has fewer is computed without these loops
VECTOR = ir.VectorType(ir.FloatType(), LANES)

Builder = Any
Value = Any


def constant(value: float) -> Value:
    """The same number in all lanes."""
    return ir.Constant(VECTOR, [float(np.float32(value))] * LANES)


def broadcast(builder: Builder, number: Value) -> Value:
    """A number of the loop in all lanes."""
    first = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, ir.Constant(VECTOR, ir.Undefined), mask)


def times_plus(builder: Builder, a: Value, b: Value, c: Value) -> Value:
    """a * b + c, in one operation where there is one."""
    return builder.call(_library(builder, "fmuladd", 3), [a, b, c])


def nearest_whole(builder: Builder, a: Value) -> Value:
    """Each lane rounded to the nearest whole number."""
    return builder.call(_library(builder, "nearbyint", 1), [a])


def larger(builder: Builder, a: Value, b: Value) -> Value:
    """The larger of two, lane by lane."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _library(builder: Builder, name: str, arguments: int) -> Value:
    full = f"llvm.{name}.v{LANES}f32"
    known = builder.module.globals.get(full)
    return known or ir.Function(builder.module, ir.FunctionType(VECTOR, [VECTOR] * arguments), full)


def data(context: Any, builder: Builder, kind: Any, array: Value) -> Value:
    """Where an array's numbers begin."""
    return context.make_array(kind)(context, builder, array).data


def load(builder: Builder, pointer: Value, at: Value) -> Value:
    """The lanes that begin at number `at`."""
    value = builder.load(builder.bitcast(builder.gep(pointer, [at]), VECTOR.as_pointer()))
    value.align = 4
    return value


def store(builder: Builder, value: Value, pointer: Value, at: Value) -> None:
    """Write the lanes that begin at number `at`."""
    done = builder.store(value, builder.bitcast(builder.gep(pointer, [at]), VECTOR.as_pointer()))
    done.align = 4


def weighted(builder: Builder, values: Sequence[Value], weights: Sequence[float]) -> Value:
    """The sum of the values, each times its weight; weights of zero cost nothing."""
    total = None
    for value, weight in zip(values, weights, strict=True):
        if weight == 0:
            continue
        if total is None:
            total = value if weight == 1 else builder.fmul(value, constant(weight))
        elif weight == 1:
            total = builder.fadd(total, value)
        else:
            total = times_plus(builder, value, constant(weight), total)
    return constant(0) if total is None else total


def product(builder: Builder, matrix: Matrix, values: Sequence[Value]) -> list[Value]:
    """matrix @ values. Points and their negatives share work: as neighbouring rows, or as neighbouring columns."""
    by_columns = _paired_columns(builder, matrix, values)
    if by_columns is not None:
        return by_columns
    results: list[Value] = []
    while len(results) < len(matrix):
        here = matrix[len(results)]
        after = matrix[len(results) + 1] if len(results) + 1 < len(matrix) else here
        if np.array_equal(abs(here), abs(after)) and not np.array_equal(here, after):
            same = weighted(builder, values, (here + after) / 2)
            other = weighted(builder, values, (here - after) / 2)
            results += [builder.fadd(same, other), builder.fsub(same, other)]
        else:
            results.append(weighted(builder, values, here))
    return results


def _paired_columns(builder: Builder, matrix: Matrix, values: Sequence[Value]) -> list[Value] | None:
    """matrix @ values where columns differ from their neighbour only in the sign of odd rows; None if none does."""
    signs = np.where(np.arange(len(matrix)) % 2, -1, 1)
    even: list[tuple[Matrix, Value]] = []
    odd: list[tuple[Matrix, Value]] = []
    column, found = 0, False
    while column < matrix.shape[1]:
        here = matrix[:, column]
        pair = column + 1 < matrix.shape[1] and np.array_equal(here * signs, matrix[:, column + 1])
        if pair:
            found = True
            even.append((here, builder.fadd(values[column], values[column + 1])))
            odd.append((here, builder.fsub(values[column], values[column + 1])))
        else:
            even.append((here, values[column]))
            odd.append((here, values[column]))
        column += 1 + pair
    if not found:
        return None
    return [
        weighted(builder, [value for _, value in parts], [float(weights[row]) for weights, _ in parts])
        for row, parts in ((row, odd if row % 2 else even) for row in range(len(matrix)))
    ]


Body = Callable[[Builder, list[Value], Value], list[Value]]


def rows_to_rows(read: int, body: Body, *, adds: bool = False) -> Any:
    """A call for loops: (from, first, step, to, first, step, number) reads rows of lanes, computes, and writes rows.

    `first` and `step` count numbers. `body` gets the rows and the number in all lanes. With `adds`, three arguments
    more (from, first, step) name rows that are added to the results.
    """

    def signature(*kinds: Any) -> Any:
        return types.void(*kinds)

    def code(context: Any, builder: Builder, kinds: Any, arguments: Any) -> Any:
        rows, at, step = arguments[:3]
        pointer = data(context, builder, kinds.args[0], rows)
        values = []
        for _ in range(read):
            values.append(load(builder, pointer, at))
            at = builder.add(at, step)
        results = body(builder, values, broadcast(builder, arguments[6]))
        if adds:
            added, at, step = arguments[7:10]
            pointer = data(context, builder, kinds.args[7], added)
            for row, result in enumerate(results):
                results[row] = builder.fadd(result, load(builder, pointer, at))
                at = builder.add(at, step)
        rows, at, step = arguments[3:6]
        pointer = data(context, builder, kinds.args[3], rows)
        for result in results:
            store(builder, result, pointer, at)
            at = builder.add(at, step)
        return context.get_dummy_value()

    if adds:

        @intrinsic
        def call_adding(
            typing: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any, i: Any, j: Any
        ) -> Any:
            return signature(
                a, types.intp, types.intp, d, types.intp, types.intp, types.float32, h, types.intp, types.intp
            ), code

        return call_adding

    @intrinsic
    def call(typing: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any) -> Any:
        return signature(a, types.intp, types.intp, d, types.intp, types.intp, types.float32), code

    return call
