"""Start reading here: one request becomes one clip, each line a step into a module below; and the loop around it.

The socket thread (`engine.server`) hands the worker one task at a time, the one whose deadline is nearest, and gets
one outcome back for each. The worker owns the device: no other thread ever computes.
"""

import gc
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from engine.backlog import Wish
from engine.errors import BadRequest, Cancelled, DeviceLost, EngineError
from engine.finish import finish
from osc_schemas.clip import Clip, Provenance
from osc_schemas.nearest import nearest_only
from osc_schemas.request import GenerateRequest, Refusal
from osc_schemas.source import Use

if TYPE_CHECKING:  # the socket answers while the worker still imports torch
    from engine.families.base import Family, Stage

TEMPO_BPM: Final = 120.0  # of beats, where neither the request nor its prompt names a tempo

_log = logging.getLogger(__name__)


class Service:
    """A family at work."""

    def __init__(self, family: "Family") -> None:
        self.family = family

    def check(self, request: GenerateRequest) -> None:
        """Raise `BadRequest` for what this family does not offer. Cheap; any thread."""
        family = self.family
        _check_length(family, request)
        if request.steps not in family.steps_offered:
            offered = ", ".join(map(str, family.steps_offered))
            raise BadRequest(f"steps is {request.steps}; {family.name} offers {offered}")
        scale = request.guidance_scale
        if scale is not None and not family.guidance_low <= scale <= family.guidance_high:
            raise BadRequest(
                f"guidance_scale is {scale:g}; {family.name} takes {family.guidance_low:g} to {family.guidance_high:g}"
            )

        _check_source(family, request)
        _check_options(family, request)
        if not (family.shapes or request.shape.neutral):
            turned = ", ".join(f"{knob}={value:g}" for knob, value in request.shape.turned.items())
            raise BadRequest(f"the shape is {turned}; {family.name} cannot bend what it made, so leave its knobs alone")

    def clip(self, task: "Task") -> Clip:
        """The path of one request. Raises `Cancelled` at the first checkpoint after the task was taken back."""
        family = self.family
        task.checkpoint("text")
        request = fitted(task.wish.request, family)
        guidance_scale = family.guidance_default if request.guidance_scale is None else request.guidance_scale
        waveform = family.waveform(  # (1, channels, frames + tail_frames)
            [request.prompt],
            [request.seed],
            steps=request.steps,
            guidance_scale=guidance_scale,
            frames=request.frames + request.tail_frames,
            sample_rate_hz=request.sample_rate_hz,
            tail_frames=request.tail_frames,
            tempo_bpm=request.tempo_bpm,
            key=request.key,
            shape=request.shape,
            source=request.source,
            options=dict(request.options),
            checkpoint=task.checkpoint,
        )
        task.checkpoint("finish")
        samples = finish(waveform[0], request)
        provenance = Provenance(
            family=family.name,
            weights_hash=family.weights_hash,
            device=family.device,
            guidance_scale=guidance_scale,
            understood=family.understood(request.prompt) + cut_short(task.wish.request, request, family),
            queue_ms=task.queue_ms,
            text_ms=task.spent_ms("text"),
            denoise_ms=task.spent_ms("denoise"),
            decode_ms=task.spent_ms("decode") + task.spent_ms("finish"),
        )
        return Clip(request=request, samples=samples, provenance=provenance)


def fitted(request: GenerateRequest, family: "Family") -> GenerateRequest:
    """A request with the tempo and the frames that the words of its prompt ask for, if it leaves that to them."""
    if not request.fit:
        return request
    rate_hz = request.sample_rate_hz
    most_frames = min(request.frames, int(family.longest_s * rate_hz) - request.tail_frames)
    tempo_bpm = request.tempo_bpm or family.tempo_bpm(request.prompt)
    length_s = _asked_s(request, family, tempo_bpm)
    frames = most_frames if length_s is None else min(max(round(length_s * rate_hz), 1), most_frames)
    return replace(
        request,
        frames=frames,
        tail_frames=min(request.tail_frames, frames // 2),
        tempo_bpm=tempo_bpm,
        fit=False,
        fit_beats=0.0,
    )


def cut_short(wanted: GenerateRequest, made: GenerateRequest, family: "Family") -> str:
    """What there is to say, behind what was understood, of words that ask for more than was made of them; or ""."""
    asked_s = _asked_s(wanted, family, made.tempo_bpm) if wanted.fit else None
    made_s = made.frames / made.sample_rate_hz
    if asked_s is None or round(asked_s * made.sample_rate_hz) <= made.frames:
        return ""
    return f"; {asked_s:.4g} s are asked for, and {made_s:.4g} s are the most that {family.name} makes here"


def _asked_s(request: GenerateRequest, family: "Family", tempo_bpm: float | None) -> float | None:
    """How long a request that fits wants to be: as many beats as it names, or as its words say, if they do."""
    if request.fit_beats:
        return request.fit_beats * 60 / (tempo_bpm or TEMPO_BPM)
    return family.length_s(request.prompt, tempo_bpm)


def _check_length(family: "Family", request: GenerateRequest) -> None:
    """What rings out belongs to it: both together are what a family has to make. A clip that fits is cut instead."""
    length_s, tail_s = request.frames / request.sample_rate_hz, request.tail_frames / request.sample_rate_hz
    if length_s + tail_s > family.longest_s and not request.fit:
        most = f"{family.longest_s:g} s at most"
        if tail_s:
            left_s = max(0.0, family.longest_s - tail_s)
            most += f", of which {tail_s:g} s are to ring out, so ask for {left_s:g} s or less"
        raise BadRequest(f"a clip of {length_s:g} s is asked for; {family.name} makes {most}")


def _check_source(family: "Family", request: GenerateRequest) -> None:
    if request.source is None or request.source.use in family.sources_taken:
        return
    wanted = _SOURCE_WORDS[request.source.use]
    taken = " or ".join(_SOURCE_WORDS[use] for use in sorted(family.sources_taken, reverse=True))
    can = f"it can only {taken}" if taken else "it makes sounds from words alone"
    raise BadRequest(
        f"a sound came along, to {wanted}, and {family.name} cannot do that: {can}; leave the sound away, or start an "
        "engine with a family that can"
    )


def _check_options(family: "Family", request: GenerateRequest) -> None:
    offered = {option.name: option for option in family.options_offered}
    for name, value in request.options:
        if name not in offered:
            known = f"it has {', '.join(offered)}" if offered else "it has none"
            raise BadRequest(f"{family.name} has no option {name!r}" + (nearest_only(name, offered) or f"; {known}"))
        if not offered[name].low <= value <= offered[name].high:
            low, high = offered[name].low, offered[name].high
            does = offered[name].meaning
            raise BadRequest(f"the option {name} is {value:g}; {family.name} takes {low:g} to {high:g}: {does}")


_SOURCE_WORDS: Final[dict[Use, str]] = {"start": "start from it", "loudness": "follow its loudness"}


class Task:
    """A wish on the worker: where its time goes, and whether it was taken back."""

    def __init__(self, wish: Wish, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.wish = wish
        self._clock = clock
        self._spent_s: dict[Stage, float] = {}
        self._stage: Stage | None = None
        self._stage_began_s = self.seen_alive_s = clock()
        self.queue_ms = (self.seen_alive_s - wish.asked_s) * 1000
        self._taken_back: Cancelled | None = None

    def take_back(self, why: Cancelled) -> None:
        """Have the next checkpoint raise `why`. Any thread."""
        self._taken_back = why

    def checkpoint(self, stage: "Stage") -> None:
        """`stage` begins. Raises `Cancelled` if the task was taken back. Worker thread."""
        self._book()
        self._stage = stage
        if self._taken_back is not None:
            raise self._taken_back

    def spent_ms(self, stage: "Stage") -> float:
        """How long `stage` has taken until now, all its parts together. Worker thread."""
        self._book()
        return self._spent_s.get(stage, 0.0) * 1000

    def _book(self) -> None:
        now_s = self._clock()
        if self._stage is not None:
            self._spent_s[self._stage] = self._spent_s.get(self._stage, 0.0) + now_s - self._stage_began_s
        self._stage_began_s = self.seen_alive_s = now_s


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker's first outcome: its family is warm, and what it can do is known."""

    service: Service


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker's last outcome: it has ended and will take no task, for the reason in `sentence`."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Done:
    """A task has left the worker, as a clip or as a refusal."""

    task: Task
    result: Clip | Refusal


Outcome = Ready | Broken | Done


class Worker:
    """The one thread that computes. It loads its family first, then takes tasks."""

    def __init__(self, load: Callable[[], "Family"], *, report: Callable[[Outcome], None]) -> None:
        self._load = load
        self._report = report  # called on the worker's thread
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        # A daemon, because a step of a network cannot be interrupted and must not hold up the end of the process.
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to load the family; `Ready` or `Broken` is reported when that is over."""
        self._thread.start()

    def take(self, task: Task) -> None:
        """Hand over the next task. Any thread; never waits."""
        self._tasks.put(task)

    def close(self, timeout_s: float) -> bool:
        """End after the task in hand. Whether that happened within `timeout_s`."""
        self._tasks.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            service = Service(self._load())
        except EngineError as error:
            self._report(Broken(str(error)))
            return
        except Exception as error:  # the process cannot go on, and its parent wants a sentence
            _log.exception("the family could not be loaded")
            self._report(Broken(f"the family could not be loaded: {_named(error)}"))
            return
        gc.collect()
        gc.freeze()  # what loading left behind is never garbage; looking through it again costs 30 ms a time
        self._report(Ready(service))
        while (task := self._tasks.get()) is not None:
            try:
                result = _result(service, task)
            except DeviceLost as error:  # the task stays unanswered, so that its client asks the next engine again
                self._report(Broken(str(error)))
                return
            self._report(Done(task, result))


def _result(service: Service, task: Task) -> Clip | Refusal:
    """A clip, or why not: whatever a family raises ends this task and never the engine, but for `DeviceLost`."""
    request_id = task.wish.request.request_id
    try:
        return service.clip(task)
    except DeviceLost:
        raise
    except EngineError as error:
        return refusal(request_id, error)
    except Exception as error:
        _log.exception("request %s failed", request_id)
        return refusal(request_id, EngineError(f"the clip could not be made: {_named(error)}; other requests go on"))


def refusal(request_id: str, error: EngineError) -> Refusal:
    """`error` as what a client is told about `request_id`."""
    return Refusal(request_id=request_id, reason=error.reason, sentence=str(error))


def _named(error: Exception) -> str:
    """The error in one line: its kind, and the first line of what it says."""
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
