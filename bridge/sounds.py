"""From a clip to a sound on its track: levelled, kept as a take, and at hand when it is wanted again."""

import math
from collections.abc import Mapping

from bridge.library import Library, take_id_of
from bridge.set_words import TrackSpec
from bridge.shelf import Shelf
from bridge.tracks import loudness
from bridge.tracks.sound import Sound, levelled, sound_of
from osc_schemas.clip import Clip
from osc_schemas.cue import Cue
from osc_schemas.request import GenerateRequest


class Sounds:
    """The sounds of one set: its library on disk, and a shelf in memory. One owner thread."""

    def __init__(self, library: Library, tracks: Mapping[str, TrackSpec], *, beats_per_bar: float) -> None:
        self._library, self._tracks, self._beats_per_bar = library, tracks, beats_per_bar
        self._shelf = Shelf()

    def at_hand(self, request: GenerateRequest, cue: Cue) -> Sound | None:
        """The sound that `request` would give, ready for its track, if it was made before."""
        sound = self._shelf.get(request)
        return None if sound is None else self._levelled(sound, cue)

    def in_any_shape(self, request: GenerateRequest, cue: Cue) -> Sound | None:
        """The newest sound that differs from what `request` would give in its shape alone, if there is one."""
        sound = self._shelf.in_any_shape(request)
        return None if sound is None else self._levelled(sound, cue)

    def sound_of(self, clip: Clip, cue: Cue) -> Sound:
        """A clip made ready for its track."""
        loudness_lufs = loudness.measure_lufs(clip.samples[: clip.request.frames], clip.request.sample_rate_hz)
        return self._levelled(sound_of(clip, take_id=take_id_of(cue.name, clip), loudness_lufs=loudness_lufs), cue)

    def keep(self, clip: Clip, cue: Cue, sound: Sound, *, request_to_clip_ms: float) -> None:
        """Make a take of a clip, and have its sound at hand."""
        assert clip.request.tempo_bpm is not None  # all that lands in music has the tempo of its landing
        self._library.keep(
            clip,
            cue,
            tempo_bpm=clip.request.tempo_bpm,
            loudness_lufs=sound.loudness_lufs if math.isfinite(sound.loudness_lufs) else None,
            request_to_clip_ms=request_to_clip_ms,
            beats_per_bar=self._beats_per_bar,
        )
        self._shelf.put(clip.request, sound)

    def _levelled(self, sound: Sound, cue: Cue) -> Sound:
        return levelled(sound, target_lufs=self._tracks[cue.track].loudness_lufs, gain_db=cue.gain_db)
