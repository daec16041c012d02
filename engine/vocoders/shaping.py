"""Bends a sound after it was made: its curves and constants are changed, and nothing is generated anew.

Pitch and spectrum are known, so they are set, not estimated; a second is bent and decoded again in milliseconds.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from engine.vocoders.curves import (
    ANCHOR_PARTIALS,
    FLOOR_DB,
    GAINS_PER_HOP,
    HARMONIC_GAIN,
    HARMONIC_LEVELS,
    HOPS_PER_S,
    NOISE_GAINS,
    NOISE_LEVELS,
    PARTIALS,
    Constants,
    amplitude,
    band_centres_hz,
    between,
)
from osc_schemas.shape import Shape

STEPS_PER_S: Final = HOPS_PER_S * GAINS_PER_HOP
ATTACK_S: Final = 0.04  # is never stretched ...
ATTACK_SHARE: Final = 0.15  # ... nor more than this much of a sound that is short
TILT_DB: Final = 5.0  # per octave, at brightness 1
TILT_CENTRE_HZ: Final = 1000.0
TILT_OCTAVES: Final = 3.0  # further from the centre it is level again
TILT_KEEPS: Final = 0.25  # how much of what a tilt adds to the partials, or to the noise, as a whole, it may keep
FADED_DB: Final = 30.0  # a sound this far under its loudest moment is over ...
RELEASED_DB: Final = 40.0  # ... and this far, there is nothing left for a release to fade
GATE_S: Final = 0.03  # how quickly a sound that does not decay is ended
LONGEST_DECAY_S: Final = 30.0  # what has not faded by then does not decay
SLOPE_HOPS: Final = 10  # a decay goes on as it went in the last so many hops
HIGHEST_DRIVE: Final = 1.5
HIGHEST_ROOM: Final = 1.5
HALL_S: Final = 3.0  # of a sound without a room of its own, where the knob is fully open

_ANCHOR_PARTIAL = torch.tensor(ANCHOR_PARTIALS, dtype=torch.float64)
_ONTO_PARTIALS = between(_ANCHOR_PARTIAL.log2(), torch.arange(1, PARTIALS + 1, dtype=torch.float64).log2())
_BAND_HZ = band_centres_hz()


@torch.inference_mode()
def shaped(curves: Tensor, constants: Constants, shape: Shape, *, length_s: float) -> tuple[Tensor, Constants]:
    """The curves (hops, CHANNELS) and constants of a sound of `length_s`, as the knobs of `shape` bend them.

    Noise and bubbles stay where they are when the pitch moves. An attack of the pitched part takes 10 ms at least.
    """
    if shape.neutral:
        return curves, constants
    constants = replace(
        constants,
        pitch_hz=constants.pitch_hz * 2 ** (shape.pitch / 12),
        drive=min(max(constants.drive + shape.drive, 0.0), HIGHEST_DRIVE),
        room=min(max(constants.room + shape.room, 0.0), HIGHEST_ROOM),
        room_s=constants.room_s if constants.room > 0 or shape.room <= 0 else _hall_s(constants.room_s, shape.room),
    )
    if shape.length != 1:
        curves = _stretched(curves, shape.length, hops=len(curves))
    if shape.brightness:
        curves = _tilted(curves, constants, shape.brightness)
    if shape.attack_ms:
        curves = _with_gain(curves, lambda seconds: _rise(seconds / (shape.attack_ms / 1000)))
    if shape.release_ms:
        end_s = min(length_s, sounding_s(curves, down_to_db=RELEASED_DB))
        curves = _released(curves, end_s=end_s, release_s=shape.release_ms / 1000)
    return curves, constants


def _hall_s(room_s: float, room: float) -> float:
    """How long a room rings that a dry sound is given: a small one would hardly be heard behind its decay."""
    longer: float = (max(HALL_S, room_s) / room_s) ** min(room, 1.0)
    return room_s * longer


@torch.inference_mode()
def lasting(curves: Tensor, *, asked_s: float, lasts: bool) -> Tensor:
    """The curves of the same sound, but so long: as many hops as it needs to be heard to its end.

    A sound that decays is slowed down or hurried until it has faded (by 30 dB) at `asked_s`; one that `lasts` as long
    as its clip goes on until then, and ends.
    """
    asked_hops = math.ceil(asked_s * HOPS_PER_S)
    # A sound that its clip cut off fades as it would have: the length to change is that of the whole sound.
    whole = curves
    while not lasts and _cut_off(whole) and len(whole) < LONGEST_DECAY_S * HOPS_PER_S:
        whole = _continued(whole, 2 * len(whole))
    if lasts or _cut_off(whole):
        going_on = _continued(curves, max(len(curves), asked_hops + 2))
        return _released(going_on, end_s=asked_s, release_s=min(GATE_S, asked_s / 3))
    faded_s = sounding_s(whole)
    kept_s = _kept_s(min(faded_s, asked_s))
    length = (asked_s - kept_s) / max(faded_s - kept_s, 1 / STEPS_PER_S)
    stretched = _stretched(whole, length, hops=max(len(curves), 3 * asked_hops + 1), kept_s=kept_s)
    # The decoder holds the last value for as long as it is asked to: that must be silence.
    stretched[-1, HARMONIC_GAIN] = FLOOR_DB
    stretched[-1, NOISE_GAINS] = FLOOR_DB
    return stretched


def sounding_s(curves: Tensor, *, down_to_db: float = FADED_DB) -> float:
    """When the sound is last louder than so far below its loudest moment; 0 if it is never heard."""
    power = loudness(curves)
    loudest = float(power.max())
    if loudest <= 0:
        return 0.0
    return float((power > loudest * 10 ** (-down_to_db / 10)).nonzero()[-1] + 1) / STEPS_PER_S


def _cut_off(curves: Tensor) -> bool:
    """Whether the sound is still there where its curves end."""
    return sounding_s(curves) > (len(curves) - 0.5) / HOPS_PER_S


def loudness(curves: Tensor) -> Tensor:
    """(hops * GAINS_PER_HOP,) the mean square of partials and noise together, every 1.25 ms."""
    levels_db = curves[:, HARMONIC_GAIN] + curves[:, HARMONIC_LEVELS] @ _ONTO_PARTIALS
    harmonic = amplitude(levels_db).square().sum(1, keepdim=True) / 2
    band_power = torch.pow(10.0, curves[:, NOISE_LEVELS] / 10) @ (_BAND_HZ / _BAND_HZ.sum()).float()
    noise = amplitude(curves[:, NOISE_GAINS]).square().reshape(-1) * band_power.repeat_interleave(GAINS_PER_HOP)
    return _read(harmonic, _steps(len(curves)) / GAINS_PER_HOP)[:, 0] + noise


def _stretched(curves: Tensor, length: float, *, hops: int, kept_s: float | None = None) -> Tensor:
    """So many hops, in which all that follows the attack takes `length` times as long."""
    kept_s = _kept_s(sounding_s(curves)) if kept_s is None else kept_s

    def source_s(seconds: Tensor) -> Tensor:
        return torch.where(seconds <= kept_s, seconds, kept_s + (seconds - kept_s) / length)

    fine_s = source_s(_steps(hops) / STEPS_PER_S)
    curves = _continued(curves, math.ceil(float(fine_s[-1]) * HOPS_PER_S) + 2)
    stretched = _read(curves, source_s(torch.arange(hops, dtype=torch.float64) / HOPS_PER_S) * HOPS_PER_S)
    fine = curves[:, NOISE_GAINS].reshape(-1, 1)
    stretched[:, NOISE_GAINS] = _read(fine, fine_s * STEPS_PER_S).view(hops, GAINS_PER_HOP)
    return stretched


def _kept_s(sound_s: float) -> float:
    return min(ATTACK_S, ATTACK_SHARE * sound_s)


def _continued(curves: Tensor, hops: int) -> Tensor:
    """The curves for at least so many hops: what decays at their end goes on decaying, all else is held."""
    missing, known = hops - len(curves), min(SLOPE_HOPS, len(curves) // 2)
    if missing <= 0:
        return curves
    tail = curves[-1:].repeat(missing, 1)
    if known:
        before, last = curves[-2 * known : -known], curves[-known:]
        after = torch.arange(1, missing + 1)[:, None]
        for gains in (HARMONIC_GAIN, NOISE_GAINS):
            slope = float(last[:, gains].mean() - before[:, gains].mean()) / known  # dB per hop
            tail[:, gains] = (tail[:, gains] + min(slope, 0.0) * after).clamp(min=FLOOR_DB)
    return torch.cat([curves, tail])


def _tilted(curves: Tensor, constants: Constants, brightness: float) -> Tensor:
    """The spectrum tilted around 1 kHz, its level about as before."""
    curves = curves.clone()
    partial_hz = constants.pitch_hz * _ANCHOR_PARTIAL**constants.stretch
    for levels, hz, onto, widths in (
        (HARMONIC_LEVELS, partial_hz, _ONTO_PARTIALS, torch.ones(PARTIALS)),
        (NOISE_LEVELS, _BAND_HZ, torch.eye(len(_BAND_HZ)), _BAND_HZ.float()),
    ):
        flat = curves[:, levels]
        octaves = (hz / TILT_CENTRE_HZ).log2().clamp(-TILT_OCTAVES, TILT_OCTAVES)
        tilt_db = (brightness * TILT_DB * octaves).float()
        # What is next to nothing stays so: no tilt raises partials that the sound does not have.
        there = ((flat - flat.amax(1, keepdim=True)) / 20 + 3).clamp(0, 1)
        tilted = flat + torch.where(tilt_db > 0, tilt_db * there, tilt_db)
        before = (torch.pow(10.0, flat @ onto / 10) @ widths).mean()
        after = (torch.pow(10.0, tilted @ onto / 10) @ widths).mean()
        curves[:, levels] = tilted - (1 - TILT_KEEPS) * 10 * torch.log10(after / before)
    return curves


def _released(curves: Tensor, *, end_s: float, release_s: float) -> Tensor:
    """The curves faded out within `release_s` before `end_s`, and silent from there on."""
    return _with_gain(curves, lambda seconds: _rise((end_s - seconds) / release_s))


def _rise(share: Tensor) -> Tensor:
    """A raised cosine from 0 to 1, and these two outside."""
    return torch.sin(math.pi / 2 * share.clamp(0, 1)).square()


def _with_gain(curves: Tensor, gain_at: Callable[[Tensor], Tensor]) -> Tensor:
    """The curves with a linear gain over time (s) on partials and noise."""
    curves = curves.clone()
    gain_db = 20 * torch.log10(gain_at(_steps(len(curves)) / STEPS_PER_S).clamp(min=1e-6)).float()
    fine = gain_db.view(-1, GAINS_PER_HOP)
    curves[:, HARMONIC_GAIN] = (curves[:, HARMONIC_GAIN] + fine[:, :1]).clamp(min=FLOOR_DB)
    curves[:, NOISE_GAINS] = (curves[:, NOISE_GAINS] + fine).clamp(min=FLOOR_DB)
    return curves


def _steps(hops: int) -> Tensor:
    return torch.arange(hops * GAINS_PER_HOP, dtype=torch.float64)


def _read(rows: Tensor, places: Tensor) -> Tensor:
    """The rows at places between them, by linear interpolation; beyond the last, the last."""
    places = places.clamp(max=len(rows) - 1)
    below = places.long()
    above = (below + 1).clamp(max=len(rows) - 1)
    return torch.lerp(rows[below], rows[above], (places - below).float()[:, None])
