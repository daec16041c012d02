"""An engine for one command: the one that runs, or one that is started for as long as the command takes."""

import contextlib
import queue
import time
from collections.abc import Iterator

from bridge.commands import console
from bridge.commands.parser import CommandError, default_engine
from bridge.engine_link import ClipArrived, EngineLink, EngineStateChanged, LinkEvent, RequestRefused
from bridge.supervisor import READY_WITHIN_S, Supervisor
from osc_schemas.kind import Kind
from osc_schemas.request import GenerateRequest

FOUND_WITHIN_S = 0.5  # an engine on this machine answers in a few milliseconds
TOLD_WITHIN_S = 10.0  # a vocabulary takes milliseconds
MADE_WITHIN_S = 900.0  # the longest clip of the largest model, on a slow CPU and with others before it


class OneEngine:
    """A warm engine, asked for one clip at a time."""

    def __init__(self, link: EngineLink, events: "queue.SimpleQueue[LinkEvent]") -> None:
        self._link, self._events = link, events

    @property
    def family(self) -> str:
        """The model that it has."""
        return self._link.family

    def clip(self, request: GenerateRequest) -> ClipArrived:
        """The clip for `request`. Raises `CommandError` if the engine refuses it, or is lost, or takes too long."""
        self._link.request(request)
        with contextlib.suppress(queue.Empty):
            while True:
                match self._events.get(timeout=MADE_WITHIN_S):
                    case ClipArrived() as arrived:
                        return arrived
                    case RequestRefused(refusal):
                        raise CommandError(refusal.sentence)
                    case EngineStateChanged(state="lost", detail=detail):
                        raise CommandError(f"the engine was lost while it made the clip ({detail}); try again")
        raise CommandError(f"no clip came within {MADE_WITHIN_S:g} s; `upbeat doctor` says how the engine is")

    def vocabulary(self) -> tuple[Kind, ...]:
        """The kinds of sound that it can make. Raises `CommandError` if it does not say."""
        if (kinds := self._link.vocabulary(TOLD_WITHIN_S)) is None:
            raise CommandError("the engine did not say what it can make; `upbeat doctor` says how it is")
        if not kinds:
            raise CommandError(f"the model {self._link.family} does not say what it can make; the embedded one does")
        return kinds


@contextlib.contextmanager
def one_engine(endpoint: str | None, *, family: str | None = None) -> Iterator[OneEngine]:
    """The engine at `endpoint`; for None the one at the usual place, or else one of our own until the block ends.

    With a `family`, one that has it: an engine at the usual place that has another is left alone. Raises `CommandError`
    if none answers at the endpoint that was asked for, or another family does; `EngineFailed` if none can be started.
    """
    with contextlib.ExitStack() as at_end:
        found = _linked(endpoint or default_engine(), at_end)
        if found is not None and family not in (None, found.family):
            if endpoint is not None:
                raise CommandError(
                    f"the engine at {endpoint} has {found.family}, and {family} is asked for; start one with `upbeat "
                    f"engine --family {family}`, or leave --engine away and one is started for this command"
                )
            found = None
        if found is None:
            if endpoint is not None:
                raise CommandError(
                    f"no engine answers at {endpoint}; start one with `upbeat engine`, or leave --engine away and one "
                    "is started for this command"
                )
            supervisor = Supervisor(family=family or "embedded")
            at_end.callback(supervisor.stop)
            with console.waiting("warming an engine for this command"):
                supervisor.start()
            found = _linked(supervisor.endpoint, at_end)
        if found is None:
            raise CommandError("an engine was started but does not answer; `upbeat doctor` may say why")
        yield found


def state_at(endpoint: str) -> str | None:
    """How the engine there is, and which: "ready: embedded, weights 43d28de929f4"; None if nobody answers."""
    events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
    link = EngineLink(endpoint, on_event=events.put)
    link.start()
    try:
        event = events.get(timeout=FOUND_WITHIN_S)
    except queue.Empty:
        return None
    finally:
        link.close()
    return f"{event.state}: {event.detail}" if isinstance(event, EngineStateChanged) else None


def _linked(endpoint: str, at_end: contextlib.ExitStack) -> OneEngine | None:
    """The engine there once it is warm, or None if nobody answers. Its link is closed `at_end`."""
    events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
    link = EngineLink(endpoint, on_event=events.put)
    link.start()
    until_s = time.monotonic() + FOUND_WITHIN_S
    with contextlib.suppress(queue.Empty):
        while True:
            match events.get(timeout=max(0.0, until_s - time.monotonic())):
                case EngineStateChanged(state="ready"):
                    at_end.callback(link.close)
                    return OneEngine(link, events)
                case EngineStateChanged(state="warming"):
                    until_s = time.monotonic() + READY_WITHIN_S
    link.close()
    return None
