"""What was asked of the engine and has no answer yet. Plain data, told the time: no socket, no thread."""

import dataclasses
from dataclasses import dataclass

from osc_schemas.request import GenerateRequest, Refusal

OPEN_MAX = 512  # twice what an engine lets wait
LOSSES_MAX = 3  # a request that brings the engine down is not asked for ever


@dataclass(slots=True)
class Open:
    """One request, and what has become of it so far."""

    request: GenerateRequest
    asked_s: float
    cancelled: bool = False
    losses: int = 0  # how often the engine was lost with this open

    def as_of(self, now_s: float) -> GenerateRequest:
        """The request with what is left of its deadline, which counts from when the engine gets it."""
        left_s = max(0.0, self.request.deadline_in_s - (now_s - self.asked_s))
        return dataclasses.replace(self.request, deadline_in_s=left_s)


class OpenRequests:
    """All of one link, in the order in which they were asked."""

    def __init__(self, *, open_max: int = OPEN_MAX) -> None:
        self._open: dict[str, Open] = {}
        self._open_max = open_max

    def add(self, request: GenerateRequest, now_s: float) -> Refusal | None:
        """Keep `request` until it is answered; a refusal if too many are kept. One that is kept already stays."""
        if request.request_id in self._open:
            return None
        if len(self._open) >= self._open_max:
            sentence = f"{self._open_max} requests are open already, which is the bound; ask again when some are done"
            return Refusal(request_id=request.request_id, reason="full", sentence=sentence)
        self._open[request.request_id] = Open(request, now_s)
        return None

    def answered(self, request_id: str) -> Open | None:
        """Keep a request no longer. None if it was not kept: an answer that came twice."""
        return self._open.pop(request_id, None)

    def cancel(self, request_id: str) -> None:
        """Remember that a request was taken back, in case the engine is lost before it says so itself."""
        if request_id in self._open:
            self._open[request_id].cancelled = True

    def as_of(self, now_s: float) -> list[GenerateRequest]:
        """Everything that is to be asked of an engine that has just become ready."""
        return [wanted.as_of(now_s) for wanted in self._open.values()]

    def drop_cancelled(self) -> list[Refusal]:
        """Answer what was taken back, where there is no engine to do so."""
        cancelled = [request_id for request_id, wanted in self._open.items() if wanted.cancelled]
        return [self._drop(key, "cancelled", "taken back while there was no engine") for key in cancelled]

    def drop_superseded(self) -> list[Refusal]:
        """Keep only the newest request of each slot.

        To an engine, what comes last is the newest: asked again in turn, the older ones would cancel the newer.
        """
        newest = {wanted.request.slot: request_id for request_id, wanted in self._open.items() if wanted.request.slot}
        return [
            self._drop(request_id, "superseded", f"{newest[slot]} is newer and for the same slot {slot!r}")
            for request_id, slot in [(request_id, wanted.request.slot) for request_id, wanted in self._open.items()]
            if slot and newest[slot] != request_id
        ]

    def lost(self) -> list[Refusal]:
        """The engine is gone: count it against what it may have worked on, and give up what it never survives."""
        for wanted in self._open.values():
            wanted.losses += 1
        hopeless = [request_id for request_id, wanted in self._open.items() if wanted.losses >= LOSSES_MAX]
        sentence = f"the engine was lost {LOSSES_MAX} times with this request open; it is not asked again"
        return [self._drop(request_id, "engine-error", sentence) for request_id in hopeless]

    def _drop(self, request_id: str, reason: str, sentence: str) -> Refusal:
        del self._open[request_id]
        return Refusal(request_id=request_id, reason=reason, sentence=sentence)
