"""Sound through PortAudio: the card asks the compiled mixer for its blocks, on its own thread and without Python."""

import atexit
import os
from typing import Any

import numba
import numpy as np
from numba import types

from bridge.tracks.compiling import callback, carray, pointer
from bridge.tracks.kernel import render
from bridge.tracks.memory import MIXER
from bridge.tracks.mixer import Mixer
from bridge.tracks.output import OutputError

OUTPUT_UNDERFLOW = 4  # paOutputUnderflow
CONTINUE = 0  # paContinue
_ulong: Any = numba.from_dtype(np.dtype("L"))  # C's unsigned long has 32 bits on Windows


@callback(types.int32(types.intp, types.intp, _ulong, types.intp, _ulong, types.intp))
def fill(heard: int, out: int, frames: int, times: int, flags: int, mixer: int) -> int:
    """PaStreamCallback: `out` is float32 (frames, 2), `mixer` the address of its record."""
    if flags & OUTPUT_UNDERFLOW:
        carray(pointer(mixer), (1,), MIXER)[0].underruns += 1
    render(mixer, out, out + 4, 2, frames)
    return CONTINUE


class PortAudioOutput:
    """A sound card. Exact in its frames: what lies n frames apart in the mixer sounds n frames apart."""

    live = True

    def __init__(self, mixer: Mixer, *, device: str | int | None = None, block_frames: int | None = None) -> None:
        """Open `device`, or the system's choice, in blocks of `block_frames`, or of what suits the card.

        Raises `OutputError` without PortAudio, without the device, or when it refuses the mixer's rate.
        """
        sounddevice = _sounddevice()
        self._mixer = mixer
        self._running = False
        self._underruns_before = mixer.underruns
        try:
            found = sounddevice.query_devices(device, "output")
            self.name = f"portaudio: {found['name']}"
            ffi = sounddevice._ffi
            # The base class takes a C function and a pointer for it, where the public streams would call Python.
            self._stream = sounddevice._StreamBase(
                kind="output",
                samplerate=mixer.sample_rate_hz,
                blocksize=block_frames or 0,
                device=device,
                channels=mixer.channels,
                dtype="float32",
                latency="low",
                callback=ffi.cast("PaStreamCallback*", fill.address),
                userdata=ffi.cast("void*", mixer.address),
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            wanted = "a default output device" if device is None else f"the output device {device!r}"
            reason = str(error).splitlines()[0]
            raise OutputError(
                f"PortAudio cannot open {wanted} at {mixer.sample_rate_hz} Hz ({reason}); "
                "`upbeat doctor` lists the devices."
            ) from None

    @property
    def latency_frames(self) -> int:
        """From the mixing of a frame to its sound, as PortAudio reckons it."""
        latency_s: float = self._stream.latency
        return round(latency_s * self._mixer.sample_rate_hz)

    @property
    def underruns(self) -> int:
        """How often the card has run dry since this output was opened."""
        return self._mixer.underruns - self._underruns_before

    def start(self) -> None:
        """Begin to ask for blocks."""
        if not self._running:
            self._stream.start()
            self._running = True
            atexit.register(self.stop)  # also keeps the mixer's memory for the card's thread if nobody else does

    def stop(self) -> None:
        """Let the card play what it has, and close it."""
        if self._running:
            self._running = False
            atexit.unregister(self.stop)
            self._stream.stop()
        self._stream.close(ignore_errors=True)


def _sounddevice() -> Any:
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # PortAudio would start a JACK server only to look for one
    try:
        import sounddevice
    except (ImportError, OSError):  # OSError: the wheel for Linux comes without the library itself
        raise OutputError(
            "the PortAudio library is not installed; install it (Debian and Ubuntu: apt install libportaudio2)."
        ) from None
    return sounddevice
