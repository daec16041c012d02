"""`upbeat bridge SET` and `upbeat up SET`: a set, live, until Ctrl-C; `up` has an engine of its own beside it."""

import argparse
import contextlib
import math
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.commands import console
from bridge.commands.parser import (
    ENGINE_PORT,
    EVENTS_PORT,
    Commands,
    Parser,
    add_engine,
    add_json,
    add_osc_port,
    add_output,
    command,
    default_engine,
    port,
)
from osc_schemas.routes import PLUGIN_PORT

if TYPE_CHECKING:
    from bridge.commands.newsreel import Newsreel, Outcome
    from bridge.player import Player
    from bridge.set_file import Set

FOUND_WITHIN_S = 1.0  # an engine that is there is found in a few milliseconds


def add(commands: Commands) -> None:
    """The arguments of both."""
    env = os.environ.get
    does = "play a set live, with an engine of its own"
    up = command(commands, "up", run_up, does=does, example="upbeat up night-drive.toml")
    _add_live(up)
    for flags, name, default, help_text in (
        (("--engine-port", "--port"), "UPBEAT_ENGINE_PORT", ENGINE_PORT, "where the engine takes requests, 0 for any"),
        (("--events-port",), "UPBEAT_ENGINE_EVENTS_PORT", EVENTS_PORT, "where it tells its events, 0 for any"),
    ):
        default_text = env(name, str(default))
        up.add_argument(*flags, type=port, default=default_text, metavar="N", help=f"{help_text} [%(default)s]")
    family_help = "model in place of the set's, in the words of `upbeat engine --family`"
    up.add_argument("--family", default=env("UPBEAT_ENGINE_FAMILY"), help=family_help)

    does = "play a set live, with an engine that runs elsewhere"
    example = "upbeat bridge night-drive.toml --engine tcp://127.0.0.1:7410"
    bridge = command(commands, "bridge", run_bridge, does=does, example=example)
    _add_live(bridge)
    add_engine(bridge, does=f"where the engine listens [{default_engine()}]")


def _add_live(parser: Parser) -> None:
    parser.add_argument("set", type=Path, metavar="SET", help="TOML file")
    add_osc_port(parser, does="UDP port to listen on, 0 for any")
    default = os.environ.get("UPBEAT_PLUGIN_PORT", str(PLUGIN_PORT))
    plugin_help = "where the plug-in inside a host finds us, 0 for any [%(default)s]"
    parser.add_argument("--plugin-port", type=port, default=default, metavar="N", help=plugin_help)
    add_output(parser)
    midi = parser.add_mutually_exclusive_group()
    wanted = os.environ.get("UPBEAT_MIDI_PORT")
    midi.add_argument("--midi-port", default=wanted, metavar="NAME", help="MIDI port to hear, by a part of its name")
    offer_help = "offer a MIDI port of that name for others to connect to [upbeat]"
    midi.add_argument("--midi-virtual", nargs="?", const="upbeat", metavar="NAME", help=offer_help)
    parser.add_argument("--record", type=Path, metavar="DIR", help="keep mix.wav and a stem of each track there")
    parser.add_argument(
        "--stopped",
        action="store_true",
        help="wait for /transport/play, or for the first cue, as a set that another clock starts does anyway",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but what went wrong")
    add_json(parser)


def run_up(options: argparse.Namespace) -> int:
    """The set, and an engine under a supervisor."""
    from bridge.commands.newsreel import Newsreel
    from bridge.plugin_port import check_free
    from bridge.set_file import read_set
    from bridge.supervisor import Supervisor
    from bridge.triggers.osc import OscPort

    music, news = read_set(options.set), Newsreel(quiet=options.quiet, as_json=options.json, tells_of_engine=False)
    OscPort(port=options.osc_port, on_heard=lambda heard: None).close()  # a port that is taken is said before the wait
    check_free(options.plugin_port)
    supervisor = Supervisor(
        family=options.family or music.engine.family,
        port=options.engine_port,
        events_port=options.events_port,
        on_line=news.say,
    )
    try:
        with console.waiting("warming the engine"):
            supervisor.start()
        return _play(music, supervisor.endpoint, options, news)
    finally:
        supervisor.stop()


def run_bridge(options: argparse.Namespace) -> int:
    """The set, and an engine that may be there already or come later."""
    from bridge.commands.newsreel import Newsreel
    from bridge.set_file import read_set

    music, news = read_set(options.set), Newsreel(quiet=options.quiet, as_json=options.json, tells_of_engine=True)
    return _play(music, options.engine or default_engine(), options, news)


def _play(music: "Set", engine: str, options: argparse.Namespace, news: "Newsreel") -> int:
    """Play until Ctrl-C, or until the system asks for an end."""
    from bridge.commands.midi_in import midi_in
    from bridge.folders import takes_folder
    from bridge.session import Session

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    session = Session(
        music,
        engine_endpoint=engine,
        takes_folder=takes_folder(),
        output_kind=options.output,
        output_device=options.device,
        osc_port=options.osc_port,
        plugin_port=options.plugin_port,
        record_folder=options.record,
        arm=True,
        say=news.say,
    )
    ports = {"port": options.midi_port, "virtual": options.midi_virtual}
    with session, midi_in(music, session.keymap, session.hear, session.hear_clock, **ports) as midi_said:
        found = threading.Event()
        with contextlib.suppress(KeyboardInterrupt):  # from the first line on: whoever has read it may say stop
            news.begin(
                music,
                osc=f"{session.osc.host}:{session.osc.port}",
                output=session.output.name,
                latency_ms=1_000 * session.output.latency_frames / music.sample_rate_hz,
                midi=midi_said,
                plugin=session.plugins.endpoint if session.plugins else "",
                engine=engine,
                takes=session.library.folder,
            )
            play = not options.stopped and not music.clock.starters  # another clock starts us, or a cue
            session.ask(lambda player: _attend(player, news, found, play=play))
            if music.clock.starters:
                clocks = " or ".join(music.clock.starters)
                news.say(f"the music waits for {clocks} to start it; a cue or /transport/play starts it too")
            if not found.wait(FOUND_WITHIN_S):
                news.say(f"no engine answers at {engine} yet; `upbeat engine` starts one, and the set waits for it")
            news.show()
        news.end(session.ask(outcome))
    return 0


def _attend(player: "Player", news: "Newsreel", found: threading.Event, *, play: bool) -> None:
    """Let `news` hear every event; once there is an engine, set `found` and begin to play."""

    def look() -> None:
        if player.engine.state == "ready" and not found.is_set():
            found.set()
            if play:
                player.play()

    def hear(packet: bytes) -> None:
        news.hear(packet)
        look()

    player.audience.subscribe("the terminal", hear, seconds=math.inf, now_s=player.now_s())
    look()


def outcome(player: "Player") -> "Outcome":
    """How it went until now."""
    from bridge.commands.newsreel import Outcome

    errors = [abs(launch.error_frames or 0) for launch in player.launcher.launches]
    beat = max(0.0, player.transport.beat_at_frame(player.mixer.frame))
    return Outcome(
        beat=beat,
        bar=player.meter.position(beat)[0],
        launches=len(errors),
        worst_error_frames=max(errors, default=0),
    )
