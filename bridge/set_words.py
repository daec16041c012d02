"""What a set says, as data: the same words in Python as in the file, checked where they are born.

A beat is a quarter note in every meter, as it is for MIDI, Ableton Link and every DAW.
"""

import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge.hosts.base import HostChoice
from bridge.hosts.products import NAMES
from bridge.toml_lines import KeyPath
from osc_schemas import bounds
from osc_schemas.cue import Cue
from osc_schemas.errors import CueError, SchemaError
from osc_schemas.nearest import nearest_only
from osc_schemas.shape import KNOB

# As the engine has them, which is never imported; but a name that is mistyped should be told with its line.
CLOCK_SOURCES = ("link", "midi", "jack", "plugin", "internal")
FAMILIES = ("embedded", "consistency_tta", "audiolcm", "soundctm", "soundctm_dit")
TITLE_CHARACTERS_MAX = 200
TRACKS_MAX, CUES_MAX, TIMELINE_MAX, BEAT_MAX = 64, 1_000, 10_000, 100_000.0
LENGTH_BARS_MAX = 10_000
CHANNELS = (1, 16)  # as musicians count them

# How a MIDI controller gets hold of a number that stands elsewhere: where it meets it, or at once.
TakeoverRule = typing.Literal["soft", "jump"]
TAKEOVER_RULES: tuple[TakeoverRule, ...] = typing.get_args(TakeoverRule)
CLOCK_DEEDS = ("align",)  # that a note can do
VELOCITY_KEYS = ("gain_db", *KNOB)  # what may depend on how hard a note is struck
HOSTS = tuple(name for name in NAMES if name != "plugin")  # that a set can name; the plug-in comes by itself
HOST_SLOTS_MAX, HOST_SLOT_MAX = 8, 1_000
PORT_MAX = 65_535

HostPlace = typing.Literal["slot", "arrangement"]
HeardIn = typing.Literal["host", "upbeat", "both"]
HOST_PLACES: tuple[HostPlace, ...] = typing.get_args(HostPlace)
HEARD_IN: tuple[HeardIn, ...] = typing.get_args(HeardIn)

# The numbers of a cue that /cue/set and a MIDI controller may change; True for those that are whole.
SETTABLE = {
    name: hint is int
    for name, hint in typing.get_type_hints(Cue).items()
    if hint in (int, float) or hint == float | None
}


class SetError(SchemaError):
    """A set is not in order. `key` leads to what is at fault, as the set's file would have it; () is the whole."""

    def __init__(self, sentence: str, *, key: KeyPath = ()) -> None:
        super().__init__(sentence)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """Which model makes the sounds, at how many steps and with which options where a cue does not say."""

    family: str = "embedded"
    steps: int = 1
    options: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.family not in FAMILIES and not re.fullmatch(r"[\w.]+:[\w.]+", self.family):
            raise SetError(
                f"family is {self.family[:80]!r}; it must be one of {', '.join(FAMILIES)}, or your own as "
                "package.module:factory" + nearest_only(self.family, FAMILIES)
            )
        object.__setattr__(self, "options", bounds.sorted_options(self.options, SetError))
        bounds.check_choice("steps", self.steps, bounds.STEPS_OFFERED, SetError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChoice:
    """Whose time the music keeps: the first of `sources` that is there leads, and our own when none is.

    `link_start_stop`: start and stop together with the peers of a Link session.
    """

    sources: tuple[str, ...] = ("internal",)
    link_start_stop: bool = False

    def __post_init__(self) -> None:
        for index, source in enumerate(self.sources):
            if source not in CLOCK_SOURCES:
                raise SetError(f"there is no clock {source[:80]!r}" + nearest(source, CLOCK_SOURCES))
            if source in self.sources[:index]:
                raise SetError(f"sources names {source} twice; each clock has one place")
        if "internal" in self.sources[:-1]:
            raise SetError("internal stands before other clocks; it is always there, so it must come last")

    @property
    def starters(self) -> tuple[str, ...]:
        """The clocks that may start the music, so that it waits for one of them."""
        return tuple(
            source
            for source in self.sources
            if source in ("midi", "jack", "plugin") or (source == "link" and self.link_start_stop)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One link of a track's chain: a pedalboard effect by its class name, or a VST3 by its path, and its parameters."""

    name: str = ""
    path: str = ""
    parameters: Mapping[str, str | float | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.name) == bool(self.path):
            raise SetError('an effect has either a name, such as "Reverb", or the path of a VST3')


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSpec:
    """A track: every clip on it is brought to `loudness_lufs`, then the track is set to `gain_db`.

    With a `host_track`, its clips go to that track of the set's host too: into `host_slots`, in turn, launched by the
    host on their beats; or onto its arrangement, printed behind the playhead. `heard_in` says who plays them: the
    host (what goes into slots, if nothing is said), Upbeat, or both. While the host is away, Upbeat does.
    """

    name: str
    gain_db: float = 0.0
    loudness_lufs: float = -16.0
    effects: tuple[Effect, ...] = ()
    host_track: str = ""
    host_place: HostPlace = "slot"
    host_slots: tuple[int, ...] = (1, 2)  # as the host counts them, from 1
    heard_in: HeardIn | None = None

    @property
    def heard_where(self) -> HeardIn:
        """`heard_in`, or what is usual for its place."""
        return self.heard_in or ("host" if self.host_place == "slot" else "upbeat")

    def __post_init__(self) -> None:
        bounds.check_name("the track's name", self.name, SetError)
        bounds.check_choice("host_place", self.host_place, HOST_PLACES, SetError)
        if self.heard_in is not None:
            bounds.check_choice("heard_in", self.heard_in, HEARD_IN, SetError)
        if self.host_place == "arrangement" and self.heard_in in ("host", "both"):
            raise SetError(
                f"heard_in is {self.heard_in!r}, but what is printed behind the playhead is not heard from the host "
                'before it is played again; write heard_in = "upbeat" or host_place = "slot"'
            )
        slots = self.host_slots
        if not 2 <= len(slots) <= HOST_SLOTS_MAX or len(set(slots)) < len(slots):
            raise SetError(f"host_slots is {list(slots)}; it must be 2 to {HOST_SLOTS_MAX} different slots, as [1, 2]")
        for slot in slots:
            bounds.check_range("a slot of host_slots", slot, 1, HOST_SLOT_MAX, SetError)
        bounds.check_range("gain_db", self.gain_db, bounds.GAIN_DB_LOW, bounds.GAIN_DB_HIGH, SetError)
        bounds.check_range("loudness_lufs", self.loudness_lufs, -70, 0, SetError)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTrigger:
    """A MIDI note that fires a cue or a scene, on one channel (1 to 16) or, without, on any.

    With clock="align" it says that a bar begins now, as /clock/align does.

    `velocity` says what depends on how hard it is struck, each from the softest hit to the hardest, as in
    velocity={"gain_db": (-18, 0), "brightness": (-0.4, 0)}: gain is added to the cue's own and a knob bends on top of
    the cue's own shape, for this landing alone. Gain takes no time. A shape that was not made yet does: until it is,
    another shape of the same sound lands, and the new one takes over as it sounds.
    """

    note: int
    cue: str = ""
    scene: str = ""
    clock: str = ""
    channel: int | None = None
    velocity: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bounds.check_range("note", self.note, 0, 127, SetError)
        _check_channel(self.channel)
        if sum(map(bool, (self.cue, self.scene, self.clock))) != 1:
            raise SetError('a note fires either a cue or a scene; name one of them, or write clock = "align"')
        if self.clock and self.clock not in CLOCK_DEEDS:
            raise SetError(f"clock is {self.clock[:80]!r}" + nearest(self.clock, CLOCK_DEEDS))
        for key, ends in self.velocity.items():
            if key not in VELOCITY_KEYS:
                raise SetError(f"velocity has no {key[:80]!r}" + nearest(key, VELOCITY_KEYS))
            for end in ends:
                if key == "gain_db":
                    low, high = bounds.GAIN_DB_LOW, bounds.GAIN_DB_HIGH
                    bounds.check_range("an end of the gain_db of velocity", end, low, high, SetError)
                else:
                    _check_position(f"an end of the {key} of velocity", key, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTrigger:
    """A MIDI controller that sets a number of a cue, as in set="kick.gain_db": 0 to 127 spread over `range`.

    With `takeover` "soft" it moves the number from where it meets it on, and with "jump" at once: see
    `bridge/triggers/takeover.py`.
    """

    cc: int
    set: str
    range: tuple[float, float]
    channel: int | None = None
    takeover: TakeoverRule = "soft"

    def __post_init__(self) -> None:
        bounds.check_range("cc", self.cc, 0, 127, SetError)
        _check_channel(self.channel)
        bounds.check_choice("takeover", self.takeover, TAKEOVER_RULES, SetError)
        if self.key not in SETTABLE:
            raise SetError(
                f"set is {self.set[:80]!r}; it must be a cue and one of its numbers, such as kick.gain_db"
                + nearest(self.key, SETTABLE)
            )

    @property
    def cue(self) -> str:
        """The cue whose number is set."""
        return self.set.rpartition(".")[0]

    @property
    def key(self) -> str:
        """The number that is set."""
        return self.set.rpartition(".")[2]


class _NamesAKnob:
    """What names a track and one of its knobs, as in shape="drums.brightness"."""

    __slots__ = ()
    shape: str

    @property
    def track(self) -> str:
        """The track whose knob is turned."""
        return self.shape.rpartition(".")[0]

    @property
    def knob(self) -> str:
        """The knob that is turned."""
        return self.shape.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeTrigger(_NamesAKnob):
    """A MIDI controller that turns a knob of a track, as in shape="drums.brightness".

    0 to 127 are spread over `range`, or over all that the knob has. Where the knob bends nothing in the middle, 64 is
    exactly that. `takeover` is as for a number of a cue.
    """

    cc: int
    shape: str
    range: tuple[float, float] | None = None
    channel: int | None = None
    takeover: TakeoverRule = "soft"

    def __post_init__(self) -> None:
        bounds.check_range("cc", self.cc, 0, 127, SetError)
        _check_channel(self.channel)
        bounds.check_choice("takeover", self.takeover, TAKEOVER_RULES, SetError)
        _check_knob(self.shape)
        for end in self.range or ():
            _check_position(f"an end of the range of {self.knob}", self.knob, end)


MidiTrigger = NoteTrigger | ControlTrigger | ShapeTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """A cue that lands on exactly this beat, counted from 0 at the music's start."""

    beat: float
    cue: str

    def __post_init__(self) -> None:
        bounds.check_range("beat", self.beat, 0, BEAT_MAX, SetError)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineMove(_NamesAKnob):
    """A knob of a track, as in shape="drums.brightness", that comes to `value` on exactly this beat."""

    beat: float
    shape: str
    value: float

    def __post_init__(self) -> None:
        bounds.check_range("beat", self.beat, 0, BEAT_MAX, SetError)
        _check_knob(self.shape)
        _check_position("value", self.knob, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """Tracks, cues, triggers and timeline of one piece of music. Tracks and cues stand under their own names.

    >>> night = Set(
    ...     tempo_bpm=124,
    ...     tracks={"drums": TrackSpec(name="drums", gain_db=-3)},
    ...     cues={"kick": Cue(name="kick", track="drums", prompt="deep punchy kick", length_beats=1, loop=True)},
    ...     timeline=[TimelineEntry(beat=0, cue="kick")],
    ... )
    >>> night.beats_per_bar
    4.0
    """

    tracks: Mapping[str, TrackSpec]
    cues: Mapping[str, Cue] = field(default_factory=dict)
    scenes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    midi: typing.Sequence[MidiTrigger] = ()
    timeline: typing.Sequence[TimelineEntry] = ()
    moves: typing.Sequence[TimelineMove] = ()  # of the timeline too: what turns knobs
    title: str = ""
    tempo_bpm: float = 120.0
    key: str = ""  # such as "D minor": every clip's pitches are brought into it; "" leaves them alone
    meter: str = "4/4"
    length_bars: int | None = None  # where a render ends; None: on the bar line after the timeline's last clip
    sample_rate_hz: int = 48_000
    engine: EngineChoice = EngineChoice()
    clock: ClockChoice = ClockChoice()
    host: HostChoice | None = None  # the DAW that has the clips of the tracks with a host_track
    path: Path | None = None  # of the file it was read from; paths in the set start there

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar: 4 in 4/4, 3 in 6/8, 3.5 in 7/8."""
        upper, lower = self.meter.split("/")
        return int(upper) * 4 / int(lower)

    def __post_init__(self) -> None:
        if len(self.title) > TITLE_CHARACTERS_MAX:
            raise SetError(f"title has {len(self.title)} characters; at most {TITLE_CHARACTERS_MAX} are taken")
        bounds.check_range("tempo_bpm", self.tempo_bpm, bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH, SetError)
        bounds.check_key(self.key, SetError)
        if not re.fullmatch(r"[1-9][0-9]?/(1|2|4|8|16)", self.meter, re.ASCII):
            raise SetError(f"meter is {self.meter[:80]!r}; it must be like 4/4, 3/4 or 7/8")
        if self.length_bars is not None:
            bounds.check_range("length_bars", self.length_bars, 1, LENGTH_BARS_MAX, SetError)
        rate_hz = self.sample_rate_hz
        bounds.check_range(
            "sample_rate_hz", rate_hz, bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH, SetError, "such as 48000"
        )
        self._check_sizes()
        self._check_host()
        self._check_cues()
        self._check_triggers()

    def _check_sizes(self) -> None:
        if not self.tracks:
            sentence = "the set has no track; write [tracks.NAME], with a name of yours, and put cues on it"
            raise SetError(sentence, key=("tracks",))
        sizes = (("tracks", self.tracks, TRACKS_MAX), ("cues", self.cues, CUES_MAX), ("scenes", self.scenes, CUES_MAX))
        for name, things, most in (*sizes, ("timeline", [*self.timeline, *self.moves], TIMELINE_MAX)):
            if len(things) > most:
                raise SetError(f"the set has {len(things)} {name}; at most {most} are taken", key=(name,))

    def _check_host(self) -> None:
        if self.host is not None:
            if self.host.name not in HOSTS:
                sentence = f"there is no host {self.host.name[:80]!r}" + nearest(self.host.name, HOSTS)
                raise SetError(sentence, key=("host", "name"))
            if self.host.port is not None and not 1 <= self.host.port <= PORT_MAX:
                raise SetError(f"port is {self.host.port}; it must be 1 to {PORT_MAX}", key=("host", "port"))
            return
        for name, track in self.tracks.items():
            if track.host_track:
                sentence = "host_track is a track of a host, and the set names none; write [host] with a name, or " + (
                    "take host_track out"
                )
                raise SetError(sentence, key=("tracks", name, "host_track"))

    def _check_cues(self) -> None:
        own_names = [(name, track.name) for name, track in self.tracks.items()]
        own_names += [(name, cue.name) for name, cue in self.cues.items()]
        for name, own_name in own_names:
            if name != own_name:
                raise SetError(f"{own_name!r} stands under the name {name!r}; both must be the same")
        for name, cue in self.cues.items():
            self._check_known("track", cue.track, self.tracks, ("cues", name, "track"))
            length_s = cue.length_beats * 60 / self.tempo_bpm
            if length_s > bounds.CLIP_S_MAX:
                raise SetError(
                    f"length_beats is {cue.length_beats:g}, which at {self.tempo_bpm:g} BPM lasts {length_s:.1f} s; "
                    f"a clip has at most {bounds.CLIP_S_MAX:g} s, so shorten it",
                    key=("cues", name, "length_beats"),
                )
        for name, cues in self.scenes.items():
            try:
                bounds.check_name("the scene's name", name, SetError)
            except SetError as error:
                error.key = ("scenes", name)
                raise
            for index, cue_name in enumerate(cues):
                self._check_known("cue", cue_name, self.cues, ("scenes", name, "cues", index))

    def _check_triggers(self) -> None:
        for index, trigger in enumerate(self.midi):
            key = ("triggers", "midi", index)
            match trigger:
                case NoteTrigger(clock=deed) if deed:
                    pass
                case NoteTrigger(scene=""):
                    self._check_known("cue", trigger.cue, self.cues, (*key, "cue"))
                case NoteTrigger():
                    self._check_known("scene", trigger.scene, self.scenes, (*key, "scene"))
                case ControlTrigger():
                    self._check_known("cue", trigger.cue, self.cues, (*key, "set"))
                    self._check_ends(trigger, (*key, "range"))
                case ShapeTrigger():
                    self._check_known("track", trigger.track, self.tracks, (*key, "shape"))
        for index, entry in enumerate(self.timeline):
            self._check_known("cue", entry.cue, self.cues, ("timeline", index, "cue"))
        for index, move in enumerate(self.moves):
            self._check_known("track", move.track, self.tracks, ("moves", index, "shape"))

    def _check_known(self, what: str, name: str, known: Iterable[str], key: KeyPath) -> None:
        if name not in (names := list(known)):
            raise SetError(f"the set has no {what} {name[:80]!r}" + nearest(name, names), key=key)

    def _check_ends(self, trigger: ControlTrigger, key: KeyPath) -> None:
        for end in trigger.range:
            try:
                cue_with(self.cues[trigger.cue], trigger.key, end)
            except CueError as error:
                raise SetError(f"range reaches too far: {error}", key=key) from error


def cue_with(cue: Cue, key: str, value: float) -> Cue:
    """`cue` with one of its numbers changed: what /cue/set asks for. Raises `CueError` for a key or value it has not.

    >>> cue_with(Cue(name="kick", track="drums", prompt="kick", length_beats=1), "seed", 7).seed
    7
    """
    if key not in SETTABLE:
        raise CueError(f"{key[:80]!r} is no number of a cue" + nearest(key, SETTABLE))
    if not SETTABLE[key]:
        return replace(cue, **{key: float(value)})  # type: ignore[arg-type]  # the key names one of the numbers
    if value != value // 1:  # also for what is not finite
        raise CueError(f"{key} is {value:g}; it must be a whole number")
    return replace(cue, **{key: int(value)})  # type: ignore[arg-type]


def nearest(found: str, known: Iterable[str]) -> str:
    """The end of a sentence: the known word that `found` was perhaps meant to be, or else all of them."""
    names = list(known)
    if near := nearest_only(found, names):
        return near
    listed = ", ".join(names[:20]) + (" and more" if len(names) > 20 else "")
    return f"; there is {listed}" if listed else "; there is none"


def _check_knob(shape: str) -> None:
    track, _, knob = shape.rpartition(".")
    if knob not in KNOB or not track:
        raise SetError(
            f"shape is {shape[:80]!r}; it must be a track and one of its knobs, such as drums.brightness"
            + nearest(knob, KNOB)
        )


def _check_position(what: str, knob: str, value: float) -> None:
    bounds.check_range(what, value, KNOB[knob].low, KNOB[knob].high, SetError)


def _check_channel(channel: int | None) -> None:
    if channel is not None:
        bounds.check_range("channel", channel, *CHANNELS, SetError)
