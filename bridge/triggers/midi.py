"""MIDI in through mido: raw bytes, a port by its name, or a port of our own that other programs connect to."""

import difflib
import queue
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import mido

from bridge.triggers.heard import OnHeard, TriggerError
from bridge.triggers.keymap import Keymap

CLIENT_NAME = "upbeat"

CLOCK_MESSAGES = ("clock", "start", "continue", "stop", "songpos")

REAL_TIME = 0xF8  # from here on a byte is a message of its own, wherever it stands

OnEvent = Callable[["mido.Message"], None]
OnClock = OnEvent

_ALSA_SEQUENCER = Path("/dev/snd/seq")


class MidiError(TriggerError):
    """A MIDI port cannot be opened."""


def _ignored(message: "mido.Message") -> None:
    """What MIDI says where nobody listens to it as such."""


class MidiFeed:
    """What MIDI asks for, by the set's triggers, handed to `on_heard` on the thread that MIDI comes in on.

    What `on_heard` has no room for is dropped and counted: MIDI has no way to say no.
    """

    def __init__(
        self, keymap: Keymap, *, on_heard: OnHeard, on_clock: OnClock = _ignored, on_event: OnEvent = _ignored
    ) -> None:
        """`on_clock` is given every message of a MIDI clock, `on_event` every other, on the same thread, as they come.

        Both return at once.
        """
        self.dropped = 0
        self._on_clock, self._on_event = on_clock, on_event
        self._keymap = keymap
        self._on_heard = on_heard
        self._parser, self._real_time = mido.Parser(), mido.Parser()

    def feed(self, raw: bytes) -> None:
        """Take raw MIDI: any number of messages, or a piece of one, each with its status byte, as drivers give them."""
        for byte in raw:  # a tick may stand in the middle of a note; mido would lose the note
            parser = self._real_time if byte >= REAL_TIME else self._parser
            parser.feed_byte(byte)
            for event in parser:
                self.play(event)

    def play(self, event: "mido.Message") -> None:
        """Take one MIDI message."""
        if event.type in CLOCK_MESSAGES:
            self._on_clock(event)
            return
        self._on_event(event)
        for heard in self._keymap.heard_from(event):
            try:
                self._on_heard(heard)
            except queue.Full:
                self.dropped += 1


class MidiPort(MidiFeed):
    """A keyboard, pad or sequencer, listened to from now on until `close`."""

    def __init__(
        self,
        name: str,
        keymap: Keymap,
        *,
        on_heard: OnHeard,
        on_clock: OnClock = _ignored,
        on_event: OnEvent = _ignored,
        virtual: bool = False,
        backend: "mido.Backend | None" = None,
    ) -> None:
        """Open the port called `name` (a part that only one port has will do), or offer a virtual port under that name.

        The backend is mido's: python-rtmidi, unless the variable MIDO_BACKEND says otherwise. Raises `MidiError` if
        there is no such port, no virtual ports, or no MIDI at all.
        """
        super().__init__(keymap, on_heard=on_heard, on_clock=on_clock, on_event=on_event)
        backend = backend or mido.Backend()
        self._port: Any = _offered(name, backend, self.play) if virtual else _opened(name, backend, self.play)

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def list_ports(*, backend: "mido.Backend | None" = None) -> list[str]:
    """The names of the MIDI ports that can be opened here; none on a machine without MIDI. Never raises."""
    try:
        return input_names(backend or mido.Backend())
    except MidiError:
        return []


def input_names(backend: "mido.Backend") -> list[str]:
    """The names of the ports that a backend can open, each once. Raises `MidiError` that says why there is no MIDI."""
    _check_sequencer(backend)
    try:
        return list(dict.fromkeys(backend.get_input_names()))
    except Exception as error:
        raise _no_midi(error) from error


def _opened(name: str, backend: "mido.Backend", callback: Any) -> Any:
    name = _whole_name(name, input_names(backend))
    try:
        return backend.open_input(name, callback=callback)
    except Exception as error:  # another program holds it; each system has an error of its own for that
        raise MidiError(f"the MIDI port {name!r} cannot be opened ({error}); close what else uses it") from error


def _whole_name(name: str, names: list[str]) -> str:
    """The port that `name` says, whole or in part: the numbers in ALSA's port names change from day to day."""
    fitting = [name] if name in names else [one for one in names if name.casefold() in one.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise MidiError(f"{name[:80]!r} could be {', '.join(map(repr, fitting))}; say more of its name")
    whole = {one.casefold(): one for one in names}
    near = [whole[one] for one in difflib.get_close_matches(name.casefold(), whole, n=1)]
    raise MidiError(
        f"there is no MIDI port {name[:80]!r}; "
        + (f"the nearest is {near[0]!r}; " if near else "")
        + (f"there are {', '.join(map(repr, names))}" if names else "there is none at all, so plug one in")
    )


def _offered(name: str, backend: "mido.Backend", callback: Any) -> Any:
    if sys.platform == "win32":
        raise MidiError(
            f"Windows has no virtual MIDI ports, so none can be called {name[:80]!r}; make one with loopMIDI and open "
            "it by its name"
        )
    _check_sequencer(backend)
    try:
        return backend.open_input(name, virtual=True, client_name=CLIENT_NAME, callback=callback)
    except Exception as error:
        raise _no_midi(error) from error


def _check_sequencer(backend: "mido.Backend") -> None:
    """Asked first, because ALSA itself would write to stderr what it thinks of a machine without a sequencer."""
    uses_alsa = backend.name == "mido.backends.rtmidi" and backend.api in (None, "LINUX_ALSA")
    if sys.platform == "linux" and uses_alsa and not _ALSA_SEQUENCER.exists():
        raise _no_midi(FileNotFoundError(f"ALSA has no {_ALSA_SEQUENCER}"))


def _no_midi(error: Exception) -> MidiError:
    """python-rtmidi has its own error for each thing amiss, and is not there at all on some systems."""
    if isinstance(error, ImportError):
        return MidiError(f"MIDI ports need python-rtmidi ({error}); install it, or cue over OSC")
    return MidiError(
        f"this machine has no MIDI ({error}); load its sequencer (on Linux: modprobe snd-seq), name another way in "
        "MIDO_BACKEND (such as mido.backends.rtmidi/UNIX_JACK), or cue over OSC"
    )
