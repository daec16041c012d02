"""The compiled mixer: what every output runs for each block, on the sound library's own thread.

It allocates nothing, waits for nothing and raises nothing. All it computes for a frame follows from the frame's number
and the frames before it, never from where a block happens to begin, so any blocks give the same bits.
"""

import math
from collections import namedtuple
from typing import Any

import numpy as np

from bridge.tracks.compiling import carray, entry, load_acquire, part, pointer, store_release
from bridge.tracks.memory import (
    BEGAN,
    BUS,
    CHUNK_FRAMES,
    COMMAND,
    COMMANDS_MAX,
    END,
    END_ALL,
    FINISHED,
    GAIN,
    MIXER,
    NEVER,
    PLAY,
    REPORT,
    VOICE,
    offset,
)

LOUDEST = np.float32(1e6)  # +120 dBFS: beyond it, or not a number, a sample is a fault and sounds as silence
CEILING = np.float32(10 ** (-1 / 20))  # -1 dBFS

FRAME = offset("frame")
COMMANDS_WRITTEN = offset("commands_written")
COMMANDS_READ = offset("commands_read")
REPORTS_WRITTEN = offset("reports_written")
TAP_ARMED = offset("tap_armed")
TAP_WRITTEN = offset("tap_written")
TAP_READ = offset("tap_read")

Memory = namedtuple("Memory", "mixer voices order buses sums envelope commands reports")


@part
def opened(address: int) -> Any:
    """Views on the memory behind the mixer record at `address`."""
    mixers = carray(pointer(address), (1,), MIXER)
    mixer = mixers[0]
    return Memory(
        mixers,
        carray(pointer(mixer.voices), (mixer.voices_max,), VOICE),
        carray(pointer(mixer.order), (mixer.voices_max,), np.int64),
        carray(pointer(mixer.buses), (mixer.tracks + 1,), BUS),
        carray(pointer(mixer.sums), (mixer.tracks + 1, 2 * CHUNK_FRAMES), np.float32),
        carray(pointer(mixer.envelope), (CHUNK_FRAMES,), np.float32),
        carray(pointer(mixer.commands), (COMMANDS_MAX,), COMMAND),
        carray(pointer(mixer.reports), (mixer.reports_max,), REPORT),
    )


@part
def render(address: int, left_out: int, right_out: int, stride: int, frames: int) -> None:
    """Mix the next `frames` frames into two float32 outputs, each `stride` samples from one frame to the next."""
    memory = opened(address)
    mixer = memory.mixer[0]
    left = carray(pointer(left_out), (frames * stride,), np.float32)
    right = carray(pointer(right_out), (frames * stride,), np.float32)
    take_commands(address, memory)
    frame = mixer.frame
    done = 0
    while done < frames:
        count = begin_ramps(memory, frame, min(CHUNK_FRAMES, frames - done))
        mix_voices(address, memory, frame, count)
        mix_buses(memory, frame, count)
        master = memory.sums[mixer.tracks]
        limit(mixer, master, count)
        for i in range(count):
            left[(done + i) * stride] = master[2 * i]
            right[(done + i) * stride] = master[2 * i + 1]
        tap(address, memory, frame, count)
        frame += count
        done += count
    store_release(address + FRAME, frame)


# Commands and reports


@part
def take_commands(address: int, memory: Any) -> None:
    """Carry out all that was asked since the last block."""
    mixer = memory.mixer[0]
    written = load_acquire(address + COMMANDS_WRITTEN)
    read = mixer.commands_read
    while read < written:
        command = memory.commands[read & (COMMANDS_MAX - 1)]
        if command.kind == PLAY:
            play(memory, command)
        elif command.kind == END:
            voice = memory.voices[command.slot]
            if voice.voice == command.voice:
                cut(voice, command.start_frame, command.fade_out_frames, mixer.frame)
        elif command.kind == END_ALL:
            for k in range(mixer.order_count):
                voice = memory.voices[memory.order[k]]
                if command.track == mixer.tracks or voice.track == command.track:
                    cut(voice, mixer.frame, command.fade_out_frames, mixer.frame)
        elif command.kind == GAIN:
            bus = memory.buses[command.track]
            bus.next_gain = command.gain
            bus.next_frame = max(command.start_frame, mixer.frame)
            bus.next_frames = command.fade_in_frames
        read += 1
    store_release(address + COMMANDS_READ, read)


@part
def play(memory: Any, command: Any) -> None:
    """Give the voice its slot, and its place in the order of summing: by start, then by rank.

    Float sums depend on their order, so it must follow from the music and not from when a voice was planned.
    """
    mixer = memory.mixer[0]
    voice = memory.voices[command.slot]
    voice.voice = command.voice
    voice.track = command.track
    voice.start_frame = command.start_frame
    voice.heard_frame = max(command.start_frame, mixer.frame)
    voice.end_frame = command.end_frame
    voice.stop_frame = command.end_frame
    voice.fade_in_frames = command.fade_in_frames
    voice.fade_out_frames = command.fade_out_frames
    voice.cut_frame = NEVER
    voice.cut_frames = 0
    voice.cut_gain = 1.0
    voice.samples = command.samples
    voice.channels = command.channels
    voice.gain = command.gain
    voice.rank = command.rank
    voice.begun = 0
    k = mixer.order_count
    while k > 0 and comes_before(voice, memory.voices[memory.order[k - 1]]):
        memory.order[k] = memory.order[k - 1]
        k -= 1
    memory.order[k] = command.slot
    mixer.order_count += 1


@part
def comes_before(voice: Any, other: Any) -> bool:
    """Whether a voice is summed before another."""
    if voice.start_frame != other.start_frame:
        return voice.start_frame < other.start_frame  # type: ignore[no-any-return]
    return voice.rank < other.rank  # type: ignore[no-any-return]


@part
def cut(voice: Any, at_frame: int, fade_frames: int, now_frame: int) -> None:
    """Let a voice fade out from `at_frame`, or from now. Of two cuts the one that is over first counts."""
    if voice.begun == 0 and voice.start_frame >= at_frame:
        voice.stop_frame = now_frame  # it never sounds
        return
    at_frame = max(at_frame, now_frame)
    if voice.cut_frame != NEVER and voice.cut_frame + voice.cut_frames <= at_frame + fade_frames:
        return
    voice.cut_gain = cut_gain(voice, at_frame)  # goes on from where an earlier cut has left it
    voice.cut_frame = at_frame
    voice.cut_frames = fade_frames
    voice.stop_frame = min(voice.end_frame, at_frame + fade_frames)


@part
def report(address: int, memory: Any, kind: int, slot: int) -> None:
    """Tell Python. A slot is used again only when its end was read, so the ring cannot be full."""
    written = memory.mixer[0].reports_written
    entry = memory.reports[written % memory.mixer[0].reports_max]
    voice = memory.voices[slot]
    entry.kind = kind
    entry.slot = slot
    entry.voice = voice.voice
    entry.start_frame = voice.start_frame
    entry.first_frame = voice.heard_frame
    store_release(address + REPORTS_WRITTEN, written + 1)


# Voices


@part
def mix_voices(address: int, memory: Any, frame: int, count: int) -> None:
    """Sum what sounds in frames [frame, frame + count) onto each track's bus, and let go of what has ended."""
    mixer = memory.mixer[0]
    for track in range(mixer.tracks + 1):
        for i in range(2 * count):
            memory.sums[track, i] = 0
    kept = 0
    for k in range(mixer.order_count):
        slot = memory.order[k]
        voice = memory.voices[slot]
        first = max(voice.heard_frame, frame)
        last = min(voice.stop_frame, frame + count)
        if first < last:
            if voice.begun == 0:
                voice.begun = 1
                report(address, memory, BEGAN, slot)
            shape(voice, memory.envelope, first, last)
            mixer.bad_samples += add(voice, memory.envelope, memory.sums[voice.track], first, last, frame)
        if voice.stop_frame <= frame + count:
            report(address, memory, FINISHED, slot)
            voice.voice = 0
        else:
            memory.order[kept] = slot
            kept += 1
    mixer.order_count = kept


@part
def add(voice: Any, envelope: Any, bus: Any, first: int, last: int, frame: int) -> int:
    """Add frames [first, last) of a voice, a mono one to both sides; how many samples were faults."""
    channels = voice.channels
    at = voice.samples + (first - voice.start_frame) * channels * 4
    samples = carray(pointer(at), ((last - first) * channels,), np.float32)
    to = 2 * (first - frame)
    bad = 0
    for i in range(last - first):
        for side in range(2):
            sample = samples[i * channels + side * (channels - 1)] * envelope[i]
            fine = abs(sample) <= LOUDEST
            bus[to + 2 * i + side] += sample if fine else np.float32(0)
            bad += not fine
    return bad


@part
def shape(voice: Any, envelope: Any, first: int, last: int) -> None:
    """Fill `envelope` with the voice's gain for frames [first, last): its level, its fades and its cut."""
    for i in range(last - first):
        envelope[i] = voice.gain
    fade_in_end = voice.heard_frame + voice.fade_in_frames
    for frame in range(first, min(last, fade_in_end)):
        envelope[frame - first] *= equal_power((frame - voice.heard_frame) / voice.fade_in_frames)
    fade_out_start = voice.end_frame - voice.fade_out_frames
    for frame in range(max(first, fade_out_start), last):
        envelope[frame - first] *= equal_power((voice.end_frame - frame) / voice.fade_out_frames)
    if voice.cut_frame != NEVER:
        for frame in range(first, last):
            envelope[frame - first] *= cut_gain(voice, frame)


@part
def cut_gain(voice: Any, frame: int) -> float:
    """The level an early end leaves at `frame`."""
    if frame <= voice.cut_frame:
        return voice.cut_gain  # type: ignore[no-any-return]
    left_frames = voice.cut_frame + voice.cut_frames - frame
    return voice.cut_gain * equal_power(left_frames / voice.cut_frames)  # type: ignore[no-any-return]


@part
def equal_power(x: float) -> float:
    """sin(pi/2 x) for x in [0, 1], within 6e-8: the same bits on every machine, which a library's sin does not give.

    Two fades of one length, one in and one out, have squares that sum to 1.
    """
    y = math.pi / 2 * x
    z = y * y
    return y * (1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110)))))


# Tracks and the master


@part
def begin_ramps(memory: Any, frame: int, count: int) -> int:
    """Begin the ramps that are due at `frame`, each from its gain there; the frames until the next, at most `count`."""
    for k in range(memory.mixer[0].tracks + 1):
        bus = memory.buses[k]
        if bus.next_frame <= frame:
            bus.from_gain = bus_gain(bus, frame)
            bus.to_gain = bus.next_gain
            bus.ramp_frame = frame
            bus.ramp_frames = bus.next_frames
            bus.next_frame = NEVER
        count = min(count, bus.next_frame - frame)
    return count


@part
def bus_gain(bus: Any, frame: int) -> float:
    """The gain of a bus at `frame`, on its way in a straight line from one gain to another."""
    passed_frames = frame - bus.ramp_frame
    if passed_frames >= bus.ramp_frames:
        return bus.to_gain  # type: ignore[no-any-return]
    return bus.from_gain + (bus.to_gain - bus.from_gain) * passed_frames / bus.ramp_frames  # type: ignore[no-any-return]


@part
def mix_buses(memory: Any, frame: int, count: int) -> None:
    """Bring each track to its gain, sum them in their order, and bring the sum to the master's gain."""
    tracks = memory.mixer[0].tracks
    master = memory.sums[tracks]
    for k in range(tracks):
        bus = memory.sums[k]
        bring_to_gain(memory.buses[k], bus, frame, count)
        for i in range(2 * count):
            master[i] += bus[i]
    bring_to_gain(memory.buses[tracks], master, frame, count)


@part
def bring_to_gain(bus: Any, samples: Any, frame: int, count: int) -> None:
    """Multiply `count` frames by the gain of their bus."""
    for i in range(count):
        gain = np.float32(bus_gain(bus, frame + i))
        samples[2 * i] *= gain
        samples[2 * i + 1] *= gain


@part
def limit(mixer: Any, master: Any, count: int) -> None:
    """Keep the master at or below -1 dBFS: down at once, back up in about 80 ms, both sides alike, without delay.

    What needs no limiting passes with its bits unchanged.
    """
    loudest = np.float32(0)
    for i in range(2 * count):
        loudest = max(loudest, abs(master[i]))
    mixer.peak = max(mixer.peak, loudest)
    gain = mixer.limiter_gain
    if gain == 1.0 and loudest <= CEILING:
        return
    for i in range(count):
        peak = max(abs(master[2 * i]), abs(master[2 * i + 1]))
        gain += (1.0 - gain) * mixer.limiter_release
        if gain > 1.0 - 1e-6:
            gain = 1.0
        if peak * gain > CEILING:
            gain = CEILING / peak
            mixer.limited_frames += 1
        for side in range(2):
            sample = np.float32(master[2 * i + side] * gain)
            master[2 * i + side] = min(max(sample, -CEILING), CEILING)  # rounding may lie a hair above it
    mixer.limiter_gain = gain


# What a recorder reads


@part
def tap(address: int, memory: Any, frame: int, count: int) -> None:
    """Copy every track and the limited master into the tap's ring, each row with its frame.

    A chunk that finds the ring full is left out, and the gap shows in the rows' frames.
    """
    if load_acquire(address + TAP_ARMED) == 0:
        return
    mixer = memory.mixer[0]
    rows = mixer.tap_rows
    width = 2 * (mixer.tracks + 1)
    written = mixer.tap_written
    if written + count - load_acquire(address + TAP_READ) > rows:
        return
    ring = carray(pointer(mixer.tap), (rows, width), np.float32)
    frames = carray(pointer(mixer.tap_frames), (rows,), np.int64)
    for i in range(count):
        row = (written + i) % rows
        frames[row] = frame + i
        for k in range(mixer.tracks + 1):
            ring[row, 2 * k] = memory.sums[k, 2 * i]
            ring[row, 2 * k + 1] = memory.sums[k, 2 * i + 1]
    store_release(address + TAP_WRITTEN, written + count)


# What Python calls


@entry("void(intp, intp, intp, int64, int64)")
def mix_block(address: int, left_out: int, right_out: int, stride: int, frames: int) -> None:
    """`render` for null and offline outputs."""
    render(address, left_out, right_out, stride, frames)


@entry("int64(intp)")
def load(address: int) -> int:
    """`load_acquire` for Python."""
    return load_acquire(address)  # type: ignore[no-any-return]


@entry("void(intp, int64)")
def store(address: int, value: int) -> None:
    """`store_release` for Python."""
    store_release(address, value)
