"""A program that knows nothing of ours: keeps the bars of a JACK server, lets its transport roll, and listens.

Usage: python jack_conductor.py PORT TEMPO_BPM FROM_FRAME SECONDS

It locates the transport, lets it roll, and prints as JSON the frames of the transport at which something began in PORT.
"""

import json
import sys
import threading
from itertools import pairwise

import jack
import numpy as np

TICKS_PER_BEAT = 1_920


def conduct(port: str, tempo_bpm: float, from_frame: int, seconds: float) -> None:
    """Roll for so long, and tell what was heard."""
    client = jack.Client("conductor", no_start_server=True)
    heard = client.inports.register("in")
    onsets: list[int] = []
    periods: list[int] = []
    over, xruns, frames = threading.Event(), [0], round(seconds * client.samplerate)

    @client.set_process_callback
    def process(count: int) -> None:
        state, position = client.transport_query_struct()
        if state != 1 or over.is_set():
            return
        periods.append(position.frame)
        loud = np.flatnonzero(heard.get_array() > 0.1)
        onsets.extend(int(position.frame) + int(frame) for frame in loud)
        if position.frame > from_frame + frames:
            over.set()

    def keep_bars(state: int, count: int, position: object, is_new: bool) -> None:
        beats = position.frame / client.samplerate * tempo_bpm / 60  # type: ignore[attr-defined]
        whole, part = divmod(beats, 1)
        position.valid = 0x10  # type: ignore[attr-defined]
        position.bar, position.beat = int(whole // 4) + 1, int(whole % 4) + 1  # type: ignore[attr-defined]
        position.tick = int(part * TICKS_PER_BEAT)  # type: ignore[attr-defined]
        position.beats_per_bar, position.beat_type = 4.0, 4.0  # type: ignore[attr-defined]
        position.ticks_per_beat, position.beats_per_minute = TICKS_PER_BEAT, tempo_bpm  # type: ignore[attr-defined]

    @client.set_xrun_callback
    def count_xrun(delayed_usecs: float) -> None:
        xruns[0] += 1

    client.set_timebase_callback(keep_bars)
    with client:
        client.connect(port, heard)
        client.transport_stop()
        client.transport_locate(from_frame)
        threading.Event().wait(0.5)
        xruns[0] = 0
        client.transport_start()
        over.wait(seconds + 20)
        client.transport_stop()
    gaps = [b - a for a, b in pairwise(periods)]
    missed = sum(gap != gaps[0] for gap in gaps) if gaps else 1
    print(json.dumps({"onsets": onsets, "xruns": xruns[0], "missed": missed}), flush=True)


if __name__ == "__main__":
    conduct(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
