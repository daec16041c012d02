"""`upbeat learn SET`: play a note or turn a knob, say what it shall do, and the set has one trigger more."""

import argparse
import contextlib
import os
import queue
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.commands.parser import CommandError, Commands, command, number

if TYPE_CHECKING:
    import mido

    from bridge.set_file import Set
    from bridge.set_words import MidiTrigger
    from bridge.triggers.learned import Kind, Wanted

WITHIN_S = 60.0
WAITING_MAX = 1_024  # MIDI messages not yet looked at; a knob that goes on turning while a person types is forgotten
ENDS = ("", "q", "quit")
BY_FLAG: "tuple[tuple[Kind, str, str], ...]" = (
    ("cue", "CUE", "the next note fires this cue"),
    ("scene", "SCENE", "the next note fires this scene"),
    ("clock", "align", "the next note says that a bar begins now"),
    ("shape", "TRACK.KNOB", "the next controller turns this knob, such as drums.brightness"),
    ("set", "CUE.NUMBER", "the next controller sets this number, such as kick.gain_db"),
)


def add(commands: Commands) -> None:
    """Its arguments."""
    does = "play a note or turn a knob, and say what it shall do in a set"
    parser = command(commands, "learn", run, does=does, example="upbeat learn night-drive.toml --cue kick")
    parser.add_argument("set", type=Path, metavar="SET", help="TOML file, which gets one line more for each")
    midi = parser.add_mutually_exclusive_group()
    wanted = os.environ.get("UPBEAT_MIDI_PORT")
    midi.add_argument("--midi-port", default=wanted, metavar="NAME", help="MIDI port to hear, by a part of its name")
    offer_help = "offer a MIDI port of that name for others to connect to [upbeat]"
    midi.add_argument("--midi-virtual", nargs="?", const="upbeat", metavar="NAME", help=offer_help)
    kinds = parser.add_mutually_exclusive_group()
    for kind, metavar, help_text in BY_FLAG:
        kinds.add_argument(f"--{kind}", dest=f"wanted_{kind}", metavar=metavar, help=help_text + ", and that is all")
    ends_help = "what a controller goes from and to [the usual]"
    parser.add_argument("--range", nargs=2, type=number, metavar=("FROM", "TO"), help=ends_help)
    parser.add_argument("--velocity", action="store_true", help="a note's soft hits are softer, by up to 18 dB")
    parser.add_argument("--this-channel", action="store_true", help="on the MIDI channel that it came on, and no other")
    parser.add_argument("--print", action="store_true", help="print the line, and leave the file as it is")
    within_help = "how long to wait for something to be played [%(default)g]"
    parser.add_argument("--within", type=number, default=WITHIN_S, metavar="SECONDS", help=within_help)


def run(options: argparse.Namespace) -> int:
    """Listen, learn, and write it down."""
    from bridge.set_file import read_set
    from bridge.triggers.keymap import Keymap
    from bridge.triggers.midi import MidiError, MidiPort, list_ports

    music = read_set(options.set)
    wanted = _by_flags(options)
    if wanted is not None:
        check_wanted(wanted, music)  # what cannot be is said before anybody plays
    name = options.midi_virtual or options.midi_port or next(iter(list_ports()), None)
    if name is None:
        raise MidiError("there is no MIDI port here; plug something in, or offer one with --midi-virtual")
    events = Events()
    keymap, virtual = Keymap(()), options.midi_virtual is not None
    with MidiPort(name, keymap, on_heard=lambda heard: None, on_event=events.take, virtual=virtual):
        _say(f"listening to {name}; Ctrl-C ends it and leaves the set as it is")
        if wanted is not None:
            learn_one(options.set, wanted, events, within_s=options.within, write=not options.print, say=_say)
        else:
            learn_many(options, events, ask=_asked, say=_say)
    return 0


def _by_flags(options: argparse.Namespace) -> "Wanted | None":
    from bridge.triggers.learned import Wanted

    ends = None if options.range is None else (options.range[0], options.range[1])
    for kind, _, _ in BY_FLAG:
        if (name := getattr(options, f"wanted_{kind}")) is not None:
            return Wanted(
                kind=kind, name=name, range=ends, velocity=options.velocity, on_this_channel=options.this_channel
            )
    if ends is not None:
        raise CommandError("--range goes with --shape or --set; without, say the range behind the name when asked")
    return None


class Events:
    """What was played, from the thread that MIDI comes in on to the one that learns."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[mido.Message] = queue.Queue(maxsize=WAITING_MAX)

    def take(self, event: "mido.Message") -> None:
        """Take a MIDI message, if it is one that can be learned. Any thread; what there is no room for is dropped."""
        from bridge.triggers.learned import can_be_learned

        if can_be_learned(event):
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(event)

    def forget(self) -> None:
        """Drop what was played until now."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()

    def next(self, *, within_s: float, by_note: bool | None = None) -> "mido.Message":
        """The next note or controller, or whichever of both. Raises `CommandError` if none comes in time."""
        until_s = time.monotonic() + within_s
        while True:
            try:
                event = self._waiting.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty:
                what = {None: "nothing was played", True: "no note was played", False: "no controller was turned"}
                raise CommandError(
                    f"{what[by_note]} within {within_s:g} s; is it the right port? `upbeat doctor` lists them, and "
                    "--within waits longer"
                ) from None
            if by_note in (None, event.type == "note_on"):
                return event


def learn_one(
    path: Path, wanted: "Wanted", events: Events, *, within_s: float, write: bool, say: Callable[[str], None]
) -> None:
    """Let the next fitting thing that is played do what is wanted."""
    from bridge.triggers.learned import told

    say("play a note" if wanted.by_note else "turn a knob")
    event = events.next(within_s=within_s, by_note=wanted.by_note)
    say(told(event))
    put_down(path, event, wanted, write=write, say=say)


def learn_many(
    options: argparse.Namespace, events: Events, *, ask: Callable[[str], str], say: Callable[[str], None]
) -> None:
    """Ask what each thing that is played shall do, until nothing is answered."""
    from bridge.set_file import read_set
    from bridge.set_words import SetError
    from bridge.triggers.learned import LearnError, told, wanted_by

    while True:
        events.forget()
        say("play a note or turn a knob")
        event = events.next(within_s=options.within)
        say(told(event))
        by_note = event.type == "note_on"
        while True:
            what = (
                "a cue, scene NAME, or clock align"
                if by_note
                else "TRACK.KNOB or CUE.NUMBER, and from what to what if you like"
            )
            words = ask(f"what shall it do? {what}; nothing ends it: ").strip()
            if words in ENDS:
                return
            try:
                wanted = wanted_by(words, read_set(options.set), by_note=by_note)
                wanted = replace(wanted, velocity=options.velocity, on_this_channel=options.this_channel)
                put_down(options.set, event, wanted, write=not options.print, say=say)
            except (LearnError, SetError) as error:
                say(str(error))
                continue
            break


def check_wanted(wanted: "Wanted", music: "Set") -> None:
    """Raise for what no note and no controller could do in that set."""
    import mido

    from bridge.triggers.learned import trigger_for

    event = mido.Message("note_on", velocity=1) if wanted.by_note else mido.Message("control_change")
    trigger_for(event, wanted, replace(music, midi=()))


def put_down(path: Path, event: "mido.Message", wanted: "Wanted", *, write: bool, say: Callable[[str], None]) -> None:
    """Write the trigger into the set as it is now, or print its line alone."""
    from bridge.set_file import read_set
    from bridge.toml_added import inline
    from bridge.triggers.learned import also_does, does, table_of, trigger_for

    music = read_set(path)
    trigger = trigger_for(event, wanted, music)
    line = inline(table_of(trigger))
    if not write:
        print(line, flush=True)
        return
    place = written(path, music, trigger)
    say(f"{path}:{place}: {line}")
    if others := also_does(trigger, music):
        say(f"it {does(trigger)} now, besides what it did: it {', '.join(others)}")


def written(path: Path, music: "Set", trigger: "MidiTrigger") -> int:
    """Add a trigger to a set's file, whole or not at all; the line on which it is now.

    `music` is what the file says. Raises `CommandError` if the file has changed meanwhile, or has no place for it.
    """
    from bridge.set_file import read_set
    from bridge.toml_added import NoPlaceError, with_table_added
    from bridge.toml_lines import key_lines
    from bridge.triggers.learned import table_of

    path = path.resolve()  # a link stays one
    raw = path.read_bytes()
    text = raw.decode("utf-8-sig")
    try:
        added = with_table_added(text, ("triggers", "midi"), table_of(trigger))
    except NoPlaceError as error:
        raise CommandError(f"{path.name}: {error}") from error
    mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
    aside = path.with_name(f".{path.stem}-{os.getpid()}.part.toml")
    try:
        with aside.open("xb") as file:
            file.write(mark + added.encode())
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, aside)
        if replace(read_set(aside), path=music.path) != replace(music, midi=(*music.midi, trigger)):
            raise CommandError(f"{path.name} has changed meanwhile; it is left as it is, so play it again")
        if path.read_bytes() != raw:
            raise CommandError(f"{path.name} is just being changed; it is left as it is, so play it again")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return key_lines(added)["triggers", "midi", len(music.midi)]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _asked(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    try:
        return input()
    except EOFError:
        return ""
