"""What every family of models offers: the one seam between the engine and its networks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import torch

from osc_schemas.kind import Kind
from osc_schemas.shape import NEUTRAL, Shape
from osc_schemas.source import Source, Use

Stage = Literal["text", "denoise", "decode", "finish"]

# Called before each piece of work that cannot be interrupted (a denoiser step, a decode chunk), with the stage that
# begins. It raises `Cancelled` when the request was taken back; it is also how the time of each stage is measured.
Checkpoint = Callable[[Stage], None]


def no_checkpoint(stage: Stage) -> None:
    """The checkpoint of a call that nobody cancels or times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A number that a family lets a request set, besides what every family takes."""

    name: str
    low: float
    high: float
    default: float
    meaning: str


NO_OPTIONS: Final[Mapping[str, float]] = MappingProxyType({})


class Family(ABC):
    """Prompts and seeds to waveforms. A row follows from its own prompt and seed, whatever its batch."""

    name: str
    channels: int
    steps_offered: tuple[int, ...]
    guidance_default: float
    guidance_low: float
    guidance_high: float
    longest_s: float
    weights_hash: str  # SHA-256 of the weight file, hex; with the seed and the parameters it names the sound
    device: str = "cpu"  # where it computes: cpu, cuda
    devices_offered: tuple[str, ...] = ("cpu",)  # where it can compute
    options_offered: tuple[Option, ...] = ()
    sources_taken: frozenset[Use] = frozenset()  # what it can do with a sound that a request brings along
    shapes: bool = False  # whether it can bend a clip after it was made
    quiet_s: float = 5.0  # more than it computes between two checkpoints, on a busy machine too; beyond, it is stuck

    @property
    def prompts_cached(self) -> int:
        """How many prompts have their text embedding kept."""
        return 0

    def move_to(self, device: str) -> None:
        """Compute on `device`, one of `devices_offered`, from now on. Called before the first clip, if at all."""
        assert device == self.device, f"{self.name} cannot compute on {device}"

    @abstractmethod
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
        """(batch, channels, frames) float32 on the CPU, in [-1, 1], at `sample_rate_hz`.

        `frames` includes the `tail_frames`, in which nothing new begins; a sound that would end sooner ends in silence.
        Noise comes from each row's seed. What is rhythmic lies on the grid of `tempo_bpm`, and what has a pitch is
        brought into the `key`, such as "D minor"; with None and "" only the prompt's own words count. `shape` bends the
        sound after it was made: a call that differs from a recent one in its shape alone should cost only a decode, so
        a family keeps what shapes are applied to for a while. A `source` comes only if `sources_taken` has its use, and
        `options` only if they are offered and in range; an option that is not given has its default.

        Raises `BadRequest` for a key whose words it does not know, and `Cancelled` out of `checkpoint`, which is called
        before every denoiser step and decode chunk.
        """

    @abstractmethod
    def understood(self, prompt: str) -> str:
        """What the family made of `prompt`, in a few words such as "kick, dark, short"; "" if it cannot say."""

    def tempo_bpm(self, prompt: str) -> float | None:
        """The tempo that `prompt` names, if it does. Called on the worker's thread."""
        return None

    def length_s(self, prompt: str, tempo_bpm: float | None) -> float | None:
        """How long a clip of `prompt` is by its words, at `tempo_bpm` where one is imposed; None if they do not say.

        Called on the worker's thread, for a request that leaves its length to the words.
        """
        return None

    def vocabulary(self) -> Sequence[Kind]:
        """The kinds of sound it can make and the words for them, for who wants to learn it; () if it cannot say.

        It is asked on the thread that serves all clients, so it computes nothing.
        """
        return ()
