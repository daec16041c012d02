"""What the embedded model writes instead of samples: curves that change every 10 ms, and constants that do not.

A *hop* is one column of curves. Times, not frames, are counted here, so a clip can be decoded at any sample rate.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

import torch
from torch import Tensor

HOPS_PER_S: Final = 100  # both 44 100 and 48 000 Hz have whole frames per hop
GAINS_PER_HOP: Final = 8  # noise gains are finer, 1.25 ms, so that a clap can stutter
PARTIALS: Final = 48
ANCHOR_PARTIALS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 24, 34, 48)  # their levels are given, those between follow
NOISE_BANDS: Final = 24
LOWEST_BAND_HZ: Final = 60.0
HIGHEST_BAND_HZ: Final = 17_000.0

FLOOR_DB: Final = -70.0  # no curve goes below
SILENCE_DB: Final = -66.0  # the decoder takes this amplitude off every other, so that "off" is exact silence

# Where each curve stands in the last axis of a (hops, CHANNELS) tensor, all in dB.
HARMONIC_GAIN: Final = slice(0, 1)
HARMONIC_LEVELS: Final = slice(1, 14)
NOISE_LEVELS: Final = slice(14, 38)
NOISE_GAINS: Final = slice(38, 46)
CHANNELS: Final = 46

Chord = Literal["none", "minor", "major", "fifth"]
CHORDS: Final[tuple[Chord, ...]] = get_args(Chord)
VOICES: Final[dict[Chord, tuple[tuple[int, float], ...]]] = {  # semitones above the pitch, gain in dB
    "none": ((0, 0.0),),
    "minor": ((0, 0.0), (3, 0.0), (7, 0.0)),
    "major": ((0, 0.0), (4, 0.0), (7, 0.0)),
    "fifth": ((0, 0.0), (7, -4.0)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What one clip keeps from its first frame to its last.

    They are sampled, not diffused: a pitch that is denoised comes out semitones wrong, one that is chosen is exact.
    Partial k of the pitch f stands at f * k**stretch; the pitch itself follows `pitch_hz_at`.
    """

    pitch_hz: float
    stretch: float = 1.0  # 1 is a string, 0.7 a drum skin, 1.4 a bell
    odd: float = 0.0  # 1 mutes the even partials
    detune_cents: float = 0.0  # a second, slightly sharp string that beats with the first
    chord: Chord = "none"
    sweep_depth: float = 0.0  # the pitch starts 1 + depth times too high ...
    sweep_s: float = 0.03  # ... and falls with this time constant
    glide_octaves: float = 0.0  # over the whole clip, up or down
    grain: float = 0.0  # 0 is steady noise, 1 is all droplets
    drive: float = 0.0
    room: float = 0.0

    FEATURES = 14

    def features(self) -> list[float]:
        """The constants as about unit-sized numbers, `FEATURES` of them, for the denoiser to see."""
        return [
            math.log2(self.pitch_hz / 261.6256) / 2,
            (self.stretch - 1) * 4,
            self.odd,
            self.detune_cents / 6,
            *(float(self.chord == chord) for chord in CHORDS),
            math.log2(1 + self.sweep_depth) / 2,
            (math.log2(self.sweep_s) + 5) / 2 if self.sweep_depth else 0.0,
            self.glide_octaves / 4,
            self.grain,
            self.drive,
            self.room,
        ]


def cycles(seconds: Tensor, constants: Constants, *, length_s: float) -> Tensor:
    """How many cycles the pitch has completed by `seconds` (float64), exactly.

    The pitch is f (1 + depth e^(-t/sweep_s)) 2^(glide t/length_s); this is its integral, so that no error gathers
    over a long clip and any chunk can be decoded on its own.
    """
    glide = constants.glide_octaves * math.log(2) / length_s
    grown = torch.expm1(glide * seconds) / glide if glide else seconds
    if constants.sweep_depth:
        fall = glide - 1 / constants.sweep_s
        grown = grown + constants.sweep_depth * torch.expm1(fall * seconds) / fall
    return constants.pitch_hz * grown


def pitch_hz_at(seconds: Tensor, constants: Constants, *, length_s: float) -> Tensor:
    """The momentary pitch: what `cycles` integrates."""
    sweep = 1 + constants.sweep_depth * torch.exp(-seconds / constants.sweep_s)
    return constants.pitch_hz * sweep * torch.exp2(constants.glide_octaves * seconds / length_s)


def amplitude(level_db: Tensor) -> Tensor:
    """Linear amplitude of a level, with everything under `SILENCE_DB` exactly 0."""
    return (torch.pow(10.0, level_db / 20) - 10 ** (SILENCE_DB / 20)).clamp(min=0)


def between(anchors: Tensor, points: Tensor) -> Tensor:
    """(anchors, points): the matrix that interpolates values at ascending `anchors` linearly onto `points`.

    Points outside take the value of the nearest anchor.
    """
    points = points.clamp(anchors[0], anchors[-1])
    above = torch.searchsorted(anchors, points).clamp(1, len(anchors) - 1)
    share = (points - anchors[above - 1]) / (anchors[above] - anchors[above - 1])
    column = torch.arange(len(points))
    matrix = torch.zeros(len(anchors), len(points), dtype=torch.float64)
    matrix[above - 1, column] = 1 - share
    matrix[above, column] += share
    return matrix.float()


def band_centres_hz() -> Tensor:
    """Where the noise levels are given: `NOISE_BANDS` frequencies, evenly spaced to the ear."""
    return torch.logspace(
        math.log2(LOWEST_BAND_HZ), math.log2(HIGHEST_BAND_HZ), NOISE_BANDS, base=2, dtype=torch.float64
    )
