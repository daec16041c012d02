"""One cue from trigger to track. Start reading here: `hear` -> `fire` -> the engine -> `engine_said` -> `tick`.

The player is told everything: what was heard, what the engine said and, by the mixer, which frame it is. It never
waits and never sleeps; so live it runs on a thread beside the sound, offline as fast as it can, and in a test by hand.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bridge.ahead import HORIZON_S, PREFETCH_S, Ahead
from bridge.armed import ARMED_WAITS_S, Armed
from bridge.audience import Audience, Reply
from bridge.conductor import Conductor
from bridge.deeds import Deeds
from bridge.elsewhere import Elsewhere, Landing, nowhere
from bridge.engine_asked import EngineAsked
from bridge.engine_link import ClipArrived, EngineStateChanged, LinkEvent, RequestRefused
from bridge.late import Late
from bridge.launcher import Launcher
from bridge.library import Library
from bridge.retempo import Aside, at_once
from bridge.scheduler import Grid, LatencyBook, request_for
from bridge.set_file import Set
from bridge.set_words import MidiTrigger
from bridge.shaper import Shaper
from bridge.shelf import sound_key
from bridge.sounds import Sounds
from bridge.timing.arbiter import Arbiter
from bridge.timing.clocks import Clock
from bridge.timing.tempo import Meter
from bridge.timing.transport import Transport
from bridge.tracks import loudness
from bridge.tracks.mixer import Mixer, MixerFull
from bridge.tracks.sound import Sound
from bridge.triggers.heard import Heard, Trigger
from bridge.wish import How, Launch, Wish, slot_of
from osc_schemas import codec
from osc_schemas.cue import Cue
from osc_schemas.errors import CueError, SchemaError
from osc_schemas.request import GenerateRequest, Refusal

PREROLL_S = 1.0  # from play to the first beat, so that what stands on it can be made in time
SILENCE_PEAK = 10 ** (-60 / 20)  # a clip that stays under this is no sound
WISHES_MAX = 1_000


class Player:
    """Plays a set: turns what it hears into clips on tracks. One owner thread for every method."""

    def __init__(
        self,
        music: Set,
        *,
        mixer: Mixer,
        engine: EngineAsked,
        library: Library,
        place_ahead_frames: int,
        now_s: Callable[[], float],
        unix_s: Callable[[], float],
        exact: bool = False,
        arm: bool = False,
        output_name: str = "offline",
        clocks: Sequence[Clock] = (),
        aside: Aside = at_once,
        elsewhere: Callable[["Player"], Elsewhere] = nowhere,
    ) -> None:
        """`arm`: have what is played by hand made as soon as the engine is ready. `exact`: offline, nothing is late.

        `elsewhere` makes the one other place than our own output where tracks are heard.
        """
        self.music, self.mixer, self.engine, self.library = music, mixer, engine, library
        self.now_s, self.unix_s, self.output_name = now_s, unix_s, output_name
        self.audience = Audience()
        self.latencies = LatencyBook()
        self.meter = Meter(beats_per_bar=music.beats_per_bar)
        self.transport = Transport(tempo_bpm=music.tempo_bpm, sample_rate_hz=mixer.sample_rate_hz)
        self.arbiter = Arbiter(clocks, transport=self.transport, beats_per_bar=music.beats_per_bar)
        self.launcher = Launcher(
            list(music.tracks), mixer=mixer, transport=self.transport, meter=self.meter, tell=self.tell
        )
        self.cues = dict(music.cues)
        self.wishes: dict[str, Wish] = {}
        self.end_beat: float | None = None  # where timeline and loops end by themselves, as in a render
        self.sounds = Sounds(library, music.tracks, beats_per_bar=music.beats_per_bar)
        self.shaper = Shaper(
            engine=engine,
            launcher=self.launcher,
            mixer=mixer,
            sounds=self.sounds,
            tell=self.tell,
            refuse=self.refuse,
        )
        self.place_ahead_frames = place_ahead_frames
        self._exact = exact
        self._requests_made = 0
        self._deeds = Deeds(self)
        self.ahead = Ahead(self)
        self.armed = Armed(self, by_itself=arm, aside=aside)
        self.conductor = Conductor(self)
        self.late = Late(self)
        self.gains_db: dict[str, float] = {}
        self.on_scene: Callable[[float, str], None] = lambda beat, name: None  # on which beat a scene lands
        for cue in music.cues.values():  # so that a launch waits for no disk
            if cue.source is not None:
                library.hold(cue.source)
        for name, track in music.tracks.items():
            self.set_gain(name, track.gain_db, ramp_s=0.0)
        self.elsewhere = elsewhere(self)
        self.launcher.on_bent = self.elsewhere.bent

    # What comes in ---------------------------------------------------------------------------------------------------

    def hear(self, heard: Heard) -> None:
        """Do what a message asks. What cannot be done is answered with /refused; nothing else changes."""
        try:
            self._deeds.do(heard)
        except SchemaError as error:
            self.refuse(heard.reply, heard.message.route.address, "bad-request", str(error))

    def engine_said(self, event: LinkEvent) -> None:
        """Take in a clip, a refusal, or news of the engine's state."""
        match event:
            case ClipArrived():
                self._take_in(event)
            case RequestRefused():
                self._give_up(event.refusal)
            case EngineStateChanged():
                self.tell("/engine/state", state=event.state, detail=event.detail)
                if event.state == "ready":
                    self.armed.engine_is_ready()

    # From a cue to a wish --------------------------------------------------------------------------------------------

    def fire(
        self,
        cue: Cue,
        *,
        trigger: Trigger,
        reply: Reply,
        asked_beat: float | None = None,
        not_before_frame: int = 0,
        sound: Sound | None = None,
        grid: Grid | None = None,
    ) -> Wish:
        """Wish for `cue` at `asked_beat`, or on the first quantum (or line of `grid`) that leaves the engine its time.

        A sound that is at hand (given, or made before from the same words) needs no engine. Raises `CueError` when
        too much is under way.
        """
        now_frame = self.mixer.frame
        grid = grid or Grid(every_beats=cue.quantum_beats, from_beat=self.meter.from_beat)
        self.play()
        soonest_beat = self.transport.beat_at_frame(now_frame + self.place_ahead_frames)
        request = self.request(cue, beat=soonest_beat if asked_beat is None else asked_beat)
        at_hand = sound or self._nearly_at_hand(request, cue)
        if asked_beat is None:
            lookahead_s = 0.0 if at_hand else self.latencies.p99_s(request)
            earliest_frame = max(now_frame + self.place_ahead_frames + self.frames(lookahead_s), not_before_frame)
            asked_beat = grid.landing_beat(max(0.0, self.transport.beat_at_frame(earliest_frame)))
            if self.transport.tempo_at_beat(asked_beat) != request.tempo_bpm:
                request = self.request(cue, beat=asked_beat)
                at_hand = sound or self._nearly_at_hand(request, cue)
        wish = self.wish_for(cue, request, trigger=trigger, reply=reply, asked_beat=asked_beat, sound=at_hand)
        wish.grid = grid
        self.answer_where(wish)
        return wish

    def take_triggers(self, midi: Sequence[MidiTrigger]) -> None:
        """Go on with other MIDI triggers than the set had; what they fire is made now, as at the start."""
        self.music = replace(self.music, midi=tuple(midi))
        if self.engine.state == "ready":
            self.armed.engine_is_ready()

    def cancel(self, name: str) -> int:
        """Take back every wish of that cue, or the one of that request id. How many there were."""
        self.armed.forget(name)
        found = [wish for wish in self.wishes.values() if name in (wish.cue.name, wish.request.request_id)]
        for wish in found:
            self.drop(wish)
        return len(found)

    def cancel_all(self, *, track: str) -> None:
        """Take back every wish for a track."""
        for wish in [wish for wish in self.wishes.values() if wish.cue.track == track]:
            self.drop(wish)

    def wish_for(
        self,
        cue: Cue,
        request: GenerateRequest,
        *,
        trigger: Trigger,
        reply: Reply,
        asked_beat: float | None,
        sound: Sound | None,
    ) -> Wish:
        """A wish for what is asked; its engine is, unless `sound` is there. Raises `CueError` for one too many.

        `asked_beat` None: only to be made.
        """
        if len(self.wishes) >= WISHES_MAX:
            raise CueError(f"{WISHES_MAX} cues are under way already; wait, or take some back with /cue/cancel")
        for other in list(self.wishes.values()):  # the newest wish for a slot and a beat is the one that counts
            if other.asked_beat is None and sound_key(other.request) == sound_key(request):
                self.drop(other)  # it was armed, and is wanted sooner now, perhaps at another gain
            elif asked_beat is not None and other.asked_beat == asked_beat and other.slot == slot_of(cue):
                self.refuse(
                    other.reply, other.cue.name, "superseded", f"{other.cue.name} gave way to a newer {cue.name}"
                )
                self.drop(other)
        deadline_in_s = ARMED_WAITS_S
        if asked_beat is not None:
            ahead_frames = self.transport.frame_at_beat(asked_beat) - self.place_ahead_frames - self.mixer.frame
            deadline_in_s = max(0.0, ahead_frames / self.mixer.sample_rate_hz)
        request = replace(request, deadline_in_s=deadline_in_s)
        wish = Wish(cue=cue, trigger=trigger, reply=reply, request=request, asked_beat=asked_beat, sound=sound)
        self.wishes[request.request_id] = wish
        if sound is None:
            self.engine.request(request)
        return wish

    def request(self, cue: Cue, *, beat: float) -> GenerateRequest:
        """What the engine is asked for a cue that lands on `beat`, at the tempo of that beat; inf: as things stand."""
        self._requests_made += 1
        return request_for(
            cue,
            request_id=f"{cue.name[:40]}-{self._requests_made}",
            frames=self.transport.frames_in(cue.length_beats, from_beat=beat),
            sample_rate_hz=self.mixer.sample_rate_hz,
            tempo_bpm=self.transport.tempo_at_beat(beat),
            key=self.music.key,
            knobs=self.ahead.knobs_at(cue.track, beat),
            deadline_in_s=0.0,
            slot="",  # which wish outlives which depends on their beats, and those are ours to compare
            exact=self._exact,
        )

    # From the engine -------------------------------------------------------------------------------------------------

    def _take_in(self, event: ClipArrived) -> None:
        """Keep the clip as a take, ready it for its track, and note how long it took."""
        if self.shaper.took(event):  # and its time tells nothing about cues: bending takes less than making
            return
        clip, wish = event.clip, self.wishes.get(event.clip.request.request_id)
        self.latencies.note(clip.request, event.request_to_clip_ms / 1_000)
        if wish is None:  # taken back while it was made
            return
        if float(np.max(np.abs(clip.samples))) < SILENCE_PEAK:
            sentence = f"the engine made silence of {wish.cue.prompt!r}; say it in other words or take another seed"
            self._give_up(Refusal(request_id=clip.request.request_id, reason="silent", sentence=sentence))
            return
        wish.sound, wish.request_to_clip_ms = self.sounds.sound_of(clip, wish.cue), event.request_to_clip_ms
        self.sounds.keep(clip, wish.cue, wish.sound, request_to_clip_ms=event.request_to_clip_ms)
        self.tell(
            "/clip/ready",
            request_id=clip.request.request_id,
            cue=wish.cue.name,
            track=wish.cue.track,
            request_to_clip_ms=event.request_to_clip_ms,
            understood=clip.provenance.understood,
        )
        if wish.asked_beat is None:
            del self.wishes[clip.request.request_id]

    def _give_up(self, refusal: Refusal) -> None:
        """No clip will come: say so, and let the slot's last take stand in on the beat."""
        if self.shaper.given_up(refusal):
            return
        wish = self.wishes.pop(refusal.request_id, None)
        if wish is None or refusal.reason in ("cancelled", "superseded"):
            return
        self.refuse(wish.reply, wish.cue.name, refusal.reason, refusal.sentence)
        if wish.asked_beat is not None and (stand_in := self.launcher.stand_in(wish.cue)) is not None:
            frame = max(self.transport.frame_at_beat(wish.asked_beat), self.mixer.frame + self.place_ahead_frames)
            self.launch(wish, *stand_in, frame=frame, how="last-take")

    # From a wish to a track ------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Bring everything up to the present frame: what has sounded, what is due, what lies ahead."""
        now_frame = self.mixer.frame
        self.conductor.follow_clocks(now_frame)
        for launch, sound in self.launcher.note_what_sounded():
            self.shaper.keep(launch.take_id)
            self._tell_elsewhere(launch, sound)
        self.shaper.catch_up()
        self.armed.tick(now_frame)
        self.elsewhere.tick(now_frame)
        if not self.transport.playing:
            return
        self.ahead.ask()
        for wish in list(self.wishes.values()):
            if wish.asked_beat is not None:
                self._bring_forward(wish, now_frame)
        self.ahead.turn()
        until_frame = now_frame + self.frames(HORIZON_S)
        if self.end_beat is not None:
            until_frame = min(until_frame, self.transport.frame_at_beat(self.end_beat))
        self.launcher.plan(now_frame=now_frame, until_frame=until_frame)
        self.conductor.light_the_lamp(now_frame)

    def _bring_forward(self, wish: Wish, now_frame: int) -> None:
        """Hand a wish to its track when its beat is near; decide what becomes of one that is late."""
        assert wish.asked_beat is not None
        frame = self.transport.frame_at_beat(wish.asked_beat)
        # Half of what `fire` left, so that what was on time then is on time now.
        soonest_frame = now_frame + self.place_ahead_frames // 2
        if wish.sound is not None:
            if frame < soonest_frame:
                self.late.handle(wish, now_frame)
            elif frame < now_frame + self.frames(PREFETCH_S):
                self._bring_to_its_place(wish, wish.sound, frame, now_frame)
        elif frame < soonest_frame and not self._exact:
            self.late.handle(wish, now_frame)

    def _bring_to_its_place(self, wish: Wish, sound: Sound, frame: int, now_frame: int) -> None:
        """Offer a sound to whoever else may be the one to play it; when the time has come, have it played."""
        assert wish.asked_beat is not None
        landing_id = wish.request.request_id
        if wish.offered_beat != wish.asked_beat:
            wish.offered_beat = wish.asked_beat
            self.elsewhere.offer(
                Landing(landing_id=landing_id, cue=wish.cue, sound=sound, beat=wish.asked_beat, frame=frame)
            )
        if frame >= now_frame + self.frames(HORIZON_S):
            return
        answer = self.elsewhere.answer(landing_id)
        if answer == "coming" and frame >= now_frame + self.place_ahead_frames:
            return
        self.wishes.pop(landing_id)
        if answer == "heard":
            self.launcher.launch_elsewhere(wish, sound, frame=frame)
        else:
            self.elsewhere.withdraw(landing_id)
            self.launch(wish, wish.cue, sound, frame=frame, how=wish.how)

    def _tell_elsewhere(self, launch: Launch, sound: Sound) -> None:
        """Let others know what was heard here, and on which beat."""
        if launch.heard_frame is None:
            return
        beat = launch.asked_beat
        if launch.heard_frame != self.transport.frame_at_beat(beat):  # it was late, and off its beat
            beat = self.transport.beat_at_frame(launch.heard_frame)
        self.elsewhere.sounded(Landing(landing_id="", cue=launch.cue, sound=sound, beat=beat, frame=launch.heard_frame))

    def answer_where(self, wish: Wish) -> None:
        """Tell whoever asked where the wish will land, as far as is known now."""
        bar, beat = self.meter.position(wish.asked_beat or 0.0)
        wish.reply(
            codec.write(
                "/cue/planned",
                request_id=wish.request.request_id,
                cue=wish.cue.name,
                track=wish.cue.track,
                bar=bar,
                beat=beat,
            )
        )

    def launch(self, wish: Wish, cue: Cue, sound: Sound, *, frame: int, how: How) -> None:
        """Lay a sound on its track; `cue` is the wish's own, or that of the take that stands in."""
        try:
            self.launcher.launch(wish, cue, sound, frame=frame, how=how)
        except MixerFull as error:
            self.refuse(wish.reply, cue.name, "full", str(error))

    # The transport ---------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """Run from where the music stands, after a preroll in which what stands there can be made."""
        if not self.transport.playing:
            from_beat = self.arbiter.play(frame=self.mixer.frame, preroll_frames=self.frames(PREROLL_S))
            self.ahead.line_up(from_beat=from_beat)

    def stop(self, *, fade_s: float) -> None:
        """Stand still: what plays fades out, what was wished for is taken back."""
        self.arbiter.stop(frame=self.mixer.frame)
        self.stand_still(fade_s=fade_s)

    def stand_still(self, *, fade_s: float) -> None:
        """The same, because somebody else has stopped or moved the music."""
        self.transport.stop(at_frame=self.mixer.frame)
        self.clear_tracks(fade_s=fade_s)

    def clear_tracks(self, *, fade_s: float) -> None:
        """Fade out every track and take back what was to come."""
        for track in self.launcher.tracks:
            self.stop_track(track, fade_s=fade_s)

    def stop_track(self, track: str, *, fade_s: float) -> None:
        """Fade out one track and take back what was to come on it."""
        self.cancel_all(track=track)
        self.launcher.stop(track, fade_frames=self.frames(fade_s))
        self.elsewhere.stop(track, fade_s=fade_s)

    def turn_knob(self, track: str, knob: str, value: float | None, *, reply: Reply) -> None:
        """Bend what a track plays, and all that lands on it from now on. Raises `CueError`."""
        self.shaper.turn(track, {knob: value}, reply=reply)
        self.armed.unsettle()

    def set_gain(self, track: str, gain_db: float, *, ramp_s: float) -> None:
        """Bring a track to a gain."""
        self.gains_db[track] = gain_db
        self.mixer.set_track_gain(track, loudness.ratio(gain_db), ramp_frames=self.frames(ramp_s))

    # Small things ----------------------------------------------------------------------------------------------------

    def frames(self, seconds: float) -> int:
        """Seconds in frames of the output."""
        return round(seconds * self.mixer.sample_rate_hz)

    @property
    def ahead_s(self) -> float:
        """How long before its frame a sound must be handed to the mixer."""
        return self.place_ahead_frames / self.mixer.sample_rate_hz

    def tell(self, address: str, **values: codec.Value) -> None:
        """Send an event to all who subscribed."""
        self.audience.tell(codec.write(address, **values), now_s=self.now_s())

    def refuse(self, reply: Reply, what: str, reason: str, sentence: str) -> None:
        """Say no to whoever asked, and let the subscribers know."""
        packet = codec.write("/refused", what=what[:200], reason=reason, sentence=sentence)
        reply(packet)
        self.audience.tell(packet, now_s=self.now_s(), besides=reply)

    def _nearly_at_hand(self, request: GenerateRequest, cue: Cue) -> Sound | None:
        """What can land at once: the sound itself or, since knobs never delay a landing, another shape of it.

        The knobs bend that one as soon as it is on its track. Offline nothing is late, so nothing stands in.
        """
        sound = self.sounds.at_hand(request, cue) or self.shaper.claim(request)
        return sound or (None if self._exact else self.sounds.in_any_shape(request, cue))

    def drop(self, wish: Wish) -> None:
        """Take a wish back."""
        del self.wishes[wish.request.request_id]
        if wish.offered_beat is not None:
            self.elsewhere.withdraw(wish.request.request_id)
        if wish.sound is None:
            self.engine.cancel(wish.request.request_id)
