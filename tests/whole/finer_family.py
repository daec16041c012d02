"""A family of noise whose second step can be heard: it turns the noise over."""

from collections.abc import Sequence
from typing import Any

import torch

from tests.engine.noise_family import NoiseFamily


class FinerNoise(NoiseFamily):
    """Noise that is not the same after one step and after two."""

    name = "finer noise"

    def waveform(self, prompts: Sequence[str], seeds: Sequence[int], *, steps: int, **more: Any) -> torch.Tensor:
        """(batch, 2, frames)."""
        rough = super().waveform(prompts, seeds, steps=steps, **more)
        return -rough if steps > 1 else rough
