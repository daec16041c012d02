"""What each message from outside does: one method for each row of the route table that the bridge hears."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.audience import SUBSCRIBERS_MAX
from bridge.library import TakeError
from bridge.scheduler import Grid
from bridge.set_words import cue_with, nearest
from bridge.triggers.heard import Heard
from bridge.triggers.takeover import Number, Takeover
from osc_schemas import bounds, codec
from osc_schemas.bounds import STEPS_OFFERED
from osc_schemas.cue import Cue
from osc_schemas.errors import CueError
from osc_schemas.routes import ROUTES
from osc_schemas.shape import NEUTRAL

if TYPE_CHECKING:
    from bridge.player import Player
    from bridge.tracks.sound import Sound
    from bridge.wish import Wish

STOP_FADE_S = 0.03
PANIC_FADE_S, PANIC_AGAIN_S = 0.1, 2.0
GAIN_RAMP_S = 0.02
SAID_CUES_MAX = 1_000  # /cue/say makes a cue; beyond this the oldest said ones are forgotten
REFINED_STEPS = 4  # or, if the model has no such number, as many as it has below


class Deeds:
    """Routes messages to methods. A row of the table without its method fails here, when a player is made."""

    def __init__(self, player: "Player") -> None:
        self._player = player
        self._panicked_at_s = -math.inf
        self._takeover = Takeover()
        self._said = 0  # how many cues /cue/say has made
        self._by_address: dict[str, Callable[[Heard], None]] = {
            route.address: getattr(self, re.sub("[<>]", "", route.address).strip("/").replace("/", "_"))
            for route in ROUTES
            if route.to == "bridge"
        }

    def do(self, heard: Heard) -> None:
        """Do what a message asks. Raises `SchemaError` with the sentence for whoever asked."""
        self._by_address[heard.message.route.address](heard)

    # Cues ------------------------------------------------------------------------------------------------------------

    def cue_go(self, heard: Heard) -> None:
        """Fire a cue of the set; in a bundle with a timetag, not before its time."""
        self._fire(self._cue(heard), heard)

    cue_name_go = cue_go

    def cue_say(self, heard: Heard) -> None:
        """Fire an ad-hoc cue; it can be fired again under its name, which /cue/planned tells."""
        player = self._player
        cue = Cue(
            name=f"said-{self._said + 1}",
            track=self._track(heard),
            prompt=heard.message.text("prompt"),
            length_beats=heard.message.number("length_beats"),
            quantum_beats=player.meter.beats_per_bar,
            seed=self._said,
        )
        self._fire(cue, heard)
        self._said += 1
        player.cues[cue.name] = cue
        player.cues.pop(f"said-{self._said - SAID_CUES_MAX}", None)

    def cue_set(self, heard: Heard) -> None:
        """Change one value of a cue, for when it is fired next."""
        cue, key, value = self._cue(heard), heard.message.text("key"), heard.message.number("value")
        changed = cue_with(cue, key, value)
        if self._may_turn(heard, (cue.name, key), value, now=cue, at_start=self._player.music.cues.get(cue.name)):
            self._player.cues[cue.name] = changed

    def cue_arm(self, heard: Heard) -> None:
        """Have a cue made now."""
        self._player.armed.arm(self._cue(heard), trigger=heard.trigger, reply=heard.reply)

    def cue_cancel(self, heard: Heard) -> None:
        """Take back a cue or a request."""
        name = heard.message.text("name")
        if not self._player.cancel(name):
            raise CueError(
                f"no cue or request {name[:80]!r} is under way; /clip/placed means it is on its track already"
            )

    def scene_go(self, heard: Heard) -> None:
        """Fire every cue of a scene, all on one landing: the latest that any of them needs."""
        player, name = self._player, heard.message.text("name")
        if name not in player.music.scenes:
            raise CueError(f"there is no scene {name[:80]!r}" + nearest(name, player.music.scenes))
        wishes = [self._fire(player.cues[cue], heard) for cue in player.music.scenes[name]]
        together_beat = max(wish.asked_beat or 0.0 for wish in wishes)
        for wish in wishes:
            if wish.asked_beat != together_beat:
                wish.asked_beat = together_beat
                player.answer_where(wish)
        player.on_scene(together_beat, name)

    # Takes -----------------------------------------------------------------------------------------------------------

    def take_again(self, heard: Heard) -> None:
        """Play the current take again."""
        cue, sound = self._current(heard)
        self._fire(cue, heard, sound=sound)

    def take_next(self, heard: Heard) -> None:
        """The same cue with the next seed."""
        cue, _ = self._current(heard)
        self._fire(replace(cue, seed=cue.seed + 1), heard)

    def take_previous(self, heard: Heard) -> None:
        """Back to the take before this one."""
        track = self._track(heard)
        history = self._player.launcher.history[track]
        if len(history) < 2:
            raise CueError(f"the track {track} has played {len(history)} takes; there is none before")
        history.pop()
        cue, sound = history.pop()  # launching it puts it back
        self._fire(cue, heard, sound=sound)

    def take_pin(self, heard: Heard) -> None:
        """Never drop the current take's samples."""
        _, sound = self._current(heard)
        self._player.shaper.keep(sound.take_id)
        try:
            self._player.library.pin(sound.take_id)
        except TakeError as error:
            raise CueError(str(error)) from error

    def take_refine(self, heard: Heard) -> None:
        """Make the current take again from the same seed at more steps, to take over where the loop's next pass begins.

        It is the draft's twin, so it comes in at the same place of the same loop and not wherever the quantum has it.
        """
        cue, sound = self._current(heard)
        offered = self._player.engine.steps_offered or STEPS_OFFERED
        if "steps" in heard.message.values:
            steps = heard.message.whole("steps")
            bounds.check_choice("steps", steps, offered, CueError)
        else:
            steps = max((number for number in offered if number <= REFINED_STEPS), default=offered[0])
            if steps <= cue.steps:
                more = ", ".join(str(number) for number in offered if number > cue.steps)
                what = f"name a number above that: {more}" if more else "the model makes no finer one"
                raise CueError(f"the take on {cue.track} was made at {cue.steps} steps already; {what}")
        passes = self._player.launcher.passes(cue.track, sound)
        grid = None if passes is None else Grid(from_beat=passes[0], every_beats=passes[1])
        self._fire(replace(cue, steps=steps), heard, grid=grid)

    def take_shape(self, heard: Heard) -> None:
        """Turn a knob of a track, or with reset all of them back."""
        track, knob = self._track(heard), heard.message.text("knob")
        value = heard.message.number("value") if "value" in heard.message.values else None
        knobs = self._player.shaper.knobs(track)
        if value is None or self._may_turn(heard, (track, knob), value, now=knobs, at_start=NEUTRAL):
            self._player.turn_knob(track, knob, value, reply=heard.reply)

    take_track_shape_knob = take_shape

    # Tracks and transport --------------------------------------------------------------------------------------------

    def track_stop(self, heard: Heard) -> None:
        """Fade a track out and take back what was wished for on it."""
        self._player.stop_track(self._track(heard), fade_s=STOP_FADE_S)

    def track_gain(self, heard: Heard) -> None:
        """Ramp a track's gain."""
        track, gain_db = self._track(heard), heard.message.number("gain_db")
        self._player.set_gain(track, gain_db, ramp_s=GAIN_RAMP_S)

    def transport_play(self, heard: Heard) -> None:
        """Run."""
        self._player.play()

    def transport_stop(self, heard: Heard) -> None:
        """Stand still."""
        self._player.stop(fade_s=STOP_FADE_S)

    def transport_tempo(self, heard: Heard) -> None:
        """Change the tempo from the first bar on that nothing is laid out for yet; with Link, everybody's, at once."""
        self._player.conductor.set_tempo(heard.message.number("tempo_bpm"))

    def transport_locate(self, heard: Heard) -> None:
        """Move to a bar and beat, counted from 1; what plays fades out, and the timeline goes on from there."""
        player = self._player
        beat = player.meter.beat_at(heard.message.whole("bar"), heard.message.number("beat"))
        player.conductor.locate(max(0.0, beat), fade_s=STOP_FADE_S)

    def clock_nudge(self, heard: Heard) -> None:
        """Shift all that is not laid out yet, against the beat of others."""
        self._player.transport.nudge_frames = self._player.frames(heard.message.number("ms") / 1_000)

    def clock_align(self, heard: Heard) -> None:
        """Say that a bar begins now, or in a bundle with a timetag then."""
        player, at_unix_s = self._player, heard.message.at_unix_s
        at_frame = None
        if at_unix_s is not None:
            at_frame = player.mixer.frame + player.frames(at_unix_s - player.unix_s() - player.ahead_s)
        player.conductor.align(at_frame=at_frame)

    def clock_nudge_beats(self, heard: Heard) -> None:
        """Let bars begin later or sooner."""
        self._player.conductor.nudge_bars(heard.message.number("beats"))

    def panic(self, heard: Heard) -> None:
        """Silence, fast; at the second call within 2 s, at once."""
        now_s = self._player.now_s()
        again = now_s - self._panicked_at_s < PANIC_AGAIN_S
        self._panicked_at_s = now_s
        self._player.stop(fade_s=0.0 if again else PANIC_FADE_S)

    # Questions -------------------------------------------------------------------------------------------------------

    def ping(self, heard: Heard) -> None:
        """Here."""
        heard.reply(codec.write("/pong", nonce=heard.message.values.get("nonce", 0)))

    def subscribe(self, heard: Heard) -> None:
        """Send events to whoever asks, for so long."""
        player, seconds = self._player, heard.message.whole("seconds")
        if not player.audience.subscribe(heard.sender, heard.reply, seconds=seconds, now_s=player.now_s()):
            raise CueError(f"{SUBSCRIBERS_MAX} have subscribed already; no more are taken until one of them ends")
        heard.reply(codec.write("/subscribed", seconds=seconds))

    def status(self, heard: Heard) -> None:
        """Transport, engine, every track, and an end mark."""
        player, now_frame = self._player, self._player.mixer.frame
        bar, beat = player.meter.position(max(0.0, player.transport.beat_at_frame(now_frame)))
        heard.reply(
            codec.write(
                "/status/transport",
                playing=int(player.transport.playing),
                tempo_bpm=player.transport.tempo_bpm(now_frame),
                bar=bar,
                beat=beat,
                output=player.output_name,
                clock=player.arbiter.leader,
            )
        )
        for clock in player.arbiter.status():
            heard.reply(
                codec.write(
                    "/status/clock",
                    clock=clock.name,
                    state=clock.state,
                    tempo_bpm=clock.tempo_bpm,
                    error_ms=clock.error_ms,
                    away_ms=clock.away_ms,
                    note=clock.note,
                )
            )
        p50_s, p99_s = player.latencies.overall_s()
        heard.reply(
            codec.write(
                "/status/engine",
                state=player.engine.state,
                family=player.engine.family,
                waiting=sum(wish.sound is None for wish in player.wishes.values()),
                latency_p50_ms=p50_s * 1_000,
                latency_p99_ms=p99_s * 1_000,
            )
        )
        for name in player.launcher.tracks:
            history = player.launcher.history[name]
            loops = player.launcher.looping(name)
            looping = [(cue, sound) for cue, sound in history if cue.loop and loops is sound]
            played = looping or list(history)
            waiting = any(wish.cue.track == name for wish in player.wishes.values())
            heard.reply(
                codec.write(
                    "/status/track",
                    track=name,
                    cue=played[-1][0].name if played else "",
                    take_id=played[-1][1].take_id if played else "",
                    gain_db=player.gains_db[name],
                    state="looping" if loops else "waiting" if waiting else "idle",
                )
            )
            for knob, value in player.shaper.knobs(name).turned.items():
                heard.reply(codec.write("/status/knob", track=name, knob=knob, value=value))
        heard.reply(codec.write("/status/end", tracks=len(player.launcher.tracks)))

    # Finding what a message names ------------------------------------------------------------------------------------

    def _fire(self, cue: Cue, heard: Heard, *, sound: "Sound | None" = None, grid: Grid | None = None) -> "Wish":
        player, cue = self._player, heard.accent.on(cue)
        not_before_frame = 0
        if heard.message.at_unix_s is not None:
            not_before_frame = player.mixer.frame + player.frames(heard.message.at_unix_s - player.unix_s())
        return player.fire(
            cue, trigger=heard.trigger, reply=heard.reply, not_before_frame=not_before_frame, sound=sound, grid=grid
        )

    def _may_turn(self, heard: Heard, number: Number, value: float, *, now: object, at_start: object) -> bool:
        """Whether a number is changed by whoever asks; a controller that takes over softly has to meet it first."""
        if heard.controller is None:
            return True
        present, first = getattr(now, number[1], None), getattr(at_start, number[1], None)
        return self._takeover.lets(heard.controller, number, value, present=present, at_start=first)

    def _cue(self, heard: Heard) -> Cue:
        name, cues = heard.message.text("name"), self._player.cues
        if name not in cues:
            raise CueError(f"there is no cue {name[:80]!r}" + nearest(name, cues))
        return cues[name]

    def _track(self, heard: Heard) -> str:
        name, tracks = heard.message.text("track"), self._player.launcher.tracks
        if name not in tracks:
            raise CueError(f"there is no track {name[:80]!r}" + nearest(name, tracks))
        return name

    def _current(self, heard: Heard) -> "tuple[Cue, Sound]":
        history = self._player.launcher.history[self._track(heard)]
        if not history:
            raise CueError(f"the track {heard.message.text('track')} has played no take yet; fire a cue on it first")
        return history[-1]
