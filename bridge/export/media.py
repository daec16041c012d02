"""A take as a file that any program plays as it was heard here: a musical WAV."""

from dataclasses import dataclass

from bridge.folding import as_heard
from bridge.library import Take
from bridge.tracks.sound import Sound, is_sustained
from bridge.wav_chunks import Musical, wav_bytes
from osc_schemas.clip import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A sound file of an export, and what it holds."""

    path: str  # inside the export
    name: str
    take_id: str
    frames: int
    sample_rate_hz: int
    channels: int
    length_beats: float
    loop: bool

    @property
    def length_s(self) -> float:
        """Of the whole file, with the tail of a one-shot."""
        return self.frames / self.sample_rate_hz


def media_of(
    take: Take, samples: Samples, *, path: str, loop: bool, gain: float, beats_per_bar: float = 4.0
) -> tuple[Media, bytes]:
    """The file of a take (whole samples, tail and all) at a linear gain: one steady pass of a loop, or a one-shot."""
    request = take.request
    sound = Sound(
        take_id=take.take_id,
        request=request,
        samples=samples,
        gain=gain,
        sustained=is_sustained(samples, request.frames, sample_rate_hz=request.sample_rate_hz),
    )
    heard = as_heard(sound, loop=loop)
    musical = Musical(
        tempo_bpm=take.tempo_bpm,
        length_beats=take.length_beats,
        loop=loop,
        key=request.key,
        name=take.cue,
        take_id=take.take_id,
        beats_per_bar=beats_per_bar,
    )
    media = Media(
        path=path,
        name=take.cue,
        take_id=take.take_id,
        frames=len(heard),
        sample_rate_hz=request.sample_rate_hz,
        channels=heard.shape[1],
        length_beats=take.length_beats,
        loop=loop,
    )
    return media, wav_bytes(heard, request.sample_rate_hz, musical)
