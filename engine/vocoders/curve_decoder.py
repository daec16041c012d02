"""Curves and constants to a waveform: a harmonic and a noise part, then drive and room.

The decoder is a formula with nothing to train. It renders at the sample rate it is asked for, one chunk after another,
so that a cancel never waits for more than about 10 ms of work.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from engine.families.base import Checkpoint, no_checkpoint
from engine.vocoders.curves import CHANNELS, HOPS_PER_S, Constants
from engine.vocoders.harmonics import Harmonics, partial_amplitudes
from engine.vocoders.noise import Noise

PEAK = 0.9
END_FADE_S = 0.005
CHUNK_FRAMES = 48_000  # about a second: the most that is decoded between two checkpoints
ROOM_S = 1.1
ROOM_DECAY_S = 0.16  # to 1/e, so 60 dB in 1.1 s


@torch.inference_mode()
def decode(
    curves: Tensor,
    constants: Constants,
    *,
    seed: int,
    frames: int,
    sample_rate_hz: int,
    chunk_frames: int = CHUNK_FRAMES,
    checkpoint: Checkpoint = no_checkpoint,
) -> Tensor:
    """(frames,) at `sample_rate_hz`, peak 0.9 or all 0, from `curves` (hops, CHANNELS).

    Frame 0 is the time of hop 0, so an attack there is exact. `checkpoint` is called before every chunk.
    """
    block_frames = round(sample_rate_hz / HOPS_PER_S)
    blocks = math.ceil(frames / block_frames)
    borders = _at_borders(curves, blocks + 1, hop_per_block=block_frames * HOPS_PER_S / sample_rate_hz)
    harmonics = Harmonics(
        constants=constants,
        amplitudes=partial_amplitudes(borders, constants),
        length_s=frames / sample_rate_hz,
        sample_rate_hz=sample_rate_hz,
        block_frames=block_frames,
    )
    checkpoint("decode")
    noise = Noise.of(
        borders, grain=constants.grain, seed=seed, sample_rate_hz=sample_rate_hz, block_frames=block_frames
    )
    dry = torch.zeros(blocks, block_frames)
    chunk_blocks = max(1, chunk_frames // block_frames)
    for start_block in range(0, blocks, chunk_blocks):
        checkpoint("decode")
        chunk = dry[start_block : start_block + chunk_blocks]
        if not harmonics.silent:
            harmonics.add_to(chunk, start_block=start_block)
        if not noise.silent:
            noise.add_to(chunk, start_block=start_block)
    waveform = dry.view(-1)[:frames]
    if constants.drive > 0:
        waveform = driven(waveform, constants.drive)
    if constants.room > 0:
        waveform = in_room(
            waveform, constants.room, sample_rate_hz=sample_rate_hz, chunk_frames=chunk_frames, checkpoint=checkpoint
        )
    checkpoint("decode")
    return _finished(waveform, sample_rate_hz=sample_rate_hz)


def _at_borders(curves: Tensor, count: int, *, hop_per_block: float) -> Tensor:
    """(count, CHANNELS): the curves at the borders of the blocks; past their end they keep the last value."""
    assert curves.shape[1] == CHANNELS, curves.shape
    place = (torch.arange(count) * hop_per_block).clamp(max=len(curves) - 1)
    below = place.long()
    if hop_per_block == 1:
        return curves[below]
    above = (below + 1).clamp(max=len(curves) - 1)
    return torch.lerp(curves[below], curves[above], (place - below)[:, None])


def driven(waveform: Tensor, drive: float) -> Tensor:
    """The waveform through a tanh whose depth does not depend on its level."""
    return torch.tanh(waveform * ((2 + 5 * drive) / (waveform.abs().max() + 1e-6)))


def in_room(
    waveform: Tensor,
    room: float,
    *,
    sample_rate_hz: int,
    chunk_frames: int = CHUNK_FRAMES,
    checkpoint: Checkpoint = no_checkpoint,
) -> Tensor:
    """The waveform with a diffuse tail, cut at its own length. Overlap-add, so chunks join without a seam."""
    frames = len(waveform)
    wet = torch.zeros(frames)
    response_frames = round(ROOM_S * sample_rate_hz)
    fft_frames = _fast_length(min(chunk_frames, frames) + response_frames)
    response = _room_response(fft_frames, sample_rate_hz)
    for start_frame in range(0, frames, chunk_frames):
        checkpoint("decode")
        chunk = waveform[start_frame : start_frame + chunk_frames]
        if not chunk.any():
            continue
        echo = torch.fft.irfft(torch.fft.rfft(chunk, fft_frames) * response, fft_frames)
        end_frame = min(frames, start_frame + len(chunk) + response_frames - 1)
        wet[start_frame:end_frame] += echo[: end_frame - start_frame]
    return waveform + 0.5 * room * wet


@lru_cache(maxsize=8)
def _room_response(fft_frames: int, sample_rate_hz: int) -> Tensor:
    """The spectrum of the one room there is: decaying noise, a little dull, of energy 1."""
    frames = round(ROOM_S * sample_rate_hz)
    seconds = torch.arange(frames) / sample_rate_hz
    tail = torch.randn(frames, generator=torch.Generator().manual_seed(77)) * torch.exp(-seconds / ROOM_DECAY_S)
    tail[1:] = 0.6 * tail[1:] + 0.4 * tail[:-1]
    spectrum: Tensor = torch.fft.rfft(tail / tail.norm(), fft_frames)
    return spectrum


def _fast_length(frames: int) -> int:
    """The next length that a fast Fourier transform likes: 2^n, or one and a half times that."""
    power = 1 << (frames - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= frames else power


def _finished(waveform: Tensor, *, sample_rate_hz: int) -> Tensor:
    """The waveform at its peak level, its last few milliseconds faded."""
    peak = waveform.abs().max()
    if peak < 1e-6:
        return torch.zeros_like(waveform)
    waveform = waveform * (PEAK / peak)
    fade_frames = min(len(waveform), round(END_FADE_S * sample_rate_hz))
    waveform[-fade_frames:] *= torch.linspace(1, 0, fade_frames)
    return waveform
