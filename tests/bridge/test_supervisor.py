"""Real engine processes that make noise; every wait has a bound."""

import os
import queue
import signal
import socket
from collections.abc import Iterator

import pytest

from bridge import supervisor
from bridge.supervisor import EngineFailed, Supervisor
from tests.whole.wire import NOISE, REPOSITORY, WireClient

BOUND_S = 20


class Kept:
    """A supervisor, and what it said."""

    def __init__(self, family: str = NOISE, **options: int) -> None:
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.supervisor = Supervisor(family=family, on_line=self.lines.put, **options)

    def line(self) -> str:
        """The next sentence."""
        return self.lines.get(timeout=BOUND_S)

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        """As a crash or the kernel would."""
        assert self.supervisor.pid is not None
        os.kill(self.supervisor.pid, signal_number)


@pytest.fixture(autouse=True)
def _families_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


@pytest.fixture
def kept() -> Iterator[Kept]:
    held = Kept()
    held.supervisor.start()
    yield held
    held.supervisor.stop()


def failure(family: str, **options: int) -> str:
    """Why an engine does not start."""
    with pytest.raises(EngineFailed) as failed:
        Kept(family, **options).supervisor.start()
    return str(failed.value)


def test_an_engine_is_started_reached_and_stopped() -> None:
    waited_s: list[float] = []
    engine = Supervisor(family=NOISE)

    engine.start(on_wait=waited_s.append)

    with WireClient(engine.endpoint) as client:
        client.ask("r1")
        assert client.hear_ids(1) == ["r1"]
    assert waited_s
    assert waited_s == sorted(waited_s)
    engine.stop()
    assert engine.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(engine.pid, 0)


def test_an_engine_that_was_killed_is_back_at_the_same_place(kept: Kept) -> None:
    endpoint, first_pid = kept.supervisor.endpoint, kept.supervisor.pid
    kept.kill()

    assert kept.line() == "the engine was ended by SIGKILL; it said nothing; it is started again"
    assert kept.line() == "the engine is back with noise"
    assert kept.supervisor.endpoint == endpoint
    assert kept.supervisor.pid != first_pid
    with WireClient(endpoint) as client:
        client.ask("r1")
        assert client.hear_ids(1) == ["r1"]


def test_an_engine_that_dies_again_and_again_gets_longer_pauses(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PAUSES_S", (0.0, 0.05, 60.0))
    pauses = []
    for _ in range(2):
        kept.kill()
        pauses.append(kept.line().rpartition("again")[2])
        kept.line()
    kept.kill()
    pauses.append(kept.line().rpartition("again")[2])

    assert pauses == ["", " in 0.05 s", " in 60 s"]
    kept.supervisor.stop()  # does not sit the pause out


def test_what_the_engine_says_when_it_cannot_start_is_passed_on() -> None:
    assert failure("nothing").startswith("there is no family 'nothing'; known are embedded")
    assert "cannot be imported" in failure("engine.nowhere:load")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert failure(NOISE, port=port).startswith(f"port {port} of 127.0.0.1 is taken")


def test_an_engine_that_does_not_become_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "READY_WITHIN_S", 0.3)

    assert failure("tests.engine.noise_family:never_loads").endswith(
        "it was not ready within 0.3 s; try again when the machine is less busy"
    )


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on Windows")
def test_an_engine_that_does_not_close_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_CLOSES_WITHIN_S", 0.1)
    hanging = Kept()
    hanging.supervisor.start()
    hanging.kill(signal.SIGSTOP)

    hanging.supervisor.stop()

    assert hanging.supervisor.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(hanging.supervisor.pid, 0)
