"""What is fired while the host stands still sounds there too, for that is where its player listens.

On our beat, within some 20 ms, as there is none of the host's; when the host starts, what loops so comes to its beats.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.elsewhere import Landing
from bridge.plugin_desk.attached import Attached, Once
from bridge.plugin_desk.lost import next_pass
from bridge.timing.clocks import FrameTime
from bridge.timing.plugin_clock import HostMoment, PluginTimes

if TYPE_CHECKING:
    from bridge.player import Player

AT_ONCE_S = 0.01  # what is to sound in a host that stands is on its way so long, and waits for our next tick
OfferTo = Callable[[Attached, Landing, HostMoment], None]


class Standing:
    """One owner thread, the player's."""

    def __init__(self, player: "Player", *, times: PluginTimes, frame_time: FrameTime, offer_to: OfferTo) -> None:
        """`offer_to` places a landing in a host that plays."""
        self._player, self._times, self._frame_time, self._offer_to = player, times, frame_time, offer_to

    def take(self, there: Attached, landing: Landing, moment: HostMoment) -> None:
        """Keep a landing for an instance whose host stands, until its beat is here; the clip goes ahead."""
        once = Once(landing=landing, place_id=there.new_id(), host_beat=moment.beat, by_hand=True)
        there.standing[landing.landing_id] = once
        there.load(once)

    def tick(self, there: Attached, moment: HostMoment, now_s: float) -> None:
        """Let what is for a host that stands sound there, and bring what loops so to the beats of one that starts."""
        for landing_id, once in list(there.standing.items()):
            heard_s = self._frame_time.heard_s(once.landing.frame)
            if moment.playing:
                del there.standing[landing_id]
                self._offer_to(there, once.landing, self._times.at(there.instance.identity, heard_s) or moment)
            elif landing_id in there.promised and now_s >= heard_s - AT_ONCE_S:
                del there.standing[landing_id]
                once.host_beat = moment.beat  # which is not ahead of where it stands: so it sounds as it comes
                there.keep_once(once)
                there.promise(once.landing, moment.beat)
                there.place(once)
        for once in [one for one in there.once.values() if one.by_hand and moment.playing]:
            once.by_hand = False
            passes = self._player.launcher.passes(there.instance.track, once.landing.sound)
            if passes is not None:  # the host ends what was not on its beats
                beat = next_pass(self._player, passes)
                frame = self._player.transport.frame_at_beat(beat)
                there_then = self._times.at(there.instance.identity, self._frame_time.heard_s(frame)) or moment
                self._offer_to(there, replace(once.landing, beat=beat, frame=frame), there_then)
