"""From a sound to its track, and from the mixer's report to everyone's ears: what was laid out, and what was heard."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from bridge.timing.tempo import Meter
from bridge.timing.transport import Transport
from bridge.tracks.mixer import Mixer, VoiceId
from bridge.tracks.sound import Sound
from bridge.tracks.track import Track
from bridge.wish import How, Launch, Wish, slot_of
from osc_schemas.codec import Value
from osc_schemas.cue import Cue

HISTORY_MAX, LAUNCHES_MAX = 100, 100_000
FORGOTTEN_AFTER_S = 2.0  # a voice that has not sounded so long after its frame never will


class Tell(Protocol):
    """Sends an event to all who subscribed."""

    def __call__(self, address: str, **values: Value) -> None:
        """`values` by argument name of the route at `address`."""


class Launcher:
    """The tracks, what was launched on them, and what they played. One owner thread."""

    def __init__(
        self, track_names: Sequence[str], *, mixer: Mixer, transport: Transport, meter: Meter, tell: Tell
    ) -> None:
        self.tracks = {name: Track(name, mixer, transport) for name in track_names}
        self.launches: deque[Launch] = deque(maxlen=LAUNCHES_MAX)
        self.history: dict[str, deque[tuple[Cue, Sound]]] = {name: deque(maxlen=HISTORY_MAX) for name in track_names}
        self._mixer, self._transport, self._meter, self._tell = mixer, transport, meter, tell
        self._unheard: dict[VoiceId, Launch] = {}

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
            how == "last-take" and track.looping and track.looping.take_id == sound.take_id
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
        else:
            self._take_the_place_of(cue, frame)
            voice = track.launch_once(sound, frame=frame)
        self.launches.append(launch)
        self._unheard[voice] = launch
        history = self.history[cue.track]
        if history and history[-1][1].take_id == sound.take_id:
            history.pop()  # the same take, perhaps at another gain: what it is played at now is what counts
        history.append((cue, sound))
        bar, beat = self._meter.position(launch.asked_beat)
        self._tell("/clip/placed", take_id=sound.take_id, cue=cue.name, track=cue.track, bar=bar, beat=beat)

    def stand_in(self, cue: Cue) -> tuple[Cue, Sound] | None:
        """What plays when `cue` has no clip yet: its own last take, or, for a loop, whatever its track looped last."""
        history = self.history[cue.track]
        own = [(played, sound) for played, sound in history if played.name == cue.name]
        loops = [(played, sound) for played, sound in history if cue.loop and played.loop]
        candidates = own or loops
        return candidates[-1] if candidates else None

    def plan(self, *, now_frame: int, until_frame: int) -> None:
        """Lay out every loop's passes up to `until_frame`."""
        for track in self.tracks.values():
            track.plan(now_frame=now_frame, until_frame=until_frame)

    def stop(self, track: str, *, fade_frames: int) -> None:
        """Fade out what sounds on a track, and take back what was to sound."""
        self.tracks[track].stop(fade_frames=fade_frames)
        for voice, launch in list(self._unheard.items()):
            if launch.cue.track == track:
                del self._unheard[voice]
                self.launches.remove(launch)

    def note_what_sounded(self) -> None:
        """Read the mixer's reports: the frame at which each launch was first heard."""
        for report in self._mixer.launched():
            launch = self._unheard.pop(report.voice, None)
            if launch is not None:
                launch.heard_frame = report.first_frame
                self._tell_of(launch)
        long_ago_frame = self._mixer.frame - round(FORGOTTEN_AFTER_S * self._mixer.sample_rate_hz)
        for voice in [voice for voice, launch in self._unheard.items() if launch.asked_frame < long_ago_frame]:
            del self._unheard[voice]  # a newer loop took its beat before it sounded

    def _take_the_place_of(self, cue: Cue, frame: int) -> None:
        """Take back a one-shot that was laid out for the same slot and frame: the newest is the one that counts."""
        for voice, other in list(self._unheard.items()):
            if other.asked_frame == frame and slot_of(other.cue) == slot_of(cue):
                self._mixer.end(voice, at_frame=frame, fade_frames=0)
                del self._unheard[voice]
                self.launches.remove(other)

    def _tell_of(self, launch: Launch) -> None:
        bar, beat = self._meter.position(launch.asked_beat)
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
