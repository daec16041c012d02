"""The vocoder's activation at twice the rate."""

import math

import torch

from engine.vocoders.alias_free import REACH, alias_free_snake

FILTER = torch.tensor(
    [0.0020, 0.0094, -0.0255, -0.0577, 0.1286, 0.4432, 0.4432, 0.1286, -0.0577, -0.0255, 0.0094, 0.0020]
)
FILTER /= FILTER.sum()


def activated(x: torch.Tensor, frequency: float, magnitude: float) -> torch.Tensor:
    channels = x.shape[1]
    return alias_free_snake(
        x,
        torch.full((channels,), frequency),
        torch.full((channels,), magnitude),
        up_filter=FILTER,
        down_filter=FILTER,
    )


def test_a_steady_value_is_bent_and_stays_steady_up_to_both_edges() -> None:
    x = torch.full((2, 3, 20), 0.7)

    assert torch.allclose(activated(x, 2.0, 0.5), x + 0.5 * math.sin(2 * 0.7) ** 2, atol=1e-5)


def test_what_the_bend_adds_above_the_band_is_turned_down() -> None:
    fast = torch.sin(2 * math.pi * 0.35 * torch.arange(400.0))[None, None]
    plain = fast + torch.sin(fast) ** 2  # the square is at 0.7 of the rate, which folds to 0.3
    folded = [float(torch.fft.rfft(y[0, 0, 100:300]).abs()[60]) for y in (plain, activated(fast, 1.0, 1.0))]

    assert folded[1] < folded[0] / 4


def test_a_value_depends_on_five_to_each_side() -> None:
    x = torch.randn(1, 1, 41, generator=torch.Generator().manual_seed(1))
    nudged = x.clone()
    nudged[0, 0, 20] += 1
    moved = (activated(nudged, 1.5, 0.3) - activated(x, 1.5, 0.3))[0, 0].nonzero().flatten()

    assert (int(moved.min()), int(moved.max())) == (20 - REACH, 20 + REACH)
