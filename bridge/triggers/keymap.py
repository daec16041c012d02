"""What MIDI means in a set: notes fire cues and scenes, controllers set numbers of cues. Pure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.set_words import SETTABLE, ControlTrigger, MidiTrigger, NoteTrigger
from bridge.triggers.heard import message_of
from osc_schemas.bounds import STEPS_OFFERED
from osc_schemas.codec import Message

if TYPE_CHECKING:
    import mido


@dataclass(frozen=True, slots=True)
class Keymap:
    """The MIDI triggers of a set."""

    triggers: tuple[MidiTrigger, ...]

    def messages_for(self, event: "mido.Message") -> list[Message]:
        """What a MIDI message asks of the bridge, in the order of the triggers; nothing if none fits it.

        Only the start of a note counts. A note-on of velocity 0 is a note-off, as MIDI has it.
        """
        if event.type == "note_on" and event.velocity > 0:
            return [
                message_of("/cue/go", name=trigger.cue) if trigger.cue else message_of("/scene/go", name=trigger.scene)
                for trigger in self.triggers
                if isinstance(trigger, NoteTrigger) and trigger.note == event.note and _hears(trigger, event)
            ]
        if event.type == "control_change":
            return [
                message_of("/cue/set", name=trigger.cue, key=trigger.key, value=number_at(event.value, trigger))
                for trigger in self.triggers
                if isinstance(trigger, ControlTrigger) and trigger.cc == event.control and _hears(trigger, event)
            ]
        return []


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


def _hears(trigger: MidiTrigger, event: "mido.Message") -> bool:
    return trigger.channel is None or trigger.channel == event.channel + 1  # mido counts channels from 0
