"""A cue under way, and what became of it."""

from dataclasses import dataclass, field
from typing import Literal

from bridge.audience import Reply
from bridge.scheduler import Grid
from bridge.tracks.sound import Sound
from bridge.triggers.heard import Trigger, unanswered
from osc_schemas.cue import Cue
from osc_schemas.request import GenerateRequest

# on-time: as asked; last-take: an older take stood in; next: it missed its quantum and took a later one; now: it
# missed it and sounded as soon as it was there.
How = Literal["on-time", "last-take", "next", "now"]


@dataclass(slots=True, kw_only=True)
class Wish:
    """A cue that is asked for, perhaps made, and not yet handed to the mixer."""

    cue: Cue
    trigger: Trigger
    reply: Reply
    request: GenerateRequest
    asked_beat: float | None  # None: armed, to be kept until it is fired
    how: How = "on-time"
    sound: Sound | None = None
    request_to_clip_ms: float = 0.0
    grid: Grid = field(default_factory=lambda: Grid(every_beats=0.0))  # where it lands instead, if it is late
    offered_beat: float | None = None  # what others than our own output were told of its landing

    @property
    def slot(self) -> str:
        """Where it lies: loops take turns on their track, a one-shot only with itself."""
        return slot_of(self.cue)


def wish_met(cue: Cue, sound: Sound, *, trigger: Trigger, asked_beat: float) -> Wish:
    """What sounds already somewhere else than in our own output, so that it can be noted; nobody waits for it."""
    return Wish(cue=cue, trigger=trigger, reply=unanswered, request=sound.request, asked_beat=asked_beat, sound=sound)


@dataclass(slots=True, kw_only=True)
class Launch:
    """A clip that was handed to the mixer, and, once it sounds, the frame at which it was first heard."""

    cue: Cue
    trigger: Trigger
    asked_beat: float
    asked_frame: int
    how: How
    take_id: str
    request_to_clip_ms: float  # what the engine took for it; 0 if the take was at hand
    heard_frame: int | None = None

    @property
    def error_frames(self) -> int | None:
        """Heard less asked; None while it has not sounded."""
        return None if self.heard_frame is None else self.heard_frame - self.asked_frame


def slot_of(cue: Cue) -> str:
    """The slot of a cue: its track for a loop, its track and name for a one-shot."""
    return cue.track if cue.loop else f"{cue.track}/{cue.name}"
