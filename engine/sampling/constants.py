"""A specification to the constants of a clip: a distribution, and a draw from it by the clip's seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.sampling.noise import generator_for
from engine.sampling.specification import Specification
from engine.text.kinds import KINDS
from engine.text.notes import hz_of_midi, midi_of_hz
from engine.vocoders.curves import TIMBRE, Constants

SEMITONES: Final = 128
CHORDS: Final = ((0,), (0, 3, 7), (0, 4, 7), (0, 7))  # those that come unasked; a prompt may name any other
GLIDES: Final = (-1, 0, 1)
FLAGS: Final = ("tuned", "stretched", "swept", "vibrato", "tremble", "grain", "bubbles", "flutter", "stutter")
VALUES: Final = (
    *("stretch", "odd", "detune_cents", "sweep_depth", "sweep_s", "glide", "vibrato", "vibrato_hz", "tremble"),
    *("grain", "grain_hz", "bubbles", "bubbles_hz", "flutter", "flutter_hz"),
    *("stutter", "stutter_hz", "width"),
)
DEVIATION: Final = 0.25  # how far a clip's brightness and ring may lie from what was asked, either way
MOST_LEVEL: Final = 1.75  # "very, very bright" goes no further
NARROWEST: Final = 0.03  # a width below is none: what is mono in truth comes out of the head as nearly so
ROOM_S: Final = 1.1  # of a room of which nothing else is said
INPUTS: Final = len(KINDS) + 6
CONDITION: Final = len(KINDS) + Constants.FEATURES
_SIZES: Final = (SEMITONES, len(CHORDS), len(GLIDES), len(FLAGS), len(VALUES), len(VALUES))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantsTarget:
    """Constants of a batch of clips as the head learns them. A value that means nothing in a clip has weight 0."""

    semitone: Tensor  # (batch,) int64
    chord: Tensor  # (batch,) int64
    glide: Tensor  # (batch,) int64
    flags: Tensor  # (batch, len(FLAGS))
    values: Tensor  # (batch, len(VALUES))
    value_weights: Tensor  # (batch, len(VALUES))

    @classmethod
    def of(cls, constants: Sequence[Constants]) -> "ConstantsTarget":
        """The targets for clips that are known."""
        return cls(
            semitone=torch.tensor([min(max(round(midi_of_hz(row.pitch_hz)), 0), SEMITONES - 1) for row in constants]),
            chord=torch.tensor([CHORDS.index(row.chord) for row in constants]),
            glide=torch.tensor([GLIDES.index((row.glide_octaves > 0) - (row.glide_octaves < 0)) for row in constants]),
            flags=torch.tensor([_flags(row) for row in constants]),
            values=torch.tensor([_values(row) for row in constants]),
            value_weights=torch.tensor([_value_weights(row) for row in constants]),
        )

    def rows(self, index: Tensor) -> "ConstantsTarget":
        """Some of the clips."""
        return ConstantsTarget(
            semitone=self.semitone[index],
            chord=self.chord[index],
            glide=self.glide[index],
            flags=self.flags[index],
            values=self.values[index],
            value_weights=self.value_weights[index],
        )


def _flags(row: Constants) -> list[float]:
    """In the order of `FLAGS`."""
    midi = midi_of_hz(row.pitch_hz)
    tuned = abs(midi - round(midi)) < 1e-6
    amounts = (row.sweep_depth, row.vibrato, row.tremble, row.grain, row.bubbles, row.flutter, row.stutter)
    return [float(tuned), float(row.stretch != 1), *(float(amount > 0) for amount in amounts)]


def _values(row: Constants) -> list[float]:
    """In the order of `VALUES`, scaled to about unit size; `_constants_of` scales them back."""
    return [
        (row.stretch - 1) * 4,
        row.odd,
        row.detune_cents / 6,
        math.log2(row.sweep_depth) / 2 if row.sweep_depth else 0.0,
        (math.log2(row.sweep_s) + 5) / 2,
        abs(row.glide_octaves) / 2,
        math.log2(row.vibrato) / 2 + 2.5 if row.vibrato else 0.0,
        math.log2(row.vibrato_hz / 5),
        2 * row.tremble,
        2 * row.grain,
        math.log2(row.grain_hz / 50) / 2,
        2 * row.bubbles,
        math.log2(row.bubbles_hz / 20) / 2,
        2 * row.flutter,
        math.log2(row.flutter_hz) / 2,
        2 * row.stutter,
        math.log2(row.stutter_hz / 20) / 2,
        2 * row.width,
    ]


def _value_weights(row: Constants) -> list[float]:
    def pair(amount: float) -> list[float]:
        return [float(amount > 0)] * 2

    return [
        *(float(row.stretch != 1), 1.0, 1.0),
        *(*pair(row.sweep_depth), float(row.glide_octaves != 0)),
        *(float(row.vibrato > 0), float(row.vibrato > 0 or row.tremble > 0), float(row.tremble > 0)),
        *(*pair(row.grain), *pair(row.bubbles), *pair(row.flutter), *pair(row.stutter), 1.0),
    ]


def denoiser_condition(kinds: Sequence[str], constants: Sequence[Constants]) -> Tensor:
    """(batch, CONDITION): all that the denoiser is told of each clip, besides its length."""
    return torch.cat([_one_hot(kinds), torch.tensor([row.features() for row in constants])], 1)


def _one_hot(kinds: Sequence[str]) -> Tensor:
    return functional.one_hot(torch.tensor([KINDS.index(kind) for kind in kinds]), len(KINDS)).float()


def head_inputs(
    kinds: Sequence[str],
    *,
    brightness: Sequence[float],
    ring: Sequence[float],
    pitch: Sequence[float],
    midi: Sequence[float | None],
    length_s: Sequence[float],
) -> Tensor:
    """(batch, INPUTS): what the head sees. `brightness` and `ring` are the clip's own, its deviation included."""
    asked = [[float(note is not None), 0.0 if note is None else (note - 60) / 24] for note in midi]
    settings = torch.tensor([brightness, ring, pitch, [math.log2(seconds) for seconds in length_s]]).T
    return torch.cat([_one_hot(kinds), settings, torch.tensor(asked)], 1)


class ConstantsHead(nn.Module):
    """Categories for what must not be averaged (between minor and major lies no chord), Gaussians for the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(INPUTS, 256), nn.SiLU(), nn.Linear(256, 256), nn.SiLU(), nn.Linear(256, sum(_SIZES))
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Logits of semitone, chord, glide and flags; means and log deviations of the values."""
        *logits, means, log_deviations = self.layers(inputs).split(_SIZES, -1)
        # Held under a limit, but not by a clamp, whose gradient is none: what began above would stay there for ever.
        log_deviations = log_deviations - functional.relu(log_deviations - 1).detach()
        return *logits, means, log_deviations.clamp(min=-5)

    def loss(self, inputs: Tensor, target: ConstantsTarget) -> Tensor:
        """Mean negative log-likelihood, up to a constant."""
        semitone, chord, glide, flags, means, log_deviations = self(inputs)
        surprise = ((target.values - means) / log_deviations.exp()) ** 2 / 2 + log_deviations
        loss: Tensor = (
            functional.cross_entropy(semitone, target.semitone)
            + functional.cross_entropy(chord, target.chord)
            + functional.cross_entropy(glide, target.glide)
            + functional.binary_cross_entropy_with_logits(flags, target.flags)
            + (surprise * target.value_weights).mean()
        )
        return loss

    def sample(self, asked: Specification, *, seed: int, length_s: float) -> Constants:
        """One clip's constants. What was asked is set as it was asked; all else follows from the seed."""
        generator = generator_for(seed, "constants")
        timbre = 2 * torch.rand(TIMBRE, generator=generator_for(seed, "timbre"), dtype=torch.float64) - 1
        brightness, ring = (
            min(max(level, -MOST_LEVEL), MOST_LEVEL) + DEVIATION * (2 * float(torch.rand((), generator=generator)) - 1)
            for level in (asked.brightness, asked.length)
        )
        inputs = head_inputs(
            [asked.kind],
            brightness=[brightness],
            ring=[ring],
            pitch=[asked.pitch],
            midi=[asked.midi],
            length_s=[length_s],
        )
        semitones, chords, glides, flags, means, log_deviations = (rows[0] for rows in self(inputs))
        semitone, chord, glide = (_drawn(logits, generator) for logits in (semitones, chords, glides))
        # The true values are spread evenly, and the head knows their mean and deviation: no further than evenly goes.
        spread = (2 * torch.rand(len(VALUES), generator=generator) - 1) * math.sqrt(3)
        untuned = float(torch.rand((), generator=generator)) - 0.5
        on = dict(zip(FLAGS, (flags > 0).tolist(), strict=True))
        midi = semitone + (0.0 if on["tuned"] else untuned)
        if asked.midi is not None:
            midi = asked.midi
        elif asked.pitch_class is not None:
            midi = asked.pitch_class + 12 * round((semitone - asked.pitch_class) / 12)
        values = dict(zip(VALUES, (means + log_deviations.exp() * spread).tolist(), strict=True))
        drawn = _constants_of(
            values, on, pitch_hz=hz_of_midi(midi), chord=asked.chord or CHORDS[chord], glide=GLIDES[glide]
        )
        return replace(
            drawn,
            drive=min(max(asked.drive, 0.0), 1.5),
            room=min(max(asked.room, 0.0), 1.5),
            room_s=asked.room_s or ROOM_S,
            brightness=brightness,
            ring=ring,
            timbre=tuple(timbre.tolist()),
        )


def _constants_of(
    values: dict[str, float], on: dict[str, bool], *, pitch_hz: float, chord: tuple[int, ...], glide: int
) -> Constants:
    """The inverse of `_values`, within what the decoder takes."""

    def share(name: str) -> float:
        return min(max(values[name] / 2, 0.0), 1.0)

    return Constants(
        pitch_hz=pitch_hz,
        chord=chord,
        stretch=1 + values["stretch"] / 4 if on["stretched"] else 1.0,
        odd=min(max(values["odd"], 0.0), 1.0),
        detune_cents=max(values["detune_cents"] * 6, 0.0),
        sweep_depth=2.0 ** (2 * values["sweep_depth"]) if on["swept"] else 0.0,
        sweep_s=2.0 ** (2 * values["sweep_s"] - 5) if on["swept"] else 0.03,
        glide_octaves=2 * glide * max(values["glide"], 0.0),
        vibrato=2.0 ** (2 * values["vibrato"] - 5) if on["vibrato"] else 0.0,
        vibrato_hz=5 * 2.0 ** values["vibrato_hz"] if on["vibrato"] or on["tremble"] else 5.0,
        tremble=share("tremble") if on["tremble"] else 0.0,
        grain=share("grain") if on["grain"] else 0.0,
        grain_hz=50 * 2.0 ** (2 * values["grain_hz"]) if on["grain"] else 240.0,
        bubbles=max(values["bubbles"] / 2, 0.0) if on["bubbles"] else 0.0,
        bubbles_hz=20 * 2.0 ** (2 * values["bubbles_hz"]) if on["bubbles"] else 20.0,
        flutter=share("flutter") if on["flutter"] else 0.0,
        flutter_hz=2.0 ** (2 * values["flutter_hz"]) if on["flutter"] else 1.0,
        stutter=share("stutter") if on["stutter"] else 0.0,
        stutter_hz=20 * 2.0 ** (2 * values["stutter_hz"]) if on["stutter"] else 20.0,
        width=share("width") if values["width"] > 2 * NARROWEST else 0.0,
    )


def _drawn(logits: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(logits.softmax(-1), 1, generator=generator))
