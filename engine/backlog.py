"""What runs next: the earliest deadline first, one waiting wish per slot, and never more than a bound."""

from dataclasses import dataclass

from engine.errors import BacklogFull
from osc_schemas.request import GenerateRequest

WAITING_MAX = 256  # about 8 s of work for a family that makes a clip in 30 ms
SOURCE_BYTES_MAX = 256 * 2**20  # of the samples that waiting requests brought along


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request with who asked for it and when. Times are seconds of one clock, whichever the caller uses."""

    client: bytes
    request: GenerateRequest
    asked_s: float

    @property
    def key(self) -> tuple[bytes, str]:
        """What tells it from all other wishes: ids need to be unique within one client only."""
        return self.client, self.request.request_id

    @property
    def deadline_s(self) -> float:
        """When its clip should be there. It orders the work and nothing else: a late clip is still made."""
        return self.asked_s + self.request.deadline_in_s

    def takes_the_place_of(self, older: "Wish") -> bool:
        """Whether this wish makes an older one pointless: the same client, the same slot."""
        return self.request.slot != "" and (self.client, self.request.slot) == (older.client, older.request.slot)


class Backlog:
    """The wishes that wait, in the order in which they came. Plain data: one thread owns it, nothing waits here."""

    def __init__(self, waiting_max: int = WAITING_MAX) -> None:
        self._waiting: dict[tuple[bytes, str], Wish] = {}
        self._waiting_max = waiting_max

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: tuple[bytes, str]) -> bool:
        return key in self._waiting

    def add(self, wish: Wish) -> Wish | None:
        """Take `wish`, and give back the one whose place it takes. A wish that waits already is not taken twice.

        Raises `BacklogFull` when as many wait as may.
        """
        if wish.key in self._waiting:
            return None
        older = next((waiting for waiting in self._waiting.values() if wish.takes_the_place_of(waiting)), None)
        if older is not None:
            del self._waiting[older.key]
        elif len(self._waiting) >= self._waiting_max:
            raise BacklogFull(
                f"{self._waiting_max} requests wait already, which is the bound; ask again when some are done, or name "
                "a slot so that a newer wish replaces the older"
            )
        if (held := sum(map(_source_bytes, self._waiting.values())) + _source_bytes(wish)) > SOURCE_BYTES_MAX:
            raise BacklogFull(
                f"the sources of the requests that wait would be {held / 2**20:.0f} MiB, and "
                f"{SOURCE_BYTES_MAX / 2**20:.0f} MiB is the bound; ask again when some are done"
            )
        self._waiting[wish.key] = wish
        return older

    def take_next(self) -> Wish | None:
        """The wish with the earliest deadline, which then no longer waits; of equals the one that came first."""
        if not self._waiting:
            return None
        # A scan of at most 256 costs 30 µs once per clip; a heap would need care on every removal.
        wish = min(self._waiting.values(), key=lambda waiting: waiting.deadline_s)
        return self._waiting.pop(wish.key)

    def remove(self, key: tuple[bytes, str]) -> Wish | None:
        """Take a wish back. None if it does not wait."""
        return self._waiting.pop(key, None)

    def remove_all_of(self, client: bytes) -> None:
        """Forget what a client that is gone still waits for."""
        self._waiting = {key: wish for key, wish in self._waiting.items() if wish.client != client}


def _source_bytes(wish: Wish) -> int:
    return 0 if wish.request.source is None else wish.request.source.samples.nbytes
