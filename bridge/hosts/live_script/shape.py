"""How a new clip is brought into shape: its beats where its samples are, its loop, its name, and when it launches.

Live warps a new clip by a guess of its own. Ours say exactly which tempo they have, so the guess is replaced by a
straight line from the first frame to the last.
"""

from __future__ import annotations

import contextlib
from typing import Any

_WARP_BEATS = 0  # changes nothing while the set's tempo is the clip's; Complex colours the sound even then
_NEAR_BEATS, _NEAR_S = 1e-3, 1e-4
# Of Song.clip_trigger_quantization: bars first, then parts of a whole note. A clip's own numbers are these plus one,
# for its 0 is "as the set does" where the set's 0 is "at once".
_BARS = {8.0: 1, 4.0: 2, 2.0: 3, 1.0: 4}
_BEATS = {2.0: 5, 4 / 3: 6, 1.0: 7, 2 / 3: 8, 0.5: 9, 1 / 3: 10, 0.25: 11, 1 / 6: 12, 0.125: 13}


def launch_quantization(quantum_beats: float, beats_per_bar: float) -> int:
    """A clip's own launch quantisation for a grid in quarter notes; 0, as the set does, where Live has no such grid."""
    if quantum_beats <= 0:
        return 1
    for bars, index in _BARS.items():
        if abs(bars * beats_per_bar - quantum_beats) < _NEAR_BEATS:
            return index + 1
    for beats, index in _BEATS.items():
        if abs(beats - quantum_beats) < _NEAR_BEATS:
            return index + 1
    return 0


def straighten(clip: Any, warp_marker: Any, seconds: float, beats: float) -> bool:
    """Warp a clip so that its first frame is beat 0 and its end, `seconds` on, is beat `beats`; whether it now is.

    `warp_marker`: the class Live.Clip.WarpMarker. The last marker that Live lists is a shadow which nobody can move; it
    carries Live's guess of the tempo until a marker of ours stands at the end.
    """
    clip.warping = True
    clip.warp_mode = _WARP_BEATS
    for _ in range(2):  # Live keeps at least one marker, so a wrong first one goes only when another stands
        if _is_straight(clip, seconds, beats):
            return True
        with contextlib.suppress(RuntimeError):
            clip.add_warp_marker(warp_marker(seconds, beats))
        for marker in list(clip.warp_markers)[:-1]:
            if abs(marker.beat_time - marker.sample_time * beats / seconds) > _NEAR_BEATS:
                with contextlib.suppress(RuntimeError):
                    clip.remove_warp_marker(marker.beat_time)
        with contextlib.suppress(RuntimeError):
            clip.add_warp_marker(warp_marker(0.0, 0.0))
    return _is_straight(clip, seconds, beats)


def bound(clip: Any, *, looping: bool, end_beat: float) -> None:
    """Let a clip begin at its first frame and end, or come round, at `end_beat`."""
    clip.looping = looping
    # Each end before the other would cross it: the beginning goes to 0 first, where everything lies behind it.
    clip.loop_start = 0.0
    clip.loop_end = end_beat
    clip.start_marker = 0.0
    clip.end_marker = end_beat


def _is_straight(clip: Any, seconds: float, beats: float) -> bool:
    markers = [(marker.sample_time, marker.beat_time) for marker in clip.warp_markers]
    within = [(at_s, beat) for at_s, beat in markers if at_s <= seconds + _NEAR_S]
    ends = [_stands_at(markers, at_s, beat) for at_s, beat in ((0.0, 0.0), (seconds, beats))]
    return all(ends) and all(abs(beat - at_s * beats / seconds) < _NEAR_BEATS for at_s, beat in within)


def _stands_at(markers: list[tuple[float, float]], at_s: float, beat: float) -> bool:
    return any(abs(at_s - a) < _NEAR_S and abs(beat - b) < _NEAR_BEATS for a, b in markers)
