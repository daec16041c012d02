"""What `upbeat say` asks for, and what it does not even ask."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from bridge.cli import main
from bridge.commands import say
from bridge.commands.parser import Parser
from osc_schemas.cue import Cue
from osc_schemas.request import GenerateRequest


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--shape", "rom=1"), "there is no knob 'rom'; the nearest is room"),
        (("--shape", "room=2"), "room is 2; it must be between -1 and 1"),
        (("--shape", "room=nan"), "room is nan; it must be between -1 and 1"),
        (("--shape", "room"), "--shape is 'room'; it is a knob and where it stands, such as room=0.5"),
        (("--shape", "reset"), "there is no knob 'reset'; there is length, pitch"),
        (("--shape", "wobble"), "brightness, drive, room, attack_ms, release_ms\n"),
        (("--option", "nu"), "--option is 'nu'; it is the name of an option and its value, such as nu=1.2"),
        (("--option", "nu=x"), "--option is 'nu=x'"),
        (("--option", "nu=1", "--option", "nu=2"), "the option nu is set 2 times"),
        (("--from", "missing.wav"), "missing.wav: there is no such file; name a WAV"),
        (("--steps", "3", "--from", "missing.wav"), "--steps is 3; it must be one of 1, 2, 4, 8, 16"),
        (("--strength", "0.5"), "--strength says how much of a sound is used, and there is none"),
        (
            ("--length-s", "70"),
            "--length-s is 70; a clip lasts 0.01 s at least, and no model makes one of more than 59.75 s",
        ),
        (("--beats", "0"), "--beats is 0; a clip lasts 0.01 s at least"),
        (("--key", ""), "the key is ''; wanted a note and a mode"),
        (("--key", "H minor"), "the key is 'H minor'; wanted a note and a mode"),
        (("--tempo", "nan"), "--tempo is nan; it must be between 20 and 999"),
        (("--key", "k" * 41), "the key has 41 characters; at most 40"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", "bell", *flags, "--no-play"]) == 2

    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--length-s", "--beats", "--tempo", "--strength", "--seed", "--steps"])
def test_what_is_no_number_is_one_sentence(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["say", "bell", flag, "soon"])

    assert ended.value.code == 2
    assert f"argument {flag}: 'soon' is no " in capsys.readouterr().err


def wanted(*flags: str) -> tuple[Cue, GenerateRequest]:
    parser = Parser()
    say.add(parser.add_subparsers(parser_class=Parser))
    return say.wanted(parser.parse_args(["say", "bell", *flags]))


def test_without_a_length_the_words_decide_and_what_is_said_goes_before_them() -> None:
    _, open_ = wanted()
    _, in_beats = wanted("--beats", "8")
    _, in_beats_of_a_tempo = wanted("--beats", "8", "--tempo", "120")
    _, in_seconds = wanted("--length-s", "3")

    assert (open_.fit, open_.fit_beats, open_.tempo_bpm) == (True, 0, None)
    assert (in_beats.fit, in_beats.fit_beats) == (True, 8)
    assert (in_beats_of_a_tempo.fit, in_beats_of_a_tempo.frames) == (False, 4 * 48_000)
    assert (in_seconds.fit, in_seconds.frames) == (False, 3 * 48_000)


def test_a_file_to_start_from_and_options_stand_in_the_request(tmp_path: Path) -> None:
    sf.write(tmp_path / "loop.flac", np.zeros((441, 2)), 44_100)

    _, start = wanted("--from", str(tmp_path / "loop.flac"), "--option", "nu=1.5", "--option", "gamma=0.5")
    _, follow = wanted("--follow", str(tmp_path / "loop.flac"), "--strength", "0.25")

    assert start.options == (("gamma", 0.5), ("nu", 1.5))
    assert start.source is not None
    assert (start.source.use, start.source.strength, start.source.samples.shape) == ("start", 0.6, (441, 2))
    assert follow.source is not None
    assert (follow.source.use, follow.source.strength) == ("loudness", 0.25)
