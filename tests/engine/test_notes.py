"""The note that a prompt asks for."""

import doctest

import pytest

from engine.text import notes
from engine.text.notes import asked_midi, hz_of_midi, midi_of_hz, note_name


@pytest.mark.parametrize(
    ("prompt", "midi"),
    [
        ("bass in F#2", 42),
        ("f#2 bass", 42),
        ("Bb3 pluck", 58),
        ("pad on B♭3, wide", 58),
        ("church bell tuned to C5.", 72),
        ("a tone at 440 Hz", 69),
        ("a tone at 0440.0hz", 69),
        ("a whistle at 1.76 kHz", 93),
        ("a whistle at 1760Hz", 93),
        ("D0 then E3", 14),
    ],
)
def test_a_note_is_read_as_it_is_written(prompt: str, midi: float | None) -> None:
    assert asked_midi(prompt) == (None if midi is None else pytest.approx(midi))


@pytest.mark.parametrize(
    "prompt", ["", "kick", "808 kick", "a 4 on the floor kick", "mp3 noise", "in a hall", "ab12", "take5", "99999 Hz"]
)
def test_what_only_looks_like_a_note_is_none(prompt: str) -> None:
    assert asked_midi(prompt) is None


def test_names_and_frequencies_of_all_notes_come_back() -> None:
    for midi in range(12, 120):
        assert asked_midi(f"bell in {note_name(midi)}") == midi
        assert midi_of_hz(hz_of_midi(midi)) == pytest.approx(midi)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(notes).failed == 0
