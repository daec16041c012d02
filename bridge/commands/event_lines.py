"""What happens in a session, as lines: each event of the route table in the words of a musician, or as JSON."""

import json

from osc_schemas import codec
from osc_schemas.codec import Message

_HOW = {"on-time": "", "last-take": " (last take)", "next": " (late)", "now": " (late, off the grid)"}


def event_in(packet: bytes) -> Message:
    """The event that a subscriber is sent."""
    [message] = codec.read(packet, to="sender" if packet.startswith(b"/refused") else "subscribers")
    return message


def as_json(event: Message) -> str:
    """An event as one line of JSON."""
    return json.dumps({"event": event.route.address, **event.values})


def as_line(event: Message) -> str | None:
    """An event as a person reads it, or None for what would only scroll by.

    >>> from osc_schemas import codec
    >>> as_line(event_in(codec.write("/refused", what="kik", reason="bad-request", sentence="there is no cue 'kik'")))
    "         refused: there is no cue 'kik'"
    """
    match event.route.address:
        case "/launch":
            error_frames = event.whole("error_frames")
            off = f", {error_frames:+d} frames off" if error_frames else ""
            cue, how = event.text("cue"), event.text("how")
            return f"{_position(event):>7}  {cue} on {event.text('track')}{_HOW[how]}{off}"
        case "/clip/ready":
            took = f"{event.number('request_to_clip_ms'):.0f} ms"
            understood = f": {event.text('understood')}" if event.text("understood") else ""
            return f"         made {event.text('cue')} in {took}{understood}"
        case "/engine/state":
            return f"         engine {event.text('state')}: {event.text('detail')}"
        case "/host/state":
            return f"         {event.text('host')} {event.text('state')}: {event.text('sentence')}"
        case "/host/placed":
            where = f"slot {event.whole('slot')}" if event.whole("slot") else f"beat {event.number('beat'):g}"
            return f"         {event.text('cue')} lies in {event.text('host_track')}, {where}"
        case "/clock/event":
            return f"         {event.text('sentence')}"
        case "/refused":
            return f"         refused: {event.text('sentence')}"
    return None


def _position(event: Message) -> str:
    return f"{event.whole('bar')}.{event.number('beat'):.3g}"
