"""The timeline, a little ahead of the music: its cues are asked for, and its knobs turned, before their beats come."""

import math
from typing import TYPE_CHECKING

from bridge.timeline import Timeline
from bridge.triggers.heard import unanswered
from osc_schemas.errors import SchemaError
from osc_schemas.shape import Shape

if TYPE_CHECKING:
    from bridge.player import Player

HORIZON_S = 1.0  # the mixer is told this far ahead, so a stall of ours shorter than that is never heard
PREFETCH_S = 4.0  # a timeline cue is asked for this long before its beat


class Ahead:
    """One owner thread, the player's."""

    def __init__(self, player: "Player") -> None:
        self._player = player
        self._timeline = Timeline(player.music.timeline, player.music.moves)

    def line_up(self, *, from_beat: float) -> None:
        """The music goes on from there."""
        self._timeline.line_up(from_beat=from_beat)

    def ask(self) -> None:
        """Ask for what the timeline will want soon."""
        player = self._player
        until_beat = player.transport.beat_at_frame(player.mixer.frame + player.frames(PREFETCH_S))
        for entry in self._timeline.entries_until(until_beat):
            if player.end_beat is not None and entry.beat >= player.end_beat:
                continue
            try:
                player.fire(player.cues[entry.cue], trigger="timeline", reply=unanswered, asked_beat=entry.beat)
            except SchemaError as error:
                player.refuse(unanswered, entry.cue, "bad-request", str(error))

    def turn(self) -> None:
        """Turn the knobs that the timeline turns soon, each to be heard on its beat: one beat of a track at a time."""
        player = self._player
        now_frame = player.mixer.frame
        until_beat = player.transport.beat_at_frame(now_frame + player.frames(HORIZON_S))
        blocked: set[str] = set()
        for moves in self._timeline.moves_before(until_beat):
            track, frame = moves[0].track, player.transport.frame_at_beat(moves[0].beat)
            if track in blocked or (frame > now_frame and player.shaper.waits_for_clip(track)):
                blocked.add(track)  # each is bent from the one before
                continue
            self._timeline.take_out(moves)
            positions = {move.knob: move.value for move in moves}
            player.shaper.turn(track, positions, reply=unanswered, from_frame=frame)
            player.armed.unsettle()

    def knobs_at(self, track: str, beat: float) -> Shape:
        """Where the knobs of a track stand on a beat, as far as the timeline says; without a beat, as they stand."""
        knobs = self._player.shaper.knobs(track)
        return self._timeline.knobs_at(track, beat, now=knobs) if math.isfinite(beat) else knobs
