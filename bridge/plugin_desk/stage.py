"""The plug-in as the other place where tracks are heard: an `Elsewhere`.

A track belongs to the host while an instance with its slot is connected and the host says its time. Its timeline lies
there as a sheet, ahead of time, and its pads; what else lands is placed at its beat of the host. When the plug-in's
clock leads, the host's beat is ours; otherwise it is the same beat of the nearest bar. While the host stands still,
what lands sounds there as well (`standing`). Whatever is not sure to be there in time sounds in our own output, and so
does what a host that is lost had yet to play (`lost`).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bridge.elsewhere import Answer, Landing
from bridge.engine_link import EngineStateChanged, LinkEvent
from bridge.plugin_desk.attached import SAME_BEAT, Attached, Item, Once
from bridge.plugin_desk.beside import Beside
from bridge.plugin_desk.hearing import Hearing
from bridge.plugin_desk.joined import Joined
from bridge.plugin_desk.lost import Lost
from bridge.plugin_desk.maker import Maker
from bridge.plugin_desk.pages import Pages
from bridge.plugin_desk.standing import AT_ONCE_S, Standing
from bridge.plugin_desk.wanted import Wanted
from bridge.plugin_port import PluginCame, PluginEvent, PluginGone, PluginPort, PluginSaid
from bridge.timing.clocks import FrameTime
from bridge.timing.plugin_clock import HostMoment, PluginClock, PluginTimes
from bridge.tracks.sound import Sound

if TYPE_CHECKING:
    from bridge.player import Player

MARGIN_S = 0.01  # what is on its way this long before its beat is there in time
ENDED_FADE_S = 0.02


class PluginStage:
    """All instances of the plug-in, for one player. One owner thread, the player's; closed with `close`."""

    def __init__(
        self,
        player: "Player",
        *,
        port: PluginPort,
        times: PluginTimes,
        clock: PluginClock | None,
        frame_time: FrameTime,
    ) -> None:
        """`clock`: the one that the music may follow, if the set has it among its sources."""
        self._player, self._port, self._times, self._frame_time = player, port, times, frame_time
        self._clock = clock
        self._clock_was = (False, 0)
        self._there: dict[bytes, Attached] = {}
        self._timeline = {(entry.cue, entry.beat) for entry in player.music.timeline}
        self._beside = Beside()
        self._maker = Maker(player)
        self._pages = Pages(player, maker=self._maker, beside=self._beside)
        self._wanted = Wanted(player, beside=self._beside)
        self._hearing = Hearing(player, frame_time=frame_time, times=times, wanted=self._wanted)
        self._joined = Joined(player, offset_beats=self._hearing.offset_beats)
        self._lost = Lost(player)
        self._standing = Standing(player, times=times, frame_time=frame_time, offer_to=self._offer_to)

    def close(self) -> None:
        """Make nothing more."""
        self._beside.close()

    # What instances say ----------------------------------------------------------------------------------------------

    def hear(self, event: PluginEvent) -> None:
        """Take in who comes, who is gone, and what is said."""
        match event:
            case PluginCame(instance):
                before = self._there.get(instance.identity)
                there = Attached(instance=instance, port=self._port, beside=self._beside, came_s=self._player.now_s())
                if before is not None and before.instance.track == instance.track:
                    there.continue_from(before)
                self._there[instance.identity] = there
            case PluginGone(instance):
                gone = self._there.pop(instance.identity, None)
                if gone is not None and not any(self._on(instance.track)):
                    self._lost.make_good(gone)
                    self._lost.take_over(instance.track)
            case PluginSaid(instance, message):
                there_now = self._there.get(instance.identity)
                if there_now is not None:
                    self._hearing.hear(there_now, message)

    def took(self, event: LinkEvent) -> bool:
        """Take in what the engine says of what was asked for hosts; False if it is about something else."""
        if isinstance(event, EngineStateChanged) and event.state == "ready":
            self._maker.try_again()
            for there in self._there.values():
                there.made_for = None  # what it refused is asked for again; what is there stays
        return self._maker.took(event) or self._wanted.took(event)

    # As the other place of a track -----------------------------------------------------------------------------------

    def offer(self, landing: Landing) -> None:
        """Place it at its beat of the host, unless the sheet has it there already."""
        for there in self._on(landing.cue.track):
            there.due.pop(landing.landing_id, None)
            there.standing.pop(landing.landing_id, None)
            moment = self._times.at(there.instance.identity, self._frame_time.heard_s(landing.frame))
            if moment is None or moment.offline:
                continue
            if moment.playing:
                self._offer_to(there, landing, moment)
            else:
                self._standing.take(there, landing, moment)

    def answer(self, landing_id: str) -> Answer:
        """Sure once clip and place are on their way, with a little time left until the host comes there."""
        answers = {self._answer_of(there, landing_id) for there in self._there.values()}
        return "heard" if "heard" in answers else "coming" if "coming" in answers else "no"

    def withdraw(self, landing_id: str) -> None:
        """Take it back; what the sheet has stays in the sheet."""
        for there in self._there.values():
            for landings in (there.due, there.standing, there.promised):
                landings.pop(landing_id, None)
            once = there.once.pop(landing_id, None)
            if once is not None:
                there.tell("/plugin/unplace", id=once.place_id)

    def sounded(self, landing: Landing) -> None:
        """A loop that took over in our own output ends what sounds in the host."""
        if landing.cue.loop:
            for there in self._on(landing.cue.track):
                there.once.clear()
                there.tell("/plugin/stop", fade_s=ENDED_FADE_S)

    def bent(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """Let the new sound take over wherever the instance has the old one, as that frame is heard.

        What the timeline turns inside a loop lies in the sheet already.
        """
        at_s = self._frame_time.heard_s(at_frame) - AT_ONCE_S
        for there in self._on(track):
            there.bends.append((at_s, old, new))
        self._bend(self._player.now_s())

    def _bend(self, now_s: float) -> None:
        for there in self._there.values():
            while there.bends and there.bends[0][0] <= now_s:
                _, old, new = there.bends.popleft()
                if there.has(old.take_id) and not there.turns_by_itself(old, new):
                    there.swap(old, new)

    def stop(self, track: str, *, fade_s: float) -> None:
        """Have the instances fade out, unless it was their own host that stopped or moved the music."""
        for there in self._on(track):
            there.forget_landings()
            if self._clock is None or self._clock.moved == self._clock_was:
                there.looked_at_s = None
                there.tell("/plugin/stop", fade_s=fade_s)
            else:
                there.looked_at_s = self._player.now_s()

    def tick(self, now_frame: int) -> None:
        """Keep the sheets current, and say again what there was no room for."""
        now_s = self._player.now_s()
        if self._clock is not None:
            self._clock_was = self._clock.moved
        for there in self._there.values():
            moment = self._times.at(there.instance.identity, now_s)
            self._pages.keep(there, moment, now_s=now_s, instances=len(self._there))
            if moment is not None:
                self._standing.tick(there, moment, now_s)
                self._joined.look(there, moment, now_s)
            for once in there.once.values():
                if once.number is None:
                    there.place(once)
        self._bend(now_s)
        self._wanted.tick(self._there)

    def _on(self, track: str) -> Iterator[Attached]:
        return (there for there in list(self._there.values()) if there.instance.track == track)

    def _offer_to(self, there: Attached, landing: Landing, moment: HostMoment) -> None:
        """`moment`: where the host will be when the landing's frame is heard."""
        bar_beats = self._player.meter.beats_per_bar
        offset_beats = round((moment.beat - landing.beat) / bar_beats) * bar_beats
        if (landing.cue.name, landing.beat) in self._timeline:
            item = self._in_sheet(there, landing)
            if item is not None and offset_beats == 0:
                there.due[landing.landing_id] = item, landing
            return  # the host has its own place in the timeline, and plays it there
        host_beat = landing.beat + offset_beats
        now = self._times.at(there.instance.identity, self._player.now_s())
        if now is not None and host_beat < now.beat + MARGIN_S * now.tempo_bpm / 60:
            host_beat += math.ceil((now.beat - host_beat) / bar_beats + SAME_BEAT) * bar_beats
        known = there.once.pop(landing.landing_id, None)
        place_id = known.place_id if known else there.new_id()
        once = Once(landing=landing, place_id=place_id, host_beat=host_beat)
        there.keep_once(once)
        if landing.landing_id in there.promised:
            there.promise(landing, host_beat)
        there.place(once)

    def _in_sheet(self, there: Attached, landing: Landing) -> Item | None:
        fitting = (
            item
            for item in there.items
            if item.kept
            and not item.continues
            and item.cue.name == landing.cue.name
            and abs(item.beat - landing.beat) < SAME_BEAT
        )
        return next(fitting, None)

    def _answer_of(self, there: Attached, landing_id: str) -> Answer:
        if (found := there.due.get(landing_id)) is not None:
            number, host_beat, landing = found[0].number, found[0].beat, found[1]
        elif (once := there.once.get(landing_id)) is not None:
            number, host_beat, landing = once.number, once.host_beat, once.landing
        elif (once := there.standing.get(landing_id)) is not None:
            number, host_beat, landing = there.load(once), once.host_beat, once.landing
        else:
            return "no"
        now = self._times.at(there.instance.identity, self._player.now_s())
        if now is None or now.offline or (not now.playing and landing_id not in there.standing):
            return "no"
        if not there.is_sent(number):
            return "coming"
        if landing_id in there.once and host_beat < now.beat + MARGIN_S * now.tempo_bpm / 60:
            return "no"
        there.due.pop(landing_id, None)
        there.promise(landing, host_beat)
        return "heard"
