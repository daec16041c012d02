"""The model that ships with us: words to sound in a few milliseconds on one CPU core, nothing to download.

Its networks do not write samples. The words become one or more specifications; for each, a head draws the clip's
constants (pitch, ...), a denoiser writes curves of 10 ms, and a formula turns both into a waveform. The hits of a
rhythm are placed by frame. How it was made and what it can do: weights/CARD.md.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from engine.denoisers.curve_transformer import CurveTransformer
from engine.errors import WeightsError
from engine.families.arrangement import Event, layered, placed
from engine.families.base import NO_OPTIONS, Checkpoint, Family, no_checkpoint
from engine.families.score import Part, at_degree, in_key, lasts_s, score_of, settled
from engine.sampling.consistency import STEP_TIMES, consistency_sample
from engine.sampling.constants import CONDITION, ConstantsHead, denoiser_condition
from engine.sampling.noise import derived_seed
from engine.text.encoder import TextEncoder
from engine.text.harmony import Key
from engine.text.understanding import Understanding, understand
from engine.text.vocabulary import vocabulary
from engine.vocoders.curve_decoder import decode
from engine.vocoders.curves import Constants
from engine.vocoders.latents import LATENT, LONGEST_S, SHORTEST_S, CurveCodec, smoothed, tokens_for
from engine.vocoders.shaping import lasting, shaped
from osc_schemas.kind import Kind
from osc_schemas.shape import NEUTRAL, Shape
from osc_schemas.source import Source

WEIGHTS_FILE = "embedded.safetensors"
PROMPTS_REMEMBERED = 512
CURVES_REMEMBERED = 256  # of requests, so that one that differs in its shape alone costs no inference; 60 MB at most
CHOKE_FADE_S = 0.004
DISTILLED_GUIDANCE = 1.0  # of the teacher that the denoiser follows: the condition as it is
TAKES = 3  # of a sound that is struck again and again, each with a noise of its own, so that it is no machine gun


class EmbeddedParts(nn.Module):
    """Everything that has weights, under the names they have in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.text_encoder = TextEncoder()
        self.constants_head = ConstantsHead()
        self.denoiser = CurveTransformer(condition=CONDITION)
        self.codec = CurveCodec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that decides the curves of a clip; how they are shaped and decoded comes after."""

    prompt: str
    seed: int
    steps: int
    guidance_scale: float
    length_s: float
    tail_s: float
    tempo_bpm: float | None
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One part of a clip before it is decoded: the curves stay, so that any knob can be turned later."""

    part: Part
    curves: Tensor  # (hops, CHANNELS)
    constants: Constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """How curves become a waveform: the frame grid, and the knobs."""

    frames: int
    sample_rate_hz: int
    shape: Shape
    checkpoint: Checkpoint

    def decoded(self, curves: Tensor, constants: Constants, *, seed: int, frames: int, length_s: float) -> Tensor:
        """(2, frames) of curves."""
        return decode(
            curves,
            constants,
            seed=seed,
            frames=frames,
            sample_rate_hz=self.sample_rate_hz,
            length_s=length_s,
            checkpoint=self.checkpoint,
        )


def shipped_weights() -> bytes:
    """The weight file in this package; `WeightsError` if it is missing."""
    try:
        return (resources.files("engine") / "weights" / WEIGHTS_FILE).read_bytes()
    except FileNotFoundError as error:
        raise WeightsError(
            f"The embedded model's weights ({WEIGHTS_FILE}) are not in the installed package. Install it again, "
            "or make them with `python -m engine.training make-default`."
        ) from error


class Embedded(Family):
    """Prompt to stereo at any sample rate in one, two or four denoiser calls."""

    name = "embedded"
    channels = 2
    steps_offered = tuple(STEP_TIMES)
    # How far to go with what the words ask for: the denoiser is told levels, so it is they that are exaggerated. At 0
    # every pluck is the plain one, at 2 a bright one is very bright.
    guidance_default = 1.0
    guidance_low = 0.0
    guidance_high = 2.5
    longest_s = LONGEST_S
    shapes = True

    def __init__(self, parts: EmbeddedParts, *, weights_hash: str = "") -> None:
        self.parts = parts.eval().requires_grad_(False)
        self.weights_hash = weights_hash
        self.understanding = lru_cache(maxsize=PROMPTS_REMEMBERED)(self._understand)  # on a stage, prompts come again
        self._remembered: OrderedDict[Asked, list[Sound]] = OrderedDict()

    @classmethod
    def load(cls) -> Self:
        """The model from the weights in this package; `WeightsError` if they are missing or not ours."""
        return cls.of_bytes(shipped_weights())

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
        """How many prompts have what was understood of them kept."""
        return self.understanding.cache_info().currsize

    def understood(self, prompt: str) -> str:
        """What each sound is, what is special about it, and how sure that is, such as "bass, dark, long, F#2"."""
        return str(self.understanding(prompt))

    def tempo_bpm(self, prompt: str) -> float | None:
        """The tempo that the words name, if they do."""
        return self.understanding(prompt).tempo_bpm

    def length_s(self, prompt: str, tempo_bpm: float | None) -> float:
        """As the words say; two bars of a rhythm; or as long as the sound is heard, its room included."""
        return lasts_s(self.understanding(prompt), tempo_bpm)

    def vocabulary(self) -> Sequence[Kind]:
        """All kinds, with the phrases of the lexicon and prompts that show what each can do."""
        return vocabulary()

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
        tail_frames: int = 0,
        tempo_bpm: float | None = None,
        key: str = "",
        shape: Shape = NEUTRAL,
        source: Source | None = None,
        options: Mapping[str, float] = NO_OPTIONS,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Tensor:
        """(batch, 2, frames) in [-1, 1], peak 0.9. A row follows from its own prompt and seed, whatever its batch."""
        rows = [
            self._clip(
                Asked(
                    prompt=prompt,
                    seed=seed,
                    steps=steps,
                    guidance_scale=guidance_scale,
                    length_s=frames / sample_rate_hz,
                    tail_s=tail_frames / sample_rate_hz,
                    tempo_bpm=tempo_bpm,
                    key=key,
                ),
                frames=frames,
                sample_rate_hz=sample_rate_hz,
                shape=shape,
                checkpoint=checkpoint,
            )
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        return torch.stack(rows)

    def _clip(self, asked: Asked, *, frames: int, sample_rate_hz: int, shape: Shape, checkpoint: Checkpoint) -> Tensor:
        """(2, frames): one row."""
        sounds = self._sounds_of(asked, checkpoint)
        render = Render(frames=frames, sample_rate_hz=sample_rate_hz, shape=shape, checkpoint=checkpoint)
        layers = [played(sound, render) for sound in sounds]
        if len(layers) == 1 and not sounds[0].part.strikes:
            return layers[0]
        return layered(layers, [sound.part.gain_db for sound in sounds])

    def _sounds_of(self, asked: Asked, checkpoint: Checkpoint) -> list[Sound]:
        """The curves of every part, made now or remembered."""
        if (sounds := self._remembered.get(asked)) is not None:
            self._remembered.move_to_end(asked)
            return sounds
        checkpoint("text")
        score = score_of(
            self.understanding(asked.prompt),
            seed=asked.seed,
            length_s=asked.length_s,
            tail_s=asked.tail_s,
            tempo_bpm=asked.tempo_bpm,
            key=Key.parse(asked.key) if asked.key else None,
        )
        sounds = [self._sound(part, asked, checkpoint) for part in score]
        self._remembered[asked] = sounds
        if len(self._remembered) > CURVES_REMEMBERED:
            self._remembered.popitem(last=False)
        return sounds

    def _sound(self, part: Part, asked: Asked, checkpoint: Checkpoint) -> Sound:
        """One part's constants, and its curves by the denoiser."""
        kind = part.specification.kind
        length_s = max(part.length_s, SHORTEST_S)
        specification = part.specification.exaggerated(asked.guidance_scale)
        drawn = self.parts.constants_head.sample(specification, seed=part.seed, length_s=length_s)
        constants = settled(in_key(drawn, part), part)
        condition = denoiser_condition([kind], [constants])
        latents = self.latents(
            condition,
            [part.seed],
            length_s=length_s,
            steps=asked.steps,
            checkpoint=checkpoint,
        )
        curves = smoothed(self.parts.codec.decode(latents))[0]
        if part.asked_s is not None:
            curves = lasting(curves, asked_s=part.asked_s, lasts=part.lasts)
        return Sound(part=part, curves=curves, constants=constants)

    def latents(
        self,
        condition: Tensor,
        seeds: Sequence[int],
        *,
        length_s: float,
        steps: int,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Tensor:
        """(batch, tokens, LATENT): what the denoiser makes of conditions (batch, CONDITION)."""
        batch = len(condition)
        lengths_s = torch.full((batch,), length_s)
        guidance = torch.full((batch,), DISTILLED_GUIDANCE)

        def velocity(x: Tensor, time: Tensor) -> Tensor:
            v: Tensor = self.parts.denoiser(x, time, condition, length_s=lengths_s, guidance_scale=guidance)
            return v

        shape = (tokens_for(length_s), LATENT)
        return consistency_sample(velocity, seeds, shape=shape, steps=steps, checkpoint=checkpoint)

    def _understand(self, prompt: str) -> Understanding:
        return understand(prompt, self.parts.text_encoder)


def played(sound: Sound, render: Render) -> Tensor:
    """(2, frames): one part, struck once or wherever its rhythm says, and shaped."""
    part = sound.part
    curves, constants = shaped(sound.curves, sound.constants, render.shape, length_s=part.length_s)
    if not part.strikes:
        return render.decoded(curves, constants, seed=part.seed, frames=render.frames, length_s=part.length_s)
    room_s = constants.room_s if constants.room > 0 else 0.0
    one_frames = min(render.frames, math.ceil((part.length_s * render.shape.length + room_s) * render.sample_rate_hz))
    sounds: dict[tuple[int, int], Tensor] = {}
    events = []
    for place, strike in enumerate(part.strikes):
        take = place % TAKES
        if (strike.degree, take) not in sounds:
            sounds[strike.degree, take] = render.decoded(
                curves,
                at_degree(constants, strike.degree, part),
                seed=part.seed if take == 0 else derived_seed(part.seed, f"take {take}"),
                frames=one_frames,
                length_s=part.length_s,
            )
        start_frame = round(strike.start_s * render.sample_rate_hz)
        events.append(Event(start_frame=start_frame, gain=strike.gain, sound=sounds[strike.degree, take]))
    fade_frames = round(CHOKE_FADE_S * render.sample_rate_hz) if part.one_note else None
    return placed(events, frames=render.frames, choke_fade_frames=fade_frames)
