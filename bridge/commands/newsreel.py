"""What a terminal shows of a session: a block at its start, a line for each event, and a line at its end."""

import contextlib
import json
import queue
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.commands.event_lines import as_json, as_line, event_in

if TYPE_CHECKING:
    from bridge.set_file import Set

WAITING_MAX = 1_000  # lines; what a terminal that stands still does not show is dropped, and the music goes on
_LOOK_EVERY_S = 0.5  # on Windows a thread that waits without end does not hear Ctrl-C


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where the music stands, how many clips were launched, and how far the worst of them was off its frame."""

    beat: float  # from the music's start
    bar: int  # as the performer counts them
    launches: int
    worst_error_frames: int


class Newsreel:
    """Takes news from any thread, and prints it on the one that calls `show`."""

    def __init__(self, *, quiet: bool, as_json: bool, tells_of_engine: bool) -> None:
        """`tells_of_engine` False leaves the engine's state to a supervisor, who knows more and calls `say`."""
        self._quiet, self._as_json, self._tells_of_engine = quiet, as_json, tells_of_engine
        self._waiting: queue.Queue[str] = queue.Queue(maxsize=WAITING_MAX)

    def begin(
        self,
        music: "Set",
        *,
        osc: str,
        output: str,
        latency_ms: float,
        midi: str,
        plugin: str,
        engine: str,
        takes: Path,
    ) -> None:
        """Print what is played and where it listens."""
        with_effects = [track.name for track in music.tracks.values() if track.effects]
        if self._as_json:
            about = {
                "osc": osc,
                "output": output,
                "midi": midi,
                "plugin": plugin,
                "engine": engine,
                "takes": str(takes),
            }
            self._print(json.dumps({"event": "begun", **about}))
            return
        title = music.title or (music.path.stem if music.path else "a set")
        self._print(
            f"{title}: {music.tempo_bpm:g} BPM, {music.meter}, {len(music.tracks)} tracks, {len(music.cues)} cues\n"
            f"  OSC     {osc}, UDP; `upbeat routes` lists the messages\n"
            f"  sound   {output}, {latency_ms:.0f} ms\n"
            f"  MIDI    {midi}\n"
            f"  plug-in {plugin}\n"
            f"  engine  {engine}\n"
            f"  takes   {takes}\n"
            f"  Ctrl-C stops"
        )
        if with_effects:
            self.say(f"the effects of {', '.join(with_effects)} are heard in `upbeat render`, not live")

    def say(self, sentence: str) -> None:
        """Print a sentence soon. Any thread; never waits."""
        self._leave(json.dumps({"event": "said", "sentence": sentence}) if self._as_json else f"         {sentence}")

    def hear(self, packet: bytes) -> None:
        """Print an event soon, if it is one to print. Any thread; never waits."""
        if packet.startswith(b"/engine/state") and not self._tells_of_engine:
            return
        event = event_in(packet)
        line = as_json(event) if self._as_json else as_line(event)
        if line is not None:
            self._leave(line)

    def show(self) -> None:
        """Print what comes, until Ctrl-C."""
        while True:
            with contextlib.suppress(queue.Empty):
                self._print(self._waiting.get(timeout=_LOOK_EVERY_S))

    def end(self, outcome: Outcome) -> None:
        """Print what still waits, and how it went."""
        while not self._waiting.empty():
            self._print(self._waiting.get())
        if self._as_json:
            self._print(json.dumps({"event": "ended", **asdict(outcome)}))
        else:
            worst = f"the worst {outcome.worst_error_frames} frames off"
            self._print(f"stopped in bar {outcome.bar}: {outcome.launches} launches, {worst}")

    def _leave(self, line: str) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(line)

    def _print(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)
