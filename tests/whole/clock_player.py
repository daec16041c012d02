"""A process of ours, for test_clocks.py: a click on every beat of a set that other clocks lead, and where each began.

Usage: python clock_player.py SOURCE OUTPUT BEATS FOLDER

It prints "ready" when it listens, and at the end one line of JSON: the frames at which clicks began, and, on the null
output, what second its frame 0 had, again and again: another one when the machine stalled and frames were lost.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bridge.player import Player
from bridge.session import Session
from bridge.set_file import ClockChoice, Set, TrackSpec
from bridge.tracks.null import NullOutput
from bridge.tracks.output import OutputKind
from bridge.tracks.sound import Sound
from bridge.triggers.heard import unanswered
from osc_schemas.cue import Cue
from osc_schemas.request import GenerateRequest

RATE_HZ = 48_000
CLICK = Cue(name="click", track="clicks", prompt="click", length_beats=1, quantum_beats=1, loop=True, tempo="keep")


def click() -> Sound:
    """One loud sample, and a second of silence, so that no tempo above 60 BPM leaves a gap."""
    samples = np.zeros((RATE_HZ, 1), np.float32)
    samples[0] = 0.5
    request = GenerateRequest(
        request_id="click",
        prompt="click",
        frames=RATE_HZ - 2_400,
        tail_frames=2_400,
        sample_rate_hz=RATE_HZ,
        tempo_bpm=120,
    )
    return Sound(take_id="click", request=request, samples=samples, gain=1.0, sustained=False)


def play(source: str, output: OutputKind, beats: int, folder: Path) -> None:
    """Follow until so many beats have sounded."""
    music = Set(
        tracks={"clicks": TrackSpec(name="clicks")},
        cues={"click": CLICK},
        clock=ClockChoice(sources=(source, "internal")),
    )
    session = Session(
        music,
        engine_endpoint="tcp://127.0.0.1:9",  # nobody: the sound is at hand
        takes_folder=folder / "takes",
        output_kind=output,
        record_folder=folder,
    )
    with session:
        print("ready", flush=True)
        wait_until(lambda: session.ask(lambda player: player.arbiter.led))
        if output == "jack":  # the server's transport starts us; a Link session without start/stop sync does not
            wait_until(lambda: session.ask(lambda player: player.transport.playing))
        session.ask(fire)
        zeros: list[tuple[int, float]] = []
        wait_until(lambda: _look(session, zeros) > beats)
        facts: dict[str, Any] = {"latency_frames": session.output.latency_frames, "zeros": zeros}
        facts["status"] = session.ask(lambda player: [repr(one) for one in player.arbiter.status()])
        recorder = session.recorder
    assert recorder is not None
    heard, _ = soundfile.read(folder / "stems" / "clicks.wav", dtype="float32")
    facts["onsets"] = (np.flatnonzero(heard[:, 0] > 0.1) + recorder.start_frame).tolist()
    print(json.dumps(facts), flush=True)


def fire(player: Player) -> None:
    """Let the click loop."""
    player.fire(CLICK, trigger="api", reply=unanswered, sound=click())


def _look(session: Session, zeros: list[tuple[int, float]]) -> float:
    """The beat; and when the null output mixed, or would have mixed, frame 0: seen between two blocks."""
    output, mixer = session.output, session.mixer
    if isinstance(output, NullOutput):
        due_s, frame = output._next_s, mixer.frame
        time.sleep(0.0005)
        if (due_s, frame) == (output._next_s, mixer.frame) and due_s is not None:
            zeros.append((frame, due_s - frame / RATE_HZ))
    return session.ask(lambda player: player.transport.beat_at_frame(player.mixer.frame))


def wait_until(true: Callable[[], bool]) -> None:
    """Look fifty times a second, for a minute."""
    ends_at_s = time.monotonic() + 60
    while not true():
        if time.monotonic() > ends_at_s:
            sys.exit("not within a minute")
        time.sleep(0.02)


if __name__ == "__main__":
    play(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp()))  # type: ignore[arg-type]
