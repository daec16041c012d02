"""The thread on which a player lives: what is heard comes in turn, and whatever comes, the music is looked after."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from bridge.player import Player
from bridge.tracks.sound import Sound

log = logging.getLogger("upbeat.bridge")

TICK_S = 0.01  # how often the player looks ahead; what it plans lies a second away, so this need not be exact
WAITING_MAX = 4_096  # messages and clips not yet looked at; more than that are refused
CLOSE_WITHIN_S = 5.0

E = TypeVar("E")
T = TypeVar("T")


class PlayerThread(Generic[E]):
    """Events of the kinds E, and deeds to be done with the player, one after the other. Any thread may put them in."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self._events: queue.Queue[E | Callable[[Player], None]] = queue.Queue(maxsize=WAITING_MAX)
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside the music")
        self._thread: threading.Thread | None = None

    def start(self, player: Player, *, tick: Callable[[], None], take: Callable[[E], None]) -> None:
        """Begin: `take` is told every event, and `tick` is called every 10 ms, both on the thread."""
        self._thread = threading.Thread(target=self._run, args=(player, tick, take), name="player", daemon=True)
        self._thread.start()

    def tell(self, event: E) -> None:
        """Hand over an event, and return at once. Raises `queue.Full` if too many wait."""
        self._events.put_nowait(event)

    def tell_surely(self, event: E) -> None:
        """Hand over an event that must not be lost, and wait a while for room."""
        self._events.put(event, timeout=CLOSE_WITHIN_S)

    def do(self, deed: Callable[[Player], None]) -> None:
        """Have something done on the thread, soon."""
        self._events.put(deed, timeout=CLOSE_WITHIN_S)

    def ask(self, question: Callable[[Player], T], *, within_s: float) -> T:
        """Run `question` on the thread, and hand back its answer. Raises `TimeoutError`."""
        answers: queue.Queue[T] = queue.Queue(maxsize=1)
        self._events.put(lambda player: answers.put(question(player)), timeout=within_s)
        try:
            return answers.get(timeout=within_s)
        except queue.Empty:
            raise TimeoutError(f"the player did not answer within {within_s:g} s") from None

    def aside(self, job: Callable[[], Sound], then: Callable[[Sound], None]) -> None:
        """Do what takes long on a thread of its own, and hand what it gave to this one."""

        def done(future: "Future[Sound]") -> None:
            if future.cancelled() or self.closing.is_set():
                return
            if error := future.exception():
                log.error("what was done beside the music failed: %s", error, exc_info=error)
                return
            self.do(lambda player: then(future.result()))

        self._beside.submit(job).add_done_callback(done)

    def join(self) -> None:
        """Wait until the thread has ended, once `closing` is set; bounded."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout=CLOSE_WITHIN_S)
        self._beside.shutdown(wait=False, cancel_futures=True)

    def _run(self, player: Player, tick: Callable[[], None], take: Callable[[E], None]) -> None:
        next_tick_s = time.monotonic()
        while not self.closing.is_set():
            wait_s = next_tick_s - time.monotonic()
            if wait_s <= 0:  # however much is heard, the music is looked after
                bravely(tick)
                next_tick_s = time.monotonic() + TICK_S
                continue
            try:
                event = self._events.get(timeout=wait_s)
            except queue.Empty:
                continue
            if callable(event):
                deed = event
                bravely(lambda: deed(player))  # noqa: B023  # it is called at once
            else:
                bravely(lambda: take(event))  # noqa: B023


def bravely(deed: Callable[[], None]) -> None:
    """Do it. A mistake of ours must not stop the music; it is logged with all there is to know."""
    try:
        deed()
    except Exception:
        log.exception("the player stumbled, and goes on")
