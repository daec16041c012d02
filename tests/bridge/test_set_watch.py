"""A set's file that changes while it plays: what was learned is heard, and nothing else of it counts."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import mido
import pytest

from bridge.commands.learn import put_down
from bridge.session import Session
from bridge.set_file import NoteTrigger, read_set
from bridge.set_watch import SetWatch
from bridge.set_words import MidiTrigger
from bridge.triggers.learned import Wanted

NIGHT = """\
[tracks.drums]

[cues.kick]
track = "drums"
prompt = "deep punchy kick"
length_beats = 1

[triggers]
midi = [{ note = 36, cue = "kick" }]
"""
PAD, HAT = NoteTrigger(note=36, cue="kick"), NoteTrigger(note=40, cue="kick")


class Watched:
    """A set that plays, and its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.triggers: list[MidiTrigger] = [PAD]
        self.said: list[str] = []
        self.times = 0
        path.write_text(NIGHT)
        self.watch = SetWatch(read_set(path), on_triggers=self._take, say=self.said.append)

    def _take(self, midi: Sequence[MidiTrigger]) -> None:
        self.triggers, self.times = list(midi), self.times + 1

    def learn(self, note: int) -> None:
        """What `upbeat learn` does in another window."""
        event = mido.Message("note_on", note=note)
        put_down(self.path, event, Wanted(kind="cue", name="kick"), write=True, say=lambda line: None)

    def edit(self, old: str, new: str) -> None:
        self.path.write_text(self.path.read_text().replace(old, new))


@pytest.fixture
def night(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "night.toml")


def test_what_is_learned_while_the_set_plays_is_taken_once_and_said(night: Watched) -> None:
    night.watch.look()
    assert night.times == 0
    night.learn(40)
    night.watch.look()
    night.watch.look()

    assert (night.triggers, night.times) == ([PAD, HAT], 1)
    assert night.said == [
        "night.toml has changed: what was learned fires kick; all else that it says holds from the next start on"
    ]


def test_what_was_learned_before_anybody_looked_is_taken_too(night: Watched) -> None:
    night.learn(40)
    night.watch.look()

    assert night.triggers == [PAD, HAT]


def test_a_trigger_that_is_taken_out_is_gone(night: Watched) -> None:
    night.edit('{ note = 36, cue = "kick" }', "")
    night.watch.look()

    assert night.triggers == []
    assert "it has 0 MIDI triggers now" in night.said[0]


def test_a_file_that_is_wrong_is_said_once_and_the_set_plays_on(night: Watched) -> None:
    night.edit("length_beats = 1", "length_beats = -1")
    night.watch.look()
    night.watch.look()

    assert (night.times, len(night.said)) == (0, 1)
    assert night.said[0].endswith("; the set plays on as it was")


def test_a_trigger_of_a_cue_that_the_set_had_not_when_it_began_is_refused_in_a_sentence(night: Watched) -> None:
    night.edit("[triggers]", '[cues.new]\ntrack = "drums"\nprompt = "new"\nlength_beats = 1\n\n[triggers]')
    night.edit('cue = "kick" }', 'cue = "new" }')
    night.watch.look()

    assert night.times == 0
    assert "the set has no cue 'new'" in night.said[0]


def test_an_editor_that_takes_the_file_away_for_a_moment_changes_nothing(night: Watched) -> None:
    text = night.path.read_text()
    night.path.unlink()
    night.watch.look()
    night.path.write_text(text)
    night.watch.look()

    assert (night.times, night.said) == (0, [])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    path = tmp_path / "night.toml"
    path.write_text(NIGHT)
    with Session(
        read_set(path), engine_endpoint="tcp://127.0.0.1:9", takes_folder=tmp_path / "takes", output_kind="null"
    ) as session:
        yield session


def test_a_running_session_fires_what_was_learned_in_another_window(session: Session, tmp_path: Path) -> None:
    def note() -> bool:
        session.midi.feed(bytes([0x90, 40, 100]))
        return session.ask(lambda player: any(wish.cue.name == "kick" for wish in player.wishes.values()))

    assert not note()
    event = mido.Message("note_on", note=40)
    put_down(tmp_path / "night.toml", event, Wanted(kind="cue", name="kick"), write=True, say=lambda line: None)

    until_s = time.monotonic() + 20
    while not note() and time.monotonic() < until_s:
        time.sleep(0.05)
    assert note()
    assert session.ask(lambda player: tuple(player.music.midi)) == (PAD, HAT)
