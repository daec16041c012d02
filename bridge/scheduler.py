"""Decides when a cue lands, what the engine is asked, and what becomes of a clip that is late. Pure: told the time."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

from bridge.knobs import on_top_of
from osc_schemas import bounds
from osc_schemas.cue import KEY_OFF, Cue
from osc_schemas.errors import CueError
from osc_schemas.request import GenerateRequest
from osc_schemas.shape import NEUTRAL, Shape

# A clip rings out for this long after its end (or for half its length, if that is less); a loop's next pass plays over
# it, which is what folds the tail into the head.
TAIL_S = 0.25

# Until the engine's own figures are in, a cue is given this long.
FIRST_LATENCY_S = 0.25


def landing_beat(*, earliest_beat: float, quantum_beats: float) -> float:
    """The first beat on the quantum that is not before `earliest_beat`; with a quantum of 0, that beat itself."""
    if quantum_beats == 0:
        return earliest_beat
    # A clock reading a hair past the bar line is still on it; without the slack it would cost a whole bar.
    return math.ceil(earliest_beat / quantum_beats - 1e-6) * quantum_beats


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where a cue may land: on its quantum, or where the passes of a loop that it takes over from begin."""

    every_beats: float
    from_beat: float = 0.0

    def landing_beat(self, earliest_beat: float) -> float:
        """The first line of the grid that is not before `earliest_beat`.

        >>> Grid(every_beats=4.0, from_beat=3.0).landing_beat(8.5)
        11.0
        """
        ahead_beats = landing_beat(earliest_beat=earliest_beat - self.from_beat, quantum_beats=self.every_beats)
        return self.from_beat + ahead_beats


def request_for(
    cue: Cue,
    *,
    request_id: str,
    frames: int,
    sample_rate_hz: int,
    tempo_bpm: float | None,
    deadline_in_s: float,
    slot: str = "",
    exact: bool,
    key: str = "",
    knobs: Shape = NEUTRAL,
) -> GenerateRequest:
    """What the engine is asked for `cue`, whose length in frames is `frames` at the tempo of its landing.

    `key` is the music's own, for a cue that says nothing of one; `knobs` are those of its track. Raises `CueError` for
    a clip that would be longer than any is.
    """
    if frames > bounds.CLIP_S_MAX * sample_rate_hz:
        raise CueError(
            f"length_beats is {cue.length_beats:g}, which at this tempo lasts {frames / sample_rate_hz:.1f} s; "
            f"a clip has at most {bounds.CLIP_S_MAX:g} s, so shorten it"
        )
    return GenerateRequest(
        request_id=request_id,
        prompt=cue.prompt,
        frames=frames,
        tail_frames=min(round(TAIL_S * sample_rate_hz), frames // 2, int(bounds.CLIP_S_MAX * sample_rate_hz) - frames),
        sample_rate_hz=sample_rate_hz,
        seed=cue.seed,
        steps=cue.steps,
        guidance_scale=cue.guidance_scale,
        tempo_bpm=tempo_bpm,
        key="" if cue.key == KEY_OFF else cue.key or key,
        source=cue.source,
        options=cue.options,
        shape=on_top_of(cue.shape, knobs),
        deadline_in_s=max(0.0, deadline_in_s),
        slot=slot,
        exact=exact,
    )


class LatencyBook:
    """What requests took lately, from asking to clip in hand, by steps, length and use of a source. Bounded."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, int, str], deque[float]] = {}

    def note(self, request: GenerateRequest, seconds: float) -> None:
        """Remember that `request` took so long."""
        self._seconds.setdefault(self._kind(request), deque(maxlen=200)).append(seconds)

    def p99_s(self, request: GenerateRequest) -> float:
        """What a request like this one stays under, 99 times of 100."""
        known = self._seconds.get(self._kind(request))
        return percentile(sorted(known), 0.99) if known else FIRST_LATENCY_S

    def overall_s(self) -> tuple[float, float]:
        """(p50, p99) over all kinds of request; (0, 0) before the first."""
        known = sorted(seconds for kind in self._seconds.values() for seconds in kind)
        return (percentile(known, 0.5), percentile(known, 0.99)) if known else (0.0, 0.0)

    @staticmethod
    def _kind(request: GenerateRequest) -> tuple[int, int, str]:
        length_s = (request.frames + request.tail_frames) / request.sample_rate_hz
        use = "" if request.source is None else request.source.use  # to follow a loudness takes many times as long
        return request.steps, max(0, math.ceil(math.log2(length_s))), use


def percentile(ordered: list[float], share: float) -> float:
    """The smallest of `ordered` that at least `share` of them do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


Verdict = Literal["last-take", "next", "now", "drop"]


def verdict(cue: Cue, *, has_last_take: bool) -> Verdict:
    """What happens at a landing whose clip is not there. A slot that has no take yet waits for the next quantum."""
    if cue.late == "last-take" and not has_last_take:
        return "next"
    return cue.late
