"""What `upbeat say` asks for, and what it does not even ask."""

import pytest

from bridge.cli import main


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--shape", "rom=1"), "there is no knob 'rom'; the nearest is room"),
        (("--shape", "room=2"), "room is 2; it must be between -1 and 1"),
        (("--shape", "room=nan"), "room is nan; it must be between -1 and 1"),
        (("--shape", "room"), "--shape is 'room'; it is a knob and where it stands, such as room=0.5"),
        (("--shape", "reset"), "--shape is 'reset'"),
        (("--tempo", "nan"), "--tempo is nan; it must be between 20 and 999"),
        (("--key", "k" * 41), "the key has 41 characters; at most 40"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(
    flags: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["say", "bell", *flags, "--no-play"]) == 2

    assert sentence in capsys.readouterr().err
