"""TOML -> Set. Whatever is wrong in a set's file becomes one sentence with its line and the nearest known key."""

import math
import re
import tomllib
import typing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bridge.hosts.base import HostChoice
from bridge.set_words import (
    HOSTS,
    SETTABLE,
    TIMELINE_MAX,
    VELOCITY_KEYS,
    ClockChoice,
    ControlTrigger,
    Effect,
    EngineChoice,
    MidiTrigger,
    NoteTrigger,
    Set,
    SetError,
    ShapeTrigger,
    TimelineEntry,
    TimelineMove,
    TrackSpec,
    cue_with,
    nearest,
)
from bridge.sound_files import SoundFileError, read_source
from bridge.toml_lines import KeyPath, key_lines
from bridge.toml_values import Table, built, check_keys, fitted, table_at, tables_at, values_for
from osc_schemas.cue import Cue
from osc_schemas.errors import RequestError
from osc_schemas.shape import Shape
from osc_schemas.source import Source

__all__ = [
    "SETTABLE",
    "ClockChoice",
    "ControlTrigger",
    "Effect",
    "EngineChoice",
    "HostChoice",
    "MidiTrigger",
    "NoteTrigger",
    "Set",
    "SetError",
    "ShapeTrigger",
    "TimelineEntry",
    "TimelineMove",
    "TrackSpec",
    "cue_with",
    "located",
    "parse_set",
    "read_set",
]

_FROM = {"from": str, "follow": str, "strength": float}  # a cue's keys for a sound that comes along
_HOST = {"name": str, "port": int, "folder": str}
_HEAD = ("title", "tempo_bpm", "key", "meter", "length_bars", "sample_rate_hz")  # the keys of [set]
_TRACK = ("gain_db", "loudness_lufs", "host_track", "host_place", "host_slots", "heard_in")  # of [tracks.NAME]
FILE_BYTES_MAX = 1_000_000

T = typing.TypeVar("T")


def read_set(path: str | Path) -> Set:
    """The set in a file. Raises `SetError` with file and line for whatever is not in order."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        beside = [other.name for other in path.parent.glob("*.toml")]
        hint = nearest(path.name, beside) if beside else "; name the TOML file of a set"
        raise SetError(f"{path}: there is no such file{hint}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SetError(f"{str(path)!r} cannot be read ({error}); name the TOML file of a set") from error
    if len(raw) > FILE_BYTES_MAX:
        raise SetError(f"{path}: the file has more than {FILE_BYTES_MAX} bytes; name the TOML file of a set")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SetError(f"{path}:{line}: the byte {raw[error.start]:#x} is no UTF-8; save the file as UTF-8") from error
    return parse_set(text, source=str(path), path=path)


def parse_set(text: str, *, source: str = "set", path: Path | None = None) -> Set:
    """The set in a TOML text. Raises `SetError` that begins with `source` and the line.

    >>> parse_set('''
    ... [tracks.drums]
    ... [cues.kick]
    ... track = "drums"
    ... prompt = "deep punchy kick"
    ... lenght_beats = 1
    ... ''')
    Traceback (most recent call last):
    bridge.set_words.SetError: set:6: cues.kick: the key lenght_beats is not known; the nearest is length_beats
    """
    try:
        return _set(tomllib.loads(text), path)
    except SetError as error:
        raise _placed(error, text, source) from error
    except RecursionError as error:
        raise SetError(f"{source}: tables or lists lie in one another too deep; a set needs three levels") from error
    except ValueError as error:  # tomllib lets some of what int() and datetime() raise through
        complaint, line = _place_in(str(error), text)
        raise SetError(f"{source}:{line}: this is no TOML: {complaint}") from error


def located(error: SetError, music: Set) -> SetError:
    """`error`, raised by whoever uses a set, with the file and line of its key if the set came from a file."""
    try:
        return _placed(error, music.path.read_text("utf-8-sig"), str(music.path)) if music.path else error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):  # it has changed since
        return error


def _placed(error: SetError, text: str, source: str) -> SetError:
    table = _dotted(error.key[:-1])
    line = _line_of(error.key, key_lines(text))
    return SetError(f"{source}:{line}: {table}{': ' if table else ''}{error}", key=error.key)


def _set(document: Table, path: Path | None) -> Set:
    check_keys(document, ("set", "engine", "clock", "host", "tracks", "cues", "scenes", "triggers", "timeline"), ())
    head = values_for(Set, table_at(document, "set"), ("set",), names=_HEAD)
    engine = _engine(table_at(document, "engine"), ("engine",))
    folder = None if path is None else path.parent
    timeline, moves = _timeline(tables_at(document, "timeline"))
    values = {
        **head,
        "engine": engine,
        "clock": _read(ClockChoice, table_at(document, "clock"), ("clock",)),
        "host": _host(document, folder),
        "tracks": {str(key[-1]): _track(table, key) for table, key in _named(document, "tracks")},
        "cues": {str(key[-1]): _cue(table, key, engine, folder) for table, key in _named(document, "cues")},
        "scenes": {str(key[-1]): _read(_Scene, table, key).cues for table, key in _named(document, "scenes")},
        "midi": _midi(table_at(document, "triggers")),
        "timeline": tuple(entry for entry, _ in timeline),
        "moves": tuple(move for move, _ in moves),
        "path": path,
    }
    try:
        return built(Set, values, ("set",), sound=_SOUND[Set])
    except SetError as error:
        match error.key:
            case ("timeline", int(index), *rest):  # back to the table that was written
                error.key = ("timeline", timeline[index][1], *rest)
            case ("moves", int(index), *rest):
                error.key = ("timeline", moves[index][1], *rest)
        raise


def _named(document: Table, name: str) -> list[tuple[Table, KeyPath]]:
    tables = table_at(document, name)
    return [(table_at(tables, inner, (name,)), (name, inner)) for inner in tables]


def _read(kind: type[T], table: Table, key: KeyPath) -> T:
    """The table at `key` as a `kind`, all of whose fields may be written."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # every kind is a dataclass
    return built(kind, values_for(kind, table, key, names=names), key, sound=_SOUND.get(kind, {}))


def _track(table: Table, key: KeyPath) -> TrackSpec:
    effects = tuple(_effect(effect, (*key, "effects", i)) for i, effect in enumerate(tables_at(table, "effects", key)))
    plain = {name: value for name, value in table.items() if name != "effects"}
    values = values_for(TrackSpec, plain, key, names=_TRACK)
    return built(TrackSpec, {**values, "name": key[-1], "effects": effects}, key, sound=_SOUND[TrackSpec])


def _effect(table: Table, key: KeyPath) -> Effect:
    """Every key but name and path is a parameter; only pedalboard or the plug-in knows which there are."""
    own: Table = {name: fitted(name, table[name], str, (*key, name)) for name in ("name", "path") if name in table}
    parameters = {
        name: value if isinstance(value, (str, bool)) else fitted(name, value, float, (*key, name))
        for name, value in table.items()
        if name not in own
    }
    return built(Effect, {**own, "parameters": parameters}, key, sound={})


def _engine(table: Table, key: KeyPath) -> EngineChoice:
    plain = {name: value for name, value in table.items() if name != "options"}
    check_keys(table, ("family", "steps", "options"), key)
    values = {**values_for(EngineChoice, plain, key, names=("family", "steps")), "options": _options(table, key)}
    return built(EngineChoice, values, key, sound={})


def _host(document: Table, folder: Path | None) -> HostChoice | None:
    """The set's host, if it names one; a folder without a root is one of the set's own."""
    if "host" not in document:
        return None
    table = table_at(document, "host")
    check_keys(table, ("name", "port", "folder"), ("host",))
    said = {name: fitted(name, value, _HOST[name], ("host", name)) for name, value in table.items()}
    if "name" not in said:
        raise SetError("name is missing" + nearest("", HOSTS), key=("host", "name"))
    if "folder" in said:
        said["folder"] = Path(folder or Path(), Path(said["folder"]).expanduser()).absolute()
    return HostChoice(**said)


def _cue(table: Table, key: KeyPath, engine: EngineChoice, folder: Path | None) -> Cue:
    names = [field.name for field in fields(Cue) if field.name not in ("name", "source", "shape", "options")]
    check_keys(table, (*names, "shape", "options", *_FROM), key)
    plain = {name: value for name, value in table.items() if name in names}
    values = {
        "steps": engine.steps,
        **values_for(Cue, plain, key, names=names),
        "source": _source(table, key, folder),
        "options": tuple({**dict(engine.options), **dict(_options(table, key))}.items()),
        "shape": _read(Shape, table_at(table, "shape", key), (*key, "shape")),
        "name": key[-1],
    }
    return built(Cue, values, key, sound=_SOUND[Cue])


def _options(table: Table, key: KeyPath) -> tuple[tuple[str, float], ...]:
    """A table of numbers; which there are, only the family knows."""
    options = table_at(table, "options", key)
    return tuple((name, fitted(name, value, float, (*key, "options", name))) for name, value in options.items())


def _source(table: Table, key: KeyPath, folder: Path | None) -> Source | None:
    """The sound that a cue starts from, or follows: a file in the set's own folder."""
    said = {name: fitted(name, table[name], _FROM[name], (*key, name)) for name in _FROM if name in table}
    files = [name for name in ("from", "follow") if name in said]
    if not files:
        if "strength" in said:
            sentence = (
                "strength says how much of a sound is used, and the cue has none; name its file with from or follow"
            )
            raise SetError(sentence, key=(*key, "strength"))
        return None
    [name, *more] = files
    if more:
        raise SetError("a cue starts from a sound or follows one; write either from or follow", key=(*key, "follow"))
    try:
        path = _inside(said[name], folder, name)
        return read_source(path, use="start" if name == "from" else "loudness", strength=said.get("strength"))
    except SetError as error:
        error.key = (*key, name)
        raise
    except SoundFileError as error:
        raise SetError(f"{name}: {error}", key=(*key, name)) from error
    except RequestError as error:
        raise SetError(str(error), key=(*key, "strength" if "strength" in said else name)) from error


def _inside(written: str, folder: Path | None, name: str) -> Path:
    """A path of the set, which must lie in the set's folder, links followed: whoever sends a set sends no more."""
    if folder is None:
        raise SetError(f"{name} is {written[:80]!r}, and the set is no file that has a folder for it; write it to one")
    try:
        path = (folder / written).resolve()
        within = path.is_relative_to(folder.resolve())
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SetError(f"{name} is {written[:80]!r}, which names no file ({error})") from error
    if not within:
        raise SetError(f"{name} is {written[:80]!r}, which lies outside the folder of the set; put the file into it")
    return path


@dataclass(frozen=True, kw_only=True)
class _Scene:
    cues: tuple[str, ...]


def _midi(triggers: Table) -> tuple[MidiTrigger, ...]:
    check_keys(triggers, ("midi",), ("triggers",))
    found: list[MidiTrigger] = []
    for index, table in enumerate(tables_at(triggers, "midi", ("triggers",))):
        key = ("triggers", "midi", index)
        if "cc" not in table:
            found.append(_note(table, key))
        elif "shape" in table:
            found.append(_read(ShapeTrigger, table, key))
        else:
            found.append(_read(ControlTrigger, table, key))
    return tuple(found)


def _note(table: Table, key: KeyPath) -> NoteTrigger:
    names = [field.name for field in fields(NoteTrigger)]
    check_keys(table, names, key)
    plain = {name: value for name, value in table.items() if name != "velocity"}
    ranges, inner = table_at(table, "velocity", key), (*key, "velocity")
    check_keys(ranges, VELOCITY_KEYS, inner)
    velocity = {name: fitted(name, ends, tuple[float, float], (*inner, name)) for name, ends in ranges.items()}
    values = {**values_for(NoteTrigger, plain, key, names=names), "velocity": velocity}
    return built(NoteTrigger, values, key, sound=_SOUND[NoteTrigger])


@dataclass(frozen=True, kw_only=True)
class _TimelineLine:
    """One [[timeline]] of a file: a cue at its beat and, if asked, again every so many beats until another."""

    beat: float
    cue: str
    every_beats: float | None = None
    until_beat: float | None = None

    def __post_init__(self) -> None:
        TimelineEntry(beat=self.beat, cue=self.cue)
        if (self.every_beats is None) != (self.until_beat is None):
            raise SetError("every_beats and until_beat belong together; write both or neither")
        if self.every_beats is not None and not 0.01 <= self.every_beats < math.inf:
            raise SetError(f"every_beats is {self.every_beats:g}; it must be at least 0.01")
        if self.until_beat is not None and not math.isfinite(self.until_beat):
            raise SetError(f"until_beat is {self.until_beat:g}; it must be a beat")

    def entries(self) -> list[TimelineEntry]:
        """An entry for each time; none on `until_beat` itself."""
        if self.every_beats is None or self.until_beat is None:
            return [TimelineEntry(beat=self.beat, cue=self.cue)]
        times = min(math.ceil((self.until_beat - self.beat) / self.every_beats - 1e-6), TIMELINE_MAX + 1)
        return [TimelineEntry(beat=self.beat + index * self.every_beats, cue=self.cue) for index in range(times)]


def _timeline(tables: list[Table]) -> tuple[list[tuple[TimelineEntry, int]], list[tuple[TimelineMove, int]]]:
    """All entries and all moves by beat, each with the number of the table that it was written in."""
    entries: list[tuple[TimelineEntry, int]] = []
    moves: list[tuple[TimelineMove, int]] = []
    for index, table in enumerate(tables):
        if "shape" in table:
            moves.append((_read(TimelineMove, table, ("timeline", index)), index))
            continue
        line = _read(_TimelineLine, table, ("timeline", index))
        try:
            entries += [(entry, index) for entry in line.entries()]
        except SetError as error:
            error.key = ("timeline", index, "until_beat")
            raise
        if len(entries) > TIMELINE_MAX:
            raise SetError(f"the timeline has more than {TIMELINE_MAX} entries", key=("timeline", index, "every_beats"))
    entries.sort(key=lambda numbered: numbered[0].beat)
    moves.sort(key=lambda numbered: numbered[0].beat)
    return entries, moves


# For each class, values that it takes; see `built`.
_SOUND: dict[type, dict[str, Any]] = {
    Set: {"tracks": {"x": TrackSpec(name="x")}},
    TrackSpec: {"name": "x"},
    Cue: {"name": "x", "track": "x", "prompt": "x", "length_beats": 1.0},
    NoteTrigger: {"note": 0, "cue": "x"},
    ControlTrigger: {"cc": 0, "set": "x.seed", "range": (0.0, 1.0)},
    ShapeTrigger: {"cc": 0, "shape": "x.room"},
    TimelineMove: {"beat": 0.0, "shape": "x.room", "value": 0.0},
    _TimelineLine: {"beat": 0.0, "cue": "x", "every_beats": 1.0, "until_beat": 1.0},
}


def _line_of(key: KeyPath, lines: dict[KeyPath, int]) -> int:
    """The line of `key`, or, if it is missing, of the table where it should be."""
    return next((lines[key[:length]] for length in range(len(key), 0, -1) if key[:length] in lines), 1)


def _dotted(key: KeyPath) -> str:
    """A path as musicians read it: cues.kick, or timeline 4 for the fourth entry."""
    return "".join(f" {part + 1}" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def _place_in(complaint: str, text: str) -> tuple[str, int]:
    """tomllib's complaint without its "(at line 3, column 5)", and that line."""
    match = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z", complaint)
    if match is None:
        return complaint, 1
    what = complaint[: match.start()]
    if match[1] is None:
        return f"{what} at its end", text.count("\n") + 1
    return f"{what} at column {match[2]}", int(match[1])
