"""The plug-in's player, driven block by block from a test that is the host: its time, its notes, its cuts."""

import ctypes as c
import math
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "bridge" / "plugin"
RATE_HZ = 48_000

PAD, PLACE, UNPLACE, SWAP, DROP, STOP = range(6)
TIME, NOTE, TURN, LAUNCHED, FINISHED, UNUSED = range(6)

Samples = npt.NDArray[np.float32]


@cache
def library(folder: Path) -> Any:
    """The player compiled for tests."""
    file = folder / "player.so"
    command = ["g++", "-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-shared", "-fPIC"]
    done = subprocess.run(
        [*command, f"-I{SOURCES}", str(HERE / "player_abi.cpp"), "-o", str(file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    made = c.CDLL(str(file))
    made.player_new.restype = made.clip_new.restype = c.c_void_p
    made.player_process.restype = c.c_double
    return made


@dataclass(frozen=True)
class Told:
    """One report of the player."""

    kind: int
    slot: int
    serial: int
    error_frames: int
    epoch: int
    playing: bool
    played: bool
    beat: float
    clip: int


@dataclass
class Host:
    """A host with a transport. `play` cuts its time into blocks and gives what the player sounds, (frames, 2)."""

    library: Any
    rate_hz: int = RATE_HZ
    tempo_bpm: float = 120.0
    beat: float = 0.0
    playing: bool = True
    frame: int = 0
    gain: float = 1.0
    known: bool = True
    ticks: bool = (
        False  # as LV2 hosts tell their beats: in whole ticks, and DPF with its bar too early before each line
    )
    tempos: Sequence[tuple[float, float]] = ()  # (beat, BPM), the first at beat 0: a song whose tempo changes, told so
    told: list[Told] = field(default_factory=list)
    deaf: bool = False  # the network thread reads no report
    worst_s: float = 0.0  # the longest that a block took of the processor

    def __post_init__(self) -> None:
        self._player = c.c_void_p(self.library.player_new(c.c_double(self.rate_hz)))
        self._kept: list[c.c_void_p] = []

    def close(self) -> None:
        """Free the player and its clips."""
        self.library.player_free(self._player)
        for clip in self._kept:
            self.library.clip_free(clip)

    def clip(
        self,
        samples: Samples,
        *,
        frames: int | None = None,
        length_beats: float = 4.0,
        gain: float = 1.0,
        sustained: bool = False,
    ) -> c.c_void_p:
        """A take; what follows `frames` is its tail."""
        samples = np.ascontiguousarray(samples.reshape(len(samples), -1), np.float32)
        length = len(samples) if frames is None else frames
        clip = c.c_void_p(
            self.library.clip_new(
                samples.ctypes.data_as(c.c_void_p),
                c.c_int64(length),
                c.c_int64(len(samples) - length),
                samples.shape[1],
                c.c_double(gain),
                c.c_double(length_beats),
                int(sustained),
                len(self._kept),
            )
        )
        self._kept.append(clip)
        return clip

    def ask(
        self,
        kind: int,
        *,
        slot: int = 0,
        clip: Any = None,
        other: Any = None,
        beat: float = 0.0,
        until_beat: float = -1e6,
        value: float = 0.0,
        loop: bool = False,
        kept: bool = True,
        serial: int = 0,
    ) -> None:
        """Put a command into the player's ring."""
        assert self.library.player_command(
            self._player,
            kind,
            slot,
            clip,
            other,
            *map(c.c_double, (beat, until_beat, value)),
            int(loop),
            int(kept),
            serial,
        )

    def place(self, slot: int, clip: Any, beat: float, **more: Any) -> None:
        """Lay a take on the line."""
        self.ask(PLACE, slot=slot, clip=clip, beat=beat, **more)

    def set(self, *, mode: int = 0, quantum_beats: float = -1.0) -> None:
        """The parameters of those names."""
        self.library.player_set(self._player, mode, c.c_double(quantum_beats))

    def reset(self) -> None:
        """Deactivated and activated again."""
        self.library.player_reset(self._player, c.c_double(self.rate_hz))

    def play(self, frames: int, blocks: Iterable[int] = (), *, notes: Sequence[tuple[int, int]] = ()) -> Samples:
        """The next `frames` frames, in blocks of these sizes over and over; `notes` are (frame from here, note)."""
        sizes = list(blocks) or [512]
        out = np.zeros((2, frames), np.float32)
        done = turn = 0
        while done < frames:
            count = min(sizes[turn % len(sizes)], frames - done)
            turn += 1
            here = [(at - done, note) for at, note in notes if done <= at < done + count]
            if self.tempos:
                self.beat, self.tempo_bpm = self.place_at(self.frame)
            beat = self.beat
            if self.tempos and self.ticks:
                beat = round(beat * 1_920) / 1_920
            elif self.ticks:
                after = beat + count * self.tempo_bpm / 60 / self.rate_hz
                beat = math.floor(beat * 1_920 + 1e-6) / 1_920 + 4 * (turn > 1 and beat % 4 > after % 4)
            flat = np.array(here, np.int32).reshape(-1)
            block = np.zeros((2, count), np.float32)
            took_s = self.library.player_process(
                self._player,
                int(self.known),
                int(self.playing),
                c.c_double(beat),
                c.c_double(self.tempo_bpm),
                c.c_int64(self.frame),
                int(self.ticks),
                flat.ctypes.data_as(c.c_void_p),
                len(here),
                block[0].ctypes.data_as(c.c_void_p),
                block[1].ctypes.data_as(c.c_void_p),
                count,
                c.c_float(self.gain),
            )
            self.worst_s = max(self.worst_s, took_s)
            out[:, done : done + count] = block
            done += count
            self.frame += count
            if self.playing:
                self.beat += count * self.tempo_bpm / 60 / self.rate_hz
            if not self.deaf:
                self._hear()
        return np.ascontiguousarray(out.T)

    def place_at(self, frame: int) -> tuple[float, float]:
        """Beat and tempo in `tempos` at a frame of the song."""
        start_frame, (start_beat, tempo_bpm) = 0.0, self.tempos[0]
        for beat, next_bpm in self.tempos[1:]:
            change_frame = start_frame + (beat - start_beat) * 60 / tempo_bpm * self.rate_hz
            if frame < change_frame:
                break
            start_frame, start_beat, tempo_bpm = change_frame, beat, next_bpm
        return start_beat + (frame - start_frame) * tempo_bpm / 60 / self.rate_hz, tempo_bpm

    def users(self, clip: Any) -> int:
        """How many voices, pads and placements name a clip."""
        return int(self.library.clip_users(clip))

    @property
    def voices(self) -> int:
        """How many sound."""
        return int(self.library.player_voices(self._player))

    def launched(self) -> list[tuple[float, int]]:
        """Beat and error in frames of everything that began."""
        return [(told.beat, told.error_frames) for told in self.told if told.kind == LAUNCHED]

    def _hear(self) -> None:
        numbers, beat, clip = (c.c_int * 7)(), c.c_double(), c.c_void_p()
        while self.library.player_report(self._player, numbers, c.byref(beat), c.byref(clip)):
            kind, slot, serial, error, epoch, playing, played = numbers
            self.told.append(
                Told(kind, slot, serial, error, epoch, bool(playing), bool(played), beat.value, clip.value or 0)
            )
