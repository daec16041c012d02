"""Messages go through real OSC bytes; python-osc stands in for the other side."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from osc_schemas import codec
from osc_schemas.clip import Clip, Provenance
from osc_schemas.errors import RequestError, SchemaError, WireError
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.routes import ROUTES, find
from osc_schemas.shape import KNOBS, NEUTRAL, Knob, Shape
from osc_schemas.source import Source


def packet(address: str, *args: object) -> bytes:
    """OSC bytes as another program would send them."""
    builder = OscMessageBuilder(address=address)
    for arg in args:
        builder.add_arg(arg)
    return builder.build().dgram


def nested(depth: int) -> bytes:
    """A bundle in a bundle in a bundle, empty at last."""
    inside = nested(depth - 1) if depth else b""
    return b"#bundle\0" + bytes(7) + b"\1" + (len(inside).to_bytes(4) + inside if inside else b"")


def request(**changes: object) -> GenerateRequest:
    wanted: dict[str, object] = {"request_id": "r1", "prompt": "kick", "frames": 480, "sample_rate_hz": 48_000}
    return GenerateRequest(**(wanted | changes))  # type: ignore[arg-type]


def test_a_message_names_its_arguments() -> None:
    [message] = codec.read(packet("/cue/say", "drums", "deep kick", 4.0), to="bridge")

    assert message.values == {"track": "drums", "prompt": "deep kick", "length_beats": 4.0}


def test_a_segment_of_the_address_is_an_argument() -> None:
    [message] = codec.read(packet("/cue/kick/go"), to="bridge")

    assert message.route.address == "/cue/<name>/go"
    assert message.text("name") == "kick"


@pytest.mark.parametrize("value", [4, 4.0, True])
def test_every_number_is_taken_for_every_number(value: float) -> None:
    [message] = codec.read(packet("/subscribe", value), to="bridge")

    assert message.whole("seconds") == int(value)


def test_a_bundle_keeps_its_timetag() -> None:
    bundle = OscBundleBuilder(1_800_000_000.25)
    bundle.add_content(OscMessage(packet("/cue/kick/go")))  # type: ignore[arg-type]

    [message] = codec.read(bundle.build().dgram, to="bridge")

    assert message.at_unix_s == pytest.approx(1_800_000_000.25, abs=1e-6)


@pytest.mark.parametrize(
    ("bytes_", "sentence"),
    [
        (packet("/cue/og", "kick"), "nearest is /cue/go"),
        (packet("/cue/go"), "takes s name"),
        (packet("/cue/go", 3), "must be a string"),
        (packet("/transport/tempo", "fast"), "must be a number"),
        (packet("/transport/tempo", 0.0), "must be 20 to 999"),
        (packet("/transport/tempo", float("inf")), "must be a finite number"),
        (packet("/subscribe", 1.5), "must be a whole number"),
        (packet("/engine/generate", "prompt", "kick"), "not known here"),
        (b"/panic\0\0,cI\0\0\0\0x", "an argument of type 'c'"),
        (b"/panic\0\0," + b"[" * 5_000 + b"]" * 5_000 + bytes(4), "an argument of type"),
        (b"/panic", "does not end"),
        (b"#bundle\0", "cut short"),
        (b"#bundle\0" + bytes(8) + b"\0\0\0\x08/panic", "cut short"),
        (b"#bundle\0" + bytes(8) + b"\0\0\0\x04kick", "begins neither"),
        (nested(9), "too deep"),
        (b"kick please", "no OSC message"),
        (b"/cue/go\0,s\0\0", "no OSC message"),
        (b"", "no OSC message"),
        (b"/" * 70_000, "at most 65536"),
    ],
)
def test_what_is_not_in_the_table_is_refused_with_a_sentence(bytes_: bytes, sentence: str) -> None:
    with pytest.raises(WireError, match=sentence):
        codec.read(bytes_, to="bridge")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_error(noise: bytes) -> None:
    for start in (b"", b"/", b"/cue/go\0", b"#bundle\0"):
        try:
            codec.read(start + noise, to="bridge")
        except SchemaError:
            continue


# Half of the knobs, on average, stay where they bend nothing.
shapes = st.builds(
    Shape, **{knob.name: st.just(knob.neutral) | st.floats(knob.low, knob.high, width=64) for knob in KNOBS}
)


@given(
    prompt=st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and "\0" not in text),
    seed=st.integers(0, 2**63 - 1),
    guidance=st.none() | st.floats(0, 20),
    exact=st.booleans(),
    tempo_bpm=st.none() | st.floats(20, 999),
    key=st.sampled_from(["", "D minor", "F# dorian", "Bb harmonic minor"]),
    shape=shapes,
    fit=st.just(True),
    fit_beats=st.floats(0, 1_024),
    options=st.dictionaries(st.sampled_from(["nu", "gamma", "eta_2"]), st.floats(-10, 10)).map(lambda d: (*d.items(),)),
)
def test_a_request_survives_the_wire(prompt: str, seed: int, guidance: float | None, **changes: object) -> None:
    sent = request(prompt=prompt, seed=seed, guidance_scale=guidance, tail_frames=64, **changes)

    [packet] = codec.write_request(sent)
    [message] = codec.read(bytes(packet), to="engine")

    assert codec.read_request(message) == sent


def test_a_source_survives_the_wire_behind_its_request() -> None:
    samples = np.linspace(-1, 1, 2 * 500, dtype=np.float32).reshape(500, 2)
    sent = request(source=Source(samples=samples, sample_rate_hz=44_100, strength=0.25, use="loudness"))

    packet, audio = codec.write_request(sent)
    [message] = codec.read(bytes(packet), to="engine")
    got = codec.read_request(message, audio)

    assert got == sent
    assert got.source is not None
    assert (got.source.strength, got.source.use) == (0.25, "loudness")
    np.testing.assert_array_equal(got.source.samples, samples)
    with pytest.raises(WireError, match="the source of r1 came with 3999 bytes of audio"):
        codec.read_request(message, audio[:-1])
    [plain] = codec.write_request(request())
    with pytest.raises(WireError, match="came with a source, but without source_frames, source_channels"):
        codec.read_request(codec.read(bytes(plain), to="engine")[0], audio)


def test_a_clip_tells_its_options_and_leaves_the_source_with_who_asked() -> None:
    source = Source(samples=np.ones((4, 1), np.float32), sample_rate_hz=48_000)
    provenance = Provenance(family="test", weights_hash="ab", device="cpu", guidance_scale=1.5)
    wanted = request(source=source, options=(("nu", 1.2),))
    header, audio = codec.write_clip(
        Clip(request=wanted, samples=np.zeros((480, 1), np.float32), provenance=provenance)
    )

    [message] = codec.read(header, to="client")

    assert codec.read_clip(message, audio).request == request(options=(("nu", 1.2),))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((("Nu", 1.0),), "an option is called 'Nu'"),
        ((("nu", 1.0), ("nu", 2.0)), "the option nu is set 2 times"),
        ((("nu", float("nan")),), "the option nu is nan"),
        (tuple((f"o{n}", 1.0) for n in range(17)), "there are 17 options; at most 16"),
    ],
)
def test_options_are_checked_where_they_are_born(options: tuple[tuple[str, float], ...], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        request(options=options)


def test_options_in_another_order_are_the_same_request() -> None:
    assert request(options=(("nu", 1.0), ("gamma", 0.5))) == request(options=(("gamma", 0.5), ("nu", 1.0)))


def test_what_a_request_leaves_neutral_does_not_travel() -> None:
    (plain,), (bent,) = codec.write_request(request()), codec.write_request(request(shape=Shape(room=0.5)))

    for word in (b"tempo_bpm", b"key", b"shape_", b"slot", b"source_", b"option.", b"fit"):
        assert word not in bytes(plain)
    assert [knob.name for knob in KNOBS if f"shape_{knob.name}".encode() in bytes(bent)] == ["room"]


def test_a_request_with_unknown_or_missing_keys_is_refused() -> None:
    with pytest.raises(WireError, match="nearest is prompt"):
        codec.read(packet("/engine/generate", "promt", "kick"), to="engine")
    with pytest.raises(WireError, match="without request_id, frames"):
        codec.read(packet("/engine/generate", "prompt", "kick", "sample_rate_hz", 48_000), to="engine")


@pytest.mark.parametrize("prompt", ["kick\0snare", "kick \udcff"])
def test_what_osc_cannot_carry_is_refused_before_it_is_sent(prompt: str) -> None:
    with pytest.raises(WireError, match="prompt has a zero character or half a surrogate pair"):
        codec.write_request(request(prompt=prompt))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("slot", "s" * 65),
        ("frames", 0),
        ("frames", -1),
        ("frames", 10**9),
        ("frames", 60 * 48_000 + 1),
        ("tail_frames", -1),
        ("steps", 0),
        ("steps", 1000),
        ("prompt", " "),
        ("prompt", "k" * 100_000),
        ("deadline_in_s", float("inf")),
        ("guidance_scale", float("nan")),
        ("tempo_bpm", 10.0),
        ("tempo_bpm", float("nan")),
        ("key", "D" + " " * 40),
        ("key", "H minor"),
    ],
)
def test_a_request_is_checked_where_it_is_born(key: str, value: object) -> None:
    with pytest.raises(RequestError):
        request(**{key: value})


def test_a_clip_survives_the_wire() -> None:
    samples = np.linspace(-1, 1, 2 * 500, dtype=np.float32).reshape(500, 2)
    provenance = Provenance(family="test", weights_hash="ab", device="cpu", guidance_scale=1.5, decode_ms=2.5)
    wanted = request(frames=480, tail_frames=20, tempo_bpm=124.5, key="D minor", shape=Shape(pitch=-12.5, drive=1))
    sent = Clip(request=wanted, samples=samples, provenance=provenance)

    header, audio = codec.write_clip(sent)
    [message] = codec.read(header, to="client")
    got = codec.read_clip(message, audio)

    assert got.request == sent.request
    assert got.provenance == provenance
    assert np.array_equal(got.samples, samples)
    with pytest.raises(WireError, match="bytes of audio"):
        codec.read_clip(message, bytes(audio)[:-3])


def test_a_refusal_survives_the_wire() -> None:
    sent = Refusal(request_id="r1", reason="full", sentence="no room")

    [message] = codec.read(codec.write_refusal(sent), to="client")

    assert codec.read_refusal(message) == sent


def test_everyone_outside_gets_only_types_that_pure_data_can_read() -> None:
    for route in ROUTES:
        if route.to in ("bridge", "sender", "subscribers"):
            assert set(route.tags) <= set("ifs"), route.address


def test_every_address_of_the_table_finds_its_own_row() -> None:
    for route in ROUTES:
        found = find(route.address, to=route.to)
        assert found is not None
        assert found[0] is route


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_knob_turns_as_far_as_the_table_says(knob: Knob) -> None:
    assert knob.low <= knob.neutral <= knob.high
    for value in (knob.low - 0.01, knob.high + 0.01, float("nan")):
        with pytest.raises(RequestError, match=f"shape_{knob.name} is"):
            Shape(**{knob.name: value})
        with pytest.raises(WireError, match=f"shape_{knob.name}"):
            codec.read(packet("/engine/generate", "request_id", "r", f"shape_{knob.name}", value), to="engine")


def test_a_shape_that_bends_nothing_is_neutral() -> None:
    assert Shape() == NEUTRAL
    assert NEUTRAL.neutral
    assert not Shape(pitch=1).neutral


def test_a_knob_can_be_turned_by_an_address_alone() -> None:
    [message] = codec.read(packet("/take/drums/shape/room", 0.5), to="bridge")

    assert message.values == {"track": "drums", "knob": "room", "value": 0.5}
