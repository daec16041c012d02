"""One sound, heard now: through the mixer and the output that live sets use, brought to a track's usual loudness."""

import threading

from bridge.commands import console
from bridge.tracks import loudness
from bridge.tracks.mixer import Mixer
from bridge.tracks.output import OutputKind, open_output
from osc_schemas.clip import Samples

TARGET_LUFS = -16.0  # of a track, where a set does not say
STALLED_AFTER_S = 2.0  # beyond its length; a card that was pulled out asks for nothing more
_LOOK_EVERY_S = 0.02


def hear(
    samples: Samples, frames: int, *, sample_rate_hz: int, name: str, output: OutputKind, device: str | int | None
) -> str:
    """Play `samples`, the last of them beyond `frames` as a faded tail, and wait until they are over; what played them.

    Raises `OutputError` where nobody would hear it, unless it is the null output that was asked for.
    """
    mixer = Mixer(["take"], sample_rate_hz=sample_rate_hz)
    out = open_output("portaudio" if output == "auto" else output, mixer, device=device)
    measured_lufs = loudness.measure_lufs(samples[:frames], sample_rate_hz)
    gain = loudness.gain(samples, measured_lufs, target_lufs=TARGET_LUFS)
    mixer.play(samples, track="take", start_frame=0, gain=gain, fade_out_frames=len(samples) - frames)
    end_frame = len(samples) + out.latency_frames
    ends_at_most = round((end_frame / sample_rate_hz + STALLED_AFTER_S) / _LOOK_EVERY_S)
    out.start()
    try:
        with console.progress(name) as move:
            for _ in range(ends_at_most):
                if mixer.frame >= end_frame:
                    break
                move(mixer.frame / end_frame)
                threading.Event().wait(_LOOK_EVERY_S)
    finally:
        out.stop()
    return out.name
