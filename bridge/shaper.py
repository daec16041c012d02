"""What a track plays is bent by its knobs while it plays: asked for in its new shape, and swapped in at its place.

Knobs belong to a track, as on a mixing desk: all that lands on it goes through them, on top of the shape that its cue
has of its own. A controller sends a hundred positions a second; here each only says what is wanted. One request at a
time is under way for a track, and when its clip has taken over, the newest position is asked for: nothing queues up,
and the last one always arrives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bridge.audience import Reply
from bridge.engine_asked import EngineAsked
from bridge.engine_link import ClipArrived
from bridge.knobs import on_top_of, turned
from bridge.launcher import Launcher, Tell
from bridge.shelf import sound_key
from bridge.sounds import Sounds
from bridge.tracks.mixer import Mixer, MixerFull
from bridge.tracks.sound import Sound
from bridge.triggers.heard import unanswered
from osc_schemas.clip import Clip
from osc_schemas.cue import Cue
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.shape import KNOBS, NEUTRAL, Shape

Positions = Mapping[str, float | None]  # by knob; the value of reset is None

SWAP_S = 0.015  # a crossfade: long enough not to click, short enough to feel like a knob
HELD_S = 0.5  # a position that was in place so long is kept as a take
WITHIN_S = 0.05  # the deadline: before all that can wait, behind a cue that lands sooner


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A bent clip under way: what it is to take over from, and where the knobs stood."""

    request: GenerateRequest
    cue: Cue
    old: Sound
    knobs: Shape


@dataclass(slots=True, kw_only=True)
class _Strip:
    """The knobs of one track."""

    knobs: Shape = NEUTRAL
    told: Shape = NEUTRAL  # where those who listen know them to stand
    reply: Reply = unanswered  # of whoever turned one last
    asked: _Asked | None = None
    refused: Shape | None = None  # a position that the engine would not make; another one is asked for again
    from_frame: int = 0  # a position of the timeline does not sound before its beat
    swapped_frame: int = 0  # where the latest crossfade ends


@dataclass(slots=True, kw_only=True)
class _Fresh:
    """A bent sound on its track that is no take yet."""

    clip: Clip
    cue: Cue
    sound: Sound
    request_to_clip_ms: float
    since_frame: int


@dataclass(slots=True, kw_only=True)
class Shaper:
    """The knobs of all tracks, and what is bent by them. One owner thread."""

    engine: EngineAsked
    launcher: Launcher
    mixer: Mixer
    sounds: Sounds
    tell: Tell
    refuse: Callable[[Reply, str, str, str], None]
    _strips: dict[str, _Strip] = field(default_factory=dict)
    _fresh: dict[str, _Fresh] = field(default_factory=dict)  # by take id
    _requests_made: int = 0

    def knobs(self, track: str) -> Shape:
        """Where a track's knobs stand."""
        return self._strips[track].knobs if track in self._strips else NEUTRAL

    def turn(self, track: str, positions: Positions, *, reply: Reply, from_frame: int = 0) -> None:
        """Turn knobs, to be heard as soon as may be and not before `from_frame`. Raises `CueError`."""
        knobs = self.knobs(track)
        for knob, value in positions.items():
            knobs = turned(knobs, knob, value)
        strip = self._strips.setdefault(track, _Strip())
        strip.knobs = knobs
        strip.reply, strip.refused = reply, None
        strip.from_frame = max(from_frame, strip.from_frame)
        self._catch_up(track, strip)

    def catch_up(self) -> None:
        """Ask for what does not sound as its knobs stand; make takes of the positions that were held, or left in place.

        So at most one take in half a second is made of a track by its knobs, and one more of each clip that leaves it.
        """
        held_frames = self._frames(HELD_S)
        for take_id, fresh in list(self._fresh.items()):
            if self.mixer.frame - fresh.since_frame >= held_frames or not self._plays(fresh):
                self.keep(take_id)
        for track in self.launcher.tracks:  # also where no knob was turned: a hit may have a shape of its own
            self._catch_up(track, self._strips.setdefault(track, _Strip()))

    def waits_for_clip(self, track: str | None = None) -> bool:
        """Whether a bent clip of that track, or of any, is under way."""
        return any(strip.asked for name, strip in self._strips.items() if track in (None, name))

    def keep(self, take_id: str) -> None:
        """Make a take of a bent sound now, if it is none yet."""
        if (fresh := self._fresh.pop(take_id, None)) is not None:
            self.sounds.keep(fresh.clip, fresh.cue, fresh.sound, request_to_clip_ms=fresh.request_to_clip_ms)

    def finish(self) -> None:
        """Make takes of all that is in place: the music ends."""
        for take_id in list(self._fresh):
            self.keep(take_id)

    def claim(self, request: GenerateRequest) -> Sound | None:
        """The bent sound that `request` would give, if its track has it: it is to be launched, so it becomes a take."""
        fresh = self._fresh_for(request)
        if fresh is not None:
            self.keep(fresh.sound.take_id)
        return fresh.sound if fresh else None

    def took(self, event: ClipArrived) -> bool:
        """Let a bent clip take over. False if the clip is not for the knobs."""
        clip = event.clip
        for track, strip in self._strips.items():
            asked = strip.asked
            if asked is not None and asked.request.request_id == clip.request.request_id:
                strip.asked = None
                if any(sound is asked.old for _, sound in self.launcher.playing(track)):
                    sound = self.sounds.sound_of(clip, asked.cue)
                    at_frame = self._swap(track, strip, asked, sound)
                    self._fresh.setdefault(
                        sound.take_id,
                        _Fresh(
                            clip=clip,
                            cue=asked.cue,
                            sound=sound,
                            request_to_clip_ms=event.request_to_clip_ms,
                            since_frame=at_frame,
                        ),
                    )
                self._catch_up(track, strip)
                return True
        return False

    def given_up(self, refusal: Refusal) -> bool:
        """Say why a position is not to be had, and leave the sound as it is. False if it is not about the knobs."""
        for track, strip in self._strips.items():
            if strip.asked is not None and strip.asked.request.request_id == refusal.request_id:
                strip.refused, strip.asked = strip.asked.request.shape, None
                self.refuse(strip.reply, f"the knobs of {track}", refusal.reason, refusal.sentence)
                return True
        return False

    def _catch_up(self, track: str, strip: _Strip) -> None:
        """Bring what plays to where the knobs stand: one sound at a time, what loops before what was struck last."""
        at_frame = max(self.mixer.frame, strip.from_frame)
        if strip.asked is not None or at_frame < strip.swapped_frame:
            return
        for cue, old in self.launcher.playing(track, at_frame=at_frame):
            shape = on_top_of(cue.shape, strip.knobs)
            if shape in (old.request.shape, strip.refused):
                continue
            self._requests_made += 1
            request = replace(
                old.request,
                request_id=f"{cue.name[:40]}-shaped-{self._requests_made}",
                shape=shape,
                deadline_in_s=WITHIN_S,
            )
            asked = _Asked(request=request, cue=cue, old=old, knobs=strip.knobs)
            fresh = self._fresh_for(request)
            sound = fresh.sound if fresh else self.sounds.at_hand(request, cue)
            if sound is not None:
                self._swap(track, strip, asked, sound)
            else:
                strip.asked = asked
                self.engine.request(request)
            return

    def _swap(self, track: str, strip: _Strip, asked: _Asked, sound: Sound) -> int:
        """Let `sound` take over from what it was bent from. From which frame."""
        at_frame = max(self.mixer.frame, strip.from_frame, strip.swapped_frame)
        fade_frames = self._frames(SWAP_S)
        try:
            self.launcher.bend(track, asked.old, sound, at_frame=at_frame, fade_frames=fade_frames)
        except MixerFull as error:
            self.refuse(strip.reply, f"the knobs of {track}", "full", str(error))
        strip.swapped_frame = at_frame + fade_frames
        passed = self._fresh.get(asked.old.take_id)
        if passed is not None and not self._plays(passed):
            if at_frame - passed.since_frame >= self._frames(HELD_S):
                self.keep(asked.old.take_id)
            else:
                del self._fresh[asked.old.take_id]
        for knob in KNOBS:
            value = getattr(asked.knobs, knob.name)
            if value != getattr(strip.told, knob.name):
                self.tell("/take/shaped", track=track, take_id=sound.take_id, knob=knob.name, value=value)
        strip.told = asked.knobs
        return at_frame

    def _plays(self, fresh: _Fresh) -> bool:
        playing = self.launcher.playing(fresh.cue.track)
        return any(sound.take_id == fresh.sound.take_id for _, sound in playing)

    def _fresh_for(self, request: GenerateRequest) -> _Fresh | None:
        key = sound_key(request)
        return next((fresh for fresh in self._fresh.values() if sound_key(fresh.sound.request) == key), None)

    def _frames(self, seconds: float) -> int:
        return round(seconds * self.mixer.sample_rate_hz)
