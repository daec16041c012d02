"""A stand-in for Ableton Live: NOT Live, but its published object model, kept to strictly, without any sound.

No real Live was at hand when this was written. What it holds to: the argument types that Live's C++ side checks, the
rules for empty slots, audio tracks and warp markers, a clip that is there one tick after it was made, an arrangement
whose clips cut what they are laid over, and everything on Live's own thread. Our real script runs in it, loaded from
where `install` has put it, and hears real UDP. Time is the test's own: a step is 10 ms of Live's.
"""

import contextlib
import importlib
import itertools
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import soundfile

STEP_S, TICK_STEPS = 0.01, 10  # Live's shortest timer, and how many of these are one tick of its display
BPM_LOW, BPM_HIGH = 5.0, 999.0
_NEAR = 1e-6


class ArgumentError(TypeError):
    """What Boost.Python raises where the arguments are not those of the C++ side."""


def check(name: str, args: Sequence[Any], *wanted: type) -> None:
    """Raise `ArgumentError` unless the arguments are of those types; as in Boost, a whole number may be a float."""
    accepted = [(int, float) if one is float else one for one in wanted]
    fits = len(args) == len(wanted) and all(isinstance(arg, one) for arg, one in zip(args, accepted, strict=True))
    if not fits:
        found = ", ".join(type(arg).__name__ for arg in args)
        raise ArgumentError(f"Python argument types in {name}({found}) did not match C++ signature")


class WarpMarker:
    """Live.Clip.WarpMarker: seconds first, and no keywords."""

    def __init__(self, sample_time: float, beat_time: float, /) -> None:
        check("WarpMarker", (sample_time, beat_time), float, float)
        self.sample_time, self.beat_time = float(sample_time), float(beat_time)


class Clip:
    """An audio clip. What is set wrongly raises RuntimeError, as do all its properties once it is deleted."""

    is_audio_clip = True

    def __init__(self, live: "LiveStandIn", path: str, start_time: float | None) -> None:
        try:
            info = soundfile.info(path)
        except soundfile.LibsndfileError as error:
            raise RuntimeError("The file path is not a valid audio file") from error
        self._live, self._deleted = live, False
        self._path, self._name = path, Path(path).stem
        self.duration_s = info.frames / info.samplerate
        self._markers = [(live.guess_start_s, 0.0)]
        self._warping, self._warp_mode = True, 4
        self._looping, self._launch_quantization, self._launch_mode = live.guess_looping, 0, 0
        end_beat = self._beat_of(self.duration_s)
        self._marks = {"loop_start": 0.0, "loop_end": end_beat, "start_marker": 0.0, "end_marker": end_beat}
        self.in_arrangement = start_time is not None
        self._start_time = start_time or 0.0
        self._end_time = self._start_time + end_beat

    @property
    def warp_markers(self) -> list[WarpMarker]:
        """What was set, and behind it the shadow, which holds the tempo of what follows."""
        self._there()
        at_s, beat = self._markers[-1]
        shadow = WarpMarker(at_s + 60 / self._tempo_at_end() / 32, beat + 1 / 32)
        return [*(WarpMarker(*marker) for marker in self._markers), shadow]

    def add_warp_marker(self, *args: Any) -> None:
        """Pin a second of the file to a beat."""
        check("Clip.add_warp_marker", args, WarpMarker)
        self._changing()
        new = (args[0].sample_time, args[0].beat_time)
        if not 0 <= new[0] <= self.duration_s + _NEAR:
            raise RuntimeError("Warp marker sample time is out of range")
        if new in self._markers:
            return
        markers = sorted([*self._markers, new], key=lambda marker: marker[1])
        for (s0, b0), (s1, b1) in itertools.pairwise(markers):
            if s1 - s0 <= 0 or not BPM_LOW <= (b1 - b0) / (s1 - s0) * 60 <= BPM_HIGH:
                raise RuntimeError("Segment length out of range")
        self._markers = markers

    def remove_warp_marker(self, *args: Any) -> None:
        """Take a marker away, but never the shadow or the last."""
        check("Clip.remove_warp_marker", args, float)
        self._changing()
        kept = [marker for marker in self._markers if abs(marker[1] - args[0]) > _NEAR]
        if len(kept) == len(self._markers):
            raise RuntimeError("The shadow marker can't be removed")
        if not kept:
            raise RuntimeError("The last marker can't be removed")
        self._markers = kept

    def seconds_at(self, beat: float) -> float:
        """Which second of the file is heard at a beat: for tests, Live itself has `beat_to_sample_time`."""
        if not self._warping:
            raise AssertionError("the clip is not warped")
        for (s0, b0), (s1, b1) in itertools.pairwise(self._markers):
            if b0 <= beat <= b1:
                return s0 + (beat - b0) * (s1 - s0) / (b1 - b0)
        at_s, at_beat = self._markers[-1]
        return at_s + (beat - at_beat) * 60 / self._tempo_at_end()

    def _beat_of(self, at_s: float) -> float:
        last_s, last_beat = self._markers[-1]
        return last_beat + (at_s - last_s) * self._tempo_at_end() / 60

    def _tempo_at_end(self) -> float:
        if len(self._markers) < 2:
            return self._live.guess_bpm
        (s0, b0), (s1, b1) = self._markers[-2:]
        return (b1 - b0) / (s1 - s0) * 60

    def _mark(self, name: str) -> float:
        self._there()
        if not self._looping:  # then the loop's ends are the clip's own
            name = {"loop_start": "start_marker", "loop_end": "end_marker"}.get(name, name)
        return self._marks[name]

    def _set_mark(self, name: str, value: Any) -> None:
        check(f"Clip.{name}", (value,), float)
        self._changing()
        if not self._looping:
            name = {"loop_start": "start_marker", "loop_end": "end_marker"}.get(name, name)
        changed = {**self._marks, name: float(value)}
        if changed["loop_start"] >= changed["loop_end"] or changed["start_marker"] >= changed["end_marker"]:
            raise RuntimeError(f"Invalid {name}: the end must lie behind the start")
        self._marks = changed
        if self.in_arrangement and not self._looping and not self._live.edges_stay:
            self._end_time = self._start_time + changed["end_marker"] - changed["start_marker"]

    def _there(self) -> None:
        if self._deleted:
            raise RuntimeError("the clip is no longer valid")

    def _changing(self) -> None:
        self._there()
        self._live.on_lives_thread()


def _plain(name: str, kind: type, low: float | None = None, high: float | None = None) -> property:
    """A property of a clip that is kept as it was set; `low` and `high`: what Live takes."""

    def get(clip: Clip) -> Any:
        clip._there()
        return getattr(clip, "_" + name)

    def put(clip: Clip, value: Any) -> None:
        check(f"Clip.{name}", (value,), kind)
        clip._changing()
        if low is not None and high is not None and not low <= value <= high:
            raise RuntimeError(f"Invalid value for {name}")
        setattr(clip, "_" + name, value)

    return property(get, put)


for _name, _kind, _low, _high in (
    ("name", str, None, None),
    ("warping", bool, None, None),
    ("looping", bool, None, None),
    ("warp_mode", int, 0, 6),
    ("launch_quantization", int, 0, 14),
    ("launch_mode", int, 0, 3),
):
    setattr(Clip, _name, _plain(_name, _kind, _low, _high))
for _name in ("loop_start", "loop_end", "start_marker", "end_marker"):
    setattr(
        Clip,
        _name,
        property(
            lambda clip, name=_name: clip._mark(name), lambda clip, value, name=_name: clip._set_mark(name, value)
        ),
    )
for _name in ("path", "start_time", "end_time"):

    def _read(clip: Clip, name: str = _name) -> Any:
        clip._there()
        return getattr(clip, "_" + name)

    setattr(Clip, "file_path" if _name == "path" else _name, property(_read))


class ClipSlotOfOld:
    """A slot of a Live before 12.0.5."""

    def __init__(self, live: "LiveStandIn", track: "TrackOfOld") -> None:
        self._live, self._track = live, track
        self._clip: Clip | None = None
        self.coming: Clip | None = None
        self.fired = 0

    @property
    def has_clip(self) -> bool:
        """False until the tick after a clip was made."""
        return self._clip is not None

    @property
    def clip(self) -> Clip | None:
        """None until the tick after a clip was made."""
        return self._clip

    def fire(self) -> None:
        """Launch; counted for the test."""
        self._live.on_lives_thread()
        self.fired += 1

    def delete_clip(self) -> None:
        """Delete; an empty slot raises."""
        self._live.on_lives_thread()
        if self._clip is None:
            raise RuntimeError("The slot is empty")
        gone, self._clip = self._clip, None
        gone._deleted = True
        self._live.did(lambda: self._put_back(gone))

    def _put_back(self, clip: Clip) -> None:
        clip._deleted, self._clip = False, clip


class ClipSlot(ClipSlotOfOld):
    """A slot that takes audio files."""

    def create_audio_clip(self, *args: Any) -> None:
        """Make a clip of a file, there a tick later."""
        check("ClipSlot.create_audio_clip", args, str)
        self._track.check_audio()
        if self._clip is not None or self.coming is not None:
            raise RuntimeError("This slot already has a clip")
        made = self.coming = Clip(self._live, args[0], None)

        def settle() -> None:
            self._clip, self.coming = made, None
            self._live.did(self.delete_clip)

        self._live.later(settle)


class TrackOfOld:
    """A track of a Live before 12.0.5."""

    def __init__(self, live: "LiveStandIn", name: str, kind: str, scenes: int) -> None:
        self._live, self._name = live, name
        self.has_audio_input, self.has_midi_input = kind != "midi", kind == "midi"
        self.is_foldable, self.is_frozen = kind == "group", kind == "frozen"
        self.clip_slots = [live.slot_class(live, self) for _ in range(scenes)]
        self.arrangement_clips: list[Clip] = []
        self.stopped = 0

    @property
    def name(self) -> str:
        """As Live shows it."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        check("Track.name", (name,), str)
        self._live.on_lives_thread()
        self._name = name

    def stop_all_clips(self) -> None:
        """Stop; counted for the test."""
        self._live.on_lives_thread()
        self.stopped += 1

    def delete_clip(self, *args: Any) -> None:
        """Delete a clip of the arrangement."""
        check("Track.delete_clip", args, Clip)
        self._live.on_lives_thread()
        if args[0] not in self.arrangement_clips:
            raise RuntimeError("The clip is not on this track")
        self.arrangement_clips.remove(args[0])
        args[0]._deleted = True

    def check_audio(self) -> None:
        """Raise what Live does where no audio clip can be."""
        self._live.on_lives_thread()
        if self.has_midi_input or self.is_foldable:
            raise RuntimeError("Audio clips can only be created on audio tracks")
        if self.is_frozen:
            raise RuntimeError("The track is frozen")


class Track(TrackOfOld):
    """A track that takes audio files on the arrangement."""

    def create_audio_clip(self, *args: Any) -> None:
        """Lay a file on the arrangement, cutting what lies there; the clip is listed a tick later."""
        check("Track.create_audio_clip", args, str, float)
        self.check_audio()
        made = Clip(self._live, args[0], float(args[1]))
        start, end = made.start_time, made.end_time  # type: ignore[attr-defined]  # set in the loop above

        def settle() -> None:
            for other in list(self.arrangement_clips):
                if start <= other._start_time < end:
                    other._start_time = min(end, other._end_time)
                elif other._start_time < start < other._end_time:
                    other._end_time = start
                if other._end_time - other._start_time < _NEAR:
                    self.arrangement_clips.remove(other)
            self.arrangement_clips.append(made)
            self._live.did(lambda: self.delete_clip(made))

        self._live.later(settle)


class Song:
    """The set that is open."""

    def __init__(self, live: "LiveStandIn") -> None:
        self._live = live
        self.tracks: list[TrackOfOld] = []
        self.tempo, self.current_song_time, self.is_playing = 120.0, 0.0, False
        self.signature_numerator, self.signature_denominator = 4, 4
        self.steps: list[Callable[[], None]] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step."""
        return bool(self.steps)

    def undo(self) -> None:
        """Take back the last step."""
        self._live.on_lives_thread()
        step = self.steps.pop()
        kept = len(self.steps)
        step()
        del self.steps[kept:]

    def create_scene(self, *args: Any) -> None:
        """Add a row of slots, there a tick later; some editions of Live have a last one."""
        check("Song.create_scene", args, int)
        self._live.on_lives_thread()
        if len(self.tracks[0].clip_slots) >= self._live.scenes_max:
            raise RuntimeError("Maximum number of scenes reached")

        def settle() -> None:
            for track in self.tracks:
                track.clip_slots.append(self._live.slot_class(self._live, track))

        self._live.later(settle)


class Timer:
    """Live.Base.Timer: an exception ends it for good."""

    def __init__(self, live: "LiveStandIn", callback: Callable[[], None], interval: int, repeat: bool) -> None:
        check("Timer", (interval, repeat), int, bool)
        self._live, self.callback, self.interval_steps = live, callback, max(1, round(interval / 1000 / STEP_S))

    def start(self) -> None:
        """Begin."""
        self._live.timers.append(self)

    def stop(self) -> None:
        """End."""
        if self in self._live.timers:
            self._live.timers.remove(self)


class ControlSurface:
    """_Framework.ControlSurface.ControlSurface, as little as a script without controls needs."""

    def __init__(self, c_instance: Any) -> None:
        self._c_instance = c_instance

    def update_display(self) -> None:
        """Live's display timer."""

    def disconnect(self) -> None:
        """Live quits, or opens another set."""


class LiveStandIn:
    """The stand-in: a set with tracks, and our script in it once `start` has loaded that.

    `tracks`: names with their kind, "audio", "midi", "group" or "frozen". `guess_bpm`, `guess_start_s`,
    `guess_looping`: what Live makes of a new clip by itself; `edges_stay`: a Live that lets nobody move a clip's end on
    the arrangement.
    """

    def __init__(
        self,
        tracks: Sequence[tuple[str, str]] = (("Drums", "audio"), ("Pads", "audio"), ("Keys", "midi")),
        *,
        version: tuple[int, int, int] = (12, 1, 0),
        scenes: int = 8,
        short_timer: bool = True,
    ) -> None:
        self.version, self.short_timer, self.scenes_max = version, short_timer, 1000
        self.guess_bpm, self.guess_start_s, self.guess_looping, self.edges_stay = 128.0, 0.0, True, False
        takes_files = version >= (12, 0, 5)
        self.slot_class = ClipSlot if takes_files else ClipSlotOfOld
        self.track_class = Track if takes_files else TrackOfOld
        self.timers: list[Timer] = []
        self.messages: list[str] = []
        self.polled: list[Callable[[], None]] = []  # other scripts, called at every tick
        self.steps = 0
        self._settling: list[Callable[[], None]] = []
        self._lock, self._thread = threading.RLock(), 0
        self._surface: Any = None
        self.song = Song(self)
        self.song.tracks = [self.track_class(self, name, kind, scenes) for name, kind in tracks]

    def start(self, scripts: Path, *, port: int = 0) -> int:
        """Load our script as Live does, from its folder of remote scripts; gives the port that it took."""
        with self._modules(), self.hands():
            sys.path.insert(0, str(scripts))
            try:
                self._surface = importlib.import_module("Upbeat").create_instance(_CInstance(self), port)
            finally:
                sys.path.remove(str(scripts))
        server = self._surface.polling.server
        return 0 if server is None else int(server.port)

    def step(self) -> None:
        """10 ms of Live: its short timers; and every tenth time what a tick brings."""
        with self.hands():
            self.steps += 1
            if self.song.is_playing:
                self.song.current_song_time += self.song.tempo * STEP_S / 60
            if self.steps % TICK_STEPS == 0:
                settling, self._settling = self._settling, []
                for settle in settling:
                    settle()
                if self._surface is not None:
                    self._surface.update_display()
                for poll in list(self.polled):
                    poll()
            for timer in list(self.timers):
                if self.steps % timer.interval_steps == 0:
                    timer.callback()

    def tick(self) -> None:
        """Live's next tick, with the short timers until then."""
        self.step()
        while self.steps % TICK_STEPS:
            self.step()

    @contextlib.contextmanager
    def running(self, *, quit_after: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Live's thread steps by itself, about ten times as fast as Live, until `quit_after` says that it has quit."""
        stop = threading.Event()

        def run() -> None:
            while not stop.is_set():
                self.step()
                if quit_after():
                    return
                time.sleep(0.001)

        thread = threading.Thread(target=run, name="live-stand-in", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(5)

    def quit(self) -> None:
        """Live tells its scripts, and is gone."""
        with self.hands():
            if self._surface is not None:
                self._surface.disconnect()
            self._surface = None

    @contextlib.contextmanager
    def hands(self) -> Iterator[None]:
        """Work on the set as Live's own thread, or as its user."""
        with self._lock:
            before, self._thread = self._thread, threading.get_ident()
            try:
                yield
            finally:
                self._thread = before

    def on_lives_thread(self) -> None:
        """Raise unless Live's own thread asks."""
        if self._thread != threading.get_ident():
            raise RuntimeError("Live's objects belong to Live's thread")

    def later(self, settle: Callable[[], None]) -> None:
        """Do something at the next tick."""
        self._settling.append(settle)

    def did(self, take_back: Callable[[], None]) -> None:
        """Note a step that can be undone."""
        self.song.steps.append(take_back)

    @contextlib.contextmanager
    def _modules(self) -> Iterator[None]:
        live: Any = types.ModuleType("Live")
        live.Track = types.SimpleNamespace(Track=self.track_class)
        live.ClipSlot = types.SimpleNamespace(ClipSlot=self.slot_class)
        live.Clip = types.SimpleNamespace(Clip=Clip, WarpMarker=WarpMarker)
        major, minor, bugfix = self.version
        application = types.SimpleNamespace(
            get_major_version=lambda: major, get_minor_version=lambda: minor, get_bugfix_version=lambda: bugfix
        )
        live.Application = types.SimpleNamespace(get_application=lambda: application)
        live.Base = types.SimpleNamespace()
        if self.short_timer:
            live.Base.Timer = lambda callback, interval, repeat: Timer(self, callback, interval, repeat)
        framework: Any = types.ModuleType("_Framework.ControlSurface")
        framework.ControlSurface = ControlSurface
        package = types.ModuleType("_Framework")
        fakes = {"Live": live, "_Framework": package, "_Framework.ControlSurface": framework}
        sys.modules.update(fakes)
        try:
            yield
        finally:
            for name in [name for name in sys.modules if name in fakes or name.split(".")[0] == "Upbeat"]:
                del sys.modules[name]
            importlib.invalidate_caches()


class _CInstance:
    """What Live hands to a script."""

    def __init__(self, live: LiveStandIn) -> None:
        self._live = live

    def song(self) -> Song:
        return self._live.song

    def show_message(self, text: str) -> None:
        check("show_message", (text,), str)
        self._live.messages.append(text)

    def log_message(self, text: str) -> None:
        check("log_message", (text,), str)
