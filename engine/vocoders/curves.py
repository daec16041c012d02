"""What the embedded model writes instead of samples: curves that change every 10 ms, and constants that do not.

A *hop* is one column of curves. Times, not frames, are counted here, so a clip can be decoded at any sample rate.
"""

import math
from dataclasses import dataclass
from typing import Final

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

# The numbers of a clip's timbre, in this order.
COLOURS: Final = 3  # depth and width of the gentle wave that colours its spectrum, and where the wave begins
OWNS: Final = 6  # what the kind makes of them: how open a vowel is, where a string is struck, how far a drawbar is out
TIMBRE: Final = COLOURS + OWNS
PLAIN: Final = (0.0,) * TIMBRE
PITCH_WAVES: Final = (1, 2, 4, 8)  # octaves of pitch in one turn of the sines and cosines that tell it to the denoiser


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What one clip keeps from its first frame to its last.

    They are sampled or asked for, not diffused: a pitch that is denoised comes out semitones wrong, one that is chosen
    is exact. Partial k of the pitch f stands at f * k**stretch; the pitch itself follows `pitch_hz_at`. What is random
    within a clip (grains, bubbles, flutter) is drawn by the decoder from the clip's seed; here stand its statistics.
    """

    pitch_hz: float
    chord: tuple[int, ...] = (0,)  # the voices, in semitones above the pitch; the lowest first
    stretch: float = 1.0  # 1 is a string, 0.7 a drum skin, 1.4 a bell
    odd: float = 0.0  # 1 mutes the even partials
    detune_cents: float = 0.0  # a second, slightly sharp string that beats with the first
    sweep_depth: float = 0.0  # the pitch starts 1 + depth times too high ...
    sweep_s: float = 0.03  # ... and falls with this time constant
    glide_octaves: float = 0.0  # over the whole clip, up or down
    vibrato: float = 0.0  # depth, as a share of the pitch: 0.01 is 17 cents up and down
    vibrato_hz: float = 5.0
    tremble: float = 0.0  # how deep the tone's level comes and goes, as often as the vibrato: 0.4 is 7 dB
    grain: float = 0.0  # 0 is steady noise, 1 is all grains: each 1.25 ms of the noise at its own level
    grain_hz: float = 240.0  # how many grains a second; 240 is rain, 12 a scratched record
    bubbles: float = 0.0  # level (linear, beside the noise) of short sines that chirp up where the noise has its bands
    bubbles_hz: float = 20.0  # how many a second
    flutter: float = 0.0  # 0 to 1: how deep the noise comes and goes by itself
    flutter_hz: float = 1.0  # about how often
    stutter: float = 0.0  # 0 to 1: how much tone and noise break off and take turns at random ...
    stutter_hz: float = 20.0  # ... about so many times a second
    width: float = 0.0  # 0 is mono; 1 has nothing in common between left and right, but for the lowest octaves
    drive: float = 0.0
    room: float = 0.0  # level of the reverb
    room_s: float = 1.1  # its time to -60 dB
    # The settings that the curves were drawn at: the level asked for (-1, 0 or 1) and the clip's own deviation.
    brightness: float = 0.0
    ring: float = 0.0  # of length: the decays are 2.3**ring times the usual
    # Where the clip stands among all that fit its wish: `TIMBRE` numbers, each drawn evenly from -1 to 1. Were they
    # left to diffusion, one step would answer with their mean, and between ooh and aah sings no choir.
    timbre: tuple[float, ...] = PLAIN

    FEATURES = 18 + 2 * len(PITCH_WAVES) + TIMBRE

    def features(self) -> list[float]:
        """What the curves depend on, as `FEATURES` about unit-sized numbers, for the denoiser to see.

        Chord, tremble, width, drive and room act beside or after the curves and are not among them.
        """
        octaves = math.log2(self.pitch_hz / 261.6256)
        colour_depth, colour_width, colour_turn, *own = self.timbre
        return [
            octaves / 2,
            # A body or a vowel lifts the partials that meet it: a sharp function of pitch, which waves make learnable.
            *(wave(2 * math.pi * octaves / turn) for turn in PITCH_WAVES for wave in (math.sin, math.cos)),
            (self.stretch - 1) * 4,
            self.odd,
            self.detune_cents / 6,
            math.log2(1 + self.sweep_depth) / 2,
            (math.log2(self.sweep_s) + 5) / 2 if self.sweep_depth else 0.0,
            self.glide_octaves / 4,
            math.log2(1 + 50 * self.vibrato),
            math.log2(self.vibrato_hz / 5) if self.vibrato else 0.0,
            self.grain,
            math.log2(self.grain_hz / 50) / 3 if self.grain else 0.0,
            self.bubbles,
            math.log2(self.bubbles_hz / 20) / 2 if self.bubbles else 0.0,
            self.flutter,
            math.log2(self.flutter_hz) / 2 if self.flutter else 0.0,
            self.brightness,
            self.ring,
            colour_depth,
            colour_width,
            math.sin(math.pi * colour_turn),  # -1 and 1 are the same turn
            math.cos(math.pi * colour_turn),
            *own,
        ]


def cycles(seconds: Tensor, constants: Constants, *, length_s: float) -> Tensor:
    """How many cycles the pitch has completed by `seconds` (float64), exactly.

    The integral of `pitch_hz_at`, in closed form, so that no error gathers over a long clip and any chunk can be
    decoded on its own.
    """
    glide = constants.glide_octaves * math.log(2) / length_s
    grown = torch.expm1(glide * seconds) / glide if glide else seconds
    if constants.sweep_depth:
        fall = glide - 1 / constants.sweep_s
        grown = grown + constants.sweep_depth * torch.expm1(fall * seconds) / fall
    if constants.vibrato:
        turn = 2 * math.pi * constants.vibrato_hz
        # In place, because half of the time of a long clip would go into memory that is touched for the first time.
        swung = torch.cos(turn * seconds).mul_(-constants.vibrato / turn).add_(constants.vibrato / turn)
        grown = swung.add_(grown)
    return constants.pitch_hz * grown


def pitch_hz_at(seconds: Tensor, constants: Constants, *, length_s: float) -> Tensor:
    """The momentary pitch: f ((1 + depth e^(-t/sweep_s)) 2^(glide t/length_s) + vibrato sin(2 pi vibrato_hz t))."""
    sweep = 1 + constants.sweep_depth * torch.exp(-seconds / constants.sweep_s)
    glide = torch.exp2(constants.glide_octaves * seconds / length_s)
    vibrato = constants.vibrato * torch.sin(2 * math.pi * constants.vibrato_hz * seconds)
    return constants.pitch_hz * (sweep * glide + vibrato)


def tremble_at(seconds: Tensor, constants: Constants) -> Tensor:
    """The gain of the tone as it trembles, 1 at its loudest."""
    depth = constants.tremble
    return (1 + depth * torch.cos(2 * math.pi * constants.vibrato_hz * seconds)) / (1 + depth)


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
