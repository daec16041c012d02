"""What the engine is asked, in frames and seconds, and how it says no."""

from dataclasses import dataclass

from osc_schemas import bounds
from osc_schemas.errors import RequestError
from osc_schemas.shape import NEUTRAL, Shape
from osc_schemas.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """One clip, as the engine needs it: `frames` that are played and `tail_frames` in which it may ring out."""

    request_id: str
    prompt: str
    frames: int
    sample_rate_hz: int
    tail_frames: int = 0
    seed: int = 0
    steps: int = 1
    guidance_scale: float | None = None  # None: the family's own
    tempo_bpm: float | None = None  # where what is rhythmic takes its grid from; None: only its own words
    key: str = ""  # such as "D minor": what has a pitch is brought into it; "" leaves pitches alone
    source: Source | None = None  # a sound to start from or to follow
    options: tuple[tuple[str, float], ...] = ()  # numbers that a family takes besides, by name; not given: its default
    shape: Shape = NEUTRAL  # how the clip is bent after it was made; asking again with another costs no inference
    deadline_in_s: float = 10.0  # counted from when the engine gets it; the earliest deadline runs first
    slot: str = ""  # a newer request for the same slot takes the place of one still waiting; "" never does
    fit: bool = False  # frames is the most; how long the clip is, and at which tempo, the prompt's words decide
    fit_beats: float = 0.0  # with fit: so many beats of that tempo, whatever else the words say; 0: as they say
    exact: bool = False  # alone, with fixed threads: the same samples every time on one kind of device

    def __post_init__(self) -> None:
        if not 0 < len(self.request_id) <= bounds.NAME_CHARACTERS_MAX:
            raise RequestError(
                f"the request id has {len(self.request_id)} characters; it needs 1 to {bounds.NAME_CHARACTERS_MAX}"
            )
        if len(self.slot) > bounds.NAME_CHARACTERS_MAX:
            raise RequestError(
                f"the slot has {len(self.slot)} characters; at most {bounds.NAME_CHARACTERS_MAX} are taken"
            )
        bounds.check_prompt(self.prompt, RequestError)
        rate_hz = self.sample_rate_hz
        bounds.check_range(
            "sample_rate_hz", rate_hz, bounds.SAMPLE_RATE_HZ_LOW, bounds.SAMPLE_RATE_HZ_HIGH, RequestError
        )
        most = int(bounds.CLIP_S_MAX * rate_hz)
        if not self.frames >= 1:
            raise RequestError(f"frames is {self.frames:g}; a clip has at least one")
        if not self.tail_frames >= 0:
            raise RequestError(f"tail_frames is {self.tail_frames:g}; it is 0 or more")
        if self.frames + self.tail_frames > most:
            length_s, tail_s = self.frames / rate_hz, self.tail_frames / rate_hz
            tail = f", and {tail_s:g} s more to ring out" if self.tail_frames else ""
            raise RequestError(f"the clip lasts {length_s:g} s{tail}; at most {bounds.CLIP_S_MAX:g} s are taken in all")
        bounds.check_range("seed", self.seed, 0, bounds.SEED_MAX, RequestError)
        bounds.check_choice("steps", self.steps, bounds.STEPS_OFFERED, RequestError)
        if self.guidance_scale is not None:
            bounds.check_range(
                "guidance_scale", self.guidance_scale, bounds.GUIDANCE_LOW, bounds.GUIDANCE_HIGH, RequestError
            )
        if self.tempo_bpm is not None:
            bounds.check_range("tempo_bpm", self.tempo_bpm, bounds.TEMPO_BPM_LOW, bounds.TEMPO_BPM_HIGH, RequestError)
        bounds.check_key(self.key, RequestError)
        object.__setattr__(self, "options", bounds.sorted_options(self.options, RequestError))
        bounds.check_range("fit_beats", self.fit_beats, 0, bounds.LENGTH_BEATS_MAX, RequestError)
        bounds.check_range("deadline_in_s", self.deadline_in_s, 0, 86_400, RequestError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that will not become a clip, with the reason for programs and the sentence for people."""

    request_id: str
    reason: str  # bad-request, cancelled, superseded, not-pending, full, engine-error, not-ready, no-hello, version
    sentence: str
