"""Voices inside the compiled mixer: how one begins, what it adds to its track, how it fades, and when it is over."""

import math
from typing import Any

import numpy as np

from bridge.tracks.compiling import carray, part, pointer, store_release
from bridge.tracks.memory import BEGAN, FINISHED, NEVER, offset

LOUDEST = np.float32(1e6)  # +120 dBFS: beyond it, or not a number, a sample is a fault and sounds as silence

REPORTS_WRITTEN = offset("reports_written")


@part
def play(memory: Any, command: Any) -> None:
    """Give the voice its slot, and its place in the order of summing."""
    mixer = memory.mixer[0]
    voice = memory.voices[command.slot]
    voice.voice = command.voice
    voice.track = command.track
    voice.start_frame = command.start_frame
    voice.heard_frame = max(command.start_frame, mixer.frame)
    voice.fade_in_frame = voice.heard_frame
    voice.end_frame = command.end_frame
    voice.stop_frame = command.end_frame
    voice.fade_in_frames = command.fade_in_frames
    voice.fade_out_frames = command.fade_out_frames
    voice.enter_frames = 0
    voice.leave_frame = NEVER
    voice.leave_frames = 0
    voice.cut_frame = NEVER
    voice.cut_frames = 0
    voice.cut_gain = 1.0
    voice.samples = command.samples
    voice.channels = command.channels
    voice.gain = command.gain
    voice.rank = command.rank
    voice.begun = 0
    line_up(memory, command.slot)


@part
def swap(memory: Any, command: Any) -> None:
    """Let a new voice take over from an old one: other samples at the same place, all fades and ends as they were.

    One that has not sounded gives its place up; one that sounds leaves in a straight line as the other enters in one,
    which keeps the level of sounds that are alike (equal power would raise it by up to 3 dB half way).
    """
    mixer = memory.mixer[0]
    memory.voices[command.slot] = memory.voices[command.old_slot]
    old, voice = memory.voices[command.old_slot], memory.voices[command.slot]
    voice.voice = command.voice
    voice.samples = command.samples
    voice.channels = command.channels
    voice.gain = command.gain
    voice.rank = command.rank
    voice.begun = 0
    at_frame = max(command.start_frame, mixer.frame)
    if old.begun == 0 and old.heard_frame >= at_frame:
        old.stop_frame = mixer.frame
    else:
        voice.heard_frame = at_frame
        voice.enter_frames = command.fade_in_frames
        old.leave_frame = at_frame
        old.leave_frames = command.fade_in_frames
        old.stop_frame = min(old.stop_frame, at_frame + command.fade_in_frames)
    line_up(memory, command.slot)


@part
def move(memory: Any, command: Any) -> None:
    """Let a voice that has not sounded begin at another frame; its early end, if one is planned, stays where it is."""
    voice = memory.voices[command.slot]
    if voice.voice != command.voice or voice.begun == 1:
        return
    mixer = memory.mixer[0]
    by_frames = command.start_frame - voice.start_frame
    if voice.heard_frame == voice.start_frame:
        voice.heard_frame = max(command.start_frame, mixer.frame)
    if voice.fade_in_frame == voice.start_frame:
        voice.fade_in_frame = voice.heard_frame
    voice.start_frame += by_frames
    voice.end_frame += by_frames
    voice.stop_frame = voice.end_frame
    if voice.cut_frame != NEVER:
        voice.stop_frame = min(voice.end_frame, voice.cut_frame + voice.cut_frames)
    kept = 0
    for k in range(mixer.order_count):
        if memory.order[k] != command.slot:
            memory.order[kept] = memory.order[k]
            kept += 1
    mixer.order_count = kept
    line_up(memory, command.slot)


@part
def line_up(memory: Any, slot: int) -> None:
    """Give a voice its place in the order of summing: by start, then by rank.

    Float sums depend on their order, so it must follow from the music and not from when a voice was planned.
    """
    mixer = memory.mixer[0]
    k = mixer.order_count
    while k > 0 and comes_before(memory.voices[slot], memory.voices[memory.order[k - 1]]):
        memory.order[k] = memory.order[k - 1]
        k -= 1
    memory.order[k] = slot
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
        voice.stop_frame = now_frame  # before its start: it never sounds
        return
    at_frame = max(at_frame, now_frame)
    if voice.cut_frame != NEVER and voice.cut_frame + voice.cut_frames <= at_frame + fade_frames:
        return
    voice.cut_gain = cut_gain(voice, at_frame)  # goes on from where an earlier cut has left it
    voice.cut_frame = at_frame
    voice.cut_frames = fade_frames
    voice.stop_frame = min(voice.stop_frame, at_frame + fade_frames)


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
    """Fill `envelope` with the voice's gain for frames [first, last): its level, its fades, its swaps and its cut."""
    for i in range(last - first):
        envelope[i] = voice.gain
    fade_in_end = voice.fade_in_frame + voice.fade_in_frames
    for frame in range(first, min(last, fade_in_end)):
        envelope[frame - first] *= equal_power((frame - voice.fade_in_frame) / voice.fade_in_frames)
    for frame in range(first, min(last, voice.heard_frame + voice.enter_frames)):
        envelope[frame - first] *= (frame - voice.heard_frame) / voice.enter_frames
    for frame in range(max(first, voice.leave_frame), last):
        envelope[frame - first] *= 1 - (frame - voice.leave_frame) / voice.leave_frames
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
