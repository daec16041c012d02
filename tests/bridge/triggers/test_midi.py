"""MIDI as keyboards send it: real bytes through mido. Keyboards stand behind mido's own seam, a backend."""

import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.set_file import ControlTrigger, NoteTrigger, ShapeTrigger
from bridge.triggers.heard import Heard
from bridge.triggers.keymap import Keymap, position_at
from bridge.triggers.midi import MidiError, MidiFeed, MidiPort, list_ports
from osc_schemas.shape import KNOBS, Knob

PADS = Keymap(
    (
        NoteTrigger(note=36, cue="kick"),
        NoteTrigger(note=38, cue="snare", channel=10),
        NoteTrigger(note=48, scene="drop"),
        NoteTrigger(note=48, cue="impact"),
        ControlTrigger(cc=20, set="kick.guidance_scale", range=(1, 8)),
        ControlTrigger(cc=21, set="kick.steps", range=(1, 4)),
        ControlTrigger(cc=22, set="kick.seed", range=(100, 0)),
        ShapeTrigger(cc=23, shape="drums.brightness"),
    )
)


class Ear:
    """What a port handed on, in order."""

    def __init__(self) -> None:
        self.heard: queue.Queue[Heard] = queue.Queue(maxsize=8)

    @property
    def said(self) -> list[tuple[str, dict[str, Any]]]:
        """Address and values of all that was heard since the last time."""
        heard = [self.heard.get_nowait() for _ in range(self.heard.qsize())]
        return [(one.message.route.address, dict(one.message.values)) for one in heard]


class Keyboards(mido.Backend):  # type: ignore[misc]  # mido has no types
    """A machine with a few keyboards; the test plays the one that was opened."""

    def __init__(self, *names: str, busy: bool = False) -> None:
        super().__init__("a test's keyboards")
        self.names = names or ("Keystep 37:Keystep 37 MIDI 1 20:0", "LPD8:LPD8 MIDI 1 24:0")
        self.busy = busy
        self.opened = ""
        self.play: Callable[[mido.Message], None] | None = None

    def get_input_names(self, **_: object) -> list[str]:
        return list(self.names)

    def open_input(self, name: str | None = None, **options: Any) -> "Keyboards":
        if self.busy:
            raise OSError("device or resource busy")
        self.opened, self.play = str(name), options["callback"]
        return self

    def close(self) -> None:
        self.play = None


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def pads(ear: Ear) -> MidiFeed:
    return MidiFeed(PADS, on_heard=ear.heard.put_nowait)


def test_a_note_fires_its_cue_once(pads: MidiFeed, ear: Ear) -> None:
    pads.feed(bytes([0x90, 36, 100, 0x80, 36, 0, 0x90, 36, 0]))

    assert ear.said == [("/cue/go", {"name": "kick"})]


def test_a_note_may_come_in_pieces(pads: MidiFeed, ear: Ear) -> None:
    pads.feed(bytes([0x90]))
    pads.feed(bytes([36]))
    assert ear.said == []

    pads.feed(bytes([1]))
    assert ear.said == [("/cue/go", {"name": "kick"})]


def test_a_trigger_with_a_channel_hears_only_that_one(pads: MidiFeed, ear: Ear) -> None:
    pads.feed(bytes([0x90, 38, 100]))
    assert ear.said == []

    pads.feed(bytes([0x99, 38, 100]))
    assert ear.said == [("/cue/go", {"name": "snare"})]


def test_one_note_may_fire_a_scene_and_a_cue(pads: MidiFeed, ear: Ear) -> None:
    pads.feed(bytes([0x93, 48, 100]))

    assert ear.said == [("/scene/go", {"name": "drop"}), ("/cue/go", {"name": "impact"})]


def test_a_controller_spans_its_range(pads: MidiFeed, ear: Ear) -> None:
    pads.feed(bytes([0xB0, 20, 0, 0xB0, 20, 127]))

    assert ear.said == [
        ("/cue/set", {"name": "kick", "key": "guidance_scale", "value": 1.0}),
        ("/cue/set", {"name": "kick", "key": "guidance_scale", "value": 8.0}),
    ]


def test_a_controller_gives_only_numbers_that_a_cue_can_have(pads: MidiFeed, ear: Ear) -> None:
    for value in range(128):
        pads.feed(bytes([0xB0, 21, value, 0xB0, 22, value]))

        (_, steps), (_, seed) = ear.said
        assert steps["value"] in (1, 2, 4)
        assert seed["value"] == int(seed["value"])


def test_a_controller_turns_a_knob_of_a_track(pads: MidiFeed, ear: Ear) -> None:
    pads.feed(bytes([0xB0, 23, 0, 0xB0, 23, 64, 0xB0, 23, 127]))

    assert ear.said == [
        ("/take/shape", {"track": "drums", "knob": "brightness", "value": value}) for value in (-1.0, 0.0, 1.0)
    ]


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_controller_reaches_all_of_a_knob_and_has_its_neutral_in_the_middle(knob: Knob) -> None:
    positions = [position_at(value, ShapeTrigger(cc=1, shape=f"drums.{knob.name}")) for value in range(128)]

    assert (positions[0], positions[127]) == (knob.low, knob.high)
    assert positions == sorted(positions)
    assert knob.neutral in (positions[0], positions[64])


def test_a_range_of_ones_own_is_spread_evenly_and_keeps_the_detent_where_it_is_even() -> None:
    falling = ShapeTrigger(cc=1, shape="drums.pitch", range=(0, -12.7))
    narrow = ShapeTrigger(cc=1, shape="drums.pitch", range=(-2, 2))

    assert [position_at(value, falling) for value in (0, 10, 127)] == pytest.approx([0, -1, -12.7])
    assert [position_at(value, narrow) for value in (0, 64, 127)] == [-2, 0, 2]


def test_a_clock_is_heard_as_it_comes_and_fires_nothing(ear: Ear) -> None:
    ticks: list[str] = []
    feed = MidiFeed(PADS, on_heard=ear.heard.put_nowait, on_clock=lambda message: ticks.append(message.type))

    feed.feed(b"\xfa\xf8\x90\x24\xf8\x40\xf2\x10\x00\xfb\xfc")  # a tick in the middle of a note

    assert ticks == ["start", "clock", "clock", "songpos", "continue", "stop"]
    assert ear.said == [("/cue/go", {"name": "kick"})]


def test_what_has_no_trigger_is_passed_over(pads: MidiFeed, ear: Ear) -> None:
    pads.feed(bytes([0xF8, 0xFE, 0x90, 37, 100, 0xE0, 0, 64, 0xC0, 5, 0xF0, 1, 2, 0xF7, 0xB0, 1, 1]))

    assert ear.said == []


@given(st.binary(max_size=100))
def test_no_bytes_are_too_much(raw: bytes) -> None:
    MidiFeed(PADS, on_heard=lambda heard: None).feed(raw)


def test_what_nobody_has_room_for_is_counted(pads: MidiFeed, ear: Ear) -> None:
    for _ in range(10):
        pads.feed(bytes([0x90, 36, 100]))

    assert (len(ear.said), pads.dropped) == (8, 2)


@pytest.mark.parametrize("name", ["LPD8:LPD8 MIDI 1 24:0", "LPD8", "lpd8 midi"])
def test_a_keyboard_is_opened_by_its_name_or_a_part_of_it(ear: Ear, name: str) -> None:
    keyboards = Keyboards()

    with MidiPort(name, PADS, on_heard=ear.heard.put_nowait, backend=keyboards):
        assert keyboards.opened == "LPD8:LPD8 MIDI 1 24:0"
        assert keyboards.play is not None
        keyboards.play(mido.Message("note_on", note=36, velocity=100))

    assert ear.heard.get_nowait().trigger == "midi"
    assert keyboards.play is None


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ("Keystep 37", "LPD8"),
            r"no MIDI port 'keystpe'; the nearest is 'Keystep 37'; there are 'Keystep 37', 'L",
        ),
        (("Keystpe A", "Keystpe B"), r"'keystpe' could be 'Keystpe A', 'Keystpe B'; say more of its name$"),
    ],
)
def test_a_port_that_does_not_exist_is_one_sentence_with_those_that_do(
    ear: Ear, names: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(MidiError, match=sentence):
        MidiPort("keystpe", PADS, on_heard=ear.heard.put_nowait, backend=Keyboards(*names))


def test_a_port_that_another_program_holds_is_one_sentence(ear: Ear) -> None:
    with pytest.raises(MidiError, match=r"cannot be opened \(device or resource busy\); close what else uses it"):
        MidiPort("LPD8", PADS, on_heard=ear.heard.put_nowait, backend=Keyboards(busy=True))


def test_a_missing_backend_is_one_sentence(ear: Ear) -> None:
    nowhere = mido.Backend("no_such_backend")

    with pytest.raises(MidiError, match="install it, or cue over OSC"):
        MidiPort("Keystep 37", PADS, on_heard=ear.heard.put_nowait, backend=nowhere)
    assert list_ports(backend=nowhere) == []


def test_a_machine_without_midi_is_one_sentence(
    ear: Ear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bridge.triggers.midi.sys.platform", "linux")
    monkeypatch.setattr("bridge.triggers.midi._ALSA_SEQUENCER", tmp_path / "no sequencer")
    rtmidi = mido.Backend("mido.backends.rtmidi")

    for virtual in (False, True):
        with pytest.raises(MidiError, match=r"this machine has no MIDI .*snd-seq.* or cue over OSC"):
            MidiPort("Keystep 37", PADS, on_heard=ear.heard.put_nowait, virtual=virtual, backend=rtmidi)
    assert list_ports(backend=rtmidi) == []
    assert capfd.readouterr().err == ""


def test_windows_has_no_virtual_ports_and_says_what_helps(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.triggers.midi.sys.platform", "win32")

    with pytest.raises(MidiError, match="make one with loopMIDI"):
        MidiPort("Upbeat", PADS, on_heard=ear.heard.put_nowait, virtual=True)


def test_the_list_of_ports_has_each_name_once() -> None:
    assert list_ports(backend=Keyboards("LPD8", "LPD8")) == ["LPD8"]
    assert isinstance(list_ports(), list)  # of this very machine, whatever it has
