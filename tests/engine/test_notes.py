"""The note that a prompt asks for."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import notes
from engine.text.notes import Pitch, hz_of_midi, midi_of_hz, note_name, take_pitch


def _midi(prompt: str) -> float | None:
    """The exact note that a prompt names."""
    pitch, _ = take_pitch(prompt)
    return pitch.midi if pitch else None


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
        ("60 hz hum", 34.506),
        ("55hz sub", 33),
        ("A4", 69),
        ("c♯4 bell", 61),
        ("C#-1 and D2", 38),
        ("E flat 3 organ", 51),
        ("pluck in e4 and a pad in D", 64),
        ("D0 then E3", 14),
    ],
)
def test_a_note_is_read_as_it_is_written(prompt: str, midi: float | None) -> None:
    assert _midi(prompt) == (None if midi is None else pytest.approx(midi, abs=1e-3))


@pytest.mark.parametrize(
    "prompt", ["", "kick", "808 kick", "a 4 on the floor kick", "mp3 noise", "in a hall", "ab12", "take5", "99999 Hz"]
)
def test_what_only_looks_like_a_note_is_none(prompt: str) -> None:
    assert _midi(prompt) is None


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("bass in D", "D"),
        ("bass in d", "D"),
        ("electric piano in E", "E"),
        ("pad in A", "A"),
        ("pad in A, dark", "A"),
        ("pad in A long", "A"),
        ("pad in a, dark", "A"),
        ("pad in a at 90", "A"),
        ("kick tuned to F#", "F#"),
        ("kick tuned to g sharp", "G#"),
        ("note E", "E"),
        ("Bb bass", "A#"),
        ("E♭ organ", "D#"),
        ("f# bass", "F#"),
        ("bass in eb", "D#"),
        ("strings on B", "B"),
        ("a C bell", "C"),
        ("F bass", "F"),
        ("D string of a guitar", "D"),
        ("e flat flute", "D#"),
    ],
)
def test_a_pitch_class_is_read_where_nothing_else_is_meant(prompt: str, name: str) -> None:
    pitch, rest = take_pitch(prompt)

    assert pitch is not None
    assert pitch.midi is None
    assert note_name(60 + pitch.pitch_class) == f"{name}4"
    assert len(rest) < len(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        *("a kick", "in a hall", "in a cave", "In A Hall", "on a roof", "e piano", "E piano", "808 e", "909", "A bass"),
        *(
            "-6 dB",
            "db",
            "a flat tone",
            "a sharp sound",
            "b side",
            "B side",
            "d&b",
            "G funk",
            "C",
            "vitamin c",
            "in e-minor",
        ),
        *("PAD IN A HALL", "R2-D2", "hammond b3", "b3 organ", "0 Hz", "0.0 khz", "20000000000 hz", "日本語", ""),
    ],
)
def test_an_article_or_a_lone_letter_is_no_pitch(prompt: str) -> None:
    assert take_pitch(prompt) == (None, take_pitch(prompt)[1])


def test_what_named_the_pitch_is_gone_from_the_text() -> None:
    assert take_pitch("deep bass in F#2, dark")[1].split() == ["deep", "bass", ",", "dark"]
    assert take_pitch("60 hz hum")[1].split() == ["hum"]
    assert take_pitch("electric piano in E")[1].split() == ["electric", "piano"]


def test_a_pitch_class_comes_to_the_octave_where_a_sound_is_at_home() -> None:
    assert Pitch(pitch_class=2).near(34) == 38
    assert Pitch(pitch_class=2).near(75) == 74
    assert Pitch(pitch_class=2, midi=50.0).near(75) == 50


@given(home_midi=st.floats(12, 120), pitch_class=st.integers(0, 11))
def test_the_nearest_is_at_most_half_an_octave_away(home_midi: float, pitch_class: int) -> None:
    midi = Pitch(pitch_class=pitch_class).near(home_midi)

    assert abs(midi - home_midi) <= 6 + 1e-9
    assert (midi - pitch_class) % 12 == pytest.approx(0, abs=1e-9) or (midi - pitch_class) % 12 == pytest.approx(12)


@given(st.text(max_size=1000))
def test_any_text_is_read(text: str) -> None:
    take_pitch(text)


def test_names_and_frequencies_of_all_notes_come_back() -> None:
    for midi in range(12, 120):
        assert _midi(f"bell in {note_name(midi)}") == midi
        assert midi_of_hz(hz_of_midi(midi)) == pytest.approx(midi)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(notes).failed == 0
