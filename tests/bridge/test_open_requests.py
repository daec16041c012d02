"""What waits for an answer is plain data: each test tells it when something was asked."""

from bridge.open_requests import LOSSES_MAX, OpenRequests
from osc_schemas.request import GenerateRequest


def request(request_id: str, *, deadline_in_s: float = 5, slot: str = "") -> GenerateRequest:
    return GenerateRequest(
        request_id=request_id, prompt="kick", frames=480, sample_rate_hz=48_000, deadline_in_s=deadline_in_s, slot=slot
    )


def ids(requests: list[GenerateRequest]) -> list[str]:
    return [asked.request_id for asked in requests]


def test_what_is_asked_again_keeps_its_beat() -> None:
    waiting = OpenRequests()
    waiting.add(request("r1", deadline_in_s=5), 100)
    waiting.add(request("r2", deadline_in_s=1), 102)

    assert [asked.deadline_in_s for asked in waiting.as_of(104)] == [1, 0]


def test_an_answer_is_taken_once() -> None:
    waiting = OpenRequests()
    waiting.add(request("r1"), 100)

    first = waiting.answered("r1")

    assert first is not None
    assert first.asked_s == 100
    assert waiting.answered("r1") is None


def test_over_the_bound_a_request_is_refused_and_one_kept_already_is_not() -> None:
    waiting = OpenRequests(open_max=2)
    for request_id in ("a", "b", "b"):
        assert waiting.add(request(request_id), 0) is None

    refusal = waiting.add(request("c"), 0)

    assert refusal is not None
    assert (refusal.request_id, refusal.reason) == ("c", "full")
    assert refusal.sentence.startswith("2 requests are open already, which is the bound")


def test_of_a_slot_only_the_newest_wish_stays() -> None:
    waiting = OpenRequests()
    for request_id, slot in (("old", "drums"), ("bass", "bass"), ("free", ""), ("new", "drums"), ("free too", "")):
        waiting.add(request(request_id, slot=slot), 0)

    [superseded] = waiting.drop_superseded()

    assert superseded.sentence == "new is newer and for the same slot 'drums'"
    assert ids(waiting.as_of(0)) == ["bass", "free", "new", "free too"]


def test_what_was_taken_back_is_not_asked_again() -> None:
    waiting = OpenRequests()
    waiting.add(request("kept"), 0)
    waiting.add(request("taken back"), 0)
    waiting.cancel("taken back")
    waiting.cancel("never asked")

    [refusal] = waiting.drop_cancelled()

    assert (refusal.request_id, refusal.reason) == ("taken back", "cancelled")
    assert ids(waiting.as_of(0)) == ["kept"]


def test_a_request_that_the_engine_never_survives_is_given_up() -> None:
    waiting = OpenRequests()
    waiting.add(request("poison"), 0)
    for _ in range(LOSSES_MAX - 1):
        assert waiting.lost() == []

    [given_up] = waiting.lost()

    assert given_up.sentence.startswith("the engine was lost 3 times with this request open")
    assert waiting.as_of(0) == []
