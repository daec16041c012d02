"""Finding tracks and clips by what they are called, and telling ours from the user's."""

from __future__ import annotations

import difflib
import os
import unicodedata
from typing import Any

from .server import RefusedError

SCENES_MADE_MAX = 16  # more at once than a session can mean


def takes_audio(track: Any) -> bool:
    """Whether audio clips can lie on it: no MIDI track, and no group."""
    return bool(track.has_audio_input) and not track.has_midi_input and not track.is_foldable


def audio_track(song: Any, name: str) -> Any:
    """The one audio track of that name."""
    track = named(song, name)
    if not takes_audio(track):
        raise RefusedError(f"the track {name!r} of Live is no audio track; name one that is, or add one in Live")
    if getattr(track, "is_frozen", False):
        raise RefusedError(f"the track {name!r} of Live is frozen; unfreeze it, or name another one")
    return track


def named(song: Any, name: str) -> Any:
    """The one track of that name."""
    names = [track.name for track in song.tracks]
    count = names.count(name)
    if count == 1:
        return song.tracks[names.index(name)]
    if count:
        raise RefusedError(f"Live has {count} tracks called {name!r}; give each its own name")
    near = difflib.get_close_matches(name, names, n=1)
    nearest = f"; the nearest is {near[0]!r}" if near else ""
    listed = ", ".join(repr(other) for other in names[:8]) + (", ..." if len(names) > 8 else "")
    raise RefusedError(f"Live has no track called {name!r}{nearest}; it has {listed or 'none'}")


def has_slot(song: Any, track: Any, slot: int) -> bool:
    """Whether a track has that slot, counted from 1. Where it has not, adds the scenes: they are there a tick later."""
    if not 1 <= slot <= len(track.clip_slots) + SCENES_MADE_MAX:
        raise RefusedError(
            f"slot {slot} is far below the {len(track.clip_slots)} scenes of the set; add scenes in Live"
        )
    missing = slot - len(track.clip_slots)
    for _ in range(missing):
        try:
            song.create_scene(-1)
        except Exception as error:
            raise RefusedError(
                f"the set has {len(track.clip_slots)} scenes and Live adds none for slot {slot} ({error}); name a slot "
                "that is there"
            ) from error
    return missing <= 0


def slot_clip(track: Any, slot: int) -> Any:
    """The clip in a slot, counted from 1; None where there is none."""
    if not 1 <= slot <= len(track.clip_slots) or not track.clip_slots[slot - 1].has_clip:
        return None
    return track.clip_slots[slot - 1].clip


def is_ours(clip: Any, path: str, name: str) -> bool:
    """Whether a clip plays that file of ours, or a copy of it that Live collected, or still has the name we gave it."""
    if not clip.is_audio_clip:
        return False
    return _file(clip.file_path) == _file(path) or clip.name == name


def lies_beside(clip: Any, path: str) -> bool:
    """Whether a clip's file is in the same folder as that file of ours, so that it is ours too."""
    if not clip.is_audio_clip:
        return False
    theirs, ours = (os.path.normcase(os.path.dirname(str(file))) for file in (clip.file_path, path))
    return theirs == ours


def _file(path: str) -> str:
    # Names of takes are unique, so that a set which was moved or collected still shows which clips are ours.
    name = str(path).replace("\\", "/").rsplit("/", 1)[-1]
    return os.path.normcase(unicodedata.normalize("NFC", name))
