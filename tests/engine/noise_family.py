"""A family for tests: seeded noise bursts, and prompts that make it slow, broken or wrong on purpose."""

import threading
from collections.abc import Mapping, Sequence

import torch

from engine.errors import DeviceLost
from engine.families.base import NO_OPTIONS, Checkpoint, Family, Option, no_checkpoint
from osc_schemas.shape import NEUTRAL, Shape
from osc_schemas.source import Source

STEP_S = 0.005
STEPS = {"slow": 4_000, "brisk": 20}  # 20 s, so a test that does not cancel it fails by its own bound; and 0.1 s


class NoiseFamily(Family):
    """Noise from the seed. A prompt that begins with slow or brisk takes many steps, broken raises, lost loses
    the device, nan is no sound.

    On every beat of a tempo stands one sample of full scale, up to the tail; a key of G turns the noise over; a shape's
    attack fades it in. Of a source it keeps what the strength leaves, and the option level is how loud all is.
    """

    name = "noise"
    channels = 2
    steps_offered = (1, 2)
    guidance_default, guidance_low, guidance_high = 1.5, 1.0, 5.0
    longest_s = 10.0
    shapes = True
    sources_taken = frozenset({"start"})
    options_offered = (Option(name="level", low=0.0, high=1.0, default=1.0, meaning="how loud it is"),)
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
        tail_frames: int = 0,
        tempo_bpm: float | None = None,
        key: str = "",
        shape: Shape = NEUTRAL,
        source: Source | None = None,
        options: Mapping[str, float] = NO_OPTIONS,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> torch.Tensor:
        """(batch, 2, frames)."""
        [prompt] = prompts
        checkpoint("text")
        for _ in range(STEPS.get(prompt.split()[0], 0)):
            checkpoint("denoise")
            self.never.wait(STEP_S)
        for _ in range(steps):
            checkpoint("denoise")
        checkpoint("decode")
        if prompt.startswith("lost"):
            raise DeviceLost("the device has failed, says the test")
        if prompt.startswith("broken"):
            raise MemoryError("out of memory, says the test")
        noise = torch.rand(1, 2, frames, generator=torch.Generator().manual_seed(seeds[0])) * 2 - 1
        if key.startswith("G"):
            noise = -noise
        if source is not None:
            kept = torch.from_numpy(source.samples.mean(1))[:frames]
            noise = noise * source.strength
            noise[..., : len(kept)] += (1 - source.strength) * kept
        noise = noise * options.get("level", 1.0)
        if tempo_bpm is not None:
            noise[..., : frames - tail_frames : round(60 / tempo_bpm * sample_rate_hz)] = 1.0
        if shape.attack_ms:
            attack_frames = round(shape.attack_ms / 1_000 * sample_rate_hz)
            noise = noise * (torch.arange(frames) / attack_frames).clamp(max=1.0)
        return noise * float("nan") if prompt.startswith("nan") else noise

    def understood(self, prompt: str) -> str:
        """The first word."""
        return prompt.split()[0]


def never_loads() -> NoiseFamily:
    """A factory that waits for ever."""
    family = NoiseFamily()
    family.never.wait()
    return family
