"""How hard a note was struck, and what that makes of the cue that it fires, this once. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridge.knobs import on_top_of
from osc_schemas import bounds
from osc_schemas.cue import Cue
from osc_schemas.shape import NEUTRAL, Shape

SHAPE_LAYERS = 8  # of a sampler, so to speak: each other shape is a clip to be made, and 127 of them would be too many


@dataclass(frozen=True, slots=True, kw_only=True)
class Accent:
    """What is other about a cue for one landing: more or less gain, and another shape, both on top of the cue's own."""

    gain_db: float = 0.0
    shape: Shape = NEUTRAL

    def on(self, cue: Cue) -> Cue:
        """The cue as it is to land this once, with as much gain as a cue may have at the most."""
        if self == NO_ACCENT:
            return cue
        gain_db = min(max(cue.gain_db + self.gain_db, bounds.GAIN_DB_LOW), bounds.GAIN_DB_HIGH)
        return replace(cue, gain_db=gain_db, shape=on_top_of(cue.shape, self.shape))


NO_ACCENT = Accent()


def accent_of(velocity: int, ranges: Mapping[str, tuple[float, float]]) -> Accent:
    """What a velocity from 1 to 127 makes of a cue: each number by its name, from the first of its range to the second.

    Gain follows every velocity; it costs nothing. A shape comes in 8 layers, from the softest to the hardest.

    >>> accent_of(127, {"gain_db": (-18, 0)}).gain_db, accent_of(1, {"gain_db": (-18, 0)}).gain_db
    (0.0, -18.0)
    """
    if not ranges:
        return NO_ACCENT
    share = (velocity - 1) / 126
    layer = min(int(share * SHAPE_LAYERS), SHAPE_LAYERS - 1) / (SHAPE_LAYERS - 1)
    gain_db = _between(ranges["gain_db"], share) if "gain_db" in ranges else 0.0
    knobs = {name: _between(ends, layer) for name, ends in ranges.items() if name != "gain_db"}
    return Accent(gain_db=gain_db, shape=Shape(**knobs))


def _between(ends: tuple[float, float], share: float) -> float:
    first, last = ends
    return float(first + (last - first) * share)
