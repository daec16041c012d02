"""A desk with clients that speak real OSC bytes, a worker that is a list, and a clock that is a number."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message_builder import OscMessageBuilder

from engine.backlog import SOURCE_BYTES_MAX
from engine.desk import CLIENTS_MAX, HANGS_AFTER_QUIETS, Desk, Reply
from engine.errors import Cancelled
from engine.service import Broken, Done, Ready, Service, Task, refusal
from osc_schemas import codec
from osc_schemas.clip import Clip, Provenance
from osc_schemas.request import GenerateRequest
from osc_schemas.routes import ROUTES_VERSION
from osc_schemas.source import Source
from tests.engine.noise_family import NoiseFamily
from tests.whole.two_kinds_family import TWO_KINDS, TwoKinds

ANNA, BEN = b"anna", b"ben"
HELLO = codec.write("/hello", version=ROUTES_VERSION, client="test")


class Stage:
    """A desk and all that stands around it."""

    def __init__(self, *, ready: bool = True) -> None:
        self.now_s = 100.0
        self.tasks: list[Task] = []  # what the worker was handed
        self.desk = Desk(self.tasks.append, family_name="noise", clock=lambda: self.now_s)
        if ready:
            list(self.desk.finished(Ready(Service(NoiseFamily()))))

    def say(self, *frames: bytes | memoryview, client: bytes = ANNA) -> list[tuple[str, dict[str, object]]]:
        """What the client gets back, as addresses and values."""
        return heard(self.desk.heard(client, *map(bytes, frames)), client)

    def ask(self, request_id: str, *, client: bytes = ANNA, **changes: object) -> list[tuple[str, dict[str, object]]]:
        """Ask for a clip."""
        wanted: dict[str, object] = {"prompt": "kick", "frames": 480, "sample_rate_hz": 48_000}
        request = GenerateRequest(request_id=request_id, **(wanted | changes))  # type: ignore[arg-type]
        return self.say(*codec.write_request(request), client=client)

    def make(self, *, client: bytes = ANNA) -> list[tuple[str, dict[str, object]]]:
        """Have the worker finish what it was handed last, and see what its client gets."""
        task = self.tasks[-1]
        provenance = Provenance(family="noise", weights_hash="", device="cpu", guidance_scale=1)
        samples = np.zeros((480, 1), dtype=np.float32)
        clip = Clip(request=task.wish.request, samples=samples, provenance=provenance)
        return heard(self.desk.finished(Done(task, clip)), client)

    @property
    def running(self) -> list[str]:
        """The ids of what the worker was handed, in order."""
        return [task.wish.request.request_id for task in self.tasks]


def heard(replies: Iterable[Reply], client: bytes | None) -> list[tuple[str, dict[str, object]]]:
    to = "watchers" if client is None else "client"
    messages = [codec.read(bytes(reply.frames[0]), to=to) for reply in replies if reply.client == client]
    return [(message.route.address, dict(message.values)) for [message] in messages]


def packet(address: str, *args: object) -> bytes:
    """OSC bytes as another program would send them, in the table or not."""
    builder = OscMessageBuilder(address=address)
    for arg in args:
        builder.add_arg(arg)
    return builder.build().dgram


def sentence_of(replies: list[tuple[str, dict[str, object]]]) -> tuple[object, object, str]:
    """The one refusal among replies: id, reason, sentence."""
    [(address, values)] = replies
    assert address == "/engine/refused"
    return values["request_id"], values["reason"], str(values["sentence"])


def test_a_greeted_client_asks_and_gets_its_clip() -> None:
    stage = Stage()

    [(address, reply)] = stage.say(HELLO)
    assert (address, reply["state"], reply["version"]) == ("/hello/reply", "ready", ROUTES_VERSION)
    assert stage.ask("r1") == []

    [(address, clip)] = stage.make()
    assert (address, clip["request_id"]) == ("/engine/clip", "r1")


def test_who_has_not_said_hello_is_told_so() -> None:
    request_id, reason, sentence = sentence_of(Stage().ask("r1"))

    assert (request_id, reason) == ("r1", "no-hello")
    assert sentence == f"/engine/generate came before /hello; say /hello with version {ROUTES_VERSION} first"


def test_the_sources_of_what_waits_have_a_bound() -> None:
    stage = Stage()
    stage.say(HELLO)
    source = Source(samples=np.zeros((2**23, 2), np.float32), sample_rate_hz=192_000)  # 64 MiB

    for number in range(1 + SOURCE_BYTES_MAX // source.samples.nbytes):  # one runs, the others wait
        assert stage.ask(f"r{number}", source=source) == []

    request_id, reason, sentence = sentence_of(stage.ask("one more", source=source))
    assert (request_id, reason) == ("one more", "full")
    assert "would be 320 MiB, and 256 MiB is the bound" in sentence
    assert stage.ask("from words") == []


def test_another_version_is_refused_with_both_named() -> None:
    stage = Stage()

    _, reason, sentence = sentence_of(stage.say(codec.write("/hello", version=99, client="test")))

    assert reason == "version"
    assert "version 99" in sentence
    assert f"version {ROUTES_VERSION}" in sentence
    assert sentence_of(stage.ask("r1"))[1] == "no-hello"


def test_who_greets_early_hears_when_the_family_is_warm() -> None:
    stage = Stage(ready=False)

    [(_, reply)] = stage.say(HELLO)
    assert reply["state"] == "warming"
    assert sentence_of(stage.ask("r1"))[1] == "not-ready"

    [(address, reply)] = heard(stage.desk.finished(Ready(Service(NoiseFamily()))), ANNA)
    assert (address, reply["state"]) == ("/hello/reply", "ready")
    assert stage.ask("r1") == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (b"\xff\x00 garbage", "no OSC message"),
        (packet("/engine/gnerate", "request_id", "r1"), "nearest is /engine/generate"),
        (packet("/engine/generate", "request_id", "r1"), "came without prompt"),
        (packet("/cue/go", "kick"), "not known here"),
        (packet("/engine/generate", "request_id", "r1", "prompt", "x" * 100_000), "at most 65536"),
        (packet("/engine/ping", "now"), "must be a number"),
    ],
)
def test_bad_bytes_get_one_sentence_and_hurt_nobody(bad: bytes, sentence: str) -> None:
    stage = Stage()
    stage.say(HELLO)

    request_id, reason, said = sentence_of(stage.say(bad))

    assert sentence in said
    assert reason == "bad-request"
    assert request_id == ("r1" if b"request_id" in bad else "")
    assert stage.ask("r2") == []


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)  # what OSC can carry
NUMBERS = st.integers(-(2**31), 2**31 - 1) | st.floats(width=32) | st.booleans()


@given(
    address=st.sampled_from(["/hello", "/engine/generate", "/engine/cancel", "/engine/status", "/engine/ping", "/x"]),
    args=st.lists(WORDS | NUMBERS | st.binary(min_size=1) | st.lists(WORDS, max_size=2)),
    cut=st.integers(0, 64),
)
def test_whatever_a_client_sends_gets_an_answer_in_the_table(address: str, args: list[object], cut: int) -> None:
    stage = Stage()
    stage.say(HELLO)
    said = packet(address, *args)

    for bytes_ in (said, said[:cut], said[cut:]):
        assert {address for address, _ in stage.say(bytes_)} <= ANSWERS


ANSWERS = {"/hello/reply", "/engine/refused", "/engine/status/reply", "/engine/pong"}


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("prompt", " ", "the prompt is empty"),
        ("prompt", "x" * 2_000, "at most 1000"),
        ("frames", 0, "frames is 0"),
        ("frames", -5, "frames is -5"),
        ("frames", 10**12, "the clip lasts 2"),
        ("steps", 0, "steps is 0"),
        ("steps", 1_000, "steps is 1000"),
        ("steps", 4, "noise offers 1, 2"),
        ("guidance_scale", 0.5, "noise takes 1 to 5"),
        ("guidance_scale", float("inf"), "finite"),
        ("deadline_in_s", float("nan"), "finite"),
        ("request_id", "", "needs 1 to 64"),
    ],
)
def test_a_value_out_of_its_range_gets_one_sentence(key: str, value: object, sentence: str) -> None:
    stage = Stage()
    stage.say(HELLO)
    values = {"request_id": "r1", "prompt": "kick", "frames": 480, "sample_rate_hz": 48_000} | {key: value}
    pairs = [part for pair in values.items() for part in pair]

    assert sentence in sentence_of(stage.say(packet("/engine/generate", *pairs)))[2]
    assert stage.tasks == []


def test_what_waits_runs_by_deadline_one_at_a_time() -> None:
    stage = Stage()
    stage.say(HELLO)
    for request_id, deadline_in_s in (("first", 9.0), ("relaxed", 5.0), ("urgent", 1.0)):
        stage.ask(request_id, deadline_in_s=deadline_in_s)
    assert stage.running == ["first"]

    stage.make()
    stage.make()

    assert stage.running == ["first", "urgent", "relaxed"]


def test_a_newer_wish_for_a_slot_supersedes_the_one_waiting_and_the_one_running() -> None:
    stage = Stage()
    stage.say(HELLO)
    stage.ask("running", slot="drums")
    assert stage.ask("waiting", slot="drums") == []

    assert sentence_of(stage.ask("newest", slot="drums"))[:2] == ("waiting", "superseded")
    with pytest.raises(Cancelled, match="is newer and for the same slot 'drums'"):
        stage.tasks[0].checkpoint("denoise")


def test_the_same_request_sent_again_is_made_once() -> None:
    stage = Stage()
    stage.say(HELLO)
    for _ in range(2):
        stage.ask("running")
        stage.ask("waiting")

    stage.make()
    stage.make()

    assert stage.running == ["running", "waiting"]


def test_two_clients_may_use_the_same_id() -> None:
    stage = Stage()
    for client in (ANNA, BEN):
        stage.say(HELLO, client=client)
        stage.ask("r1", client=client)

    assert len(stage.make(client=ANNA)) == 1
    assert len(stage.make(client=BEN)) == 1


def test_every_cancel_is_answered() -> None:
    stage = Stage()
    stage.say(HELLO)
    for request_id in ("running", "waiting"):
        stage.ask(request_id)

    assert sentence_of(stage.say(packet("/engine/cancel", "waiting")))[:2] == ("waiting", "cancelled")
    assert sentence_of(stage.say(packet("/engine/cancel", "nobody")))[:2] == ("nobody", "not-pending")
    assert stage.say(packet("/engine/cancel", "running")) == []
    with pytest.raises(Cancelled) as taken_back:
        stage.tasks[0].checkpoint("decode")
    done = Done(stage.tasks[0], refusal("running", taken_back.value))
    assert sentence_of(heard(stage.desk.finished(done), ANNA))[:2] == ("running", "cancelled")
    assert sentence_of(stage.say(packet("/engine/cancel", "running")))[1] == "not-pending"


def test_a_client_that_is_gone_keeps_the_worker_from_nothing() -> None:
    stage = Stage()
    for client in (ANNA, BEN):
        stage.say(HELLO, client=client)
        for number in range(3):
            stage.ask(f"r{number}", client=client)

    stage.desk.gone(ANNA)
    for _ in range(4):
        stage.make(client=BEN)

    assert [task.wish.client for task in stage.tasks] == [ANNA, BEN, BEN, BEN]
    assert sentence_of(stage.ask("r9"))[1] == "no-hello"


def test_of_too_many_clients_the_longest_silent_is_forgotten() -> None:
    stage = Stage()
    for number in range(CLIENTS_MAX):
        stage.say(HELLO, client=b"client %d" % number)
    stage.say(packet("/engine/status"), client=b"client 0")

    stage.say(HELLO, client=b"one more")

    assert stage.ask("r1", client=b"client 0") == []
    assert sentence_of(stage.ask("r1", client=b"client 1"))[1] == "no-hello"


def test_a_worker_that_hangs_shows_in_the_answer_to_a_ping() -> None:
    stage = Stage()
    stage.say(HELLO)
    stage.ask("r1")

    def state() -> object:
        [(_, values)] = stage.say(packet("/engine/ping", 7))
        assert values["nonce"] == 7
        return values["state"]

    assert state() == "ready"
    stage.now_s += NoiseFamily.quiet_s + 0.1
    assert state() == "stuck"
    stage.tasks[0].checkpoint("denoise")
    assert state() == "ready"


def test_a_worker_that_hangs_for_good_ends_the_engine() -> None:
    stage = Stage()
    stage.say(HELLO)
    stage.ask("r1")
    assert stage.desk.broken is None

    stage.now_s += HANGS_AFTER_QUIETS * NoiseFamily.quiet_s + 0.1

    assert stage.desk.broken == "the worker has not passed a checkpoint for 30 s; its device seems to hang"


def test_a_family_whose_steps_are_slow_is_given_its_time() -> None:
    class Slow(NoiseFamily):
        quiet_s = 120.0

    stage = Stage(ready=False)
    list(stage.desk.finished(Ready(Service(Slow()))))
    stage.say(HELLO)
    stage.ask("r1")

    stage.now_s += 100
    assert (stage.desk.state(), stage.desk.broken) == ("ready", None)
    stage.now_s += 30
    assert (stage.desk.state(), stage.desk.broken) == ("stuck", None)


def test_the_status_tells_how_the_engine_is() -> None:
    stage = Stage()
    stage.say(HELLO)
    for request_id in ("made", "running", "waiting"):
        stage.ask(request_id)
    stage.make()
    stage.now_s += 60

    [(_, status)] = stage.say(packet("/engine/status"))

    assert status["state"] == "stuck"
    assert (status["family"], status["waiting"], status["running"], status["clips_made"]) == ("noise", 1, "running", 1)
    assert status["uptime_s"] == 60
    assert float(str(status["peak_memory_mb"])) > 10


def test_watchers_see_the_queue_and_where_the_time_went() -> None:
    stage = Stage()
    stage.say(HELLO)

    [request] = codec.write_request(GenerateRequest(request_id="r1", prompt="kick", frames=480, sample_rate_hz=48_000))
    assert heard(stage.desk.heard(ANNA, bytes(request)), None) == [
        ("/engine/event/queue", {"waiting": 0, "running": "r1"})
    ]
    assert [address for address, _ in stage.make(client=None)] == ["/engine/event/queue", "/engine/event/clip"]


def test_a_worker_that_broke_ends_the_engine_with_its_sentence() -> None:
    desk = Stage(ready=False).desk

    list(desk.finished(Broken("the weights are damaged")))

    assert desk.broken == "the weights are damaged"


def test_the_vocabulary_is_told_kind_by_kind_until_there_is_no_more() -> None:
    stage = Stage(ready=False)
    list(stage.desk.finished(Ready(Service(TwoKinds()))))
    stage.say(HELLO)

    told = [stage.say(codec.write("/engine/vocabulary", place=place))[0] for place in range(4)]

    assert [(address, values.get("name")) for address, values in told[:2]] == [
        ("/engine/vocabulary/row", kind.name) for kind in TWO_KINDS
    ]
    assert told[2:] == [("/engine/vocabulary/end", {"kinds": 2})] * 2


def test_a_family_that_cannot_say_what_it_makes_has_no_kinds() -> None:
    stage = Stage()
    stage.say(HELLO)

    assert stage.say(codec.write("/engine/vocabulary", place=0)) == [("/engine/vocabulary/end", {"kinds": 0})]


def test_while_the_family_warms_nobody_knows_what_it_can_make() -> None:
    stage = Stage(ready=False)
    stage.say(HELLO)

    [(address, refused)] = stage.say(codec.write("/engine/vocabulary", place=0))

    assert (address, refused["reason"]) == ("/engine/refused", "not-ready")
