"""What an instance of the plug-in is told ahead of a set: the timeline of its track, and its pads. Pure."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.knobs import turned
from bridge.set_words import MidiTrigger, NoteTrigger, TimelineEntry, TimelineMove
from bridge.wish import slot_of
from osc_schemas import bounds
from osc_schemas.cue import Cue
from osc_schemas.shape import NEUTRAL, Shape

FOR_EVER = -1.0
ENTRIES_MAX = 4_000  # of the 4096 places in an instance; the others are for what lands beside the sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetEntry:
    """A cue of the timeline as the host gets it: at that beat of its own."""

    place_id: int  # from 1, the same for an entry as long as the set is the same
    cue: str
    beat: float
    until_beat: float = FOR_EVER  # where the next loop takes over
    continues: bool = False  # it is the loop before it, whose knobs were turned


def sheet_of(
    timeline: Sequence[TimelineEntry], cues: Mapping[str, Cue], *, track: str, moves: Sequence[TimelineMove] = ()
) -> tuple[SheetEntry, ...]:
    """The timeline of one track by beat. Of two cues for one slot and beat, the later one counts, as when we play.

    A loop goes on in another shape from the first of its passes that begins where its track's knobs were turned, or
    after that.
    """
    numbered = [(index + 1, entry) for index, entry in enumerate(timeline) if cues[entry.cue].track == track]
    by_place = {(entry.beat, slot_of(cues[entry.cue])): (place_id, entry) for place_id, entry in numbered}
    in_order = sorted(by_place.values(), key=lambda one: (one[1].beat, one[0]))
    loop_beats = [entry.beat for _, entry in in_order if cues[entry.cue].loop]
    turned_beats = [move.beat for move in moves if move.track == track]
    more_ids = itertools.count(len(timeline) + 1)
    sheet = []
    for place_id, entry in in_order:
        cue, until_beat = cues[entry.cue], FOR_EVER
        lines = [entry.beat]
        if cue.loop:
            until_beat = next_loop(entry.beat, loop_beats)
            lines += lines_turned(entry.beat, turned_beats, length_beats=cue.length_beats, until_beat=until_beat)
        for line, end_beat in zip(lines, [*lines[1:], until_beat], strict=True):
            first = line == entry.beat
            sheet.append(
                SheetEntry(
                    place_id=place_id if first else next(more_ids),
                    cue=entry.cue,
                    beat=line,
                    until_beat=end_beat,
                    continues=not first,
                )
            )
    return tuple(sheet)


def lines_turned(beat: float, turned_beats: Sequence[float], *, length_beats: float, until_beat: float) -> list[float]:
    """The passes, by their beats, from which a loop has other knobs: the first at each of `turned_beats`, or after it.

    >>> lines_turned(0, [4, 5, 6, 40], length_beats=4, until_beat=16)
    [4, 8]
    """
    end_beat = math.inf if until_beat == FOR_EVER else until_beat
    passes = {math.ceil((at - beat) / length_beats - 1e-9) for at in turned_beats if at > beat}
    return [line for line in (beat + each * length_beats for each in sorted(passes)) if beat < line < end_beat]


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
