"""From what was played and what it shall do to a MIDI trigger of a set, in words and as the set writes it. Pure."""

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from bridge.set_words import (
    CLOCK_DEEDS,
    SETTABLE,
    ControlTrigger,
    MidiTrigger,
    NoteTrigger,
    Set,
    ShapeTrigger,
    nearest,
)
from bridge.triggers.heard import TriggerError
from osc_schemas.shape import KNOB

if TYPE_CHECKING:
    import mido

Kind = Literal["cue", "scene", "clock", "shape", "set"]

CONTROLLERS_MAX = 119  # from 120 on they are messages for all of a channel, such as all notes off
VELOCITY_GAIN_DB = (-18.0, 0.0)  # from the softest hit to the hardest, where nobody says otherwise
# What a controller sweeps where nobody says otherwise; what other numbers are good for depends on the music.
USUAL_RANGES: dict[str, tuple[float, float]] = {"gain_db": (-24.0, 6.0), "seed": (0.0, 127.0), "steps": (1.0, 4.0)}
NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

_WORDS = re.compile(r"(?s)(?P<name>.*?)(?:\s+(?P<low>-?\d+(?:\.\d+)?)\s+(?P<high>-?\d+(?:\.\d+)?))?\s*")


class LearnError(TriggerError):
    """What was played cannot do what was asked. The text says what was found, what was wanted and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a note or a controller shall do."""

    kind: Kind
    name: str  # of the cue or the scene, or such as drums.brightness or kick.gain_db
    range: tuple[float, float] | None = None  # of a controller; None: the usual one
    velocity: bool = False  # hard hits are louder
    on_this_channel: bool = False  # and on no other

    @property
    def by_note(self) -> bool:
        """Whether a note does it, and not a controller."""
        return self.kind in ("cue", "scene", "clock")


def can_be_learned(event: "mido.Message") -> bool:
    """Whether a MIDI message is the start of a note, or a controller that is turned."""
    if event.type == "note_on":
        return bool(event.velocity > 0)
    return event.type == "control_change" and bool(event.control <= CONTROLLERS_MAX)


def told(event: "mido.Message") -> str:
    """What was played, in words; octaves are counted in two ways, so both are said.

    >>> import mido
    >>> told(mido.Message("note_on", note=36, velocity=101, channel=9))
    'note 36 (C1 where 60 is C3, C2 where it is C4), velocity 101, on channel 10'
    """
    if event.type == "note_on":
        name, octave = NOTE_NAMES[event.note % 12], event.note // 12 - 2
        names = f"{name}{octave} where 60 is C3, {name}{octave + 1} where it is C4"
        return f"note {event.note} ({names}), velocity {event.velocity}, on channel {event.channel + 1}"
    return f"controller {event.control} at {event.value}, on channel {event.channel + 1}"


def wanted_by(words: str, music: Set, *, by_note: bool) -> Wanted:
    """What a person asked for, such as `kick`, `scene drop`, `drums.brightness` or `kick.gain_db -12 0`.

    Raises `LearnError` for what is not in the set, or cannot be done by a note, or by a controller.
    """
    words = words.strip()
    return _wanted_of_note(words, music) if by_note else _wanted_of_controller(words)


def _wanted_of_note(words: str, music: Set) -> Wanted:
    if words in music.cues:
        return Wanted(kind="cue", name=words)
    if words.removeprefix("clock ").strip() in CLOCK_DEEDS and words.startswith("clock "):
        return Wanted(kind="clock", name=words.removeprefix("clock ").strip())
    scene = words.removeprefix("scene ").strip()
    if scene not in music.scenes:
        known = [*music.cues, *music.scenes]
        raise LearnError(f"the set has no cue or scene {words[:80]!r}" + nearest(scene, known))
    return Wanted(kind="scene", name=scene)


def _wanted_of_controller(words: str) -> Wanted:
    match = _WORDS.fullmatch(words)
    assert match is not None  # every text is a name at least
    name, last = match["name"], match["name"].rpartition(".")[2]
    if last not in KNOB and last not in SETTABLE:
        raise LearnError(
            "a controller turns a knob of a track, such as drums.brightness, or sets a number of a cue, such as "
            f"kick.gain_db, and {name[:80]!r} is neither" + nearest(last, [*KNOB, *SETTABLE])
        )
    ends = None if match["low"] is None else (float(match["low"]), float(match["high"]))
    return Wanted(kind="shape" if last in KNOB else "set", name=name, range=ends)


def trigger_for(event: "mido.Message", wanted: Wanted, music: Set) -> MidiTrigger:
    """The trigger that makes what was played do what is wanted.

    Raises `LearnError`, and `SetError` for names that the set has not, or a range that goes too far.
    """
    channel = event.channel + 1 if wanted.on_this_channel else None
    if wanted.by_note != (event.type == "note_on"):
        can = (
            "a note fires a cue or a scene" if event.type == "note_on" else "a controller turns a knob or sets a number"
        )
        raise LearnError(f"{can}; {wanted.name[:80]!r} is neither")
    trigger: MidiTrigger
    match wanted.kind:
        case "clock":
            trigger = NoteTrigger(note=event.note, channel=channel, clock=wanted.name)
        case "cue" | "scene":
            velocity = {"gain_db": VELOCITY_GAIN_DB} if wanted.velocity else {}
            names = {wanted.kind: wanted.name}
            trigger = NoteTrigger(note=event.note, channel=channel, velocity=velocity, **names)
        case "shape":
            trigger = ShapeTrigger(cc=event.control, shape=wanted.name, range=wanted.range, channel=channel)
        case "set":
            key = wanted.name.rpartition(".")[2]
            ends = wanted.range or USUAL_RANGES.get(key)
            if ends is None and key in SETTABLE:
                raise LearnError(f"{key} has no usual range; name both ends, such as --range 1 4")
            trigger = ControlTrigger(cc=event.control, set=wanted.name, range=ends or (0.0, 1.0), channel=channel)
    replace(music, midi=(*music.midi, trigger))  # which says what does not fit
    _check_new(trigger, music)
    return trigger


def _check_new(trigger: MidiTrigger, music: Set) -> None:
    for number, other in enumerate(music.midi, 1):
        share_a_channel = None in (trigger.channel, other.channel) or trigger.channel == other.channel
        if share_a_channel and _played(other) == _played(trigger) and does(other) == does(trigger):
            raise LearnError(f"{_played(trigger)} {does(trigger)} already (trigger {number} of the set); play another")


def also_does(trigger: MidiTrigger, music: Set) -> list[str]:
    """What else the same note or controller does already."""
    return [does(other) for other in music.midi if _played(other) == _played(trigger)]


def does(trigger: MidiTrigger) -> str:
    """What a trigger does, such as "fires kick"."""
    match trigger:
        case NoteTrigger(clock=deed) if deed:
            return "says that a bar begins"
        case NoteTrigger():
            return f"fires {trigger.cue}" if trigger.cue else f"fires the scene {trigger.scene}"
        case ControlTrigger():
            return f"sets {trigger.set}"
        case ShapeTrigger():
            return f"turns {trigger.shape}"


def table_of(trigger: MidiTrigger) -> dict[str, Any]:
    """A trigger as the set's file has it: what is as it is anyway is not written.

    >>> table_of(ShapeTrigger(cc=21, shape="drums.room"))
    {'cc': 21, 'shape': 'drums.room'}
    """
    table: dict[str, Any] = {}
    for field in fields(trigger):
        value = getattr(trigger, field.name)
        if value not in (field.default, {}):
            table[field.name] = _plain(value)
    return table


def _plain(value: object) -> object:
    match value:
        case tuple():
            return list(value)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
    return value


def _played(trigger: MidiTrigger) -> str:
    return f"note {trigger.note}" if isinstance(trigger, NoteTrigger) else f"controller {trigger.cc}"
