"""Writes a performance down while it happens: the player's thread hands lines over, a thread of our own writes them.

Nothing waits: a line that finds the queue full is lost, and that is said. Each line is flushed to the system when it is
written, so what was noted outlives a crash of ours. A file begins with the first sound; who plays nothing leaves none.
"""

import json
import math
import queue
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pythonosc.osc_message import OscMessage

from bridge.elsewhere import Landing, Nowhere
from bridge.performance import FORMAT, performances_folder
from bridge.set_words import Set, TrackSpec
from bridge.shaper import SWAP_S
from bridge.tracks.sound import Sound
from osc_schemas.cue import Cue

if TYPE_CHECKING:
    from bridge.player import Player

LINES_MAX = 100_000  # of one performance: some 20 MB
LINES_WAITING_MAX = 4_096
STILL_THERE_S = 10.0  # so often the beat is noted, so that a crash costs a loop's end no more
JUMP_BEATS = 0.25  # more than a clock that leads can pull in one tick
TEMPO_STEP = 1e-3  # as a share: less is a clock that trembles
CLOCK_EVENT = b"/clock/event\0"


class PerformanceLog:
    """One performance on its way to disk. Any thread may note; no method waits but `close`."""

    def __init__(
        self,
        takes_folder: Path,
        music: Set,
        *,
        made: str = "live",
        unix_s: float | None = None,
        on_trouble: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """`made` is live or render; a render has no `unix_s`, and takes the place of the one before it."""
        self.performance_id = _performance_id(music.title, made, unix_s)
        folder = performances_folder(takes_folder)
        self.path = folder / f"{self.performance_id}.jsonl"
        number = 1
        while made == "live" and self.path.exists():
            number += 1
            self.path = folder / f"{self.performance_id}-{number}.jsonl"
        self.performance_id = self.path.stem
        self._on_trouble = on_trouble
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue(maxsize=LINES_WAITING_MAX)
        self._noted = self._lost = 0
        self._writer = threading.Thread(target=self._write, name="performance", daemon=True)
        self._writer.start()
        self._note(
            kind="began",
            format=FORMAT,
            made=made,
            title=music.title,
            began_unix_s=unix_s,
            sample_rate_hz=music.sample_rate_hz,
            meter=music.meter,
            tempo_bpm=music.tempo_bpm,
            tracks=[
                # Only a render sends its tracks through their effects.
                {"name": name, "gain_db": track.gain_db, "effects": _effects(track, music) if made == "render" else []}
                for name, track in music.tracks.items()
            ],
            scenes={name: list(cues) for name, cues in music.scenes.items()},
            timeline=[[entry.beat, entry.cue] for entry in music.timeline],
        )

    def plays(self, beat: float, *, tempo_bpm: float) -> None:
        """The music runs from a beat on, after it stood or was moved."""
        self._note(kind="plays", beat=beat, tempo_bpm=tempo_bpm)

    def stands(self, beat: float) -> None:
        """The music stands still, or goes on elsewhere, from a beat on."""
        self._note(kind="stands", beat=beat)

    def still_there(self, beat: float) -> None:
        """The music has come to a beat."""
        self._note(kind="at", beat=beat)

    def tempo(self, beat: float, tempo_bpm: float) -> None:
        """The tempo is another from a beat on."""
        self._note(kind="tempo", beat=beat, tempo_bpm=tempo_bpm)

    def gain(self, track: str, beat: float, gain_db: float) -> None:
        """A track is brought to a gain."""
        self._note(kind="gain", track=track, beat=beat, gain_db=gain_db)

    def marker(self, beat: float, name: str) -> None:
        """Something has a name and a beat: a scene, or what a clock did."""
        self._note(kind="marker", beat=beat, name=name[:200])

    def launched(self, cue: Cue, sound: Sound, *, beat: float, frame: int, here: bool = True) -> None:
        """A sound was first heard, on that beat and at that frame of our output; or, not `here`, in a host."""
        self._note(
            kind="launch",
            cue=cue.name,
            take_id=sound.take_id,
            track=cue.track,
            beat=beat,
            heard_frame=frame,
            loop=cue.loop,
            length_beats=cue.length_beats,
            gain=sound.gain,
            swap_s=cue.swap_fade_ms / 1_000,
            sustained=sound.sustained,
            here=here,
        )

    def bent(self, track: str, beat: float, old: Sound, new: Sound) -> None:
        """What loops on a track is another shape of the same from a beat on."""
        take_ids = {"old_take_id": old.take_id, "new_take_id": new.take_id}
        self._note(kind="bent", track=track, beat=beat, **take_ids, gain=new.gain, swap_s=SWAP_S)

    def stopped(self, track: str, beat: float, *, fade_s: float) -> None:
        """All that sounded on a track fades out from a beat on."""
        self._note(kind="stopped", track=track, beat=beat, fade_s=fade_s)

    def ended(self, beat: float) -> None:
        """The performance is over."""
        self._note(kind="ended", beat=beat)

    def close(self, *, within_s: float = 5.0) -> None:
        """Write what still waits, bounded in time."""
        try:
            self._lines.put(None, timeout=within_s)
        except queue.Full:
            self._on_trouble(f"the performance {self.path.name} was not written to its end within {within_s:g} s")
            return
        self._writer.join(timeout=within_s)
        if self._lost:
            self._on_trouble(
                f"{self._lost} lines of the performance {self.path.name} came faster than the disk took them"
            )

    def _note(self, **line: Any) -> None:
        if self._noted >= LINES_MAX:
            if self._noted == LINES_MAX:
                self._noted += 1
                self._on_trouble(
                    f"the performance {self.path.name} has {LINES_MAX} lines, and gets no more; the music goes on"
                )
            return
        try:
            self._lines.put_nowait(line)
            self._noted += 1
        except queue.Full:
            self._lost += 1

    def _write(self) -> None:
        waiting: list[str] = []  # until something sounds
        file = None
        try:
            while (line := self._lines.get()) is not None:
                waiting.append(json.dumps(line, ensure_ascii=False) + "\n")
                if file is None and line["kind"] == "launch":
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    file = self.path.open("w", encoding="utf-8", errors="replace")
                if file is not None:
                    file.writelines(waiting)
                    file.flush()
                    waiting.clear()
        except OSError as error:
            self._on_trouble(
                f"the performance {self.path} cannot be written ({error.strerror}); free some disk space. "
                "The takes are kept all the same"
            )
            while self._lines.get() is not None:  # so that nobody finds the queue full
                pass
        finally:
            if file is not None:
                file.close()


class Notes(Nowhere):
    """Notes what a player does, by listening where others that play its tracks do: one more `Elsewhere` of the player.

    Everything on the player's thread.
    """

    def __init__(self, player: "Player", log: PerformanceLog) -> None:
        self._player, self._log = player, log
        self._coming: dict[str, Landing] = {}  # by its id: what was offered and not taken back
        self._turns: list[tuple[int, str, Sound, Sound]] = []  # of knobs: from which frame on, on which track
        self._playing = False
        self._frame, self._beat, self._tempo_bpm = player.mixer.frame, 0.0, player.music.tempo_bpm
        self._gains_db = dict(player.gains_db)
        self._noted_frame = 0
        player.audience.subscribe("performance", self._overhear, seconds=math.inf, now_s=player.now_s())

    def offer(self, landing: Landing) -> None:
        """It will be heard somewhere, unless it is taken back."""
        self._coming[landing.landing_id] = landing

    def withdraw(self, landing_id: str) -> None:
        """It will be heard here, which `sounded` will say, or not at all."""
        self._coming.pop(landing_id, None)

    def sounded(self, landing: Landing) -> None:
        """Note it."""
        self._catch_up(self._player.mixer.frame)
        self._log.launched(landing.cue, landing.sound, beat=landing.beat, frame=landing.frame)

    def bent(self, track: str, old: Sound, new: Sound, *, at_frame: int) -> None:
        """It will be heard from that frame on, and is noted then."""
        self._turns.append((at_frame, track, old, new))

    def stop(self, track: str, *, fade_s: float) -> None:
        """Note it; what was to be bent there later never is."""
        self._note_turns(self._player.mixer.frame, self._beat_now)
        self._turns = [turn for turn in self._turns if turn[1] != track]
        self._log.stopped(track, self._beat_now(), fade_s=fade_s)

    def tick(self, now_frame: int) -> None:
        """Note what has changed since the last time, and what a host has begun to play."""
        self._note_turns(now_frame, self._player.transport.beat_at_frame)
        self._catch_up(now_frame)
        if not self._playing:
            return
        for landing_id, landing in list(self._coming.items()):
            frame = self._player.transport.frame_at_beat(landing.beat)
            if frame <= now_frame:
                del self._coming[landing_id]
                self._log.launched(landing.cue, landing.sound, beat=landing.beat, frame=frame, here=False)

    def end(self) -> None:
        """Note that it is over, at the beat where it ended by itself or, without one, where it is now."""
        self._note_turns(self._player.mixer.frame, self._beat_now)
        end_beat, now = self._player.end_beat, self._beat_now()
        self._log.ended(now if end_beat is None else min(now, end_beat))

    def _note_turns(self, now_frame: int, beat_at: Callable[[int], float]) -> None:
        """Note each turn of a knob that is heard by now, on the beat of its own frame."""
        for at_frame, track, old, new in [turn for turn in self._turns if turn[0] <= now_frame]:
            self._log.bent(track, beat_at(at_frame), old, new)
        self._turns = [turn for turn in self._turns if turn[0] > now_frame]

    def _catch_up(self, now_frame: int) -> None:
        """Compare the player with what was noted of it."""
        transport = self._player.transport
        beat, tempo_bpm = transport.beat_at_frame(now_frame), transport.tempo_bpm(now_frame)
        jumped = self._playing and transport.playing and abs(beat - self._beat_now(now_frame)) > JUMP_BEATS
        if self._playing and (jumped or not transport.playing):
            self._log.stands(self._beat_now(now_frame))
        if transport.playing and (jumped or not self._playing):
            self._log.plays(beat, tempo_bpm=tempo_bpm)
        elif transport.playing and abs(tempo_bpm / self._tempo_bpm - 1) > TEMPO_STEP:
            settled = transport.settled_beat
            self._log.tempo(settled if self._beat <= settled <= beat else beat, tempo_bpm)
        elif abs(tempo_bpm / self._tempo_bpm - 1) <= TEMPO_STEP:
            tempo_bpm = self._tempo_bpm  # so that many small steps become one that is noted
        self._playing, self._frame, self._beat, self._tempo_bpm = transport.playing, now_frame, beat, tempo_bpm
        for track, gain_db in self._player.gains_db.items():
            if self._gains_db.get(track) != gain_db:
                self._gains_db[track] = gain_db
                self._log.gain(track, max(0.0, beat), gain_db)
        if self._playing and now_frame - self._noted_frame >= self._player.frames(STILL_THERE_S):
            self._noted_frame = now_frame
            self._log.still_there(beat)

    def _beat_now(self, now_frame: int | None = None) -> float:
        """The beat by the line that the music ran along when it was last looked at, wherever it was moved since."""
        if not self._playing:
            return self._beat
        frame = self._player.mixer.frame if now_frame is None else now_frame
        return self._beat + (frame - self._frame) * self._tempo_bpm / 60 / self._player.mixer.sample_rate_hz

    def _overhear(self, packet: bytes) -> None:
        if packet.startswith(CLOCK_EVENT):
            _, _, _, sentence = OscMessage(packet).params
            self._log.marker(max(0.0, self._beat_now()), str(sentence))


def _effects(track: TrackSpec, music: Set) -> list[dict[str, object]]:
    """Its effects as data; a path that begins at the set's file is made absolute."""
    base = music.path.parent if music.path is not None else Path()
    return [
        {
            "name": effect.name,
            "path": str((base / effect.path).absolute()) if effect.path else "",
            "parameters": dict(effect.parameters),
        }
        for effect in track.effects
    ]


def _performance_id(title: str, made: str, unix_s: float | None) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-")
    when = made if unix_s is None else time.strftime("%Y-%m-%d-%H%M%S", time.gmtime(unix_s))
    return f"{when}-{slug}" if slug else when
