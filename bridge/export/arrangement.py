"""A performance as a DAW would lay it out: clips in beats, on as many lanes as it takes for none to lie on another."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from bridge.export.media import Media
from bridge.performance import Performance, Played
from bridge.timing.tempo import Stretch

TOUCHING_BEATS = 1e-6  # clips that overlap by no more only touch
SHORTEST_S = 1e-4  # of a clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A clip on a lane, from one beat to another."""

    played: Played
    media: Media
    start_beat: float
    end_beat: float
    length_s: float  # of a one-shot, as far as it is heard
    fade_in_s: float = 0.0  # before `start_beat`: a crossfade
    fade_out_s: float = 0.0  # up to `end_beat`


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A row of clips of one track that do not overlap, by beat."""

    track: str
    number: int  # from 0; loops lie on the first
    clips: tuple[Placed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRow:
    """A scene: at most one clip of each lane, by the lane's place among all."""

    name: str
    clips: Mapping[int, Placed]


class TempoMap:
    """Beats <-> seconds under tempi that hold until the next one."""

    def __init__(self, tempi: Sequence[tuple[float, float]]) -> None:
        """`tempi`: beat and BPM, by beat, the first at beat 0."""
        self._stretches: list[Stretch] = []
        for beat, tempo_bpm in tempi:
            frame = self._stretches[-1].exact_frame_at(beat) if self._stretches else 0.0
            self._stretches.append(Stretch(beat=beat, frame=frame, tempo_bpm=tempo_bpm, sample_rate_hz=1))

    def seconds_at(self, beat: float) -> float:
        """From beat 0 to `beat`."""
        return self._last([stretch for stretch in self._stretches if stretch.beat <= beat]).exact_frame_at(beat)

    def beat_at(self, seconds: float) -> float:
        """The beat so many seconds after beat 0."""
        return self._last([stretch for stretch in self._stretches if stretch.frame <= seconds]).beat_at(seconds)

    def _last(self, stretches: list[Stretch]) -> Stretch:
        return (stretches or self._stretches[:1])[-1]


def lanes_of(performance: Performance, media: Mapping[Played, Media]) -> list[Lane]:
    """Every track's lanes, in the order of the tracks; clips without media are left out, empty tracks keep one lane."""
    tempo_map = TempoMap(performance.tempi)
    lanes: list[Lane] = []
    for track in performance.tracks:
        clips = [_placed(p, media[p], tempo_map) for p in performance.played if p.track == track.name and p in media]
        rows: list[list[Placed]] = [[clip for clip in clips if clip.played.loop]]
        for clip in clips:
            if not clip.played.loop:
                free = next((row for row in rows if not any(_overlap(clip, other) for other in row)), None)
                if free is None:
                    rows.append(free := [])
                free.append(clip)
        for number, row in enumerate(rows):
            in_order = tuple(sorted(row, key=lambda clip: clip.start_beat))
            lanes.append(Lane(track=track.name, number=number, clips=_untangled(in_order)))
    return lanes


def scenes_of(performance: Performance, lanes: Sequence[Lane]) -> list[SceneRow]:
    """The set's scenes with the latest take of each of their cues, then every other take in rows, the first first."""
    first: dict[Media, tuple[int, Placed]] = {}  # where each file lies first
    latest: dict[str, Media] = {}
    all_clips = [(index, clip) for index, lane in enumerate(lanes) for clip in lane.clips]
    for index, clip in sorted(all_clips, key=lambda at: at[1].start_beat):
        first.setdefault(clip.media, (index, clip))
        latest[clip.played.cue] = clip.media
    rows: list[SceneRow] = []
    in_scenes: set[Media] = set()
    for name, cues in performance.scenes.items():
        clips: dict[int, Placed] = {}
        for cue in cues:
            if cue in latest and first[latest[cue]][0] not in clips:
                index, clip = first[latest[cue]]
                clips[index] = clip
                in_scenes.add(clip.media)
        if clips:
            rows.append(SceneRow(name=name, clips=clips))
    besides: list[dict[int, Placed]] = []
    for index, clip in first.values():
        if clip.media not in in_scenes:
            row = next((row for row in besides if index not in row), None)
            if row is None:
                besides.append(row := {})
            row[index] = clip
    rows += [SceneRow(name=f"takes {number}", clips=row) for number, row in enumerate(besides, start=1)]
    return rows


def _placed(played: Played, media: Media, tempo_map: TempoMap) -> Placed:
    start_s = tempo_map.seconds_at(played.beat)
    if played.loop:
        end_beat = played.beat + played.length_beats if played.end_beat is None else played.end_beat
        length_s, fade_out_s = media.length_s, played.fade_out_s
        end_beat = tempo_map.beat_at(tempo_map.seconds_at(end_beat) + fade_out_s)
    else:
        cut_s = math.inf if played.end_beat is None else tempo_map.seconds_at(played.end_beat) - start_s
        length_s = min(media.length_s, max(SHORTEST_S, cut_s + played.fade_out_s))
        fade_out_s = max(0.0, length_s - cut_s)
        end_beat = tempo_map.beat_at(start_s + length_s)
    return Placed(
        played=played,
        media=media,
        start_beat=played.beat,
        end_beat=end_beat,
        length_s=length_s,
        fade_in_s=min(played.fade_in_s, start_s),
        fade_out_s=fade_out_s,
    )


def _overlap(one: Placed, other: Placed) -> bool:
    return one.start_beat < other.end_beat - TOUCHING_BEATS and other.start_beat < one.end_beat - TOUCHING_BEATS


def _untangled(clips: tuple[Placed, ...]) -> tuple[Placed, ...]:
    """Clips that only touch, each ending no later than the next begins: a loop fades out before another takes over."""
    kept = list(clips)
    for index, (one, after) in enumerate(pairwise(clips)):
        if one.end_beat > after.start_beat:
            kept[index] = replace(one, end_beat=after.start_beat)
    return tuple(kept)
