"""A sound that a clip starts from, or follows: audio in."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from osc_schemas import bounds
from osc_schemas.errors import RequestError
from osc_schemas.samples import Samples

Use = Literal["start", "loudness"]
USES: Final = ("start", "loudness")


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """Samples (frames, channels) at their own rate, and what to do with them.

    "start": the sound is noised as far as `strength` says and denoised from there. "loudness": the clip follows the
    sound's loudness over time, and `strength` is how closely. Two sources are equal if they sound the same and are used
    the same.
    """

    samples: Samples
    sample_rate_hz: int
    strength: float = 0.6  # 0 to 1; as a start, 1 leaves nothing of the sound
    use: Use = "start"

    def __post_init__(self) -> None:
        shape = self.samples.shape
        if self.samples.ndim != 2 or not 1 <= shape[1] <= bounds.SOURCE_CHANNELS_MAX or not shape[0]:
            raise RequestError(
                f"the source has the shape {shape}; it must be (frames, channels) with 1 or 2 channels and at least "
                "one frame"
            )
        bounds.check_range(
            "sample_rate_hz", self.sample_rate_hz, bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH, RequestError
        )
        length_s = shape[0] / self.sample_rate_hz
        if length_s > bounds.CLIP_S_MAX:
            raise RequestError(f"the source lasts {length_s:g} s; at most {bounds.CLIP_S_MAX:g} s are taken, so cut it")
        if (size := 4 * self.samples.size) > bounds.AUDIO_BYTES_MAX:
            raise RequestError(
                f"the source has {size / 2**20:.0f} MiB of samples; at most {bounds.AUDIO_BYTES_MAX / 2**20:.0f} MiB "
                "are taken, so cut it, or bring it to a lower sample rate"
            )
        bounds.check_range("strength", self.strength, 0, 1, RequestError)
        bounds.check_choice("use", self.use, USES, RequestError)
        if not np.isfinite(self.samples).all():
            raise RequestError("the source has samples that are no finite numbers; write the file again")

    @cached_property
    def samples_hash(self) -> str:
        """SHA-256, hex, of the samples with their rate and channels: one for a sound, however it is used."""
        head = f"{self.sample_rate_hz} Hz, {self.samples.shape[1]} channels".encode()
        return hashlib.sha256(head + np.ascontiguousarray(self.samples, dtype="<f4").tobytes()).hexdigest()

    @property
    def identity(self) -> tuple[str, float, str]:
        """What it is and what it is used for, small enough to keep."""
        return self.samples_hash, self.strength, self.use

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Source) and self.identity == other.identity)

    def __hash__(self) -> int:
        return hash(self.identity)
