"""What an instance of the plug-in is told ahead of a set: the timeline of its track, and its pads. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.knobs import turned
from bridge.set_words import MidiTrigger, NoteTrigger, TimelineEntry, TimelineMove
from bridge.wish import slot_of
from osc_schemas import bounds
from osc_schemas.cue import Cue
from osc_schemas.shape import NEUTRAL, Shape

FOR_EVER = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetEntry:
    """A cue of the timeline as the host gets it: at that beat of its own."""

    place_id: int  # from 1, the same for an entry as long as the set is the same
    cue: str
    beat: float
    until_beat: float = FOR_EVER  # where the next loop takes over


def sheet_of(timeline: Sequence[TimelineEntry], cues: Mapping[str, Cue], *, track: str) -> tuple[SheetEntry, ...]:
    """The timeline of one track by beat. Of two cues for one slot and beat, the later one counts, as when we play."""
    numbered = [(index + 1, entry) for index, entry in enumerate(timeline) if cues[entry.cue].track == track]
    by_place = {(entry.beat, slot_of(cues[entry.cue])): (place_id, entry) for place_id, entry in numbered}
    in_order = sorted(by_place.values(), key=lambda one: (one[1].beat, one[0]))
    loop_beats = [entry.beat for _, entry in in_order if cues[entry.cue].loop]
    return tuple(
        SheetEntry(
            place_id=place_id,
            cue=entry.cue,
            beat=entry.beat,
            until_beat=next_loop(entry.beat, loop_beats) if cues[entry.cue].loop else FOR_EVER,
        )
        for place_id, entry in in_order
    )


def next_loop(beat: float, loop_beats: Sequence[float]) -> float:
    """The first of `loop_beats` after `beat`, or `FOR_EVER`.

    >>> next_loop(4.0, [0.0, 4.0, 8.0])
    8.0
    """
    return min((other for other in loop_beats if other > beat), default=FOR_EVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad:
    """What a note of the host plays, and by how much the softest and the hardest stroke raise it."""

    cue: str
    soft_db: float = 0.0
    hard_db: float = 0.0


def pads_of(triggers: Sequence[MidiTrigger], cues: Mapping[str, Cue], *, track: str) -> dict[int, Pad]:
    """The pad of each note that the instance plays by itself.

    Of a note with several cues, the first. One that counts on a single channel is none, for an instance knows no
    channels; nor is one whose stroke bends the sound, for that takes other clips, or ends beyond what a gain can be.
    """
    pads: dict[int, Pad] = {}
    for trigger in triggers:
        if isinstance(trigger, NoteTrigger) and trigger.cue and trigger.channel is None:
            cue, (soft_db, hard_db) = cues[trigger.cue], trigger.velocity.get("gain_db", (0.0, 0.0))
            loudest_db, softest_db = cue.gain_db + max(soft_db, hard_db), cue.gain_db + min(soft_db, hard_db)
            within = softest_db >= bounds.GAIN_DB_LOW and loudest_db <= bounds.GAIN_DB_HIGH
            if cue.track == track and within and set(trigger.velocity) <= {"gain_db"}:
                pads.setdefault(trigger.note, Pad(cue=trigger.cue, soft_db=soft_db, hard_db=hard_db))
    return pads


def knobs_at(moves: Sequence[TimelineMove], *, track: str, beat: float | None, by_hand: Shape) -> Shape:
    """Where the knobs of a track stand on a beat of the sheet (None: on a pad).

    A track whose timeline turns knobs has them from that alone, whatever was played before; all else as they stand.
    """
    own = sorted((move for move in moves if move.track == track), key=lambda move: move.beat)
    if beat is None or not own:
        return by_hand
    knobs = NEUTRAL
    for move in own:
        if move.beat <= beat:
            knobs = turned(knobs, move.knob, move.value)
    return knobs
