"""What becomes of clips that loop when the tempo changes under them: made again, stretched, or left as they are. Pure.

Each pass of a loop begins on its beat whatever happens; the rule is about what lies between. "keep" suits textures.
Stretching costs a tenth of a second for a second of stereo, so it is done ahead of time, beside the music, and what it
gives takes over at a pass; it never stands between a trigger and its launch.
"""

from typing import Literal

import numpy as np

from bridge.tracks.mixer import Samples
from osc_schemas.cue import TempoRule

TempoDeed = Literal["ask", "stretch", "leave"]

NOTHING_SHARE = 0.002  # a clip this much too long or too short is covered by its tail
STRETCH_MOST = 2.0  # beyond half and double speed a stretched clip is no music any more


def tempo_deed(rule: TempoRule, *, made_for_bpm: float, tempo_bpm: float, engine_there: bool) -> TempoDeed:
    """What is to be done with a clip made for one tempo when another has come.

    "regenerate" asks the engine; while there is none, the clip is stretched. "stretch" asks the engine where
    stretching would go too far.

    >>> tempo_deed("regenerate", made_for_bpm=120, tempo_bpm=126, engine_there=True)
    'ask'
    >>> tempo_deed("regenerate", made_for_bpm=120, tempo_bpm=126, engine_there=False)
    'stretch'
    """
    factor = tempo_bpm / made_for_bpm
    if rule == "keep" or abs(factor - 1) <= NOTHING_SHARE:
        return "leave"
    stretchable = 1 / STRETCH_MOST <= factor <= STRETCH_MOST
    if rule == "stretch" and stretchable:
        return "stretch"
    if engine_there:
        return "ask"
    return "stretch" if stretchable else "leave"


def stretched(samples: Samples, *, frames: int, sample_rate_hz: int) -> Samples:
    """`samples` (frames, channels) brought to exactly `frames` at the same pitch, its onsets at their share of the way.

    Measured on struck and plucked notes at 5/6 to 6/5 of the tempo: an onset drifts by up to 1.6 ms a second, 4 ms
    after a bar. Takes about 0.15 s for each second of stereo: for a thread beside the music. Source: Rubber Band, by
    way of pedalboard.
    """
    import pedalboard  # takes a while to load, and only those who stretch need it

    if frames == len(samples):
        return samples
    factor = len(samples) / frames  # how much faster
    made = pedalboard.time_stretch(np.ascontiguousarray(samples.T), sample_rate_hz, stretch_factor=factor).T
    out = np.zeros((frames, samples.shape[1]), np.float32)
    fitting = made[:frames]
    out[: len(fitting)] = fitting
    return out
