"""What Upbeat can ask of Live. Everything here runs on Live's own thread, a little at each tick."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from . import VERSION, shape, tracks
from .server import RefusedError

if TYPE_CHECKING:
    from .server import Deed

    Job = Generator[None, None, tuple[Any, ...]]

_THERE_S = 2.0  # how long a new clip may take to be there
_TRACKS_BYTES_MAX = 6_000  # of names in one datagram; macOS sends none above 9216 bytes
_NEAR_BEATS = 0.02


class Deeds:
    """Live's song, and what can be done to it. `live` is the module Live."""

    def __init__(self, live: Any, song: Any) -> None:
        """`song`: gives the song that is open."""
        self._live = live
        self._song = song

    def table(self) -> dict[str, tuple[str, Deed]]:
        """Every request by its name: the types of its arguments, and what does it."""
        return {
            "hello": ("", self.hello),
            "tracks": ("i", self.tracks),
            "time": ("", self.time),
            "place_in_slot": ("sissdddid", self.place_in_slot),
            "place_at_beat": ("sdssdd", self.place_at_beat),
            "fire": ("siss", self.fire),
            "stop": ("s", self.stop),
            "remove_from_slot": ("siss", self.remove_from_slot),
            "remove_from_beat": ("sdss", self.remove_from_beat),
            "undo": ("", self.undo),
        }

    def hello(self) -> tuple[Any, ...]:
        """The version of our words, Live's version, and whether it can take audio clips."""
        return VERSION, self._version(), int(self._can_place())

    def tracks(self, first: int) -> tuple[Any, ...]:
        """How many tracks there are, then name and whether it takes audio, from `first` on, as many as fit."""
        found: list[Any] = []
        size = 0
        every = list(self._song().tracks)
        for track in every[max(first, 0) :]:
            size += len(track.name.encode("utf-8")) + 16
            if found and size > _TRACKS_BYTES_MAX:
                break
            found += [track.name, int(tracks.takes_audio(track))]
        return (len(every), *found)

    def time(self) -> tuple[Any, ...]:
        """Beat, tempo, whether it plays, and the time signature."""
        song = self._song()
        return (
            float(song.current_song_time),
            float(song.tempo),
            int(song.is_playing),
            int(song.signature_numerator),
            int(song.signature_denominator),
        )

    def place_in_slot(
        self,
        track_name: str,
        slot: int,
        path: str,
        name: str,
        seconds: float,
        beats: float,
        length_beats: float,
        loop: int,
        quantum_beats: float,
    ) -> Job:
        """A clip in an empty slot, in shape. `seconds` and `beats` are those of the whole file."""
        self._check(path, seconds, beats)
        track = tracks.audio_track(self._song(), track_name)
        until = time.monotonic() + _THERE_S
        if not tracks.has_slot(self._song(), track, slot):
            yield from self._until(lambda: len(track.clip_slots) >= slot, until, f"slot {slot} of {track_name!r}")
        clip_slot = track.clip_slots[slot - 1]
        if not clip_slot.has_clip:
            clip_slot.create_audio_clip(path)
            yield from self._until(lambda: clip_slot.has_clip, until, f"{name!r} in slot {slot} of {track_name!r}")
        elif not tracks.is_ours(clip_slot.clip, path, name):
            raise RefusedError(
                f"slot {slot} of the track {track_name!r} holds {clip_slot.clip.name!r}, which is not ours; empty it "
                "in Live, or give the track other slots",
                "taken",
            )
        try:
            clip = clip_slot.clip
            self._straighten(clip, name, seconds, beats)
            shape.bound(clip, looping=bool(loop), end_beat=length_beats if loop else beats)
            song = self._song()
            bar_beats = song.signature_numerator * 4.0 / song.signature_denominator
            clip.launch_mode = 0  # trigger
            clip.launch_quantization = shape.launch_quantization(quantum_beats, bar_beats)
            clip.name = name
        except Exception:
            with contextlib.suppress(Exception):  # half a clip helps nobody; why it failed is what counts
                clip_slot.delete_clip()
            raise
        return ()

    def place_at_beat(self, track_name: str, beat: float, path: str, name: str, seconds: float, beats: float) -> Job:
        """A clip on the arrangement, its first frame on `beat`."""
        self._check(path, seconds, beats)
        if beat < 0:
            raise RefusedError(f"beat {beat:g} lies before the arrangement begins; it must be 0 or later")
        track = tracks.audio_track(self._song(), track_name)
        # Live cuts away what lies under a new clip, and at first that is as long as Live guesses. Only the tail of a
        # clip of ours that began before may go.
        for other in track.arrangement_clips:
            if tracks.is_ours(other, path, name) and abs(other.start_time - beat) < _NEAR_BEATS:
                return ()
            ends = other.end_time <= beat + 1e-6 or (other.start_time < beat and tracks.lies_beside(other, path))
            if not ends and other.start_time < beat + 2 * beats:
                raise RefusedError(
                    f"{other.name!r} lies on the track {track_name!r} from beat {other.start_time:g}, and Live would "
                    f"cut it; {2 * beats:g} beats must be free from beat {beat:g} on",
                    "taken",
                )
        track.create_audio_clip(path, beat)
        until = time.monotonic() + _THERE_S

        def ours() -> Any:
            return self._at_beat(track, beat, path, name)

        yield from self._until(lambda: ours() is not None, until, f"{name!r} at beat {beat:g} of {track_name!r}")
        try:
            clip = ours()
            self._straighten(clip, name, seconds, beats)
            shape.bound(clip, looping=False, end_beat=beats)
            clip.name = name
            yield
            end_beat = clip.end_time
            if abs(end_beat - beat - beats) > _NEAR_BEATS:
                raise RefusedError(
                    f"Live laid {name!r} from beat {beat:g} to {end_beat:g} instead of {beat + beats:g}; set "
                    '"Loop/Warp Short Samples" to "Unwarped One-Shot" and "Auto-Warp Long Samples" off in its Settings'
                )
        except Exception:
            with contextlib.suppress(Exception):
                track.delete_clip(ours())
            raise
        return ()

    def fire(self, track_name: str, slot: int, path: str, name: str) -> tuple[Any, ...]:
        """Launch our clip in a slot, by its own quantisation."""
        track = tracks.named(self._song(), track_name)
        clip = tracks.slot_clip(track, slot)
        if clip is None or not tracks.is_ours(clip, path, name):
            holds = "nothing" if clip is None else repr(clip.name)
            raise RefusedError(
                f"slot {slot} of the track {track_name!r} holds {holds} now, not {name!r}; fire it again"
            )
        track.clip_slots[slot - 1].fire()
        return ()

    def stop(self, track_name: str) -> tuple[Any, ...]:
        """Stop what the slots of a track play."""
        tracks.named(self._song(), track_name).stop_all_clips()
        return ()

    def remove_from_slot(self, track_name: str, slot: int, path: str, name: str) -> tuple[Any, ...]:
        """Take our clip out of a slot, on that track or, where it was renamed, on any; 1 where one was there."""
        for track in self._that_or_any(track_name):
            clip = tracks.slot_clip(track, slot)
            if clip is not None and tracks.is_ours(clip, path, name):
                track.clip_slots[slot - 1].delete_clip()
                return (1,)
        return (0,)

    def remove_from_beat(self, track_name: str, beat: float, path: str, name: str) -> tuple[Any, ...]:
        """Take our clip off the arrangement; 1 where one was there."""
        for track in self._that_or_any(track_name):
            clip = self._at_beat(track, beat, path, name) if tracks.takes_audio(track) else None
            if clip is not None:
                track.delete_clip(clip)
                return (1,)
        return (0,)

    def undo(self) -> tuple[Any, ...]:
        """Take back Live's last step."""
        if not self._song().can_undo:
            raise RefusedError("Live has nothing to undo")
        self._song().undo()
        return ()

    def _check(self, path: str, seconds: float, beats: float) -> None:
        if not self._can_place():
            raise RefusedError(
                f"Live {self._version()} cannot take clips from outside; update it to 12.0.5 or later, or record "
                "Upbeat's output"
            )
        if not os.path.isabs(path):
            raise RefusedError(f"the clip's file {path!r} must be named from the root on")
        if not os.path.isfile(path):
            raise RefusedError(f"Live finds no file {path!r}; let Upbeat keep its takes where Live may read")
        if not (math.isfinite(seconds) and math.isfinite(beats) and seconds > 0 and 5 <= beats * 60 / seconds <= 999):
            raise RefusedError(
                f"{beats:g} beats in {seconds:g} s is no tempo that Live can warp to; it must be between 5 and 999 bpm"
            )

    def _can_place(self) -> bool:
        track_class = getattr(self._live.Track, "Track", None)
        slot_class = getattr(getattr(self._live, "ClipSlot", None), "ClipSlot", None)
        return hasattr(track_class, "create_audio_clip") and hasattr(slot_class, "create_audio_clip")

    def _version(self) -> str:
        application = self._live.Application.get_application()
        parts = (
            application.get_major_version(),
            application.get_minor_version(),
            application.get_bugfix_version(),
        )
        return ".".join(str(part) for part in parts)

    def _straighten(self, clip: Any, name: str, seconds: float, beats: float) -> None:
        if not shape.straighten(clip, self._live.Clip.WarpMarker, seconds, beats):
            raise RefusedError(
                f'Live warped {name!r} by a guess of its own and kept to it; set "Auto-Warp Long Samples" off in its '
                "Settings"
            )

    @staticmethod
    def _until(there: Any, until: float, what: str) -> Generator[None, None, None]:
        while not there():
            if time.monotonic() > until:
                raise RefusedError(f"Live did not bring {what} within {_THERE_S:g} s; try again when it is less busy")
            yield

    @staticmethod
    def _at_beat(track: Any, beat: float, path: str, name: str) -> Any:
        for clip in track.arrangement_clips:
            if abs(clip.start_time - beat) < _NEAR_BEATS and tracks.is_ours(clip, path, name):
                return clip
        return None

    def _that_or_any(self, track_name: str) -> list[Any]:
        every = list(self._song().tracks)
        return [track for track in every if track.name == track_name] or every
