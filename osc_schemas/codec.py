"""Messages of the route table <-> OSC bytes, for UDP and ZeroMQ alike; audio rides behind as raw float32."""

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from osc_schemas import bounds
from osc_schemas.clip import Clip, Provenance, Samples
from osc_schemas.errors import WireError
from osc_schemas.kind import Kind
from osc_schemas.nearest import nearest_only
from osc_schemas.plugin_clip import PluginClip
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.routes import OPTION_KEY, ROUTES, SHAPE_KEY, SOURCE_KEY, Arg, Listener, Route, find
from osc_schemas.shape import Shape
from osc_schemas.source import Source

_NOT_IN_OSC = re.compile("[\0\ud800-\udfff]")  # strings end with a zero, and are UTF-8

Value = str | int | float | bool

_TAGS_READ = b"ifsbhdtrmTFN"  # no arrays: no row takes one, and a deep one is a trap for whoever prints it
_BUNDLE_DEPTH_MAX = 8
_SECONDS_1900_TO_1970 = 2_208_988_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the table: its row and its values by argument name, named address segments among them."""

    route: Route
    values: Mapping[str, Value]
    at_unix_s: float | None = None  # when it shall take effect: the timetag of the bundle it came in

    def text(self, name: str) -> str:
        """The value of a string argument."""
        return str(self.values[name])

    def number(self, name: str) -> float:
        """The value of a numeric argument."""
        return float(self.values[name])

    def whole(self, name: str) -> int:
        """The value of an integer argument."""
        return int(self.values[name])


def write(address: str, **values: Value) -> bytes:
    """The OSC bytes of one message of the table. Raises `WireError` for a value the table does not allow."""
    found = find(address)
    if found is None:
        raise WireError(f"{address} is not in the route table; `upbeat routes` prints what is")
    route, _ = found
    builder = OscMessageBuilder(address=address)
    for arg in _args_for(route, values):
        if arg.name not in values:
            if arg.needed:
                raise WireError(f"{address} needs {arg.name}")
            if route.pairs:
                continue
            break
        value = _fitted(address, arg, values[arg.name])
        if route.pairs:
            builder.add_arg(arg.name, "s")
        tag = ("T" if value else "F") if arg.tag == "T" else arg.tag
        builder.add_arg(value, tag)
    return builder.build().dgram


def _args_for(route: Route, keys: Iterable[str]) -> list[Arg]:
    """The arguments of a row; one that stands for all keys that begin as it does, as those of `keys` that do."""
    args: list[Arg] = []
    for arg in route.args:
        begun = [key for key in keys if arg.prefix and key.startswith(arg.prefix)]
        args += [replace(arg, name=key) for key in begun] if arg.prefix else [arg]
    return args


def read(packet: bytes, *, to: Listener) -> list[Message]:
    """The messages in a packet that `to` understands: one, or those of a bundle, each with its timetag.

    Raises `WireError` for bytes that are no OSC, an address that is not in the table, or arguments that do not fit.
    """
    if len(packet) > bounds.MESSAGE_BYTES_MAX:
        raise WireError(f"the message has {len(packet)} bytes; at most {bounds.MESSAGE_BYTES_MAX} are taken")
    return [_message(raw, to, at_unix_s) for raw, at_unix_s in _unpacked(packet)]


def _unpacked(packet: bytes, at_unix_s: float | None = None, depth: int = 0) -> list[tuple[OscMessage, float | None]]:
    """The messages in a packet, each with its bundle's time. A bundle is taken whole or not at all."""
    if packet.startswith(b"/"):
        return [(_parsed(packet), at_unix_s)]
    if not packet.startswith(b"#bundle\0"):
        raise WireError(
            f"the packet of {len(packet)} bytes is no OSC message: it begins neither with / nor with #bundle"
        )
    if depth > _BUNDLE_DEPTH_MAX:
        raise WireError(f"the bundles lie in one another too deep; {_BUNDLE_DEPTH_MAX} deep is as far as they may")
    if len(packet) < 16:
        raise WireError(f"the bundle of {len(packet)} bytes has been cut short; it needs a timetag")
    at_unix_s = _unix_s(int.from_bytes(packet[8:16]))
    messages: list[tuple[OscMessage, float | None]] = []
    start = 16
    while start < len(packet):
        size = int.from_bytes(packet[start : start + 4])
        start += 4 + size
        if not size or start > len(packet):
            raise WireError(f"the bundle of {len(packet)} bytes has been cut short, or its element sizes are wrong")
        messages += _unpacked(packet[start - size : start], at_unix_s, depth + 1)
    return messages


def _unix_s(timetag: int) -> float | None:
    """Seconds since 1970 of an NTP timetag, which counts 2**-32 s since 1900; None for the one that says "at once"."""
    return None if timetag == 1 else timetag / 2**32 - _SECONDS_1900_TO_1970


def _parsed(packet: bytes) -> OscMessage:
    address, end, _ = packet.partition(b"\0")
    if not end:
        raise WireError(f"the packet of {len(packet)} bytes is no OSC message: its address does not end")
    tags = packet[4 * (len(address) // 4 + 1) :].partition(b"\0")[0]
    # python-osc passes over a type that it does not know and reads its bytes as the next argument's.
    if unknown := tags.removeprefix(b",").translate(None, _TAGS_READ):
        raise WireError(f"the message has an argument of type {chr(unknown[0])!r}; {_TAGS_READ.decode()} can be read")
    # python-osc lets whatever its parsing stumbles over escape: struct.error, IndexError, UnicodeDecodeError and more.
    try:
        return OscMessage(packet)
    except Exception as error:
        raise WireError(
            f"the packet of {len(packet)} bytes is no OSC message: it ends too soon, or its arguments are garbled"
        ) from error


def _message(raw: OscMessage, to: Listener, at_unix_s: float | None) -> Message:
    address = str(raw.address)
    found = find(address, to=to)
    if found is None:
        known = [route.address for route in ROUTES if route.to == to]
        raise WireError(
            f"the address {address[:200]!r} is not known here"
            + nearest_only(address, known)
            + "; `upbeat routes` prints them all"
        )
    route, segments = found
    params = list(raw.params)
    given = _given_pairs(route, address, params) if route.pairs else _given_in_order(route, address, params)
    return Message(route=route, values={**segments, **given}, at_unix_s=at_unix_s)


def _given_in_order(route: Route, address: str, params: list[object]) -> dict[str, Value]:
    needed = sum(arg.needed for arg in route.args)
    if not needed <= len(params) <= len(route.args):
        wanted = ", ".join(f"{arg.tag} {arg.name}" for arg in route.args) or "no arguments"
        raise WireError(f"{address} came with {len(params)} arguments; it takes {wanted}")
    return {arg.name: _fitted(address, arg, value) for arg, value in zip(route.args, params, strict=False)}


def _given_pairs(route: Route, address: str, params: list[object]) -> dict[str, Value]:
    if len(params) % 2:
        raise WireError(f"{address} came with {len(params)} arguments; it takes key, value, key, value")
    args = {arg.name: arg for arg in _args_for(route, [key for key in params[::2] if isinstance(key, str)])}
    values: dict[str, Value] = {}
    for key, value in zip(params[::2], params[1::2], strict=True):
        if key not in args:
            unknown = f"{address} came with the key {str(key)[:80]!r}, which it does not know"
            raise WireError(unknown + nearest_only(str(key), args))
        values[str(key)] = _fitted(address, args[str(key)], value)
    missing = [arg.name for arg in route.args if arg.needed and arg.name not in values]
    if missing:
        raise WireError(f"{address} came without {', '.join(missing)}")
    return values


def _fitted(address: str, arg: Arg, value: object) -> Value:
    """`value` as the type of `arg`: every number is taken for every number, true and false for 1 and 0."""
    if arg.tag == "s":
        if not isinstance(value, str):
            raise WireError(f"{address}: {arg.name} is {repr(value)[:80]}; it must be a string")
        if _NOT_IN_OSC.search(value):
            raise WireError(f"{address}: {arg.name} has a zero character or half a surrogate pair; leave it out")
        return value
    if not isinstance(value, (bool, int, float)):
        raise WireError(f"{address}: {arg.name} is {repr(value)[:80]}; it must be a number")
    if not math.isfinite(value):
        raise WireError(f"{address}: {arg.name} is {value}; it must be a finite number")
    if (arg.low is not None and value < arg.low) or (arg.high is not None and value > arg.high):
        raise WireError(f"{address}: {arg.name} is {value:g}; it must be {arg.range_text}")
    if arg.tag == "T":
        return bool(value)
    if arg.tag in "fd":
        return float(value)
    bits = 31 if arg.tag == "i" else 63
    if value != int(value) or not -(2**bits) <= value < 2**bits:
        raise WireError(f"{address}: {arg.name} is {value:g}; it must be a whole number of {bits + 1} bits")
    return int(value)


# The classes of this package as messages, both ways.


def write_request(request: GenerateRequest) -> tuple[bytes | memoryview, ...]:
    """A request as /engine/generate and, if it has a source, the frame of samples behind it."""
    values, source = _request_values(request), request.source
    if source is None:
        return (write("/engine/generate", **values),)
    values |= {
        SOURCE_KEY + "frames": source.samples.shape[0],
        SOURCE_KEY + "channels": source.samples.shape[1],
        **{SOURCE_KEY + name: getattr(source, name) for name in _SOURCE_FIELDS},
    }
    return write("/engine/generate", **values), _audio(source.samples)


def read_request(message: Message, audio: bytes | memoryview = b"") -> GenerateRequest:
    """The request in an /engine/generate and the frame behind it; the source's samples are read-only.

    Raises `RequestError` for values out of range, and `WireError` for a frame that does not fit what is said of it.
    """
    said = {key.removeprefix(SOURCE_KEY): value for key, value in message.values.items() if key.startswith(SOURCE_KEY)}
    if not said and not len(audio):
        return _request_in(message.values)
    request_id = message.text("request_id")
    if missing := [SOURCE_KEY + name for name in ("frames", "channels", "sample_rate_hz") if name not in said]:
        raise WireError(f"the request {request_id} came with a source, but without {', '.join(missing)}")
    frames, channels = int(said.pop("frames")), int(said.pop("channels"))
    samples = _samples(audio, frames, channels, f"the source of {request_id}")
    return _request_in(message.values, Source(samples=samples, **said))  # type: ignore[arg-type]


def request_id_in(packet: bytes) -> str:
    """The request id in a packet that is not in order, so that its sender can be told which one it was; or ""."""
    try:
        params = list(OscMessage(packet).params)
    except Exception:  # as in `_unpacked`
        return ""
    ids = (value for key, value in itertools.pairwise(params) if key == "request_id" and isinstance(value, str))
    return next(ids, "")[: bounds.NAME_CHARACTERS_MAX]


def write_clip(clip: Clip) -> tuple[bytes, memoryview]:
    """A clip as /engine/clip and the frame of samples behind it: little-endian float32, frame by frame."""
    values: dict[str, Value] = dict(_request_values(clip.request))
    come_about = clip.provenance
    values |= {
        "channels": clip.samples.shape[1],
        "family": come_about.family,
        "weights_hash": come_about.weights_hash,
        "device": come_about.device,
        "used_guidance_scale": come_about.guidance_scale,
        "understood": come_about.understood,
        "queue_ms": come_about.queue_ms,
        "text_ms": come_about.text_ms,
        "denoise_ms": come_about.denoise_ms,
        "decode_ms": come_about.decode_ms,
    }
    return write("/engine/clip", **values), _audio(clip.samples)


def read_clip(message: Message, audio: bytes | memoryview) -> Clip:
    """The clip in an /engine/clip and its audio frame; the samples are read-only. Raises `WireError` on a cut frame.

    Its request has no source: who asked has that, and it does not travel twice.
    """
    request = _request_in(message.values)
    frames = request.frames + request.tail_frames
    return Clip(
        request=request,
        samples=_samples(audio, frames, message.whole("channels"), f"the clip {request.request_id}"),
        provenance=Provenance(
            family=message.text("family"),
            weights_hash=message.text("weights_hash"),
            device=message.text("device"),
            guidance_scale=message.number("used_guidance_scale"),
            understood=message.text("understood"),
            queue_ms=message.number("queue_ms"),
            text_ms=message.number("text_ms"),
            denoise_ms=message.number("denoise_ms"),
            decode_ms=message.number("decode_ms"),
        ),
    )


def write_plugin_clip(clip: PluginClip) -> tuple[bytes, memoryview]:
    """A clip for an instance of the plug-in as /plugin/clip, and the frame of samples behind it."""
    values: dict[str, Value] = {name: getattr(clip, name) for name in _PLUGIN_CLIP_FIELDS}
    values |= {"tail_frames": len(clip.samples) - clip.frames, "channels": clip.samples.shape[1]}
    return write("/plugin/clip", **values), _audio(clip.samples)


def read_plugin_clip(message: Message, audio: bytes | memoryview) -> PluginClip:
    """The clip in a /plugin/clip and its audio frame; the samples are read-only. Raises `WireError` on a cut frame."""
    values, frames = message.values, message.whole("frames")
    all_frames, channels = frames + message.whole("tail_frames"), message.whole("channels")
    return PluginClip(
        samples=_samples(audio, all_frames, channels, f"the clip {message.text('take_id')}"),
        **{name: values[name] for name in _PLUGIN_CLIP_FIELDS if name in values},  # type: ignore[arg-type]
    )


def write_refusal(refusal: Refusal) -> bytes:
    """A refusal as /engine/refused."""
    return write("/engine/refused", request_id=refusal.request_id, reason=refusal.reason, sentence=refusal.sentence)


def read_refusal(message: Message) -> Refusal:
    """The refusal in an /engine/refused."""
    return Refusal(
        request_id=message.text("request_id"), reason=message.text("reason"), sentence=message.text("sentence")
    )


def write_kind(kind: Kind, *, place: int) -> bytes:
    """A kind as /engine/vocabulary/row."""
    return write(
        "/engine/vocabulary/row",
        place=place,
        group=kind.group,
        name=kind.name,
        length_beats=kind.length_beats,
        phrases="\n".join(kind.phrases),
        examples="\n".join(kind.examples),
    )


def read_kind(message: Message) -> Kind:
    """The kind in an /engine/vocabulary/row. Raises `KindError` for what is not in order."""
    return Kind(
        group=message.text("group"),
        name=message.text("name"),
        phrases=tuple(message.text("phrases").splitlines()),
        examples=tuple(message.text("examples").splitlines()),
        length_beats=message.number("length_beats"),
    )


_PLUGIN_CLIP_FIELDS = tuple(name for name in PluginClip.__dataclass_fields__ if name != "samples")
_SOURCE_FIELDS = ("sample_rate_hz", "strength", "use")
_FIT = ("fit", "fit_beats")
_PLAIN_KEYS = tuple(
    key for key in GenerateRequest.__dataclass_fields__ if key not in ("shape", "source", "options", *_FIT)
)


def _request_values(request: GenerateRequest) -> dict[str, Value]:
    """The keys of a request; what has nothing to say is left out: no tempo, no key, a knob that bends nothing."""
    values = {key: value for key in _PLAIN_KEYS if (value := getattr(request, key)) not in (None, "")}
    values |= {OPTION_KEY + name: value for name, value in request.options}
    values |= {SHAPE_KEY + knob: value for knob, value in request.shape.turned.items()}
    return values | ({key: getattr(request, key) for key in _FIT} if request.fit else {})


def _request_in(values: Mapping[str, Value], source: Source | None = None) -> GenerateRequest:
    plain = {key: value for key, value in values.items() if key in (*_PLAIN_KEYS, *_FIT)}
    options = tuple((key.removeprefix(OPTION_KEY), float(values[key])) for key in values if key.startswith(OPTION_KEY))
    turned = {key.removeprefix(SHAPE_KEY): value for key, value in values.items() if key.startswith(SHAPE_KEY)}
    return GenerateRequest(**plain, options=options, source=source, shape=Shape(**turned))  # type: ignore[arg-type]  # the table has their names and types


def _audio(samples: Samples) -> memoryview:
    """Samples as they travel: little-endian float32, frame by frame."""
    return np.ascontiguousarray(samples, dtype="<f4").data.cast("B")


def _samples(audio: bytes | memoryview, frames: int, channels: int, what: str) -> Samples:
    """What travelled, read-only. Raises `WireError` if it is not as long as was said."""
    if len(audio) != 4 * frames * channels:
        raise WireError(
            f"{what} came with {len(audio)} bytes of audio; {frames} frames of {channels} channels have "
            f"{4 * frames * channels}"
        )
    return np.frombuffer(audio, dtype="<f4").reshape(frames, channels)
