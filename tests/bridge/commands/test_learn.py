"""`upbeat learn`, played by a keyboard that is nothing but MIDI bytes."""

import os
import queue
import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import pytest

from bridge.cli import main
from bridge.commands import learn
from bridge.commands.learn import Events, learn_many
from bridge.commands.parser import CommandError
from bridge.set_file import ControlTrigger, NoteTrigger, ShapeTrigger, read_set
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed

NIGHT = """\
# Mine, and every word of it stays.
[tracks.drums]

[cues.kick]
track = "drums"
prompt = "deep punchy kick"   # or "tight"
length_beats = 1

[cues."open hat"]
track = "drums"
prompt = "open hat"
length_beats = 1

[scenes.drop]
cues = ["kick", "open hat"]

[triggers]
midi = [
  { note = 36, cue = "kick" },   # the first pad
  { cc = 20, shape = "drums.room" } # no comma here
]
"""

PAD, PAD_ON_10, KNOB, RELEASE = b"\x90\x28\x64", b"\x99\x28\x64", b"\xb0\x15\x40", b"\x80\x28\x00"


@pytest.fixture
def night(tmp_path: Path) -> Path:
    path = tmp_path / "night.toml"
    path.write_text(NIGHT)
    return path


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """What the keyboard plays as soon as anybody listens to it."""
    raw: queue.Queue[bytes] = queue.Queue()

    class Keyboard(mido.Backend):  # type: ignore[misc]  # mido has no types
        """A machine with one keyboard."""

        def __init__(self) -> None:
            super().__init__("a test's keyboard")

        def get_input_names(self, **_: object) -> list[str]:
            return ["LPD8"]

        def open_input(self, name: str | None = None, **options: Any) -> "Keyboard":
            assert name == "LPD8"
            while not raw.empty():
                for message in mido.parse_all(raw.get_nowait()):
                    options["callback"](message)
            return self

        def close(self) -> None:
            """Nothing is held."""

    monkeypatch.setattr("bridge.triggers.midi.mido.Backend", Keyboard)
    return raw.put_nowait


def unchanged(path: Path) -> bool:
    return path.read_text() == NIGHT and os.listdir(path.parent) == [path.name]


def test_a_note_is_learned_in_one_line_and_all_else_stays(
    night: Path, played: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_set(night)
    played(KNOB + RELEASE + PAD)  # only a note can fire a cue

    assert main(["learn", str(night), "--cue", "open hat"]) == 0

    assert night.read_text() == NIGHT.replace(
        '"drums.room" } # no comma here\n',
        '"drums.room" }, # no comma here\n  { note = 40, cue = "open hat" },\n',
    )
    assert read_set(night).midi == (*before.midi, NoteTrigger(note=40, cue="open hat"))
    assert os.listdir(night.parent) == ["night.toml"]
    assert capsys.readouterr().err.splitlines() == [
        "listening to LPD8; Ctrl-C ends it and leaves the set as it is",
        "play a note",
        "note 40 (E1 where 60 is C3, E2 where it is C4), velocity 100, on channel 1",
        f'{night}:21: {{ note = 40, cue = "open hat" }}',
    ]


@pytest.mark.parametrize(
    ("raw", "flags", "trigger"),
    [
        (PAD, ["--scene", "drop"], NoteTrigger(note=40, scene="drop")),
        (PAD, ["--clock", "align"], NoteTrigger(note=40, clock="align")),
        (PAD_ON_10, ["--cue", "kick", "--this-channel"], NoteTrigger(note=40, cue="kick", channel=10)),
        (PAD, ["--cue", "kick", "--velocity"], NoteTrigger(note=40, cue="kick", velocity={"gain_db": (-18, 0)})),
        (PAD + KNOB, ["--shape", "drums.brightness"], ShapeTrigger(cc=21, shape="drums.brightness")),
        (
            KNOB,
            ["--shape", "drums.pitch", "--range", "-12", "12.5"],
            ShapeTrigger(cc=21, shape="drums.pitch", range=(-12, 12.5)),
        ),
        (KNOB, ["--set", "kick.gain_db"], ControlTrigger(cc=21, set="kick.gain_db", range=(-24, 6))),
        (
            KNOB,
            ["--set", "open hat.guidance_scale", "--range", "1", "4"],
            ControlTrigger(cc=21, set="open hat.guidance_scale", range=(1, 4)),
        ),
    ],
)
def test_what_the_flags_say_is_what_the_set_reads(
    night: Path, played: Callable[[bytes], None], raw: bytes, flags: list[str], trigger: object
) -> None:
    played(raw)

    assert main(["learn", str(night), *flags]) == 0

    assert read_set(night).midi[2:] == (trigger,)


def test_print_prints_the_line_alone(
    night: Path, played: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    played(PAD)

    assert main(["learn", str(night), "--cue", "kick", "--print"]) == 0

    assert capsys.readouterr().out == '{ note = 40, cue = "kick" }\n'
    assert unchanged(night)


@pytest.mark.parametrize(
    ("raw", "flags", "sentence"),
    [
        (PAD, ["--cue", "kik"], "the set has no cue 'kik'; the nearest is kick"),
        (PAD, ["--scene", "drip"], "the set has no scene 'drip'; the nearest is drop"),
        (PAD, ["--shape", "drums.brigthness"], "the nearest is brightness"),
        (PAD, ["--shape", "drum.brightness"], "the set has no track 'drum'; the nearest is drums"),
        (PAD, ["--set", "kick.gain"], "set is 'kick.gain'; .* the nearest is gain_db"),
        (PAD, ["--set", "kick.guidance_scale"], "guidance_scale has no usual range; name both ends"),
        (PAD, ["--set", "kick.gain_db", "--range", "0", "99"], "range reaches too far: gain_db is 99"),
        (PAD, ["--range", "0", "1"], "--range goes with --shape or --set"),
        (b"\x90\x24\x01", ["--cue", "kick"], r"note 36 fires kick already \(trigger 1 of the set\); play another"),
        (b"\xb3\x14\x01", ["--shape", "drums.room"], "controller 20 turns drums.room already"),
        (KNOB, ["--cue", "kick", "--within", "0.01"], "no note was played within 0.01 s; is it the right port"),
        (b"\xb0\x7b\x00", ["--shape", "drums.room", "--within", "0.01"], "no controller was turned within 0.01 s"),
        (b"", ["--midi-port", "Keystep", "--cue", "kick"], "there is no MIDI port 'Keystep'.* there are 'LPD8'"),
    ],
)
def test_what_cannot_be_learned_is_one_sentence_and_leaves_the_set_as_it_is(
    night: Path,
    played: Callable[[bytes], None],
    capsys: pytest.CaptureFixture[str],
    raw: bytes,
    flags: list[str],
    sentence: str,
) -> None:
    played(raw)

    assert main(["learn", str(night), *flags]) == 2

    [*_, told] = capsys.readouterr().err.splitlines()
    assert re.search(f"^upbeat: .*{sentence}", told), told
    assert unchanged(night)


def test_a_set_that_cannot_be_written_stays_whole(
    night: Path, played: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bridge.commands.learn.os.fsync", full)
    played(PAD)

    assert main(["learn", str(night), "--cue", "kick"]) == 2

    assert "No space left on device" in capsys.readouterr().err
    assert unchanged(night)


def test_ctrl_c_leaves_the_set_as_it_is(
    night: Path, played: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bridge.commands.learn.os.replace", stopped)
    played(PAD)

    assert main(["learn", str(night), "--cue", "kick"]) == 130
    assert unchanged(night)


def test_a_link_and_the_rights_of_a_file_stay(night: Path, played: Callable[[bytes], None], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.toml"
    link.symlink_to(night)
    night.chmod(0o640)
    played(PAD)

    assert main(["learn", str(link), "--cue", "kick"]) == 0

    assert link.is_symlink()
    assert night.stat().st_mode & 0o777 == 0o640
    assert len(read_set(night).midi) == 3


def test_byte_order_mark_and_line_ends_stay(night: Path, played: Callable[[bytes], None]) -> None:
    raw = b"\xef\xbb\xbf" + NIGHT.replace("\n", "\r\n").encode()
    night.write_bytes(raw)
    played(PAD)

    assert main(["learn", str(night), "--cue", "kick"]) == 0

    assert night.read_bytes() == raw.replace(b'room" } #', b'room" }, #').replace(
        b"here\r\n", b'here\r\n  { note = 40, cue = "kick" },\r\n'
    )


class Person:
    """Somebody at a keyboard of both kinds: plays when asked to play, and answers when asked."""

    def __init__(self, *turns: tuple[bytes, list[str]]) -> None:
        self.events, self.told = Events(), list[str]()
        self._feed = MidiFeed(Keymap(()), on_heard=lambda heard: None, on_event=self.events.take)
        self._turns = iter(turns)
        self._answers: Iterator[str] = iter(())

    def say(self, line: str) -> None:
        self.told.append(line)
        if line.startswith("play"):
            raw, answers = next(self._turns, (b"", []))
            self._feed.feed(raw)
            self._answers = iter(answers)

    def ask(self, question: str) -> str:
        return next(self._answers, "")


def options(path: Path, **changes: object) -> Namespace:
    wanted = {"set": path, "velocity": False, "this_channel": False, "print": False, "within": 0.05}
    return Namespace(**(wanted | changes))


def test_one_thing_after_the_other_is_learned_until_nothing_is_answered(night: Path) -> None:
    person = Person(
        (PAD, ["kik", "drums.room", "kick"]),  # asked again until it is something
        (KNOB + PAD, ["drums.pitch -12 12"]),  # what comes while a person answers is forgotten
        (b"\xb0\x16\x01", ["kick.length_beats", "kick.gain_db"]),
        (PAD, ["scene drop"]),
        (PAD, ["drop", ""]),
    )

    learn_many(options(night), person.events, ask=person.ask, say=person.say)

    assert read_set(night).midi[2:] == (
        NoteTrigger(note=40, cue="kick"),
        ShapeTrigger(cc=21, shape="drums.pitch", range=(-12, 12)),
        ControlTrigger(cc=22, set="kick.gain_db", range=(-24, 6)),
        NoteTrigger(note=40, scene="drop"),
    )
    assert "the set has no cue or scene 'kik'; the nearest is kick" in person.told
    assert "length_beats has no usual range; name both ends, such as --range 1 4" in person.told
    assert "it fires the scene drop now, besides what it did: it fires kick" in person.told
    assert "note 40 fires the scene drop already (trigger 6 of the set); play another" in person.told


def test_a_set_that_is_edited_meanwhile_keeps_the_edit(night: Path) -> None:
    person = Person((PAD, []))

    def edit_and_answer(question: str) -> str:
        if "extra" in night.read_text():
            return ""
        night.write_text(NIGHT + "# extra\n")
        return "kick"

    learn_many(options(night), person.events, ask=edit_and_answer, say=lambda line: _again(person, line))

    assert night.read_text().endswith("# extra\n")
    assert len(read_set(night).midi) == 3


def _again(person: Person, line: str) -> None:
    person.say(line)
    if line.startswith("play"):
        person.events.take(mido.Message("note_on", note=40, velocity=1))


def test_a_set_that_is_written_at_that_very_moment_is_left_alone(night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    music = read_set(night)
    monkeypatch.setattr("bridge.commands.learn.shutil.copymode", lambda *_: night.write_text(NIGHT + "# by another\n"))

    with pytest.raises(CommandError, match=r"night\.toml is just being changed; it is left as it is"):
        learn.written(night, music, NoteTrigger(note=40, cue="kick"))

    assert night.read_text() == NIGHT + "# by another\n"
    assert os.listdir(night.parent) == ["night.toml"]


def test_nobody_playing_ends_it_in_a_sentence(night: Path) -> None:
    person = Person()

    with pytest.raises(CommandError, match=r"nothing was played within 0\.05 s"):
        learn_many(options(night), person.events, ask=person.ask, say=person.say)
    assert unchanged(night)


def test_a_machine_without_midi_says_so(
    night: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bridge.triggers.midi.list_ports", list)

    assert main(["learn", str(night), "--cue", "kick"]) == 2
    assert "there is no MIDI port here; plug something in, or offer one with --midi-virtual" in capsys.readouterr().err
