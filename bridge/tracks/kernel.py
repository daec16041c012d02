"""The compiled mixer: what every output runs for each block, on the sound library's own thread.

It allocates nothing, waits for nothing and raises nothing. All it computes for a frame follows from the frame's number
and the frames before it, never from where a block happens to begin, so any blocks give the same bits.
"""

from collections import namedtuple
from typing import Any

import numpy as np

from bridge.tracks.compiling import carray, entry, load_acquire, part, pointer, store_release
from bridge.tracks.memory import (
    BUS,
    CHUNK_FRAMES,
    COMMAND,
    COMMANDS_MAX,
    END,
    END_ALL,
    GAIN,
    MIXER,
    MOVE,
    NEVER,
    PLAY,
    REPORT,
    SWAP,
    VOICE,
    offset,
)
from bridge.tracks.voices import cut, mix_voices, move, play, swap

CEILING = np.float32(10 ** (-1 / 20))  # -1 dBFS

FRAME = offset("frame")
COMMANDS_WRITTEN = offset("commands_written")
COMMANDS_READ = offset("commands_read")
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
        carray(pointer(mixer.buses), (mixer.tracks,), BUS),
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
    mixer.block_frames = frames
    store_release(address + FRAME, frame)


# Commands


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
        elif command.kind == SWAP:
            swap(memory, command)
        elif command.kind == END:
            # If the voice is over, its slot is still its own: only a later command can use it again.
            cut(memory.voices[command.slot], command.start_frame, command.fade_out_frames, mixer.frame)
        elif command.kind == END_ALL:
            for k in range(mixer.order_count):
                voice = memory.voices[memory.order[k]]
                if command.track == mixer.tracks or voice.track == command.track:
                    cut(voice, mixer.frame, command.fade_out_frames, mixer.frame)
        elif command.kind == MOVE:
            move(memory, command)
        elif command.kind == GAIN:
            bus = memory.buses[command.track]
            bus.next_gain = command.gain
            bus.next_frame = max(command.start_frame, mixer.frame)
            bus.next_frames = command.fade_in_frames
        read += 1
    store_release(address + COMMANDS_READ, read)


# Tracks


@part
def begin_ramps(memory: Any, frame: int, count: int) -> int:
    """Begin the ramps that are due at `frame`, each from its gain there; the frames until the next, at most `count`."""
    for k in range(memory.mixer[0].tracks):
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
    """Bring each track to its gain, and sum them in their order."""
    tracks = memory.mixer[0].tracks
    master = memory.sums[tracks]
    for k in range(tracks):
        bus = memory.sums[k]
        bring_to_gain(memory.buses[k], bus, frame, count)
        for i in range(2 * count):
            master[i] += bus[i]


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
