"""Curves and constants to a stereo waveform: a harmonic and a noise part, then drive and room.

The decoder is a formula with nothing to train. It renders at the sample rate it is asked for, one chunk after another,
so that a cancel never waits for more than about 10 ms of work.
"""

import math

import torch
from torch import Tensor

from engine.families.base import Checkpoint, no_checkpoint
from engine.vocoders import kernels
from engine.vocoders.curves import CHANNELS, HOPS_PER_S, Constants
from engine.vocoders.drive import driven
from engine.vocoders.harmonics import Harmonics
from engine.vocoders.noise import Noise
from engine.vocoders.room import in_room
from engine.vocoders.stutter import turns
from engine.vocoders.textures import add_bubbles, noise_gains

PEAK = 0.9
END_FADE_S = 0.005
CHUNK_FRAMES = 48_000  # about a second: the most that is decoded between two checkpoints


@torch.inference_mode()
def decode(
    curves: Tensor,
    constants: Constants,
    *,
    seed: int,
    frames: int,
    sample_rate_hz: int,
    length_s: float | None = None,
    chunk_frames: int = CHUNK_FRAMES,
    checkpoint: Checkpoint = no_checkpoint,
) -> Tensor:
    """(2, frames) at `sample_rate_hz`, left and right, peak 0.9 or all 0, from `curves` (hops, CHANNELS).

    Frame 0 is the time of hop 0, so an attack there is exact. `length_s` is the sound's own length, which a glide
    spans; without it, the clip's. `checkpoint` is called before every chunk.
    """
    assert curves.shape[1] == CHANNELS, curves.shape
    block_frames = round(sample_rate_hz / HOPS_PER_S)
    blocks = math.ceil(frames / block_frames)
    curves = _lasting_until(curves, math.ceil(frames / sample_rate_hz * HOPS_PER_S) + 2)
    borders = _at_borders(curves, blocks + 1, hop_per_block=block_frames * HOPS_PER_S / sample_rate_hz)
    harmonics = Harmonics.of(
        borders,
        constants,
        length_s=frames / sample_rate_hz if length_s is None else length_s,
        sample_rate_hz=sample_rate_hz,
        block_frames=block_frames,
    )
    checkpoint("decode")
    noise = Noise.of(
        borders,
        gains=noise_gains(curves, constants, seed=seed),
        width=constants.width,
        seed=seed,
        sample_rate_hz=sample_rate_hz,
        block_frames=block_frames,
    )
    # What is mono is computed once; a room makes any sound stereo.
    dry = torch.zeros(1 if constants.width == 0 else 2, blocks * block_frames)
    hiss = torch.zeros_like(dry) if constants.stutter > 0 else dry  # apart only where they take turns
    add_bubbles(dry, curves, constants, seed=seed, sample_rate_hz=sample_rate_hz)
    chunk_blocks = max(1, chunk_frames // block_frames)
    for start_block in range(0, blocks, chunk_blocks):
        checkpoint("decode")
        harmonics.add_to(dry, start_block=start_block, blocks=chunk_blocks)
        noise.add_to(hiss, start_block=start_block, blocks=chunk_blocks)
    waveform = dry[:, :frames]
    if constants.stutter > 0:
        tone_gain, noise_gain = turns(constants, seed=seed, frames=frames, sample_rate_hz=sample_rate_hz)
        waveform = waveform * tone_gain + hiss[:, :frames] * noise_gain
    if constants.drive > 0:
        checkpoint("decode")
        waveform = driven(waveform, constants.drive, sample_rate_hz=sample_rate_hz)
    if constants.room > 0:
        waveform = in_room(
            waveform,
            constants.room,
            room_s=constants.room_s,
            sample_rate_hz=sample_rate_hz,
            checkpoint=checkpoint,
        )
    checkpoint("decode")
    return _finished(waveform, sample_rate_hz=sample_rate_hz)


def _lasting_until(curves: Tensor, hops: int) -> Tensor:
    """The curves for so many hops; past their end they keep the last value."""
    return torch.cat([curves[:hops], curves[-1:].expand(max(0, hops - len(curves)), CHANNELS)])


def _at_borders(curves: Tensor, count: int, *, hop_per_block: float) -> Tensor:
    """(count, CHANNELS): the curves at the borders of the blocks."""
    place = (torch.arange(count) * hop_per_block).clamp(max=len(curves) - 1)
    below = place.long()
    if hop_per_block == 1:
        return curves[below]
    above = (below + 1).clamp(max=len(curves) - 1)
    return torch.lerp(curves[below], curves[above], (place - below)[:, None])


def _finished(waveform: Tensor, *, sample_rate_hz: int) -> Tensor:
    """(2, frames): the waveform at its peak level, without an offset, its last few milliseconds faded."""
    frames = waveform.shape[1]
    waveform = waveform.contiguous()
    sounding = kernels.sounding_frames(waveform.numpy())
    if sounding == 0 or waveform.abs().max() < 1e-6:
        return torch.zeros(2, frames)
    fade_frames = min(frames, round(END_FADE_S * sample_rate_hz))
    waveform[:, -fade_frames:] *= torch.linspace(1, 0, fade_frames)
    # What is left at 0 Hz is taken off in one slow arc that begins and ends with the sound, so silence stays silence.
    kernels.take_off_arc(waveform.numpy(), sounding, (waveform.sum(1) / sounding).numpy())
    waveform[:, -1] = 0
    lowest, highest = waveform.aminmax()
    waveform *= PEAK / torch.maximum(-lowest, highest)
    return waveform if len(waveform) == 2 else waveform.repeat(2, 1)
