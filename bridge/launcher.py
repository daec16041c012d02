"""From a sound to its track, and from the mixer's report to everyone's ears: what was laid out, and what was heard."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from bridge.timing.tempo import Meter
from bridge.timing.transport import Transport
from bridge.tracks.mixer import Mixer, VoiceId
from bridge.tracks.sound import Sound
from bridge.tracks.track import MOVED_FRAMES, Track
from bridge.wish import How, Launch, Wish, slot_of
from osc_schemas.codec import Value
from osc_schemas.cue import Cue

HISTORY_MAX, LAUNCHES_MAX = 100, 100_000
FORGOTTEN_AFTER_S = 2.0  # a voice that has not sounded so long after its frame never will


class Tell(Protocol):
    """Sends an event to all who subscribed."""

    def __call__(self, address: str, **values: Value) -> None:
        """`values` by argument name of the route at `address`."""


class OnBent(Protocol):
    """Is told of a sound that takes over from another, the same in other samples."""

    def __call__(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """`at_frame`: from where on the new one sounds."""


def _unheeded(track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
    """Nobody listens."""


class Launcher:
    """The tracks, what was launched on them, and what they played. One owner thread."""

    def __init__(
        self, track_names: Sequence[str], *, mixer: Mixer, transport: Transport, meter: Meter, tell: Tell
    ) -> None:
        self.tracks = {name: Track(name, mixer, transport) for name in track_names}
        self.launches: deque[Launch] = deque(maxlen=LAUNCHES_MAX)
        self.history: dict[str, deque[tuple[Cue, Sound]]] = {name: deque(maxlen=HISTORY_MAX) for name in track_names}
        self.meter = meter
        self._mixer, self._transport, self._tell = mixer, transport, tell
        self.on_bent: OnBent = _unheeded
        self._unheard: dict[
            VoiceId, tuple[Launch, Sound]
        ] = {}  # a launch may have two, one to take over from the other
        self._on_beat: set[VoiceId] = set()  # one-shots that are not heard yet and belong on their beat
        self._looped: dict[str, list[tuple[Cue, Sound]]] = {name: [] for name in track_names}
        self._elsewhere: dict[str, tuple[Cue, Sound, float]] = {}  # what loops on a track elsewhere, from which beat

    def launch(self, wish: Wish, cue: Cue, sound: Sound, *, frame: int, how: How) -> None:
        """Lay a sound on its track; `cue` is the wish's own, or that of the take that stands in. Raises `MixerFull`."""
        track = self.tracks[cue.track]
        launch = Launch(
            cue=cue,
            trigger=wish.trigger,
            asked_beat=self._transport.beat_at_frame(frame) if wish.asked_beat is None else wish.asked_beat,
            asked_frame=frame,
            how=how,
            take_id=sound.take_id,
            request_to_clip_ms=wish.request_to_clip_ms,
        )
        if (
            how == "last-take" and (loops := self.looping(cue.track)) and loops.take_id == sound.take_id
        ):  # what loops goes on by itself
            launch.heard_frame = frame
            self._tell_of(launch)
            return
        if cue.loop:
            voice = track.launch_loop(
                sound,
                beat=launch.asked_beat,
                frame=frame,
                length_beats=cue.length_beats,
                swap_frames=round(cue.swap_fade_ms / 1_000 * self._mixer.sample_rate_hz),
            )
            self._elsewhere.pop(cue.track, None)
            self._looped[cue.track] = [*(one for one in self._looped[cue.track] if track.loops(one[1])), (cue, sound)]
        else:
            self._take_the_place_of(cue, frame)
            voice = track.launch_once(sound, frame=frame)
            if frame == self._transport.frame_at_beat(launch.asked_beat):
                self._on_beat.add(voice)
        self.launches.append(launch)
        self._unheard[voice] = (launch, sound)
        self._note(cue, sound, launch.asked_beat)

    def launch_elsewhere(self, wish: Wish, sound: Sound, *, frame: int) -> None:
        """Note a sound that is heard from somewhere else from that frame on; a loop ends what loops here."""
        cue, beat = wish.cue, self._transport.beat_at_frame(frame) if wish.asked_beat is None else wish.asked_beat
        if cue.loop:
            swap_frames = round(cue.swap_fade_ms / 1_000 * self._mixer.sample_rate_hz)
            self.tracks[cue.track].end_loops(at_frame=frame, swap_frames=swap_frames)
            self._elsewhere[cue.track] = (cue, sound, beat)
        self._note(cue, sound, beat)

    def _note(self, cue: Cue, sound: Sound, asked_beat: float) -> None:
        history = self.history[cue.track]
        if history and history[-1][1].take_id == sound.take_id:
            history.pop()  # the same take, perhaps at another gain: what it is played at now is what counts
        history.append((cue, sound))
        bar, beat = self.meter.position(asked_beat)
        self._tell("/clip/placed", take_id=sound.take_id, cue=cue.name, track=cue.track, bar=bar, beat=beat)

    def looping(self, track: str) -> Sound | None:
        """What loops on a track, here or elsewhere."""
        elsewhere = self._elsewhere.get(track)
        return self.tracks[track].looping or (elsewhere[1] if elsewhere else None)

    def passes(self, track: str, sound: Sound) -> tuple[float, float] | None:
        """The beat from which a sound loops on a track, and how many beats each pass has; None if it does not."""
        elsewhere = self._elsewhere.get(track)
        if elsewhere is not None and elsewhere[1] is sound:
            return elsewhere[2], elsewhere[0].length_beats
        return self.tracks[track].passes(sound)

    def stand_in(self, cue: Cue) -> tuple[Cue, Sound] | None:
        """What plays when `cue` has no clip yet: its own last take, or, for a loop, whatever its track looped last."""
        history = self.history[cue.track]
        own = [(played, sound) for played, sound in history if played.name == cue.name]
        loops = [(played, sound) for played, sound in history if cue.loop and played.loop]
        candidates = own or loops
        return candidates[-1] if candidates else None

    def playing(self, track: str, *, at_frame: int = 0) -> list[tuple[Cue, Sound]]:
        """What a track plays: what loops on it, still at that frame or later, and what was launched last."""
        found = [(cue, sound) for cue, sound in self._looped[track] if self.tracks[track].loops(sound, at_frame)]
        if track in self._elsewhere:
            found.append(self._elsewhere[track][:2])
        if self.history[track] and all(sound is not self.history[track][-1][1] for _, sound in found):
            found.append(self.history[track][-1])
        return found

    def bend(self, track: str, old: Sound, new: Sound, *, at_frame: int, fade_frames: int) -> None:
        """Let `new` take over from `old`, the same in other samples: where that loops, and where it is to begin.

        Raises `MixerFull`.
        """
        for played in (self.history[track], self._looped[track]):
            for index, (cue, sound) in enumerate(played):
                if sound is old:
                    played[index] = (cue, new)
        if track in self._elsewhere and self._elsewhere[track][1] is old:
            cue, _, beat = self._elsewhere[track]
            self._elsewhere[track] = (cue, new, beat)
        self.on_bent(track, old, new, at_frame=at_frame)
        swapped = self.tracks[track].bend(
            old, new, now_frame=self._mixer.frame, at_frame=at_frame, fade_frames=fade_frames
        )
        for voice, (launch, _) in list(self._unheard.items()):
            if launch.cue.track == track and not launch.cue.loop and launch.take_id == old.take_id:
                twin = self._mixer.swap(voice, new.samples, at_frame=at_frame, fade_frames=fade_frames, gain=new.gain)
                if twin is not None:
                    swapped[voice] = twin
                    if voice in self._on_beat:
                        self._on_beat.add(twin)
        for voice, twin in swapped.items():
            if voice in self._unheard:  # whichever of the two is heard first counts
                launch, _ = self._unheard[voice]
                self._unheard[twin] = (launch, new)
                launch.take_id = new.take_id

    def plan(self, *, now_frame: int, until_frame: int) -> None:
        """Lay out every loop's passes up to `until_frame`."""
        for track in self.tracks.values():
            track.plan(now_frame=now_frame, until_frame=until_frame)

    def keep_time(self, *, now_frame: int) -> None:
        """Move all that is laid out and has not begun to where the transport has its beat now: another clock leads."""
        moved: dict[VoiceId, int] = {}
        for track in self.tracks.values():
            moved |= track.keep_time(now_frame=now_frame)
        self._on_beat &= self._unheard.keys()
        for voice in self._on_beat:
            launch, _ = self._unheard[voice]
            to_frame = max(now_frame, self._transport.frame_at_beat(launch.asked_beat))
            if launch.asked_frame > now_frame and abs(to_frame - launch.asked_frame) >= MOVED_FRAMES:
                self._mixer.move(voice, start_frame=to_frame)
                moved[voice] = to_frame
        for voice, frame in moved.items():
            if voice in self._unheard:
                self._unheard[voice][0].asked_frame = frame

    def stop(self, track: str, *, fade_frames: int) -> None:
        """Fade out what sounds on a track, and take back what was to sound."""
        self.tracks[track].stop(fade_frames=fade_frames)
        self._elsewhere.pop(track, None)
        for launch, _ in list(self._unheard.values()):
            if launch.cue.track == track:
                self._take_back(launch)

    def note_what_sounded(self) -> list[tuple[Launch, Sound]]:
        """Read the mixer's reports: what has begun to sound, with the frame at which it was first heard."""
        heard = []
        for report in self._mixer.launched():
            launch, sound = self._unheard.get(report.voice, (None, None))
            if launch is not None and sound is not None:
                launch.heard_frame, launch.take_id = report.first_frame, sound.take_id
                self._tell_of(launch)
                self._take_back(launch, heard=True)
                heard.append((launch, sound))
        long_ago_frame = self._mixer.frame - round(FORGOTTEN_AFTER_S * self._mixer.sample_rate_hz)
        for voice in [voice for voice, (launch, _) in self._unheard.items() if launch.asked_frame < long_ago_frame]:
            del self._unheard[voice]  # a newer loop took its beat before it sounded
        return heard

    def _take_the_place_of(self, cue: Cue, frame: int) -> None:
        """Take back a one-shot that was laid out for the same slot and frame: the newest is the one that counts."""
        for voice, (other, _) in list(self._unheard.items()):
            if other.asked_frame == frame and slot_of(other.cue) == slot_of(cue):
                self._mixer.end(voice, at_frame=frame, fade_frames=0)
                self._take_back(other)

    def _take_back(self, launch: Launch, *, heard: bool = False) -> None:
        """Wait for a launch to be heard no longer."""
        voices = [voice for voice, (other, _) in self._unheard.items() if other is launch]
        for voice in voices:
            del self._unheard[voice]
        if voices and not heard:
            self.launches.remove(launch)

    def _tell_of(self, launch: Launch) -> None:
        bar, beat = self.meter.position(launch.asked_beat)
        self._tell(
            "/launch",
            take_id=launch.take_id,
            cue=launch.cue.name,
            track=launch.cue.track,
            bar=bar,
            beat=beat,
            error_frames=launch.error_frames or 0,
            how=launch.how,
        )
