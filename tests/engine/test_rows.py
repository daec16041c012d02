"""Filters over rows: what torch's convolutions give, whatever the sizes."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.convolutions import onednn
from engine.convolutions.rows import EXACT, THRIFTY, DirectFilter, Schemes, ShortFilter, Upsampler, same_filter

pytestmark = pytest.mark.skipif(not onednn.available(), reason="this torch has no oneDNN: all goes torch's way")

LENGTHS = [1, 5, 24, 97, 700]  # less than a tile, a whole number of tiles, and several chunks


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def filtered(rows: Tensor, weight: Tensor, bias: Tensor, *, dilation: int = 1, slope: float = 1.0) -> Tensor:
    """The same in float64 by torch."""
    bent = functional.leaky_relu(rows.double(), slope).T[None]
    padding = dilation * (weight.shape[2] // 2)
    return functional.conv1d(bent, weight.double(), bias.double(), padding=padding, dilation=dilation)[0].T


def layer(out: int, inside: int, taps: int) -> tuple[Tensor, Tensor]:
    return numbers(out, inside, taps, seed=1) / (inside * taps) ** 0.5, numbers(out, seed=2)


@pytest.mark.parametrize(("schemes", "error"), [(EXACT, 1e-5), (THRIFTY, 1e-4)])
@pytest.mark.parametrize("taps", sorted(EXACT))
@pytest.mark.parametrize("dilation", [1, 3, 5])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_short_filter_is_the_convolution(
    schemes: Schemes, error: float, taps: int, dilation: int, length: int
) -> None:
    rows, (weight, bias) = numbers(length, 24), layer(40, 24, taps)

    found = ShortFilter(weight, bias, dilation=dilation, expected_rows=100, schemes=schemes)(rows)

    assert found.shape == (length, 40)
    assert (found - filtered(rows, weight, bias, dilation=dilation)).abs().max() < error


@pytest.mark.parametrize("channels", [16, 17, 24, 33])
def test_channels_need_not_fill_the_last_vector(channels: int) -> None:
    rows, (weight, bias) = numbers(50, channels), layer(channels, channels, 7)
    residual = numbers(50, channels, seed=3)

    found = ShortFilter(weight, bias)(rows, residual=residual)

    assert (found - residual - filtered(rows, weight, bias)).abs().max() < 1e-5  # nothing was added twice


@pytest.mark.parametrize("make", [ShortFilter, DirectFilter])
def test_what_is_below_zero_is_bent_and_a_residual_is_added_in_place(
    make: type[ShortFilter] | type[DirectFilter],
) -> None:
    rows, (weight, bias) = numbers(130, 20), layer(20, 20, 3)
    residual = numbers(130, 20, seed=3)
    wanted = residual + filtered(rows, weight, bias, slope=0.1)
    untouched = rows.clone()

    found = make(weight, bias)(rows, slope=0.1, residual=residual, out=residual)

    assert found is residual
    assert (found - wanted).abs().max() < 1e-5
    assert torch.equal(rows, untouched)


def test_more_threads_give_the_same() -> None:
    rows, (weight, bias) = numbers(700, 64), layer(64, 64, 11)
    filter_ = ShortFilter(weight, bias)
    alone = filter_(rows)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        together = filter_(rows)
    finally:
        torch.set_num_threads(before)

    assert torch.allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize(("kernel", "stride"), [(16, 5), (16, 4), (8, 2), (4, 2), (8, 4), (16, 8), (3, 3)])
@pytest.mark.parametrize("length", [1, 7, 1100])
def test_an_upsampler_is_the_transposed_convolution(kernel: int, stride: int, length: int) -> None:
    rows, weight, bias = numbers(length, 20), numbers(20, 18, kernel, seed=1) / 5, numbers(18, seed=2)
    padding = (kernel - stride) // 2

    found = Upsampler(weight, bias, stride=stride, padding=padding)(rows)

    wanted = functional.conv_transpose1d(rows.T[None], weight, bias, stride=stride, padding=padding)[0].T
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < 1e-5


@pytest.mark.parametrize(("channels", "taps", "short"), [(24, 3, False), (64, 3, True), (24, 11, True), (64, 1, False)])
def test_the_faster_filter_is_taken(channels: int, taps: int, *, short: bool) -> None:
    weight, bias = layer(channels, channels, taps)
    rows = numbers(90, channels)
    chosen = same_filter(weight, bias)

    assert isinstance(chosen, ShortFilter) == short
    assert (chosen(rows) - filtered(rows, weight, bias)).abs().max() < 1e-5
