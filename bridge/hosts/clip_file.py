"""A sound as a file that a host can read: one pass as it is heard here, at the loudness it has here."""

import math
from dataclasses import replace
from pathlib import Path

import soundfile as sf

from bridge.folding import as_heard
from bridge.hosts.base import HostClip, HostError
from bridge.tracks import loudness
from bridge.tracks.sound import Sound
from bridge.wav_chunks import Musical, time_signature, write_musical_wav
from osc_schemas.cue import Cue

ACCENT_STEP_DB = 1.0  # about what an ear tells apart; a file for each of 127 velocities would only fill the folder


def in_steps(sound: Sound, *, accent_db: float) -> Sound:
    """`sound`, which is `accent_db` louder for one hit than its cue says, as loud as the nearest step of a decibel.

    So however a cue is struck, a host gets few files of it, each at most half a decibel off. Without an accent it is
    the sound itself.
    """
    off_db = round(accent_db / ACCENT_STEP_DB) * ACCENT_STEP_DB - accent_db
    return replace(sound, gain=sound.gain * loudness.ratio(off_db)) if off_db else sound


def host_clip(sound: Sound, cue: Cue, *, folder: Path, quantum_beats: float, beats_per_bar: float = 4.0) -> HostClip:
    """The file of a sound in `folder`, written if it is not there yet. Raises `HostError` if it cannot be written.

    A file is never taken away again: the host's project may go on to need it.
    """
    request = sound.request
    tempo_bpm = request.tempo_bpm or 120.0
    gain_db = round(20 * math.log10(max(sound.gain, 1e-5)), 6)  # the same step by another way is the same file
    upper, lower = time_signature(beats_per_bar)
    meter = "" if (upper, lower) == (4, 4) else f" {upper}-{lower}"  # the same take in another meter is another file
    path = (folder / f"{sound.take_id} {gain_db:+.1f}dB{meter}.wav").absolute()
    samples = as_heard(sound, loop=cue.loop)
    if not path.exists():
        musical = Musical(
            tempo_bpm=tempo_bpm,
            length_beats=cue.length_beats,
            loop=cue.loop,
            key=request.key,
            name=cue.name,
            take_id=sound.take_id,
            beats_per_bar=beats_per_bar,
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_musical_wav(path, samples, request.sample_rate_hz, musical)
        except (OSError, sf.LibsndfileError) as error:
            raise HostError(
                f"the clip {path.name} cannot be written to {folder} ({error}); make room there, or name another "
                "folder with UPBEAT_HOME"
            ) from error
    return HostClip(
        path=path,
        take_id=sound.take_id,
        name=f"{cue.name} {sound.take_id[-10:][:6]}",
        length_beats=cue.length_beats,
        tempo_bpm=tempo_bpm,
        frames=len(samples),
        sample_rate_hz=request.sample_rate_hz,
        loop=cue.loop,
        quantum_beats=quantum_beats,
    )
