"""A stand-in for REAPER: no REAPER was at hand. Our script's own files run in a real Lua on this recorded surface.

It offers the functions of ReaScript that the script calls, and no others, each with the arguments that the published
reference gives: a wrong count or type is an error as it is in REAPER. It has a tempo map with one change of tempo, an
edit cursor and a selection that nothing but the test moves, undo blocks that must be paired, and a Lua number kept
apart from an integer where REAPER asks for one. Time passes only in `pump`.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lupa.lua54
import soundfile as sf

CYCLE_S = 0.034  # REAPER calls what was deferred about 30 times a second


@dataclass
class Source:
    path: str
    length_s: float
    destroyed: bool = False


@dataclass
class Take:
    source: Source | None = None
    strings: dict[str, str] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)


@dataclass
class Item:
    guid: str
    track: "Track"
    values: dict[str, float] = field(default_factory=lambda: {"D_FADEINLEN": 0.01, "D_FADEOUTLEN": 0.01})
    strings: dict[str, str] = field(default_factory=dict)
    takes: list[Take] = field(default_factory=list)


@dataclass
class Track:
    name: str
    items: list[Item] = field(default_factory=list)


Kinds = tuple[type, ...]
NUMBER: Kinds = (int, float)
WHOLE: Kinds = (int,)
TEXT: Kinds = (str,)
TRUTH: Kinds = (bool,)


class ReaperStandIn:
    """A project with tracks, and the Lua that a script of it runs in."""

    def __init__(self, *names: str, tempo_bpm: float = 120.0, later: tuple[float, float] = (16.0, 96.0)) -> None:
        """`later`: from which quarter note on there is another tempo, and which."""
        self.tracks = [Track(name) for name in names]
        self.tempo_bpm, self.later = tempo_bpm, later
        self.cursor_s = 7.25
        self.play_s, self.play_state = 0.0, 0
        self.project_rate_hz = 48_000.0
        self.selected: list[Item] = []
        self.undo_steps: list[str] = []
        self.actions: list[int] = []
        self.arranged = 0
        self.now_s = 1000.0
        self.failing: dict[str, Exception] = {}
        self._open_blocks = 0
        self._refresh_off = 0
        self._deferred: list[Callable[[], None]] = []
        self._at_exit: list[Callable[[], None]] = []
        self._states: dict[tuple[str, str], str] = {}
        self._listed: dict[str, list[str]] = {}
        self._guids = itertools.count(1)
        self.lua = lupa.lua54.LuaRuntime(unpack_returned_tuples=True)
        surface = self.lua.table()
        for name, kinds, function in self._surface():
            surface[name] = self._strict(name, kinds, function)
        self.lua.globals().reaper = surface

    def run(self, script: Path) -> None:
        """Run an action, as from the action list."""
        self.lua.globals().dofile(str(script))

    def pump(self, _pause_s: float = 0.0, *, cycles: int = 1) -> None:
        """Time passes, and what was deferred is called, as REAPER does it between two pictures."""
        for _ in range(cycles):
            self.now_s += CYCLE_S
            due, self._deferred = self._deferred, []
            for function in due:
                function()
            assert self._open_blocks == 0, "an undo block was left open"
            assert self._refresh_off == 0, "drawing was left switched off"

    def quit(self) -> None:
        """REAPER is closed by its user: scripts are told."""
        self._deferred.clear()
        for function in self._at_exit:
            function()

    @property
    def runs(self) -> int:
        """How many loops go on."""
        return len(self._deferred)

    def items(self, track: str) -> list[Item]:
        return next(one.items for one in self.tracks if one.name == track)

    def seconds_of(self, beat: float) -> float:
        """The tempo map, from quarter notes."""
        change, tempo = self.later
        before_s = min(beat, change) * 60 / self.tempo_bpm
        return before_s + max(0.0, beat - change) * 60 / tempo

    def beat_of(self, seconds: float) -> float:
        """The tempo map, to quarter notes."""
        change, tempo = self.later
        change_s = change * 60 / self.tempo_bpm
        return min(seconds, change_s) * self.tempo_bpm / 60 + max(0.0, seconds - change_s) * tempo / 60

    def _strict(self, name: str, kinds: tuple[Kinds, ...], function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            if name in self.failing:
                raise self.failing[name]
            if len(arguments) != len(kinds):
                raise TypeError(f"reaper.{name}: {len(arguments)} arguments, expected {len(kinds)}")
            for place, (argument, kind) in enumerate(zip(arguments, kinds, strict=True), start=1):
                if not isinstance(argument, kind) or (isinstance(argument, bool) and bool not in kind):
                    raise TypeError(f"reaper.{name}: argument {place} is {argument!r}, expected {kind}")
            return function(*arguments)

        return called

    def _surface(self) -> list[tuple[str, tuple[Kinds, ...], Callable[..., Any]]]:
        call = (type(self.lua.eval("function() end")),)
        track, item, take, source = (Track,), (Item,), (Take,), (Source,)
        return [
            ("GetAppVersion", (), lambda: "7.22/stand-in"),
            ("time_precise", (), lambda: self.now_s),
            ("defer", (call,), self._deferred_later),
            ("atexit", (call,), self._at_exit.append),
            ("GetExtState", (TEXT, TEXT), lambda section, key: self._states.get((section, key), "")),
            ("SetExtState", (TEXT, TEXT, TEXT, TRUTH), self._set_state),
            ("RecursiveCreateDirectory", (TEXT, WHOLE), self._create_directory),
            ("EnumerateFiles", (TEXT, WHOLE), self._enumerate_files),
            ("file_exists", (TEXT,), lambda path: Path(path).is_file()),
            ("CountTracks", (WHOLE,), lambda _: len(self.tracks)),
            ("GetTrack", (WHOLE, WHOLE), lambda _, index: self.tracks[index] if index < len(self.tracks) else None),
            ("GetTrackName", (track,), lambda one: (True, one.name)),
            ("GetPlayStateEx", (WHOLE,), lambda _: self.play_state),
            ("GetPlayPositionEx", (WHOLE,), lambda _: self.play_s),
            ("GetCursorPositionEx", (WHOLE,), lambda _: self.cursor_s),
            ("TimeMap2_timeToQN", (WHOLE, NUMBER), lambda _, seconds: self.beat_of(seconds)),
            ("TimeMap2_QNToTime", (WHOLE, NUMBER), lambda _, beat: self.seconds_of(beat)),
            ("GetSetProjectInfo", (WHOLE, TEXT, NUMBER, TRUTH), self._project_info),
            ("PCM_Source_CreateFromFile", (TEXT,), self._source_of),
            ("GetMediaSourceLength", (source,), lambda one: (one.length_s, False)),
            ("PCM_Source_Destroy", (source,), lambda one: setattr(one, "destroyed", True)),
            ("PreventUIRefresh", (WHOLE,), self._prevent_refresh),
            ("Undo_BeginBlock2", (WHOLE,), self._begin_block),
            ("Undo_EndBlock2", (WHOLE, TEXT, WHOLE), self._end_block),
            ("Undo_CanUndo2", (WHOLE,), lambda _: self.undo_steps[-1] if self.undo_steps else None),
            ("Undo_DoUndo2", (WHOLE,), lambda _: self.undo_steps.pop() and 1),
            ("UpdateArrange", (), self._update_arrange),
            ("AddMediaItemToTrack", (track,), self._add_item),
            ("AddTakeToMediaItem", (item,), self._add_take),
            ("SetMediaItemTake_Source", (take, source), self._set_source),
            ("SetMediaItemInfo_Value", (item, TEXT, NUMBER), self._set_item_value),
            ("SetMediaItemTakeInfo_Value", (take, TEXT, NUMBER), self._set_take_value),
            ("GetSetMediaItemTakeInfo_String", (take, TEXT, TEXT, TRUTH), self._take_string),
            ("GetSetMediaItemInfo_String", (item, TEXT, TEXT, TRUTH), self._item_string),
            ("Main_OnCommandEx", (WHOLE, WHOLE, WHOLE), lambda command, _, __: self.actions.append(command)),
            ("ValidatePtr2", (WHOLE, item, TEXT), lambda _, one, kind: kind == "MediaItem*" and one in self._all()),
            ("CountMediaItems", (WHOLE,), lambda _: len(self._all())),
            ("GetMediaItem", (WHOLE, WHOLE), lambda _, index: self._all()[index]),
            ("GetMediaItemTrack", (item,), lambda one: one.track),
            ("DeleteTrackMediaItem", (track, item), self._delete_item),
        ]

    def _all(self) -> list[Item]:
        return [item for track in self.tracks for item in track.items]

    def _deferred_later(self, function: Callable[[], None]) -> bool:
        self._deferred.append(function)
        return True

    def _set_state(self, section: str, key: str, value: str, _keep: bool) -> None:
        self._states[section, key] = value

    def _create_directory(self, path: str, _ignored: int) -> int:
        Path(path).mkdir(parents=True, exist_ok=True)
        return 1

    def _enumerate_files(self, path: str, index: int) -> str | None:
        if index < 0 or path not in self._listed:  # it lists a folder once, until it is told to forget
            self._listed[path] = [one.name for one in Path(path).iterdir() if one.is_file()]
        names = self._listed[path]
        return names[index] if 0 <= index < len(names) else None

    def _project_info(self, _project: int, name: str, _value: float, is_set: bool) -> float:
        assert not is_set, "the script changed the project's settings"
        return {"PROJECT_SRATE": self.project_rate_hz, "PROJECT_SRATE_USE": 1.0}[name]

    def _source_of(self, path: str) -> Source | None:
        try:
            info = sf.info(path)
        except sf.LibsndfileError:
            return None
        return Source(path, info.frames / info.samplerate)

    def _prevent_refresh(self, by: int) -> None:
        self._refresh_off += by

    def _begin_block(self, _project: int) -> None:
        self._open_blocks += 1

    def _end_block(self, _project: int, name: str, _flags: int) -> None:
        self._open_blocks -= 1
        self.undo_steps.append(name)

    def _update_arrange(self) -> None:
        self.arranged += 1

    def _in_block(self) -> None:
        assert self._open_blocks == 1, "the project was changed outside of an undo block"

    def _add_item(self, track: Track) -> Item:
        self._in_block()
        item = Item(f"{{{next(self._guids):08X}-0000}}", track)
        track.items.append(item)
        return item

    def _add_take(self, item: Item) -> Take:
        self._in_block()
        item.takes.append(Take())
        return item.takes[-1]

    def _set_source(self, take: Take, source: Source) -> bool:
        self._in_block()
        take.source = source
        return True

    def _set_item_value(self, item: Item, name: str, value: float) -> bool:
        self._in_block()
        known = {"D_POSITION", "D_LENGTH", "B_LOOPSRC", "C_BEATATTACHMODE", "B_UISEL"}
        fades = {"D_FADEINLEN", "D_FADEOUTLEN", "D_FADEINLEN_AUTO", "D_FADEOUTLEN_AUTO"}
        assert name in known | fades, f"no such attribute of an item: {name}"
        item.values[name] = value
        if name == "B_UISEL" and value:
            self.selected.append(item)
        return True

    def _set_take_value(self, take: Take, name: str, value: float) -> bool:
        self._in_block()
        assert name in {"D_PLAYRATE", "B_PPITCH"}, f"no such attribute of a take: {name}"
        take.values[name] = value
        return True

    def _take_string(self, take: Take, name: str, value: str, is_set: bool) -> tuple[bool, str]:
        assert name == "P_NAME"
        if is_set:
            take.strings[name] = value
        return True, take.strings.get(name, "")

    def _item_string(self, item: Item, name: str, value: str, is_set: bool) -> tuple[bool, str]:
        if name == "GUID":
            assert not is_set
            return True, item.guid
        assert name.startswith("P_EXT:")
        if is_set:
            item.strings[name] = value
        return name in item.strings, item.strings.get(name, "")

    def _delete_item(self, track: Track, item: Item) -> bool:
        self._in_block()
        track.items.remove(item)
        return True
