"""Real sockets, the desk's real answers, and a worker that makes noise, all in this process."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import zmq

from engine.desk import Desk
from engine.errors import SetupError
from engine.server import CLIPS_UNSENT_MAX, Server
from engine.service import Worker
from osc_schemas import bounds, codec
from osc_schemas.routes import ROUTES_VERSION
from osc_schemas.source import Source
from tests.engine.noise_family import NoiseFamily
from tests.whole.wire import BOUND_S, WireClient


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Of a server on any port that is free, once it is ready."""
    server = Server(host="127.0.0.1", port=0, events_port=0)
    worker = Worker(NoiseFamily, report=server.report)
    desk = Desk(worker.take, family_name="noise")
    worker.start()
    thread = threading.Thread(target=server.run, args=(desk,))
    thread.start()
    with WireClient(server.endpoint, hello=False) as first:
        first.say(HELLO)
        first.hear_until(lambda message: message.text("state") == "ready")
    yield server.endpoint
    server.close()
    thread.join(BOUND_S)
    assert worker.close(BOUND_S)


HELLO = codec.write("/hello", version=ROUTES_VERSION, client="test")


def test_a_port_can_be_had_once(endpoint: str) -> None:
    port = int(endpoint.rpartition(":")[2])

    with pytest.raises(SetupError, match=f"port {port} of 127.0.0.1 is taken, perhaps by another engine; .* --port 0"):
        Server(host="127.0.0.1", port=port, events_port=0)
    with pytest.raises(SetupError, match=f"port {port} of 127.0.0.1 is taken, .* --events-port 0"):
        Server(host="127.0.0.1", port=0, events_port=port)


def test_ipv6_has_a_loopback_too() -> None:
    try:
        server = Server(host="::1", port=0, events_port=0)
    except SetupError as error:
        pytest.skip(str(error))
    desk = Desk(lambda task: None, family_name="noise")
    thread = threading.Thread(target=server.run, args=(desk,))
    thread.start()

    with WireClient(server.endpoint, hello=False) as client:
        client.say(HELLO)
        assert client.hear()[0].text("state") == "warming"
    server.close()
    thread.join(BOUND_S)


def test_a_client_that_does_not_read_its_clips_is_let_go_and_can_come_back(endpoint: str) -> None:
    with WireClient(endpoint, receive_high_water_mark=1) as deaf, WireClient(endpoint) as other:
        asked = 6 * CLIPS_UNSENT_MAX  # each of 3.5 MB, more than the kernel and ZeroMQ keep
        for number in range(asked):
            deaf.ask(f"r{number}", frames=440_000)
        other.ask("meanwhile", deadline_in_s=0)
        assert other.hear_ids(1) == ["meanwhile"]
        other.ask("after all of it", deadline_in_s=10_000)
        assert other.hear_ids(1) == ["after all of it"]

        while True:  # it reads what was on its way, and learns from its next ping that it was let go
            deaf.say(codec.write("/engine/ping", nonce=1))
            heard, _ = deaf.hear()
            if heard.route.address == "/engine/refused":
                break
        assert heard.text("reason") == "no-hello"
        deaf.say(HELLO)
        deaf.hear_until(lambda message: message.route.address == "/hello/reply")
        deaf.ask("again")
        deaf.hear_until(lambda message: message.route.address == "/engine/clip")


def test_another_greeting_is_no_harm(endpoint: str) -> None:
    with WireClient(endpoint) as client:
        client.say(HELLO)
        assert client.hear()[0].text("state") == "ready"


def test_a_source_travels_behind_its_request(endpoint: str) -> None:
    sound = np.linspace(-0.5, 0.5, 480, dtype=np.float32)[:, None]
    with WireClient(endpoint) as client:
        client.ask("r1", source=Source(samples=sound, sample_rate_hz=48_000, strength=0.0))
        message, audio = client.hear()

        samples = codec.read_clip(message, audio).samples
        np.testing.assert_allclose(samples, np.repeat(sound, 2, axis=1), atol=1e-6)


def test_samples_behind_a_message_that_takes_none_are_refused(endpoint: str) -> None:
    with WireClient(endpoint) as client:
        client.say(codec.write("/engine/ping", nonce=5), b"\0" * 8)

        assert "8 bytes came behind a message that takes no samples" in client.hear()[0].text("sentence")


def test_who_sends_more_than_any_message_needs_is_hung_up_on(endpoint: str) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as flood:
        flood.setsockopt(zmq.LINGER, 0)
        disconnected = flood.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        flood.connect(endpoint)
        flood.send(b"/" * (bounds.AUDIO_BYTES_MAX + 1))

        assert disconnected.poll(BOUND_S * 1000)
        flood.disable_monitor()
        disconnected.close()
    with WireClient(endpoint) as client:
        client.ask("r1")
        assert client.hear_ids(1) == ["r1"]
