"""A Link peer that knows nothing of ours: Ableton's own library, asked over its standard input.

Usage: python link_peer.py TEMPO_BPM; then lines `tempo BPM`, `beats S S S...` (seconds of CLOCK_MONOTONIC) and `peers`.
"""

import sys
import time

import link

QUANTUM = 4.0


def main(tempo_bpm: float) -> None:
    """Answer each line with one."""
    peer = link.Link(tempo_bpm)
    clock = peer.clock()
    time.sleep(0.5)  # one that joins at once may push its tempo onto others
    peer.enabled = True
    print("ready", flush=True)
    for line in sys.stdin:
        word, *values = line.split()
        state = peer.captureSessionState()
        if word == "tempo":
            state.setTempo(float(values[0]), clock.micros())
            peer.commitSessionState(state)
            print("done", flush=True)
        elif word == "peers":
            print(peer.numPeers(), state.tempo(), flush=True)
        else:
            ahead_s = least_of_pairs(clock)
            beats = [state.beatAtTime(round((float(at_s) + ahead_s) * 1e6), QUANTUM) for at_s in values]
            print(*beats, flush=True)


def least_of_pairs(clock: "link.Clock") -> float:
    """Link's clock less the monotonic one: from the pair that took least of two hundred."""
    pairs = []
    for _ in range(200):
        before_s = time.monotonic()
        micros = clock.micros()
        after_s = time.monotonic()
        pairs.append((after_s - before_s, micros / 1e6 - (before_s + after_s) / 2))
    return min(pairs)[1]


if __name__ == "__main__":
    main(float(sys.argv[1]))
