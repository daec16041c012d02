"""Whether an Ardour that runs here has a session open: what it says itself over OSC, and which processes there are.

A session file that Ardour has open is not ours to write. Where we cannot tell, it counts as open.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import OscMessageBuilder

OSC_PORT = 3819  # Ardour's own
ASK_WITHIN_S = 0.5
REFUSED_WITHIN_S = 0.02
DATAGRAM_BYTES_MAX = 65_536
MASTER_FEEDBACK = 16  # the kind of feedback among which is the name of the session
ALL_STRIPS = 31
# What runs while a session is open, as far as a system shows the name of a process; 15 letters on Linux.
PROGRAMS = ("ardour-", "hardour", "luasession", "ardour7-export", "Ardour")
HELPERS = ("ardour-avahi", "ardour-vst", "ardour-request", "ardour-exec")


class ArdourOsc:
    """Questions to an Ardour whose OSC surface is switched on. Closed with `close`."""

    def __init__(self, port: int = OSC_PORT) -> None:
        self._ardour = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def session_name(self, *, within_s: float) -> str | None:
        """The name of the session that it has open; None if nobody answers."""
        if self._nobody_is_there():
            return None
        # Bank size, kinds of strips, feedback, gain mode, sends, plug-ins; port 0 has it answer where we asked from.
        self.send("/set_surface", 0, ALL_STRIPS, MASTER_FEEDBACK, 0, 0, 0, 0)
        try:
            return next(
                (str(message.params[0]) for message in self._heard(within_s) if message.address == "/session_name"),
                None,
            )
        finally:
            self.send("/set_surface", 0, ALL_STRIPS, 0, 0, 0, 0, 0)  # and tell us nothing by itself

    def send(self, address: str, *values: float | str) -> None:
        """Say something to it."""
        message = OscMessageBuilder(address)
        for value in values:
            message.add_arg(value)
        self._socket.sendto(message.build().dgram, self._ardour)

    def _nobody_is_there(self) -> bool:
        """Whether the system says at once that no program has that port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(REFUSED_WITHIN_S)
            try:
                probe.connect(self._ardour)  # else a refusal is told to nobody
                probe.send(OscMessageBuilder("/ping").build().dgram)
                probe.recv(1)
            except ConnectionError:
                return True
            except TimeoutError:
                pass
        return False

    def _heard(self, within_s: float) -> Iterator[OscMessage]:
        ends_at_s = time.monotonic() + within_s
        while (left_s := ends_at_s - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                message = OscMessage(self._socket.recv(DATAGRAM_BYTES_MAX))
            except (TimeoutError, ConnectionError, ParseError):  # it also sends things that are no OSC
                continue
            yield message


def open_in(session: Path, *, names: tuple[str, ...], port: int = OSC_PORT) -> str | None:
    """Which running Ardour has this session open, or may have; None if none has.

    `session` is the file, `names` what Ardour may call it.
    """
    osc = ArdourOsc(port)
    try:
        name = osc.session_name(within_s=ASK_WITHIN_S)
    finally:
        osc.close()
    if name in names:
        return f"Ardour has the session {name} open"
    running = [command for command in _commands() if _may_have(session, command)]
    if running and name is None:
        return f"{Path(running[0][0]).name} is running, and may have the session {session.stem} open"
    return None


def _may_have(session: Path, command: list[str]) -> bool:
    """Whether that process may have it open: not if it was started with another one."""
    given = [Path(word) for word in command[1:] if word.startswith(os.sep) and Path(word).exists()]
    return not given or any(session.parent == path.resolve() or session == path.resolve() for path in given)


def _commands() -> Iterator[list[str]]:
    """The command lines of the Ardours that run here; the name alone where a system gives no more."""
    for command in _all_commands():
        name = Path(command[0]).name
        if name.startswith(PROGRAMS) and not name.startswith(HELPERS):
            yield command


def _all_commands() -> Iterator[list[str]]:
    processes = Path("/proc")
    if processes.is_dir():
        for path in processes.glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            except OSError:  # it has ended meanwhile
                continue
            if words[0]:
                yield words
        return
    listing = ["tasklist", "/fo", "csv", "/nh"] if os.name == "nt" else ["ps", "-A", "-o", "comm="]
    try:
        listed = subprocess.run(listing, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in listed.splitlines():
        yield [line.split('","')[0].strip('" ')]
