"""Cue: a wish for sound, in beats."""

from dataclasses import dataclass
from typing import Literal, get_args

from osc_schemas import bounds
from osc_schemas.errors import CueError
from osc_schemas.shape import NEUTRAL, Shape
from osc_schemas.source import Source

# What becomes of a clip that misses its landing: the slot's last good take plays instead; the clip waits for the next
# quantum; it sounds at once, off the grid; or it is dropped.
LateRule = Literal["last-take", "next", "now", "drop"]
KEY_OFF = "off"  # in the place of a key: whatever the set's own is, this cue's pitches are left alone
# What becomes of its loop when the tempo changes: made again for the new one, stretched to it, or left as it is.
TempoRule = Literal["regenerate", "stretch", "keep"]
TEMPO_RULES: tuple[TempoRule, ...] = get_args(TempoRule)
LATE_RULES: tuple[LateRule, ...] = get_args(LateRule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A wish for sound. All times are in beats, so a cue stays right when the tempo changes under it."""

    name: str
    track: str
    prompt: str
    length_beats: float
    quantum_beats: float = 4.0  # land on the next multiple of this; 0 lands as soon as it is ready
    loop: bool = False
    seed: int = 0
    steps: int = 1
    guidance_scale: float | None = None  # None: what the family was made for
    late: LateRule = "last-take"
    tempo: TempoRule = "regenerate"
    gain_db: float = 0.0
    key: str = ""  # such as "F# dorian", which its pitches are brought into; "": the set's own; "off": none
    source: Source | None = None  # a sound that its clips start from, or follow
    options: tuple[tuple[str, float], ...] = ()  # numbers that the family takes besides, by name
    shape: Shape = NEUTRAL  # how its clips are bent, before the knobs of its track
    swap_fade_ms: float = 5.0  # how long the crossfade is when this cue takes over its track

    def __post_init__(self) -> None:
        bounds.check_name("the cue's name", self.name, CueError)
        bounds.check_name("the cue's track", self.track, CueError)
        bounds.check_prompt(self.prompt, CueError)
        if not 0 < self.length_beats <= bounds.LENGTH_BEATS_MAX:
            raise CueError(
                f"length_beats is {self.length_beats:g}; a cue needs a length above 0 and at most "
                f"{bounds.LENGTH_BEATS_MAX:g} beats, such as 4"
            )
        bounds.check_range("quantum_beats", self.quantum_beats, 0, bounds.QUANTUM_BEATS_MAX, CueError)
        bounds.check_range("seed", self.seed, 0, bounds.SEED_MAX, CueError)
        bounds.check_choice("steps", self.steps, bounds.STEPS_OFFERED, CueError)
        if self.guidance_scale is not None:
            bounds.check_range(
                "guidance_scale", self.guidance_scale, bounds.GUIDANCE_LOW, bounds.GUIDANCE_HIGH, CueError
            )
        bounds.check_choice("late", self.late, LATE_RULES, CueError)
        bounds.check_choice("tempo", self.tempo, TEMPO_RULES, CueError)
        bounds.check_range("gain_db", self.gain_db, bounds.GAIN_DB_LOW, bounds.GAIN_DB_HIGH, CueError)
        if self.key != KEY_OFF:
            bounds.check_key(self.key, CueError)
        object.__setattr__(self, "options", bounds.sorted_options(self.options, CueError))
        bounds.check_range("swap_fade_ms", self.swap_fade_ms, 0, 1_000, CueError)
