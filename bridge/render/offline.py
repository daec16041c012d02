"""Renders a set's timeline: the same player and mixer as on stage, on a clock that waits for every clip.

>>> from bridge.render.offline import render_set
>>> report = render_set("examples/first_set.toml", "render")  # doctest: +SKIP
"""

import contextlib
import math
import os
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from pythonosc.osc_message import OscMessage

from bridge.ahead import HORIZON_S
from bridge.engine_link import EngineLink, EngineStateChanged, LinkEvent
from bridge.library import Library
from bridge.performance_log import Notes, PerformanceLog
from bridge.player import Player
from bridge.render.effects import Chain, chain_of
from bridge.set_file import Set, SetError, located, read_set
from bridge.supervisor import Supervisor
from bridge.tracks.mixer import Mixer
from bridge.tracks.recorder import file_name
from bridge.wav_files import forget_when
from bridge.wish import Launch
from osc_schemas.clip import Samples

BLOCK_FRAMES = 4_096
RING_OUT_S = 2.0  # after the last bar, for tails and reverbs
MIX = "/mix"  # a name that no track can have
CLIP_WITHIN_S = 900.0  # offline nothing is late, but a render that hangs would be worse than one that fails


class RenderError(Exception):
    """A set cannot be rendered. The text says what was found, what was wanted and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderReport:
    """What a render has made, and how fast."""

    mix: Path
    stems: Mapping[str, Path]
    launches: tuple[Launch, ...]
    music_s: float
    bars: float  # of music, before what rings out
    took_s: float
    peak: float  # of the mix, 1.0 = full scale


def render_set(
    path: str | Path,
    out: str | Path,
    *,
    engine_endpoint: str | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> RenderReport:
    """Render the set in a file into the folder `out`. Raises `SetError`, `RenderError`, `EngineFailed`."""
    music = read_set(path)
    try:
        return render(music, out, engine_endpoint=engine_endpoint, progress=progress)
    except SetError as error:
        raise located(error, music) from error


def render(
    music: Set,
    out: str | Path,
    *,
    engine_endpoint: str | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> RenderReport:
    """Render a set into `out`: mix.wav, stems/TRACK.wav, the takes, and the performance beside them.

    Each sound is whole or not there. Uses the engine at `engine_endpoint`, or one of its own for the while. `progress`
    hears shares from 0 to 1. Rendering again gives the same bits. Raises `RenderError`, `SetError` and `EngineFailed`.
    """
    end_beat = end_beat_of(music)
    chains = {
        name: chain_of(track, sample_rate_hz=music.sample_rate_hz, base=music.path)
        for name, track in music.tracks.items()
    }
    folder = Path(out)
    try:
        (folder / "stems").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RenderError(f"the folder {folder} cannot be made ({error.strerror}); name another with --out") from error
    with contextlib.ExitStack() as stack:
        if engine_endpoint is None:
            supervisor = Supervisor(family=music.engine.family)
            stack.callback(supervisor.stop)
            supervisor.start()
            engine_endpoint = supervisor.endpoint
        return _Render(music, folder, chains, end_beat=end_beat, endpoint=engine_endpoint).run(progress)


def end_beat_of(music: Set) -> float:
    """Where a render ends: after the set's length, or on the bar line after the last beat any timeline cue covers."""
    if not music.timeline:
        raise SetError("the set has no [[timeline]], so there is nothing to render; write beats and cues there")
    if music.length_bars is not None:
        return music.length_bars * music.beats_per_bar
    last_beat = max(entry.beat + music.cues[entry.cue].length_beats for entry in music.timeline)
    return math.ceil(last_beat / music.beats_per_bar - 1e-6) * music.beats_per_bar


class _Render:
    """One render under way."""

    def __init__(self, music: Set, folder: Path, chains: dict[str, Chain], *, end_beat: float, endpoint: str) -> None:
        self._folder = folder
        self._chains = chains
        self._wet: dict[str, list[Samples]] = {name: [] for name in chains}
        self._peak = 0.0
        self._refused: list[str] = []
        self._events: queue.Queue[LinkEvent] = queue.Queue()
        self._mixer = Mixer(list(music.tracks), sample_rate_hz=music.sample_rate_hz)
        self._master = Mixer(["mix"], sample_rate_hz=music.sample_rate_hz)  # for its limiter, behind the effects
        self._link = EngineLink(endpoint, on_event=self._events.put)
        self._library = Library(folder / "takes")
        self._performance = PerformanceLog(folder / "takes", music, made="render")
        self._player = Player(
            music,
            mixer=self._mixer,
            engine=self._link,
            library=self._library,
            place_ahead_frames=0,
            now_s=lambda: self._mixer.frame / music.sample_rate_hz,
            unix_s=lambda: self._mixer.frame / music.sample_rate_hz,
            exact=True,
            elsewhere=self._noted,
        )
        self._player.end_beat = end_beat
        self._player.audience.subscribe("render", self._overhear, seconds=math.inf, now_s=0.0)

    def run(self, progress: Callable[[float], None]) -> RenderReport:
        began_s = time.monotonic()
        rate_hz = self._mixer.sample_rate_hz
        self._player.play()
        # Beat 0 lies behind the preroll, in which live what stands there is made; here the preroll is cut away.
        first_frame = self._player.transport.frame_at_beat(0.0)
        assert self._player.end_beat is not None
        last_frame = self._player.transport.frame_at_beat(self._player.end_beat) + round(RING_OUT_S * rate_hz)
        self._mixer.tap.open()
        self._link.start()
        try:
            with _wav_files(self._folder, list(self._chains), rate_hz) as files:
                while (frame := self._mixer.frame) < last_frame:
                    self._wait_for_clips()
                    self._player.tick()
                    self._mixer.mix(np.zeros((min(BLOCK_FRAMES, last_frame - frame), 2), np.float32))
                    _, rows = self._mixer.tap.read()
                    self._through_effects(rows[max(0, first_frame - frame) :], files)
                    progress(self._mixer.frame / last_frame)
                self._ring_out(files)
        finally:
            self._link.close()
            self._player.shaper.finish()
            self._library.close()
            self._notes.end()
            self._performance.close()
        return RenderReport(
            mix=self._folder / "mix.wav",
            stems={name: self._folder / "stems" / f"{file_name(name)}.wav" for name in self._chains},
            launches=tuple(self._player.launcher.launches),
            music_s=(last_frame - first_frame) / rate_hz,
            bars=self._player.end_beat / self._player.meter.beats_per_bar,
            took_s=time.monotonic() - began_s,
            peak=self._peak,
        )

    def _wait_for_clips(self) -> None:
        """Take in clips until every wish that is due soon has its own."""
        self._player.ahead.ask()
        due_frame = self._mixer.frame + self._player.frames(HORIZON_S)
        transport = self._player.transport
        while self._player.shaper.waits_for_clip() or any(
            wish.sound is None and wish.asked_beat is not None and transport.frame_at_beat(wish.asked_beat) < due_frame
            for wish in self._player.wishes.values()
        ):
            try:
                event = self._events.get(timeout=CLIP_WITHIN_S)
            except queue.Empty:
                raise RenderError(
                    f"the engine gave no clip within {CLIP_WITHIN_S:g} s; `upbeat doctor` tells how it is"
                ) from None
            self._player.engine_said(event)
            self._player.ahead.turn()  # a knob's next position, now that its last one is there
            if isinstance(event, EngineStateChanged) and event.state == "lost":
                continue  # the link asks again when it is back
            if self._refused:
                raise RenderError(self._refused[0])

    def _through_effects(self, rows: Samples, files: Mapping[str, sf.SoundFile]) -> None:
        """Send each track's frames (two columns of `rows`) through its chain, and write what comes out."""
        for k, (name, chain) in enumerate(self._chains.items()):
            self._wet[name].append(chain.process(rows[:, 2 * k : 2 * k + 2]))
        self._write_what_all_have(files)

    def _ring_out(self, files: Mapping[str, sf.SoundFile]) -> None:
        for name, chain in self._chains.items():
            self._wet[name].append(chain.finish())
        self._write_what_all_have(files)

    def _write_what_all_have(self, files: Mapping[str, sf.SoundFile]) -> None:
        """Write the stems as far as every chain has come, and their limited sum. A chain with latency comes late."""
        wet = {name: np.concatenate(pieces) for name, pieces in self._wet.items()}
        frames = min(len(stem) for stem in wet.values())
        self._wet = {name: [stem[frames:]] for name, stem in wet.items()}
        if not frames:
            return
        total = np.zeros((frames, 2), np.float32)
        for name, stem in wet.items():
            files[name].write(stem[:frames])
            total += stem[:frames]
        mix = np.zeros_like(total)
        self._master.play(total, track="mix", start_frame=self._master.frame)
        self._master.mix(mix)
        files[MIX].write(mix)
        self._peak = max(self._peak, float(np.abs(mix).max()))

    def _noted(self, player: Player) -> Notes:
        self._notes = Notes(player, self._performance)
        return self._notes

    def _overhear(self, packet: bytes) -> None:
        message = OscMessage(packet)
        if message.address == "/refused":
            what, _, sentence = message.params
            self._refused.append(f"cue {what}: {sentence}")


@contextlib.contextmanager
def _wav_files(folder: Path, tracks: list[str], sample_rate_hz: int) -> Iterator[dict[str, sf.SoundFile]]:
    """Open float32 stereo files for the mix and every stem; they take their names only when all went well."""
    paths = {name: folder / "stems" / f"{file_name(name)}.wav" for name in tracks}
    paths[MIX] = folder / "mix.wav"
    try:
        with contextlib.ExitStack() as stack:
            files = {
                name: stack.enter_context(
                    sf.SoundFile(path.with_suffix(".part"), "w", sample_rate_hz, 2, subtype="FLOAT", format="WAV")
                )
                for name, path in paths.items()
            }
            yield files
        for path in paths.values():
            forget_when(path.with_suffix(".part"))
            os.replace(path.with_suffix(".part"), path)
    finally:
        for path in paths.values():
            path.with_suffix(".part").unlink(missing_ok=True)
