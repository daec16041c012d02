"""The prompt's condition to the constants of a clip: a distribution, and a draw from it by the clip's seed."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.sampling.noise import generator_for
from engine.text.encoder import CONDITION, Condition
from engine.text.notes import hz_of_midi, midi_of_hz
from engine.vocoders.curves import CHORDS, Constants

SEMITONES: Final = 128
FLAGS: Final = ("tuned", "stretched", "swept", "grain", "drive", "room")
GLIDES: Final = (-1, 0, 1)
VALUES: Final = ("stretch", "odd", "detune", "sweep_depth", "sweep_s", "glide")
TEMPERATURE: Final = 0.8
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
    def of(cls, constants: list[Constants]) -> "ConstantsTarget":
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
    flags = (tuned, row.stretch != 1, row.sweep_depth > 0, row.grain > 0, row.drive > 0, row.room > 0)
    return [float(flag) for flag in flags]


def _values(row: Constants) -> list[float]:
    """In the order of `VALUES`, scaled to about unit size; `ConstantsHead.sample` scales them back."""
    return [
        (row.stretch - 1) * 4,
        row.odd,
        row.detune_cents / 6,
        math.log2(row.sweep_depth) / 2 if row.sweep_depth else 0.0,
        (math.log2(row.sweep_s) + 5) / 2,
        abs(row.glide_octaves) / 4,
    ]


def _value_weights(row: Constants) -> list[float]:
    swept = float(row.sweep_depth > 0)
    return [float(row.stretch != 1), 1.0, 1.0, swept, swept, float(row.glide_octaves != 0)]


class ConstantsHead(nn.Module):
    """Categories for what must not be averaged (between minor and major lies no chord), Gaussians for the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(CONDITION, 256), nn.SiLU(), nn.Linear(256, 256), nn.SiLU(), nn.Linear(256, sum(_SIZES))
        )

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Logits of semitone, chord, glide and flags; means and log deviations of the values."""
        *logits, means, log_deviations = self.layers(features).split(_SIZES, -1)
        return *logits, means, log_deviations.clamp(-5, 1)

    def loss(self, features: Tensor, target: ConstantsTarget) -> Tensor:
        """Mean negative log-likelihood, up to a constant."""
        semitone, chord, glide, flags, means, log_deviations = self(features)
        surprise = ((target.values - means) / log_deviations.exp()) ** 2 / 2 + log_deviations
        loss: Tensor = (
            functional.cross_entropy(semitone, target.semitone)
            + functional.cross_entropy(chord, target.chord)
            + functional.cross_entropy(glide, target.glide)
            + functional.binary_cross_entropy_with_logits(flags, target.flags)
            + (surprise * target.value_weights).mean()
        )
        return loss

    def sample(self, condition: Condition, *, seed: int) -> Constants:
        """One clip's constants. A note that was asked is set as it was parsed; all else follows from the seed."""
        semitone_logits, chord_logits, glide_logits, flag_logits, means, log_deviations = self(condition.features)
        generator = generator_for(seed, "constants")
        semitone = _drawn(semitone_logits, generator)
        chord = CHORDS[_drawn(chord_logits, generator)]
        glide = GLIDES[_drawn(glide_logits, generator)]
        spread = torch.randn(len(VALUES), generator=generator) * TEMPERATURE
        values = dict(zip(VALUES, (means + log_deviations.exp() * spread).tolist(), strict=True))
        on = dict(zip(FLAGS, (flag_logits > 0).tolist(), strict=True))
        untuned = float(torch.rand((), generator=generator)) - 0.5
        midi = semitone + (0.0 if on["tuned"] else untuned)
        return Constants(
            pitch_hz=hz_of_midi(midi if condition.midi is None else condition.midi),
            stretch=1 + values["stretch"] / 4 if on["stretched"] else 1.0,
            odd=min(max(values["odd"], 0.0), 1.0),
            detune_cents=max(values["detune"] * 6, 0.0),
            chord=chord,
            sweep_depth=2.0 ** (2 * values["sweep_depth"]) if on["swept"] else 0.0,
            sweep_s=2.0 ** (2 * values["sweep_s"] - 5),
            glide_octaves=4 * glide * max(values["glide"], 0.0),
            grain=float(on["grain"]),
            drive=float(on["drive"]),
            room=float(on["room"]),
        )


def _drawn(logits: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial((logits / TEMPERATURE).softmax(-1), 1, generator=generator))
