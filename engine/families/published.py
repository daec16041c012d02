"""What the published families share: the way from a request to a waveform around a model of their own.

Each family says how its text is encoded, its latents sampled and its waveform decoded; here stand the cache of texts,
the seeds, the smallest length that holds the clip, a source's way in, and the way out: centred by the family, brought
to the asked rate, never louder than full scale, cut to the frames.

Where a model computes is one decision, `move_to`. Its networks lie there; token ids, noise and a source are brought
there, and what is decoded is brought back once. Noise is drawn on the CPU whatever the device, and so are the phases of
sinusoids that reach thousands of radians, in which another device's last bit is a ten-thousandth.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import soxr
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.checkpoints.layout import Layout, Model
from engine.errors import DeviceLost, EngineError
from engine.families.base import NO_OPTIONS, Checkpoint, Family, Stage, no_checkpoint
from engine.sampling.noise import seeded_noise
from engine.text.states import TextStates
from osc_schemas.shape import NEUTRAL, Shape
from osc_schemas.source import Source

PROMPTS_REMEMBERED = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """Clean latents to begin from instead of noise alone, and how far from them: 1 leaves nothing of them."""

    latents: Tensor  # (1, ...)
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Follow:
    """A loudness to follow: the RMS level in dB of each `hop_frames` native frames, and how closely."""

    levels_db: Tensor  # (hops,)
    hop_frames: int
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draw:
    """One batch of latents to sample: everything that decides them."""

    texts: Sequence[TextStates]
    seeds: Sequence[int]
    latent_shape: tuple[int, ...]  # of one row
    steps: int
    guidance_scale: float
    options: Mapping[str, float]  # every option that the family offers
    start: Start | None
    follow: Follow | None
    checkpoint: Checkpoint


FOLLOW_HOP_S = 0.02
FOLLOW_FLOOR_DB = -60.0


class Published(Family):
    """A model that others made: mono at a rate of its own, in lengths of its own."""

    channels = 1
    devices_offered = ("cpu", "cuda")
    quiet_s = 120.0  # a step of the largest takes 14 s of one CPU core, which it may have to share
    layout: Layout  # of the authors' files
    native_rate_hz: int

    @classmethod
    def load(cls) -> Self:
        """The model from the authors' files on this machine; `WeightsError` with what is missing or wrong."""
        from engine.checkpoints.store import open_model  # it reads and checks files, which who brings tensors need not

        return cls.of(open_model(cls.layout))

    @classmethod
    @abstractmethod
    def of(cls, model: Model) -> Self:
        """The model from tensors under our names."""

    def __init__(self) -> None:
        self.text = lru_cache(maxsize=PROMPTS_REMEMBERED)(self.encoded)

    @abstractmethod
    def encoded(self, prompt: str) -> TextStates:
        """What the text encoder says of one prompt. Asked once a prompt: `text` remembers."""

    @abstractmethod
    def latent_shape(self, native_frames: int) -> tuple[int, ...]:
        """The smallest admissible shape of one row of latents that decodes to at least so many frames."""

    @abstractmethod
    def sampled(self, draw: Draw) -> Tensor:
        """(batch, *latent_shape) clean latents. A row follows from its own text and seed, whatever its batch."""

    @abstractmethod
    def decoded(self, latents: Tensor, *, checkpoint: Checkpoint) -> Tensor:
        """(batch, frames) at the native rate, in [-1, 1], each row as if it were alone."""

    def latents_of(self, waveform: Tensor, *, latent_shape: tuple[int, ...]) -> Tensor:
        """(1, *latent_shape): clean latents of a waveform (1, frames) at the native rate.

        Only a family that takes sources as a start has an encoder for it.
        """
        raise EngineError(f"{self.name} has no encoder for audio")

    def move_to(self, device: str) -> None:
        """Bring every network of this family to `device`, and forget the texts that were encoded elsewhere."""
        for part in vars(self).values():
            if isinstance(part, nn.Module):
                part.to(device)
        self.text.cache_clear()
        self.device = device

    def noise(self, draw: Draw, purpose: str) -> Tensor:
        """(batch, *latent_shape) on the family's device, the same numbers on each: see `seeded_noise`."""
        return seeded_noise(draw.seeds, shape=draw.latent_shape, purpose=purpose).to(self.device)

    @property
    def prompts_cached(self) -> int:
        """How many prompts have their text embedding kept."""
        return self.text.cache_info().currsize

    def understood(self, prompt: str) -> str:
        """Nothing: a published model does not tell."""
        return ""

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
    ) -> Tensor:
        """(batch, 1, frames) in [-1, 1]. Tempo and key are left to the prompt's own words.

        Raises `EngineError` when the device's memory does not hold what is asked for; a later call finds it free again.
        """
        try:
            native = self._native_waveform(
                prompts,
                seeds,
                steps=steps,
                guidance_scale=guidance_scale,
                native_frames=math.ceil(frames * self.native_rate_hz / sample_rate_hz),
                source=source,
                options=options,
                checkpoint=checkpoint,
            )
        except torch.OutOfMemoryError as error:
            said = str(error).partition(". ")[0]
        except RuntimeError as error:
            # Newer versions of torch have a class for it; in every version the text begins so, and what is left of the
            # process can only say so again.
            if str(error).startswith("CUDA error"):
                raise DeviceLost(f"the GPU has failed ({str(error).splitlines()[0]}); the engine ends") from error
            raise
        else:
            rows = [at_rate(row, self.native_rate_hz, sample_rate_hz, frames=frames) for row in native]
            return torch.stack(rows)[:, None]
        torch.cuda.empty_cache()  # only here, outside of the clause, does nothing hold what filled the memory any more
        seconds = frames / sample_rate_hz
        raise EngineError(
            f"{self.device} has too little free memory for {len(seeds)} clip{'s' * (len(seeds) > 1)} of {seconds:g} s "
            f"by {self.name} ({said}); ask for shorter ones, or close what else computes there"
        )

    def _native_waveform(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        steps: int,
        guidance_scale: float,
        native_frames: int,
        source: Source | None,
        options: Mapping[str, float],
        checkpoint: Checkpoint,
    ) -> Tensor:
        """(batch, frames) at the native rate, on the CPU: `native_frames` or more."""
        checkpoint = self._after_all_before(checkpoint)
        with torch.no_grad():  # not inference mode: who follows a loudness differentiates through what is made here
            checkpoint("text")
            texts = [self.text(prompt) for prompt in prompts]
            latent_shape = self.latent_shape(native_frames)
            draw = Draw(
                texts=texts,
                seeds=seeds,
                latent_shape=latent_shape,
                steps=steps,
                guidance_scale=guidance_scale,
                options={option.name: options.get(option.name, option.default) for option in self.options_offered},
                start=self._start(source, native_frames, latent_shape),
                follow=self._follow(source, native_frames),
                checkpoint=checkpoint,
            )
        latents = self.sampled(draw)
        with torch.inference_mode():
            return self.decoded(latents, checkpoint=checkpoint).cpu()

    def _after_all_before(self, checkpoint: Checkpoint) -> Checkpoint:
        """`checkpoint`, called when what was asked of the device is done.

        A GPU is handed its work long before it does it. Without the wait every stage would be begun at once: none
        could be cancelled, and the last would be said to have taken all the time.
        """
        if self.device != "cuda":
            return checkpoint

        def waiting(stage: Stage) -> None:
            torch.cuda.synchronize()
            checkpoint(stage)

        return waiting

    def _start(self, source: Source | None, native_frames: int, latent_shape: tuple[int, ...]) -> Start | None:
        if source is None or source.use != "start":
            return None
        waveform = self._native(source, native_frames)
        return Start(latents=self.latents_of(waveform, latent_shape=latent_shape), strength=source.strength)

    def _follow(self, source: Source | None, native_frames: int) -> Follow | None:
        if source is None or source.use != "loudness":
            return None
        hop_frames = round(FOLLOW_HOP_S * self.native_rate_hz)
        levels_db = levels_db_of(self._native(source, native_frames), hop_frames=hop_frames)[0]
        return Follow(levels_db=levels_db, hop_frames=hop_frames, strength=source.strength)

    def _native(self, source: Source, native_frames: int) -> Tensor:
        """(1, native_frames) on the family's device: the source, mono, at the native rate, cut or then silent."""
        mono = torch.from_numpy(np.ascontiguousarray(source.samples.mean(1)))
        return at_rate(mono, source.sample_rate_hz, self.native_rate_hz, frames=native_frames)[None].to(self.device)


def levels_db_of(waveform: Tensor, *, hop_frames: int) -> Tensor:
    """(batch, hops): the RMS level of each hop of a waveform (batch, frames), no lower than `FOLLOW_FLOOR_DB`."""
    power = functional.avg_pool1d(waveform[:, None] ** 2, hop_frames, ceil_mode=True)[:, 0]
    return 10 * torch.log10(power + 10 ** (FOLLOW_FLOOR_DB / 10))


def at_rate(row: Tensor, from_hz: int, to_hz: int, *, frames: int) -> Tensor:
    """(frames,): one channel brought to another rate, no louder than full scale, cut or followed by silence."""
    samples = row.numpy()
    if from_hz != to_hz:
        samples = soxr.resample(samples, from_hz, to_hz, quality="VHQ")
    samples = samples[:frames]
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > 1:  # a resampler's overshoot; all of it is turned down, because clipping is heard
        samples = samples / peak
    resampled = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    return functional.pad(resampled, (0, frames - len(samples)))
