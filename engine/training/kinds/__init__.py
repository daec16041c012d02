"""The kinds of sound the embedded model learns: each a few lines of curves, drawn anew for every clip."""

from collections.abc import Callable
from typing import Final

import numpy as np

from engine.training.kinds.drums import DRUMS
from engine.training.kinds.effects import EFFECTS
from engine.training.kinds.pitched import PITCHED
from engine.training.kinds.textures import TEXTURES
from engine.training.sketch import Sketch, Sound
from engine.training.wishes import Wish

CURVES: Final[dict[str, Callable[[Sketch], None]]] = {**DRUMS, **PITCHED, **EFFECTS, **TEXTURES}


def draw(wish: Wish, *, length_s: float, rng: np.random.Generator) -> Sound:
    """One of the sounds that fit `wish`, over whole tokens that cover `length_s`."""
    sketch = Sketch(wish, length_s, rng)
    CURVES[wish.kind](sketch)
    return sketch.finished(wish)
