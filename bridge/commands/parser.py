"""What the commands share of argparse: one sentence for an error, an example under every --help, common arguments."""

import argparse
import os
import re
from collections.abc import Callable
from typing import Any, NoReturn

OSC_PORT, ENGINE_PORT, EVENTS_PORT = 7400, 7410, 7411

Run = Callable[[argparse.Namespace], int]
Commands = Any  # argparse's action that holds the subcommands; its class has no public name


class CommandError(Exception):
    """A command cannot do what was asked. The text says what was found, what was wanted and what to do."""


class Parser(argparse.ArgumentParser):
    """Argparse, but for its errors, which become one line."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Say it, and end with exit code 2."""
        self.exit(2, f"upbeat: {one_line(message)}; `{self.prog} --help` shows what is taken\n")


def command(commands: Commands, name: str, run: Run, *, does: str, example: str) -> Parser:
    """A new subcommand that `run` carries out; `does` is its line in `upbeat --help`."""
    parser: Parser = commands.add_parser(
        name,
        help=does,
        description=does[0].upper() + does[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser


def add_json(parser: Parser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def add_osc_port(parser: Parser, *, does: str) -> None:
    """`--osc-port`, which a bridge listens on and `upbeat cue` sends to."""
    default = os.environ.get("UPBEAT_OSC_PORT", str(OSC_PORT))
    parser.add_argument("--osc-port", type=port, default=default, metavar="N", help=f"{does} [%(default)s]")


def add_engine(parser: Parser, *, does: str) -> None:
    """`--engine`; None where neither the flag nor UPBEAT_ENGINE names one, see `default_engine`."""
    parser.add_argument(
        "--engine", type=endpoint, default=os.environ.get("UPBEAT_ENGINE"), metavar="ENDPOINT", help=does
    )


def add_output(parser: Parser) -> None:
    """`--output` and `--device`."""
    parser.add_argument(
        "--output",
        choices=("auto", "portaudio", "jack", "null"),
        default=os.environ.get("UPBEAT_OUTPUT", "auto"),
        help="what plays: a sound card, a JACK graph, or nobody at their pace [%(default)s]",
    )
    parser.add_argument(
        "--device",
        type=device,
        default=os.environ.get("UPBEAT_DEVICE"),
        metavar="NAME",
        help="sound card by any part of its name, or the JACK ports to connect to",
    )


def default_engine() -> str:
    """Where an engine listens if nobody says otherwise; with the engine's own variables for host and port."""
    host, number = os.environ.get("UPBEAT_ENGINE_HOST", "127.0.0.1"), os.environ.get("UPBEAT_ENGINE_PORT", ENGINE_PORT)
    return f"tcp://{host}:{number}"


def port(text: str) -> int:
    """A port number, 0 for any that is free."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no port; wanted is 0 to 65535, 0 for any that is free")
    return int(text)


def endpoint(text: str) -> str:
    """A ZeroMQ address to connect to."""
    if not re.fullmatch(r"tcp://[^\s:]+:[1-9]\d{0,4}|tcp://\[[0-9a-fA-F:]+\]:[1-9]\d{0,4}|ipc://\S+", text):
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is no address of an engine; it looks like {default_engine()}, as `upbeat engine` prints it"
        )
    return text


def number(text: str) -> float:
    """A number, for argparse: what is none is told in a sentence."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no number; wanted is one such as 4 or 0.5") from None


def whole(text: str) -> int:
    """A whole number, for argparse."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no whole number; wanted is one such as 7") from None


def device(text: str) -> str | int:
    """A device by its number or by a part of its name."""
    return int(text) if text.isdecimal() else text


def one_line(text: str) -> str:
    """`text` without line breaks and other characters that would disturb a terminal."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))
