"""The kinds of sound the embedded model learns: each a few lines of curves, drawn anew for every clip.

A *wish* says which kind and what is special about it, as a caption would; `draw` turns it into one of endlessly many
sounds that fit. Curves are in dB, over the hops of a clip of any length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from engine.text.encoder import KINDS
from engine.text.notes import hz_of_midi
from engine.vocoders.curves import (
    ANCHOR_PARTIALS,
    FLOOR_DB,
    GAINS_PER_HOP,
    HOPS_PER_S,
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

TUNED: Final = {"bass": 34, "pluck": 62, "pad": 55, "keys": 64, "bell": 75, "drone": 36}  # the usual MIDI note
ABRUPT: Final = frozenset(KINDS) - {"pad", "riser", "downlifter", "noise", "rain", "wind", "drone"}
# Which attributes mean anything for a kind; brightness does for all.
APPLIES: Final = {
    "brightness": frozenset(KINDS),
    "length": ABRUPT,
    "pitch": frozenset(TUNED) | {"kick", "snare", "tom", "cowbell", "zap"},
    "drive": frozenset({"kick", "snare", "tom", "cowbell", "bass", "drone", "impact", "zap"}),
    "room": frozenset({"snare", "clap", "tom", "pluck", "keys", "bell", "zap", "cowbell", "closed hat"}),
}
MAY_BE_TUNED: Final = frozenset({"kick", "tom", "zap", "cowbell"})  # in pitch only when a note is asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caption can say about a sound. Levels are -1, 0 or 1."""

    kind: str
    brightness: int = 0
    length: int = 0
    pitch: int = 0
    drive: int = 0
    room: int = 0
    midi: int | None = None  # the note it is tuned to
    note_said: bool = False

    @property
    def levels(self) -> tuple[int, ...]:
        """In the order of `ATTRIBUTES`."""
        return (self.brightness, self.length, self.pitch, self.drive, self.room)


def random_wish(rng: np.random.Generator, *, kind: str | None = None) -> Wish:
    """A wish in which everything that applies to its kind may be special."""
    kind = kind or str(rng.choice(KINDS))

    def level(attribute: str) -> int:
        if kind not in APPLIES[attribute]:
            return 0
        if attribute in ("drive", "room"):
            return int(rng.random() < 0.3)
        return int(rng.choice([-1, 0, 1], p=[0.3, 0.4, 0.3]))

    levels = {attribute: level(attribute) for attribute in APPLIES}
    midi, note_said = None, False
    if kind in TUNED:
        note_said = rng.random() < 0.3
        # An asked note may lie anywhere; one that is not said lies where the kind is at home.
        reach = 19 if note_said and rng.random() < 0.4 else 3
        midi = int(TUNED[kind] + 7 * levels["pitch"] + rng.integers(-reach, reach + 1))
    elif kind in MAY_BE_TUNED and rng.random() < 0.15:
        home = {"kick": 32, "tom": 46, "zap": 43, "cowbell": 73}[kind]
        midi, note_said = int(home + 7 * levels["pitch"] + rng.integers(-7, 8)), True
    return Wish(kind=kind, midi=midi, note_said=note_said, **levels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The truth about one clip: (hops, CHANNELS) curves and the constants."""

    curves: torch.Tensor
    constants: Constants


class Sketch:
    """A clip being drawn: time axes and jittered settings to read, curves and constants to set."""

    def __init__(self, wish: Wish, length_s: float, rng: np.random.Generator) -> None:
        hops = tokens_for(length_s) * HOPS_PER_TOKEN
        self.rng = rng
        self.brightness = wish.brightness + self.between(-0.2, 0.2)
        self.decay = 2.3 ** (wish.length + self.between(-0.2, 0.2))
        self.pitch = 2 ** (0.6 * wish.pitch + self.between(-0.12, 0.12))
        midi = TUNED[wish.kind] + 7 * wish.pitch if wish.midi is None and wish.kind in TUNED else wish.midi
        self.pitch_hz = 0.0 if midi is None else hz_of_midi(midi)  # 0 is for the kind to set
        self.seconds: Array = np.arange(hops) / HOPS_PER_S
        self.fine_seconds: Array = np.arange(hops * GAINS_PER_HOP) / (HOPS_PER_S * GAINS_PER_HOP)
        self.length_s = length_s
        self.share = np.minimum(self.seconds / length_s, 1)
        self.fine_share = np.minimum(self.fine_seconds / length_s, 1)
        # A harmonic gain or a noise gain that is never set stays off.
        self.gain_db: Array = np.full(hops, FLOOR_DB)
        self.levels_db: Array = np.tile(-9 * OCTAVE, (hops, 1))
        self.band_levels_db: Array = np.tile(low_pass(BAND_HZ, 6000, order=1), (hops, 1))
        self.noise_gain_db: Array = np.full(hops * GAINS_PER_HOP, FLOOR_DB)
        self.stretch = 1.0
        self.odd = 0.0
        self.detune_cents = 0.0
        self.sweep_depth = 0.0
        self.sweep_s = 0.03
        self.glide_octaves = 0.0
        self.grain = 0.0
        self.major: bool | None = None  # None is no third at all
        self.fifth = False

    def between(self, low: float, high: float) -> float:
        """A number drawn evenly from that range."""
        return float(self.rng.uniform(low, high))

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
        bands_db = np.maximum(self.band_levels_db, LOWEST_SHAPE_DB)
        # Narrow noise would vanish beside wide: its gain makes up for the width, up to 18 dB.
        power_db = 10 * np.log10((10 ** (bands_db / 10) * BAND_HZ).sum(1) / BAND_HZ.sum())
        noise_gain_db = self.noise_gain_db.reshape(-1, GAINS_PER_HOP) - np.maximum(power_db, -18)[:, None]
        levels_db = self.levels_db - self.levels_db.max(1, keepdims=True)
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
            stretch=self.stretch,
            odd=self.odd,
            detune_cents=self.detune_cents,
            chord="fifth" if self.fifth else "none" if self.major is None else "major" if self.major else "minor",
            sweep_depth=self.sweep_depth,
            sweep_s=self.sweep_s,
            glide_octaves=self.glide_octaves,
            grain=self.grain,
            drive=float(wish.drive),
            room=float(wish.room),
        )
        return Sound(curves=torch.from_numpy(curves).float(), constants=constants)


def draw(wish: Wish, *, length_s: float, rng: np.random.Generator) -> Sound:
    """One of the sounds that fit `wish`, over whole tokens that cover `length_s`."""
    sketch = Sketch(wish, length_s, rng)
    CURVES[wish.kind](sketch)
    return sketch.finished(wish)


def low_pass(hz: Array, cutoff_hz: float | Array, *, order: int = 2) -> Array:
    """The level of a Butterworth low-pass, in dB."""
    level: Array = -10 * np.log10(1 + (hz / cutoff_hz) ** (2 * order))
    return level


def high_pass(hz: Array, cutoff_hz: float, *, order: int = 2) -> Array:
    """The level of a Butterworth high-pass, in dB."""
    level: Array = -10 * np.log10(1 + (cutoff_hz / hz) ** (2 * order))
    return level


def band(centre_hz: float | Array, *, octaves: float) -> Array:
    """A bell around a frequency with that standard deviation, in dB: (bands) or, for an array, (hops, bands)."""
    distance = np.log2(BAND_HZ) - np.log2(np.asarray(centre_hz))[..., None]
    level: Array = -0.5 * (distance / octaves) ** 2 * NEPER_DB
    return level


def in_db(gain: Array) -> Array:
    """A linear gain in dB, no less than -120."""
    level: Array = 20 * np.log10(np.maximum(gain, 1e-6))
    return level


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
