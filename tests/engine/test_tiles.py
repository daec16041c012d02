"""3x3 filters over images."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.convolutions import onednn
from engine.convolutions.tiles import TileFilter

pytestmark = pytest.mark.skipif(not onednn.available(), reason="this torch has no oneDNN: all goes torch's way")


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 4), (7, 13), (1, 2), (33, 16), (60, 40)])
@pytest.mark.parametrize(("inside", "out"), [(16, 24), (20, 16), (33, 33)])
def test_a_tile_filter_is_the_convolution(height: int, width: int, inside: int, out: int) -> None:
    image, bias = numbers(height, width, inside), numbers(out, seed=2)
    weight = numbers(out, inside, 3, 3, seed=1) / (9 * inside) ** 0.5

    found = TileFilter(weight, bias, expected_tiles=50)(image)

    wanted = functional.conv2d(image.permute(2, 0, 1)[None].double(), weight.double(), bias.double(), padding=1)
    assert (found - wanted[0].permute(1, 2, 0)).abs().max() < 3e-5
