"""Clip: finished samples and how they came about."""

from dataclasses import dataclass

from osc_schemas.request import GenerateRequest
from osc_schemas.samples import Samples

__all__ = ["Clip", "Provenance", "Samples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a clip came about: with the request, all it takes to make the same samples again."""

    family: str
    weights_hash: str
    device: str
    guidance_scale: float
    understood: str = ""  # what the family made of the prompt, such as "kick, dark, short"
    queue_ms: float = 0.0
    text_ms: float = 0.0
    denoise_ms: float = 0.0
    decode_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """Finished samples (frames + tail_frames, channels) in [-1, 1], with the request that asked for them."""

    request: GenerateRequest
    samples: Samples
    provenance: Provenance
