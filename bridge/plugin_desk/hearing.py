"""What instances of the plug-in say, done: the host's notes and parameters, and what it has launched."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.plugin_desk.attached import Attached
from bridge.plugin_desk.wanted import Wanted
from bridge.timing.clocks import FrameTime
from bridge.timing.plugin_clock import PluginTimes
from bridge.tracks.sound import Sound
from bridge.triggers.heard import Heard, Trigger, message_of
from bridge.triggers.keymap import Keymap
from bridge.wish import Launch, wish_met
from osc_schemas import codec
from osc_schemas.codec import Message
from osc_schemas.cue import Cue
from osc_schemas.errors import SchemaError
from osc_schemas.shape import KNOB

if TYPE_CHECKING:
    from bridge.player import Player


class Hearing:
    """One owner thread, the player's."""

    def __init__(self, player: "Player", *, frame_time: FrameTime, times: PluginTimes, wanted: Wanted) -> None:
        self._player, self._frame_time, self._times, self._wanted = player, frame_time, times, wanted

    def hear(self, there: Attached, message: Message) -> None:
        """Do what an instance says."""
        match message.route.address:
            case "/plugin/note":
                self._note(there, message)
            case "/plugin/turn":
                self._turn(there, message.text("what"), message.number("value"))
            case "/plugin/want":
                self._wanted.want(there, message.text("take_id"))
            case "/plugin/launched":
                self._launched(there, message)

    # Triggers --------------------------------------------------------------------------------------------------------

    def _note(self, there: Attached, message: Message) -> None:
        """What a MIDI port would have it do, but for the cue that the instance's own pad has sounded already."""
        import mido

        note, played = message.whole("note"), message.whole("played") == 1
        event = mido.Message(
            "note_on", note=note, velocity=message.whole("velocity"), channel=message.whole("channel") - 1
        )
        own = next((item.cue.name for item in there.items if item.note == note), None) if played else None
        for heard in Keymap(tuple(self._player.music.midi)).heard_from(event):
            if own is not None and heard.message.values.get("name") == own:
                own = None  # once: a scene of the same name is another thing, and comes after
                continue
            self._player.hear(replace(heard, reply=self._reply_to(there)))

    def _turn(self, there: Attached, what: str, value: float) -> None:
        """Take a parameter of the host at its word: it is a number of the project's own, drawn or remembered.

        So there is no soft takeover, which is for a hand on a controller that stands elsewhere: automation that had to
        meet a knob first would be silent at random. A controller of ours meets what the host has left, as ever.
        """
        track, reply = there.instance.track, self._reply_to(there)
        try:
            if what == "panic":
                if value > 0:
                    self._do("/panic", reply)
            elif not track:
                raise SchemaError(f"this instance plays no track of the set, so {what[:80]} turns nothing; take a slot")
            elif what == "fire":
                self._fire(track, round(value), reply)
            elif what in KNOB:
                self._do("/take/shape", reply, track=track, knob=what, value=value)
            else:
                raise SchemaError(
                    f"there is no parameter {what[:80]!r}; it must be fire, panic or one of {', '.join(KNOB)}"
                )
        except SchemaError as error:
            there.tell("/plugin/refused", what="/plugin/turn", reason="bad-request", sentence=str(error))

    def _fire(self, track: str, number: int, reply: Callable[[bytes], None]) -> None:
        """Fire a cue of the track by its number, from 1; 0 is where the parameter rests."""
        if number == 0:
            return
        names = [cue.name for cue in self._player.music.cues.values() if cue.track == track]
        if not 1 <= number <= len(names):
            raise SchemaError(f"fire is {number}, and the track {track} has {len(names)} cues; take one of them")
        self._do("/cue/go", reply, name=names[number - 1])

    def _do(self, address: str, reply: Callable[[bytes], None], **values: codec.Value) -> None:
        self._player.hear(Heard(message=message_of(address, **values), trigger="api", reply=reply))

    def _reply_to(self, there: Attached) -> Callable[[bytes], None]:
        """What is refused goes back to the instance; it has no ears for the rest."""

        def reply(packet: bytes) -> None:
            for message in codec.read(packet, to="sender"):
                if message.route.address == "/refused":
                    there.tell("/plugin/refused", **message.values)

        return reply

    # What sounded ----------------------------------------------------------------------------------------------------

    def _launched(self, there: Attached, message: Message) -> None:
        """Tell all who listen, and note what came from a pad or from the host's own way through the sheet."""
        player, take_id, host_beat = self._player, message.text("take_id"), message.number("beat")
        found = self._played(there, take_id)
        if found is None:
            return
        cue, sound, trigger = found
        our_beat = max(0.0, host_beat - self.offset_beats(there))
        frame = player.mixer.frame
        if not there.keeps_promise(cue.name, host_beat):
            wish = wish_met(cue, sound, trigger=trigger, asked_beat=our_beat)
            player.launcher.launch_elsewhere(wish, sound, frame=frame)
        error_frames = message.whole("error_frames")
        player.launcher.launches.append(
            Launch(
                cue=cue,
                trigger=trigger,
                asked_beat=our_beat,
                asked_frame=frame,
                how="on-time",
                take_id=take_id,
                request_to_clip_ms=0.0,
                heard_frame=frame + error_frames,
            )
        )
        bar, beat = player.meter.position(our_beat)
        player.tell(
            "/launch",
            take_id=take_id,
            cue=cue.name,
            track=cue.track,
            bar=bar,
            beat=beat,
            error_frames=error_frames,
            how="on-time",
        )

    @staticmethod
    def _played(there: Attached, take_id: str) -> tuple[Cue, Sound, Trigger] | None:
        """The cue and sound of a take that the instance has."""
        for once in reversed(there.once.values()):
            if once.landing.sound.take_id == take_id:
                return once.landing.cue, once.landing.sound, "api"
        for item in there.items:
            if item.sound is not None and item.sound.take_id == take_id:
                return item.cue, item.sound, "timeline" if item.place_id else "midi"
        return None

    def offset_beats(self, there: Attached) -> float:
        """The host's beat less ours, in whole bars; 0 while one of the two stands."""
        player, bar_beats = self._player, self._player.meter.beats_per_bar
        frame = player.mixer.frame
        moment = self._times.at(there.instance.identity, self._frame_time.heard_s(frame))
        if moment is None or not moment.playing or not player.transport.playing:
            return 0.0
        return round((moment.beat - player.transport.beat_at_frame(frame)) / bar_beats) * bar_beats
