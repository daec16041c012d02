"""What a trigger hands on: one message of the route table, and the way back to whoever spoke."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bridge.triggers.accent import NO_ACCENT, Accent
from osc_schemas import codec
from osc_schemas.codec import Message, Value

Trigger = Literal["osc", "midi", "timeline", "api"]


class TriggerError(Exception):
    """A way in cannot be opened. The text says what was found, what was wanted and what to do."""


def unanswered(packet: bytes) -> None:
    """The reply of a trigger that cannot be answered, such as a MIDI note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Where a number comes from that is to be taken over softly, and from where to where that controller can bring it.

    A message without one says what it wants, and gets it.
    """

    name: str  # such as "cc 20"
    range: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message for the bridge, however it came in. A MIDI note arrives as /cue/go, like the rest."""

    message: Message
    trigger: Trigger
    reply: Callable[[bytes], None] = unanswered  # sends OSC bytes to whoever spoke; from any thread
    sender: str = ""  # such as "127.0.0.1:53211"; "" where nobody can be answered
    accent: Accent = NO_ACCENT  # how hard a note was struck
    controller: Controller | None = None  # what it was turned by, if that takes over softly


# Takes what was heard, on the trigger's own thread, and returns at once; raises `queue.Full` if it has no room.
OnHeard = Callable[[Heard], None]


def message_of(address: str, **values: Value) -> Message:
    """The message of the table for the bridge, as it would have come over the wire.

    Raises `WireError` for values that the table does not allow.

    >>> message_of("/cue/go", name="kick").text("name")
    'kick'
    """
    [message] = codec.read(codec.write(address, **values), to="bridge")
    return message
