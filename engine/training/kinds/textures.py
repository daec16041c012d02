"""The textures: weather, fire, water, people and machines, which go on for as long as the clip does.

Gusts, drops, clicks and crackles are random, so the decoder draws them; here stand how many, how deep and how strong.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.training.sketch import (
    BAND_HZ,
    Array,
    Sketch,
    band,
    formants,
    high_pass,
    in_db,
    low_pass,
)


def _faded_in(s: Sketch, seconds: float) -> Array:
    """The gain of a noise that is there after so many seconds and stays, in dB."""
    return in_db(np.minimum(1, (s.fine_seconds + 0.001) / seconds))


def noise(s: Sketch) -> None:
    """Steady noise."""
    s.set_bands(low_pass(BAND_HZ, 5000 * 2 ** (1.5 * s.brightness), order=1) * s.own(1, 2))
    s.noise_gain_db = _faded_in(s, 0.005)
    s.width = s.between(0.5, 1)


def vinyl(s: Sketch) -> None:
    """A record that has been played often: clicks over hiss and a rumble."""
    s.grain, s.grain_hz = s.between(0.88, 0.94), s.between(8, 16)
    hiss = high_pass(BAND_HZ, 1500) + low_pass(BAND_HZ, 5500 * 2 ** (1.1 * s.brightness))
    rumble = band(70, octaves=0.5) + s.own(5, 9) - 2 * s.brightness
    s.set_bands(np.maximum(hiss, rumble))
    s.noise_gain_db = _faded_in(s, 0.01)
    s.width = s.between(0.5, 0.8)


def rain(s: Sketch) -> None:
    """Fine drops, too many to count, over a soft hiss."""
    s.grain, s.grain_hz = s.between(0.75, 0.9), s.between(200, 400)
    around = band(4200 * 2 ** (0.7 * s.brightness), octaves=s.own(0.6, 0.8))
    hiss = high_pass(BAND_HZ, 3000) + low_pass(BAND_HZ, 9000 * 2 ** (0.8 * s.brightness)) - 13
    s.set_bands(np.maximum(around, hiss))
    s.noise_gain_db = _faded_in(s, 0.01)
    s.width = s.between(0.7, 1)


def water(s: Sketch) -> None:
    """A brook: bubbles over a soft rush."""
    s.bubbles, s.bubbles_hz = s.between(1.3, 1.8), s.between(16, 32)
    s.flutter, s.flutter_hz = s.between(0.2, 0.4), s.between(4, 8)
    s.set_bands(band(950 * 2 ** (0.8 * s.brightness), octaves=s.own(0.5, 0.65)))
    s.noise_gain_db = _faded_in(s, 0.02) - s.own(8, 11)
    s.width = s.between(0.6, 0.9)


def waves(s: Sketch) -> None:
    """Surf: a wave draws near, breaks and runs out, every few seconds."""
    count = max(1, round(s.length_s / s.own(4.5, 7)))
    breaks = s.own(0.32, 0.5)

    def swell(share: Array) -> Array:
        place = np.minimum(share * count, count - 1e-9) % 1
        way = np.where(place < breaks, place / breaks, (1 - place) / (1 - breaks))
        swollen: Array = np.sin(np.pi / 2 * way) ** 2
        return swollen

    dark_hz, octaves = 350 * 2 ** (0.8 * s.brightness), s.own(3.2, 3.8)
    cutoff_hz = dark_hz * 2 ** (octaves * swell(s.share))
    s.set_bands(low_pass(BAND_HZ, cutoff_hz[:, None], order=1) + high_pass(BAND_HZ, 130))
    s.noise_gain_db = 17 * (swell(s.fine_share) - 1)
    s.flutter, s.flutter_hz = s.between(0.3, 0.5), s.between(0.4, 0.8)
    s.width = s.between(0.8, 1)


def wind(s: Sketch) -> None:
    """A narrow noise that comes and goes."""
    s.flutter, s.flutter_hz = s.between(0.75, 0.95), s.between(0.7, 1.4)
    s.set_bands(band(480 * 2 ** (1.1 * s.brightness + s.own(-0.15, 0.15)), octaves=s.own(0.34, 0.44)))
    s.noise_gain_db = _faded_in(s, 0.03)
    s.width = s.between(0.5, 0.9)


def fire(s: Sketch) -> None:
    """Crackling over a low roar."""
    s.grain, s.grain_hz = s.between(0.7, 0.82), s.between(20, 50)
    s.flutter, s.flutter_hz = s.between(0.2, 0.4), s.between(2, 5)
    roar = low_pass(BAND_HZ, 190 * 2 ** (0.4 * s.brightness), order=1)
    crackle = band(1800 * 2 ** (0.9 * s.brightness), octaves=0.9) - s.own(7, 10) + 2 * s.brightness
    s.set_bands(np.maximum(roar, crackle))
    s.noise_gain_db = _faded_in(s, 0.02)
    s.width = s.between(0.5, 0.8)


def crowd(s: Sketch) -> None:
    """Many voices at once: vowels that babble."""
    s.flutter, s.flutter_hz = s.between(0.5, 0.7), s.between(3, 6)
    mouth = 2 ** (0.12 * s.brightness + s.own(-0.06, 0.06))
    vowel = formants(BAND_HZ, (500 * mouth, 1500 * mouth, 2500 * mouth), octaves=0.26)
    s.set_bands(vowel + low_pass(BAND_HZ, 7000) + 3 * s.brightness * np.log2(BAND_HZ / 1000))
    s.noise_gain_db = _faded_in(s, 0.03)
    s.width = s.between(0.6, 1)


def thunder(s: Sketch) -> None:
    """A crack, and a rumble that rolls away."""
    crack_s = s.own(0.07, 0.12) * min(1, s.length_s)
    s.flutter, s.flutter_hz = s.between(0.6, 0.8), s.between(3, 6)
    s.grain, s.grain_hz = s.between(0.2, 0.35), s.between(60, 120)
    early = np.exp(-s.seconds / crack_s)[:, None]
    crack = low_pass(BAND_HZ, 3500 * 2 ** (1.1 * s.brightness), order=1)
    rumble = low_pass(BAND_HZ, 130 * 2 ** (1.1 * s.brightness), order=1) * 2
    s.set_bands(early * crack + (1 - early) * rumble)
    softer_db = 10 - 5 * s.brightness  # the crack, being wide, would drown the rumble
    s.noise_gain_db = _faded_in(s, 0.03) - s.own(16, 22) * s.fine_share - softer_db * np.exp(-s.fine_seconds / crack_s)
    s.width = s.between(0.6, 0.9)


TEXTURES: Final[dict[str, Callable[[Sketch], None]]] = {
    "noise": noise,
    "vinyl": vinyl,
    "rain": rain,
    "water": water,
    "waves": waves,
    "wind": wind,
    "fire": fire,
    "crowd": crowd,
    "thunder": thunder,
}
