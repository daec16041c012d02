"""The sheet and the pads of an instance: made for its host's tempo, sent ahead, and made anew when that has changed."""

import math
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.plugin_desk import sheet
from bridge.plugin_desk.attached import CLIPS_BYTES_MAX, CLIPS_MAX, Attached, Item, Once
from bridge.plugin_desk.beside import Beside
from bridge.plugin_desk.maker import Maker, NoSound, seconds_until
from bridge.plugin_desk.sheet import knobs_at, pads_of, sheet_of
from bridge.retempo import at_tempo
from bridge.timing.plugin_clock import HostMoment
from bridge.timing.tempo_rule import tempo_deed
from bridge.tracks.sound import Sound
from bridge.triggers.heard import unanswered
from bridge.wish import wish_met
from osc_schemas import bounds
from osc_schemas.errors import SchemaError
from osc_schemas.shape import Shape

if TYPE_CHECKING:
    from bridge.player import Player

KNOBS_WAIT_S = 0.15  # for the knobs that its project has saved, which an instance says as soon as it is welcome
FIRST_WAIT_S = 0.3  # for the host to say its tempo; one without a transport never will
SETTLED_S = 0.6  # when tempo, knobs and cues have rested so long, a sheet is made for them
LOOKED_AT_MAX = 64  # entries in one tick, of all instances together
ORIGINALS_MAX = 256
PADS_WITHIN_S, ENTRY_WITHIN_S_LEAST = 10.0, 0.2


class Pages:
    """Keeps the sheet of every instance current. One owner thread, the player's."""

    def __init__(self, player: "Player", *, maker: Maker, beside: Beside) -> None:
        self._player, self._maker, self._beside = player, maker, beside
        self._began_s = -math.inf  # one sheet in a tick, for a long timeline takes its time
        self._said_full: set[tuple[str, str]] = set()  # of instances by name and track
        self._originals: dict[str, Sound] = {}  # by the take id of what was stretched: nothing is stretched twice

    def keep(self, there: Attached, moment: HostMoment | None, *, now_s: float, instances: int) -> None:
        """Begin a new sheet if it is time to, and bring the one that is begun forward, as its share of the tick."""
        if not there.instance.track:
            return
        if not there.has_room:  # nothing of it could be sent now
            return
        wanted = self._wanted(there, moment)
        if there.made_for is None:
            wait_s = KNOBS_WAIT_S if moment is not None else FIRST_WAIT_S
            if now_s - there.came_s >= wait_s and self._began_s != now_s:
                self._begin(there, wanted, now_s)
        elif wanted != there.made_for:
            if wanted != there.restless:
                there.restless, there.restless_since_s = wanted, now_s
            elif now_s - there.restless_since_s >= SETTLED_S and self._began_s != now_s:
                self._begin(there, wanted, now_s)
        else:
            there.restless = None
        self._go_on(there, moment, looked_at_max=max(1, LOOKED_AT_MAX // instances))
        name, track = there.instance.name, there.instance.track
        if there.is_full and (name, track) not in self._said_full:
            self._said_full.add((name, track))
            self._player.refuse(unanswered, track, "full", full_sentence(track))

    def _wanted(self, there: Attached, moment: HostMoment | None) -> tuple[float, Shape, tuple[object, ...]]:
        """All that a sheet follows from."""
        player, track = self._player, there.instance.track
        tempo_bpm = player.transport.tempo_at_beat(math.inf)
        if moment is not None and bounds.TEMPO_BPM_LOW <= moment.tempo_bpm <= bounds.TEMPO_BPM_HIGH:
            tempo_bpm = moment.tempo_bpm
        cues = tuple(cue for cue in player.cues.values() if cue.track == track)
        return round(tempo_bpm, 3), player.shaper.knobs(track), (cues, tuple(player.music.midi))

    def _begin(self, there: Attached, wanted: tuple[float, Shape, tuple[object, ...]], now_s: float) -> None:
        self._began_s = now_s
        player, track = self._player, there.instance.track
        tempo_bpm, by_hand, _ = wanted
        before = {item.key: item for item in there.items if item.once is None}
        entries = sheet_of(player.music.timeline, player.cues, track=track, moves=player.music.moves)
        there.is_full = len(entries) > sheet.ENTRIES_MAX
        items = [
            Item(
                cue=player.cues[one.cue],
                place_id=one.place_id,
                beat=one.beat,
                until_beat=one.until_beat,
                continues=one.continues,
            )
            for one in entries[: sheet.ENTRIES_MAX]
        ]
        items += [
            Item(cue=player.cues[pad.cue], note=note, soft_db=pad.soft_db, hard_db=pad.hard_db)
            for note, pad in pads_of(player.music.midi, player.cues, track=track).items()
        ]
        for note in sorted({item.note for item in before.values()} - {item.note for item in items} - {-1}):
            there.tell("/plugin/pad", note=note, take_id="", quantum_beats=0.0, loop=0)
        there.items, there.pending = [], deque()
        for item in items:
            knobs = knobs_at(
                player.music.moves, track=track, beat=item.beat if item.place_id else None, by_hand=by_hand
            )
            item.before = before.get(item.key)
            item.number = item.before.number if item.before is not None else None  # that lies there until then
            if item.before is not None and item.before.sound is None:
                item.before = item.before.before
            try:
                item.request = self._maker.request(item.cue, tempo_bpm=tempo_bpm, knobs=knobs)
            except SchemaError as error:  # too long at that tempo
                player.refuse(unanswered, item.cue.name, "bad-request", str(error))
                continue
            there.items.append(item)
            there.pending.append(item)
        if there.made_for is not None:
            self._bring_loops(there, tempo_bpm, by_hand)
        there.version += 1
        there.made_for, there.restless, there.complete = wanted, None, False
        there.tell("/plugin/sheet", version=there.version, entries=self._entries(there), complete=0)

    def _bring_loops(self, there: Attached, tempo_bpm: float, by_hand: Shape) -> None:
        """What loops beside the sheet has to come to the new tempo too; it takes over with its next pass."""
        looping = self._player.launcher.looping(there.instance.track)
        for once in there.once.values():
            cue, sound = once.landing.cue, once.landing.sound
            if sound is looping and cue.loop:
                before = Item(cue=cue, request=sound.request, sound=sound)
                request = self._maker.request(cue, tempo_bpm=tempo_bpm, knobs=by_hand)
                item = Item(cue=cue, place_id=once.place_id, once=once, request=request, before=before)
                there.items.append(item)
                there.pending.append(item)

    def _hand_over(self, there: Attached, once: Once, sound: Sound) -> bool:
        """Let a sound take over from what loops beside the sheet, unless that has gone by. False: try again."""
        launcher, old = self._player.launcher, once.landing.sound
        passes = launcher.passes(there.instance.track, old)
        if once.landing.landing_id not in there.once or passes is None or sound is old:
            return True
        before, once.landing = once.landing, replace(once.landing, sound=sound)
        if not there.place(once):
            once.landing = before
            return False
        wish = wish_met(before.cue, sound, trigger="api", asked_beat=passes[0])
        launcher.launch_elsewhere(wish, sound, frame=self._player.mixer.frame)
        return True

    @staticmethod
    def _entries(there: Attached) -> int:
        return sum(item.kept for item in there.items)

    def _go_on(self, there: Attached, moment: HostMoment | None, *, looked_at_max: int) -> None:
        for _ in range(min(looked_at_max, len(there.pending))):
            item = there.pending.popleft()
            if not self._is_done(there, item, moment):
                there.pending.append(item)
        if there.made_for is not None and not there.complete and not there.pending:  # a bounce waits for pads as well
            sent = sum(item.kept and item.sound is not None for item in there.items)
            number = there.tell("/plugin/sheet", version=there.version, entries=sent, complete=1)
            if number is not None:
                there.complete = True
                there.drop_unused()

    def _is_done(self, there: Attached, item: Item, moment: HostMoment | None) -> bool:
        """Whether it lies in the instance, or never will."""
        if item.sound is None:
            found = self._sound(item, moment)
            if isinstance(found, NoSound):
                item.number = None  # what lay there is forgotten with the old sheet
                return True
            if found is None:
                return False
            item.sound, item.before = found, None
        cue, sound = item.cue, item.sound
        if not there.has_memory(sound):
            there.is_full, item.sound, item.number = True, None, None
            return True
        if item.once is not None:
            return self._hand_over(there, item.once, sound)
        if there.give(sound, loop=cue.loop, length_beats=cue.length_beats) is None:
            return False
        if item.place_id:
            number = there.tell(
                "/plugin/place",
                id=item.place_id,
                take_id=sound.take_id,
                beat=item.beat,
                loop=int(cue.loop),
                until_beat=item.until_beat,
                kept=2 if item.continues else 1,
            )
        else:
            number = there.tell(
                "/plugin/pad",
                note=item.note,
                take_id=sound.take_id,
                quantum_beats=cue.quantum_beats,
                loop=int(cue.loop),
                soft_db=item.soft_db,
                hard_db=item.hard_db,
            )
        item.number = item.number if number is None else number
        return number is not None

    def _sound(self, item: Item, moment: HostMoment | None) -> Sound | NoSound | None:
        """What it plays: by its cue's tempo rule if only the tempo is another, and made by the engine else."""
        request = item.request
        assert request is not None
        if (old := self._before(item)) is not None:
            assert request.tempo_bpm is not None
            deed = tempo_deed(
                item.cue.tempo,
                made_for_bpm=old.request.tempo_bpm or request.tempo_bpm,
                tempo_bpm=request.tempo_bpm,
                engine_there=self._player.engine.state == "ready",
            )
            if deed == "leave":
                return old
            if deed == "stretch":
                return self._stretched(old, frames=request.frames, tempo_bpm=request.tempo_bpm)
        within_s = PADS_WITHIN_S
        if item.kept and moment is not None:
            within_s = max(ENTRY_WITHIN_S_LEAST, seconds_until(item.beat, moment.beat, moment.tempo_bpm))
        return self._maker.sound(item.cue, request, within_s=within_s)

    def _before(self, item: Item) -> Sound | None:
        """What it played at another tempo, if nothing else about it has changed."""
        if item.before is None or item.before.sound is None or item.before.request is None or item.request is None:
            return None
        same = item.before.cue == item.cue and item.before.request.shape == item.request.shape
        return item.before.sound if same else None

    def _stretched(self, old: Sound, *, frames: int, tempo_bpm: float) -> Sound | None:
        original = self._originals.get(old.take_id, old)
        take_id = f"{original.take_id}@{tempo_bpm:g}"
        made = self._beside.result(
            ("tempo", take_id, frames), lambda: at_tempo(original, frames=frames, tempo_bpm=tempo_bpm)
        )
        if made is None:
            return None
        self._originals[take_id] = original
        if len(self._originals) > ORIGINALS_MAX:
            del self._originals[next(iter(self._originals))]
        return replace(made, take_id=take_id)


def full_sentence(track: str) -> str:
    """Why the rest of a track is not heard in the host."""
    return (
        f"the plug-in on {track} is full: it takes {CLIPS_BYTES_MAX / 2**30:g} GiB in {CLIPS_MAX} clips and "
        f"{sheet.ENTRIES_MAX} entries of a timeline, so the rest sounds in Upbeat's own output; use fewer or shorter "
        "clips, or give some of them another track"
    )
