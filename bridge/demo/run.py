"""`upbeat demo`: engine, bridge and a performer, each its own process; sixteen bars; then the recording is measured."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import mido
import numpy as np
import soundfile as sf
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bridge.demo.measure import find_take
from bridge.demo.picture import Mark, draw
from bridge.library import Take, read_samples
from bridge.player import Player
from bridge.scheduler import percentile
from bridge.session import Session
from bridge.set_file import Set, read_set
from bridge.supervisor import Supervisor
from bridge.timing.tempo import Meter
from bridge.tracks.output import OutputKind
from bridge.tracks.recorder import file_name
from bridge.wish import Launch
from osc_schemas.clip import Samples

RING_OUT_S = 1.0
ENDS_WITHIN_S = 60.0  # after the engine is ready; the music takes 31 s
SEARCH_FRAMES = 4_800  # a take is looked for this far around its place
SILENT_PEAK = 10 ** (-50 / 20)

# What the two performers do, by bar and beat as a musician counts. The cue then lands on its own quantum.
OVER_OSC = {(3, 2): "bell_high", (7, 3): "riser", (8, 4): "impact", (11, 4): "zap", (12, 4): "impact", (15, 2): "riser"}
OVER_MIDI = {(4, 2): 38, (4, 4): 38, (5, 1): 39, (10, 3): 38, (11, 3): 38, (14, 1): 38, (16, 2): 38, (16, 3): 38}


class DemoError(Exception):
    """The demo cannot be played. The text says what was found, what was wanted and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One launch as it stands in the recording; frames count from the recording's start."""

    cue: str
    track: str
    trigger: str
    asked_beat: float
    asked_frame: int
    landed_frame: int | None  # None: the take is not in the recording
    error_frames: int | None
    likeness: float
    how: str
    request_to_clip_ms: float  # 0: the take was at hand
    path: str


def demo(
    out: Path | None = None,
    *,
    output_kind: OutputKind = "auto",
    bars: int | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Play the demo set and measure it; 0 if every launch is on its frame and every track sounds, else 1.

    Leaves mix.wav, stems, takes, launches.json and demo.png in `out` (./upbeat-demo by default). Raises `DemoError`,
    `EngineFailed`, `TakeError` and `RecorderError` with a sentence.
    """
    folder = out or Path("upbeat-demo")
    with as_file(files("bridge") / "sets" / "demo.toml") as path:
        music = read_set(path)
    bars = bars or music.length_bars or 16
    try:
        (folder / "takes").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(f"the folder {folder} cannot be written ({error.strerror}); name another with --out") from error
    began_s = time.monotonic()
    supervisor = Supervisor(family=music.engine.family)
    try:
        supervisor.start()
        ready_s = time.monotonic() - began_s
        launches, takes, first_beat_frame, output_name = _play(
            music, folder, supervisor.endpoint, output_kind, bars=bars
        )
    finally:
        supervisor.stop()
    stems = {name: _read(folder / "stems" / f"{file_name(name)}.wav") for name in music.tracks}
    measured = measure(launches, takes, stems, music.sample_rate_hz, folder=folder)
    (folder / "launches.json").write_text(json.dumps([_as_json(one) for one in measured], indent=1) + "\n")
    _draw(folder / "demo.png", music, stems, measured, first_beat_frame, bars=bars)
    faults = faults_in(measured, stems)
    _report(music, measured, faults, ready_s=ready_s, output_name=output_name, folder=folder, say=say)
    return 1 if faults else 0


def measure(
    launches: Sequence[Launch],
    takes: Mapping[str, Take],
    stems: Mapping[str, Samples],
    sample_rate_hz: int,
    *,
    folder: Path,
) -> list[Measured]:
    """Find each launch's take in the recording of its track. What the mixer or the plan says plays no part in it."""
    measured = []
    for launch in launches:
        take = takes[launch.take_id]
        found = find_take(
            stems[launch.cue.track],
            read_samples(take)[: take.request.frames],
            near_frame=launch.asked_frame,
            within_frames=SEARCH_FRAMES,
            sample_rate_hz=sample_rate_hz,
            skip_frames=round(2 * launch.cue.swap_fade_ms / 1_000 * sample_rate_hz),
        )
        measured.append(
            Measured(
                cue=launch.cue.name,
                track=launch.cue.track,
                trigger=launch.trigger,
                asked_beat=round(launch.asked_beat, 6),
                asked_frame=launch.asked_frame,
                landed_frame=found.frame if found else None,
                error_frames=found.frame - launch.asked_frame if found else None,
                likeness=round(found.likeness, 4) if found else 0.0,
                how=launch.how,
                request_to_clip_ms=round(launch.request_to_clip_ms, 2),
                path=str(take.path.relative_to(folder)),
            )
        )
    return measured


def faults_in(measured: Sequence[Measured], stems: Mapping[str, Samples]) -> list[str]:
    """What is wrong with a recording, a sentence each; none if all is as it should be."""
    faults = []
    for one in measured:
        place = f"{one.cue} on {one.track}, asked for beat {one.asked_beat:g}"
        if one.error_frames is None:
            faults.append(f"{place}, is not in the recording")
        elif one.error_frames:
            faults.append(f"{place}, landed {one.error_frames:+d} frames off")
    faults += [f"track {name} is silent" for name, stem in stems.items() if np.abs(stem).max(initial=0) < SILENT_PEAK]
    missing = {"osc", "midi", "timeline"} - {one.trigger for one in measured}
    faults += [f"nothing was fired by {trigger}" for trigger in sorted(missing)]
    return faults


def _play(
    music: Set, folder: Path, endpoint: str, output_kind: OutputKind, *, bars: int
) -> tuple[list[Launch], dict[str, Take], int, str]:
    """Play the set once; its launches, its takes, the recording's frame of beat 0, and what played it."""
    end_beat = bars * music.beats_per_bar
    meter = Meter(beats_per_bar=music.beats_per_bar)
    by_midi = dict(OVER_MIDI)
    session = Session(
        music,
        engine_endpoint=endpoint,
        takes_folder=folder / "takes",
        record_folder=folder,
        output_kind=output_kind,
    )
    with session, _progress() as progress:
        sender = _osc_performer(session.osc.port)
        try:
            _when_ready(session)
            session.ask(lambda player: _begin(player, end_beat))
            bar_line = progress.add_task("playing", total=end_beat)
            ends_at_s = time.monotonic() + ENDS_WITHIN_S
            while (beat := session.ask(_beat)) < end_beat and time.monotonic() < ends_at_s:
                bar, beat_in_bar = meter.position(max(0.0, beat))
                if beat >= 0 and (note := by_midi.pop((bar, int(beat_in_bar)), None)) is not None:
                    session.midi.feed(mido.Message("note_on", channel=9, note=note, velocity=100).bin())
                progress.update(bar_line, completed=max(0.0, beat))
                time.sleep(0.02)  # this thread only watches; the beat itself is kept by the frames
            ring_out_beats = RING_OUT_S * music.tempo_bpm / 60
            while session.ask(_beat) < end_beat + ring_out_beats and time.monotonic() < ends_at_s:
                time.sleep(0.02)
            launches = session.ask(lambda player: list(player.launcher.launches))
            first_beat_frame = session.ask(lambda player: player.transport.frame_at_beat(0.0))
        finally:
            sender.terminate()
            sender.wait(timeout=5)
    return launches, session.library.takes, first_beat_frame, session.output.name


def _begin(player: Player, end_beat: float) -> None:
    player.end_beat = end_beat
    player.play()


def _beat(player: Player) -> float:
    return player.transport.beat_at_frame(player.mixer.frame)


def _when_ready(session: Session, *, within_s: float = 10.0) -> None:
    ends_at_s = time.monotonic() + within_s
    while session.link.state != "ready":
        if time.monotonic() > ends_at_s:
            raise TimeoutError(f"the engine was ready, but its link was not within {within_s:g} s")
        time.sleep(0.01)


def _osc_performer(port: int) -> "subprocess.Popen[bytes]":
    score = [f"{bar}.{beat}={cue}" for (bar, beat), cue in OVER_OSC.items()]
    return subprocess.Popen([sys.executable, "-m", "bridge.demo.sender", str(port), *score])


def _read(path: Path) -> Samples:
    samples, _ = sf.read(path, dtype="float32", always_2d=True)
    kept: Samples = samples
    return kept


def _as_json(one: Measured) -> dict[str, object]:
    return {name: getattr(one, name) for name in Measured.__dataclass_fields__}


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("beat {task.completed:.0f}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def _draw(
    path: Path,
    music: Set,
    stems: Mapping[str, Samples],
    measured: Sequence[Measured],
    first_beat_frame: int,
    *,
    bars: int,
) -> None:
    marks = [
        Mark(track=one.track, cue=one.cue, trigger=one.trigger, frame=one.landed_frame)
        for one in measured
        if one.landed_frame is not None
    ]
    draw(
        path,
        stems,
        marks,
        title=f"{music.title or 'Upbeat demo'}: {bars} bars at {music.tempo_bpm:g} BPM",
        first_beat_frame=first_beat_frame,
        frames_per_beat=60 / music.tempo_bpm * music.sample_rate_hz,
        beats_per_bar=music.beats_per_bar,
        bars=bars,
    )


def _report(
    music: Set,
    measured: Sequence[Measured],
    faults: Sequence[str],
    *,
    ready_s: float,
    output_name: str,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    times_ms = sorted(one.request_to_clip_ms for one in measured if one.request_to_clip_ms)
    errors = [abs(one.error_frames) for one in measured if one.error_frames is not None]
    triggers = ", ".join(
        f"{sum(one.trigger == trigger for one in measured)} {name}"
        for trigger, name in (("timeline", "timeline"), ("osc", "OSC"), ("midi", "MIDI"))
    )
    table.add_row("output", output_name)
    table.add_row("time to ready", f"{ready_s:.1f} s")
    if times_ms:
        p50, p99 = percentile(times_ms, 0.5), percentile(times_ms, 0.99)
        again = len(measured) - len(times_ms)
        table.add_row("cue → clip", f"{p50:.0f} ms median, {p99:.0f} ms p99; {again} were at hand from before")
    table.add_row("launches", f"{len(measured)} ({triggers})")
    table.add_row(
        "worst error", f"{max(errors, default=0)} frames, measured in the recording" if not faults else "see below"
    )
    table.add_row("left in", str(folder))
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    say(capture.get().rstrip())
    for fault in faults:
        say(f"FAULT: {fault}")
