"""What already loops in a host when we come to it, or where it has jumped: known from the sheet and the host's place.

An instance says what begins. It says nothing of a loop that its project had before we were there, nor of one into whose
middle its host has gone.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.plugin_desk.attached import SAME_BEAT, Attached, Item
from bridge.plugin_desk.sheet import knobs_at
from bridge.timing.plugin_clock import HostMoment
from bridge.triggers.heard import unanswered
from bridge.wish import wish_met
from osc_schemas.shape import KNOBS, NEUTRAL

if TYPE_CHECKING:
    from bridge.player import Player

SAID_WITHIN_S = 0.5  # by then an instance has said itself what has just begun, or the timeline has


class Joined:
    """One owner thread, the player's."""

    def __init__(self, player: "Player", *, offset_beats: Callable[[Attached], float]) -> None:
        """`offset_beats`: the beat of an instance's host less ours."""
        self._player, self._offset_beats = player, offset_beats

    def look(self, there: Attached, moment: HostMoment, now_s: float) -> None:
        """Once for each run of a host, as soon as its sheet lies there: let the player know what must be looping."""
        if moment.epoch != there.run:
            there.run, there.looked_at_s = moment.epoch, now_s
        if there.looked_at_s is None or not moment.playing or moment.offline or not self._player.transport.playing:
            return
        if not there.complete:
            there.looked_at_s = now_s
        elif now_s - there.looked_at_s >= SAID_WITHIN_S:
            there.looked_at_s = None
            item = loop_at(there.items, moment.beat)
            if item is not None and self._player.launcher.looping(there.instance.track) is None:
                self._note(there, item, moment.beat)

    def _note(self, there: Attached, item: Item, host_beat: float) -> None:
        player, track, sound = self._player, there.instance.track, item.sound
        assert sound is not None
        moves = player.music.moves
        if any(move.track == track for move in moves):  # the sheet has them from there, whatever was played before
            stand, knobs = player.shaper.knobs(track), knobs_at(moves, track=track, beat=host_beat, by_hand=NEUTRAL)
            turned = {knob.name: getattr(knobs, knob.name) for knob in KNOBS}
            if knobs != stand:
                player.shaper.turn(track, turned, reply=unanswered)
        beat = item.beat - self._offset_beats(there)
        beat += max(0, math.ceil(-beat / item.cue.length_beats)) * item.cue.length_beats  # any pass of it will do
        wish = wish_met(item.cue, sound, trigger="timeline", asked_beat=beat)
        player.launcher.launch_elsewhere(wish, sound, frame=player.mixer.frame)


def loop_at(items: list[Item], host_beat: float) -> Item | None:
    """The entry of a sheet that loops at a beat of the host, if there is one and it has its sound."""
    begun = [item for item in items if item.kept and item.cue.loop and item.beat <= host_beat + SAME_BEAT]
    latest = max(begun, key=lambda item: (item.beat, item.place_id), default=None)
    return latest if latest is not None and latest.sound is not None else None
