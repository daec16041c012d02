"""The route table: every message that Upbeat sends or understands, on UDP and on ZeroMQ alike.

Dispatch, checking, and the reference that `upbeat routes` prints are all made from this table, so they cannot
disagree. Between our own processes positions and times travel as `d` or `h`; to everyone else only `i f s`, because
Pure Data and many controllers garble the rest.
"""

import re
from dataclasses import dataclass
from typing import Literal

from osc_schemas import bounds
from osc_schemas.shape import KNOBS, Knob

# Stated in the first message of a link; another one is refused with both named. A new row or a new key of a link raises
# it too: a key that the other side does not know has it refuse every request, and one sentence at the start is kinder.
# 2: tempo_bpm, key and shape_... of a request; /take/shape; /engine/vocabulary.
# 3: source_... and option.<name> of a request, the samples of its source behind it, fit; the steps of /take/refine.
# 4: /status/clock and /clock/event.
# 5: the plug-in's rows; /host/state and /host/placed.
# 6: how hard a pad of the plug-in is struck, the gain of a placement, and one that goes on with a loop.
ROUTES_VERSION = 6

PLUGIN_PORT = 7402  # of this machine, where instances of the plug-in look for the bridge

# Who hears a message: the bridge's OSC port; whoever sent to it; all who subscribed; the engine; the engine's client;
# all who listen to the engine's PUB socket; an instance of the plug-in in a host; the bridge's socket for those.
Listener = Literal["bridge", "sender", "subscribers", "engine", "client", "watchers", "plugin", "plugin_port"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arg:
    """One argument, or one key of a message made of key, value pairs."""

    name: str  # one that ends in <name> stands for every key that begins as it does
    tag: Literal["i", "f", "s", "d", "h", "T"]
    low: float | None = None
    high: float | None = None
    needed: bool = True  # an argument that is not may be left out, with all that follow it

    @property
    def prefix(self) -> str:
        """What the keys that it stands for begin with; "" if it is a key of its own."""
        return self.name.partition("<")[0] if self.name.endswith(">") else ""

    @property
    def range_text(self) -> str:
        """The range in words, or ""."""
        if self.low is None and self.high is None:
            return ""
        if self.high is None:
            return f"from {self.low:g}"
        if self.low is None:
            return f"up to {self.high:g}"
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row: an address (its segments may be named, as in /cue/<name>/go), its arguments, who hears it and why."""

    address: str
    to: Listener
    meaning: str
    args: tuple[Arg, ...] = ()
    pairs: bool = False  # arguments come as key, value, key, value in any order
    audio: bool = False  # raw little-endian float32 follows as the next frame, if there is any

    @property
    def tags(self) -> str:
        """The type tags in the order of the arguments, or "s?..." for pairs."""
        return "".join(arg.tag for arg in self.args)

    @property
    def pattern(self) -> re.Pattern[str]:
        """What matches an address of this row, with the named segments as groups."""
        return re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", self.address) + r"\Z")


def _s(name: str, *, needed: bool = True) -> Arg:
    return Arg(name=name, tag="s", needed=needed)


def _i(name: str, low: float | None = None, high: float | None = None, *, needed: bool = True) -> Arg:
    return Arg(name=name, tag="i", low=low, high=high, needed=needed)


def _f(name: str, low: float | None = None, high: float | None = None, *, needed: bool = True) -> Arg:
    return Arg(name=name, tag="f", low=low, high=high, needed=needed)


def _d(name: str, low: float | None = None, high: float | None = None, *, needed: bool = True) -> Arg:
    return Arg(name=name, tag="d", low=low, high=high, needed=needed)


def _h(name: str, low: float | None = None, high: float | None = None, *, needed: bool = True) -> Arg:
    return Arg(name=name, tag="h", low=low, high=high, needed=needed)


_POSITION = (_i("bar", 1), _f("beat", 1))  # both count from 1, as a musician counts
_TEMPO = _f("tempo_bpm", bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH)
_LENGTH = _f("length_beats", 0, bounds.LENGTH_BEATS_MAX)
_GAIN = _f("gain_db", bounds.GAIN_DB_LOW, bounds.GAIN_DB_HIGH)


def _said(knob: Knob) -> str:
    """A knob as the reference says it: its name, its range and where it bends nothing."""
    return f"{knob.name} {knob.low:g} to {knob.high:g} ({knob.neutral:g} bends nothing)"


_FROM_OUTSIDE = (
    Route(address="/cue/go", to="bridge", args=(_s("name"),), meaning="Fire a cue of the set."),
    Route(
        address="/cue/<name>/go", to="bridge", meaning="Fire a cue of the set; for senders that cannot add a string."
    ),
    Route(
        address="/cue/say",
        to="bridge",
        args=(_s("track"), _s("prompt"), _LENGTH),
        meaning="Generate from a prompt, and land on the next quantum.",
    ),
    Route(address="/cue/arm", to="bridge", args=(_s("name"),), meaning="Generate now; the next /cue/go launches it."),
    Route(address="/cue/cancel", to="bridge", args=(_s("name"),), meaning="Take back a cue, or a request by its id."),
    Route(
        address="/cue/set",
        to="bridge",
        args=(_s("name"), _s("key"), _f("value")),
        meaning="Set a number of a cue, such as its guidance_scale, gain_db, seed or steps, from its next clip on.",
    ),
    Route(address="/scene/go", to="bridge", args=(_s("name"),), meaning="Fire every cue of a scene."),
    Route(address="/take/again", to="bridge", args=(_s("track"),), meaning="Play the track's current take again."),
    Route(
        address="/take/next", to="bridge", args=(_s("track"),), meaning="Another take of the same cue: the next seed."
    ),
    Route(address="/take/previous", to="bridge", args=(_s("track"),), meaning="Back to the take before, with no wait."),
    Route(address="/take/pin", to="bridge", args=(_s("track"),), meaning="Never drop the current take's samples."),
    Route(
        address="/take/refine",
        to="bridge",
        args=(_s("track"), _i("steps", 1, bounds.STEPS_OFFERED[-1], needed=False)),
        meaning="Make the current take again from the same seed at more steps, 4 if nothing is said, or as many up to "
        "that as the model has; what loops is taken over from where its next pass begins.",
    ),
    Route(
        address="/take/shape",
        to="bridge",
        args=(_s("track"), _s("knob"), _f("value", needed=False)),
        meaning="Bend what the track plays, as it plays. A knob belongs to its track, as on a mixing desk: all that "
        f"lands there goes through it. Knobs: {', '.join(map(_said, KNOBS))}; reset, without a value, turns all back.",
    ),
    Route(
        address="/take/<track>/shape/<knob>",
        to="bridge",
        args=(_f("value"),),
        meaning="The same as /take/shape; for controllers that can only send a number.",
    ),
    Route(address="/track/stop", to="bridge", args=(_s("track"),), meaning="Fade a track out."),
    Route(address="/track/gain", to="bridge", args=(_s("track"), _GAIN), meaning="Set a track's gain, ramped."),
    Route(address="/transport/play", to="bridge", meaning="Run the transport and its timeline."),
    Route(address="/transport/stop", to="bridge", meaning="Stop the transport; what plays fades out."),
    Route(address="/transport/tempo", to="bridge", args=(_TEMPO,), meaning="Change the tempo, from the next bar on."),
    Route(address="/transport/locate", to="bridge", args=_POSITION, meaning="Move the transport."),
    Route(address="/clock/nudge", to="bridge", args=(_f("ms", -500, 500),), meaning="Shift all that lands later."),
    Route(
        address="/clock/align",
        to="bridge",
        meaning="A bar begins now: the beat nearest to this moment is the first of a bar, and quanta count from it; "
        "for a clock that does not say where bars begin.",
    ),
    Route(
        address="/clock/nudge/beats",
        to="bridge",
        args=(_f("beats", -64, 64),),
        meaning="Let bars begin so many beats later than now, or sooner.",
    ),
    Route(address="/panic", to="bridge", meaning="Silence: a fade of 100 ms; a second one within 2 s cuts."),
    Route(address="/ping", to="bridge", args=(_i("nonce", needed=False),), meaning="Are you there?"),
    Route(address="/status", to="bridge", meaning="Ask for transport, engine and tracks."),
    Route(
        address="/subscribe",
        to="bridge",
        args=(_i("seconds", 0, 3_600),),
        meaning="Send events to this address for that long; 0 ends it.",
    ),
)

_TO_THE_SENDER = (
    Route(address="/pong", to="sender", args=(_i("nonce"),), meaning="Answers /ping."),
    Route(
        address="/refused", to="sender", args=(_s("what"), _s("reason"), _s("sentence")), meaning="Not done, and why."
    ),
    Route(
        address="/cue/planned",
        to="sender",
        args=(_s("request_id"), _s("cue"), _s("track"), *_POSITION),
        meaning="Taken; where it will land. Comes again when a late clip moves it.",
    ),
    Route(
        address="/status/transport",
        to="sender",
        args=(_i("playing", 0, 1), _TEMPO, *_POSITION, _s("output"), _s("clock")),
        meaning="Where the music is, and what plays it.",
    ),
    Route(
        address="/status/clock",
        to="sender",
        args=(_s("clock"), _s("state"), _f("tempo_bpm"), _f("error_ms"), _f("away_ms"), _s("note")),
        meaning="One for each clock by priority: leads, steady, learning or absent; how far its beat may be off, and "
        "how far we still are from it.",
    ),
    Route(
        address="/status/engine",
        to="sender",
        args=(_s("state"), _s("family"), _i("waiting"), _f("latency_p50_ms"), _f("latency_p99_ms")),
        meaning="How the engine is.",
    ),
    Route(
        address="/status/track",
        to="sender",
        args=(_s("track"), _s("cue"), _s("take_id"), _GAIN, _s("state")),
        meaning="One for each track: looping, waiting or idle; the cue and take that loop, or came last.",
    ),
    Route(
        address="/status/knob",
        to="sender",
        args=(_s("track"), _s("knob"), _f("value")),
        meaning="One for each knob that bends something: where it stands.",
    ),
    Route(address="/status/end", to="sender", args=(_i("tracks"),), meaning="The last of the answer to /status."),
    Route(address="/subscribed", to="sender", args=(_i("seconds"),), meaning="Answers /subscribe."),
)

_EVENTS = (
    Route(
        address="/clip/ready",
        to="subscribers",
        args=(_s("request_id"), _s("cue"), _s("track"), _f("request_to_clip_ms"), _s("understood")),
        meaning="The engine has made a clip.",
    ),
    Route(
        address="/clip/placed",
        to="subscribers",
        args=(_s("take_id"), _s("cue"), _s("track"), *_POSITION),
        meaning="It lies on its track, ahead of its beat.",
    ),
    Route(
        address="/launch",
        to="subscribers",
        args=(_s("take_id"), _s("cue"), _s("track"), *_POSITION, _i("error_frames"), _s("how")),
        meaning="It sounded; how: on-time, late, last-take, next, now.",
    ),
    Route(
        address="/take/shaped",
        to="subscribers",
        args=(_s("track"), _s("take_id"), _s("knob"), _f("value")),
        meaning="The track's take was bent: a knob has come to this value.",
    ),
    Route(address="/engine/state", to="subscribers", args=(_s("state"), _s("detail")), meaning="ready, busy or lost."),
    Route(
        address="/clock/event",
        to="subscribers",
        args=(_s("clock"), _s("what"), _f("tempo_bpm"), _s("sentence")),
        meaning="What the clock that leads did: lead (another one does now), start, stop, locate or tempo; or "
        "align: bars begin elsewhere, as somebody asked.",
    ),
    Route(
        address="/host/state",
        to="subscribers",
        args=(_s("host"), _s("state"), _s("sentence")),
        meaning="How the set's host is: connecting, connected, lost or refused.",
    ),
    Route(
        address="/host/placed",
        to="subscribers",
        args=(_s("take_id"), _s("cue"), _s("track"), _s("host_track"), _i("slot", 0), _f("beat")),
        meaning="It lies in the host: in that slot, or on the arrangement (slot 0) at that beat, counted from 0.",
    ),
    Route(address="/beat", to="subscribers", args=_POSITION, meaning="A lamp, not a clock."),
)

SHAPE_KEY = "shape_"  # with the name of a knob: one key for each that is not neutral
OPTION_KEY = "option."  # with the name of an option of the family
SOURCE_KEY = "source_"  # with what is to be known of the samples behind the request

_REQUEST = (
    _s("request_id"),
    _s("prompt"),
    _h("frames", 1),
    _i("sample_rate_hz", bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH),
    _h("tail_frames", 0, needed=False),
    _h("seed", 0, bounds.SEED_MAX, needed=False),
    _i("steps", needed=False),
    _d("guidance_scale", bounds.GUIDANCE_LOW, bounds.GUIDANCE_HIGH, needed=False),
    _d("tempo_bpm", bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH, needed=False),
    _s("key", needed=False),
    *(_d(SHAPE_KEY + knob.name, knob.low, knob.high, needed=False) for knob in KNOBS),
    _d(OPTION_KEY + "<name>", needed=False),
    _d("deadline_in_s", 0, needed=False),
    _s("slot", needed=False),
    Arg(name="exact", tag="T", needed=False),
)

_GENERATE = (
    *_REQUEST,
    Arg(name="fit", tag="T", needed=False),
    _d("fit_beats", 0, bounds.LENGTH_BEATS_MAX, needed=False),
    _h(SOURCE_KEY + "frames", 1, needed=False),
    _i(SOURCE_KEY + "channels", 1, bounds.SOURCE_CHANNELS_MAX, needed=False),
    _i(SOURCE_KEY + "sample_rate_hz", bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH, needed=False),
    _d(SOURCE_KEY + "strength", 0, 1, needed=False),
    _s(SOURCE_KEY + "use", needed=False),
)

# What a clip says of its request: not its source, which who asked has.
_CLIP = (
    *_REQUEST,
    _i("channels", 1, 64),
    _s("family"),
    _s("weights_hash"),
    _s("device"),
    _d("used_guidance_scale"),
    _s("understood"),
    _d("queue_ms"),
    _d("text_ms"),
    _d("denoise_ms"),
    _d("decode_ms"),
)

_LINK = (
    Route(
        address="/hello",
        to="engine",
        args=(_i("version"), _s("client")),
        meaning="The first message of a link; another version is refused with both named.",
    ),
    Route(
        address="/engine/generate",
        to="engine",
        args=_GENERATE,
        pairs=True,
        audio=True,
        meaning="Make a clip. The samples of its source, if it has one, follow; with fit, frames is the most, and the "
        "words of the prompt decide.",
    ),
    Route(address="/engine/cancel", to="engine", args=(_s("request_id"),), meaning="Take a request back."),
    Route(address="/engine/status", to="engine", meaning="Ask for the state in numbers."),
    Route(
        address="/engine/ping", to="engine", args=(_h("nonce"),), meaning="Is the worker alive, not only the socket?"
    ),
    Route(
        address="/engine/vocabulary",
        to="engine",
        args=(_i("place", 0),),
        meaning="Ask for a kind of sound that the model can make, and the words for it; the first is at place 0.",
    ),
    Route(
        address="/hello/reply",
        to="client",
        args=(_i("version"), _s("engine_id"), _s("family"), _s("weights_hash"), _s("state"), _s("steps", needed=False)),
        meaning="Answers /hello: warming or ready, and the numbers of steps that are offered, such as 1 2 4. Comes "
        "again, unasked, when the engine becomes ready.",
    ),
    Route(address="/engine/clip", to="client", args=_CLIP, pairs=True, audio=True, meaning="A finished clip."),
    Route(
        address="/engine/refused",
        to="client",
        args=(_s("request_id"), _s("reason"), _s("sentence")),
        meaning="No clip will come, and why; also confirms a cancel.",
    ),
    Route(
        address="/engine/status/reply",
        to="client",
        args=(
            _s("state"),
            _s("family"),
            _i("waiting", 0),
            _s("running"),
            _h("clips_made", 0),
            _h("prompts_cached", 0),
            _d("ready_after_s", 0),
            _d("uptime_s", 0),
            _d("peak_memory_mb", 0),
        ),
        pairs=True,
        meaning="Answers /engine/status.",
    ),
    Route(
        address="/engine/pong",
        to="client",
        args=(_h("nonce"), _s("state")),
        meaning="Answers /engine/ping: warming, ready, or stuck if the worker hangs.",
    ),
    Route(
        address="/engine/vocabulary/row",
        to="client",
        args=(
            _i("place", 0),
            _s("group"),
            _s("name"),
            _d("length_beats", 0, bounds.LENGTH_BEATS_MAX),
            _s("phrases"),
            _s("examples"),
        ),
        meaning="The kind at that place: how long a clip shows it; names for it and prompts to try, a line each.",
    ),
    Route(
        address="/engine/vocabulary/end",
        to="client",
        args=(_i("kinds", 0),),
        meaning="There is no kind at that place; how many there are, 0 if the model cannot say.",
    ),
    Route(address="/engine/event/state", to="watchers", args=(_s("state"),), meaning="warming, ready or closing."),
    Route(
        address="/engine/event/queue",
        to="watchers",
        args=(_i("waiting"), _s("running")),
        meaning="The backlog changed.",
    ),
    Route(
        address="/engine/event/clip",
        to="watchers",
        args=(_s("request_id"), _d("queue_ms"), _d("text_ms"), _d("denoise_ms"), _d("decode_ms")),
        meaning="Where a clip's time went.",
    ),
)

_BEAT = _d("beat", -bounds.HOST_BEAT_MAX, bounds.HOST_BEAT_MAX)  # of the host: quarter notes from its project's start
_HOST_TEMPO = _d("tempo_bpm", bounds.HOST_TEMPO_BPM_LOW, bounds.HOST_TEMPO_BPM_HIGH)
_ALIVE = (_i("nonce"),)

_FROM_THE_PLUGIN = (
    Route(
        address="/plugin/hello",
        to="plugin_port",
        args=(
            _i("version"),
            _s("instance"),
            _s("plugin"),
            _i("slot", 1, bounds.SLOTS_MAX),
            _i("sample_rate_hz", bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH),
        ),
        meaning="The first message of a connection: which instance it is, instrument or effect, and which track of the "
        "set it plays, in the set's order. Again when slot or rate change.",
    ),
    Route(
        address="/plugin/time",
        to="plugin_port",
        args=(
            _BEAT,
            _HOST_TEMPO,
            _i("playing", 0, 1),
            _d("beats_per_bar", 0.25, bounds.QUANTUM_BEATS_MAX),
            _d("age_s", 0, 60),
            _h("frame", 0),
            _i("epoch", 0),
            _i("offline", 0, 1),
        ),
        meaning="Where the host is, about every 20 ms and at once on a change: the beat of a block that began age_s "
        "ago; epoch goes up with every start, jump and loop back.",
    ),
    Route(
        address="/plugin/note",
        to="plugin_port",
        args=(_i("note", 0, 127), _i("velocity", 0, 127), _i("channel", 1, 16), _i("played", 0, 1)),
        meaning="The host's MIDI, a trigger of the set like any other; with played 1 its pad has sounded already.",
    ),
    Route(
        address="/plugin/turn",
        to="plugin_port",
        args=(_s("what"), _f("value")),
        meaning="A parameter of the host was turned: a knob as in /take/shape, fire (the cue of the track by its "
        "number, from 1), or panic.",
    ),
    Route(
        address="/plugin/want",
        to="plugin_port",
        args=(_s("take_id"),),
        meaning="A take that the host's project names; /plugin/clip or /plugin/refused answers.",
    ),
    Route(
        address="/plugin/launched",
        to="plugin_port",
        args=(_s("take_id"), _BEAT, _i("error_frames")),
        meaning="It sounded in the host, at that beat of it.",
    ),
    Route(address="/plugin/alive", to="plugin_port", args=_ALIVE, meaning="Are you there? Answered with the same."),
)

_TO_THE_PLUGIN = (
    Route(
        address="/plugin/hello/reply",
        to="plugin",
        args=(_i("version"), _s("title"), _s("track")),
        meaning="Welcome: the title of the set and the name of the track.",
    ),
    Route(
        address="/plugin/refused",
        to="plugin",
        args=(_s("what"), _s("reason"), _s("sentence")),
        meaning="Not done, and why.",
    ),
    Route(
        address="/plugin/clip",
        to="plugin",
        args=(
            _s("take_id"),
            _h("frames", 1),
            _h("tail_frames", 0),
            _i("channels", 1, bounds.SOURCE_CHANNELS_MAX),
            _i("sample_rate_hz", bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH),
            _d("gain", 0),
            _d("length_beats", 0, bounds.LENGTH_BEATS_MAX),
            _d("tempo_bpm", bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH),
            Arg(name="loop", tag="T", needed=False),
            Arg(name="sustained", tag="T", needed=False),
        ),
        pairs=True,
        audio=True,
        meaning="A clip to keep, at the rate that the instance said: frames as long as it is, then its tail. A second "
        "one of the same take and rate changes nothing but gain, loop and sustained.",
    ),
    Route(
        address="/plugin/pad",
        to="plugin",
        args=(
            _i("note", 0, 127),
            _s("take_id"),
            _d("quantum_beats", 0, bounds.QUANTUM_BEATS_MAX),
            _i("loop", 0, 1),
            _d("soft_db", bounds.GAIN_DB_LOW, bounds.GAIN_DB_HIGH, needed=False),
            _d("hard_db", bounds.GAIN_DB_LOW, bounds.GAIN_DB_HIGH, needed=False),
        ),
        meaning="This note plays that take, at the next line of the host's quantum, or at once with 0; without a take "
        "it plays nothing any more. A stroke adds soft_db at velocity 1, hard_db at 127, and what lies between them.",
    ),
    Route(
        address="/plugin/place",
        to="plugin",
        args=(
            _h("id", 0),
            _s("take_id"),
            _BEAT,
            _i("loop", 0, 1),
            _d("until_beat", -bounds.HOST_BEAT_MAX, bounds.HOST_BEAT_MAX),
            _i("kept", 0, 2),
            _d("gain", 0, bounds.GAIN_MAX, needed=False),
        ),
        meaning="Sound at exactly this beat of the host, a loop until until_beat, or for ever if that is not after "
        "beat; kept 1: part of the sheet, and there again when the host comes by again, and 2: the sheet's loop until "
        "there goes on so, in another shape; gain: times the clip's own. The same id again replaces it.",
    ),
    Route(address="/plugin/unplace", to="plugin", args=(_h("id", 0),), meaning="Take a placement back."),
    Route(
        address="/plugin/swap",
        to="plugin",
        args=(_s("old_take_id"), _s("new_take_id")),
        meaning="Wherever the old take plays or lies, the new one, as long, goes on at its place.",
    ),
    Route(address="/plugin/drop", to="plugin", args=(_s("take_id"),), meaning="A clip is not needed any more."),
    Route(
        address="/plugin/stop",
        to="plugin",
        args=(_d("fade_s", 0, 60),),
        meaning="Fade out all that sounds, and forget all that is not kept.",
    ),
    Route(
        address="/plugin/sheet",
        to="plugin",
        args=(_h("version", 0), _i("entries", 0), _i("complete", 0, 1)),
        meaning="First with complete 0, before the placements that are kept for this track; with complete 1 when all "
        "of them and their clips were sent: what was kept before and did not come again is forgotten.",
    ),
    Route(address="/plugin/alive", to="plugin", args=_ALIVE, meaning="Are you there? Answered with the same."),
)

ROUTES: tuple[Route, ...] = (
    *_FROM_OUTSIDE,
    *_TO_THE_SENDER,
    *_EVENTS,
    *_LINK,
    *_FROM_THE_PLUGIN,
    *_TO_THE_PLUGIN,
)


def find(address: str, *, to: Listener | None = None) -> tuple[Route, dict[str, str]] | None:
    """The row for `address` (and for `to`, where both ends say the same) and the text of its named segments, or None.

    A literal address wins over a pattern.
    """
    rows = [route for route in _LITERAL.get(address, ()) if to in (None, route.to)]
    if rows:
        return rows[0], {}
    for pattern, route in _PATTERNED:
        if to in (None, route.to) and (match := pattern.match(address)) is not None:
            return route, match.groupdict()
    return None


_LITERAL: dict[str, list[Route]] = {}
for _route in ROUTES:
    if "<" not in _route.address:
        _LITERAL.setdefault(_route.address, []).append(_route)
_PATTERNED = [(route.pattern, route) for route in ROUTES if "<" in route.address]
