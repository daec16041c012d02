"""What users get wrong, through the real surfaces: each gets one sentence within 5 s, and the rest goes on."""

import math
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from osc_schemas import codec
from tests.whole.command_line import SET, Ended, Home, Live, free_port
from tests.whole.wire import WireClient

WITHIN_S = 5
LONG_PROMPT = "kick " * 20_000  # 100 kB


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def stage(home: Home) -> Iterator[Live]:
    """Engine and bridge of a set, which every case of this file meets in turn."""
    with home.live("up", home.set) as live:
        yield live


def osc(address: str, *args: str | int | float) -> bytes:
    builder = OscMessageBuilder(address=address)
    for arg in args:
        builder.add_arg(arg)
    return builder.build().dgram


def short(value: object) -> str:
    """A case's name in the list of tests: the sentence it leads to."""
    return value[:60] if isinstance(value, str) else ""


def assert_goes_on(stage: Live) -> None:
    assert stage.ask(osc("/cue/go", "kick"), answer="/cue/planned").text("cue") == "kick"


def assert_one_sentence(ended: Ended, *said: str) -> None:
    assert ended.code == 2, ended.err
    assert ended.out == ""
    assert ended.err.startswith("upbeat: ")
    assert ended.err.count("\n") == 1
    assert len(ended.err) < 500
    for words in said:
        assert words in ended.err
    assert ended.took_s < WITHIN_S


@pytest.mark.parametrize(
    ("packet", "sentence"),
    [
        (osc("/cue/go", "kik"), "there is no cue 'kik'; the nearest is kick"),
        (osc("/cue/og", "kick"), "the address '/cue/og' is not known here; the nearest is /cue/go"),
        (osc("/cue/go", 5), "name is 5; it must be a string"),
        (osc("/cue/go"), "it takes s name"),
        (osc("/track/gain", "drums", "loud"), "gain_db is 'loud'; it must be a number"),
        (osc("/track/gain", "drum", 0.0), "there is no track 'drum'; the nearest is drums"),
        (osc("/cue/say", "drums", "", 1.0), "the prompt is empty"),
        (osc("/cue/say", "drums", LONG_PROMPT[:60_000], 1.0), "the prompt has 60000 characters; at most 1000"),
        (osc("/cue/say", "drums", "kick", -1.0), "length_beats is -1; it must be 0 to 1024"),
        (osc("/cue/say", "drums", "kick", 0.0), "length_beats is 0; a cue needs a length above 0"),
        (osc("/cue/say", "drums", "kick", math.inf), "length_beats is inf; it must be a finite number"),
        (osc("/cue/say", "drums", "kick", math.nan), "length_beats is nan; it must be a finite number"),
        (osc("/cue/say", "drums", "kick", 1_000.0), "a clip has at most 60 s"),
        (osc("/cue/set", "kick", "steps", 0), "steps is 0; it must be one of 1, 2, 4"),
        (osc("/cue/set", "kick", "steps", 1000), "steps is 1000; it must be one of 1, 2, 4"),
        (osc("/cue/set", "kick", "colour", 1), "'colour' is no number of a cue"),
        (osc("/transport/tempo", 0.0), "tempo_bpm is 0; it must be 20 to 999"),
        (b"not OSC at all", "is no OSC message"),
        (osc("/cue/go", "kick")[:-4], "is no OSC message"),
    ],
    ids=short,
)
def test_what_is_wrong_over_osc_is_refused_and_the_music_goes_on(stage: Live, packet: bytes, sentence: str) -> None:
    refused = stage.ask(packet, answer="/refused")

    assert sentence in refused.text("sentence")
    assert_goes_on(stage)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"prompt": ""}, "the prompt is empty"),
        ({"prompt": LONG_PROMPT}, "at most 65536 are taken"),
        ({"frames": -1}, "frames is -1"),
        ({"frames": 10**9}, "the clip lasts 20833.3 s"),
        ({"steps": 0}, "steps is 0; it must be one of 1, 2, 4"),
        ({"steps": 1000}, "steps is 1000; it must be one of 1, 2, 4"),
    ],
    ids=short,
)
def test_what_is_wrong_over_zeromq_is_refused_and_the_engine_goes_on(
    stage: Live, values: dict[str, object], sentence: str
) -> None:
    pairs = {"request_id": "wrong", "prompt": "kick", "frames": 480, "sample_rate_hz": 48_000} | values
    builder = OscMessageBuilder(address="/engine/generate")
    for key, value in pairs.items():
        builder.add_arg(key)
        builder.add_arg(value, "s" if isinstance(value, str) else "h")
    with WireClient(stage.engine) as client:
        client.say(builder.build().dgram)

        refusal = codec.read_refusal(client.hear()[0])
        client.ask("right")
        clip, _ = client.hear()

    assert refusal.request_id == "wrong"
    assert sentence in refusal.sentence
    assert clip.text("request_id") == "right"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dem"], "there is no command 'dem'; the nearest is demo"),
        (["takes", "plai", "x"], "invalid choice: 'plai'"),
        (["cue"], "NAME"),
        (["cue", "a/b"], "the cue's name is 'a/b'"),
        (["cue", "kick", "--osc-port", "abc"], "'abc' is no port; wanted is 0 to 65535"),
        (["say"], "PROMPT"),
        (["say", ""], "the prompt is empty"),
        (["say", LONG_PROMPT], "the prompt has 100000 characters; at most 1000 are taken"),
        (["say", "kick", "--length-s", "-1"], "--length-s is -1; a clip lasts 0.01 s at least"),
        (["say", "kick", "--length-s", "0"], "--length-s is 0;"),
        (["say", "kick", "--length-s", "inf"], "--length-s is inf;"),
        (["say", "kick", "--length-s", "nan"], "--length-s is nan;"),
        (["say", "kick", "--beats", "0"], "--beats is 0;"),
        (["say", "kick", "--tempo", "0"], "--tempo is 0; it must be between 20 and 999"),
        (["say", "kick", "--steps", "0"], "steps is 0; it must be one of 1, 2, 4"),
        (["say", "kick", "--steps", "1000"], "steps is 1000; it must be one of 1, 2, 4"),
        (["say", "kick", "--seed", "-1"], "seed is -1"),
        (["say", "kick", "--out", "/nowhere/kick.wav"], "/nowhere/kick.wav cannot be written"),
        (["say", "kick", "--out", "kick.mp3"], "let the name end in .wav"),
        (["say", "kick", "--engine", "tcp://127.0.0.1:1"], "no engine answers at tcp://127.0.0.1:1; start one"),
        (["say", "kick", "--engine", "here"], "'here' is no address of an engine"),
        (["bridge", "missing.toml"], "there is no such file"),
        (["up", "missing.toml"], "there is no such file"),
        (["render", "missing.toml", "--out", "r"], "there is no such file"),
        (["takes", "play", "no-such"], "there is no take 'no-such'"),
    ],
    ids=short,
)
def test_what_is_wrong_on_the_command_line_gets_one_sentence(home: Home, words: list[str], said: str) -> None:
    assert_one_sentence(home.upbeat(*words), said)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("tempo_bpm = 240", "tempo_bpm = ", ":3: this is no TOML"),
        ("tempo_bpm = 240", "tempo_bpm = 0", ":3: set: tempo_bpm is 0; it must be between 20 and 999"),
        (
            "length_beats = 1\n",
            "lenght_beats = 1\n",
            ":12: cues.kick: the key lenght_beats is not known",
        ),
        ("length_beats = 1\n", "length_beats = -1\n", "length_beats is -1"),
        ("length_beats = 1\n", "length_beats = inf\n", "length_beats is inf"),
        ("length_beats = 1\n", "length_beats = 1\nsteps = 1000\n", "steps is 1000; it must be one of 1, 2, 4"),
        ('prompt = "deep punchy kick"', 'prompt = ""', "the prompt is empty"),
        ('track = "keys"', 'track = "kesy"', "the set has no track 'kesy'; the nearest is keys"),
    ],
    ids=short,
)
def test_what_is_wrong_in_a_set_is_said_with_its_line(home: Home, before: str, after: str, said: str) -> None:
    assert before in SET
    wrong = home.write("wrong.toml", SET.replace(before, after))

    assert_one_sentence(home.upbeat("bridge", wrong), "wrong.toml:", said)


def test_a_cue_that_the_running_set_does_not_have_is_refused(home: Home, stage: Live) -> None:
    ended = home.upbeat("cue", "kik", "--osc-port", stage.osc_port)

    assert_one_sentence(ended, "there is no cue 'kik'; the nearest is kick")
    assert_goes_on(stage)


def test_a_cue_for_nobody_says_that_no_bridge_is_there(home: Home) -> None:
    port = free_port()

    assert_one_sentence(home.upbeat("cue", "kick", "--osc-port", port), f"no bridge answers on UDP port {port}; start")


def test_a_cue_for_a_port_that_never_answers_is_given_up(home: Home) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))

        assert_one_sentence(home.upbeat("cue", "kick", "--osc-port", deaf.getsockname()[1]), "no bridge answers")


@pytest.mark.parametrize("command", ["bridge", "up"])
def test_a_second_bridge_on_the_same_port_is_told_so_and_the_first_plays_on(
    home: Home, stage: Live, command: str
) -> None:
    ended = home.upbeat(command, home.set, "--osc-port", stage.osc_port, "--output", "null")

    assert_one_sentence(ended, f"UDP port {stage.osc_port} of 127.0.0.1 is taken, perhaps by another bridge; ask for")
    assert_goes_on(stage)


def test_a_second_engine_on_the_same_port_is_told_so_and_the_first_goes_on(home: Home, stage: Live) -> None:
    port = stage.engine.rpartition(":")[2]

    ended = home.upbeat("up", home.set, "--osc-port", 0, "--engine-port", port, "--events-port", 0)

    assert_one_sentence(ended, f"port {port} of 127.0.0.1 is taken, perhaps by another engine")
    assert_goes_on(stage)


def test_a_midi_port_that_does_not_exist_is_named_in_the_sentence_or_midi_itself_is_missing(home: Home) -> None:
    words = ["bridge", home.set, "--osc-port", 0, "--output", "null", "--midi-port", "no such pads"]

    ended = home.upbeat(*words)

    assert_one_sentence(ended)
    assert "there is no MIDI port 'no such pads'" in ended.err or "this machine has no MIDI" in ended.err


def test_an_output_that_cannot_be_opened_is_an_error_if_it_was_asked_for(home: Home) -> None:
    words = ["bridge", home.set, "--osc-port", 0, "--output", "portaudio", "--device", "no such card"]

    assert_one_sentence(home.upbeat(*words), "PortAudio")


def test_a_take_cut_short_is_not_played_and_the_sentence_says_how_to_mend_it(home: Home, stage: Live) -> None:
    said = home.upbeat("say", "kick", "--engine", stage.engine, "--length-s", 0.1, "--no-play", "--json").json
    whole = Path(said["path"]).read_bytes()
    Path(said["path"]).write_bytes(whole[: len(whole) // 2])

    ended = home.upbeat("takes", "play", said["take_id"], "--output", "null")

    assert_one_sentence(ended, "is cut short", f"`upbeat takes remake {said['take_id']}` makes it again")


def test_what_the_engine_refuses_is_the_sentence_of_the_command(home: Home, stage: Live) -> None:
    ended = home.upbeat("say", "kick", "--engine", stage.engine, "--length-s", 30, "--no-play")

    assert_one_sentence(ended, "noise makes 10 s at most")


def test_with_debug_the_whole_story_is_told(home: Home) -> None:
    ended = home.upbeat("bridge", "missing.toml", "--debug")

    assert ended.code != 0
    assert "Traceback" in ended.err
