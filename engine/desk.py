"""What each message of a client does: greetings, requests, cancels, questions. No socket and no thread."""

import math
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.backlog import Backlog, Wish
from engine.errors import BadRequest, Cancelled, EngineError, NotPending, NotReady, Superseded
from engine.memory import peak_memory_mb
from engine.service import Broken, Done, Outcome, Ready, Service, Task, refusal
from osc_schemas import codec
from osc_schemas.clip import Clip
from osc_schemas.codec import Message
from osc_schemas.errors import SchemaError, WireError
from osc_schemas.request import Refusal
from osc_schemas.routes import ROUTES_VERSION

CLIENTS_MAX = 64
# A denoiser step or decode chunk that takes longer than its family says makes clients look elsewhere; if it takes so
# many times as long, its device is taken to hang, and only a new process helps.
HANGS_AFTER_QUIETS = 6


@dataclass(frozen=True, slots=True)
class Reply:
    """Frames for one client, or, where `client` is None, for all who listen to the engine's events."""

    client: bytes | None
    frames: tuple[bytes | memoryview, ...]


class Desk:
    """Takes what clients say, gives the worker one task at a time, and says what to send back. One thread owns it."""

    def __init__(
        self, take: Callable[[Task], None], *, family_name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._take = take  # hands a task to the worker
        self._family_name = family_name
        self._clock = clock
        self._engine_id = secrets.token_hex(8)
        self._started_s = clock()
        self._backlog = Backlog()
        self._clients: dict[bytes, None] = {}  # who said hello with our version; the longest silent first
        self._service: Service | None = None
        self._running: Task | None = None
        self._clips_made = 0
        self._ready_after_s = 0.0
        self._broken: str | None = None

    @property
    def broken(self) -> str | None:
        """Why the worker will make no more clips; None as long as it is expected to."""
        if self._broken is None and self._worker_quiet_s() > (most_s := HANGS_AFTER_QUIETS * self._quiet_max_s):
            return f"the worker has not passed a checkpoint for {most_s:g} s; its device seems to hang"
        return self._broken

    @property
    def _quiet_max_s(self) -> float:
        return math.inf if self._service is None else self._service.family.quiet_s

    def state(self) -> str:
        """warming, ready, or stuck: the worker has not passed a checkpoint for too long."""
        if self._service is None:
            return "warming"
        return "stuck" if self._worker_quiet_s() > self._quiet_max_s else "ready"

    def heard(self, client: bytes, packet: bytes, audio: bytes = b"") -> Iterator[Reply]:
        """What to send after a client's OSC packet and the samples behind it. Nothing a client sends raises."""
        try:
            messages = codec.read(packet, to="engine")
            if audio and not (len(messages) == 1 and messages[0].route.audio):
                raise WireError(
                    f"{len(audio)} bytes came behind a message that takes no samples; only one /engine/generate, alone "
                    "in its packet, does"
                )
            for message in messages:
                yield from self._answer(client, message, audio)
        except SchemaError as error:
            yield _refused(client, refusal(codec.request_id_in(packet), BadRequest(str(error))))

    def gone(self, client: bytes) -> None:
        """Forget a client that cannot be reached: nobody is left to want its clips. It may say /hello again."""
        self._clients.pop(client, None)
        self._backlog.remove_all_of(client)

    def finished(self, outcome: Outcome) -> Iterator[Reply]:
        """What to send after an outcome of the worker, which gets its next task before its last clip is sent."""
        match outcome:
            case Ready(service):
                self._service, self._family_name = service, service.family.name
                self._ready_after_s = self._clock() - self._started_s
                yield from (self._hello_reply(client) for client in list(self._clients))
                yield _event("/engine/event/state", state="ready")
            case Broken(sentence):
                self._broken = sentence
            case Done(task, result):
                self._running = None
                yield from self._start_next()
                yield from self._result(task, result)

    def stop(self) -> None:
        """Take the running task back without a word: its client sees us go, keeps the wish and asks again."""
        if self._running is not None:
            self._running.take_back(Cancelled("the engine is closing"))

    def _answer(self, client: bytes, message: Message, audio: bytes) -> Iterator[Reply]:
        address = message.route.address
        if address == "/hello":
            yield self._greet(client, message)
            return
        if client not in self._clients:
            request_id = str(message.values.get("request_id", ""))
            sentence = f"{address} came before /hello; say /hello with version {ROUTES_VERSION} first"
            yield _refused(client, Refusal(request_id=request_id, reason="no-hello", sentence=sentence))
            return
        self._clients[client] = self._clients.pop(client)  # heard last of all
        match address:
            case "/engine/generate":
                yield from self._request(client, message, audio)
            case "/engine/cancel":
                yield from self._cancel(client, message.text("request_id"))
            case "/engine/status":
                yield Reply(client, (self._status(),))
            case "/engine/vocabulary":
                yield Reply(client, (self._vocabulary(message.whole("place")),))
            case "/engine/ping":
                pong = codec.write("/engine/pong", nonce=message.whole("nonce"), state=self.state())
                yield Reply(client, (pong,))

    def _greet(self, client: bytes, message: Message) -> Reply:
        version = message.whole("version")
        if version != ROUTES_VERSION:
            sentence = (
                f"the client speaks version {version} of the route table and the engine version {ROUTES_VERSION}; "
                "install the same upbeat on both sides"
            )
            return _refused(client, Refusal(request_id="", reason="version", sentence=sentence))
        if client not in self._clients and len(self._clients) >= CLIENTS_MAX:
            self.gone(next(iter(self._clients)))
        self._clients[client] = None
        return self._hello_reply(client)

    def _hello_reply(self, client: bytes) -> Reply:
        family = None if self._service is None else self._service.family
        reply = codec.write(
            "/hello/reply",
            version=ROUTES_VERSION,
            engine_id=self._engine_id,
            family=self._family_name,
            weights_hash="" if family is None else family.weights_hash,
            state=self.state(),
            steps="" if family is None else " ".join(map(str, family.steps_offered)),
        )
        return Reply(client, (reply,))

    def _request(self, client: bytes, message: Message, audio: bytes) -> Iterator[Reply]:
        try:
            wish = Wish(client=client, request=codec.read_request(message, audio), asked_s=self._clock())
            if self._service is None:
                raise NotReady("the engine still warms its family; /hello/reply comes again when it is ready")
            self._service.check(wish.request)
            running = self._running
            if running is not None and wish.key == running.wish.key:
                return  # sent again by a client that lost us; its clip is on the way
            older = self._backlog.add(wish)
        except (EngineError, SchemaError) as error:
            failed = error if isinstance(error, EngineError) else BadRequest(str(error))
            yield _refused(client, refusal(message.text("request_id"), failed))
            return
        superseded = Superseded(f"{wish.request.request_id} is newer and for the same slot {wish.request.slot!r}")
        if older is not None:
            yield _refused(client, refusal(older.request.request_id, superseded))
        if running is not None and wish.takes_the_place_of(running.wish):
            running.take_back(superseded)
        yield from self._start_next()

    def _cancel(self, client: bytes, request_id: str) -> Iterator[Reply]:
        cancelled = Cancelled("taken back, as asked")
        running = self._running
        if running is not None and running.wish.key == (client, request_id):
            running.take_back(cancelled)  # the refusal follows when the worker has let go of it
        elif self._backlog.remove((client, request_id)) is not None:
            yield _refused(client, refusal(request_id, cancelled))
            yield self._queue_event()
        else:
            error = NotPending(f"there is no request {request_id[:80]!r} that waits or runs; nothing was taken back")
            yield _refused(client, refusal(request_id, error))

    def _start_next(self) -> Iterator[Reply]:
        if self._running is None and (wish := self._backlog.take_next()) is not None:
            self._running = Task(wish, clock=self._clock)
            self._take(self._running)
        yield self._queue_event()

    def _result(self, task: Task, result: Clip | Refusal) -> Iterator[Reply]:
        client = task.wish.client
        if isinstance(result, Refusal):
            yield _refused(client, result)
            return
        self._clips_made += 1
        yield Reply(client, codec.write_clip(result))
        come_about = result.provenance
        yield _event(
            "/engine/event/clip",
            request_id=result.request.request_id,
            queue_ms=come_about.queue_ms,
            text_ms=come_about.text_ms,
            denoise_ms=come_about.denoise_ms,
            decode_ms=come_about.decode_ms,
        )

    def _status(self) -> bytes:
        family = None if self._service is None else self._service.family
        return codec.write(
            "/engine/status/reply",
            state=self.state(),
            family=self._family_name,
            waiting=len(self._backlog),
            running=self._running_id,
            clips_made=self._clips_made,
            prompts_cached=0 if family is None else family.prompts_cached,
            ready_after_s=self._ready_after_s,
            uptime_s=self._clock() - self._started_s,
            peak_memory_mb=peak_memory_mb(),
        )

    def _vocabulary(self, place: int) -> bytes:
        """One kind at a time: a client that asks for the next one reads, and no queue of ours fills up."""
        if self._service is None:
            return codec.write_refusal(refusal("", NotReady("the engine still warms its family; ask when it is ready")))
        kinds = self._service.family.vocabulary()
        if place < len(kinds):
            return codec.write_kind(kinds[place], place=place)
        return codec.write("/engine/vocabulary/end", kinds=len(kinds))

    def _worker_quiet_s(self) -> float:
        return 0.0 if self._running is None else self._clock() - self._running.seen_alive_s

    @property
    def _running_id(self) -> str:
        return "" if self._running is None else self._running.wish.request.request_id

    def _queue_event(self) -> Reply:
        return _event("/engine/event/queue", waiting=len(self._backlog), running=self._running_id)


def _refused(client: bytes, refused: Refusal) -> Reply:
    return Reply(client, (codec.write_refusal(refused),))


def _event(address: str, **values: codec.Value) -> Reply:
    return Reply(None, (codec.write(address, **values),))
