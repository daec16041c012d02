"""The mixer as Python sees it: any thread plans voices by frame number, compiled code sums them block by block."""

import math
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NewType

import numpy as np
import numpy.typing as npt

from bridge.tracks import kernel
from bridge.tracks.memory import (
    BEGAN,
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
from bridge.tracks.tap import Tap

Samples = npt.NDArray[np.float32]  # (frames, channels)
VoiceId = NewType("VoiceId", int)

LIMITER_RELEASE_S = 0.08
GAIN_MAX = 10_000.0  # +80 dB; keeps every sum a finite number
REPORTS_KEPT = 4096  # launches that nobody asked for; older ones are forgotten


class MixerError(ValueError):
    """What was asked of the mixer cannot be done; the text says why."""


class MixerFull(MixerError):
    """No voice, or no place for a command, is free."""


@dataclass(frozen=True, slots=True)
class VoiceReport:
    """A voice that began: the frame it was asked for, and the frame at which it was first heard."""

    voice: VoiceId
    start_frame: int
    first_frame: int


@dataclass(frozen=True, slots=True)
class Meters:
    """What the mixer can say about its sound since it was made."""

    peak: float  # of the master before the limiter, 1.0 = full scale
    limited_frames: int  # frames at which the limiter had to step in
    bad_samples: int  # not a number, or beyond +120 dBFS: played as silence


class Mixer:
    """Voices on tracks, summed into stereo blocks whose frames it counts itself; that count is the bridge's clock.

    Every method may be called from any thread, but only one output at a time may mix. What is planned takes effect
    with the next block; frames are absolute, so a plan made a block ahead is carried out exactly.
    """

    channels = 2

    def __init__(self, track_names: Sequence[str], *, sample_rate_hz: int, voices_max: int = 512) -> None:
        self.track_names = tuple(track_names)
        self.sample_rate_hz = sample_rate_hz
        self.voices_max = voices_max
        if not self.track_names or len(set(self.track_names)) != len(self.track_names):
            raise MixerError(f"the tracks are {list(self.track_names)}; a mixer needs at least one, each name once")
        tracks = len(self.track_names)
        self._memory = np.zeros(1, MIXER)
        self._voices = np.zeros(voices_max, VOICE)
        self._order = np.zeros(voices_max, np.int64)
        self._buses = np.zeros(tracks, BUS)
        self._sums = np.zeros((tracks + 1, 2 * CHUNK_FRAMES), np.float32)
        self._envelope = np.zeros(CHUNK_FRAMES, np.float32)
        self._commands = np.zeros(COMMANDS_MAX, COMMAND)
        self._reports = np.zeros(2 * voices_max, REPORT)  # a voice begins once and ends once
        self._buses["to_gain"] = 1.0
        self._buses["next_frame"] = NEVER
        self.address = self._memory.ctypes.data  # what a compiled callback needs
        state = self._memory[0]
        state["tracks"], state["voices_max"], state["reports_max"] = tracks, voices_max, len(self._reports)
        for name in ("voices", "order", "buses", "sums", "envelope", "commands", "reports"):
            state[name] = getattr(self, f"_{name}").ctypes.data
        state["limiter_gain"] = 1.0
        state["limiter_release"] = 1 - math.exp(-1 / (LIMITER_RELEASE_S * sample_rate_hz))

        self._lock = threading.Lock()  # makes the many planning threads one producer
        self._last_voice = 0
        self._free_slots = list(range(voices_max))[::-1]
        self._sounding: dict[int, tuple[int, Samples]] = {}  # voice -> its slot, and the samples kept for the kernel
        self._launched: deque[VoiceReport] = deque(maxlen=REPORTS_KEPT)

    @property
    def frame(self) -> int:
        """The next frame to be mixed."""
        return self._load("frame")

    @property
    def block_frames(self) -> int:
        """How many frames the latest block had; 0 before the first."""
        return int(self._memory[0]["block_frames"])

    @property
    def meters(self) -> Meters:
        """Peak, limiter and faults since the mixer was made."""
        state = self._memory[0]
        return Meters(float(state["peak"]), int(state["limited_frames"]), int(state["bad_samples"]))

    def play(
        self,
        samples: Samples,
        *,
        track: str,
        start_frame: int,
        end_frame: int | None = None,
        gain: float = 1.0,
        fade_in_frames: int = 0,
        fade_out_frames: int = 0,
    ) -> VoiceId:
        """Sound `samples` (frames, 1 or 2) from `start_frame` up to `end_frame`, at most their own length.

        The equal-power fade in begins at the start; the fade out ends at the end. A start in the past begins with the
        next block, in time: what is past is skipped, and the fade in begins there. The samples must not be changed
        while they sound. Raises `MixerFull` when no voice is free, `MixerError` for what cannot be played.
        """
        samples = _playable(samples)
        longest = start_frame + len(samples)
        end_frame = longest if end_frame is None else min(end_frame, longest)
        if end_frame <= start_frame:
            raise MixerError(f"the voice would end at frame {end_frame}, not after its start at {start_frame}")
        with self._lock:
            self._read_reports()
            return self._send_voice(
                samples,
                kind=PLAY,
                track=self._track(track),
                start_frame=start_frame,
                end_frame=end_frame,
                fade_in_frames=_frames(fade_in_frames),
                fade_out_frames=_frames(fade_out_frames),
                gain=_gain(gain),
            )

    def swap(
        self, voice: VoiceId, samples: Samples, *, at_frame: int, fade_frames: int, gain: float = 1.0
    ) -> VoiceId | None:
        """Let other samples of the same length take over at the very place the voice has come to, from `at_frame`.

        The two are crossfaded in straight lines, right for sounds that are alike; a voice that does not sound by then
        is replaced from its beginning. Fades and ends stay as they were planned. The voice that sounds the new samples;
        None if the old one was over. Raises `MixerFull`, and `MixerError` for what cannot be played.
        """
        samples = _playable(samples)
        with self._lock:
            self._read_reports()
            if voice not in self._sounding:
                return None
            slot, old = self._sounding[voice]
            if len(samples) != len(old):
                raise MixerError(
                    f"the samples have {len(samples)} frames; the {len(old)} they take over from are needed"
                )
            return self._send_voice(
                samples,
                kind=SWAP,
                old_slot=slot,
                start_frame=at_frame,
                fade_in_frames=_frames(fade_frames),
                gain=_gain(gain),
            )

    def move(self, voice: VoiceId, *, start_frame: int) -> None:
        """Let a voice begin at another frame than was planned. One that sounds already, or is over, stays as it is.

        Ends and swaps that were planned for it stay at their frames.
        """
        with self._lock:
            self._read_reports()
            if voice in self._sounding:
                slot, _ = self._sounding[voice]
                self._send(kind=MOVE, slot=slot, voice=voice, start_frame=start_frame)

    def end(self, voice: VoiceId, *, at_frame: int, fade_frames: int) -> None:
        """Fade the voice out at equal power from `at_frame`, or from now; one not begun by then never sounds.

        Of several ends the one that is over first counts. A voice that is over already stays so.
        """
        with self._lock:
            self._read_reports()
            if voice in self._sounding:
                slot, _ = self._sounding[voice]
                fade = _frames(fade_frames)
                self._send(kind=END, slot=slot, start_frame=at_frame, fade_out_frames=fade)

    def end_all(self, *, fade_frames: int, track: str | None = None) -> None:
        """Fade out all that sounds, on one track or on every one, from the next block; no planned voice begins."""
        with self._lock:
            self._send(kind=END_ALL, track=self._track(track), fade_out_frames=_frames(fade_frames))

    def set_track_gain(self, track: str, gain: float, *, ramp_frames: int, at_frame: int | None = None) -> None:
        """Bring a track to `gain` in a straight line from `at_frame`, or from the next block.

        One ramp may wait for its frame on each track; a newer one takes its place.
        """
        with self._lock:
            frames = _frames(ramp_frames)
            bus = self._track(track)
            self._send(kind=GAIN, track=bus, gain=_gain(gain), fade_in_frames=frames, start_frame=at_frame or 0)

    def mix(self, out: Samples) -> None:
        """Fill `out` (frames, 2) with the next frames, by the very code a live output runs."""
        if out.ndim != 2 or out.shape[1] != 2 or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise MixerError(f"out is {out.dtype} {out.shape}; it must be float32 (frames, 2) without gaps")
        kernel.mix_block(self.address, out.ctypes.data, out.ctypes.data + 4, 2, len(out))

    def launched(self) -> list[VoiceReport]:
        """The voices that began since the last call, oldest first, at most the last 4096."""
        with self._lock:
            self._read_reports()
            reports = list(self._launched)
            self._launched.clear()
        return reports

    @property
    def voices_in_use(self) -> int:
        """Voices planned or sounding."""
        with self._lock:
            self._read_reports()
            return len(self._sounding)

    @cached_property
    def tap(self) -> Tap:
        """What was mixed, for one recorder at a time."""
        return Tap(self._memory, sample_rate_hz=self.sample_rate_hz)

    @property
    def underruns(self) -> int:
        """How often a sound library said that it ran dry."""
        return int(self._memory[0]["underruns"])

    def set_host(self, words: Iterable[int]) -> None:
        """What a compiled callback needs from its sound library; only while nothing mixes."""
        for k, word in enumerate(words):
            self._memory[0]["host"][k] = word

    def host_word(self, index: int) -> int:
        """One of those words, which the callback may have changed."""
        return kernel.load(self.address + offset("host") + 8 * index)

    def _track(self, name: str | None) -> int:
        if name is None:
            return len(self.track_names)
        if name not in self.track_names:
            raise MixerError(f"there is no track {name!r}; there are {', '.join(self.track_names)}")
        return self.track_names.index(name)

    def _send_voice(self, samples: Samples, **values: Any) -> VoiceId:
        """Send a command that needs a slot for a voice with these samples. Only under the lock."""
        if not self._free_slots:
            raise MixerFull(f"all {self.voices_max} voices are in use; end some, or plan less far ahead")
        slot = self._free_slots[-1]
        voice = VoiceId(self._last_voice + 1)
        self._send(
            slot=slot,
            voice=voice,
            samples=samples.ctypes.data,
            channels=samples.shape[1],
            rank=zlib.crc32(samples[:: 1 + len(samples) // 64].tobytes()),
            **values,
        )
        self._free_slots.pop()
        self._last_voice = voice
        self._sounding[voice] = (slot, samples)
        return voice

    def _send(self, **values: Any) -> None:
        """Put one command into the ring. Only under the lock."""
        written = int(self._memory[0]["commands_written"])
        if written - self._load("commands_read") >= COMMANDS_MAX:
            raise MixerFull(f"{COMMANDS_MAX} commands wait for the next block already; is the output running?")
        command = self._commands[written % COMMANDS_MAX]
        for name, value in values.items():
            command[name] = value
        self._store("commands_written", written + 1)

    def _read_reports(self) -> None:
        """Take in what the kernel has reported. Only under the lock."""
        read, written = int(self._memory[0]["reports_read"]), self._load("reports_written")
        for k in range(read, written):
            kind, slot, voice, start_frame, first_frame = self._reports[k % len(self._reports)].item()
            if kind == BEGAN:
                self._launched.append(VoiceReport(VoiceId(voice), start_frame, first_frame))
            else:
                del self._sounding[voice]
                self._free_slots.append(slot)
        self._store("reports_read", written)

    def _load(self, name: str) -> int:
        return kernel.load(self.address + offset(name))

    def _store(self, name: str, value: int) -> None:
        kernel.store(self.address + offset(name), value)


def _playable(samples: Samples) -> Samples:
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or samples.shape[1] not in (1, 2) or not len(samples):
        raise MixerError(f"the samples have the shape {samples.shape}; (frames, 1) or (frames, 2) can be played")
    return samples


def _frames(count: int) -> int:
    if count < 0:
        raise MixerError(f"a fade or ramp of {count} frames was asked for; it must be 0 or more")
    return count


def _gain(gain: float) -> float:
    if not 0 <= gain <= GAIN_MAX:
        raise MixerError(f"the gain is {gain:g}; it must be between 0 and {GAIN_MAX:g}")
    return gain
