"""A performer in another process: listens to the beat over OSC, and sends cues over OSC.

    python -m bridge.demo.sender PORT BAR.BEAT=CUE ...

It knows nothing of Upbeat but its port and its messages, and could as well be Pure Data or SuperCollider.
"""

import socket
import sys
import time

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

PERFORMS_AT_MOST_S = 120.0


def packet(address: str, *args: str | int) -> bytes:
    """The bytes of one OSC message."""
    builder = OscMessageBuilder(address=address)
    for arg in args:
        builder.add_arg(arg)
    return builder.build().dgram


def perform(port: int, score: dict[tuple[int, int], str]) -> int:
    """Send each cue of `score` when its (bar, beat) lights up, both counted from 1. How many were left unsent."""
    ends_at_s = time.monotonic() + PERFORMS_AT_MOST_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(1.0)
        sock.send(packet("/subscribe", int(PERFORMS_AT_MOST_S)))
        while score and time.monotonic() < ends_at_s:
            try:
                heard = OscMessage(sock.recv(65_535))
            except TimeoutError:
                continue
            if heard.address == "/beat":
                bar, beat = heard.params
                if (cue := score.pop((int(bar), round(float(beat))), None)) is not None:
                    sock.send(packet("/cue/go", cue))
        sock.send(packet("/subscribe", 0))
    return len(score)


def main() -> int:
    """Read the command line. Exit code 1 if a cue was left unsent."""
    score = {}
    for entry in sys.argv[2:]:
        when, cue = entry.split("=")
        bar, beat = when.split(".")
        score[int(bar), int(beat)] = cue
    return 1 if perform(int(sys.argv[1]), score) else 0


if __name__ == "__main__":
    sys.exit(main())
