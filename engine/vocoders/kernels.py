"""The decoder's inner loops, compiled: what would be slow, or not the same in every chunk, as whole-array operations.

Each adds frames `start` to `end` to `out` (channels, frames). What a frame gets is the same wherever a chunk begins.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.vocoders.compiling import entry, part

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_ROUNDING = np.float32(1.5 * 2**23)  # added and taken off again, it rounds to the nearest whole number
_HALF = np.float32(0.5)
_S1 = np.float32(2 * math.pi)
_S3, _S5, _S7, _S9, _S11 = (
    np.float32((-1) ** (power // 2) * (2 * math.pi) ** power / math.factorial(power)) for power in (3, 5, 7, 9, 11)
)


@part
def _sine(cycle: Any) -> Any:
    """sin(2 pi cycle) within 2e-7, in operations that compilers turn into vectors."""
    x = cycle - ((cycle + _ROUNDING) - _ROUNDING)
    high = _HALF - x
    x = high if high < x else x
    low = -_HALF - x
    x = low if low > x else x
    square = x * x
    return x * (_S1 + square * (_S3 + square * (_S5 + square * (_S7 + square * (_S9 + square * _S11)))))


@part
def _read(wave: Any, table: Any, next_table: Any, cycle: Any, ratio: Any, ahead: Any, step: Any, place: Any) -> None:
    """One block of a string to `wave`: one cycle, `table` at its first frame and `next_table` just after its last.

    Its phase is `cycle` * `ratio` + `ahead`, which grows by `step` every frame. Tables are 2^n long. Finding the places
    and reading there are loops of their own, because compilers turn those into vectors: twice as fast.
    """
    frames, size = wave.shape[0], table.shape[0]
    last = np.int32(size - 1)
    share = np.float32(1.0 / frames)
    start = cycle[0] * ratio + ahead
    # From the start of the block on, so that the place in the table is a small number.
    offset = (start - math.floor(start) - cycle[0] * ratio) * size
    per_cycle, per_frame = ratio * size, step * size
    for i in range(frames):
        exact = cycle[i] * per_cycle + (offset + per_frame * i)
        whole = np.int32(exact)
        place[i] = whole & last
        wave[i] = np.float32(exact - whole)
    for i in range(frames):
        left, rest = place[i], wave[i]
        right = (left + np.int32(1)) & last
        here = table[left] + (table[right] - table[left]) * rest
        there = next_table[left] + (next_table[right] - next_table[left]) * rest
        wave[i] = here + (there - here) * (np.float32(i) * share)


@entry("void(f4[:,::1], i8, i8, i8, f4[:,::1], f8[::1], f8, f4[::1])")
def add_voice(
    out: Floats, start: int, end: int, block_frames: int, tables: Floats, cycle: Doubles, ratio: float, gains: Floats
) -> None:
    """One voice, from tables of one cycle at the borders of the blocks (the first where `start` is)."""
    place = np.empty(block_frames, np.int32)
    wave = np.empty(block_frames, np.float32)
    for block in range((end - start) // block_frames):
        first = start + block * block_frames
        _read(wave, tables[block], tables[block + 1], cycle[first : first + block_frames], ratio, 0.0, 0.0, place)
        for channel in range(out.shape[0]):
            row = out[channel, first : first + block_frames]
            for i in range(block_frames):
                row[i] += gains[channel] * wave[i]


@entry("void(f4[:,::1], i8, i8, i8, f4[:,::1], f8[::1], f8, f4[::1], f8, f4, f4)")
def add_detuned_voice(
    out: Floats,
    start: int,
    end: int,
    block_frames: int,
    tables: Floats,
    cycle: Doubles,
    ratio: float,
    gains: Floats,
    beat: float,
    share_of_others: float,
    width: float,
) -> None:
    """A voice of three strings: one in tune in the middle, one sharp and one flat, which move apart with `width`.

    `beat` is what they gain or lose on the middle string, in cycles per frame.
    """
    middle_gain = np.float32(1.0) - share_of_others
    near = share_of_others * _HALF * (np.float32(1.0) + width)
    far = share_of_others * _HALF * (np.float32(1.0) - width)
    place = np.empty(block_frames, np.int32)
    middle = np.empty(block_frames, np.float32)
    sharp = np.empty(block_frames, np.float32)
    flat = np.empty(block_frames, np.float32)
    for block in range((end - start) // block_frames):
        table, next_table = tables[block], tables[block + 1]
        first = start + block * block_frames
        here = cycle[first : first + block_frames]
        _read(middle, table, next_table, here, ratio, 0.0, 0.0, place)
        _read(sharp, table, next_table, here, ratio, beat * first, beat, place)
        _read(flat, table, next_table, here, ratio, -beat * first, -beat, place)
        for channel in range(out.shape[0]):
            row = out[channel, first : first + block_frames]
            of_sharp, of_flat = (near, far) if channel == 0 else (far, near)
            for i in range(block_frames):
                row[i] += gains[channel] * (middle_gain * middle[i] + (of_sharp * sharp[i] + of_flat * flat[i]))


@entry("void(f4[:,::1], i8, i8, i8, f8[::1], f8[::1], f8[::1], f4[:,:,::1], f4[:,:,::1])")
def add_partials(
    out: Floats,
    start: int,
    end: int,
    block_frames: int,
    cycle: Doubles,
    ratios: Doubles,
    start_cycles: Doubles,
    sines: Floats,
    cosines: Floats,
) -> None:
    """Each partial its own sine: bells and drums, whose partials never meet again.

    `sines` and `cosines` are amplitudes (channels, borders, partials) from the border at `start` on; `cosines` may have
    no channels. Only the wrapped phase at a block's start needs float64: within the block it stays small.
    """
    channels = out.shape[0]
    within = np.empty(block_frames, np.float32)
    phase = np.empty(block_frames, np.float32)
    wave = np.empty(block_frames, np.float32)
    step = np.float32(1.0 / block_frames)
    quarter = np.float32(0.25)
    for block in range((end - start) // block_frames):
        first = start + block * block_frames
        for i in range(block_frames):
            within[i] = np.float32(cycle[first + i] - cycle[first])
        for partial in range(len(ratios)):
            loud = False
            for channel in range(channels):
                loud = loud or sines[channel, block, partial] != 0.0 or sines[channel, block + 1, partial] != 0.0
            if not loud:
                continue
            at_start = cycle[first] * ratios[partial] + start_cycles[partial]
            from_phase = np.float32(at_start - math.floor(at_start))
            ratio = np.float32(ratios[partial])
            for i in range(block_frames):
                phase[i] = from_phase + within[i] * ratio
            for i in range(block_frames):
                wave[i] = _sine(phase[i])
            for channel in range(channels):
                amplitude = sines[channel, block, partial]
                slope = (sines[channel, block + 1, partial] - amplitude) * step
                row = out[channel, first : first + block_frames]
                for i in range(block_frames):
                    row[i] += (amplitude + slope * np.float32(i)) * wave[i]
            if cosines.shape[0] == 0:
                continue
            for i in range(block_frames):
                wave[i] = _sine(phase[i] + quarter)
            for channel in range(channels):
                amplitude = cosines[channel, block, partial]
                slope = (cosines[channel, block + 1, partial] - amplitude) * step
                row = out[channel, first : first + block_frames]
                for i in range(block_frames):
                    row[i] += (amplitude + slope * np.float32(i)) * wave[i]


@entry("void(f4[:,::1], i8, i8, i8, f4[:,:,::1], f4[::1], f4[:,::1], f8)")
def add_noise(
    out: Floats,
    start: int,
    end: int,
    block_frames: int,
    windows: Floats,
    shape: Floats,
    gains: Floats,
    steps_per_frame: float,
) -> None:
    """Overlapping windows (channels, borders, 2 blocks) faded by `shape`, times gains (channels, steps of 1.25 ms)."""
    step = np.empty(block_frames, np.int32)
    share = np.empty(block_frames, np.float32)
    gain = np.empty(block_frames, np.float32)
    last = gains.shape[1] - 2
    for block in range((end - start) // block_frames):
        first = start + block * block_frames
        first_step = min(int(first * steps_per_frame), last)
        offset = first * steps_per_frame - first_step
        for i in range(block_frames):
            place = offset + i * steps_per_frame
            whole = min(np.int32(place), np.int32(last - first_step))
            step[i] = whole
            share[i] = min(np.float32(place - whole), np.float32(1.0))
        for channel in range(out.shape[0]):
            steps = gains[channel, first_step:]
            for i in range(block_frames):
                left = steps[step[i]]
                gain[i] = left + (steps[step[i] + 1] - left) * share[i]
            ending = windows[channel, block, block_frames:]
            beginning = windows[channel, block + 1, :block_frames]
            row = out[channel, first : first + block_frames]
            for i in range(block_frames):
                white = ending[i] * shape[block_frames + i] + beginning[i] * shape[i]
                row[i] += white * gain[i]


@entry("void(f4[:,::1], f8, f8[:,::1], f4[:,::1])")
def add_bubbles(out: Floats, sample_rate_hz: float, bubbles: Doubles, gains: Floats) -> None:
    """Decaying sines that rise. A row of `bubbles`: start (s), pitch (Hz), rise (share of it), time constant (s)."""
    frames = out.shape[1]
    lasting = 7.0  # time constants
    end_level = math.exp(-lasting)
    for bubble in range(bubbles.shape[0]):
        start_s, pitch_hz, rise, time_constant_s = bubbles[bubble]
        length_s = lasting * time_constant_s
        first = math.ceil(start_s * sample_rate_hz)
        last = min(frames, int((start_s + length_s) * sample_rate_hz))
        # Phase and level follow from the frame before by multiplication: no sine, no exponential in the loop.
        seconds, frame_s = first / sample_rate_hz - start_s, 1 / sample_rate_hz
        bend = pitch_hz * rise / (2 * length_s)  # the phase is pitch t + bend t^2, in cycles
        turn = 2 * math.pi
        angle = turn * (pitch_hz * seconds + bend * seconds * seconds)
        angle_step = turn * (pitch_hz * frame_s + bend * (2 * seconds + frame_s) * frame_s)
        angle_growth = turn * bend * 2 * frame_s * frame_s
        re, im = math.cos(angle), math.sin(angle)
        step_re, step_im = math.cos(angle_step), math.sin(angle_step)
        growth_re, growth_im = math.cos(angle_growth), math.sin(angle_growth)
        level, fall = math.exp(-seconds / time_constant_s), math.exp(-frame_s / time_constant_s)
        for frame in range(first, last):
            value = np.float32(im * (level - end_level))
            for channel in range(out.shape[0]):
                out[channel, frame] += gains[bubble, channel] * value
            re, im = re * step_re - im * step_im, re * step_im + im * step_re
            step_re, step_im = step_re * growth_re - step_im * growth_im, step_re * growth_im + step_im * growth_re
            level *= fall


@entry("void(f4[:,::1], f4[:,::1], f4[::1])")
def halfway(out: Floats, waveform: Floats, taps: Floats) -> None:
    """What `waveform` (channels, frames) is half a frame after each of its frames; nothing outside it.

    A symmetric filter, `taps` from its middle outwards.
    """
    frames, reach = waveform.shape[1], len(taps)
    padded = np.zeros(frames + 2 * reach, np.float32)
    for channel in range(waveform.shape[0]):
        padded[reach : reach + frames] = waveform[channel]
        row = out[channel]
        row[:] = np.float32(0.0)
        for tap in range(reach):
            weight = taps[tap]
            before = padded[reach - tap :]
            after = padded[reach + 1 + tap :]
            for frame in range(frames):
                row[frame] += weight * (before[frame] + after[frame])


@entry("void(f4[:,::1], f8)")
def block_offset(out: Floats, pole: float) -> None:
    """A one-pole high-pass, in place: takes off what a distortion adds at 0 Hz. The pole is just under 1."""
    for channel in range(out.shape[0]):
        row = out[channel]
        before, after = 0.0, 0.0
        for frame in range(row.shape[0]):
            here = np.float64(row[frame])
            after = (1.0 + pole) / 2 * (here - before) + pole * after
            if here == 0.0 and before == 0.0 and abs(after) < 1e-5:
                after = 0.0  # silence is exact again, and no number gets so small that computing becomes slow
            before = here
            row[frame] = np.float32(after)


@entry("i8(f4[:,::1])")
def sounding_frames(waveform: Floats) -> int:
    """How many frames there are up to the last that is not 0."""
    for frame in range(waveform.shape[1] - 1, -1, -1):
        for channel in range(waveform.shape[0]):
            if waveform[channel, frame] != 0.0:
                return frame + 1
    return 0


@entry("void(f4[:,::1], i8, f4[::1])")
def take_off_arc(waveform: Floats, frames: int, means: Floats) -> None:
    """From the first so many frames of each channel, in place, an arc from 0 to 0 whose mean is as given."""
    step = np.float32(1.0 / frames)
    for channel in range(waveform.shape[0]):
        row = waveform[channel, :frames]
        height = np.float32(6.0) * means[channel]
        for frame in range(frames):
            share = (np.float32(frame) + _HALF) * step
            row[frame] -= height * share * (np.float32(1.0) - share)
