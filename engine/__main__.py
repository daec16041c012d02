"""`python -m engine`: the engine's process, from its flags to its end."""

import argparse
import contextlib
import ipaddress
import json
import logging
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from engine.desk import Desk
from engine.errors import SetupError
from engine.residents import DEVICES, FAMILIES, check_files, family_source, warm_family
from engine.server import Server
from engine.service import Outcome, Ready, Worker

_WORKER_CLOSES_WITHIN_S = 1.0
_FORCED_END_S = 2.0  # after its parent has gone, an engine that does not close by itself ends anyway

_EXAMPLE = """\
example:
  python -m engine --port 0 --events-port 0
prints, once it is ready, one line of JSON such as
  {"endpoint": "tcp://127.0.0.1:40213", "events_endpoint": "tcp://127.0.0.1:38211", "family": "embedded", ...}
"""


def main(argv: list[str] | None = None) -> int:
    """Run an engine until it is told to stop: 0 after that, 2 and one sentence on stderr if it could not start."""
    options = _options(argv)
    logging.basicConfig(level=logging.INFO, format="upbeat engine: %(message)s", stream=sys.stderr)
    try:
        _check_loopback(options.host)
        family_source(options.family)
        check_files(options.family)
        server = Server(host=options.host, port=options.port, events_port=options.events_port)
    except SetupError as error:
        return _failed(str(error))
    _stop_on_signals(server)
    if options.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, args=(server,), name="parent watch", daemon=True).start()

    def report(outcome: Outcome) -> None:
        server.report(outcome)
        if isinstance(outcome, Ready):
            _say_ready(server, outcome)

    worker = Worker(lambda: warm_family(options.family, threads=options.threads, device=options.device), report=report)
    desk = Desk(worker.take, family_name=options.family)
    worker.start()
    with contextlib.redirect_stdout(sys.stderr):  # a family that prints must not spoil the one line for our parent
        server.run(desk)
    desk.stop()
    status = 0 if desk.broken is None else _failed(desk.broken)
    if not worker.close(_WORKER_CLOSES_WITHIN_S):
        _end_at_once(status)  # it imports torch, or a step of a network lasts; neither can be interrupted
    return status


def _options(argv: list[str] | None) -> argparse.Namespace:
    env = os.environ.get
    parser = _Parser(
        prog="python -m engine",
        description="Keeps a model warm and makes clips for whoever asks over ZeroMQ.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host", default=env("UPBEAT_ENGINE_HOST", "127.0.0.1"), help="loopback address to listen on [%(default)s]"
    )
    parser.add_argument(
        "--port", type=_port, default=env("UPBEAT_ENGINE_PORT", "7410"), help="for requests; 0: any [%(default)s]"
    )
    parser.add_argument(
        "--events-port",
        type=_port,
        default=env("UPBEAT_ENGINE_EVENTS_PORT", "7411"),
        help="for events; 0: any [%(default)s]",
    )
    parser.add_argument(
        "--family",
        default=env("UPBEAT_ENGINE_FAMILY", "embedded"),
        help=f"model: {', '.join(FAMILIES)}, or your own as package.module:factory [%(default)s]",
    )
    parser.add_argument(
        "--device",
        type=_device,
        default=env("UPBEAT_ENGINE_DEVICE", "auto"),
        help="auto, cpu or cuda; auto takes the GPU where there is one and the family is made for it [%(default)s]",
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        default=env("UPBEAT_ENGINE_THREADS", "1"),
        help="CPU threads of torch; another number gives samples that differ in the last bits [%(default)s]",
    )
    parser.add_argument(
        "--stop-with-stdin", action="store_true", help="end when stdin closes, as it does when the parent is gone"
    )
    return parser.parse_args(argv)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"upbeat engine: {message}; `{self.prog} --help` shows what is taken\n")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; wanted is 0 to 65535, 0 for any that is free")
    return int(text)


def _device(text: str) -> str:
    if text not in DEVICES:
        raise argparse.ArgumentTypeError(f"{text!r} is no device; wanted is {', '.join(DEVICES[:-1])} or {DEVICES[-1]}")
    return text


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads; wanted is 1 to 256")
    return int(text)


def _check_loopback(host: str) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SetupError(
            f"the host {host!r} is not on loopback; anybody there could use the engine, so only 127.0.0.1, ::1 and "
            "localhost are listened on"
        )


def _say_ready(server: Server, outcome: Ready) -> None:
    """The one line on stdout, for the parent that started us."""
    family = outcome.service.family
    ready = {
        "endpoint": server.endpoint,
        "events_endpoint": server.events_endpoint,
        "family": family.name,
        "weights_hash": family.weights_hash,
        "device": family.device,
    }
    with contextlib.suppress(OSError):  # a parent that is gone; what watches it ends us
        print(json.dumps(ready), file=sys.__stdout__, flush=True)


def _stop_on_signals(server: Server) -> None:
    def stop(signal_number: int, frame: FrameType | None) -> None:
        server.close()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    signal.set_wakeup_fd(server.wake_writer.fileno())  # on Windows a poll does not end when a signal comes


def _stop_with_stdin(server: Server) -> None:
    """Wait until nobody holds the other end of stdin: a parent that was killed closes it too, on every system."""
    while os.read(sys.stdin.fileno(), 4096):  # not `sys.stdin.read`, whose lock would abort the end of the process
        pass
    server.close()
    time.sleep(_FORCED_END_S)
    _end_at_once(1)


def _failed(sentence: str) -> int:
    print(f"upbeat engine: {sentence}", file=sys.stderr)
    return 2


def _end_at_once(status: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
