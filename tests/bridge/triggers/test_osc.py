"""The OSC port as other programs meet it: real sockets, python-osc on the other side."""

import queue
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.triggers.heard import Heard
from bridge.triggers.osc import OscError, OscPort
from osc_schemas import codec


def packet(address: str, *args: object) -> bytes:
    """OSC bytes as another program would send them."""
    builder = OscMessageBuilder(address=address)
    for arg in args:
        builder.add_arg(arg)
    return builder.build().dgram


class Ear:
    """What the port handed on, in order."""

    def __init__(self) -> None:
        self.heard: queue.Queue[Heard] = queue.Queue(maxsize=100)

    def next(self) -> Heard:
        return self.heard.get(timeout=5)


class Program:
    """Another program on this machine, with a UDP port of its own."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.bridge = ("127.0.0.1", port)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, packet: bytes) -> None:
        self.socket.sendto(packet, self.bridge)

    def receive(self) -> OscMessage:
        return OscMessage(self.socket.recv(65_536))


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def port(ear: Ear) -> Iterator[OscPort]:
    with OscPort(on_heard=ear.heard.put_nowait) as port:
        yield port


@pytest.fixture
def program(port: OscPort) -> Iterator[Program]:
    with Program(port.port) as program:
        yield program


def test_a_message_is_heard_with_the_way_back_to_its_sender(ear: Ear, program: Program) -> None:
    program.send(packet("/cue/go", "kick"))

    heard = ear.next()
    heard.reply(codec.write("/pong", nonce=7))

    assert heard.message.text("name") == "kick"
    assert heard.trigger == "osc"
    assert heard.sender == f"127.0.0.1:{program.socket.getsockname()[1]}"
    assert program.receive().params == [7]


def test_a_bundle_is_heard_at_once_and_keeps_its_time(ear: Ear, program: Program) -> None:
    bundle = OscBundleBuilder(2_000_000_000.0)  # nobody waits for that
    bundle.add_content(OscMessage(packet("/cue/kick/go")))  # type: ignore[arg-type]
    bundle.add_content(OscMessage(packet("/panic")))  # type: ignore[arg-type]

    program.send(bundle.build().dgram)

    kick, panic = ear.next(), ear.next()
    assert kick.message.at_unix_s == panic.message.at_unix_s == pytest.approx(2_000_000_000.0)
    assert panic.message.route.address == "/panic"


def test_the_largest_datagram_arrives_whole(ear: Ear, program: Program) -> None:
    prompt = "k" * (65_507 - 40)

    program.send(packet("/cue/say", "drums", prompt, 4.0))

    assert ear.next().message.text("prompt") == prompt


@pytest.mark.parametrize(
    ("wrong", "what", "sentence"),
    [
        (packet("/cue/og", "kick"), "/cue/og", "the nearest is /cue/go"),
        (packet("/cue/go"), "/cue/go", "takes s name"),
        (packet("/cue/go", b"k" * 60_000), "/cue/go", "name is"),
        (packet("/transport/tempo", 0.0), "/transport/tempo", "must be 20 to 999"),
        (b"/\xff\xfe\0", "/\ufffd\ufffd", ""),
        (b"kick please", "packet", "no OSC message"),
        (b"#bundle\0" * 3, "#bundle", ""),
        (b"", "packet", "no OSC message"),
    ],
)
def test_what_is_wrong_is_refused_to_its_sender_and_the_rest_goes_on(
    ear: Ear, program: Program, wrong: bytes, what: str, sentence: str
) -> None:
    program.send(wrong)
    program.send(packet("/ping", 1))

    refused = program.receive()
    assert refused.address == "/refused"
    assert refused.params[:2] == [what, "bad-message"]
    assert sentence in refused.params[2]
    assert len(refused.params[2]) <= 500
    assert ear.next().message.route.address == "/ping"


def test_an_answer_is_not_answered(ear: Ear, program: Program) -> None:
    program.send(codec.write("/refused", what="/x", reason="bad-message", sentence="no"))
    program.send(packet("/nonsense"))

    assert program.receive().params[0] == "/nonsense"


def test_when_too_much_waits_the_sender_is_told(port: OscPort, ear: Ear, program: Program) -> None:
    for _ in range(101):
        program.send(packet("/cue/go", "kick"))

    refused = program.receive()

    assert refused.params[:2] == ["/cue/go", "full"]
    assert ear.heard.qsize() == 100


def test_a_reply_that_finds_nobody_hurts_nobody(port: OscPort, ear: Ear, program: Program) -> None:
    with Program(port.port) as gone:
        gone.send(packet("/ping"))
        heard = ear.next()

    for _ in range(3):
        heard.reply(codec.write("/pong", nonce=0))
    program.send(packet("/ping"))

    assert ear.next().sender != heard.sender


def test_a_taken_port_is_one_sentence(port: OscPort, ear: Ear) -> None:
    with pytest.raises(OscError, match=rf"UDP port {port.port} of 127.0.0.1 is taken.*--osc-port"):
        OscPort(port=port.port, on_heard=ear.heard.put_nowait)


@pytest.mark.parametrize(
    ("host", "number", "sentence"),
    [
        ("0.0.0.0", 0, "can be reached from other machines"),
        ("", 0, "can be reached from other machines|is not known"),
        ("no such host", 0, "is not known here"),
        ("127.0.0.1", 65_536, "it must be between 1 and 65535"),
        ("127.0.0.1", -1, "it must be between 1 and 65535"),
    ],
)
def test_a_port_that_cannot_be_opened_is_one_sentence(ear: Ear, host: str, number: int, sentence: str) -> None:
    with pytest.raises(OscError, match=sentence):
        OscPort(host, number, on_heard=ear.heard.put_nowait)


def test_closing_ends_the_thread_and_gives_the_port_back(ear: Ear) -> None:
    first = OscPort(on_heard=ear.heard.put_nowait)
    first.start()
    first.close()

    assert "osc-port" not in {thread.name for thread in threading.enumerate()}
    with OscPort(port=first.port, on_heard=ear.heard.put_nowait) as again, Program(again.port) as program:
        program.send(packet("/ping"))
        assert ear.next().message.route.address == "/ping"


def test_what_was_sent_before_the_start_is_heard(ear: Ear) -> None:
    port = OscPort(on_heard=ear.heard.put_nowait)

    with Program(port.port) as program:
        program.send(packet("/cue/go", "kick"))

    with port:
        assert ear.next().message.text("name") == "kick"


def test_no_datagram_stops_the_port() -> None:
    ear = Ear()
    with OscPort(on_heard=ear.heard.put_nowait) as port, Program(port.port) as program:

        @settings(max_examples=100, deadline=None)
        @given(st.binary(max_size=100), st.sampled_from([b"", b"/", b"/cue/go\0,s\0\0", b"#bundle\0" + bytes(8)]))
        def send(noise: bytes, start: bytes) -> None:
            program.send(start + noise)

        send()
        program.send(packet("/ping", 12_345))
        while (heard := ear.next()).message.values.get("nonce") != 12_345:
            pass

    assert heard.message.route.address == "/ping"
