"""Where bars begin, said by a performer: on the beat that a message is nearest to, or so many beats later."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pythonosc.osc_message import OscMessage

from bridge.set_file import NoteTrigger
from bridge.triggers.keymap import Keymap
from bridge.triggers.midi import MidiFeed
from tests.bridge.stage import Stage, a_set, cue

BAR = cue("kick", quantum_beats=4.0)
ONE = NoteTrigger(note=40, clock="align")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(a_set(BAR, midi=(ONE,), scenes={"drop": ("kick",)}), tmp_path)
    stage.told = []  # type: ignore[attr-defined]
    stage.player.audience.subscribe("test", lambda packet: told(stage).append(OscMessage(packet)), seconds=99, now_s=0)
    stage.player.play()
    stage.run(2)  # the preroll
    yield stage
    stage.library.close()


def told(stage: Stage) -> list[OscMessage]:
    return stage.told  # type: ignore[attr-defined,no-any-return]


def beats_of_bars(stage: Stage) -> list[list[object]]:
    """Bar and beat of every lamp."""
    return [list(message.params) for message in told(stage) if message.address == "/beat"]


def lands(stage: Stage) -> float:
    """The beat on which a cue with a quantum of a bar lands."""
    stage.hear("/cue/go", name="kick")
    stage.run(5)
    return stage.player.launcher.launches[-1].asked_beat


@pytest.mark.parametrize(("beats", "first"), [(5.2, 9.0), (4.8, 9.0), (6.4, 10.0), (8.1, 12.0)])
def test_the_beat_nearest_to_the_message_is_the_first_of_a_bar(stage: Stage, beats: float, first: float) -> None:
    stage.run(beats)
    stage.hear("/clock/align")

    assert lands(stage) == first


def test_the_lamp_and_what_is_planned_count_in_the_new_bars(stage: Stage) -> None:
    stage.run(5.2)
    stage.hear("/clock/align")
    stage.run(4)

    assert beats_of_bars(stage) == [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 2], [3, 3], [3, 4], [4, 1]]
    [event] = [message.params for message in told(stage) if message.address == "/clock/event"]
    assert event[1:2] + event[3:] == ["align", "beat 2 of bar 2 is the first of a bar from now on"]
    stage.hear("/cue/go", name="kick")
    assert stage.replied("/cue/planned")[-1][3:] == [5, 1.0]


def test_a_message_with_a_timetag_means_the_beat_of_its_time(stage: Stage) -> None:
    stage.run(6)
    stage.hear("/clock/align", at_unix_s=(2 + 5) / 2 + 0.05)  # beat 5, behind the preroll, and a little late

    assert lands(stage) == 9


def test_bars_are_nudged_by_beats_and_by_parts_of_them_one_on_top_of_the_other(stage: Stage) -> None:
    stage.run(0.5)
    stage.hear("/clock/nudge/beats", beats=1.0)
    assert lands(stage) == 5.0
    stage.hear("/clock/nudge/beats", beats=0.5)
    assert lands(stage) == 9.5
    stage.hear("/clock/nudge/beats", beats=-1.5)
    assert lands(stage) == 12.0


def test_a_tempo_comes_on_the_new_bar_line(stage: Stage) -> None:
    stage.run(5.2)
    stage.hear("/clock/align")
    stage.hear("/transport/tempo", tempo_bpm=60.0)

    assert stage.player.transport.settled_beat == 9


def test_what_plays_is_not_moved(stage: Stage) -> None:
    stage.player.fire(cue("pad", loop=True), trigger="api", reply=lambda packet: None)
    stage.run(5.2)
    before = [launch.heard_frame for launch in stage.player.launcher.launches]
    frame = stage.player.transport.frame_at_beat(6)
    stage.hear("/clock/align")
    stage.run(4)

    assert stage.player.transport.frame_at_beat(6) == frame
    assert [launch.heard_frame for launch in stage.player.launcher.launches] == before


def test_while_the_music_stands_no_beat_is_near_and_that_is_said(tmp_path: Path) -> None:
    stage = Stage(a_set(BAR), tmp_path)
    stage.hear("/clock/align")
    stage.library.close()

    [[_, reason, sentence]] = stage.replied("/refused")
    assert (reason, str(sentence).startswith("the music stands still")) == ("bad-request", True)


def test_a_note_says_it_too(stage: Stage) -> None:
    stage.run(5.2)
    MidiFeed(Keymap((ONE,)), on_heard=stage.player.hear).feed(bytes([0x90, 40, 100]))

    assert lands(stage) == 9
