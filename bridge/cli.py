"""The `upbeat` command: finds the subcommand, runs it, and makes one sentence of whatever a user did wrong.

Each subcommand is a module of `bridge.commands`, which imports what it needs only when it runs: `upbeat --help` and
`upbeat cue` must not wait for a compiled mixer. The engine is never imported; it is started as a process.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from bridge.commands import (
    bench,
    cue,
    demo,
    doctor,
    engine,
    hosts,
    learn,
    live,
    models,
    render,
    routes,
    say,
    sounds,
    takes,
)
from bridge.commands.parser import CommandError, Parser, one_line

OK, MISTAKE_OF_OURS, MISTAKE_OF_THE_USER, INTERRUPTED = 0, 1, 2, 130
COMMANDS = (
    demo,
    live,
    engine,
    cue,
    learn,
    say,
    takes,
    sounds,
    models,
    render,
    hosts,
    routes,
    doctor,
    bench,
)  # as `--help` lists them
PASSED_ON = {engine.NAME: engine.run, models.NAME: models.run}  # to a process of the engine's, flags and all

# Every exception class of ours says in a sentence what was found, what was wanted and what to do.
_OURS = ("bridge", "osc_schemas")

_EXAMPLE = """\
examples:
  upbeat demo                          hear what it is, in a minute
  upbeat up night-drive.toml           engine and bridge for a set
  upbeat cue kick                      fire one of its cues from another terminal
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it did what was asked, 2 and a sentence on stderr when it could not, 130 after Ctrl-C."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="upbeat: %(message)s")
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read along, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if debug:
            raise
        return _told(error)


def _run(argv: list[str]) -> int:
    parser, names = _parser()
    word = next((arg for arg in argv if not arg.startswith("-")), None)
    if word is None:
        parser.parse_args(argv)  # --help and --version end here
        parser.print_help()
        return OK
    if word not in names:
        from bridge.set_words import nearest

        raise CommandError(f"there is no command {word[:80]!r}{nearest(word, names)}")
    if word in PASSED_ON:
        return PASSED_ON[word](argv[argv.index(word) + 1 :])
    options = parser.parse_args(argv)
    status: int = options.run(options)
    return status


def _parser() -> tuple[Parser, list[str]]:
    parser = Parser(
        prog="upbeat",
        description="Cue a sound in words on the upbeat; it lands on the downbeat.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version)
    parser.add_argument("--debug", action="store_true", help="log everything, and show where an error came from")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for module in COMMANDS:
        module.add(commands)
    return parser, list(commands.choices)


class _Version(argparse.Action):
    def __init__(self, **settings: object) -> None:
        super().__init__(nargs=0, help="print the version", option_strings=["--version"], dest=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"upbeat {version('upbeat')}")
        parser.exit()


def _told(error: Exception) -> int:
    """Say what went wrong in one sentence on stderr. The exit code that goes with it."""
    if type(error).__module__.partition(".")[0] in _OURS:
        sentence, status = str(error), MISTAKE_OF_THE_USER
    elif isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        sentence, status = f"{place}{error.strerror or error}", MISTAKE_OF_THE_USER
    else:
        sentence = (
            f"a mistake of our own stopped it ({type(error).__name__}: {error}); "
            "run it again with --debug, and report what that prints"
        )
        status = MISTAKE_OF_OURS
    print(f"upbeat: {one_line(sentence)}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
