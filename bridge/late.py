"""A wish whose beat is here before its clip, or before we knew of it: the music never stops because of that."""

from typing import TYPE_CHECKING

from bridge.elsewhere import Landing
from bridge.scheduler import verdict
from bridge.tracks.sound import Sound
from bridge.wish import Wish

if TYPE_CHECKING:
    from bridge.player import Player


class Late:
    """One owner thread, the player's."""

    def __init__(self, player: "Player") -> None:
        self._player = player

    def handle(self, wish: Wish, now_frame: int) -> None:
        """Follow the cue's late rule, unless it sounds in a host that began before us."""
        player = self._player
        assert wish.asked_beat is not None
        stand_in = player.launcher.stand_in(wish.cue)
        sound = wish.sound or (stand_in and stand_in[1])
        if wish.trigger == "timeline" and sound is not None and self._began_elsewhere(wish, sound, now_frame):
            return
        rule = verdict(wish.cue, has_last_take=stand_in is not None)
        soonest_frame = now_frame + player.place_ahead_frames
        if rule == "drop":
            why = "the engine is lost" if player.engine.state == "lost" else "the engine was slower than expected"
            player.refuse(wish.reply, wish.cue.name, "late", f"{wish.cue.name} missed its beat, because {why}")
            player.drop(wish)
            return
        if rule == "last-take" and wish.how == "on-time" and stand_in is not None:
            frame = max(soonest_frame, player.transport.frame_at_beat(wish.asked_beat))
            player.launch(wish, *stand_in, frame=frame, how="last-take")
            if not wish.cue.loop:  # its beat has had its sound
                self._leave_to_the_shelf(wish)
                return
        wish.how = "now" if rule == "now" else "next"
        wait_s = 0.0 if wish.sound else player.latencies.p99_s(wish.request)
        earliest_beat = player.transport.beat_at_frame(soonest_frame + player.frames(wait_s))
        wish.asked_beat = earliest_beat if rule == "now" else wish.grid.landing_beat(earliest_beat)
        player.answer_where(wish)

    def _began_elsewhere(self, wish: Wish, sound: Sound, now_frame: int) -> bool:
        """Whether somebody who has the timeline too, and hears of a start before us, plays what is late for us."""
        player = self._player
        assert wish.asked_beat is not None
        landing_id, frame = wish.request.request_id, player.transport.frame_at_beat(wish.asked_beat)
        player.elsewhere.offer(
            Landing(landing_id=landing_id, cue=wish.cue, sound=sound, beat=wish.asked_beat, frame=frame)
        )
        if player.elsewhere.answer(landing_id) != "heard":
            player.elsewhere.withdraw(landing_id)
            return False
        player.launcher.launch_elsewhere(wish, sound, frame=max(frame, now_frame))
        self._leave_to_the_shelf(wish)
        return True

    def _leave_to_the_shelf(self, wish: Wish) -> None:
        """A clip that is still made is there for the next time."""
        wish.asked_beat = None
        if wish.sound is not None:
            del self._player.wishes[wish.request.request_id]
