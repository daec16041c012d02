"""Drums, cymbals and small percussion: what is struck or shaken once."""

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


def kick(s: Sketch) -> None:
    """A falling sine with a click."""
    s.tune(52)
    s.sweep_depth, s.sweep_s = s.between(3, 6.5), s.between(0.012, 0.025)
    s.gain_db = s.ringing(0.14 * s.decay)
    overtones = PARTIAL > 1
    body = np.where(overtones, -26 + 7 * s.brightness - 9 * OCTAVE, 0)
    s.set_levels(body - s.seconds[:, None] / 0.05 * 4 * overtones)
    s.noise_gain_db = -14 + 10 * s.brightness + s.fine_ringing(s.own(0.003, 0.007))
    s.set_bands(high_pass(BAND_HZ, 2500) + low_pass(BAND_HZ, 9000 * 2 ** (0.5 * s.brightness), order=1))


def snare(s: Sketch) -> None:
    """A short drum skin under a burst of noise."""
    s.tune(185)
    s.stretch = s.between(0.82, 0.86)
    s.sweep_depth, s.sweep_s = s.between(0.45, 0.75), s.between(0.012, 0.018)
    s.gain_db = s.own(-6, -2) + s.ringing(0.06 * s.decay)
    s.set_levels(np.where(PARTIAL <= 4, -7 * (PARTIAL - 1), LOWEST_SHAPE_DB))
    s.noise_gain_db = s.own(-4, 0) + 2 * s.brightness + s.fine_ringing(0.10 * s.decay)
    low_hz, high_hz = 900 * 2 ** (0.5 * s.brightness), 7000 * 2 ** (0.9 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz) + low_pass(BAND_HZ, high_hz))
    s.width = s.between(0.1, 0.3)


def rimshot(s: Sketch) -> None:
    """A click and two partials that do not belong together."""
    s.tune(500)
    s.stretch = s.between(1.07, 1.16)  # puts the third partial at 3.3 to 3.6 times the first
    s.gain_db = s.ringing(0.022 * s.decay)
    upper_db = np.where(PARTIAL == 3, s.own(-4, -1) + 4 * s.brightness, -22 + 8 * s.brightness)
    s.set_levels(np.where(PARTIAL == 1, 0, np.where(np.isin(PARTIAL, (3, 5, 7)), upper_db, LOWEST_SHAPE_DB)))
    s.noise_gain_db = s.own(-8, -4) + 5 * s.brightness + s.fine_ringing(0.005)
    s.set_bands(high_pass(BAND_HZ, 1500) + low_pass(BAND_HZ, 6500 * 2 ** (0.8 * s.brightness)))
    s.width = s.between(0, 0.2)


def clap(s: Sketch) -> None:
    """Three short bursts, then one that rings."""
    gap_s = s.own(0.008, 0.014)
    bursts = np.zeros_like(s.fine_seconds)
    for start_s, ring_s, gain in (
        *((i * gap_s, 0.0035, 0.8) for i in range(3)),
        (3 * gap_s, 0.085 * s.decay, 1.0),
    ):
        bursts += gain * _struck(s, start_s, ring_s)
    s.noise_gain_db = in_db(bursts)
    low_hz, high_hz = 750 * 2 ** (0.6 * s.brightness), 2600 * 2 ** (0.8 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz) + low_pass(BAND_HZ, high_hz))
    s.width = s.between(0.3, 0.7)


def snap(s: Sketch) -> None:
    """Two fingers: a soft slide, then a small dry knock in a narrow band."""
    slide_s = s.own(0.004, 0.009)
    knock = _struck(s, slide_s, 0.011 * s.decay) + 0.1 * _struck(s, slide_s, 0.045 * s.decay)
    s.noise_gain_db = in_db(knock + 0.35 * (s.fine_seconds < slide_s))
    s.set_bands(band(2300 * 2 ** (0.5 * s.brightness + s.own(-0.12, 0.12)), octaves=s.own(0.22, 0.3)))
    s.width = s.between(0.05, 0.25)


def _hat(s: Sketch, time_constant_s: float) -> None:
    s.pitch_hz = 2050 * 2 ** (0.1 * s.brightness + s.between(-0.1, 0.1))
    s.stretch = s.between(0.70, 0.74)
    s.gain_db = s.own(-19, -13) + s.ringing(time_constant_s)
    metal = -0.9 * (8 - PARTIAL) * (1 - 0.5 * s.brightness)
    s.set_levels(np.where(PARTIAL <= 8, metal, LOWEST_SHAPE_DB))
    s.noise_gain_db = s.fine_ringing(time_constant_s)
    low_hz, high_hz = 6500 * 2 ** (0.45 * s.brightness), 12000 * 2 ** (0.9 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, low_hz, order=4) + low_pass(BAND_HZ, high_hz, order=1))
    s.width = s.between(0.1, 0.3)


def closed_hat(s: Sketch) -> None:
    """Bright noise, gone in a moment."""
    _hat(s, 0.024 * s.decay)


def open_hat(s: Sketch) -> None:
    """Bright noise that opens and rings."""
    _hat(s, 0.32 * s.decay)
    s.noise_gain_db = s.noise_gain_db + in_db(1 - 0.4 * np.exp(-s.fine_seconds / 0.006))


def ride(s: Sketch) -> None:
    """A stick's ping on a large cymbal, which goes on singing over a quiet wash."""
    s.pitch_hz = 620 * 2 ** (0.1 * s.brightness + s.between(-0.15, 0.15))
    s.stretch = s.between(0.76, 0.82)
    ping_s, body_s = 0.05, 0.75 * s.decay
    s.gain_db = in_db(0.5 * np.exp(-s.seconds / ping_s) + 0.5 * np.exp(-s.seconds / body_s))
    ping_hz = 2900 * 2 ** (0.45 * s.brightness)
    from_ping = np.log2(620 * PARTIAL**0.79 / ping_hz)
    ping = -4 * from_ping**2 - 5 * np.maximum(from_ping, 0) * (1 - 0.6 * s.brightness)
    s.set_levels(ping - 6 * (PARTIAL % 2 == 0) - s.seconds[:, None] / body_s * 1.5 * np.maximum(from_ping, 0))
    stick, wash = np.exp(-s.fine_seconds / 0.006), np.exp(-s.fine_seconds / (0.6 * s.decay))
    s.noise_gain_db = s.own(-17, -12) + 3 * s.brightness + in_db(stick + 0.4 * wash)
    s.set_bands(high_pass(BAND_HZ, 3500) + low_pass(BAND_HZ, 9000 * 2 ** (0.7 * s.brightness)))
    s.width = s.between(0.3, 0.5)


def crash(s: Sketch) -> None:
    """A large cymbal struck on its edge: it bursts wide, then darkens for a long time."""
    s.pitch_hz = 410 * 2 ** s.between(-0.2, 0.2)
    s.stretch = s.between(0.84, 0.9)
    ring_s = 0.75 * s.decay
    s.gain_db = s.own(-24, -18) + s.ringing(0.7 * ring_s)
    s.set_levels(-(3 - 2 * s.brightness) * np.abs(OCTAVE - 2.5))
    bloom = 1 - 0.5 * np.exp(-s.fine_seconds / 0.008)
    blast, wash = np.exp(-s.fine_seconds / 0.07), np.exp(-s.fine_seconds / ring_s)
    s.noise_gain_db = in_db(bloom * (0.5 * blast + 0.6 * wash))
    darkening = np.exp(-s.seconds / (0.8 * ring_s))[:, None]
    high_hz = (1800 + 4200 * darkening) * 2 ** (0.9 * s.brightness)
    s.set_bands(high_pass(BAND_HZ, 500 * 2 ** (0.6 * s.brightness)) + low_pass(BAND_HZ, high_hz, order=1))
    s.width = s.between(0.5, 0.8)


def shaker(s: Sketch) -> None:
    """Beads that swell against the wall of a small vessel, then lie still."""
    swell_s = s.own(0.014, 0.024)
    swelling = np.minimum(1, 0.35 + 0.65 * s.fine_seconds / swell_s)
    s.noise_gain_db = in_db(swelling * np.exp(-np.maximum(s.fine_seconds - swell_s, 0) / (0.032 * s.decay)))
    s.set_bands(band(5200 * 2 ** (0.5 * s.brightness + s.own(-0.1, 0.1)), octaves=0.42))
    s.grain, s.grain_hz = s.between(0.25, 0.45), s.between(350, 500)
    s.width = s.between(0.3, 0.6)


def tambourine(s: Sketch) -> None:
    """Jingles: thin plates that strike once, once more a little later, and beat against each other."""
    s.pitch_hz = 3900 * 2 ** (0.25 * s.brightness + s.between(-0.1, 0.1))
    s.stretch = s.between(0.56, 0.62)
    s.detune_cents = s.between(6, 9)
    again_s, ring_s = s.own(0.04, 0.07), 0.13 * s.decay
    strokes = _struck(s, 0, 0.012) + s.own(0.5, 0.8) * _struck(s, again_s, 0.016)
    ringing = np.exp(-s.fine_seconds / ring_s)
    s.gain_db = -6 + s.ringing(ring_s)
    s.set_levels(np.where(PARTIAL <= 8, -(1.2 - 0.9 * s.brightness) * np.abs(PARTIAL - 3), LOWEST_SHAPE_DB))
    s.noise_gain_db = in_db(strokes * 0.7 + 0.3 * ringing)
    s.set_bands(band(7600 * 2 ** (0.4 * s.brightness), octaves=0.4))
    s.grain, s.grain_hz = s.between(0.6, 0.8), s.between(120, 200)
    s.width = s.between(0.3, 0.6)


def tom(s: Sketch) -> None:
    """A drum skin that rings and sinks a little."""
    s.tune(115)
    s.stretch = s.between(0.65, 0.69)
    s.sweep_depth, s.sweep_s = s.between(0.45, 0.65), s.between(0.05, 0.07)
    s.gain_db = s.ringing(0.22 * s.decay)
    skin = np.where(PARTIAL <= 5, -9 * (PARTIAL - 1) + 2 * s.brightness, LOWEST_SHAPE_DB)
    s.set_levels(skin - s.seconds[:, None] / 0.1 * 4 * (PARTIAL > 1))
    s.noise_gain_db = -18 + 8 * s.brightness + s.fine_ringing(0.015)
    s.set_bands(high_pass(BAND_HZ, 300) + low_pass(BAND_HZ, 3000 * 2 ** (0.7 * s.brightness)))
    s.width = s.between(0, 0.2)


def conga(s: Sketch) -> None:
    """A tight skin under an open hand: a slap, then a short clear tone that hardly falls."""
    s.tune(220)
    s.stretch = s.between(0.72, 0.78)
    s.sweep_depth, s.sweep_s = s.between(0.05, 0.1), s.between(0.012, 0.025)
    s.gain_db = s.ringing(0.09 * s.decay)
    dying = s.seconds[:, None] * (PARTIAL - 1) / (0.05 * s.decay) * NEPER_DB
    s.set_levels(np.where(PARTIAL <= 6, -(3.5 - 1.5 * s.brightness) * (PARTIAL - 1), LOWEST_SHAPE_DB) - dying)
    s.noise_gain_db = s.own(-6, -2) + 4 * s.brightness + s.fine_ringing(0.008)
    s.set_bands(band(1700 * 2 ** (0.7 * s.brightness), octaves=0.4))
    s.width = s.between(0, 0.2)


def woodblock(s: Sketch) -> None:
    """Two hollow partials, gone at once."""
    s.tune(880)
    s.stretch = s.between(1.2, 1.36)  # puts the second partial at 2.3 to 2.6 times the first
    s.gain_db = s.ringing(0.022 * s.decay)
    s.set_levels(np.where(PARTIAL <= 2, -(9 - 6 * s.brightness) * (PARTIAL - 1), LOWEST_SHAPE_DB))
    s.noise_gain_db = s.own(-24, -19) + 5 * s.brightness + s.fine_ringing(0.003)
    s.set_bands(band(3000 * 2 ** (0.5 * s.brightness), octaves=0.5))
    s.width = s.between(0, 0.15)


def cowbell(s: Sketch) -> None:
    """Two clashing partials, and some more."""
    s.tune(545)
    s.stretch = s.between(0.555, 0.58)
    s.gain_db = in_db(0.6 * np.exp(-s.seconds / 0.02) + 0.4 * np.exp(-s.seconds / (0.11 * s.decay)))
    metal = -1.5 * (PARTIAL - 1) * (PARTIAL > 1) - (PARTIAL > 2) * (12 - 7 * s.brightness)
    s.set_levels(np.where(PARTIAL <= 6, metal, LOWEST_SHAPE_DB))
    s.noise_gain_db = -22 + 6 * s.brightness + s.fine_ringing(0.008)
    s.set_bands(high_pass(BAND_HZ, 1500))
    s.width = s.between(0, 0.2)


def _struck(s: Sketch, start_s: float, time_constant_s: float) -> Array:
    """A linear gain over the noise gains: nothing, then 1 that decays."""
    since_s = s.fine_seconds - start_s
    gain: Array = np.where(since_s >= 0, np.exp(-np.maximum(since_s, 0) / time_constant_s), 0.0)
    return gain


DRUMS: Final[dict[str, Callable[[Sketch], None]]] = {
    "kick": kick,
    "snare": snare,
    "rimshot": rimshot,
    "clap": clap,
    "snap": snap,
    "closed hat": closed_hat,
    "open hat": open_hat,
    "ride": ride,
    "crash": crash,
    "shaker": shaker,
    "tambourine": tambourine,
    "tom": tom,
    "conga": conga,
    "woodblock": woodblock,
    "cowbell": cowbell,
}
