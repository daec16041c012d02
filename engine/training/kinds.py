"""The kinds of sound the embedded model learns: each a few lines of curves, drawn anew for every clip."""

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
    Sound,
    band,
    high_pass,
    in_db,
    low_pass,
)
from engine.training.wishes import Wish


def draw(wish: Wish, *, length_s: float, rng: np.random.Generator) -> Sound:
    """One of the sounds that fit `wish`, over whole tokens that cover `length_s`."""
    sketch = Sketch(wish, length_s, rng)
    CURVES[wish.kind](sketch)
    return sketch.finished(wish)


def kick(s: Sketch) -> None:
    """A falling sine with a click."""
    s.tune(52)
    s.sweep_depth, s.sweep_s = s.between(3, 7), s.between(0.012, 0.03)
    s.gain_db = s.ringing(0.14 * s.decay)
    overtones = PARTIAL > 1
    body = np.where(overtones, -26 + 7 * s.brightness - 9 * OCTAVE, 0)
    s.set_levels(body - s.seconds[:, None] / 0.05 * 4 * overtones)
    s.noise_gain_db = -14 + 10 * s.brightness + s.fine_ringing(s.between(0.003, 0.007))
    s.set_bands(high_pass(BAND_HZ, 2500) + low_pass(BAND_HZ, 9000 * 2 ** (0.5 * s.brightness), order=1))


def snare(s: Sketch) -> None:
    """A short drum skin under a burst of noise."""
    s.tune(185)
    s.stretch = s.between(0.82, 0.86)
    s.sweep_depth, s.sweep_s = s.between(0.45, 0.75), s.between(0.012, 0.018)
    s.gain_db = s.between(-6, -2) + s.ringing(0.06 * s.decay)
    s.set_levels(np.where(PARTIAL <= 4, -7 * (PARTIAL - 1), LOWEST_SHAPE_DB))
    s.noise_gain_db = s.between(-4, 0) + 2 * s.brightness + s.fine_ringing(0.10 * s.decay)
    low_hz, high_hz = 900 * 2 ** (0.5 * s.brightness), 7000 * 2 ** (0.9 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz) + low_pass(BAND_HZ, high_hz))


def _hat(s: Sketch, time_constant_s: float) -> None:
    s.pitch_hz = 2050 * 2 ** (0.1 * s.brightness + s.between(-0.1, 0.1))
    s.stretch = s.between(0.70, 0.74)
    s.gain_db = s.between(-19, -13) + s.ringing(time_constant_s)
    metal = -0.9 * (8 - PARTIAL) * (1 - 0.5 * s.brightness)
    s.set_levels(np.where(PARTIAL <= 8, metal, LOWEST_SHAPE_DB))
    s.noise_gain_db = s.fine_ringing(time_constant_s)
    low_hz, high_hz = 6500 * 2 ** (0.45 * s.brightness), 13000 * 2 ** (0.5 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz, order=4) + low_pass(BAND_HZ, high_hz, order=1))


def closed_hat(s: Sketch) -> None:
    """Bright noise, gone in a moment."""
    _hat(s, 0.028 * s.decay)


def open_hat(s: Sketch) -> None:
    """Bright noise that opens and rings."""
    _hat(s, 0.26 * s.decay)
    s.noise_gain_db = s.noise_gain_db + in_db(1 - 0.4 * np.exp(-s.fine_seconds / 0.006))


def clap(s: Sketch) -> None:
    """Three short bursts, then one that rings."""
    gap_s = s.between(0.008, 0.014)
    bursts = np.zeros_like(s.fine_seconds)
    for start_s, ring_s, gain in (
        *((i * gap_s, 0.0035, 0.8) for i in range(3)),
        (3 * gap_s, 0.085 * s.decay, 1.0),
    ):
        since_s = s.fine_seconds - start_s
        bursts += gain * (since_s >= 0) * np.exp(-np.maximum(since_s, 0) / ring_s)
    s.noise_gain_db = in_db(bursts)
    low_hz, high_hz = 750 * 2 ** (0.6 * s.brightness), 2600 * 2 ** (0.8 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz) + low_pass(BAND_HZ, high_hz))


def tom(s: Sketch) -> None:
    """A drum skin that rings and sinks a little."""
    s.tune(115)
    s.stretch = s.between(0.65, 0.69)
    s.sweep_depth, s.sweep_s = s.between(0.4, 0.6), s.between(0.05, 0.07)
    s.gain_db = s.ringing(0.2 * s.decay)
    skin = np.where(PARTIAL <= 5, -9 * (PARTIAL - 1) + 2 * s.brightness, LOWEST_SHAPE_DB)
    s.set_levels(skin - s.seconds[:, None] / 0.1 * 4 * (PARTIAL > 1))
    s.noise_gain_db = -16 + 9 * s.brightness + s.fine_ringing(0.015)
    s.set_bands(high_pass(BAND_HZ, 500) + low_pass(BAND_HZ, 4000))


def cowbell(s: Sketch) -> None:
    """Two clashing partials, and some more."""
    s.tune(545)
    s.stretch = s.between(0.555, 0.58)
    s.gain_db = in_db(0.6 * np.exp(-s.seconds / 0.02) + 0.4 * np.exp(-s.seconds / (0.11 * s.decay)))
    metal = -1.5 * (PARTIAL - 1) * (PARTIAL > 1) - (PARTIAL > 2) * (12 - 7 * s.brightness)
    s.set_levels(np.where(PARTIAL <= 6, metal, LOWEST_SHAPE_DB))
    s.noise_gain_db = -22 + 6 * s.brightness + s.fine_ringing(0.008)
    s.set_bands(high_pass(BAND_HZ, 1500))


def bass(s: Sketch) -> None:
    """Saw to square through a closing filter."""
    s.odd = s.between(0, 1)
    cutoff_hz = 420 * 2 ** (1.3 * s.brightness) * (1 + 1.5 * np.exp(-s.seconds / s.between(0.09, 0.16)))
    s.set_levels(-6 * OCTAVE + 0.8 * low_pass(s.partials_hz(), cutoff_hz[:, None], order=3))
    s.gain_db = s.ringing(0.45 * s.decay)


def pluck(s: Sketch) -> None:
    """A string whose high partials die first."""
    dying = s.seconds[:, None] * 0.35 * (PARTIAL - 1) / (0.38 * s.decay) * NEPER_DB
    s.set_levels(-(9 - 3.3 * s.brightness) * OCTAVE - dying)
    s.gain_db = s.ringing(0.38 * s.decay)
    s.noise_gain_db = -24 + 6 * s.brightness + s.fine_ringing(0.006)
    s.set_bands(high_pass(BAND_HZ, 1500) + low_pass(BAND_HZ, 8000))


def pad(s: Sketch) -> None:
    """A chord that swells and stays."""
    s.major = bool(s.rng.random() < 0.5)
    s.detune_cents = s.between(5, 12)
    s.set_levels(-6 * OCTAVE + low_pass(s.partials_hz(), 1100 * 2 ** (1.1 * s.brightness)))
    attack_s = min(s.between(0.2, 0.4), 0.25 * s.length_s)
    s.gain_db = in_db(np.minimum(1, (s.seconds + 0.01) / attack_s))


def keys(s: Sketch) -> None:
    """An electric piano's tine."""
    s.detune_cents = s.between(1, 4)
    tine = np.array([0, -9, -14, -12, -22, -24, -26, -30, *(-34 - 8 * (OCTAVE[8:] - 3))])
    dying = s.seconds[:, None] * 0.12 * (PARTIAL - 1) / (0.5 * s.decay) * NEPER_DB
    s.set_levels(tine + 3.2 * s.brightness * OCTAVE - dying)
    s.gain_db = s.ringing(0.6 * s.decay)
    s.noise_gain_db = -26 + 6 * s.brightness + s.fine_ringing(0.01)
    s.set_bands(high_pass(BAND_HZ, 800) + low_pass(BAND_HZ, 5000))


def bell(s: Sketch) -> None:
    """Stretched partials, the low ones last."""
    s.stretch = s.between(1.40, 1.48)
    dying = s.seconds[:, None] * (PARTIAL**0.7 - 1) / (0.5 * s.decay) * NEPER_DB
    s.set_levels(np.where(PARTIAL <= 7, -3.5 * (PARTIAL - 1) + 4 * s.brightness * OCTAVE, LOWEST_SHAPE_DB) - dying)
    s.gain_db = s.ringing(0.5 * s.decay)


def _sweep(s: Sketch, share: Array, fine_share: Array, octaves: float) -> None:
    centre_hz = 300 * 2 ** (4.2 * share + 0.7 * s.brightness)
    s.set_bands(band(centre_hz, octaves=0.45))
    s.noise_gain_db = in_db(fine_share**1.5 + 0.003)
    s.gain_db = s.between(-19, -13) + in_db(share**1.5 + 0.003)
    s.glide_octaves = octaves
    s.pitch_hz = 150 * 2 ** (0.7 * s.brightness + (0 if octaves > 0 else -octaves))


def riser(s: Sketch) -> None:
    """Up and louder, all the way to the end."""
    _sweep(s, s.share, s.fine_share, s.between(3.9, 4.5))


def downlifter(s: Sketch) -> None:
    """Down and softer, all the way to the end."""
    _sweep(s, 1 - s.share, 1 - s.fine_share, -s.between(3.9, 4.5))


def impact(s: Sketch) -> None:
    """A boom under a blast that darkens."""
    s.pitch_hz = 38 * 2 ** s.between(-0.2, 0.2)
    s.sweep_depth, s.sweep_s = s.between(2.4, 3.6), s.between(0.04, 0.06)
    s.gain_db = s.ringing(0.45 * s.decay)
    s.set_levels(np.where(PARTIAL == 1, 0, -20 - 9 * OCTAVE))
    blast = 0.8 * np.exp(-s.fine_seconds / 0.06) + 0.35 * np.exp(-s.fine_seconds / (0.35 * s.decay))
    s.noise_gain_db = in_db(blast)
    early = np.exp(-s.seconds / 0.06)[:, None]
    rumble = low_pass(BAND_HZ, 1500 * 2 ** (1.4 * s.brightness), order=1) - 2 * np.log2(BAND_HZ / 60)
    s.set_bands(early * low_pass(BAND_HZ, 700 * 2 ** (1.5 * s.brightness), order=1) + (1 - early) * rumble)


def zap(s: Sketch) -> None:
    """A pitch that falls out of the sky."""
    s.tune(90)
    s.sweep_depth = 40 * 2 ** (0.8 * s.brightness)
    s.sweep_s = s.between(0.05, 0.08) * s.decay
    s.odd = 0.7
    s.set_levels(-(10 - 3 * s.brightness) * OCTAVE)
    s.gain_db = s.ringing(0.16 * s.decay)


def noise(s: Sketch) -> None:
    """Steady noise."""
    s.set_bands(low_pass(BAND_HZ, 5000 * 2 ** (1.5 * s.brightness)))
    s.noise_gain_db = in_db(np.minimum(1, (s.fine_seconds + 0.001) / 0.005))


def rain(s: Sketch) -> None:
    """Droplets, which the decoder strews, over a soft hiss."""
    s.grain = 0.8
    around = band(4200 * 2 ** (0.7 * s.brightness), octaves=0.7)
    s.set_bands(np.maximum(around, high_pass(BAND_HZ, 3000) - 10))
    s.noise_gain_db = np.zeros_like(s.fine_seconds)


def wind(s: Sketch) -> None:
    """A narrow noise that comes and goes."""
    rate_hz, phase = s.between(0.5, 1.4), s.between(0, 2 * np.pi)
    gust = np.sin(2 * np.pi * rate_hz * s.seconds + phase)
    s.set_bands(band(480 * 2 ** (0.55 * gust + s.brightness), octaves=0.4))
    s.noise_gain_db = in_db(1 + 0.5 * np.sin(2 * np.pi * rate_hz * s.fine_seconds + phase)) - 3


def drone(s: Sketch) -> None:
    """A dark fifth that breathes."""
    s.fifth = True
    s.detune_cents = s.between(5, 10)
    s.set_levels(-6 * OCTAVE + low_pass(s.partials_hz(), 650 * 2 ** (1.3 * s.brightness)))
    breath = 0.75 + 0.25 * np.sin(2 * np.pi * 0.8 * s.seconds + s.between(0, 6))
    s.gain_db = in_db(breath * np.minimum(1, (s.seconds + 0.005) / 0.05))


CURVES: Final[dict[str, Callable[[Sketch], None]]] = {
    "kick": kick,
    "snare": snare,
    "closed hat": closed_hat,
    "open hat": open_hat,
    "clap": clap,
    "tom": tom,
    "cowbell": cowbell,
    "bass": bass,
    "pluck": pluck,
    "pad": pad,
    "keys": keys,
    "bell": bell,
    "drone": drone,
    "riser": riser,
    "downlifter": downlifter,
    "impact": impact,
    "zap": zap,
    "noise": noise,
    "rain": rain,
    "wind": wind,
}
