"""Sounds at hand, by what they follow from: landing one of them takes no engine."""

from collections import OrderedDict
from dataclasses import dataclass, field

from bridge.tracks.sound import Sound
from osc_schemas.request import GenerateRequest

SHELF_BYTES_MAX = 2**30

_Key = tuple[str, int, int, float | None, int, int, int]


@dataclass(slots=True)
class Shelf:
    """A bounded memory of sounds; the one that was not used for longest makes room. One owner thread."""

    _sounds: OrderedDict[_Key, Sound] = field(default_factory=OrderedDict)
    _bytes_held: int = 0

    def get(self, request: GenerateRequest) -> Sound | None:
        """The sound that `request` would give, if it was made before."""
        key = _key(request)
        if key in self._sounds:
            self._sounds.move_to_end(key)
        return self._sounds.get(key)

    def put(self, request: GenerateRequest, sound: Sound) -> None:
        """Keep what `request` gave."""
        key = _key(request)
        if (old := self._sounds.pop(key, None)) is not None:
            self._bytes_held -= old.samples.nbytes
        self._sounds[key] = sound
        self._bytes_held += sound.samples.nbytes
        while self._bytes_held > SHELF_BYTES_MAX and len(self._sounds) > 1:
            _, oldest = self._sounds.popitem(last=False)
            self._bytes_held -= oldest.samples.nbytes


def _key(request: GenerateRequest) -> _Key:
    return (
        request.prompt,
        request.seed,
        request.steps,
        request.guidance_scale,
        request.frames,
        request.tail_frames,
        request.sample_rate_hz,
    )
