"""Everything that sounds, kept: the mix as it left the limiter, and each track on its own."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile

from bridge.tracks.mixer import Mixer, Samples
from bridge.wav_files import forget_when

DRAIN_EVERY_S = 0.05
FRAMES_MAX = (2**32 - 2**16) // 8  # of float32 stereo in a WAV, whose sizes have 32 bits: three hours at 48 kHz


class RecorderError(RuntimeError):
    """A recording cannot be written; the text says why."""


class Recorder:
    """Writes FOLDER/mix.wav and FOLDER/stems/TRACK.wav, float32; frame 0 of each is `start_frame` of the mixer.

    Files are written aside and appear whole at `close`, or not at all. A thread follows a live output. An offline
    render, faster than any disk promises to be, calls `drain` after each block instead.
    """

    def __init__(self, mixer: Mixer, folder: str | Path) -> None:
        """Make the folders. Raises `RecorderError` when they cannot be written, or two tracks share a file name."""
        self.start_frame = 0
        self.frames = 0  # written so far
        self.lost_frames = 0  # silent because they came too fast, or missing because a WAV cannot hold them
        self._mixer = mixer
        self._tap = mixer.tap
        self._files: list[tuple[Path, Path, Any]] = []  # the final path, the one aside, the open file
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure = ""
        folder = Path(folder)
        stems = [folder / "stems" / f"{file_name(track)}.wav" for track in mixer.track_names]
        if len({str(path).casefold() for path in stems}) < len(stems):
            raise RecorderError(f"two of the tracks {', '.join(mixer.track_names)} would share a file; rename one")
        self._paths = [*stems, folder / "mix.wav"]

    def start(self, *, follow: bool = True) -> None:
        """Record from `mixer.frame` on; `follow` on a thread, or else wait for calls of `drain`."""
        if self._tap.is_open:
            raise RecorderError("the mixer is being recorded already; close that recorder first")
        try:
            for path in self._paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                aside = path.with_name(f".{path.name}.part")
                file = soundfile.SoundFile(
                    aside, "w", samplerate=self._mixer.sample_rate_hz, channels=2, subtype="FLOAT", format="WAV"
                )
                self._files.append((path, aside, file))
        except (OSError, soundfile.LibsndfileError) as error:
            self._discard()
            raise RecorderError(f"{path} cannot be written ({error}); choose another folder") from None
        self.start_frame = self._mixer.frame
        self._tap.open()
        if follow:
            self._thread = threading.Thread(target=self._follow, name="recorder", daemon=True)
            self._thread.start()

    def drain(self) -> None:
        """Write what was mixed since the last call."""
        with self._lock:
            frames, rows = self._tap.read()
            if len(frames) == 0 or self._failure:
                return
            for piece in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(frames) != 1) + 1):
                gap = int(frames[piece[0]]) - self.start_frame - self.frames
                if self.frames:  # before the first row nothing was lost: its block was under way at the start
                    self.lost_frames += gap
                self._write(np.zeros((gap, rows.shape[1]), np.float32))
                self._write(rows[piece])

    def close(self) -> None:
        """Write the rest, and let the files appear. Raises `RecorderError`, and leaves none, if writing failed."""
        if not self._files:
            return
        self._tap.close()
        if self._thread is not None:
            self._closing.set()
            self._thread.join()
        self.drain()
        try:
            if not self._failure:
                for path, aside, file in self._files:
                    file.close()
                    forget_when(aside)
                    aside.replace(path)
        except (OSError, soundfile.LibsndfileError) as error:
            self._failure = str(error)
        self._discard()
        if self._failure:
            raise RecorderError(f"the recording in {self._paths[-1].parent} is lost: {self._failure}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _follow(self) -> None:
        while not self._closing.wait(DRAIN_EVERY_S):
            self.drain()

    def _write(self, rows: Samples) -> None:
        fitting = rows[: FRAMES_MAX - self.frames]
        self.lost_frames += len(rows) - len(fitting)
        try:
            for k, (_, _, file) in enumerate(self._files):
                file.write(fitting[:, 2 * k : 2 * k + 2])
        except (OSError, soundfile.LibsndfileError) as error:
            self._failure = str(error)
        self.frames += len(fitting)

    def _discard(self) -> None:
        for _, aside, file in self._files:
            file.close()
            aside.unlink(missing_ok=True)
        self._files = []


def file_name(track: str) -> str:
    """The track's name with what no file system takes made into an underscore."""
    return "".join("_" if character in '<>:"/\\|?*' else character for character in track)
