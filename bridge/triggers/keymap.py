"""What MIDI means in a set: notes fire cues and scenes, controllers set numbers of cues and turn knobs.

What is to be remembered from one message to the next, as for soft takeover, the player does.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.set_words import SETTABLE, ControlTrigger, MidiTrigger, NoteTrigger, ShapeTrigger
from bridge.triggers.accent import accent_of
from bridge.triggers.heard import Controller, Heard, message_of
from osc_schemas.bounds import STEPS_OFFERED
from osc_schemas.shape import KNOB

if TYPE_CHECKING:
    import mido


@dataclass(slots=True)
class Keymap:
    """The MIDI triggers of a set. Any thread may put others in their place, all at once, while it is in use."""

    triggers: tuple[MidiTrigger, ...]

    def heard_from(self, event: "mido.Message") -> list[Heard]:
        """What a MIDI message asks of the bridge, in the order of the triggers; nothing if none fits it.

        Only the start of a note counts. A note-on of velocity 0 is a note-off, as MIDI has it.
        """
        if event.type == "note_on" and event.velocity > 0:
            return [
                _struck(trigger, event.velocity)
                for trigger in self.triggers
                if isinstance(trigger, NoteTrigger) and trigger.note == event.note and hears(trigger, event)
            ]
        if event.type == "control_change":
            return [
                _turned(trigger, event)
                for trigger in self.triggers
                if not isinstance(trigger, NoteTrigger) and trigger.cc == event.control and hears(trigger, event)
            ]
        return []


def _struck(trigger: NoteTrigger, velocity: int) -> Heard:
    if trigger.clock:
        return Heard(message=message_of(f"/clock/{trigger.clock}"), trigger="midi")
    message = message_of("/cue/go", name=trigger.cue) if trigger.cue else message_of("/scene/go", name=trigger.scene)
    return Heard(message=message, trigger="midi", accent=accent_of(velocity, trigger.velocity))


def _turned(trigger: ControlTrigger | ShapeTrigger, event: "mido.Message") -> Heard:
    if isinstance(trigger, ShapeTrigger):
        knob, position = trigger.knob, position_at(event.value, trigger)
        message = message_of("/take/shape", track=trigger.track, knob=knob, value=position)
        ends = trigger.range or (KNOB[knob].low, KNOB[knob].high)
    else:
        number = number_at(event.value, trigger)
        message = message_of("/cue/set", name=trigger.cue, key=trigger.key, value=number)
        ends = trigger.range
    # The same number on two channels may be two knobs of two controllers; each has to meet what the other left.
    controller = Controller(name=f"cc {event.control} on channel {event.channel + 1}", range=ends)
    return Heard(message=message, trigger="midi", controller=controller if trigger.takeover == "soft" else None)


def number_at(value: int, trigger: ControlTrigger) -> float:
    """Where a controller's 0 to 127 lies in the trigger's range, rounded to what the cue's number can be.

    >>> number_at(127, ControlTrigger(cc=20, set="kick.guidance_scale", range=(1, 8)))
    8.0
    """
    first, last = trigger.range
    number = first + (last - first) * value / 127
    if trigger.key == "steps":
        return float(min(STEPS_OFFERED, key=lambda steps: abs(steps - number)))
    return float(round(number)) if SETTABLE[trigger.key] else number


def position_at(value: int, trigger: ShapeTrigger) -> float:
    """Where a controller's 0 to 127 puts a knob. A centre detent is at 64, so that is exactly neutral where it can be.

    >>> knob = ShapeTrigger(cc=21, shape="drums.brightness")
    >>> position_at(0, knob), position_at(64, knob), position_at(127, knob)
    (-1.0, 0.0, 1.0)
    """
    knob = KNOB[trigger.knob]
    first, last = trigger.range or (knob.low, knob.high)
    middle = knob.neutral
    if first + last == 2 * middle or (trigger.range is None and first < middle < last):
        if value <= 64:
            return first + (middle - first) * value / 64
        return middle + (last - middle) * (value - 64) / 63
    return first + (last - first) * value / 127


def hears(trigger: MidiTrigger, event: "mido.Message") -> bool:
    """Whether a trigger listens on the channel that a message came on."""
    return trigger.channel is None or trigger.channel == event.channel + 1  # mido counts channels from 0
