"""Basses, strings, keys, voices: the kinds that are always in tune."""

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
    formants,
    high_pass,
    in_db,
    low_pass,
)

RELEASE_S: Final = 0.045  # how long a sustained kind takes to fall silent at the end of its clip
CHORD_SHARE: Final = 0.35  # of the clips of a kind that plays single notes as well as chords


def _triad(s: Sketch) -> tuple[int, ...]:
    return (0, 3, 7) if s.rng.random() < 0.5 else (0, 4, 7)


def _sometimes_a_chord(s: Sketch) -> None:
    if s.rng.random() < CHORD_SHARE:
        s.chord = _triad(s)


def _held(s: Sketch, seconds: Array, attack_s: float) -> Array:
    """A linear gain that rises, stays, and falls at the end of the clip."""
    attack_s, release_s = min(attack_s, 0.25 * s.length_s), min(RELEASE_S, 0.3 * s.length_s)
    rising = np.minimum(1, (seconds + 0.004) / (attack_s + 0.004))
    gain: Array = rising * np.clip((s.length_s - seconds) / release_s, 0, 1)
    return gain


def _dying(s: Sketch, time_constant_s: float, *, faster: float) -> Array:
    """(hops, anchors): partial k falls 1 + `faster` (k - 1) times as fast as the first, in dB relative to it."""
    fall: Array = -s.seconds[:, None] / time_constant_s * faster * (PARTIAL - 1) * NEPER_DB
    return fall


def _struck_at(share: float) -> Array:
    """What a string struck at that share of its length lacks, in dB: the partials that have a node there."""
    return in_db(np.abs(np.sin(np.pi * PARTIAL * share)) + 0.03)


def _tracked(s: Sketch, hz: float, *, home_hz: float, share: float = 0.5) -> float:
    """A frequency that follows the pitch part of the way, as the cutoff of a synthesiser does."""
    return float(hz * (s.pitch_hz / home_hz) ** share)


def sub_bass(s: Sketch) -> None:
    """Nearly a sine, with a little second partial."""
    second = s.own(-23, -18) + 7 * s.brightness
    s.set_levels(np.where(PARTIAL == 1, 0, second - (13 - 2 * s.brightness) * (PARTIAL - 2)))
    held_s, ring_s = s.own(0.1, 0.2) * s.decay, s.own(0.45, 0.6) * s.decay
    s.gain_db = -np.maximum(s.seconds - held_s, 0) / ring_s * NEPER_DB


def bass(s: Sketch) -> None:
    """Saw to square through a closing filter."""
    s.odd = s.between(0, 0.9)
    open_hz = _tracked(s, 460 * 2 ** (1.2 * s.brightness), home_hz=58)
    cutoff_hz = open_hz * (1 + s.own(1.2, 1.8) * np.exp(-s.seconds / s.own(0.09, 0.16)))
    s.set_levels(-6 * OCTAVE + low_pass(s.partials_hz(), cutoff_hz[:, None]))
    s.gain_db = s.ringing(0.45 * s.decay)
    s.noise_gain_db = s.own(-30, -26) + 4 * s.brightness + s.fine_ringing(0.005)
    s.set_bands(high_pass(BAND_HZ, 400) + low_pass(BAND_HZ, 2500))


def acid_bass(s: Sketch) -> None:
    """A saw under a resonant peak that falls from high to low, after a small slide in pitch."""
    s.sweep_depth, s.sweep_s = s.between(0.05, 0.12), s.between(0.02, 0.03)
    s.odd = s.between(0, 0.5)
    closing = np.exp(-s.seconds / (s.own(0.14, 0.2) * s.decay))
    peak_hz = (_tracked(s, 340 * 2 ** (0.9 * s.brightness), home_hz=65) * 2 ** (s.own(2.2, 2.6) * closing))[:, None]
    hz = s.partials_hz()
    resonance = s.own(19, 23) * np.exp(-0.5 * (np.log2(hz / peak_hz) / 0.28) ** 2)
    s.set_levels(-(5 - s.brightness) * OCTAVE + low_pass(hz, peak_hz) + resonance)
    s.gain_db = s.ringing(0.42 * s.decay)


def pluck(s: Sketch) -> None:
    """A bright string or synth whose high partials die first."""
    ring_s = s.own(0.22, 0.28) * s.decay
    s.detune_cents, s.width = s.between(0, 4), s.between(0.2, 0.5)
    s.set_levels(-(5.5 - 3 * s.brightness) * OCTAVE + _dying(s, ring_s, faster=s.own(0.35, 0.5)))
    s.gain_db = s.ringing(ring_s)


def guitar(s: Sketch) -> None:
    """A pick on a string with nodes, over the thump and the resonances of a wooden body."""
    s.detune_cents, s.width = s.between(1, 2.5), s.between(0.1, 0.3)
    ring_s = s.own(0.75, 0.95) * s.decay
    hz = s.partials_hz()
    body = sum(6 * np.exp(-0.5 * (np.log2(hz / place_hz) / 0.22) ** 2) for place_hz in (110, 220, 400))
    string = -(6 - 2.5 * s.brightness) * OCTAVE + _struck_at(1 / s.own(5, 7))
    s.set_levels(string + body + low_pass(hz, 4500, order=1) + _dying(s, ring_s, faster=0.12))
    s.gain_db = in_db(0.45 * np.exp(-s.seconds / (0.25 * ring_s)) + 0.55 * np.exp(-s.seconds / ring_s))
    pick = np.exp(-s.fine_seconds / 0.004)
    s.noise_gain_db = in_db(s.own(0.25, 0.35) * pick + s.own(0.11, 0.15) * np.exp(-s.fine_seconds / 0.07))
    scratch = (s.seconds < 0.015)[:, None]
    knock = np.maximum(np.maximum(band(110, octaves=0.35), band(220, octaves=0.3) - 2), band(400, octaves=0.3) - 4)
    s.set_bands(np.where(scratch, band(2800 * 2 ** (0.6 * s.brightness), octaves=0.8), knock))


def mallet(s: Sketch) -> None:
    """A wooden bar: its first three partials stand at 1, 4 and 9, and a knock begins it."""
    s.stretch, s.width = s.between(1.96, 2.02), s.between(0.1, 0.3)
    ring_s = s.own(0.2, 0.26) * s.decay * (392 / s.pitch_hz) ** 0.35
    bar = -(s.own(11, 15) - 6 * s.brightness) * (PARTIAL - 1)
    s.set_levels(np.where(PARTIAL <= 3, bar, LOWEST_SHAPE_DB) + _dying(s, ring_s, faster=1.3))
    s.gain_db = s.ringing(ring_s)
    s.noise_gain_db = s.own(-12, -8) + 3 * s.brightness + s.fine_ringing(0.007)
    s.set_bands(band(1100 * 2 ** (0.6 * s.brightness), octaves=0.6))


def bell(s: Sketch) -> None:
    """Stretched partials, the low ones last."""
    s.stretch, s.width = s.between(1.40, 1.48), s.between(0.2, 0.5)
    s.detune_cents = s.between(0.4, 1)  # more, and the hum beats away within the first second
    ring_s = s.own(0.65, 0.85) * s.decay
    fall = s.seconds[:, None] * (PARTIAL**0.8 - 1) / ring_s * NEPER_DB
    s.set_levels(np.where(PARTIAL <= 7, -3 * (PARTIAL - 1) + 4.5 * s.brightness * OCTAVE, LOWEST_SHAPE_DB) - fall)
    s.gain_db = s.ringing(ring_s)


def piano(s: Sketch) -> None:
    """Hammers on strings: a thump, partials brightest at the blow, a quick and then a slow decay."""
    _sometimes_a_chord(s)
    s.detune_cents, s.width = s.between(0.8, 1.8), s.between(0.3, 0.5)
    ring_s = s.own(1.1, 1.4) * s.decay * (262 / s.pitch_hz) ** 0.4
    blow = 7 * np.exp(-s.seconds / 0.04)[:, None] * np.minimum(OCTAVE / 3, 1)
    colour = -1.5 * (PARTIAL % 2 == 0) + _struck_at(1 / 8)
    s.set_levels(-(8.5 - 3 * s.brightness) * OCTAVE + colour + blow + _dying(s, ring_s, faster=0.12))
    s.gain_db = in_db(0.65 * np.exp(-s.seconds / (0.18 * ring_s)) + 0.35 * np.exp(-s.seconds / ring_s))
    s.noise_gain_db = s.own(-19, -15) + s.fine_ringing(0.025)
    s.set_bands(np.maximum(band(280, octaves=0.6), band(1800 * 2 ** (0.7 * s.brightness), octaves=0.6) - 8))


def keys(s: Sketch) -> None:
    """An electric piano: a soft tone under a ting that dies at once, trembling."""
    _sometimes_a_chord(s)
    s.detune_cents, s.width = s.between(0.5, 2), s.between(0.4, 0.7)
    tone = np.array([0, -7, -18, -24, -32, -40, -46, -50, *(-55 - 5 * (OCTAVE[8:] - 3))])
    tine = np.array([-60, -60, -60, -34, -28, -18, -14, -22, -34, -45, -60, -60, -60])
    ting = np.exp(-s.seconds / (s.own(0.05, 0.08) * s.decay))[:, None]
    s.set_levels(in_db(10 ** (tone / 20) + ting * 10 ** (tine / 20)) + (2 + 4 * s.brightness) * OCTAVE)
    s.tremble, s.vibrato_hz = 0.43, s.between(4.2, 5.6)
    s.gain_db = s.ringing(s.own(0.6, 0.75) * s.decay)


def organ(s: Sketch) -> None:
    """Drawbars: only the partials 1, 2, 3, 4, 6 and 8, there at once with a click, and there to stay."""
    _sometimes_a_chord(s)
    s.vibrato, s.vibrato_hz = s.between(0.0008, 0.002), s.between(6, 7)
    s.width = s.between(0.3, 0.6)
    bright = 3.5 * s.brightness
    drawbars = {1: 0.0, 2: s.own(-5, -1), 3: s.own(-8, -3), 4: s.own(-12, -6)}
    drawbars |= {6: s.own(-16, -10), 8: s.own(-16, -10)}
    pulled = [drawbars[int(k)] + bright * np.log2(k) if int(k) in drawbars else LOWEST_SHAPE_DB for k in PARTIAL]
    s.set_levels(np.array(pulled))
    s.gain_db = in_db(_held(s, s.seconds, 0))
    s.noise_gain_db = s.own(-17, -13) + s.fine_ringing(0.004)
    s.set_bands(band(2200 * 2 ** (0.5 * s.brightness), octaves=0.7))


def lead(s: Sketch) -> None:
    """Saw or square, bright, sustained, with vibrato."""
    s.odd, s.width = s.between(0, 0.9), s.between(0.1, 0.3)
    s.detune_cents = s.between(2, 6)
    s.vibrato, s.vibrato_hz = s.between(0.003, 0.006), s.between(5, 6)
    cutoff_hz = _tracked(s, 4200 * 2**s.brightness, home_hz=440)
    s.set_levels(-4 * OCTAVE + low_pass(s.partials_hz(), cutoff_hz * (1 + 0.8 * np.exp(-s.seconds / 0.08))[:, None]))
    s.gain_db = in_db(_held(s, s.seconds, 0))


def strings(s: Sketch) -> None:
    """An ensemble: many bows that set in slowly, a little apart, on resonant bodies."""
    _sometimes_a_chord(s)
    s.detune_cents, s.width = s.between(6, 11), s.between(0.6, 1)
    s.vibrato, s.vibrato_hz = s.between(0.003, 0.005), s.between(4.8, 5.8)
    hz = s.partials_hz()
    body = sum(5 * np.exp(-0.5 * (np.log2(hz / place_hz) / 0.3) ** 2) for place_hz in (290, 700, 2600))
    s.set_levels(-5 * OCTAVE + body + low_pass(hz, 3600 * 2 ** (1.1 * s.brightness)))
    attack_s = s.own(0.08, 0.16)
    s.gain_db = in_db(_held(s, s.seconds, attack_s))
    s.noise_gain_db = in_db(_held(s, s.fine_seconds, 0.5 * attack_s)) + s.own(-22, -18)
    s.set_bands(band(3800 * 2 ** (0.6 * s.brightness), octaves=0.9))


def pad(s: Sketch) -> None:
    """A soft chord that swells and opens, and stays."""
    s.chord = _triad(s)
    s.detune_cents, s.width = s.between(5, 12), s.between(0.7, 1)
    opening = 2 ** (s.own(0.6, 1.0) * (np.minimum(s.share * 1.6, 1) - 1))
    cutoff_hz = _tracked(s, 1300 * 2 ** (1.1 * s.brightness), home_hz=196) * opening
    s.set_levels(-6 * OCTAVE + low_pass(s.partials_hz(), cutoff_hz[:, None]))
    s.gain_db = in_db(_held(s, s.seconds, s.own(0.2, 0.4)))


def choir(s: Sketch) -> None:
    """Voices on a vowel between a dark ooh and a bright aah, with breath."""
    _sometimes_a_chord(s)
    s.detune_cents, s.width = s.between(4, 9), s.between(0.6, 1)
    s.vibrato, s.vibrato_hz = s.between(0.003, 0.006), s.between(5, 6)
    openness = float(np.clip(s.own(0.2, 0.8) + 0.35 * s.brightness, 0, 1))
    vowel = tuple(float(ooh * (aah / ooh) ** openness) for ooh, aah in ((320, 740), (820, 1150), (2300, 2800)))
    s.set_levels(formants(s.partials_hz(), vowel) - (3.5 - 2.5 * s.brightness) * OCTAVE)
    attack_s = s.own(0.1, 0.2)
    s.gain_db = in_db(_held(s, s.seconds, attack_s))
    s.noise_gain_db = in_db(_held(s, s.fine_seconds, 0.4 * attack_s)) + s.own(-26, -22) + 2 * s.brightness
    s.set_bands(formants(BAND_HZ, (*vowel, 7000 * 2 ** (0.4 * s.brightness)), octaves=0.3))


def brass_stab(s: Sketch) -> None:
    """Horns that swell within 40 ms, brighter as they grow louder, and let go."""
    _sometimes_a_chord(s)
    s.detune_cents, s.width = s.between(3, 7), s.between(0.3, 0.6)
    swell = 0.35 + 0.65 * np.minimum(s.seconds / s.own(0.03, 0.04), 1)
    let_go_s = s.own(0.2, 0.28) * s.decay
    loud = swell * np.exp(-np.maximum(s.seconds - let_go_s, 0) / (0.1 * s.decay))
    cutoff_hz = _tracked(s, 2600 * 2**s.brightness, home_hz=233) * loud
    s.set_levels(-2.5 * OCTAVE + low_pass(s.partials_hz(), cutoff_hz[:, None]))
    s.gain_db = in_db(loud)
    s.noise_gain_db = s.own(-28, -24) + s.fine_ringing(0.03)
    s.set_bands(band(2000, octaves=0.8))


def flute(s: Sketch) -> None:
    """Almost a sine, with vibrato, a chiff of breath and breath all along."""
    s.vibrato, s.vibrato_hz = s.between(0.003, 0.005), s.between(4.8, 5.8)
    s.width = s.between(0.1, 0.3)
    pipe = np.array([0, -13, -22, -32, -38, -44, -48, -52, *(-58 - 4 * (OCTAVE[8:] - 3))])
    s.set_levels(pipe + 4.5 * s.brightness * OCTAVE)
    attack_s = s.own(0.04, 0.08)
    s.tremble = s.between(0.08, 0.18)
    s.gain_db = in_db(_held(s, s.seconds, attack_s))
    chiff = 1 + s.own(1, 2) * np.exp(-s.fine_seconds / 0.05)
    s.noise_gain_db = in_db(_held(s, s.fine_seconds, 0.3 * attack_s) * chiff) + s.own(-24, -20)
    s.set_bands(band(2600 * 2 ** (0.8 * s.brightness), octaves=0.9))


def drone(s: Sketch) -> None:
    """A dark fifth that breathes."""
    s.chord = (0, 7)
    s.detune_cents, s.width = s.between(5, 10), s.between(0.6, 1)
    breath = np.sin(2 * np.pi * s.own(0.4, 0.9) * s.seconds + s.turn)
    cutoff_hz = _tracked(s, 480 * 2 ** (1.2 * s.brightness), home_hz=65) * 2 ** (0.5 * breath)
    s.set_levels(-6 * OCTAVE + low_pass(s.partials_hz(), cutoff_hz[:, None]))
    s.gain_db = in_db((0.8 + 0.2 * breath) * _held(s, s.seconds, 0.06))
    s.noise_gain_db = in_db(_held(s, s.fine_seconds, 0.06)) + s.own(-27, -23)
    s.set_bands(low_pass(BAND_HZ, 300 * 2 ** (0.8 * s.brightness)))


PITCHED: Final[dict[str, Callable[[Sketch], None]]] = {
    "sub bass": sub_bass,
    "bass": bass,
    "acid bass": acid_bass,
    "pluck": pluck,
    "guitar": guitar,
    "mallet": mallet,
    "bell": bell,
    "piano": piano,
    "keys": keys,
    "organ": organ,
    "lead": lead,
    "strings": strings,
    "pad": pad,
    "choir": choir,
    "brass stab": brass_stab,
    "flute": flute,
    "drone": drone,
}
