"""A performance cued over OSC, from Python, with nothing of Upbeat imported: any program can do the same.

    upbeat up examples/first_set.toml          # in one terminal
    python examples/perform.py                 # in another; a port may follow (7400 is the default)

It listens to the beat, rings the bell on three bars, throws in a clap in its own words, and says what landed where.
"""

import socket
import sys

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

BARS = 5


def send(sock: socket.socket, address: str, *args: str | int | float) -> None:
    """Send one OSC message."""
    builder = OscMessageBuilder(address=address)
    for arg in args:
        builder.add_arg(arg)
    sock.send(builder.build().dgram)


def main() -> None:
    """Perform for a few bars."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7400
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(30)
        send(sock, "/subscribe", 120)  # events come back to this socket
        send(sock, "/transport/play")
        while True:
            message = OscMessage(sock.recv(65_535))
            match message.address, message.params:
                case "/beat", [bar, _] if bar > BARS:
                    break
                case "/beat", [1 | 2 | 3, 3.0]:
                    send(sock, "/cue/go", "bell")  # lands on the next bar: its cue says quantum_beats = 4
                case "/beat", [4, 1.0]:
                    send(sock, "/cue/say", "drums", "bright clap with reverb", 1.0)
                case "/launch", [_, cue, track, bar, beat, error_frames, how]:
                    print(f"{cue} on {track} at bar {bar}, beat {beat:g}: {how}, {error_frames} frames off", flush=True)
                case "/refused", [what, _, sentence]:
                    print(f"{what} was refused: {sentence}", flush=True)
        send(sock, "/transport/stop")


if __name__ == "__main__":
    try:
        main()
    except ConnectionRefusedError:
        sys.exit("no bridge listens there; start one with `upbeat up examples/first_set.toml`")
