"""The engine as its own process, spoken to in frames over loopback."""

import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import zmq

from osc_schemas import codec
from osc_schemas.codec import Message
from osc_schemas.request import GenerateRequest
from osc_schemas.routes import ROUTES_VERSION
from tests.whole.wire import BOUND_S, NOISE, REPOSITORY, Engine, WireClient, engine, start_engine


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    with engine() as process:
        yield process


@pytest.fixture
def client(running: Engine) -> Iterator[WireClient]:
    with WireClient(running.endpoint) as greeted:
        yield greeted


def test_a_prompt_becomes_a_clip(client: WireClient) -> None:
    request = client.ask("r1", prompt="bell", frames=4_800, tail_frames=480, seed=3)

    message, audio = client.hear()
    clip = codec.read_clip(message, audio)

    assert clip.request == request
    assert clip.samples.shape == (5_280, 2)
    assert clip.provenance.understood == "bell"
    assert np.abs(clip.samples).max() > 0.5


def test_a_clip_of_many_megabytes_comes_whole(client: WireClient) -> None:
    client.ask("long", frames=440_000)

    message, audio = client.hear()

    assert len(audio) == 440_000 * 2 * 4
    assert codec.read_clip(message, audio).samples.shape == (440_000, 2)


def test_bad_requests_are_refused_and_the_next_one_is_made(client: WireClient) -> None:
    client.say(b"\x00\xff garbage")
    client.say(b"", b"two frames", b"of nothing")
    client.say(b"/" + b"x" * 100_000)
    client.ask("broken", prompt="broken bell")
    client.ask("steps", steps=4)
    client.ask("good")

    refusals = [client.hear()[0] for _ in range(5)]
    assert {message.route.address for message in refusals} == {"/engine/refused"}
    assert {message.text("request_id") for message in refusals} == {"", "broken", "steps"}
    assert client.hear()[0].route.address == "/engine/clip"


def test_a_prompt_of_100_kb_is_refused_by_its_id_within_the_link(client: WireClient) -> None:
    [good] = codec.write_request(GenerateRequest(request_id="huge", prompt="KICK", frames=480, sample_rate_hz=48_000))
    client.say(bytes(good).replace(b"KICK", b"x" * 100_000))

    refusal = client.hear()[0]

    assert refusal.text("request_id") == "huge"
    assert "at most 65536 are taken" in refusal.text("sentence")
    client.ask("good")
    assert client.hear_ids(1) == ["good"]


def test_a_client_that_skips_hello_or_speaks_another_version_is_refused(running: Engine) -> None:
    with WireClient(running.endpoint, hello=False) as stranger:
        stranger.ask("r1")
        assert stranger.hear()[0].text("reason") == "no-hello"

        stranger.say(codec.write("/hello", version=ROUTES_VERSION + 1, client="from the future"))
        sentence = stranger.hear()[0].text("sentence")
        assert f"version {ROUTES_VERSION + 1} " in sentence
        assert f"version {ROUTES_VERSION};" in sentence


def test_deadlines_order_what_waits_and_a_cancel_lets_it_run(client: WireClient) -> None:
    client.ask("slow", prompt="slow riser")
    client.ask("relaxed", deadline_in_s=9)
    client.ask("taken back", deadline_in_s=2)
    client.ask("urgent", deadline_in_s=1)

    for request_id in ("taken back", "slow", "never asked"):
        client.say(codec.write("/engine/cancel", request_id=request_id))

    assert client.hear_ids(5) == ["taken back", "never asked", "slow", "urgent", "relaxed"]


def test_a_newer_wish_for_the_slot_stops_the_one_that_runs(client: WireClient) -> None:
    client.ask("old", prompt="slow riser", slot="drums")
    client.ask("new", slot="drums")

    refusal, clip = client.hear()[0], client.hear()[0]

    assert (refusal.text("request_id"), refusal.text("reason")) == ("old", "superseded")
    assert clip.text("request_id") == "new"


def test_the_queue_has_a_bound_and_one_client_cannot_hurt_another(running: Engine, client: WireClient) -> None:
    with WireClient(running.endpoint) as greedy:
        greedy.ask("slow", prompt="slow riser")
        for number in range(257):
            greedy.ask(f"r{number}", frames=48_000)  # long enough to make that this test can keep up with reading them
        full = greedy.hear()[0]
        assert (full.text("request_id"), full.text("reason")) == ("r256", "full")
        assert "256 requests wait already, which is the bound" in full.text("sentence")
        client.say(codec.write("/engine/status"))
        status = client.hear()[0]
        assert (status.whole("waiting"), status.text("running")) == (256, "slow")
        greedy.say(codec.write("/engine/cancel", request_id="slow"))
        assert len(greedy.hear_ids(257)) == 257
    client.ask("afterwards")
    assert client.hear_ids(1) == ["afterwards"]


def test_a_client_that_vanishes_takes_its_wishes_with_it(running: Engine, client: WireClient) -> None:
    def status() -> Message:
        client.say(codec.write("/engine/status"))
        return client.hear()[0]

    made_before = status().whole("clips_made")
    with WireClient(running.endpoint) as leaver:
        for number in range(100):
            leaver.ask(f"r{number}", prompt="brisk bell")
        leaver.say(codec.write("/engine/status"))
        leaver.hear_until(lambda message: message.route.address == "/engine/status/reply")

    while (now := status()).whole("waiting") or now.text("running"):
        pass  # as long as the test may last
    assert now.whole("clips_made") - made_before < 10


def test_the_worker_answers_pings_and_watchers_see_events(running: Engine, client: WireClient) -> None:
    client.say(codec.write("/engine/ping", nonce=2**40))
    pong = client.hear()[0]
    assert (pong.whole("nonce"), pong.text("state")) == (2**40, "ready")

    with zmq.Context() as context, context.socket(zmq.SUB) as events:
        events.setsockopt(zmq.LINGER, 0)
        events.subscribe(b"/engine/event/clip")
        events.connect(running.events_endpoint)
        while not events.poll(20):  # a subscriber joins when it joins
            client.ask("seen")
            client.hear()
        [message] = codec.read(events.recv(), to="watchers")
    assert message.text("request_id") == "seen"
    assert message.number("decode_ms") > 0


def test_the_same_seed_gives_the_same_bits_after_a_restart(client: WireClient) -> None:
    client.ask("r1", seed=11, exact=True)
    first = client.hear()[1]

    with engine() as another, WireClient(another.endpoint) as other_client:
        other_client.ask("r1", seed=11, exact=True)
        assert other_client.hear()[1] == first


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "stdin closed", "while it computes"])
def test_the_engine_closes_within_two_seconds(end: str) -> None:
    with engine("--stop-with-stdin") as ending:
        if end == "while it computes":
            with WireClient(ending.endpoint) as busy:
                busy.ask("slow", prompt="slow riser")
                busy.say(codec.write("/engine/status"))
                assert busy.hear()[0].text("running") == "slow"
        if end.startswith("SIG"):
            ending.process.send_signal(getattr(signal, end))
        else:
            assert ending.process.stdin is not None
            ending.process.stdin.close()

        assert ending.process.wait(2) == 0


def test_an_engine_told_to_stop_while_it_warms_up_stops() -> None:
    with start_engine("--port", "0", "--events-port", "0", "--family", NOISE, "--stop-with-stdin") as warming:
        assert warming.stdin is not None
        warming.stdin.close()

        assert warming.wait(5) == 0


def test_an_engine_never_outlives_a_parent_that_was_killed() -> None:
    parent = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-m', 'engine', '--port', '0', '--events-port', '0',"
        f" '--family', '{NOISE}', '--stop-with-stdin'], stdin=subprocess.PIPE).wait()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        endpoint = json.loads(process.stdout.readline())["endpoint"]
        process.kill()

        # The engine holds the other end of this pipe: it closes when the engine is no more.
        ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=lambda: ended.put(process.stdout.read()), daemon=True).start()  # type: ignore[union-attr]
        assert ended.get(timeout=5) == ""
    port = int(endpoint.rpartition(":")[2])
    with socket.socket() as free_again:
        free_again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free_again.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--host", "0.0.0.0"], "the host '0.0.0.0' is not on loopback"),
        (["--host", "example.org"], "the host 'example.org' is not on loopback"),
        (["--family", "nothing"], "there is no family 'nothing'; known are embedded"),
        (["--family", "engine.nowhere:load", "--port", "0", "--events-port", "0"], "cannot be imported"),
        (["--port", "70000"], "'70000' is no port; wanted is 0 to 65535"),
        (["--threads", "0"], "'0' is no number of threads"),
        (["--prot", "1"], "unrecognized arguments: --prot 1"),
    ],
)
def test_an_engine_that_cannot_start_says_why_in_one_sentence(flags: list[str], sentence: str) -> None:
    with start_engine(*flags) as process:
        stdout, stderr = process.communicate(timeout=BOUND_S)

    assert process.returncode == 2
    assert stdout == ""
    assert len(stderr.splitlines()) == 1
    assert sentence in stderr


def test_what_no_flag_says_the_environment_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBEAT_ENGINE_FAMILY", "of-the-house")
    with start_engine() as process:
        _, stderr = process.communicate(timeout=BOUND_S)

    assert stderr.startswith("upbeat engine: there is no family 'of-the-house'")


def test_a_port_that_is_taken_is_named(running: Engine) -> None:
    port = running.endpoint.rpartition(":")[2]

    with start_engine("--port", port, "--events-port", "0") as process:
        _, stderr = process.communicate(timeout=BOUND_S)

    assert process.returncode == 2
    assert f"port {port} of 127.0.0.1 is taken, perhaps by another engine" in stderr
    assert len(stderr.splitlines()) == 1


def test_help_has_an_example() -> None:
    with start_engine("--help") as process:
        stdout, _ = process.communicate(timeout=BOUND_S)

    assert process.returncode == 0
    assert "python -m engine --port 0 --events-port 0" in stdout
