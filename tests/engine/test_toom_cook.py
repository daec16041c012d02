"""Fewer multiplications: the same filter."""

import numpy as np
import pytest

from engine.convolutions.toom_cook import POINTS, scheme

SIZES = [(outputs, taps) for products in POINTS for taps in range(2, 8) if (outputs := products + 1 - taps) > 1]


@pytest.mark.parametrize(("outputs", "taps"), SIZES)
def test_a_tile_is_filtered_as_by_its_definition(outputs: int, taps: int) -> None:
    numbers = np.random.default_rng(outputs * 16 + taps)
    found = scheme(outputs, taps)
    kernel, inputs = numbers.standard_normal(taps), numbers.standard_normal(outputs + taps - 1)

    outcome = found.out @ ((found.kernel @ kernel) * (found.inner @ inputs))

    assert found.products == outputs + taps - 1
    assert np.allclose(outcome, np.correlate(inputs, kernel, "valid"), atol=1e-11)


@pytest.mark.parametrize(("outputs", "taps"), SIZES)
def test_the_product_at_the_point_1_reaches_every_output_alike(outputs: int, taps: int) -> None:
    first = scheme(outputs, taps).out[:, 1]

    assert np.array_equal(first, np.full(outputs, first[0]))  # a bias goes in there
