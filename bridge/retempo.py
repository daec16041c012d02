"""When the tempo has changed, what loops is brought to it by its cue's rule: made again, stretched, or left alone.

It takes over where the loop's next pass begins, as any new take of the cue does, so nothing has a gap; until then each
pass of the old one begins on its beat.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.scheduler import Grid
from bridge.timing.tempo_rule import stretched, tempo_deed
from bridge.tracks.sound import Sound
from bridge.triggers.heard import unanswered
from bridge.wish import slot_of
from osc_schemas.cue import Cue
from osc_schemas.errors import CueError

if TYPE_CHECKING:
    from bridge.player import Player

Aside = Callable[[Callable[[], Sound], Callable[[Sound], None]], None]


def at_once(job: Callable[[], Sound], then: Callable[[Sound], None]) -> None:
    """Do a job here and now, for players that do not play live; a session does it on a thread beside the music."""
    then(job())


class Retempo:
    """Brings loops to the tempo. One owner thread, the player's."""

    def __init__(self, player: "Player", *, aside: Aside) -> None:
        """`aside` runs a job somewhere, and hands what it gave to the player's thread."""
        self._player, self._aside = player, aside
        self._originals: dict[str, Sound] = {}  # by take id, of what was stretched: nothing is stretched twice
        self._wanted_bpm: dict[str, float] = {}  # by take id: the tempo that it is being brought to

    def settle(self) -> None:
        """Look at all that loops, now that the tempo has rested for a while."""
        player = self._player
        if not player.transport.playing:
            return
        looping: set[str] = set()
        for name, track in player.launcher.tracks.items():
            for cue, sound in player.launcher.playing(name):
                if cue.loop and track.loops(sound):
                    looping.add(sound.take_id)
                    self._bring(cue, sound)
        self._originals = {take_id: sound for take_id, sound in self._originals.items() if take_id in looping}

    def _bring(self, cue: Cue, sound: Sound) -> None:
        player = self._player
        tempo_bpm = player.transport.tempo_at_beat(math.inf)
        made_for_bpm = sound.request.tempo_bpm
        if made_for_bpm is None or self._is_under_way(cue, tempo_bpm):
            return
        there = player.engine.state == "ready"
        deed = tempo_deed(cue.tempo, made_for_bpm=made_for_bpm, tempo_bpm=tempo_bpm, engine_there=there)
        if deed == "ask":
            self._fire(cue, sound, None)
        elif deed == "stretch" and self._wanted_bpm.get(sound.take_id) != tempo_bpm:
            self._wanted_bpm[sound.take_id] = tempo_bpm
            original = self._originals.setdefault(sound.take_id, sound)
            frames = player.transport.frames_in(cue.length_beats, from_beat=math.inf)
            self._aside(
                lambda: at_tempo(original, frames=frames, tempo_bpm=tempo_bpm),
                lambda fitting: self._take_over(cue, sound, fitting),
            )

    def _is_under_way(self, cue: Cue, tempo_bpm: float) -> bool:
        """Whether something for this tempo is to take over anyway."""
        return any(
            wish.slot == slot_of(cue) and wish.asked_beat is not None and wish.request.tempo_bpm == tempo_bpm
            for wish in self._player.wishes.values()
        )

    def _take_over(self, cue: Cue, sound: Sound, fitting: Sound) -> None:
        """A stretched sound is there: let it take over, unless the music has gone on to something else."""
        player = self._player
        if self._wanted_bpm.pop(sound.take_id, None) != player.transport.tempo_at_beat(math.inf):
            return
        if player.transport.playing and player.launcher.tracks[cue.track].loops(sound):
            self._fire(cue, sound, fitting)

    def _fire(self, cue: Cue, sound: Sound, fitting: Sound | None) -> None:
        player = self._player
        needs_s = player.ahead_s if fitting else player.ahead_s + player.latencies.p99_s(sound.request)
        soonest_beat = player.transport.beat_at_frame(player.mixer.frame + player.frames(needs_s))
        passes = player.launcher.tracks[cue.track].passes(sound)
        assert passes is not None, "only what loops is brought to a tempo"
        grid = Grid(from_beat=passes[0], every_beats=passes[1])
        asked_beat = grid.landing_beat(max(soonest_beat, player.transport.settled_beat, grid.from_beat))
        try:
            player.fire(cue, trigger="api", reply=unanswered, asked_beat=asked_beat, sound=fitting, grid=grid)
        except CueError as error:
            player.refuse(unanswered, cue.name, "bad-request", str(error))


def at_tempo(original: Sound, *, frames: int, tempo_bpm: float) -> Sound:
    """`original` stretched to so many frames without its tail, which is what it lasts at `tempo_bpm`. Takes long."""
    request = original.request
    total_frames = round(len(original.samples) * frames / request.frames)
    samples = stretched(original.samples, frames=total_frames, sample_rate_hz=request.sample_rate_hz)
    fitting = replace(request, frames=frames, tail_frames=total_frames - frames, tempo_bpm=tempo_bpm)
    return replace(original, samples=samples, request=fitting)
