"""`upbeat cue NAME`: fires a cue in a bridge that runs, and says where it will land."""

import argparse
import json
import socket
import time
from typing import TYPE_CHECKING

from bridge.commands.parser import CommandError, Commands, add_json, add_osc_port, command

if TYPE_CHECKING:
    from osc_schemas.codec import Message

ANSWERED_WITHIN_S = 2.0


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "fire a cue of the set that a running bridge plays"
    parser = command(commands, "cue", run, does=does, example="upbeat cue kick")
    parser.add_argument("name", metavar="NAME", help="of the cue, as in the set")
    add_osc_port(parser, does="where the bridge listens")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Fire it, and print where it lands."""
    planned = fire(options.name, osc_port=options.osc_port)
    if options.json:
        print(json.dumps(dict(planned.values)))
    else:
        where = f"bar {planned.whole('bar')}, beat {planned.number('beat'):g}"
        print(f"{planned.text('cue')} lands on {where}, on {planned.text('track')}")
    return 0


def fire(name: str, *, osc_port: int) -> "Message":
    """The /cue/planned that answers. Raises `CommandError` if the cue is refused, or nobody answers."""
    from osc_schemas import bounds, codec
    from osc_schemas.errors import CueError, WireError

    bounds.check_name("the cue's name", name, CueError)
    until_s = time.monotonic() + ANSWERED_WITHIN_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("127.0.0.1", osc_port))
            sock.send(codec.write("/cue/go", name=name))
            while True:
                sock.settimeout(max(0.001, until_s - time.monotonic()))
                [answer] = codec.read(sock.recv(65_535), to="sender")
                if answer.route.address == "/refused":
                    raise CommandError(answer.text("sentence"))
                if answer.route.address == "/cue/planned":
                    return answer
        except WireError as error:
            raise CommandError(f"what answers on UDP port {osc_port} is no bridge of this version: {error}") from error
        except OSError as error:  # on loopback an empty port says so at once; elsewhere the time runs out
            raise CommandError(
                f"no bridge answers on UDP port {osc_port}; start one with `upbeat up SET`, or name its port with "
                "--osc-port"
            ) from error
