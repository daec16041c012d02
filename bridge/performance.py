"""A performance: what was launched where, at which tempo and how loud, as data that outlives it.

It is written line by line while it happens (bridge/performance_log.py), and read here. Whoever stops, or goes back to
an earlier bar, plays a second piece of music over the same beats; for an arrangement the pieces are laid one behind the
other, each from a bar line, so every beat of a `Performance` is one of the arrangement.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.set_words import Effect

FORMAT = 1  # of the lines
SAME_BEAT = 1e-6


class PerformanceError(Exception):
    """A performance cannot be had. The text says what was found, what was wanted and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A clip that was heard, from `beat` on. A loop begins again every `length_beats`, and ends at `end_beat`.

    A one-shot has an `end_beat` only if its track was stopped, which may be after it had rung out.
    """

    cue: str
    take_id: str
    track: str
    beat: float
    loop: bool
    length_beats: float
    gain: float  # linear, of this take in this launch: its track's loudness and its cue's gain
    end_beat: float | None = None
    from_beats: float = 0.0  # how far into the loop it began: it took over from another shape of the same take
    fade_in_s: float = 0.0  # over which it took over from another loop, from `beat` on
    fade_out_s: float = 0.0  # over which it went, from `end_beat` on: another loop took over, or its track was stopped
    heard_frame: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPlayed:
    """A track: its gain at first, and every gain it was brought to, by beat."""

    name: str
    gain_db: float = 0.0
    gains: tuple[tuple[float, float], ...] = ()  # beat, dB
    effects: tuple[Effect, ...] = ()  # that it was heard through; their paths are absolute


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A performance as an arrangement: everything by beats (quarter notes) from its beginning."""

    performance_id: str
    title: str
    made: str  # live or render
    began_unix_s: float | None
    sample_rate_hz: int
    meter: tuple[int, int]
    tempi: tuple[tuple[float, float], ...]  # beat, BPM; the first is at beat 0
    tracks: tuple[TrackPlayed, ...]
    played: tuple[Played, ...]  # by beat
    markers: tuple[tuple[float, str], ...]
    scenes: Mapping[str, tuple[str, ...]]  # names of cues
    end_beat: float

    @property
    def beats_per_bar(self) -> float:
        """Quarter notes in a bar."""
        return self.meter[0] * 4 / self.meter[1]


def performances_folder(takes_folder: Path) -> Path:
    """Where the performances with the takes of a folder lie."""
    return takes_folder / "performances"


def list_performances(takes_folder: Path) -> list[Path]:
    """The files of all performances, the latest last."""
    return sorted(
        performances_folder(takes_folder).glob("*.jsonl"), key=lambda path: (path.stat().st_mtime_ns, path.name)
    )


def find_performance(takes_folder: Path, wanted: str) -> Path:
    """The file of the performance of that id, or of the only one that begins so; "latest" is the last one played.

    Raises `PerformanceError`.
    """
    paths = list_performances(takes_folder)
    if not paths:
        raise PerformanceError(
            f"there is no performance in {performances_folder(takes_folder)}; play a set or render one first"
        )
    if wanted == "latest":
        return paths[-1]
    found = [path for path in paths if path.stem == wanted] or [path for path in paths if path.stem.startswith(wanted)]
    if len(found) != 1:
        many = f"{len(found)} performances begin with" if found else "there is no performance"
        raise PerformanceError(f"{many} {wanted!r}; `upbeat takes performances` shows the ids of all {len(paths)}")
    return found[0]


def read_performance(path: Path) -> Performance:
    """The performance in a file. A last line that a crash cut short is passed over. Raises `PerformanceError`."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PerformanceError(f"{path} cannot be read ({error.strerror}); name another performance") from error
    entries = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            if isinstance(entry, dict):
                entries.append(entry)
        except ValueError:
            continue
    if not entries or entries[0].get("kind") != "began":
        raise PerformanceError(f"{path} does not begin as a performance does; name another performance")
    if entries[0].get("format") != FORMAT:
        raise PerformanceError(
            f"{path} has the format {entries[0].get('format')!r}, and this version reads {FORMAT}; update Upbeat"
        )
    try:
        return performance_of(path.stem, entries)
    except (KeyError, TypeError, ValueError) as error:
        raise PerformanceError(f"{path} is damaged ({error!r}); name another performance") from error


@dataclass(slots=True)
class _Piece:
    """What was played without a stop or a jump, in the transport's own beats."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["kind"] == kind]

    @property
    def first_beat(self) -> float:
        return min((float(entry["beat"]) for entry in self.of("launch")), default=math.inf)

    @property
    def end_beat(self) -> float:
        """Where it stood still or, if nobody wrote that down, the last beat that anybody wrote of."""
        ends = [float(entry["beat"]) for entry in self.entries if entry["kind"] in ("stands", "ended")]
        return ends[-1] if ends else max((float(e["beat"]) for e in self.entries if "beat" in e), default=0.0)


def performance_of(performance_id: str, entries: list[dict[str, Any]]) -> Performance:
    """The performance that these lines tell, the first of them its beginning. Pure."""
    head, pieces = entries[0], [_Piece()]
    for entry in entries[1:]:
        if entry["kind"] == "plays":
            pieces.append(_Piece())
        pieces[-1].entries.append(entry)
    upper, lower = (int(number) for number in str(head["meter"]).split("/"))
    beats_per_bar = upper * 4 / lower
    tempo_bpm, taken_until = float(head["tempo_bpm"]), 0.0
    tempi: list[tuple[float, float]] = [(0.0, tempo_bpm)]
    gains: dict[str, list[tuple[float, float]]] = {track["name"]: [] for track in head["tracks"]}
    first_gains = {track["name"]: float(track["gain_db"]) for track in head["tracks"]}
    effects = {track["name"]: tuple(Effect(**one) for one in track.get("effects", ())) for track in head["tracks"]}
    played: list[Played] = []
    markers: list[tuple[float, str]] = []
    for piece in pieces:
        heard = piece.first_beat < math.inf
        offset, start = 0.0, taken_until
        if heard:
            offset = _offset(piece.first_beat, taken_until, beats_per_bar)
            start = max(0.0, math.floor((piece.first_beat + offset) / beats_per_bar + SAME_BEAT) * beats_per_bar)
            if played:
                bar = int(piece.first_beat // beats_per_bar) + 1
                markers.append((start, f"goes on from bar {bar}"))
            for clip in _clips(piece):
                end = None if clip.end_beat is None else clip.end_beat + offset
                played.append(replace(clip, beat=clip.beat + offset, end_beat=end))
            until = max(piece.end_beat, piece.first_beat)
            markers += _markers(piece, head, offset, until)
            taken_until = max(until + offset, taken_until)
        for entry in piece.entries:  # tempo and gains hold on into the next piece, heard or not
            at = max(start, float(entry.get("beat", 0.0)) + offset)
            if "tempo_bpm" in entry:
                tempi.append((at, float(entry["tempo_bpm"])))
            elif entry["kind"] == "gain":
                if not played and at <= 0:
                    first_gains[entry["track"]] = float(entry["gain_db"])
                else:
                    gains[entry["track"]].append((at, float(entry["gain_db"])))
    began_unix_s = head.get("began_unix_s")
    return Performance(
        performance_id=performance_id,
        title=str(head["title"]),
        made=str(head["made"]),
        began_unix_s=None if began_unix_s is None else float(began_unix_s),
        sample_rate_hz=int(head["sample_rate_hz"]),
        meter=(upper, lower),
        tempi=_steps(tempi),
        tracks=tuple(
            TrackPlayed(
                name=name,
                gain_db=first_gains[name],
                gains=tuple(sorted(at, key=lambda step: step[0])),
                effects=effects[name],
            )
            for name, at in gains.items()
        ),
        played=tuple(sorted(played, key=lambda clip: clip.beat)),
        markers=tuple(sorted(set(markers))),
        scenes={name: tuple(cues) for name, cues in head.get("scenes", {}).items()},
        end_beat=taken_until,
    )


def _offset(first_beat: float, taken_until: float, beats_per_bar: float) -> float:
    """By how many beats, whole bars, a piece is moved so that it does not lie on what is there."""
    if first_beat >= taken_until - SAME_BEAT:
        return 0.0
    free_bar = math.ceil(taken_until / beats_per_bar - SAME_BEAT)
    return (free_bar - math.floor(first_beat / beats_per_bar + SAME_BEAT)) * beats_per_bar


def _clips(piece: _Piece) -> list[Played]:
    """What was heard of a piece, each loop up to where another took over, its track was stopped, or the piece ends."""
    clips: list[Played] = []
    stops = [(entry["track"], float(entry["beat"]), _seconds(entry, "fade_s")) for entry in piece.of("stopped")]
    looping: dict[str, int] = {}  # by track: which of the clips
    for entry in piece.entries:
        if entry["kind"] == "launch":
            clip = _played(entry)
            if clip.loop:
                swap_s = _seconds(entry, "swap_s")
                took_over = _end(clips, looping.get(clip.track), clip.beat, fade_s=swap_s)
                looping[clip.track] = len(clips)
                clip = replace(clip, fade_in_s=swap_s if took_over and entry.get("sustained") else 0.0)
            after = (stop for stop in stops if stop[0] == clip.track and stop[1] >= clip.beat - SAME_BEAT)
            _, cut, fade_s = next(after, ("", None, 0.0))
            clips.append(replace(clip, end_beat=cut, fade_out_s=fade_s))
        elif entry["kind"] == "bent" and (index := looping.get(entry["track"])) is not None:
            old, beat = clips[index], float(entry["beat"])
            if old.take_id == entry["old_take_id"] and beat > old.beat:
                into = (old.from_beats + beat - old.beat) % old.length_beats
                swap_s = _seconds(entry, "swap_s")
                _end(clips, index, beat, fade_s=swap_s)
                looping[old.track] = len(clips)
                gain = float(entry.get("gain", old.gain))
                bent = replace(old, take_id=entry["new_take_id"], beat=beat, from_beats=into, gain=gain)
                clips.append(replace(bent, fade_in_s=swap_s))
    for index, clip in enumerate(clips):
        if clip.loop:
            until = max(
                piece.end_beat, clip.beat + (0 if piece.of("stands") or piece.of("ended") else clip.length_beats)
            )
            _end(clips, index, until)
    return [clip for clip in clips if clip.end_beat is None or clip.end_beat > clip.beat + SAME_BEAT]


def _end(clips: list[Played], index: int | None, beat: float, *, fade_s: float = 0.0) -> bool:
    """Let a loop end at a beat, and fade from there on, if it has not ended before. Whether it has sounded until then.

    Without an index there is none.
    """
    if index is None:
        return False
    clip = clips[index]
    if clip.end_beat is not None and clip.end_beat <= beat:
        return False
    clips[index] = replace(clip, end_beat=beat, fade_out_s=fade_s)
    return clip.beat < beat - SAME_BEAT


def _seconds(entry: dict[str, Any], name: str) -> float:
    """Of a line; 0 in one that was written before such times were noted."""
    return max(0.0, float(entry.get(name, 0.0)))


def _played(entry: dict[str, Any]) -> Played:
    return Played(
        cue=str(entry["cue"]),
        take_id=str(entry["take_id"]),
        track=str(entry["track"]),
        beat=float(entry["beat"]),
        loop=bool(entry["loop"]),
        length_beats=float(entry["length_beats"]),
        gain=float(entry["gain"]),
        heard_frame=int(entry["heard_frame"]),
    )


def _markers(piece: _Piece, head: dict[str, Any], offset: float, until: float) -> list[tuple[float, str]]:
    """Scenes and clock events that were noted, and the timeline's cues where the piece came by."""
    noted = [(max(0.0, float(entry["beat"]) + offset), str(entry["name"])) for entry in piece.of("marker")]
    together: dict[float, list[str]] = {}
    for beat, cue in head.get("timeline", ()):
        if piece.first_beat - SAME_BEAT <= beat < until:
            together.setdefault(float(beat), []).append(str(cue))
    return noted + [(beat + offset, " + ".join(cues)) for beat, cues in together.items()]


def _steps(tempi: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Tempi by beat; of several on one beat the last one counts, and one that changes nothing is none."""
    steps: list[tuple[float, float]] = []
    for beat, tempo_bpm in sorted(tempi, key=lambda step: step[0]):
        if steps and beat - steps[-1][0] < SAME_BEAT:
            steps.pop()
        if not steps or steps[-1][1] != tempo_bpm:
            steps.append((max(0.0, beat), tempo_bpm))
    return tuple(steps)
