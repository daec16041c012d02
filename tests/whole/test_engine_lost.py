"""The engine is killed while a bridge waits for its clips: what was wished for comes, once the engine is back."""

import os
import queue
import signal
import time
from collections.abc import Iterator

import pytest

from bridge.engine_link import ClipArrived, EngineLink, EngineStateChanged, LinkEvent
from bridge.supervisor import Supervisor
from osc_schemas.request import GenerateRequest
from tests.whole.wire import BOUND_S, NOISE, REPOSITORY


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    supervisor = Supervisor(family=NOISE)
    supervisor.start()
    yield supervisor
    supervisor.stop()


def request(request_id: str, prompt: str) -> GenerateRequest:
    return GenerateRequest(request_id=request_id, prompt=prompt, frames=4_800, sample_rate_hz=48_000, seed=5)


def kill(engine: Supervisor, signal_number: signal.Signals) -> float:
    """When."""
    assert engine.pid is not None
    os.kill(engine.pid, signal_number)
    return time.monotonic()


def test_a_wish_outlives_the_engine_that_was_killed_over_it(engine: Supervisor) -> None:
    events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()

    def told() -> LinkEvent:
        return events.get(timeout=BOUND_S)

    link = EngineLink(engine.endpoint, on_event=events.put)
    link.start()
    told()
    link.request(request("before", "bell"))
    before = told()
    link.request(request("brisk", "brisk bell"))
    link.request(request("waiting", "bell"))

    killed_s = kill(engine, signal.SIGKILL)

    assert told() == EngineStateChanged("lost", "its connection closed")
    assert time.monotonic() - killed_s < 1.5
    while told() != EngineStateChanged("ready", "noise, weights 000000000000"):
        pass  # warming comes first, unless the engine was faster
    after = {event.clip.request.request_id: event for event in (told(), told()) if isinstance(event, ClipArrived)}
    assert set(after) == {"brisk", "waiting"}
    assert after["brisk"].request_to_clip_ms > 100
    assert isinstance(before, ClipArrived)
    assert (after["waiting"].clip.samples == before.clip.samples).all()  # the same seed, the same sound
    link.close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on Windows")
def test_an_engine_that_hangs_is_noticed_and_taken_up_again(engine: Supervisor) -> None:
    events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
    link = EngineLink(engine.endpoint, on_event=events.put)
    link.start()
    events.get(timeout=BOUND_S)

    stopped_s = kill(engine, signal.SIGSTOP)
    lost = events.get(timeout=BOUND_S)
    assert isinstance(lost, EngineStateChanged)
    assert lost.state == "lost"
    assert time.monotonic() - stopped_s < 4

    kill(engine, signal.SIGCONT)
    assert isinstance(events.get(timeout=BOUND_S), EngineStateChanged)
    assert link.state == "ready"
    link.close()
