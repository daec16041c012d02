"""An engine as its own process, and a client that speaks to it in frames, as a program in another language would."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import zmq

from osc_schemas import codec
from osc_schemas.codec import Message
from osc_schemas.request import GenerateRequest
from osc_schemas.routes import ROUTES_VERSION

BOUND_S = 20
NOISE = "tests.engine.noise_family:NoiseFamily"
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Engine:
    """A running engine process that has said that it is ready."""

    process: subprocess.Popen[str]
    endpoint: str
    events_endpoint: str


@contextlib.contextmanager
def engine(*flags: str, family: str = NOISE) -> Iterator[Engine]:
    """An engine on free ports, ended when the block ends."""
    with start_engine("--port", "0", "--events-port", "0", "--family", family, *flags) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"the engine did not start: {process.communicate()[1]}"
            ready = json.loads(line)
            yield Engine(process, ready["endpoint"], ready["events_endpoint"])
        finally:
            process.kill()


def start_engine(*flags: str) -> subprocess.Popen[str]:
    """An engine process that can find the families of the tests."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )


class WireClient:
    """One DEALER. Every wait has a bound."""

    def __init__(self, endpoint: str, *, hello: bool = True, receive_high_water_mark: int = 1_000) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.RCVHWM, receive_high_water_mark)
        self._socket.setsockopt(zmq.IPV6, 1)
        self._socket.connect(endpoint)
        if hello:
            self.say(codec.write("/hello", version=ROUTES_VERSION, client="test"))
            assert self.hear()[0].text("state") == "ready"

    def __enter__(self) -> "WireClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.destroy(linger=0)

    def say(self, *frames: bytes | memoryview) -> None:
        """Send frames as they are."""
        self._socket.send_multipart(frames)

    def ask(self, request_id: str, **changes: object) -> GenerateRequest:
        """Ask for a clip."""
        wanted: dict[str, object] = {"prompt": "kick", "frames": 480, "sample_rate_hz": 48_000}
        request = GenerateRequest(request_id=request_id, **(wanted | changes))  # type: ignore[arg-type]
        self.say(*codec.write_request(request))
        return request

    def hear(self) -> tuple[Message, bytes]:
        """The next message, and the audio behind it."""
        assert self._socket.poll(BOUND_S * 1000), "no answer"
        header, *audio = self._socket.recv_multipart()
        [message] = codec.read(header, to="client")
        return message, b"".join(audio)

    def hear_ids(self, count: int) -> list[str]:
        """The request ids of the next answers."""
        return [self.hear()[0].text("request_id") for _ in range(count)]

    def hear_until(self, done: Callable[[Message], bool]) -> Message:
        """The first message for which `done` holds."""
        while not done(message := self.hear()[0]):
            pass
        return message
