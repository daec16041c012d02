"""A client that asks one thing after the other, for measuring: the real link, waited for."""

import queue
import secrets
from types import TracebackType
from typing import Self

from bridge.engine_link import ClipArrived, EngineLink, EngineStateChanged, LinkEvent, RequestRefused
from bridge.scheduler import TAIL_S
from osc_schemas.request import GenerateRequest

ANSWERED_WITHIN_S = 30.0
RATE_HZ = 48_000


class BenchError(Exception):
    """Nothing can be measured. The text says why."""


class Asker:
    """An `EngineLink` that is waited for."""

    def __init__(self, endpoint: str) -> None:
        self._events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self.link = EngineLink(endpoint, on_event=self._events.put)

    def __enter__(self) -> Self:
        self.link.start()
        while not (isinstance(event := self._next(), EngineStateChanged) and event.state == "ready"):
            pass
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.close()

    def clip(self, request: GenerateRequest) -> ClipArrived:
        """The clip for `request`. Raises `BenchError` if it is refused."""
        self.link.request(request)
        answer = self.answer()
        if isinstance(answer, RequestRefused):
            raise BenchError(answer.refusal.sentence)
        return answer

    def answer(self) -> ClipArrived | RequestRefused:
        """The next answer to a request."""
        while isinstance(event := self._next(), EngineStateChanged):
            pass
        return event

    def _next(self) -> LinkEvent:
        try:
            return self._events.get(timeout=ANSWERED_WITHIN_S)
        except queue.Empty:
            raise BenchError(f"the engine gave no answer within {ANSWERED_WITHIN_S:g} s") from None


def request_of(prompt: str, *, seed: int, steps: int, length_s: float) -> GenerateRequest:
    """A request as a cue of that length makes it."""
    frames = round(length_s * RATE_HZ)
    return GenerateRequest(
        request_id=secrets.token_hex(6),
        prompt=prompt,
        frames=frames,
        tail_frames=min(round(TAIL_S * RATE_HZ), frames // 2),
        sample_rate_hz=RATE_HZ,
        seed=seed,
        steps=steps,
    )
