"""The backlog is plain data: each test tells it when something was asked."""

import pytest

from engine.backlog import Backlog, Wish
from engine.errors import BacklogFull
from osc_schemas.request import GenerateRequest


def wish(
    request_id: str, *, deadline_in_s: float = 1, slot: str = "", asked_s: float = 0, client: bytes = b"bridge"
) -> Wish:
    request = GenerateRequest(
        request_id=request_id,
        prompt="kick",
        frames=480,
        sample_rate_hz=48_000,
        deadline_in_s=deadline_in_s,
        slot=slot,
    )
    return Wish(client=client, request=request, asked_s=asked_s)


def order(backlog: Backlog) -> list[str]:
    """The ids in the order in which they run."""
    ids = []
    while (taken := backlog.take_next()) is not None:
        ids.append(taken.request.request_id)
    return ids


def test_the_earliest_deadline_runs_first() -> None:
    backlog = Backlog()
    backlog.add(wish("relaxed", deadline_in_s=4, asked_s=0))
    backlog.add(wish("urgent", deadline_in_s=1, asked_s=2))
    backlog.add(wish("middle", deadline_in_s=3.5, asked_s=0))

    assert order(backlog) == ["urgent", "middle", "relaxed"]


def test_of_equal_deadlines_the_first_asked_runs_first() -> None:
    backlog = Backlog()
    for request_id in ("a", "b", "c"):
        backlog.add(wish(request_id))

    assert order(backlog) == ["a", "b", "c"]


def test_a_deadline_that_has_passed_is_still_work() -> None:
    backlog = Backlog()
    backlog.add(wish("soon", deadline_in_s=1, asked_s=100))
    backlog.add(wish("late", deadline_in_s=1, asked_s=0))

    assert order(backlog) == ["late", "soon"]


def test_a_newer_wish_for_a_slot_takes_the_place_of_the_one_that_waits() -> None:
    backlog = Backlog()
    old = wish("old", slot="drums")
    backlog.add(old)

    assert backlog.add(wish("new", slot="drums")) == old
    assert order(backlog) == ["new"]


def test_other_slots_other_clients_and_no_slot_are_left_alone() -> None:
    backlog = Backlog()
    for request_id, slot, client in (
        ("a", "drums", b"x"),
        ("b", "bass", b"x"),
        ("c", "drums", b"y"),
        ("d", "", b"x"),
        ("e", "", b"x"),
    ):
        assert backlog.add(wish(request_id, slot=slot, client=client)) is None

    assert len(backlog) == 5


def test_the_same_request_sent_again_waits_once() -> None:
    backlog = Backlog()
    backlog.add(wish("a", slot="drums"))

    assert backlog.add(wish("a", slot="drums")) is None
    assert backlog.add(wish("a", client=b"another")) is None
    assert len(backlog) == 2


def test_over_the_bound_a_wish_is_refused_by_name_unless_it_replaces_another() -> None:
    backlog = Backlog(waiting_max=2)
    backlog.add(wish("a", slot="drums"))
    backlog.add(wish("b"))

    with pytest.raises(BacklogFull, match="2 requests wait already, which is the bound"):
        backlog.add(wish("c"))
    backlog.add(wish("d", slot="drums"))

    assert order(backlog) == ["b", "d"]


def test_a_wish_can_be_taken_back_and_a_client_forgotten() -> None:
    backlog = Backlog()
    for request_id, client in (("a", b"x"), ("b", b"x"), ("c", b"y")):
        backlog.add(wish(request_id, client=client))

    taken_back = backlog.remove((b"x", "a"))

    assert taken_back is not None
    assert taken_back.request.request_id == "a"
    assert backlog.remove((b"x", "a")) is None
    backlog.remove_all_of(b"x")
    assert order(backlog) == ["c"]
