"""A clip as a file that somebody asked for: whole or not there, with its tail faded so that it ends in silence."""

import contextlib
from pathlib import Path

import numpy as np

from bridge.commands.parser import CommandError
from bridge.library import write_wav
from osc_schemas.clip import Samples
from osc_schemas.request import GenerateRequest


def check_writable(path: Path) -> None:
    """Raise `CommandError` unless a file can appear at `path`; asked before the engine works for nothing."""
    if path.suffix.lower() != ".wav":
        raise CommandError(f"--out {path}: a WAV is written, so let the name end in .wav")
    aside = path.with_suffix(".part")
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        aside.open("wb").close()
    except OSError as error:
        raise CommandError(
            f"--out {path} cannot be written ({error.strerror}); name a file in a folder that is there and yours"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def write_with_faded_tail(path: Path, samples: Samples, request: GenerateRequest) -> None:
    """Write a clip (frames + tail_frames, channels); its tail fades out at equal power, as in the mixer."""
    gains = np.ones(len(samples), np.float32)
    gains[request.frames :] = np.cos(np.linspace(0, np.pi / 2, request.tail_frames, dtype=np.float32))
    write_wav(path, samples * gains[:, None], request.sample_rate_hz)
