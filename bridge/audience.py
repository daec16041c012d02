"""Who hears our events: everyone who subscribed, until their time is up."""

from collections.abc import Callable

SUBSCRIBERS_MAX = 64

Reply = Callable[[bytes], None]  # sends OSC bytes back to whoever spoke


class Audience:
    """The subscribers by address. One owner thread, which hands in the time."""

    def __init__(self) -> None:
        self._until_s: dict[str, tuple[float, Reply]] = {}

    def subscribe(self, sender: str, reply: Reply, *, seconds: float, now_s: float) -> bool:
        """Send events to `reply` for so long; 0 ends it. False if there is no room for one more."""
        self._until_s = {name: entry for name, entry in self._until_s.items() if entry[0] > now_s}
        self._until_s.pop(sender, None)
        if seconds > 0:
            if len(self._until_s) >= SUBSCRIBERS_MAX:
                return False
            self._until_s[sender] = (now_s + seconds, reply)
        return True

    def tell(self, packet: bytes, *, now_s: float, besides: Reply | None = None) -> None:
        """Send one event to all whose time is not up, but not to `besides`, who has it already."""
        for until_s, reply in list(self._until_s.values()):
            if until_s > now_s and reply != besides:
                reply(packet)
