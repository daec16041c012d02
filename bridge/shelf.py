"""Sounds at hand, by what they follow from: landing one of them takes no engine."""

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from bridge.tracks.sound import Sound
from osc_schemas.request import GenerateRequest
from osc_schemas.shape import NEUTRAL

SHELF_BYTES_MAX = 2**30

SoundKey = tuple[object, ...]


def sound_key(request: GenerateRequest) -> SoundKey:
    """All that a sound follows from; two requests with one key give one sound."""
    return (
        request.prompt,
        request.seed,
        request.steps,
        request.guidance_scale,
        request.frames,
        request.tail_frames,
        request.sample_rate_hz,
        request.tempo_bpm,
        request.key,
        None if request.source is None else request.source.identity,
        request.options,
        request.fit,
        request.shape,
    )


@dataclass(slots=True)
class Shelf:
    """A bounded memory of sounds; the one that was not used for longest makes room. One owner thread."""

    _sounds: OrderedDict[SoundKey, Sound] = field(default_factory=OrderedDict)
    _newest: dict[SoundKey, SoundKey] = field(default_factory=dict)  # of all shapes of a sound, by its neutral one
    _bytes_held: int = 0

    def get(self, request: GenerateRequest) -> Sound | None:
        """The sound that `request` would give, if it was made before."""
        return self._at(sound_key(request))

    def in_any_shape(self, request: GenerateRequest) -> Sound | None:
        """The sound that `request` would give but for its shape: the newest there is."""
        key = self._newest.get(_neutral_key(request))
        return None if key is None else self._at(key)

    def put(self, request: GenerateRequest, sound: Sound) -> None:
        """Keep what `request` gave."""
        key = sound_key(request)
        if (old := self._sounds.pop(key, None)) is not None:
            self._bytes_held -= old.samples.nbytes
        self._sounds[key] = sound
        self._newest[_neutral_key(request)] = key
        self._bytes_held += sound.samples.nbytes
        while self._bytes_held > SHELF_BYTES_MAX and len(self._sounds) > 1:
            passed, oldest = self._sounds.popitem(last=False)
            self._bytes_held -= oldest.samples.nbytes
            if self._newest.get(neutral := _neutral_key(oldest.request)) == passed:
                del self._newest[neutral]

    def _at(self, key: SoundKey) -> Sound | None:
        if key in self._sounds:
            self._sounds.move_to_end(key)
        return self._sounds.get(key)


def _neutral_key(request: GenerateRequest) -> SoundKey:
    return sound_key(replace(request, shape=NEUTRAL))
