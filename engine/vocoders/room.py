"""A room around the sound: a few early reflections, then a diffuse tail that darkens as it dies."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from engine.families.base import Checkpoint, no_checkpoint
from engine.vocoders.curves import HOPS_PER_S
from engine.vocoders.noise import WIDEST_HZ, random_spectra

SEED = 77  # there is one room of each size
WET = 0.5  # of a room of level 1, beside the dry sound: -6 dB
SHORTEST_S, LONGEST_S = 0.3, 8.0
SIZES_PER_OCTAVE = 6  # sizes are rounded to these, so that responses come again
DULL_HZ = 4000.0  # where the tail dies in half the time; it is scaled by what is below
LOWEST_HZ = 80.0
MONO_BELOW_HZ = 200.0  # ears are close together: what is low reaches both alike, ...
SIDE_OCTAVES = 3.0  # ... and only so far above have they nothing in common
PART_FRAMES = 49_152  # of the sound and of the response, convolved at a time: 3 * 2^14
REFLECTIONS_OF_S = 1.1  # the early reflections of a room of that size; larger ones answer later
# Seconds, gain on the left, gain on the right; the squares of either side add up to about 1.
REFLECTIONS = ((0.0071, 0.7, 0.2), (0.0113, -0.2, 0.7), (0.0174, 0.5, -0.4), (0.0239, 0.3, 0.5), (0.0317, -0.35, 0.3))
EARLY_POWER = 0.15  # the share of the response's energy that is in the reflections


def in_room(
    waveform: Tensor,
    room: float,
    *,
    room_s: float,
    sample_rate_hz: int,
    checkpoint: Checkpoint = no_checkpoint,
) -> Tensor:
    """(2, frames): the waveform (1 or 2, frames) with its echoes, cut at its own length.

    Sound and response are cut into parts, and each pair convolved (Gardner 1995, uniform): long rooms stay affordable,
    and a cancel waits for one part.
    """
    frames = waveform.shape[1]
    size_s = rounded_size_s(room_s)
    part_frames = min(PART_FRAMES, 1 << (frames - 1).bit_length())
    fft_frames = 2 * part_frames
    parts = math.ceil(frames / part_frames)
    response_parts = min(parts, math.ceil(size_s * sample_rate_hz / part_frames))
    responses = _response_parts(response_parts, part_frames, sample_rate_hz, size_s)
    heard: list[Tensor | None] = []
    wet = torch.zeros(2, (parts + 1) * part_frames)
    for part in range(parts):
        checkpoint("decode")
        dry = waveform[:, part * part_frames : (part + 1) * part_frames]
        heard.append(torch.fft.rfft(dry, fft_frames) if dry.any() else None)
        spectrum = torch.zeros(2, part_frames + 1, dtype=torch.complex64)
        for age in range(min(part + 1, response_parts)):
            earlier = heard[part - age]
            if earlier is not None:
                spectrum += earlier * responses[age]
        wet[:, part * part_frames : (part + 2) * part_frames] += torch.fft.irfft(spectrum, fft_frames)
    return waveform + WET * room * wet[:, :frames]


def rounded_size_s(room_s: float) -> float:
    """The nearest size there is a response for, at most 6 % away."""
    octaves = math.log2(min(max(room_s, SHORTEST_S), LONGEST_S))
    return float(2 ** (round(octaves * SIZES_PER_OCTAVE) / SIZES_PER_OCTAVE))


@lru_cache(maxsize=8)
def _response_parts(count: int, part_frames: int, sample_rate_hz: int, size_s: float) -> Tensor:
    """(count, 2, bins): the spectra of the first parts of the response."""
    frames = count * part_frames
    found = response(frames, sample_rate_hz=sample_rate_hz, size_s=size_s).view(2, count, part_frames)
    spectra: Tensor = torch.fft.rfft(found.transpose(0, 1), 2 * part_frames)
    return spectra


def response(frames: int, *, sample_rate_hz: int, size_s: float) -> Tensor:
    """(2, frames): what a click leaves in the room, which takes `size_s` to fall by 60 dB.

    Noise in 50 Hz bins, each dying at its own pace; a shorter response is the beginning of a longer one. Between 80 Hz
    and 4 kHz, where music has its energy, the whole of it has gain 1 on either side.
    """
    block_frames = round(sample_rate_hz / HOPS_PER_S)
    window_frames = 2 * block_frames
    blocks = math.ceil(frames / block_frames)
    bin_hz = torch.arange(block_frames + 1) * (sample_rate_hz / window_frames)
    present = (bin_hz > LOWEST_HZ) & (bin_hz <= WIDEST_HZ)
    nepers_per_block = math.log(1000) / size_s * (1 + (bin_hz / DULL_HZ) ** 1.5) * (block_frames / sample_rate_hz)
    ages = torch.arange(blocks + 1)[:, None]
    level = torch.exp(-ages * nepers_per_block) * present
    level[0] = 0  # the first echoes are the reflections'
    # In the frequency domain, so expected, not measured: it must not depend on where the response is cut.
    decays = torch.exp(-2 * nepers_per_block)
    power = (decays / (1 - decays))[present & (bin_hz <= DULL_HZ)].mean()
    level *= math.sqrt((1 - EARLY_POWER) / (2 * float(power))) / window_frames
    side_power = ((bin_hz / MONO_BELOW_HZ).clamp(min=1).log2() / SIDE_OCTAVES).clamp(max=1) / 2
    middle = _spectra(blocks + 1, block_frames + 1, "room") * (2 * (1 - side_power)).sqrt()
    side = _spectra(blocks + 1, block_frames + 1, "room's sides") * (2 * side_power).sqrt()
    window = torch.sin(math.pi * (torch.arange(window_frames) + 0.5) / window_frames)
    waves = torch.fft.irfft(torch.stack([middle + side, middle - side]) * level, n=window_frames, norm="forward")
    waves *= window
    heard: Tensor = (waves[:, :-1, block_frames:] + waves[:, 1:, :block_frames]).reshape(2, -1)[:, :frames]
    for seconds, left, right in REFLECTIONS:
        frame = round(seconds * math.sqrt(size_s / REFLECTIONS_OF_S) * sample_rate_hz)
        if frame < frames:
            heard[:, frame] += torch.tensor([left, right]) * math.sqrt(EARLY_POWER)
    return heard


def _spectra(rows: int, bins: int, purpose: str) -> Tensor:
    return random_spectra(rows, bins=bins, seed=SEED, purpose=purpose)
