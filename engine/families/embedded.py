"""The model that ships with us: words to sound in tens of milliseconds on one CPU core, nothing to download.

Its networks do not write samples. One chooses the clip's constants (pitch, chord, ...), one denoises curves of 10 ms,
and a formula turns both into a waveform. How it was made and what it can do: weights/CARD.md.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from engine.denoisers.curve_transformer import CurveTransformer
from engine.errors import WeightsError
from engine.families.base import Checkpoint, Family, no_checkpoint
from engine.sampling.consistency import STEP_TIMES, consistency_sample
from engine.sampling.constants import ConstantsHead
from engine.text.encoder import ATTRIBUTES, CONDITION, KINDS, Condition, TextEncoder
from engine.text.notes import note_name
from engine.vocoders.curve_decoder import decode
from engine.vocoders.curves import Constants
from engine.vocoders.latents import LATENT, CurveCodec, smoothed, tokens_for

WEIGHTS_FILE = "embedded.safetensors"
SHORTEST_S = 0.2  # trained on no less; shorter clips are cut from one of this length
PROMPTS_REMEMBERED = 512
SURE = 0.5  # a kind less probable than this is called "perhaps"


class EmbeddedParts(nn.Module):
    """Everything that has weights, under the names they have in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.text_encoder = TextEncoder()
        self.constants_head = ConstantsHead()
        self.denoiser = CurveTransformer(condition=CONDITION + Constants.FEATURES)
        self.codec = CurveCodec()


class Embedded(Family):
    """Prompt to mono at any sample rate in one, two or four denoiser calls."""

    name = "embedded"
    channels = 1
    steps_offered = tuple(STEP_TIMES)
    guidance_default = 1.5
    guidance_low = 1.0
    guidance_high = 3.0
    longest_s = 12.0

    def __init__(self, parts: EmbeddedParts, *, weights_hash: str = "") -> None:
        self.parts = parts.eval().requires_grad_(False)
        self.weights_hash = weights_hash
        self._condition = lru_cache(maxsize=PROMPTS_REMEMBERED)(self._encode)  # on a stage, prompts come again

    @classmethod
    def load(cls) -> Self:
        """The model from the weights in this package; `WeightsError` if they are missing or not ours."""
        file = resources.files("engine") / "weights" / WEIGHTS_FILE
        try:
            return cls.of_bytes(file.read_bytes())
        except FileNotFoundError as error:
            raise WeightsError(
                f"The embedded model's weights ({WEIGHTS_FILE}) are not in the installed package. Install it again, "
                "or make them with `python -m engine.training make-default`."
            ) from error

    @classmethod
    def of_bytes(cls, weights: bytes) -> Self:
        """The model from the content of a weight file; `WeightsError` if it does not fit."""
        parts = EmbeddedParts()
        try:
            tensors = load(weights)
            parts.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        except (SafetensorError, RuntimeError) as error:
            raise WeightsError(
                f"The weight file does not hold the embedded model ({str(error).splitlines()[0]}). It may be damaged "
                "or of another version; make it again with `python -m engine.training make-default`."
            ) from error
        return cls(parts, weights_hash=hashlib.sha256(weights).hexdigest())

    @property
    def prompts_cached(self) -> int:
        """How many prompts have their text embedding kept."""
        return self._condition.cache_info().currsize

    @torch.inference_mode()
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
    ) -> Tensor:
        """(batch, 1, frames) in [-1, 1], peak 0.9. A row follows from its own prompt and seed, whatever its batch."""
        length_s = max(frames / sample_rate_hz, SHORTEST_S)
        checkpoint("text")
        conditions = [self._condition(prompt) for prompt in prompts]
        constants = [
            self.parts.constants_head.sample(condition, seed=seed)
            for condition, seed in zip(conditions, seeds, strict=True)
        ]
        curves = self.curves(
            conditions,
            constants,
            seeds,
            steps=steps,
            guidance_scale=guidance_scale,
            length_s=length_s,
            checkpoint=checkpoint,
        )
        rows = [
            decode(row, row_constants, seed=seed, frames=frames, sample_rate_hz=sample_rate_hz, checkpoint=checkpoint)
            for row, row_constants, seed in zip(curves, constants, seeds, strict=True)
        ]
        return torch.stack(rows)[:, None]

    def curves(
        self,
        conditions: Sequence[Condition],
        constants: Sequence[Constants],
        seeds: Sequence[int],
        *,
        steps: int,
        guidance_scale: float,
        length_s: float,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Tensor:
        """(batch, hops, CHANNELS): what the denoiser makes of conditions and constants."""
        batch = len(conditions)
        condition = denoiser_condition(conditions, constants)  # (batch, condition and constants)
        lengths_s = torch.full((batch,), length_s)
        guidance = torch.full((batch,), guidance_scale)

        def velocity(x: Tensor, time: Tensor) -> Tensor:
            v: Tensor = self.parts.denoiser(x, time, condition, length_s=lengths_s, guidance_scale=guidance)
            return v

        shape = (tokens_for(length_s), LATENT)
        latents = consistency_sample(velocity, seeds, shape=shape, steps=steps, checkpoint=checkpoint)
        return smoothed(self.parts.codec.decode(latents))

    def understood(self, prompt: str) -> str:
        """The kind of sound, what is special about it, and the note, such as "bass, dark, long, F#2"."""
        with torch.inference_mode():
            condition = self._condition(prompt)
        kind = KINDS[int(condition.kinds.argmax())]
        words = [kind if condition.kinds.max() >= SURE else f"perhaps {kind}"]
        for names, level in zip(ATTRIBUTES.values(), condition.attributes.argmax(1).tolist(), strict=True):
            word = (names[0], "", names[1])[level]
            words += [word] if word else []
        words += [note_name(condition.midi)] if condition.midi is not None else []
        return ", ".join(words)

    def _encode(self, prompt: str) -> Condition:
        return self.parts.text_encoder.conditions([prompt])[0]


def denoiser_condition(conditions: Sequence[Condition], constants: Sequence[Constants]) -> Tensor:
    """(batch, CONDITION + Constants.FEATURES): what the denoiser sees of each clip."""
    features = torch.stack([condition.features for condition in conditions])
    return torch.cat([features, torch.tensor([row.features() for row in constants])], 1)
