"""A link to an engine that the test plays itself, on a real socket; every wait has a bound."""

import dataclasses
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import zmq

from bridge import engine_link
from bridge.engine_link import ClipArrived, EngineLink, EngineStateChanged, LinkEvent, RequestRefused
from bridge.open_requests import OPEN_MAX
from osc_schemas import codec
from osc_schemas.clip import Clip, Provenance
from osc_schemas.codec import Message
from osc_schemas.kind import Kind
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.routes import ROUTES_VERSION
from osc_schemas.source import Source

BOUND_S = 10


class PlayedEngine:
    """The engine's side of the wire, word by word."""

    def __init__(self) -> None:
        self._context = zmq.Context()
        self.port = 0
        self.come_up()

    def come_up(self) -> None:
        """Listen, on the same port as before."""
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.bind(f"tcp://127.0.0.1:{self.port}")
        self.endpoint = self._router.getsockopt_string(zmq.LAST_ENDPOINT)
        self.port = int(self.endpoint.rpartition(":")[2])

    def die(self) -> None:
        """Drop every connection."""
        self._router.close(linger=0)

    def close(self) -> None:
        """End the play."""
        self._context.destroy(linger=0)

    def hear(self, address: str) -> Message:
        """The next message to `address`; pings in between are passed over."""
        while True:
            assert self._router.poll(BOUND_S * 1000), f"no {address} came"
            self._client, packet, *behind = self._router.recv_multipart()
            self.audio = b"".join(behind)
            [message] = codec.read(packet, to="engine")
            if message.route.address != "/engine/ping" or address == "/engine/ping":
                assert message.route.address == address
                return message

    def say(self, *frames: bytes | memoryview) -> None:
        """Send to whom was heard last."""
        self._router.send_multipart([self._client, *frames])

    def greet(self, state: str = "ready") -> None:
        """Hear /hello and answer."""
        assert self.hear("/hello").whole("version") == ROUTES_VERSION
        self.say_hello(state)

    def say_hello(self, state: str) -> None:
        """Tell the state."""
        self.say(
            codec.write(
                "/hello/reply", version=ROUTES_VERSION, engine_id="e1", family="played", weights_hash="ab", state=state
            )
        )

    def say_clip(self, message: Message) -> None:
        """Answer a request with silence."""
        request = codec.read_request(message, self.audio)
        samples = np.zeros((request.frames + request.tail_frames, 1), dtype=np.float32)
        provenance = Provenance(family="played", weights_hash="ab", device="cpu", guidance_scale=1)
        self.say(*codec.write_clip(Clip(request=request, samples=samples, provenance=provenance)))


class Bridge:
    """A link, and what it told."""

    def __init__(self, endpoint: str) -> None:
        self.events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self.link = EngineLink(endpoint, on_event=self.events.put)
        self.link.start()

    def told(self) -> LinkEvent:
        """The next event."""
        return self.events.get(timeout=BOUND_S)

    def told_state(self) -> EngineStateChanged:
        """The next event, a change of state."""
        event = self.told()
        assert isinstance(event, EngineStateChanged)
        return event

    def told_refusal(self) -> Refusal:
        """The next event, a refusal."""
        event = self.told()
        assert isinstance(event, RequestRefused)
        return event.refusal


def request(request_id: str, **changes: object) -> GenerateRequest:
    wanted: dict[str, object] = {"prompt": "kick", "frames": 480, "sample_rate_hz": 48_000}
    return GenerateRequest(request_id=request_id, **(wanted | changes))  # type: ignore[arg-type]


@pytest.fixture
def engine() -> Iterator[PlayedEngine]:
    played = PlayedEngine()
    yield played
    played.close()


@pytest.fixture
def bridge(engine: PlayedEngine) -> Iterator[Bridge]:
    held = Bridge(engine.endpoint)
    yield held
    held.link.close()


@pytest.fixture
def ready(engine: PlayedEngine, bridge: Bridge) -> Bridge:
    engine.greet()
    assert bridge.told_state() == EngineStateChanged("ready", "played, weights ab")
    return bridge


def test_a_request_comes_back_as_its_clip_with_the_time_it_took(engine: PlayedEngine, ready: Bridge) -> None:
    asked = request("r1", tail_frames=64, deadline_in_s=2)
    ready.link.request(asked)
    engine.say_clip(engine.hear("/engine/generate"))

    event = ready.told()

    assert isinstance(event, ClipArrived)
    assert event.clip.request == asked
    assert event.clip.samples.shape == (544, 1)
    assert 0 < event.request_to_clip_ms < BOUND_S * 1000
    assert (ready.link.state, ready.link.family, ready.link.weights_hash) == ("ready", "played", "ab")


def test_a_prompt_that_osc_cannot_carry_is_refused_and_the_link_goes_on(engine: PlayedEngine, ready: Bridge) -> None:
    ready.link.request(request("r1", prompt="kick\0snare"))
    ready.link.cancel("r\0")
    ready.link.request(request("r2"))

    assert ready.told_refusal().reason == "bad-request"
    assert engine.hear("/engine/generate").text("request_id") == "r2"


def test_a_refusal_is_told(engine: PlayedEngine, ready: Bridge) -> None:
    ready.link.request(request("r1"))
    engine.hear("/engine/generate")
    refusal = Refusal(request_id="r1", reason="full", sentence="256 wait already")
    engine.say(codec.write_refusal(refusal))

    assert ready.told_refusal() == refusal


def test_what_is_asked_early_is_sent_when_the_engine_is_warm(engine: PlayedEngine, bridge: Bridge) -> None:
    bridge.link.request(request("r1"))
    engine.greet("warming")
    assert bridge.told_state().state == "warming"

    engine.say_hello("ready")

    assert engine.hear("/engine/generate").text("request_id") == "r1"


def test_what_is_open_is_asked_again_when_the_engine_is_back(engine: PlayedEngine, ready: Bridge) -> None:
    ready.link.request(request("r1", deadline_in_s=5))
    engine.hear("/engine/generate")
    engine.die()
    assert ready.told_state() == EngineStateChanged("lost", "its connection closed")
    ready.link.request(request("r2"))

    engine.come_up()
    engine.greet()

    assert ready.told_state().state == "ready"
    again = engine.hear("/engine/generate")
    assert again.text("request_id") == "r1"
    assert again.number("deadline_in_s") < 5  # the beat has not moved
    assert engine.hear("/engine/generate").text("request_id") == "r2"
    engine.say_clip(again)
    engine.say_clip(again)
    assert isinstance(ready.told(), ClipArrived)  # once
    engine.say_hello("warming")
    assert ready.told_state().state == "warming"


def test_a_source_and_options_are_there_again_when_the_engine_is_back(engine: PlayedEngine, ready: Bridge) -> None:
    source = Source(samples=np.linspace(-1, 1, 480, dtype=np.float32)[:, None], sample_rate_hz=44_100, strength=0.3)
    ready.link.request(request("r1", source=source, options=(("nu", 1.2),)))
    assert codec.read_request(engine.hear("/engine/generate"), engine.audio).source == source

    engine.die()
    assert ready.told_state().state == "lost"
    engine.come_up()
    engine.greet()
    assert ready.told_state().state == "ready"
    message = engine.hear("/engine/generate")
    again = codec.read_request(message, engine.audio)
    engine.say_clip(message)
    arrived = ready.told()

    assert (again.source, again.options) == (source, (("nu", 1.2),))
    assert isinstance(arrived, ClipArrived)
    assert arrived.clip.request.source == source  # it does not travel back; the link remembers what it asked


def test_a_clip_that_was_to_fit_its_words_has_the_length_that_it_came_with(engine: PlayedEngine, ready: Bridge) -> None:
    ready.link.request(request("r1", frames=48_000, tail_frames=12_000, fit=True))
    asked = codec.read_request(engine.hear("/engine/generate"))
    shorter = dataclasses.replace(asked, frames=480, tail_frames=240, fit=False)
    provenance = Provenance(family="played", weights_hash="ab", device="cpu", guidance_scale=1)
    engine.say(*codec.write_clip(Clip(request=shorter, samples=np.zeros((720, 1), np.float32), provenance=provenance)))

    arrived = ready.told()

    assert isinstance(arrived, ClipArrived)
    assert (arrived.clip.request.frames, arrived.clip.request.tail_frames) == (480, 240)
    assert not arrived.clip.request.fit


def test_a_cancel_reaches_the_engine_or_takes_effect_without_one(engine: PlayedEngine, ready: Bridge) -> None:
    for request_id in ("r1", "r2"):
        ready.link.request(request(request_id))
        engine.hear("/engine/generate")
    ready.link.cancel("r1")
    assert engine.hear("/engine/cancel").text("request_id") == "r1"

    engine.die()

    assert ready.told_state().state == "lost"
    assert ready.told_refusal().request_id == "r1"
    ready.link.cancel("r2")
    assert ready.told_refusal() == Refusal(
        request_id="r2", reason="cancelled", sentence="taken back while there was no engine"
    )


def test_an_engine_of_another_version_is_lost_with_both_named(engine: PlayedEngine, bridge: Bridge) -> None:
    engine.hear("/hello")
    sentence = "the client speaks version 1 of the route table and the engine version 2"
    engine.say(codec.write_refusal(Refusal(request_id="", reason="version", sentence=sentence)))

    assert bridge.told_state() == EngineStateChanged("lost", sentence)


def test_an_engine_that_forgot_us_is_greeted_again(engine: PlayedEngine, ready: Bridge) -> None:
    ready.link.request(request("r1"))
    engine.hear("/engine/generate")
    engine.say(codec.write_refusal(Refusal(request_id="r1", reason="no-hello", sentence="say /hello first")))

    engine.greet()

    assert engine.hear("/engine/generate").text("request_id") == "r1"


def test_an_engine_that_falls_silent_is_lost_and_found(engine: PlayedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_link, "PING_EVERY_S", 0.02)
    monkeypatch.setattr(engine_link, "LOST_AFTER_S", 0.1)
    bridge = Bridge(engine.endpoint)
    engine.greet()
    assert bridge.told_state().state == "ready"

    assert bridge.told_state() == EngineStateChanged("lost", "it has not answered for 0.1 s")

    engine.hear("/engine/ping")
    engine.say(codec.write("/engine/pong", nonce=1, state="ready"))
    engine.greet()
    assert bridge.told_state().state == "ready"
    bridge.link.close()


def test_an_engine_whose_worker_hangs_is_lost(engine: PlayedEngine, ready: Bridge) -> None:
    engine.hear("/engine/ping")
    engine.say(codec.write("/engine/pong", nonce=1, state="stuck"))

    assert ready.told_state() == EngineStateChanged("lost", "its worker hangs")


def test_bytes_that_are_no_message_are_passed_over_and_a_clip_cut_short_is_refused(
    engine: PlayedEngine, ready: Bridge
) -> None:
    ready.link.request(request("r1"))
    message = engine.hear("/engine/generate")
    engine.say(b"garbage")
    engine.say(codec.write("/engine/clip", **message.values, **CUT_SHORT), b"1234")

    assert "came with 4 bytes of audio" in ready.told_refusal().sentence


CUT_SHORT: dict[str, codec.Value] = {
    "channels": 1,
    "family": "played",
    "weights_hash": "ab",
    "device": "cpu",
    "used_guidance_scale": 1.0,
    "understood": "",
    **dict.fromkeys(("queue_ms", "text_ms", "denoise_ms", "decode_ms"), 0.0),
}


def test_a_listener_that_raises_does_not_end_the_link(engine: PlayedEngine, caplog: pytest.LogCaptureFixture) -> None:
    events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()

    def listen(event: LinkEvent) -> None:
        events.put(event)
        raise ValueError("a mistake in the player")

    link = EngineLink(engine.endpoint, on_event=listen)
    link.start()
    engine.greet()
    link.request(request("r1"))
    engine.say_clip(engine.hear("/engine/generate"))

    assert isinstance(events.get(timeout=BOUND_S), EngineStateChanged)
    assert isinstance(events.get(timeout=BOUND_S), ClipArrived)
    link.close()
    assert "a mistake in the player" in caplog.text


def test_the_status_is_asked_and_answered(engine: PlayedEngine, ready: Bridge) -> None:
    answers: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(ready.link.status(BOUND_S))).start()
    engine.hear("/engine/status")
    numbers = {"waiting": 3, "clips_made": 5, "prompts_cached": 2}
    times = {"ready_after_s": 1.0, "uptime_s": 2.0, "peak_memory_mb": 3.0}
    engine.say(codec.write("/engine/status/reply", state="ready", family="played", running="r1", **numbers, **times))

    status = answers.get(timeout=BOUND_S)
    assert status is not None
    assert status.whole("waiting") == 3


KINDS = tuple(Kind(group="drums", name=name, phrases=(f"{name} drum",), examples=(name,)) for name in ("tom", "conga"))


def ask_vocabulary(bridge: Bridge) -> "queue.SimpleQueue[tuple[Kind, ...] | None]":
    """Ask from another thread, as a command does."""
    answers: queue.SimpleQueue[tuple[Kind, ...] | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(bridge.link.vocabulary(BOUND_S))).start()
    return answers


def test_the_vocabulary_is_asked_for_kind_by_kind(engine: PlayedEngine, ready: Bridge) -> None:
    answers = ask_vocabulary(ready)
    for place, kind in enumerate(KINDS):
        assert engine.hear("/engine/vocabulary").whole("place") == place
        engine.say(codec.write_kind(kind, place=place))
    assert engine.hear("/engine/vocabulary").whole("place") == len(KINDS)
    engine.say(codec.write("/engine/vocabulary/end", kinds=len(KINDS)))

    assert answers.get(timeout=BOUND_S) == KINDS


def test_who_asks_while_the_vocabulary_is_told_to_another_hears_all_of_it_once(
    engine: PlayedEngine, ready: Bridge
) -> None:
    first = ask_vocabulary(ready)
    assert engine.hear("/engine/vocabulary").whole("place") == 0
    second = ask_vocabulary(ready)
    assert engine.hear("/engine/vocabulary").whole("place") == 0  # from the beginning, for both
    for place in (0, 0, 1, 2):  # the answers to both questions
        if place < len(KINDS):
            engine.say(codec.write_kind(KINDS[place], place=place))
        else:
            engine.say(codec.write("/engine/vocabulary/end", kinds=len(KINDS)))

    assert first.get(timeout=BOUND_S) == second.get(timeout=BOUND_S) == KINDS


def test_an_engine_that_is_lost_tells_no_vocabulary(engine: PlayedEngine, ready: Bridge) -> None:
    answers = ask_vocabulary(ready)
    engine.hear("/engine/vocabulary")
    engine.die()

    assert answers.get(timeout=BOUND_S) is None
    assert ready.link.vocabulary(BOUND_S) is None


def test_without_an_engine_there_is_no_status_and_close_does_not_wait() -> None:
    bridge = Bridge("tcp://127.0.0.1:9")

    assert bridge.link.status(BOUND_S) is None
    assert bridge.link.state == "connecting"
    bridge.link.close()


def test_what_is_asked_has_a_bound() -> None:
    bridge = Bridge("tcp://127.0.0.1:9")
    for number in range(OPEN_MAX + 1):
        bridge.link.request(request(f"r{number}"))

    assert (bridge.told_refusal().request_id, OPEN_MAX) == ("r512", 512)
    bridge.link.close()


def test_link_and_supervisor_import_no_torch() -> None:
    check = "import sys, bridge.engine_link, bridge.supervisor; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=BOUND_S).returncode == 0
