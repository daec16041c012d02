"""A process of ours, for test_jack.py: clips through one output of the bridge, beside a busy Python thread.

Usage: python jack_player.py jack|portaudio STRETCH
"""

import json
import sys
import threading

import numpy as np

from bridge.tracks.mixer import Mixer, Samples
from bridge.tracks.output import OutputKind, open_output

RATE_HZ = 48_000
CLIPS = 120
CLIP_FRAMES = 300
LEAD_FRAMES = 2 * RATE_HZ  # until the first clip: time for a recorder to join


def schedule(stretch: int) -> tuple[list[int], list[Samples]]:
    """Each clip's start after the first one's, and its samples; any two starts are at least 700 frames apart."""
    rng = np.random.default_rng(7)
    starts = np.concatenate([[0], np.cumsum(rng.integers(700, 1700, CLIPS - 1) * stretch)])
    clips = [rng.uniform(0.1, 0.5, (CLIP_FRAMES, 1)).astype(np.float32) for _ in starts]
    return starts.tolist(), clips


def play(kind: OutputKind, stretch: int) -> None:
    """Play the schedule, print when the output runs and how it went, and stay until the input is closed."""
    mixer = Mixer(["clicks"], sample_rate_hz=RATE_HZ)
    starts, clips = schedule(stretch)
    for start, clip in zip(starts, clips, strict=True):
        mixer.play(clip, track="clicks", start_frame=LEAD_FRAMES + start)
    threading.Thread(target=_be_busy, daemon=True).start()
    output = open_output(kind, mixer)
    output.start()
    print("ready", flush=True)
    _wait_until(mixer, LEAD_FRAMES - RATE_HZ // 2)  # by now the recorder has joined, which may cost a period
    underruns_before = output.underruns
    _wait_until(mixer, LEAD_FRAMES + starts[-1] + RATE_HZ // 4)
    underruns = output.underruns - underruns_before
    errors = [report.first_frame - report.start_frame for report in mixer.launched()]
    print(json.dumps({"underruns": underruns, "launches": len(errors), "worst": max(map(abs, errors))}), flush=True)
    sys.stdin.read()  # a client that leaves disturbs the recorder too
    output.stop()


def _wait_until(mixer: Mixer, frame: int) -> None:
    pause = threading.Event()
    while mixer.frame < frame:
        pause.wait(0.02)


def _be_busy() -> None:
    count = 0
    while True:  # holds the interpreter lock as much as Python lets it
        count += 1


if __name__ == "__main__":
    play(sys.argv[1], int(sys.argv[2]))  # type: ignore[arg-type]
