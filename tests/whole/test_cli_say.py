"""`upbeat say` and `upbeat takes remake`, with a real engine process."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bridge.library import Library
from osc_schemas.clip import Samples
from osc_schemas.request import GenerateRequest
from tests.bridge.stage import clip_of, cue
from tests.whole.command_line import Home
from tests.whole.wire import NOISE, Engine, engine

RATE_HZ = 48_000
TAIL_FRAMES = RATE_HZ // 4


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    with engine() as process:
        yield process


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def samples_in(path: str | Path) -> Samples:
    samples, rate_hz = sf.read(path, dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ
    return samples  # type: ignore[no-any-return]


def test_words_become_a_take_and_a_file_of_the_asked_length_with_a_faded_tail(home: Home, running: Engine) -> None:
    out = home.folder / "bell.wav"

    said = home.upbeat(
        "say", "bell in a hall", "--seed", 3, "--length-s", 1, "--out", out, "--no-play", "--json",
        "--engine", running.endpoint,
    ).json  # fmt: skip

    take, file = samples_in(said["path"]), samples_in(out)
    assert said["take_id"].startswith("bell-in-a-hall-")
    assert (said["understood"], said["seed"], said["length_s"]) == ("bell", 3, 1.0)
    assert len(take) == len(file) == RATE_HZ + TAIL_FRAMES
    np.testing.assert_array_equal(file[:RATE_HZ], take[:RATE_HZ])
    assert np.abs(file[-10:]).max() < 0.001 < np.abs(take[-10:]).max()


def test_beats_and_a_tempo_give_the_length_as_well(home: Home, running: Engine) -> None:
    words = ["say", "bell", "--beats", 4, "--tempo", 240, "--no-play", "--json", "--engine", running.endpoint]

    assert home.upbeat(*words).json["length_s"] == 1.0


def test_tempo_key_and_shape_reach_the_model_and_the_take(home: Home, running: Engine) -> None:
    words = ["say", "bell", "--beats", 4, "--tempo", 240, "--no-play", "--json", "--engine", running.endpoint]

    plain = home.upbeat(*words).json
    bent = home.upbeat(*words, "--key", "G minor", "--shape", "attack_ms=1000", "--shape", "pitch=-7.5").json
    takes = home.upbeat("takes", "list", "--json").json

    assert (bent["tempo_bpm"], bent["key"], bent["shape"]) == (240, "G minor", {"pitch": -7.5, "attack_ms": 1000})
    before, after = samples_in(plain["path"]), samples_in(bent["path"])
    assert np.all(before[12_000:RATE_HZ:12_000] == before[12_000])  # each beat
    np.testing.assert_allclose(
        after[24_100:24_200], -before[24_100:24_200] * np.arange(24_100, 24_200)[:, None] / 48_000, atol=1e-5
    )
    assert [(take["key"], take["shape"]) for take in takes] == [("", {}), (bent["key"], bent["shape"])]


def test_a_key_that_is_none_is_one_sentence(home: Home, running: Engine) -> None:
    ended = home.upbeat("say", "bell", "--key", "H moll", "--no-play", "--engine", running.endpoint)

    assert ended.code == 2
    assert "the key is 'H moll'; wanted a note and a mode, such as 'D minor'" in ended.err


def test_the_same_words_give_the_same_take(home: Home, running: Engine) -> None:
    words = ["say", "bell", "--length-s", 0.5, "--no-play", "--json", "--engine", running.endpoint]

    first, second = (home.upbeat(*words).json for _ in range(2))

    assert first["take_id"] == second["take_id"]
    assert len(home.upbeat("takes", "list", "--json").json) == 1


def test_a_person_reads_what_was_understood_and_where_it_lies(home: Home, running: Engine) -> None:
    said = home.upbeat("say", "bell", "--no-play", "--engine", running.endpoint)

    words = [line.split(maxsplit=2) for line in said.out.splitlines()]
    assert [line[0] for line in words] == ["understood", "length", "made", "take", "lies"]
    assert words[1][1:] == ["9.75", "s"]  # its words say nothing of a length: as long as the model can
    assert words[4][2].startswith(str(home.takes))


def test_what_the_flags_impose_is_told(home: Home, running: Engine) -> None:
    words = ["say", "bell", "--no-play", "--engine", running.endpoint, "--tempo", 120, "--key", "D minor", "--beats", 1]

    said = home.upbeat(*words, "--option", "level=0.5", "--shape", "attack_ms=5").out

    assert "imposed     120 bpm, D minor, attack_ms=5, level=0.5\n" in said
    assert "length      0.5 s, 1 beat at 120 bpm\n" in said


def test_a_take_that_started_from_a_sound_is_made_again_without_the_file(home: Home, running: Engine) -> None:
    sound, flags = home.folder / "loop.wav", ["--no-play", "--json", "--engine", running.endpoint]
    sf.write(sound, np.linspace(-0.5, 0.5, 24_000, dtype=np.float32), RATE_HZ, subtype="FLOAT")
    words = ["say", "bell", "--length-s", 0.5, "--from", sound, "--strength", 0, "--option", "level=0.5", *flags]
    said = home.upbeat(*words).json
    before = samples_in(said["path"])
    sound.unlink()
    Path(said["path"]).unlink()

    remade = home.upbeat("takes", "remake", said["take_id"], "--json", "--engine", running.endpoint).json

    np.testing.assert_allclose(before[:24_000, 0], np.linspace(-0.25, 0.25, 24_000), atol=1e-6)
    assert (remade["remade"], remade["options"], remade["made_from"]) == (True, {"level": 0.5}, said["made_from"])
    np.testing.assert_array_equal(samples_in(said["path"]), before)


def test_what_the_model_cannot_do_with_a_sound_is_one_sentence(home: Home, running: Engine) -> None:
    sf.write(home.folder / "loop.wav", np.zeros(480), RATE_HZ)
    words = ["say", "bell", "--no-play", "--engine", running.endpoint]

    followed = home.upbeat(*words, "--follow", home.folder / "loop.wav")
    unknown = home.upbeat(*words, "--option", "lvel=1")

    assert (followed.code, unknown.code) == (2, 2)
    assert "to follow its loudness, and noise cannot do that: it can only start from it" in followed.err
    assert "noise has no option 'lvel'; the nearest is level" in unknown.err


@pytest.mark.slow
def test_a_family_is_started_for_the_call_and_one_that_cannot_be_is_one_sentence(home: Home, running: Engine) -> None:
    words = ["say", "bell", "--length-s", 0.2, "--no-play", "--json"]

    said = home.upbeat(*words, "--family", NOISE, UPBEAT_ENGINE_PORT="1").json
    elsewhere = home.upbeat(*words, "--family", "embedded", "--engine", running.endpoint)
    unknown = home.upbeat(*words, "--family", "nothing", UPBEAT_ENGINE_PORT="1")

    assert said["family"] == "noise"
    assert f"the engine at {running.endpoint} has noise, and embedded is asked for" in elsewhere.err
    assert "there is no family 'nothing'; known are embedded" in unknown.err
    assert (elsewhere.code, unknown.code) == (2, 2)


def test_an_engine_is_started_for_the_call_if_none_runs(home: Home) -> None:
    said = home.upbeat("say", "deep punchy kick", "--length-s", 0.5, "--no-play", "--json", UPBEAT_ENGINE_PORT="1").json

    assert said["family"] == "embedded"
    assert np.abs(samples_in(said["path"])).max() > 0.01


def test_lost_samples_are_made_again_bit_for_bit(home: Home, running: Engine) -> None:
    words = ["say", "bell", "--length-s", 0.5, "--no-play", "--json", "--engine", running.endpoint]
    words += ["--shape", "attack_ms=200", "--key", "G minor", "--tempo", 123.4]
    said = home.upbeat(*words).json
    before = samples_in(said["path"])
    Path(said["path"]).unlink()

    remade = home.upbeat("takes", "remake", "bell", "--json", "--engine", running.endpoint).json

    assert (remade["remade"], remade["samples"]) == (True, "whole")
    np.testing.assert_array_equal(samples_in(said["path"]), before)


def test_a_take_of_another_model_is_not_made_again_as_another_sound(home: Home, running: Engine) -> None:
    library = Library(home.takes)
    request = GenerateRequest(request_id="1", prompt="bell", frames=4_800, sample_rate_hz=RATE_HZ)
    take = library.keep(clip_of(request), cue("bell"), tempo_bpm=120, loudness_lufs=-20, request_to_clip_ms=10)
    library.close()
    take.path.unlink()

    ended = home.upbeat("takes", "remake", take.take_id, "--engine", running.endpoint)

    assert ended.code == 2
    assert "came from told 0 on cpu, and this engine is noise 000000000000 on cpu" in ended.err
    assert not take.path.exists()
