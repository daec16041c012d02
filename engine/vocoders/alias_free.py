"""BigVGAN's activation: a periodic function applied at twice the rate, so that what it adds above the band is cut off.

Source: arXiv:2206.04658, after arXiv:2106.12423. At the clip's edges the first and last value go on; that is part of
the result, so whoever decodes in pieces lets only true edges be edges.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 12  # of each filter
REACH = 5  # how many values to each side one value of the result depends on


def alias_free_snake(
    x: Tensor, frequency: Tensor, magnitude: Tensor, *, up_filter: Tensor, down_filter: Tensor
) -> Tensor:
    """x + magnitude sin(frequency x)^2 at twice the rate of `x` (batch, channels, values), brought back to its rate.

    `frequency` and `magnitude` are per channel; the filters have `TAPS` values and sum to 1.
    """
    channels = x.shape[1]
    padded = functional.pad(x, (5, 5), mode="replicate")
    kernel = (2 * up_filter).expand(channels, 1, TAPS)
    twice = functional.conv_transpose1d(padded, kernel, stride=2, groups=channels)[:, :, 15:-15]
    bent = twice + magnitude[:, None] * torch.sin(frequency[:, None] * twice) ** 2
    padded = functional.pad(bent, (5, 6), mode="replicate")
    return functional.conv1d(padded, down_filter.expand(channels, 1, TAPS), stride=2, groups=channels)


class AliasFreeSnake(nn.Module):
    """`alias_free_snake` with what it learnt."""

    up_filter: Tensor
    down_filter: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.ones(channels))
        self.magnitude = nn.Parameter(torch.ones(channels))
        self.register_buffer("up_filter", torch.full((TAPS,), 1 / TAPS))
        self.register_buffer("down_filter", torch.full((TAPS,), 1 / TAPS))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, values) of the same."""
        return alias_free_snake(
            x, self.frequency, self.magnitude, up_filter=self.up_filter, down_filter=self.down_filter
        )
