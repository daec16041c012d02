"""Periodic activations in one pass."""

import pytest
import torch
from torch import Tensor

from engine.convolutions import snakes
from engine.vocoders.alias_free import alias_free_snake


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [16, 17, 40])
@pytest.mark.parametrize("length", [1, 2, 3, 8, 64, 1000])
def test_the_snake_at_twice_the_rate_is_as_defined_up_to_the_edges(channels: int, length: int) -> None:
    rows, out = numbers(length, channels), torch.empty(length, channels)
    frequency, magnitude = numbers(channels, seed=1).exp(), numbers(channels, seed=2).exp()
    up, down = numbers(12, seed=3) / 4, numbers(12, seed=4) / 4  # unlike each other, and not symmetric
    per_block = snakes.per_block_of(frequency.numpy(), magnitude.numpy())

    snakes.alias_free_snake(rows.numpy(), out.numpy(), per_block, (2 * up).numpy(), down.numpy(), 0, length)

    wanted = alias_free_snake(
        rows.T[None].double(),
        frequency.double(),
        magnitude.double(),
        up_filter=up.double(),
        down_filter=down.double(),
    )[0].T
    assert (out - wanted).abs().max() < 1e-5 * wanted.abs().max().clamp(min=1)


def test_parts_of_a_clip_are_the_whole() -> None:
    rows, whole, parts = numbers(900, 20), torch.empty(900, 20), torch.empty(900, 20)
    per_block = snakes.per_block_of(numbers(20, seed=1).exp().numpy(), numbers(20, seed=2).exp().numpy())
    kernel = numbers(12, seed=3).numpy()

    snakes.alias_free_snake(rows.numpy(), whole.numpy(), per_block, kernel, kernel, 0, 900)
    for start, end in ((0, 1), (1, 400), (400, 897), (897, 900)):
        snakes.alias_free_snake(rows.numpy(), parts.numpy(), per_block, kernel, kernel, start, end)

    assert torch.equal(whole, parts)


@pytest.mark.parametrize("frequency", [0.01, 1.0, 30.0])
def test_the_squared_sine_keeps_its_digits_over_many_periods(frequency: float) -> None:
    rows, out = torch.linspace(-20, 20, 4096).repeat(16, 1).T.contiguous(), torch.empty(4096, 16)
    per_block = snakes.per_block_of(torch.full((16,), frequency).numpy(), torch.ones(16).numpy())

    snakes.snake(rows.numpy(), out.numpy(), per_block, 0, 4096)

    angle = (rows * frequency).double()  # the product is rounded in float32, as it is in torch
    assert (out - rows - angle.sin() ** 2).abs().max() < 2e-6  # of values up to 20
