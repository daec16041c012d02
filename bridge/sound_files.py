"""A sound that somebody brings: a file -> Source, or one sentence."""

from pathlib import Path

import soundfile as sf

from osc_schemas import bounds
from osc_schemas.errors import SchemaError
from osc_schemas.source import Source, Use


class SoundFileError(SchemaError):
    """A file cannot be taken as a sound. The text says what was found, what was wanted and what to do."""


def read_source(path: Path, *, use: Use, strength: float | None = None) -> Source:
    """The sound in a file, to be used so; without a strength, with the usual one.

    Raises `SoundFileError` for what is no sound or too much of it, and `RequestError` for a strength out of range.
    """
    try:
        if not path.is_file():
            raise SoundFileError(f"{path}: there is no such file; name a WAV, FLAC, Ogg or MP3 file")
        with sf.SoundFile(path) as file:
            length_s = file.frames / file.samplerate
            if file.channels > bounds.SOURCE_CHANNELS_MAX:
                raise SoundFileError(
                    f"{path} has {file.channels} channels; write it with 1 or {bounds.SOURCE_CHANNELS_MAX}"
                )
            if length_s > bounds.CLIP_S_MAX:  # said before that much is read
                raise SoundFileError(
                    f"{path} lasts {length_s:.1f} s; at most {bounds.CLIP_S_MAX:g} s are taken, so cut it"
                )
            samples, rate_hz = file.read(dtype="float32", always_2d=True), file.samplerate
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SoundFileError(f"{str(path)!r} cannot be read ({error}); name a sound file") from error
    except sf.LibsndfileError as error:
        raise SoundFileError(f"{path} is no sound that can be read; name a WAV, FLAC, Ogg or MP3 file") from error
    if not len(samples):
        raise SoundFileError(f"{path} has no samples; name a file with a sound in it")
    how = {} if strength is None else {"strength": strength}
    return Source(samples=samples, sample_rate_hz=rate_hz, use=use, **how)
