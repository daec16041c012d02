"""A recorder that knows nothing of ours: takes one port of a freewheeling JACK server into a .npy file.

Usage: python jack_recorder.py PORT FRAMES FILE
"""

import sys
import threading

import jack
import numpy as np


def record(port: str, frames: int, file: str) -> None:
    """Let the server freewheel until `frames` frames of `port` have come by, and save them."""
    client = jack.Client("recorder", no_start_server=True)
    heard = client.inports.register("in")
    whole, taken, full = np.zeros(frames, np.float32), 0, threading.Event()

    @client.set_process_callback
    def process(count: int) -> None:
        nonlocal taken
        fitting = heard.get_array()[: frames - taken]
        whole[taken : taken + len(fitting)] = fitting
        taken += len(fitting)
        if taken == frames:
            full.set()

    with client:
        client.connect(port, heard)
        client.set_freewheel(True)
        full.wait(60)
        client.set_freewheel(False)
    np.save(file, whole[:taken])


if __name__ == "__main__":
    record(sys.argv[1], int(sys.argv[2]), sys.argv[3])
