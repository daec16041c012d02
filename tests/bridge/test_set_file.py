"""Sets as musicians write them, right and wrong."""

import contextlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import set_words
from bridge.set_file import (
    ClockChoice,
    ControlTrigger,
    Effect,
    NoteTrigger,
    Set,
    SetError,
    ShapeTrigger,
    TimelineEntry,
    TimelineMove,
    TrackSpec,
    cue_with,
    located,
    parse_set,
    read_set,
)
from engine import residents
from osc_schemas.cue import Cue
from osc_schemas.errors import CueError
from osc_schemas.shape import Shape

NIGHT_DRIVE = """\
[set]
title = "Night drive"
tempo_bpm = 124
meter = "4/4"
sample_rate_hz = 44100

[engine]
steps = 2

[tracks.drums]
gain_db = -3
effects = [{ name = "Compressor", threshold_db = -18, ratio = 3 }, { path = "fx/Dust.vst3", on = true }]

[cues.kick]
track = "drums"
prompt = "deep punchy kick"
length_beats = 1
loop = true

[cues."open hat"]
track = "drums"
prompt = "open hat"
length_beats = 0.5
steps = 1

[scenes.drop]
cues = ["kick", "open hat"]

[triggers]
midi = [
  { note = 36, cue = "kick", channel = 10 },
  { note = 48, scene = "drop" },
  { cc = 20, set = "kick.guidance_scale", range = [1, 8] },
]

[[timeline]]
beat = 8.5
cue = "open hat"
every_beats = 1
until_beat = 12

[[timeline]]
beat = 0
cue = "kick"
"""


def test_a_set_file_becomes_a_set() -> None:
    night = parse_set(NIGHT_DRIVE)

    assert (night.title, night.tempo_bpm, night.beats_per_bar, night.sample_rate_hz) == ("Night drive", 124, 4, 44_100)
    assert night.tracks["drums"].gain_db == -3
    assert night.tracks["drums"].loudness_lufs == -16
    assert night.tracks["drums"].effects == (
        Effect(name="Compressor", parameters={"threshold_db": -18, "ratio": 3}),
        Effect(path="fx/Dust.vst3", parameters={"on": True}),
    )
    assert night.cues["kick"].loop
    assert night.scenes == {"drop": ("kick", "open hat")}
    assert night.midi == (
        NoteTrigger(note=36, cue="kick", channel=10),
        NoteTrigger(note=48, scene="drop"),
        ControlTrigger(cc=20, set="kick.guidance_scale", range=(1, 8)),
    )


def test_a_note_may_say_what_its_velocity_does_and_a_controller_how_it_takes_over() -> None:
    hard = parse_set(NIGHT_DRIVE.replace("channel = 10", "velocity = { gain_db = [-18, 0], brightness = [-0.4, 0] }"))
    jumping = parse_set(NIGHT_DRIVE.replace("[1, 8]", '[1, 8], takeover = "jump"'))

    assert hard.midi[0] == NoteTrigger(
        note=36, cue="kick", velocity={"gain_db": (-18.0, 0.0), "brightness": (-0.4, 0.0)}
    )
    assert jumping.midi[2] == ControlTrigger(cc=20, set="kick.guidance_scale", range=(1, 8), takeover="jump")


def test_the_timeline_is_in_the_order_of_its_beats_with_repeats_written_out() -> None:
    timeline = parse_set(NIGHT_DRIVE).timeline

    assert [(entry.beat, entry.cue) for entry in timeline] == [
        (0, "kick"),
        (8.5, "open hat"),
        (9.5, "open hat"),
        (10.5, "open hat"),
        (11.5, "open hat"),
    ]


def test_the_same_words_in_python_give_the_same_set() -> None:
    in_python = Set(
        title="One",
        tempo_bpm=90,
        tracks={"drums": TrackSpec(name="drums", gain_db=-6)},
        cues={"kick": Cue(name="kick", track="drums", prompt="kick", length_beats=1, seed=7)},
        timeline=(TimelineEntry(beat=4, cue="kick"),),
    )

    assert in_python == parse_set("""
        [set]
        title = "One"
        tempo_bpm = 90
        [tracks.drums]
        gain_db = -6
        [cues.kick]
        track = "drums"
        prompt = "kick"
        length_beats = 1
        seed = 7
        [[timeline]]
        beat = 4
        cue = "kick"
    """)


def test_a_cue_takes_the_engines_steps_unless_it_states_its_own() -> None:
    night = parse_set(NIGHT_DRIVE)

    assert (night.cues["kick"].steps, night.cues["open hat"].steps) == (2, 1)


def test_a_cue_without_a_seed_has_the_same_one_every_time() -> None:
    assert parse_set(NIGHT_DRIVE).cues["kick"].seed == Cue(name="x", track="x", prompt="x", length_beats=1).seed == 0


@pytest.mark.parametrize(("meter", "beats"), [("3/4", 3), ("6/8", 3), ("7/8", 3.5), ("2/2", 4)])
def test_a_beat_is_a_quarter_note_in_every_meter(meter: str, beats: float) -> None:
    assert parse_set(NIGHT_DRIVE.replace("4/4", meter)).beats_per_bar == beats


def with_a_sound(folder: Path, written: str, *, seconds: float = 0.1, channels: int = 1) -> Path:
    """A set in `folder`, whose kick has the lines `written`; beside it a sound, and one outside."""
    (folder / "set" / "loops").mkdir(parents=True)
    samples = np.linspace(-1, 1, int(seconds * 48_000) * channels, dtype=np.float32).reshape(-1, channels)
    for name in ("set/loops/loop.wav", "outside.wav"):
        sf.write(folder / name, samples, 48_000, subtype="FLOAT")
    (folder / "set/link.wav").symlink_to(folder / "outside.wav")
    (folder / "set/empty.wav").write_bytes(b"")
    path = folder / "set" / "night.toml"
    path.write_text(NIGHT_DRIVE.replace("loop = true", f"loop = true\n{written}", 1))
    return path


def test_a_cue_starts_from_a_sound_beside_the_set_or_follows_one(tmp_path: Path) -> None:
    start = read_set(with_a_sound(tmp_path / "a", 'from = "loops/loop.wav"\nstrength = 0.3')).cues["kick"].source
    follow = read_set(with_a_sound(tmp_path / "b", 'follow = "./loops/../loops/loop.wav"')).cues["kick"].source

    assert start is not None
    assert follow is not None
    assert (start.use, start.strength, start.sample_rate_hz, start.samples.shape) == ("start", 0.3, 48_000, (4_800, 1))
    assert (follow.use, follow.strength, follow.samples_hash) == ("loudness", 0.6, start.samples_hash)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (
            'from = "../outside.wav"',
            "19: cues.kick: from is '../outside.wav', which lies outside the folder of the set",
        ),
        ('follow = "link.wav"', "19: cues.kick: follow is 'link.wav', which lies outside the folder of the set"),
        ('from = "/etc/passwd"', "19: cues.kick: from is '/etc/passwd', which lies outside"),
        ('from = "lop.wav"', "19: cues.kick: from: .*lop.wav: there is no such file"),
        ('from = "empty.wav"', "19: cues.kick: from: .*empty.wav is no sound that can be read"),
        ('from = "night.toml"', "19: cues.kick: from: .*night.toml is no sound that can be read"),
        ('from = "a\\u0000b"', "19: cues.kick: from is .*, which names no file"),
        ('from = "loops/loop.wav"\nfollow = "loops/loop.wav"', "20: cues.kick: .*write either from or follow"),
        ('from = "loops/loop.wav"\nstrength = 1.5', "20: cues.kick: strength is 1.5; it must be between 0 and 1"),
        ("from = 3", "19: cues.kick: from is 3; it must be a text in quotes"),
    ],
)
def test_a_sound_that_cannot_be_taken_is_told_with_its_line(tmp_path: Path, written: str, sentence: str) -> None:
    with pytest.raises(SetError, match=f"night.toml:{sentence}"):
        read_set(with_a_sound(tmp_path, written))


def test_a_sound_that_is_too_long_or_has_too_many_channels_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(SetError, match=r"loop\.wav lasts 61\.0 s; at most 60 s are taken"):
        read_set(with_a_sound(tmp_path / "a", 'from = "loops/loop.wav"', seconds=61))
    with pytest.raises(SetError, match=r"loop\.wav has 3 channels; write it with 1 or 2"):
        read_set(with_a_sound(tmp_path / "b", 'from = "loops/loop.wav"', channels=3))


def test_options_of_a_cue_go_before_those_of_the_engine() -> None:
    text = NIGHT_DRIVE.replace("steps = 2", "steps = 2\noptions = { nu = 1, gamma = 0.5 }")
    music = parse_set(text.replace("loop = true", "loop = true\noptions = { nu = 1.5 }", 1))

    assert music.engine.options == (("gamma", 0.5), ("nu", 1.0))
    assert music.cues["kick"].options == (("gamma", 0.5), ("nu", 1.5))


def test_a_set_names_the_families_that_the_engine_has() -> None:
    assert set(residents.FAMILIES) <= set(set_words.FAMILIES)
    assert parse_set(NIGHT_DRIVE.replace("steps = 2", 'family = "my.models:Own"')).engine.family == "my.models:Own"


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("tempo_bpm = 124", "tempo_bpm = 0", "3: set: tempo_bpm is 0; it must be between 20 and 999"),
        ("tempo_bpm = 124", "tempo_bpm = nan", "3: set: tempo_bpm is nan; it must be"),
        ("tempo_bpm = 124", "tempo_bpm = '124'", "3: set: tempo_bpm is '124'; it must be a number"),
        (
            "tempo_bpm = 124",
            'key = "H minor"',
            "3: set: the key is 'H minor'; wanted a note and a mode, such as 'D minor'",
        ),
        ("tempo_bpm = 124", "tempo = 124", "3: set: the key tempo is not known; the nearest is tempo_bpm"),
        ("tempo_bpm = 124", f"tempo_bpm = {10**400}", "3: set: tempo_bpm is a number of more than 64 bits"),
        ("tempo_bpm = 124", "tempo_bpm 124", "3: this is no TOML: Expected '=' after a key"),
        ("tempo_bpm = 124", "tempo_bpm = 124\ntempo_bpm = 1", "4: this is no TOML: Cannot overwrite a value"),
        ('meter = "4/4"', 'meter = "four"', "4: set: meter is 'four'; it must be like 4/4"),
        ("= 44100", "= 44100.5", "5: set: sample_rate_hz is 44100.5; it must be a whole number"),
        ("= 44100", "= 1", "5: set: sample_rate_hz is 1; it must be between 8000"),
        ("[engine]", "[engines]", "7: the key engines is not known; the nearest is engine"),
        ("steps = 2", "steps = 1000", "8: engine: steps is 1000; it must be one of 1, 2, 4"),
        ("steps = 2", 'family = "soundtcm"', "8: engine: family is 'soundtcm'; .*; the nearest is soundctm"),
        ("steps = 2", "options = 3", "8: engine: options is 3; it must be a table"),
        ("steps = 2", 'family = "x"', "8: engine: family is 'x'; it must be one of embedded"),
        ("gain_db = -3", "gain_db = inf", "11: tracks.drums: gain_db is inf"),
        ("gain_db = -3", "gain = -3", "11: tracks.drums: the key gain is not known; the nearest is gain_db"),
        ("ratio = 3", "ratio = []", "12: tracks.drums.effects 1: ratio is a list of 0; it must be a number"),
        ('name = "Compressor"', 'nam = "x"', "12: tracks.drums.effects 1: an effect has either a name"),
        ("[tracks.drums]", '[tracks."a/b"]', "10: tracks.a/b: .* is 'a/b'; a name has"),
        ("[tracks.drums]", "[tracks.drum]", "15: cues.kick: the set has no track 'drums'; the nearest is drum"),
        ("deep punchy kick", " ", "16: cues.kick: the prompt is empty"),
        ("deep punchy kick", "k" * 100_000, "16: cues.kick: the prompt has 100000 characters"),
        ('prompt = "deep punchy kick"\n', "", "14: cues.kick: prompt is missing"),
        ("length_beats = 1\n", "length_beats = 0\n", "17: cues.kick: length_beats is 0; a cue needs a length above 0"),
        (
            "length_beats = 1\n",
            "length_beats = -1\n",
            "17: cues.kick: length_beats is -1; a cue needs a length",
        ),
        ("length_beats = 1\n", "length_beats = inf\n", "17: cues.kick: length_beats is inf; a cue needs a length"),
        ("length_beats = 1\n", "length_beats = 200\n", "17: cues.kick: length_beats is 200, .* lasts 96.8 s; a clip"),
        ("length_beats = 1\n", "length_beats = true\n", "17: cues.kick: length_beats is true; it must be a number"),
        ("loop = true", "loop = 1", "18: cues.kick: loop is 1; it must be true or false"),
        (
            "loop = true",
            'key = "D superlocrian"',
            "18: cues.kick: the key is 'D superlocrian'; wanted a note and a mode",
        ),
        (
            "loop = true",
            "strength = 0.5",
            "18: cues.kick: strength says how much of a sound is used, and the cue has none",
        ),
        (
            "loop = true",
            'from = "loop.wav"',
            "18: cues.kick: from is 'loop.wav', and the set is no file that has a folder",
        ),
        ("loop = true", "options = { nu = 'x' }", "18: cues.kick.options: nu is 'x'; it must be a number"),
        ("loop = true", "options = { Nu = 1 }", "18: cues.kick: an option is called 'Nu'"),
        ("loop = true", 'name = "x"', "18: cues.kick: the key name is not known"),
        ("steps = 1\n", "steps = 0\n", "24: cues.open hat: steps is 0; it must be one of"),
        ('cues = ["kick", "open hat"]', 'cues = "kick"', "27: scenes.drop: cues is 'kick'; it must be a list"),
        ('["kick", "open hat"]', '["kick",\n"hat"]', "28: scenes.drop.cues: the set has no cue 'hat'"),
        ("note = 36", "note = 128", "31: triggers.midi 1: note is 128; it must be between 0 and 127"),
        ("channel = 10", "channel = 0", "31: triggers.midi 1: channel is 0; it must be between 1 and 16"),
        ('cue = "kick", ch', 'cue = "kik", ch', "31: triggers.midi 1: the set has no cue 'kik'; the nearest is kick"),
        ('scene = "drop"', "velocty = 1", "32: triggers.midi 2: the key velocty is not known; the nearest is velocity"),
        ('scene = "drop"', "velocity = 1", "32: triggers.midi 2: velocity is 1; it must be a table"),
        (
            '"drop" }',
            '"drop", velocity = { gain = [0, 1] } }',
            "32: triggers.midi 2.velocity: the key gain is not known; the nearest is gain_db",
        ),
        (
            '"drop" }',
            '"drop", velocity = { gain_db = -18 } }',
            "32: triggers.midi 2.velocity: gain_db is -18; it must be a list of 2",
        ),
        (
            '"drop" }',
            '"drop", velocity = { brightness = [-2, 0] } }',
            "32: triggers.midi 2: an end of the brightness of velocity is -2; it must be between -1 and 1",
        ),
        (
            "[1, 8]",
            '[1, 8], takeover = "sotf"',
            "33: triggers.midi 3: takeover is 'sotf'; it must be one of soft, jump",
        ),
        ('scene = "drop"', 'scene = "x"', "32: triggers.midi 2: the set has no scene 'x'; there is drop"),
        ("kick.guidance_scale", "kick.gain", "33: triggers.midi 3: set is 'kick.gain'; .* the nearest is gain_db"),
        ("kick.guidance_scale", "kik.gain_db", "33: triggers.midi 3: the set has no cue 'kik'"),
        ("[1, 8]", "[1, 80]", "33: triggers.midi 3: range reaches too far: guidance_scale is 80"),
        ("[1, 8]", "[1]", "33: triggers.midi 3: range is a list of 1; it must be a list of 2"),
        ("midi = [", "midi = 1 #", "31: this is no TOML"),
        ("beat = 8.5", "beat = -1", "37: timeline 1: beat is -1; it must be between 0"),
        ("beat = 8.5", "bar = 3", "37: timeline 1: the key bar is not known"),
        ("every_beats = 1", "every_beats = 0", "39: timeline 1: every_beats is 0; it must be at least 0.01"),
        ("until_beat = 12", "", "37: timeline 1: every_beats and until_beat belong together"),
        ("until_beat = 12", "until_beat = 1e300", "39: timeline 1: the timeline has more than 10000"),
        ('beat = 0\ncue = "kick"', 'beat = 0\ncue = "kik"', "44: timeline 2: the set has no cue 'kik'; the nearest"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(right: str, wrong: str, sentence: str) -> None:
    assert NIGHT_DRIVE.count(right) >= 1

    with pytest.raises(SetError, match=f"^night.toml:{sentence}") as error:
        parse_set(NIGHT_DRIVE.replace(right, wrong, 1), source="night.toml")

    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_set_without_a_track_is_refused() -> None:
    with pytest.raises(SetError, match=r"^set:1: the set has no track; write \[tracks.NAME\]"):
        parse_set("")


def test_a_missing_file_is_one_sentence_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text(NIGHT_DRIVE)

    with pytest.raises(SetError, match=r"nigth\.toml: there is no such file; the nearest is night\.toml"):
        read_set(tmp_path / "nigth.toml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[set]\ntitle = '\xff'", "night.toml:2: the byte 0xff is no UTF-8"),
        (b"#" * 1_000_001, "more than 1000000 bytes"),
        (b"\xef\xbb\xbf[set]\nx = 1", "night.toml:2: set: the key x"),
        (b"[set]\r\n\r\nx = 1", "night.toml:3: set: the key x"),
        (b"x = " + b"[" * 5_000, "too deep"),
    ],
)
def test_a_file_that_is_no_set_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "night.toml").write_bytes(content)

    with pytest.raises(SetError, match=sentence):
        read_set(tmp_path / "night.toml")


def test_a_folder_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(SetError, match="cannot be read"):
        read_set(tmp_path)


def test_what_is_found_wrong_later_has_its_line_too(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text(NIGHT_DRIVE)
    error = SetError("Compressor has no ratio", key=("tracks", "drums", "effects", 0, "ratio"))

    assert str(located(error, read_set(path))) == f"{path}:12: tracks.drums.effects 1: Compressor has no ratio"
    assert located(error, parse_set(NIGHT_DRIVE)) is error


def test_a_set_in_python_is_checked_like_a_file() -> None:
    drums = TrackSpec(name="drums")
    with pytest.raises(SetError, match="the set has no track 'drum'; the nearest is drums"):
        Set(tracks={"drums": drums}, cues={"kick": Cue(name="kick", track="drum", prompt="kick", length_beats=1)})
    with pytest.raises(SetError, match="both must be the same"):
        Set(tracks={"bass": drums})


def test_a_number_of_a_cue_can_be_set() -> None:
    kick = Cue(name="kick", track="drums", prompt="kick", length_beats=1)

    assert cue_with(kick, "guidance_scale", 2.5).guidance_scale == 2.5
    assert cue_with(kick, "steps", 4.0).steps == 4
    for key, value in (("prompt", 1), ("steps", 3), ("seed", 0.5), ("seed", float("inf")), ("gain_db", float("nan"))):
        with pytest.raises(CueError, match=key):
            cue_with(kick, key, value)


values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text("ab/\"'\n", max_size=5).map(repr),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=3), inner),
    max_leaves=5,
)
lines = [line for line in NIGHT_DRIVE.splitlines() if line]


def as_toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {as_toml(inner)}' for key, inner in value.items())}}}"
    return str(value).lower()


@settings(max_examples=300)
@given(st.data())
def test_no_text_raises_anything_but_a_sentence(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["any text", "lines in any order", "another value", "another piece"]))
    if kind == "any text":
        text = data.draw(st.text(max_size=60))
    elif kind == "lines in any order":
        text = "\n".join(data.draw(st.lists(st.sampled_from(lines), max_size=12)))
    elif kind == "another value":
        where = data.draw(st.sampled_from([line for line in lines if " = " in line]))
        text = NIGHT_DRIVE.replace(where, f"{where.split(' = ')[0]} = {as_toml(data.draw(values))}")
    else:
        start = data.draw(st.integers(0, len(NIGHT_DRIVE)))
        end = data.draw(st.integers(start, min(start + 20, len(NIGHT_DRIVE))))
        text = NIGHT_DRIVE[:start] + data.draw(st.text("[]{}=\"'.,\n#a1 ", max_size=5)) + NIGHT_DRIVE[end:]

    with contextlib.suppress(SetError):
        parse_set(text)


def test_the_examples_are_sets_that_any_family_can_play() -> None:
    root = Path(__file__).parents[2]
    sets = [*root.glob("examples/*.toml"), *root.glob("bridge/sets/*.toml")]

    assert len(sets) >= 3
    for path in sets:
        music = read_set(path)
        for cue in music.cues.values():
            assert cue.length_beats * 60 / music.tempo_bpm <= 12, (path.name, cue.name)
        assert tomllib.loads(path.read_text(encoding="utf-8"))["set"]["title"] == music.title


IN_A_KEY = """\
[set]
key = "D minor"

[tracks.bass]

[cues.sub]
track = "bass"
prompt = "sub bass"
length_beats = 1
key = "off"
shape = { pitch = -12, room = 0.5 }

[triggers]
midi = [{ cc = 21, shape = "bass.brightness" }, { cc = 22, shape = "bass.pitch", range = [-12, 0], channel = 1 }]

[[timeline]]
beat = 8
shape = "bass.brightness"
value = 0.5

[[timeline]]
beat = 0
cue = "sub"

[[timeline]]
beat = 4
shape = "bass.brightness"
value = -1
"""


def test_keys_shapes_and_knobs_are_words_of_a_set() -> None:
    music = parse_set(IN_A_KEY)

    assert (music.key, music.cues["sub"].key) == ("D minor", "off")
    assert music.cues["sub"].shape == Shape(pitch=-12, room=0.5)
    assert music.midi == (
        ShapeTrigger(cc=21, shape="bass.brightness"),
        ShapeTrigger(cc=22, shape="bass.pitch", range=(-12, 0), channel=1),
    )
    assert music.timeline == (TimelineEntry(beat=0, cue="sub"),)
    assert music.moves == (
        TimelineMove(beat=4, shape="bass.brightness", value=-1),
        TimelineMove(beat=8, shape="bass.brightness", value=0.5),
    )


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ('"D minor"', f'"{"k" * 41}"', "2: set: the key has 41 characters; at most 40 are taken"),
        ('key = "off"', f'key = "{"k" * 41}"', "10: cues.sub: the key has 41 characters"),
        ("{ pitch = -12", "{ pich = -12", "11: cues.sub.shape: the key pich is not known; the nearest is pitch"),
        ("room = 0.5", "room = 5", "11: cues.sub.shape: shape_room is 5; it must be between -1 and 1"),
        ("{ pitch = -12, room = 0.5 }", "3", "11: cues.sub: shape is 3; it must be a table"),
        ("cc = 21", "cc = 128", "14: triggers.midi 1: cc is 128"),
        ("bass.brightness", "bass.britness", "14: triggers.midi 1: shape is 'bass.britness'; .* nearest is brightness"),
        ("bass.brightness", "brightness", "14: triggers.midi 1: shape is 'brightness'; it must be a track and one"),
        ("bass.brightness", "bss.brightness", "14: triggers.midi 1: the set has no track 'bss'; the nearest is bass"),
        ("[-12, 0]", "[-12, 100]", "14: triggers.midi 2: an end of the range of pitch is 100; it must be between -24"),
        ("value = 0.5", "value = 5", "19: timeline 1: value is 5; it must be between -1 and 1"),
        ("beat = 8", "beat = -8", "17: timeline 1: beat is -8"),
        ("value = 0.5", "cue = 'sub'", "19: timeline 1: the key cue is not known"),
        ('"bass.brightness"\nvalue = -1', '"bss.drive"\nvalue = -1', "27: timeline 3: the set has no track 'bss'"),
    ],
)
def test_what_is_wrong_with_a_knob_or_key_is_one_sentence_with_its_line(right: str, wrong: str, sentence: str) -> None:
    assert IN_A_KEY.count(right) >= 1

    with pytest.raises(SetError, match=f"^night.toml:{sentence}"):
        parse_set(IN_A_KEY.replace(right, wrong, 1), source="night.toml")


def with_clock(table: str) -> str:
    return NIGHT_DRIVE.replace("[engine]\n", f"[clock]\n{table}\n\n[engine]\n", 1)


def test_a_set_says_whose_time_it_keeps() -> None:
    music = parse_set(with_clock('sources = ["link", "midi", "jack", "internal"]\nlink_start_stop = true'))

    assert music.clock == ClockChoice(sources=("link", "midi", "jack", "internal"), link_start_stop=True)
    assert parse_set(NIGHT_DRIVE).clock == ClockChoice(sources=("internal",))


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('sources = ["lnk"]', "8: clock: there is no clock 'lnk'; the nearest is link"),
        ('sources = ["midi", "midi"]', "8: clock: sources names midi twice"),
        ('sources = ["internal", "midi"]', "8: clock: internal stands before other clocks"),
        ('source = ["midi"]', "8: clock: the key source is not known; the nearest is sources"),
    ],
)
def test_a_clock_that_cannot_be_is_told_with_its_line(table: str, sentence: str) -> None:
    with pytest.raises(SetError, match=sentence):
        parse_set(with_clock(table))


@pytest.mark.parametrize(
    ("choice", "starters"),
    [
        (ClockChoice(), ()),
        (ClockChoice(sources=("link", "internal")), ()),
        (ClockChoice(sources=("link", "internal"), link_start_stop=True), ("link",)),
        (ClockChoice(sources=("jack",)), ("jack",)),
        (ClockChoice(sources=("link", "midi", "internal")), ("midi",)),
    ],
)
def test_a_set_waits_for_the_clocks_that_may_start_it(choice: ClockChoice, starters: tuple[str, ...]) -> None:
    assert choice.starters == starters


def test_the_tempo_rule_of_a_cue_is_one_of_three() -> None:
    with pytest.raises(SetError, match="tempo is 'follow'"):
        parse_set(NIGHT_DRIVE.replace("loop = true", 'loop = true\ntempo = "follow"', 1))


WITH_HOST = NIGHT_DRIVE.replace("[tracks.drums]", '[host]\nname = "live"\n[tracks.drums]\nhost_track = "Drums"', 1)


def test_a_track_has_its_clips_in_the_sets_host() -> None:
    music = parse_set(WITH_HOST)

    assert music.host is not None
    assert music.host.name == "live"
    drums = music.tracks["drums"]
    assert (drums.host_track, drums.host_place, drums.host_slots, drums.heard_where) == (
        "Drums",
        "slot",
        (1, 2),
        "host",
    )


def test_what_is_printed_is_heard_from_us() -> None:
    music = parse_set(WITH_HOST.replace("host_track =", 'host_place = "arrangement"\nhost_track ='))

    assert music.tracks["drums"].heard_where == "upbeat"


def test_a_hosts_folder_is_counted_from_the_sets_own(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text(WITH_HOST.replace('name = "live"', 'name = "folder"\nfolder = "clips"'))

    host = read_set(path).host

    assert host is not None
    assert host.folder == tmp_path / "clips"


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ('name = "live"', 'name = "life"', r"host: there is no host 'life'; the nearest is live"),
        ('name = "live"', 'name = "plugin"', "there is no host 'plugin'"),
        ('name = "live"', "port = 7000", "name is missing"),
        ('name = "live"', 'name = "live"\nport = 70000', r"port is 70000; it must be 1 to 65535"),
        ('name = "live"', 'name = "live"\nprot = 70', r"the key prot is not known; the nearest is port"),
        ('[host]\nname = "live"\n', "", r"tracks.drums: host_track is a track of a host, and the set names none"),
        ("host_track =", 'host_place = "lane"\nhost_track =', "host_place is 'lane'"),
        ("host_track =", 'heard_in = "here"\nhost_track =', "heard_in is 'here'"),
        ("host_track =", "host_slots = [1]\nhost_track =", "host_slots is \\[1\\]; it must be 2 to 8 different slots"),
        ("host_track =", "host_slots = [0, 2]\nhost_track =", "a slot of host_slots is 0"),
        (
            "host_track =",
            'host_place = "arrangement"\nheard_in = "host"\nhost_track =',
            "what is printed behind the playhead is not heard",
        ),
    ],
)
def test_a_host_that_cannot_be_is_told_with_its_line(was: str, now: str, sentence: str) -> None:
    with pytest.raises(SetError, match=sentence):
        parse_set(WITH_HOST.replace(was, now, 1))
