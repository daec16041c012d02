"""The effects: what leads into a change, marks it, or startles."""

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.training.sketch import (
    BAND_HZ,
    LOWEST_SHAPE_DB,
    NEPER_DB,
    OCTAVE,
    PARTIAL,
    Array,
    Sketch,
    band,
    high_pass,
    in_db,
    low_pass,
)
from engine.vocoders.curves import FLOOR_DB

FAINT: Final = 0.003  # how loud a build-up is at its soft end, beside its loud one
CUT_BEFORE_END_S: Final = 0.0101  # just over a hop: the last hop is silent, and a longer clip stays so


def _build(s: Sketch, share: Array, fine_share: Array, octaves: float) -> None:
    """A tone that glides that far within a noise that climbs and swells with `share`."""
    power = s.own(1.3, 1.8)
    centre_hz = 300 * 2 ** (4.2 * share + 0.7 * s.brightness)
    s.set_bands(band(centre_hz, octaves=s.own(0.4, 0.55)))
    s.noise_gain_db = in_db(fine_share**power + FAINT)
    s.gain_db = s.own(-14, -8) + in_db(share**power + FAINT)
    s.set_levels(-(9 - 2 * s.brightness) * OCTAVE)
    s.glide_octaves = octaves
    s.pitch_hz = 150 * 2 ** (0.7 * s.brightness + max(0, -octaves))
    s.width = s.between(0.5, 0.9)


def riser(s: Sketch) -> None:
    """Up and louder, all the way to the end."""
    _build(s, s.share, s.fine_share, s.between(3.7, 4.3))


def downlifter(s: Sketch) -> None:
    """Down and softer, all the way to the end."""
    _build(s, 1 - s.share, 1 - s.fine_share, -s.between(3.7, 4.3))


def sweep(s: Sketch) -> None:
    """A whoosh: filtered noise that flies up and past, then down again."""
    top, steepness = s.own(0.46, 0.58), s.own(1.6, 2.4)

    def height(share: Array) -> Array:
        way = np.where(share < top, share / top, (1 - share) / (1 - top))
        risen: Array = np.sin(np.pi / 2 * way) ** 2
        return risen

    s.set_bands(band(350 * 2 ** (3.4 * height(s.share) + 0.8 * s.brightness), octaves=s.own(0.5, 0.7)))
    s.noise_gain_db = in_db(height(s.fine_share) ** steepness + FAINT)
    s.width = s.between(0.6, 1)


def impact(s: Sketch) -> None:
    """A boom under a blast that darkens."""
    s.pitch_hz = 38 * 2 ** s.between(-0.2, 0.2)
    s.sweep_depth, s.sweep_s = s.between(2.4, 3.6), s.between(0.04, 0.06)
    s.gain_db = s.own(0, 3) + s.ringing(0.45 * s.decay)
    s.set_levels(np.where(PARTIAL == 1, 0, -20 - 9 * OCTAVE))
    blast = 0.8 * np.exp(-s.fine_seconds / 0.06) + 0.35 * np.exp(-s.fine_seconds / (0.35 * s.decay))
    s.noise_gain_db = in_db(blast)
    early = np.exp(-s.seconds / 0.06)[:, None]
    rumble = low_pass(BAND_HZ, 1500 * 2 ** (1.4 * s.brightness), order=1) - 2 * np.log2(BAND_HZ / 60)
    s.set_bands(early * low_pass(BAND_HZ, 700 * 2 ** (1.5 * s.brightness), order=1) + (1 - early) * rumble)
    s.width = s.between(0.5, 0.8)


def sub_drop(s: Sketch) -> None:
    """A pure low tone that sinks to the bottom of what can be heard."""
    s.tune(31)
    s.sweep_depth, s.sweep_s = s.between(3.2, 4.1) * 2 ** (0.2 * s.brightness), s.between(0.32, 0.42) * s.decay
    s.set_levels(-(16 - 7 * s.brightness) * OCTAVE)
    held = np.minimum(1, (s.seconds + 0.002) / s.own(0.008, 0.02))
    s.gain_db = in_db(held) + s.ringing(0.9 * s.decay) + in_db(1 - (s.seconds / (1.6 * s.decay)) ** 2)


def zap(s: Sketch) -> None:
    """A laser: a pitch that falls out of the sky."""
    s.tune(90)
    s.sweep_depth = 40 * 2 ** (0.8 * s.brightness)
    s.sweep_s = s.between(0.05, 0.08) * s.decay
    s.odd = s.between(0.5, 0.9)
    s.set_levels(-(10 - 3 * s.brightness) * OCTAVE)
    s.gain_db = s.ringing(0.16 * s.decay)


def _logistic_db(x: Array) -> Array:
    """How many dB a gain that falls around 0 like 1 / (1 + e^x) has lost."""
    lost: Array = np.logaddexp(0, x) * NEPER_DB
    return lost


def glitch(s: Sketch) -> None:
    """Digital stutter: bursts and bleeps of a few hundredths of a second, and holes, which the decoder strews."""
    lasting_s = 0.42 * s.decay
    s.noise_gain_db = -_logistic_db((s.fine_seconds - lasting_s) / 0.006)
    s.stutter, s.stutter_hz = 1.0, s.between(22, 42)
    low_hz, high_hz = 600 * 2 ** (0.8 * s.brightness), 6000 * 2 ** (1.1 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz) + low_pass(BAND_HZ, high_hz))
    s.gain_db = s.own(0, 4) - _logistic_db((s.seconds - lasting_s) / 0.006)
    s.pitch_hz = 800 * 2 ** (0.6 * s.brightness + s.between(-0.6, 0.6))
    s.odd = 1.0
    s.set_levels(-(6 - 2 * s.brightness) * OCTAVE)
    s.width = s.between(0.4, 0.8)


def siren(s: Sketch) -> None:
    """A horn that wails up and down."""
    s.tune(620)
    s.vibrato = s.between(0.22, 0.38)
    # A short clip has to hold most of one wail as well.
    s.vibrato_hz = max(s.between(0.5, 2.5), min(0.9 / s.length_s, 3))
    s.odd = s.between(0, 0.8)
    s.detune_cents = s.between(0, 4)
    s.set_levels(-5 * OCTAVE + low_pass(s.partials_hz(), 2200 * 2 ** (1.2 * s.brightness)))
    s.gain_db = in_db(np.minimum(1, (s.seconds + 0.005) / 0.03))


def reverse_cymbal(s: Sketch) -> None:
    """A cymbal played backwards: it grows out of nothing and is cut off."""
    growth_s = s.own(0.15, 0.21) * s.length_s
    s.pitch_hz = 1700 * 2 ** (0.25 * s.brightness + s.between(-0.15, 0.15))
    s.stretch = s.between(0.66, 0.74)
    cut_s = s.length_s - CUT_BEFORE_END_S
    before_s = cut_s - s.seconds
    s.gain_db = np.where(before_s > 0, s.own(-16, -11) - before_s / growth_s * NEPER_DB, FLOOR_DB)
    s.set_levels(np.where(PARTIAL <= 16, -(1.5 - s.brightness) * OCTAVE, LOWEST_SHAPE_DB))
    fine_before_s = cut_s - s.fine_seconds
    s.noise_gain_db = np.where(fine_before_s > 0, -fine_before_s / growth_s * NEPER_DB, FLOOR_DB)
    low_hz, high_hz = 4200 * 2 ** (0.5 * s.brightness), 11_000 * 2 ** (0.6 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz) + low_pass(BAND_HZ, high_hz, order=1))
    s.width = s.between(0.5, 0.9)


EFFECTS: Final[dict[str, Callable[[Sketch], None]]] = {
    "riser": riser,
    "downlifter": downlifter,
    "sweep": sweep,
    "impact": impact,
    "sub drop": sub_drop,
    "zap": zap,
    "glitch": glitch,
    "siren": siren,
    "reverse cymbal": reverse_cymbal,
}
