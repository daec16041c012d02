"""A family for tests: seeded noise bursts, and prompts that make it slow, broken or wrong on purpose."""

import threading
from collections.abc import Sequence

import torch

from engine.families.base import Checkpoint, Family, no_checkpoint

STEP_OF_SLOW_S = 0.005
SLOW_STEPS = 4_000  # 20 s: a test that does not cancel fails by its own bound


class NoiseFamily(Family):
    """Noise from the seed. "slow ..." takes many short denoiser steps, "broken ..." raises, "nan ..." is no sound."""

    name = "noise"
    channels = 2
    steps_offered = (1, 2)
    guidance_default, guidance_low, guidance_high = 1.5, 1.0, 5.0
    longest_s = 10.0
    weights_hash = "0" * 64

    def __init__(self) -> None:
        self.never = threading.Event()

    def waveform(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        steps: int,
        guidance_scale: float,
        frames: int,
        sample_rate_hz: int,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> torch.Tensor:
        """(batch, 2, frames)."""
        [prompt] = prompts
        checkpoint("text")
        for _ in range(SLOW_STEPS if prompt.startswith("slow") else steps):
            checkpoint("denoise")
            if prompt.startswith("slow"):
                self.never.wait(STEP_OF_SLOW_S)
        checkpoint("decode")
        if prompt.startswith("broken"):
            raise MemoryError("out of memory, says the test")
        noise = torch.rand(1, 2, frames, generator=torch.Generator().manual_seed(seeds[0])) * 2 - 1
        return noise * float("nan") if prompt.startswith("nan") else noise

    def understood(self, prompt: str) -> str:
        """The first word."""
        return prompt.split()[0]
