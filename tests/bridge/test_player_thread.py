"""The thread on which a player lives, with a word for a player: what comes is done in turn, and nothing stops it."""

import logging
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from bridge.player import Player
from bridge.player_thread import WAITING_MAX, PlayerThread

PLAYER = cast(Player, "player")


class Lived:
    """A thread, what it was told, and how often it ticked."""

    def __init__(self) -> None:
        self.thread = PlayerThread[str]()
        self.told: list[str] = []
        self.ticks = 0

    def take(self, event: str) -> None:
        if event == "stumble":
            raise ValueError("a stone")
        self.told.append(event)

    def tick(self) -> None:
        self.ticks += 1


@pytest.fixture
def lived() -> Iterator[Lived]:
    one = Lived()
    yield one
    one.thread.closing.set()
    one.thread.join()


def wait_until(true: Callable[[], object]) -> None:
    ends_s = time.monotonic() + 5
    while not true():
        assert time.monotonic() < ends_s
        time.sleep(0.002)


def test_what_is_heard_is_taken_in_its_order_and_questions_are_answered_between(lived: Lived) -> None:
    lived.thread.tell("one")
    lived.thread.start(PLAYER, tick=lived.tick, take=lived.take)
    lived.thread.tell_surely("two")

    assert lived.thread.ask(lambda player: (player, list(lived.told)), within_s=5) == (PLAYER, ["one", "two"])
    wait_until(lambda: lived.ticks > 2)


def test_a_stumble_is_logged_and_the_music_goes_on(lived: Lived, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="upbeat.bridge"):
        lived.thread.start(PLAYER, tick=lived.tick, take=lived.take)
        lived.thread.tell("stumble")
        lived.thread.tell("on")
        wait_until(lambda: lived.told == ["on"])

    assert "a stone" in caplog.text


def test_more_than_can_wait_is_refused_at_once(lived: Lived) -> None:
    for _ in range(WAITING_MAX):
        lived.thread.tell("word")

    with pytest.raises(queue.Full):
        lived.thread.tell("one word too many")


def test_nobody_who_asks_waits_for_ever(lived: Lived) -> None:
    with pytest.raises(TimeoutError, match=r"did not answer within 0\.05 s"):
        lived.thread.ask(lambda player: player, within_s=0.05)


def test_what_takes_long_is_done_aside_and_handed_to_the_thread(lived: Lived) -> None:
    sounds: list[Any] = []
    lived.thread.start(PLAYER, tick=lived.tick, take=lived.take)
    lived.thread.aside(lambda: cast(Any, "sound"), sounds.append)

    wait_until(lambda: sounds == ["sound"])
