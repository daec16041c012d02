"""How a take is bent after it was made, without making it again: a handful of knobs with a neutral position."""

from dataclasses import dataclass, fields
from typing import Final

from osc_schemas import bounds
from osc_schemas.errors import RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One way to bend a take."""

    name: str
    low: float
    high: float
    neutral: float
    unit: str  # "" for a plain number
    meaning: str


KNOBS: Final = (
    Knob(name="length", low=0.1, high=4.0, neutral=1.0, unit="", meaning="decays so many times as long; attacks stay"),
    Knob(name="pitch", low=-24.0, high=24.0, neutral=0.0, unit="semitones", meaning="the whole sound, higher or lower"),
    Knob(name="brightness", low=-1.0, high=1.0, neutral=0.0, unit="", meaning="tilts the spectrum: -1 dark, 1 bright"),
    Knob(name="drive", low=-1.0, high=1.0, neutral=0.0, unit="", meaning="added to the take's own drive"),
    Knob(name="room", low=-1.0, high=1.0, neutral=0.0, unit="", meaning="added to the take's own reverb"),
    Knob(name="attack_ms", low=0.0, high=5_000.0, neutral=0.0, unit="ms", meaning="fades the sound in"),
    Knob(name="release_ms", low=0.0, high=5_000.0, neutral=0.0, unit="ms", meaning="fades the end of the sound out"),
)
KNOB: Final = {knob.name: knob for knob in KNOBS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The position of every knob in `KNOBS`; the default bends nothing."""

    length: float = 1.0
    pitch: float = 0.0
    brightness: float = 0.0
    drive: float = 0.0
    room: float = 0.0
    attack_ms: float = 0.0
    release_ms: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            knob = KNOB[field.name]
            bounds.check_range(f"shape_{knob.name}", getattr(self, knob.name), knob.low, knob.high, RequestError)

    @property
    def neutral(self) -> bool:
        """Whether it bends nothing."""
        return self == NEUTRAL

    @property
    def turned(self) -> dict[str, float]:
        """Where those knobs stand that bend something."""
        return {knob.name: value for knob in KNOBS if (value := getattr(self, knob.name)) != knob.neutral}


NEUTRAL: Final = Shape()
