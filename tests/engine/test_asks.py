"""What a prompt asks for in so many words, and which sound each wish belongs to."""

import doctest
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import asks, lengths, levels, rooms
from engine.text.asks import Ask, asked, layers
from engine.text.harmony import Chord, Key
from engine.text.lengths import Length
from engine.text.notes import Pitch

# Enough of an ear for these tests: the encoder's part is to know that these are sounds.
SOUNDS = frozenset(
    [
        "kick",
        "snare",
        "clap",
        "hat",
        "hats",
        "bass",
        "pluck",
        "pad",
        "bell",
        "rain",
        "wind",
        "crackle",
        "gong",
        "guitar",
        "lead",
        "keys",
        "riser",
        "conga",
        "noise",
        "piano",
        "hum",
        "bassline",
        "impact",
        "strings",
        "drone",
        "choir",
        "808",
        "drum",
    ]
)


def heard(prompt: str) -> tuple[Ask, ...]:
    whole = asked(prompt)
    return layers(whole, [bool(SOUNDS & set(segment.words.lower().split())) for segment in whole.segments])


def only(prompt: str) -> Ask:
    sounds = heard(prompt)
    assert len(sounds) == 1, sounds
    return sounds[0]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a kick", ["a kick"]),
        ("909 kick", ["909 kick"]),
        ("808", ["808"]),
        ("bright bell", ["bright bell"]),
        ("vinyl crackle and soft rain", ["vinyl crackle", "soft rain"]),
        ("gong over rain", ["gong", "rain"]),
        ("pad with rain, wind plus a bell", ["pad", "rain", "wind", "a bell"]),
        ("kick + clap & hat", ["kick", "clap", "hat"]),
        ("bass layered with a kick", ["bass", "a kick"]),
        ("rain on top of wind", ["rain", "wind"]),
        ("pad together with strings; bell", ["pad", "strings", "bell"]),
        ("A kick. A snare!", ["A kick", "A snare"]),
        ("rain on a window", ["rain on a window"]),
        ("wind in the trees", ["wind in the trees"]),
        ("drum and bass kick", ["drum and bass kick"]),
        ("drum & bass kick", ["drum & bass kick"]),
        ("rhythm and blues guitar", ["rhythm and blues guitar"]),
        ("rock and roll guitar", ["rock and roll guitar"]),
        ("riser up and down", ["riser up and down"]),
        ("bell under water", ["bell under water"]),
        ("short and sweet bell", ["short and sweet bell"]),
        ("guitar power chord", ["guitar power chord"]),
        ("four on the floor, 124 bpm", ["four on the floor"]),
        ("bright pluck, arpeggio, 16th notes", ["bright pluck arpeggio"]),
        ("deep kick, dark, short, 124 bpm", ["deep kick dark short"]),
        ("dark and short kick", ["dark short kick"]),
        ("kick with a bit of distortion and a long tail", ["kick distortion a long tail"]),
        ("electric piano in E", ["electric piano"]),
        ("60 hz hum", ["hum"]),
        ("pad in D minor, 2 bars at 90 bpm", ["pad"]),
        ("kick\nclap", ["kick", "clap"]),
        ("🥁 kick 🥁", ["kick"]),
        ("キック", ["キック"]),
        ("ｋｉｃｋ", ["kick"]),
        ("kick, kick, kick, kick, kick, kick", ["kick"] * 4),
    ],
)
def test_a_prompt_is_cut_into_its_sounds(prompt: str, words: list[str]) -> None:
    assert [layer.words for layer in heard(prompt)] == words


def test_what_is_said_around_a_sound_belongs_to_it() -> None:
    pluck = only("a bright short metallic pluck in E4 with a long hall")

    assert pluck.words == "a bright short metallic pluck a hall"
    assert pluck.pitch == Pitch(pitch_class=4, midi=64.0)
    assert pluck.room_s == 3.0


def test_each_of_two_sounds_keeps_its_own_wishes() -> None:
    bass, bell = heard("very dark bass in F#1, 2 s, and a bell in C5 in a cave")

    assert (bass.pitch, bass.length, bass.room_s) == (
        Pitch(pitch_class=6, midi=30.0),
        Length(amount=2.0, unit="s"),
        None,
    )
    assert (bell.pitch, bell.length, bell.room_s) == (Pitch(pitch_class=0, midi=72.0), None, 4.0)
    assert bass.strength == {"brightness": 1.35}
    assert bell.strength == {}


def test_a_prompt_that_names_no_sound_is_one_ask_of_everything() -> None:
    ask = only("something bright, long, in E4")

    assert ask.words == "something bright long"
    assert ask.pitch == Pitch(pitch_class=4, midi=64.0)


def test_a_loop_loops_the_sounds_it_is_said_of() -> None:
    assert [layer.rhythm for layer in heard("kick and clap loop")] == ["loop", "loop"]
    assert [layer.rhythm for layer in heard("offbeat hat and kick loop")] == ["offbeats", "loop"]
    assert [layer.rhythm for layer in heard("impact over a kick loop")] == [None, "loop"]


@pytest.mark.parametrize(
    ("prompt", "tempo_bpm"),
    [
        ("kick loop, 124 bpm", 124),
        ("kick loop 124bpm", 124),
        ("kick at 90 BPM", 90),
        ("bpm 128 kick", 128),
        ("bpm: 87.5, kick", 87.5),
        ("tempo of 140, kick", 140),
        ("kick at a tempo of 99 bpm", 99),
        ("174-bpm kick", 174),
        ("kick at 5 bpm", None),
        ("kick at 2000 bpm", None),
        ("808 kick", None),
        ("bpm", None),
    ],
)
def test_a_tempo_is_read_and_taken_from_the_words(prompt: str, tempo_bpm: float | None) -> None:
    whole = asked(prompt)

    assert whole.tempo_bpm == tempo_bpm
    assert tempo_bpm is None or not any(char.isdigit() for segment in whole.segments for char in segment.words)


@pytest.mark.parametrize(
    ("prompt", "amount", "unit"),
    [
        ("500 ms kick", 0.5, "s"),
        ("500ms kick", 0.5, "s"),
        ("0.5 s kick", 0.5, "s"),
        ("0,5 s kick", 0.5, "s"),
        ("a 3 second riser", 3, "s"),
        ("riser for 3 seconds", 3, "s"),
        ("riser, 10s long", 10, "s"),
        ("half a second of noise", 0.5, "s"),
        ("one and a half seconds of noise", 1.5, "s"),
        ("noise for a second", 1, "s"),
        ("a minute of rain", 60, "s"),
        ("2 beats of noise", 2, "beats"),
        ("two bars of rain", 2, "bars"),
        ("1 bar riser", 1, "bars"),
        ("4-bar riser", 4, "bars"),
        ("riser over 8 bars", 8, "bars"),
        ("riser over a bar", 1, "bars"),
        ("half a bar of noise", 0.5, "bars"),
        ("a quarter note bass", 1, "beats"),
        ("16th note pluck", 0.25, "beats"),
        ("half note pad", 2, "beats"),
        ("1/8 note bell", 0.5, "beats"),
    ],
)
def test_a_length_is_read_in_its_unit(prompt: str, amount: float, unit: str) -> None:
    assert only(prompt).length == Length(amount=pytest.approx(amount), unit=unit)


@pytest.mark.parametrize(
    "prompt",
    [
        "80s lead",
        "808s",
        "909 kick",
        "pad with a 10 ms attack",
        "a second kick",
        "kick on every beat",
        "0 s kick",
        "4x4 kick",
    ],
)
def test_what_only_looks_like_a_length_is_none(prompt: str) -> None:
    assert only(prompt).length is None


def test_bars_last_by_the_tempo_and_seconds_do_not() -> None:
    assert Length(amount=2, unit="bars").seconds(tempo_bpm=120) == 4.0
    assert Length(amount=2, unit="bars").seconds(tempo_bpm=120, beats_per_bar=3) == 3.0
    assert Length(amount=3, unit="beats").seconds(tempo_bpm=90) == pytest.approx(2.0)
    assert Length(amount=0.3, unit="s").seconds(tempo_bpm=90) == 0.3


@pytest.mark.parametrize(
    ("prompt", "room_s"),
    [
        ("snare in a closet", 0.3),
        ("snare in a small room", 0.5),
        ("snare in a room", 0.8),
        ("snare in a studio", 0.6),
        ("snare in a chamber", 1.0),
        ("snare with plate reverb", 1.6),
        ("snare in a hall", 2.2),
        ("snare in a concert hall", 2.2),
        ("snare in a big hall", 3.0),
        ("snare with a long hall", 3.0),
        ("snare in a very long hall", 3.75),
        ("snare with a long reverb tail", 3.0),
        ("snare with 2.5 s reverb", 2.5),
        ("snare with a 3 second reverb", 3.0),
        ("snare in a church", 4.0),
        ("snare in a cathedral", 6.0),
        ("snare in a cave", 4.0),
        ("snare in an infinite space", 8.0),
        ("infinite reverb snare", 8.0),
        ("snare", None),
        ("snare with reverb", None),
        ("church bell", None),
        ("big room kick", None),
        ("studio kick", None),
        ("room tone and rain", None),
    ],
)
def test_a_room_is_as_long_as_it_is_large(prompt: str, room_s: float | None) -> None:
    assert heard(prompt)[0].room_s == room_s


def test_a_long_hall_does_not_make_a_long_sound() -> None:
    assert "long" not in only("short snare with a long hall").words
    assert "long" in only("long snare in a hall").words.split()


@pytest.mark.parametrize(
    ("prompt", "words", "strength"),
    [
        ("very dark pad", "dark pad", {"brightness": 1.35}),
        ("very very dark pad", "dark pad", {"brightness": 1.5}),
        ("extremely short kick", "short kick", {"length": 1.5}),
        ("super distorted bass", "distorted bass", {"drive": 1.5}),
        ("slightly distorted bass", "distorted bass", {"drive": 0.4}),
        ("a bit bright lead", "bright lead", {"brightness": 0.5}),
        ("somewhat long bell", "long bell", {"length": 0.65}),
        ("quite high bell", "high bell", {"pitch": 0.8}),
        ("kick with a touch of reverb", "kick reverb", {"room": 0.4}),
        ("bass with lots of distortion", "bass distortion", {"drive": 1.35}),
        ("bass with heavy distortion", "bass distortion", {"drive": 1.4}),
        ("bass with subtle distortion", "bass distortion", {"drive": 0.5}),
        ("less bright pad", "dark pad", {"brightness": 0.5}),
        ("very dark, slightly distorted pad", "dark distorted pad", {"brightness": 1.35, "drive": 0.4}),
        ("very punchy kick", "very punchy kick", {}),
    ],
)
def test_how_much_is_told_apart_from_what(prompt: str, words: str, strength: dict[str, float]) -> None:
    ask = only(prompt)

    assert ask.words == words
    assert ask.strength == pytest.approx(strength)


@pytest.mark.parametrize(
    ("prompt", "words", "muted"),
    [
        ("snare without reverb", "snare", {"room"}),
        ("snare w/o reverb", "snare", {"room"}),
        ("snare, no reverb", "snare", {"room"}),
        ("no reverb snare", "snare", {"room"}),
        ("snare without any long reverb tail", "snare", {"room"}),
        ("snare with no reverb or distortion", "snare", {"room", "drive"}),
        ("dry snare", "snare", {"room"}),
        ("undistorted bass", "bass", {"drive"}),
        ("bass, not distorted", "bass", {"drive"}),
        ("clean guitar", "clean guitar", {"drive"}),
        ("not bright pad", "dark pad", set()),
        ("pad, not dark", "pad bright", set()),
        ("pad that isn't bright", "pad dark", set()),
        ("pad that isn’t bright or harsh", "pad dark", set()),
        ("never harsh lead", "dark lead", set()),
        ("kick with no tail", "kick short", set()),
        ("pad with no highs", "pad dark", set()),
        ("pad with no top end", "pad dark", set()),
        ("pad with no low end", "pad bright", set()),
        ("noise that never ends", "noise that never ends", set()),
        ("kick, not long", "kick short", set()),
        ("bell, not high pitched", "bell low pitched", set()),
        ("non-metallic bell", "bell", set()),
        ("bell, not metallic", "bell", set()),
        ("rain without thunder", "rain", set()),
        ("rain, no wind", "rain", set()),
        ("rain, not a storm", "rain", set()),
        ("no kick", "", set()),
        ("no kick, no snare", "", set()),
    ],
)
def test_what_is_denied_is_not_heard(prompt: str, words: str, muted: set[str]) -> None:
    ask = only(prompt)

    assert ask.words == words
    assert ask.muted == muted


def test_not_too_much_is_a_little_of_the_opposite() -> None:
    assert only("not too bright snare without reverb") == Ask(
        words="dark snare", said="dark snare", strength={"brightness": 0.4}, muted=frozenset({"room"})
    )
    assert only("pad, not too dark").strength == {"brightness": 0.4}
    assert only("pad, not too dark").words == "pad bright"
    assert only("snare, not too much reverb").strength == {"room": 0.4}
    assert only("snare, not too much reverb").muted == frozenset()


@pytest.mark.parametrize(
    ("prompt", "rhythm"),
    [
        ("four on the floor kick loop, 124 bpm, 2 bars", "four on the floor"),
        ("kick, loop", "loop"),
        ("hats, sixteenth notes, swung", "sixteenths"),
        ("bassline", None),
        ("dark bassline note in D1", None),
        ("bassline in D minor", "bassline"),
        ("bassline, 2 bars", "bassline"),
        ("bassline loop", "bassline"),
        ("bassline at 120 bpm", "bassline"),
        ("piano riff", "riff"),
        ("one shot kick", None),
        ("rain", None),
    ],
)
def test_a_rhythm_is_played_if_it_is_asked_for(prompt: str, rhythm: str | None) -> None:
    assert only(prompt).rhythm == rhythm


def test_swing_said_apart_belongs_to_the_loop() -> None:
    assert only("hats, sixteenth notes, heavy swing").swing == 1.0


def test_a_kit_is_a_layer_without_any_word_the_encoder_knows() -> None:
    break_ = only("drum and bass break 174 bpm")
    no_kick = only("house beat without kick, 2 bars")

    assert [part.kind for part in break_.kit] == ["kick", "snare", "closed hat", "ride"]
    assert [part.kind for part in no_kick.kit] == ["clap", "closed hat", "open hat"]
    assert no_kick.length == Length(amount=2.0, unit="bars")
    assert [bool(layer.kit) for layer in heard("house beat and a warm pad")] == [True, False]


def test_a_style_beside_a_sound_is_no_kit() -> None:
    assert only("dusty snare, boom bap").kit == ()
    assert only("drum and bass").kit


def test_what_is_not_wanted_is_told() -> None:
    assert asked("drum loop without kick and no hats").without == ("kick", "hats")


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("pad in D minor, 2 bars at 90 bpm", "D minor"),
        ("kick and bassline in F# dorian", "F# dorian"),
        ("key of A, strings", "A major"),
        ("Am7 pad", None),
        ("pad", None),
    ],
)
def test_a_key_counts_for_the_whole_prompt(prompt: str, key: str | None) -> None:
    assert asked(prompt).key == (Key.parse(key) if key else None)


@pytest.mark.parametrize(
    ("prompt", "kind", "pitch", "chord"),
    [
        ("pad in D minor", "pad", Pitch(pitch_class=2), (0, 3, 7)),
        ("lead in D minor", "lead", Pitch(pitch_class=2), (0,)),
        ("pad in D minor", "bass", Pitch(pitch_class=2), (0,)),
        ("D minor pad", "pad", Pitch(pitch_class=2), (0, 3, 7)),
        ("D minor bell", "bell", Pitch(pitch_class=2), (0, 3, 7)),
        ("D minor bass", "bass", Pitch(pitch_class=2), (0,)),
        ("major bell", "bell", None, (0, 4, 7)),
        ("C5 bell", "bell", Pitch(pitch_class=0, midi=72.0), ()),
        ("power chord in C, guitar", "guitar", Pitch(pitch_class=0), (0, 7)),
        ("Am7 keys in A3", "keys", Pitch(pitch_class=9, midi=57.0), (0, 3, 7, 10)),
        ("Am7 keys in C4", "keys", Pitch(pitch_class=9, midi=57.0), (0, 3, 7, 10)),
        ("Bb bass", "bass", Pitch(pitch_class=10), ()),
        ("kick", "kick", None, ()),
    ],
)
def test_a_key_is_a_chord_to_a_pad_and_a_note_to_a_lead(
    prompt: str, kind: str, pitch: Pitch | None, chord: tuple[int, ...]
) -> None:
    assert only(prompt).voicing(kind, asked(prompt).key) == (pitch, chord)


def test_a_minor_inconvenience_is_no_chord_and_a_minor_pad_is() -> None:
    assert asked("a minor inconvenience").segments[0].words == "a minor inconvenience"
    assert asked("a minor pad").segments[0].chord == Chord("minor", 9)


@pytest.mark.parametrize(
    "prompt",
    [
        *(
            "",
            " ",
            "!!!",
            "...",
            ", , ,",
            "and",
            "with and over",
            "🎹🎶",
            "日本語の音、明るい",
            "½ bar ² beats",
            "٣ bars",
        ),
        *("not", "no", "non", "without", "very", "not not not", "in a", "124 bpm", "ſus4 K mİnor ı", "\x1f and \x1f"),
        *("a" * 1000, "9" * 1000, "-" * 1000, "C " * 500, "a " * 500, "and a half " * 90, "no or nor " * 100),
    ],
)
def test_odd_texts_are_understood_as_something(prompt: str) -> None:
    whole = asked(prompt)

    assert whole.segments
    assert layers(whole, [True] * len(whole.segments))
    assert layers(whole, [False] * len(whole.segments))


WORDS = st.lists(
    st.sampled_from(
        [
            "a",
            "an",
            "the",
            "in",
            "on",
            "at",
            "with",
            "and",
            "over",
            "not",
            "no",
            "without",
            "too",
            "very",
            "bit",
            "of",
            "less",
            "C",
            "D#",
            "minor",
            "major",
            "7",
            "m7",
            "chord",
            "key",
            "E4",
            "440",
            "hz",
            "2",
            "bars",
            "half",
            "second",
            "16th",
            "notes",
            "loop",
            "swing",
            "bassline",
            "kick",
            "pad",
            "reverb",
            "long",
            "hall",
            "dry",
            "bright",
            "dark",
            "short",
            ",",
            ".",
            ";",
            "+",
            "&",
            "or",
            "highs",
            "tail",
            "124",
            "bpm",
            "isn't",
            "non-",
            "drum",
            "bass",
            "beat",
            "w/o",
            "infinite",
            "3",
            "s",
            "flat",
            "sharp",
        ]
    ),
    max_size=40,
).map(" ".join)


@given(prompt=st.one_of(st.text(max_size=1000), WORDS), names=st.lists(st.booleans(), min_size=1, max_size=8))
def test_no_text_is_too_odd(prompt: str, names: list[bool]) -> None:
    whole = asked(prompt)
    sounds = layers(whole, [names[place % len(names)] for place in range(len(whole.segments))])

    assert asked(prompt) == whole
    assert 1 <= len(sounds) <= 4
    for ask in sounds:
        assert ask.length is None or ask.length.amount > 0
        assert all(0.2 <= much <= 1.5 for much in ask.strength.values())
        assert ask.pitch is None or 0 <= ask.pitch.pitch_class < 12


def test_as_many_answers_are_wanted_as_there_are_segments() -> None:
    with pytest.raises(ValueError, match="1 answers for 2 segments"):
        layers(asked("kick and rain"), [True])


def test_a_prompt_is_read_in_well_under_a_millisecond() -> None:
    prompt = "a bright short metallic pluck in E4 with a long hall, not too dark, 2 bars at 124 bpm"
    asked(prompt)
    times_s = []
    for _ in range(50):
        start_s = time.perf_counter()
        asked(prompt)
        times_s.append(time.perf_counter() - start_s)

    assert min(times_s) < 0.000_5


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (asks, lengths, levels, rooms):
        assert doctest.testmod(module).failed == 0
