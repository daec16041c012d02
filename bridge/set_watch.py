"""The file of a set that plays, looked at now and then: MIDI triggers that were added to it are heard as it plays.

So what `upbeat learn` writes down in another window works at once. All else that a set says holds until it is started
anew.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from bridge.set_file import Set, SetError, read_set
from bridge.set_words import MidiTrigger
from bridge.triggers.learned import does

OnTriggers = Callable[[Sequence[MidiTrigger]], None]

LOOK_EVERY_S = 0.5


class SetWatch:
    """One set's file. `look` reads it when it has changed; one thread, which may wait for a disk."""

    def __init__(self, music: Set, *, on_triggers: OnTriggers, say: Callable[[str], None]) -> None:
        """`music` as it plays; a set that came from no file is never another. `on_triggers` is given all there are."""
        self._music, self._on_triggers, self._say = music, on_triggers, say
        self._seen: tuple[int, int, int] | None = None  # looked at once at least: it may have changed since it was read

    def look(self) -> None:
        """Take the triggers of the file, if they are others now. What is wrong with it is said, once."""
        path, seen = self._music.path, self._stamp()
        if path is None or seen in (None, self._seen):  # gone for a moment, as where an editor replaces it
            return
        self._seen = seen
        try:
            midi = tuple(read_set(path).midi)
            if midi == tuple(self._music.midi):
                return
            changed = replace(self._music, midi=midi)
        except (SetError, OSError) as error:
            self._say(f"{error}; the set plays on as it was")
            return
        added = [does(trigger) for trigger in midi if trigger not in self._music.midi]
        self._music = changed
        self._on_triggers(midi)
        what = f"what was learned {', '.join(added)}" if added else f"it has {len(midi)} MIDI triggers now"
        self._say(f"{path.name} has changed: {what}; all else that it says holds from the next start on")

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            stat = os.stat(self._music.path) if self._music.path is not None else None
        except OSError:
            return None
        return stat and (stat.st_mtime_ns, stat.st_size, stat.st_ino)
