"""A sound that a clip starts from, or follows: audio in."""

from dataclasses import dataclass
from typing import Final, Literal

from osc_schemas import bounds
from osc_schemas.clip import Samples
from osc_schemas.errors import RequestError

Use = Literal["start", "loudness"]
USES: Final = ("start", "loudness")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """Samples (frames, channels) at their own rate, and what to do with them.

    "start": the sound is noised as far as `strength` says and denoised from there. "loudness": the clip follows the
    sound's loudness over time, and `strength` is how closely.
    """

    samples: Samples
    sample_rate_hz: int
    strength: float = 0.6  # 0 to 1; as a start, 1 leaves nothing of the sound
    use: Use = "start"

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or not 1 <= self.samples.shape[1] <= 2 or not len(self.samples):
            raise RequestError(
                f"the source has the shape {self.samples.shape}; it must be (frames, channels) with 1 or 2 channels "
                "and at least one frame"
            )
        bounds.check_range(
            "sample_rate_hz", self.sample_rate_hz, bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH, RequestError
        )
        most = int(bounds.CLIP_S_MAX * self.sample_rate_hz)
        if len(self.samples) > most:
            raise RequestError(
                f"the source lasts {len(self.samples) / self.sample_rate_hz:g} s; at most {bounds.CLIP_S_MAX:g} s are "
                "taken, so cut it"
            )
        bounds.check_range("strength", self.strength, 0, 1, RequestError)
        bounds.check_choice("use", self.use, USES, RequestError)
