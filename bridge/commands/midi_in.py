"""Which MIDI port a live set hears: the one that was named, one of its own, or the first that is there."""

import contextlib
from collections.abc import Iterator

from bridge.set_file import Set
from bridge.triggers.heard import OnHeard
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiPort, OnClock, list_ports


@contextlib.contextmanager
def midi_in(
    music: Set, keymap: Keymap, on_heard: OnHeard, on_clock: OnClock, *, port: str | None, virtual: str | None
) -> Iterator[str]:
    """Listen until the block ends; what is yielded says to what, or why to nothing.

    Raises `MidiError` if a port was named and cannot be had. A set with MIDI triggers, or one that follows a MIDI
    clock, plays on if it finds no port.
    """
    name = virtual or port
    wanted = bool(music.midi) or "midi" in music.clock.sources
    if name is None and wanted:
        name = next(iter(list_ports()), None)
    if name is None:
        yield "no port is here; OSC and the timeline go on" if wanted else "not used by this set"
        return
    with MidiPort(name, keymap, on_heard=on_heard, on_clock=on_clock, virtual=virtual is not None):
        yield f"{name}, a port of our own" if virtual else name
