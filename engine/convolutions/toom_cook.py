"""Short convolutions with fewer multiplications: a polynomial product is found from its values at a few points.

`outputs` outputs of a filter of `taps` taps need outputs + taps - 1 products instead of outputs x taps:
y = out @ ((kernel @ g) * (inner @ d)) for taps g and outputs + taps - 1 inputs d, y[i] = sum of g[k] d[i + k].
Source: Toom and Cook's algorithm, transposed, as in Lavin and Gray, arXiv:1509.09308; why the points are small, with
their negatives and inverses: Barabasz et al., arXiv:1803.10986.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

# The points for so many products, besides infinity. Measured on white noise of 256 channels in float32, where a direct
# sum has 131 dB beside float64 (smooth signals gain 8 dB): 6 products 121 dB, 7 and 8 products 119 dB, 11 products
# 104 dB, 12 products 100 dB.
POINTS: dict[int, tuple[float, ...]] = {
    6: (0, 1, -1, 2, -2),
    7: (0, 1, -1, 2, -2, 0.5),
    8: (0, 1, -1, 2, -2, 0.5, -0.5),
    11: (0, 1, -1, 2, -2, 0.5, -0.5, 1.5, -1.5, 0.25),
    12: (0, 1, -1, 2, -2, 0.5, -0.5, 1.5, -1.5, 2 / 3, -2 / 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One way to filter: so many outputs at once, so many taps, and the three matrices."""

    outputs: int
    taps: int
    inner: Matrix  # (products, products): what becomes of the inputs
    kernel: Matrix  # (products, taps): what becomes of the taps, once
    out: Matrix  # (outputs, products): what becomes of the products

    @property
    def products(self) -> int:
        """Multiplications for `outputs` outputs."""
        return self.outputs + self.taps - 1


def scheme(outputs: int, taps: int) -> Scheme:
    """The matrices for so many outputs and taps, whose products must be among `POINTS`.

    Rows are scaled by powers of two, which rounds nothing, so that inputs and taps keep about their size.
    """
    points = POINTS[outputs + taps - 1]
    inner = np.array([_without(points, skip) for skip in range(len(points))] + [_product(points)], dtype=np.float64)
    kernel = np.array([_value(points, at, taps) for at in range(len(points))] + [_last(taps)], dtype=np.float64)
    out = np.array(
        [[*(point**row for point in points), int(row == outputs - 1)] for row in range(outputs)], dtype=float
    )
    from_inner = _power_of_two(inner)
    kernel *= from_inner[:, None]
    from_kernel = _power_of_two(kernel)
    return Scheme(
        outputs=outputs,
        taps=taps,
        inner=inner / from_inner[:, None],
        kernel=kernel / from_kernel[:, None],
        out=out * from_kernel,
    )


def _power_of_two(rows: Matrix) -> Matrix:
    """The power of two nearest to each row's length."""
    return np.asarray(2.0 ** np.round(np.log2(np.linalg.norm(rows, axis=1))))


def _product(roots: Sequence[float]) -> list[float]:
    """The coefficients of the product of (x - root), the constant first."""
    coefficients = [1.0]
    for root in roots:
        shifted = [0.0, *coefficients]
        coefficients = [high - root * low for high, low in zip(shifted, [*coefficients, 0.0], strict=True)]
    return coefficients


def _without(points: Sequence[float], skip: int) -> list[float]:
    return [*_product([point for at, point in enumerate(points) if at != skip]), 0.0]


def _value(points: Sequence[float], at: int, taps: int) -> list[float]:
    here, scale = points[at], 1.0
    for other, point in enumerate(points):
        if other != at:
            scale *= here - point
    return [here**tap / scale for tap in range(taps)]


def _last(taps: int) -> list[int]:
    return [int(tap == taps - 1) for tap in range(taps)]
