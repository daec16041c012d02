"""REAPER: clips become items on its tracks, put there by a small script of ours that runs inside it.

REAPER has no OSC address that inserts a file and no clip launcher of its own; so our script polls a folder 30 times a
second, and what it does stands in `reaper_script/deeds.lua`.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bridge.hosts.base import (
    ANSWER_WITHIN_S,
    Ability,
    BasicHost,
    Found,
    HostChoice,
    HostClip,
    HostError,
    HostLost,
    HostTime,
    HostTrack,
    Placement,
)
from bridge.hosts.reaper_places import RUN_IT, SCRIPT_FILES, install, look, remove, resource_path, script_folder
from bridge.hosts.spool import Spool
from osc_schemas.nearest import nearest_only

ABILITIES: frozenset[Ability] = frozenset({"bar", "tempo", "tracks", "undo"})
SCRIPT_VERSION = 1  # as in deeds.lua

Answer = dict[str, object]


class ReaperHost(BasicHost):
    """A running REAPER, and in it the project whose tab is in front."""

    name = "reaper"
    title = "REAPER"
    abilities = ABILITIES

    def __init__(
        self,
        folder: Path | None = None,
        *,
        pause: Callable[[float], None] = time.sleep,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        """`folder`: REAPER's resource path, the usual one if not said."""
        self._folder = folder
        self._pause = pause
        self._unix_s = unix_s
        self._open: Spool | None = None

    def connect(self, *, within_s: float = ANSWER_WITHIN_S) -> str:
        """Look whether our script runs in it, and in which version."""
        scripts = script_folder(resource_path(self._folder))
        if not (scripts / SCRIPT_FILES[0]).exists():
            raise HostLost(f"Upbeat's script is not in {scripts}; put it there with `upbeat hosts install reaper`")
        spool = Spool(scripts / "spool", pause=self._pause, unix_s=self._unix_s)
        if not spool.is_alive():
            raise HostLost(
                "REAPER does not run, or does not run Upbeat's script; "
                + RUN_IT.format(script=scripts / SCRIPT_FILES[0])
            )
        spool.sweep()
        self._open = spool
        hello = self._ask({"deed": "hello"}, within_s=within_s)
        if hello.get("script") != SCRIPT_VERSION:
            raise HostError(
                f"REAPER runs version {hello.get('script')} of Upbeat's script, not {SCRIPT_VERSION} as this Upbeat; "
                "`upbeat hosts install reaper`, then run upbeat.lua again from its action list"
            )
        rate_hz = _number(hello, "project_rate_hz")
        return f"REAPER {hello.get('version')}" + (f", its project at {rate_hz:g} Hz" if rate_hz else "")

    def close(self) -> None:
        """Ask no more."""
        self._open = None

    def tracks(self) -> Sequence[HostTrack]:
        """Its tracks without the master; every one of them takes items of sound."""
        names = self._ask({"deed": "tracks"}).get("tracks")
        if not isinstance(names, list):
            raise _unreadable()
        return tuple(HostTrack(number=number, name=str(name)) for number, name in enumerate(names, start=1))

    def time(self) -> HostTime:
        """What is heard while it plays, else where its cursor stands; a few hundredths of a second old."""
        answer = self._ask({"deed": "time"})
        return HostTime(
            beat=_number(answer, "beat"),
            tempo_bpm=_number(answer, "tempo_bpm"),
            playing=answer.get("playing") is True,
        )

    def place_at_beat(self, clip: HostClip, *, track: str, beat: float) -> Placement:
        """Put an item on a track, one step to undo. REAPER resamples by itself what has another rate."""
        answer = self._ask(
            {
                "deed": "place",
                "track": track,
                "beat": beat,
                "length_beats": clip.length_beats,
                "clip_s": clip.frames / clip.sample_rate_hz,
                "loop": clip.loop,
                "path": str(clip.path),
                "name": clip.name,
                "take_id": clip.take_id,
            }
        )
        return Placement(clip=clip, track=track, beat=beat, token=str(answer.get("guid", "")))

    def remove(self, placement: Placement) -> None:
        """Take our item away, one step to undo; wherever the user has moved it."""
        self._ask({"deed": "remove", "guid": placement.token})

    def undo(self) -> None:
        """Take back REAPER's last step if it was ours; refused if it was the user's."""
        self._ask({"deed": "undo"})

    def _ask(self, request: Answer, *, within_s: float = ANSWER_WITHIN_S) -> Answer:
        if self._open is None:
            raise HostLost("REAPER is not connected yet; connect first")
        answer = self._open.ask(request, within_s=within_s, who="REAPER")
        if answer.get("ok") is not True:
            raise HostError(_refusal(request, answer))
        return answer


def _refusal(request: Answer, answer: Answer) -> str:
    reason, sentence = answer.get("reason"), str(answer.get("sentence", ""))
    if reason == "no-track":
        listed = answer.get("tracks")
        names = [str(name) for name in listed] if isinstance(listed, list) else []
        track = str(request.get("track"))
        return f"REAPER has no track {track!r}{nearest_only(track, names)}; it has {', '.join(names[:20]) or 'none'}"
    if reason == "no-file":
        return f"{sentence}; generate the cue again"
    if reason == "not-ours" and "last" in answer:
        last = str(answer["last"]) or "nothing"
        return f"REAPER's last step is {last!r}, which is not ours; undo it in REAPER"
    if reason == "not-ours":
        return f"{sentence}; delete it in REAPER"
    return f"REAPER did not do it: {sentence}"


def _number(answer: Answer, name: str) -> float:
    value = answer.get(name)
    if not isinstance(value, int | float):
        raise _unreadable()
    return float(value)


def _unreadable() -> HostError:
    return HostError(
        "REAPER's answer is not what was asked for; `upbeat hosts install reaper`, then run upbeat.lua again"
    )


class _ReaperProduct:
    """What there is to know of REAPER without talking to it."""

    name = "reaper"
    title = "REAPER 6.0 or later"
    abilities = ABILITIES

    def look(self, folder: Path | None = None) -> list[Found]:
        """REAPER's resource path, our script in it, and a run of that."""
        return look(folder)

    def install(self, folder: Path | None) -> list[str]:
        """Put our script under REAPER's resource path."""
        return install(folder)

    def remove(self, folder: Path | None) -> list[str]:
        """Take it away again."""
        return remove(folder)

    def host(self, choice: HostChoice) -> ReaperHost:
        """Its adapter, not yet connected; the folder of a set is REAPER's resource path."""
        return ReaperHost(choice.folder)


PRODUCT = _ReaperProduct()
