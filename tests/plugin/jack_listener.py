"""A program that knows nothing of ours: listens to a port of a JACK server for a while.

Usage: python jack_listener.py PORT SECONDS

It says "ready" once it listens, and then as JSON the frames at which something began, counted from its own start.
"""

import json
import sys
import threading
from itertools import pairwise

import jack
import numpy as np


def listen(port: str, seconds: float) -> None:
    """Tell what was heard, and how many periods went missing."""
    client = jack.Client("listener", no_start_server=True)
    heard = client.inports.register("in")
    onsets: list[int] = []
    times: list[int] = []
    xruns, over = [0], threading.Event()

    @client.set_process_callback
    def process(count: int) -> None:
        if over.is_set():
            return
        times.append(client.last_frame_time)
        loud = np.flatnonzero(heard.get_array() > 0.1)
        onsets.extend(times[-1] - times[0] + int(frame) for frame in loud)
        if times[-1] - times[0] > seconds * client.samplerate:
            over.set()

    @client.set_xrun_callback
    def count_xrun(delayed_usecs: float) -> None:
        xruns[0] += 1

    with client:
        client.connect(port, heard)
        print("ready", flush=True)
        over.wait(seconds + 20)
    missed = sum(b - a != client.blocksize for a, b in pairwise(times))
    print(json.dumps({"onsets": onsets, "missed": missed, "xruns": xruns[0]}), flush=True)


if __name__ == "__main__":
    listen(sys.argv[1], float(sys.argv[2]))
