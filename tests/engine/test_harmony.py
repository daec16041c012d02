"""Chords and keys by name, and sounds brought into a key."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadRequest
from engine.text import harmony
from engine.text.harmony import CHORDS, MODES, Chord, Key, imposed, take_harmony
from engine.text.notes import PITCH_CLASSES

KEYS = [Key(tonic, mode) for tonic in range(12) for mode in MODES]


def named(prompt: str) -> str:
    """Chord and key as one line: "A minor seventh", "key D minor"."""
    chord, key, _ = take_harmony(prompt)
    told = [f"{PITCH_CLASSES[chord.root] if chord.root is not None else '?'} {chord.quality}"] if chord else []
    return ", ".join(told + ([f"key {key}"] if key else []))


@pytest.mark.parametrize(
    ("prompt", "means"),
    [
        ("C minor", "C minor"),
        ("C minor chord", "C minor"),
        ("D minor pad", "D minor"),
        ("warm pad, A minor", "A minor"),
        ("F# minor chord", "F# minor"),
        ("F sharp minor chord", "F# minor"),
        ("b flat major chord", "A# major"),
        ("E♭ major organ", "D# major"),
        ("C chord", "C major"),
        ("Am7 keys", "A minor seventh"),
        ("am7 rhodes", "A minor seventh"),
        ("Dmaj7", "D major seventh"),
        ("CMAJ7 pad", "C major seventh"),
        ("CM7 pad", "C major seventh"),
        ("F major seventh chord", "F major seventh"),
        ("Ebm9", "D# minor ninth"),
        ("C#m7b5 keys", "C# half-diminished"),
        ("G7", "G seventh"),
        ("G7 organ", "G seventh"),
        ("G7 chord", "G seventh"),
        ("Bdim", "B diminished"),
        ("Bdim7 piano", "B diminished seventh"),
        ("Caug stab", "C augmented"),
        ("Asus4 guitar", "A sus4"),
        ("Dsus2", "D sus2"),
        ("Fadd9 keys", "F added ninth"),
        ("sus4 pad", "? sus4"),
        ("C5 chord", "C fifth"),
        ("E5 power chord", "E fifth"),
        ("power chord in C", "? fifth"),
        ("a power chord in C", "? fifth"),
        ("minor chord", "? minor"),
        ("major seventh", "? major seventh"),
        ("major bell", "? major"),
        ("minor pad, dark", "? minor"),
        ("a minor pad", "A minor"),
        ("an A minor pad", "A minor"),
        ("in C minor 7", "C minor seventh"),
        ("pad in Am7", "A minor seventh"),
        ("Em strings", "E minor"),
        ("in D minor", "key D minor"),
        ("pad in D minor, 2 bars", "key D minor"),
        ("pad in D minor 7 bars", "key D minor"),
        ("pad in a minor", "key A minor"),
        ("pad in A minor", "key A minor"),
        ("strings in b minor", "key B minor"),
        ("pad in Am", "key A minor"),
        ("lead in c#m", "key C# minor"),
        ("key of A", "key A major"),
        ("in the key of F# major", "key F# major"),
        ("key: Gm", "key G minor"),
        ("D dorian lead", "key D dorian"),
        ("F# phrygian", "key F# phrygian"),
        ("C minor pentatonic riff", "key C minor pentatonic"),
        ("G harmonic minor strings", "key G harmonic minor"),
        ("bass in E blues", "key E blues"),
        ("C minor scale", "key C minor"),
        # and what only looks like harmony
        ("C5", ""),
        ("C5 bell", ""),
        ("A4", ""),
        ("G7 bell", ""),
        ("Bb bass", ""),
        ("bass in D", ""),
        ("a minor inconvenience", ""),
        ("A minor inconvenience", ""),
        ("a major impact", ""),
        ("I am here", ""),
        ("fm bell", ""),
        ("AM radio", ""),
        ("e piano", ""),
        ("a chord", ""),
        ("dim light", ""),
        ("dmx kick", ""),
        ("", ""),
    ],
)
def test_chords_and_keys_are_known_by_name(prompt: str, means: str) -> None:
    assert named(prompt) == means


def test_what_named_the_harmony_is_gone_from_the_text() -> None:
    assert take_harmony("warm Am7 pad")[2].split() == ["warm", "pad"]
    assert take_harmony("lead in F# dorian, long")[2].split() == ["lead", ",", "long"]


@pytest.mark.parametrize("quality", CHORDS)
def test_a_chord_rises_from_its_root_with_five_voices_at_most(quality: str) -> None:
    voices = CHORDS[quality]

    assert voices[0] == 0
    assert list(voices) == sorted(set(voices))
    assert 2 <= len(voices) <= 5


def test_a_chord_is_at_home_in_the_key_of_its_third() -> None:
    assert Chord("minor ninth", 9).key == Key.parse("A minor")
    assert Chord("seventh", 7).key == Key.parse("G major")
    assert Chord("minor").key is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("D minor", Key(2, "minor")),
        ("d minor", Key(2, "minor")),
        ("F# dorian", Key(6, "dorian")),
        ("Am", Key(9, "minor")),
        ("A", Key(9, "major")),
        ("Bb", Key(10, "major")),
        ("Bbm", Key(10, "minor")),
        ("CM", Key(0, "major")),
        ("E flat Major", Key(3, "major")),
        ("  c#   harmonic minor ", Key(1, "harmonic minor")),
        ("G minor pentatonic", Key(7, "minor pentatonic")),
        ("E blues", Key(4, "blues")),
        ("B Locrian", Key(11, "locrian")),
    ],
)
def test_a_key_is_read_as_people_write_it(name: str, key: Key) -> None:
    assert Key.parse(name) == key


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_key_is_read_back_from_its_own_name(key: Key) -> None:
    assert Key.parse(str(key)) == key


@pytest.mark.parametrize("name", ["", "H minor", "minor", "D superlocrian", "D minor minor", "調", "D\x00minor"])
def test_what_is_no_key_is_refused_with_what_would_be(name: str) -> None:
    with pytest.raises(BadRequest, match=r"wanted a note and a mode, such as 'D minor'"):
        Key.parse(name)


def test_a_tone_moves_to_the_nearest_of_the_scale_and_down_from_between_two() -> None:
    c_major = Key.parse("C major")

    assert [c_major.nearest(midi) for midi in (60, 61, 63, 66, 70.4, 71.8, 59.6)] == [60, 60, 62, 65, 71, 72, 60]
    assert Key.parse("A minor pentatonic").nearest(59) == 60


def test_triads_of_c_major_are_what_the_book_says() -> None:
    triads = [Key.parse("C major").triad_on(midi) for midi in (60, 62, 64, 65, 67, 69, 71)]
    major, minor, diminished = (0, 4, 7), (0, 3, 7), (0, 3, 6)

    assert triads == [major, minor, minor, major, major, minor, diminished]
    assert Key.parse("A harmonic minor").triad_on(64) == major
    assert Key.parse("D minor").tonic_chord == minor


def test_steps_of_a_bassline_are_tones_of_the_key() -> None:
    d_minor = Key.parse("D minor")

    assert [d_minor.tone(degree, tonic_midi=38) for degree in (0, 2, 4, 7, 9, -1)] == [38, 41, 45, 50, 53, 36]


@given(key=st.sampled_from(KEYS), degree=st.integers(-14, 21), octave=st.integers(1, 7))
def test_every_step_lies_in_its_scale(key: Key, degree: int, octave: int) -> None:
    tone = key.tone(degree, tonic_midi=12 * octave + key.tonic)

    assert (round(tone) - key.tonic) % 12 in key.scale


@pytest.mark.parametrize(
    ("midi", "chord", "key", "midi_after", "chord_after"),
    [
        (61, (0,), "C major", 60, (0,)),
        (62, (0, 4, 7), "C major", 62, (0, 3, 7)),
        (62, (0, 4, 7, 10), "C major", 62, (0, 3, 7, 10)),
        (65, (0, 7), "C major", 65, (0, 7)),
        (65, (0, 3), "C major", 65, (0, 4)),
        (61, (0, 12), "C major", 60, (0, 12)),
        (60, (0, 3, 7, 10, 14), "C major", 60, (0, 4, 7, 11, 14)),
        (57, (0, 4, 7), "A minor pentatonic", 57, (0, 3, 7)),
    ],
)
def test_a_sound_is_brought_into_the_key_of_the_set(
    midi: float, chord: tuple[int, ...], key: str, midi_after: float, chord_after: tuple[int, ...]
) -> None:
    assert imposed(midi, chord, Key.parse(key)) == (midi_after, chord_after)


@given(midi=st.floats(12, 127), chord=st.sampled_from([(0,), (0, 12), *CHORDS.values()]), key=st.sampled_from(KEYS))
def test_what_was_imposed_stays_under_the_same_key(midi: float, chord: tuple[int, ...], key: Key) -> None:
    tone, voices = imposed(midi, chord, key)

    assert abs(tone - midi) <= 2
    assert (round(tone) - key.tonic) % 12 in key.scale
    assert len(voices) == len(chord)
    assert imposed(tone, voices, key) == (tone, voices)


@given(st.text(max_size=1000))
def test_any_text_is_read(text: str) -> None:
    take_harmony(text)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(harmony).failed == 0
