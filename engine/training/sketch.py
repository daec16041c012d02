"""What kinds of sound are drawn with: the axes and settings of a clip, and the shapes of filters and decays.

Curves are in dB, over the hops of a clip of any length.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from engine.sampling.constants import DEVIATION
from engine.text.notes import hz_of_midi
from engine.training.wishes import TUNED, Wish
from engine.vocoders.curves import (
    ANCHOR_PARTIALS,
    COLOURS,
    FLOOR_DB,
    GAINS_PER_HOP,
    HOPS_PER_S,
    TIMBRE,
    Constants,
    band_centres_hz,
)
from engine.vocoders.latents import HOPS_PER_TOKEN, tokens_for

Array = NDArray[np.float64]

NEPER_DB: Final = 20 / np.log(10)

LOWEST_SHAPE_DB: Final = -60.0  # of a partial or a band under the loudest
PARTIAL: Final[Array] = np.array(ANCHOR_PARTIALS, dtype=np.float64)
OCTAVE: Final[Array] = np.log2(PARTIAL)  # of an anchor partial above the first
BAND_HZ: Final[Array] = band_centres_hz().numpy()
BAND_OCTAVE: Final[Array] = np.log2(BAND_HZ / BAND_HZ[0])  # of a noise band above the lowest


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The truth about one clip: (hops, CHANNELS) curves, the constants, and its length."""

    curves: torch.Tensor
    constants: Constants
    length_s: float


class Sketch:
    """A clip being drawn: time axes and jittered settings to read, curves and constants to set."""

    def __init__(self, wish: Wish, length_s: float, rng: np.random.Generator) -> None:
        hops = tokens_for(length_s) * HOPS_PER_TOKEN
        self.rng = rng
        self.timbre = tuple(float(number) for number in rng.uniform(-1, 1, TIMBRE))
        self.brightness = wish.brightness + self.between(-DEVIATION, DEVIATION)
        self.ring = wish.length + self.between(-DEVIATION, DEVIATION)
        self.decay = 2.3**self.ring
        self.pitch = 2 ** (0.6 * wish.pitch + self.between(-0.12, 0.12))
        midi = TUNED[wish.kind] + 7 * wish.pitch if wish.midi is None and wish.kind in TUNED else wish.midi
        self.pitch_hz = 0.0 if midi is None else hz_of_midi(midi)  # 0 is for the kind to set
        self.seconds: Array = np.arange(hops) / HOPS_PER_S
        self.fine_seconds: Array = np.arange(hops * GAINS_PER_HOP) / (HOPS_PER_S * GAINS_PER_HOP)
        self.length_s = length_s
        colour_depth, colour_width, colour_turn, *own = self.timbre
        self.colour_db = 1.25 * (1 + colour_depth)
        self.colour_waves = 0.3 + 0.15 * colour_width  # in an octave
        self.turn = np.pi * colour_turn  # where the clip's slow waves begin, in radians
        self._own = iter(own)
        self.share = np.minimum(self.seconds / length_s, 1)
        self.fine_share = np.minimum(self.fine_seconds / length_s, 1)
        # A harmonic gain or a noise gain that is never set stays off.
        self.gain_db: Array = np.full(hops, FLOOR_DB)
        self.levels_db: Array = np.tile(-9 * OCTAVE, (hops, 1))
        self.band_levels_db: Array = np.tile(low_pass(BAND_HZ, 6000, order=1), (hops, 1))
        self.noise_gain_db: Array = np.full(hops * GAINS_PER_HOP, FLOOR_DB)
        # What the decoder is told once for the whole clip: see `Constants`.
        self.chord: tuple[int, ...] = (0,)
        self.stretch = 1.0
        self.odd = 0.0
        self.detune_cents = 0.0
        self.sweep_depth = 0.0
        self.sweep_s = 0.03
        self.glide_octaves = 0.0
        self.vibrato = 0.0
        self.vibrato_hz = 5.0
        self.tremble = 0.0
        self.grain = 0.0
        self.grain_hz = 240.0
        self.bubbles = 0.0
        self.bubbles_hz = 20.0
        self.flutter = 0.0
        self.flutter_hz = 1.0
        self.stutter = 0.0
        self.stutter_hz = 20.0
        self.width = 0.0

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly from that range, for a field of the constants that the denoiser sees or need not know.

        What shapes the curves besides is the clip's `own`, or it would be hidden from the denoiser.
        """
        return float(self.rng.uniform(low, high))

    def own(self, low: float, high: float) -> float:
        """The next number of the clip's timbre, as a place in that range."""
        place = next(self._own, None)
        assert place is not None, f"a kind has {TIMBRE - COLOURS} numbers of its own"
        return low + (high - low) * (1 + place) / 2

    def tune(self, usual_hz: float) -> None:
        """Set the pitch: the note if there is one, else the kind's usual pitch, higher or lower as wished."""
        self.pitch_hz = self.pitch_hz or usual_hz * self.pitch

    def ringing(self, time_constant_s: float) -> Array:
        """Exponential decay over the hops, in dB."""
        level: Array = -self.seconds / time_constant_s * NEPER_DB
        return level

    def fine_ringing(self, time_constant_s: float) -> Array:
        """Exponential decay over the noise gains, in dB."""
        level: Array = -self.fine_seconds / time_constant_s * NEPER_DB
        return level

    def partials_hz(self) -> Array:
        """(hops, anchors): where the anchor partials are."""
        swept = 1 + self.sweep_depth * np.exp(-self.seconds / self.sweep_s)
        hz: Array = (self.pitch_hz * swept)[:, None] * PARTIAL**self.stretch
        return hz

    def set_levels(self, levels_db: Array) -> None:
        """Levels of the anchor partials, (anchors) for the whole clip or (hops, anchors)."""
        self.levels_db = np.broadcast_to(levels_db, self.levels_db.shape)

    def set_bands(self, levels_db: Array) -> None:
        """Levels of the noise bands, (bands) for the whole clip or (hops, bands)."""
        self.band_levels_db = np.broadcast_to(levels_db, self.band_levels_db.shape)

    def finished(self, wish: Wish) -> Sound:
        """The sound, its levels brought to their common scale: loudest partial 0 dB, a noise as loud as its gain."""
        bands_db = np.maximum(self._coloured(self.band_levels_db, BAND_OCTAVE), LOWEST_SHAPE_DB)
        # Narrow noise would vanish beside wide: its gain makes up for the width, up to 18 dB.
        power_db = 10 * np.log10((10 ** (bands_db / 10) * BAND_HZ).sum(1) / BAND_HZ.sum())
        noise_gain_db = self.noise_gain_db.reshape(-1, GAINS_PER_HOP) - np.maximum(power_db, -18)[:, None]
        levels_db = self._coloured(self.levels_db, OCTAVE)
        levels_db = levels_db - levels_db.max(1, keepdims=True)
        curves = np.concatenate(
            [
                np.clip(self.gain_db, FLOOR_DB, 6)[:, None],
                np.clip(levels_db, LOWEST_SHAPE_DB, 0),
                bands_db,
                np.clip(noise_gain_db, FLOOR_DB, 24),
            ],
            1,
        )
        constants = Constants(
            pitch_hz=self.pitch_hz or 200.0,
            chord=self.chord,
            stretch=self.stretch,
            odd=self.odd,
            detune_cents=self.detune_cents,
            sweep_depth=self.sweep_depth,
            sweep_s=self.sweep_s,
            glide_octaves=self.glide_octaves,
            vibrato=self.vibrato,
            vibrato_hz=self.vibrato_hz,
            tremble=self.tremble,
            grain=self.grain,
            grain_hz=self.grain_hz,
            bubbles=self.bubbles,
            bubbles_hz=self.bubbles_hz,
            flutter=self.flutter,
            flutter_hz=self.flutter_hz,
            stutter=self.stutter,
            stutter_hz=self.stutter_hz,
            width=self.width,
            drive=float(wish.drive),
            room=float(wish.room),
            brightness=self.brightness,
            ring=self.ring,
            timbre=self.timbre,
        )
        return Sound(curves=torch.from_numpy(curves).float(), constants=constants, length_s=self.length_s)

    def _coloured(self, levels_db: Array, octaves: Array) -> Array:
        """Levels with the clip's own colour: a gentle wave over the octaves, so that no two clips are alike."""
        coloured: Array = levels_db + self.colour_db * np.sin(2 * np.pi * self.colour_waves * octaves + self.turn)
        return coloured


def low_pass(hz: Array, cutoff_hz: float | Array, *, order: int = 2) -> Array:
    """The level of a Butterworth low-pass, in dB."""
    level: Array = -10 / np.log(10) * np.logaddexp(0, 2 * order * np.log(hz / cutoff_hz))
    return level


def high_pass(hz: Array, cutoff_hz: float, *, order: int = 2) -> Array:
    """The level of a Butterworth high-pass, in dB."""
    level: Array = -10 / np.log(10) * np.logaddexp(0, 2 * order * np.log(cutoff_hz / hz))
    return level


def band(centre_hz: float | Array, *, octaves: float) -> Array:
    """A bell around a frequency with that standard deviation, in dB: (bands) or, for an array, (hops, bands)."""
    distance = np.log2(BAND_HZ) - np.log2(np.asarray(centre_hz))[..., None]
    level: Array = -0.5 * (distance / octaves) ** 2 * NEPER_DB
    return level


def formants(hz: Array, centres_hz: tuple[float, ...], *, octaves: float = 0.18) -> Array:
    """A vowel: a bell on each formant, the higher ones softer, over a floor of -30 dB; shaped like `hz`."""
    gain = np.zeros_like(hz)
    for place, centre_hz in enumerate(centres_hz):
        gain = gain + 10 ** (-5 * place / 20) * np.exp(-0.5 * (np.log2(hz / centre_hz) / octaves) ** 2)
    return in_db(gain + 10 ** (-30 / 20))


def in_db(gain: Array) -> Array:
    """A linear gain in dB, no less than -120."""
    level: Array = 20 * np.log10(np.maximum(gain, 1e-6))
    return level
