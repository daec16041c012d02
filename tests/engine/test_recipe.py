"""The making of the default model, in miniature."""

import sys
from pathlib import Path

import pytest

from engine.families.embedded import WEIGHTS_FILE, Embedded
from engine.training import __main__ as command
from engine.training.measuring.card import CARD_FILE, SHEET_FILE
from engine.training.recipe import BUDGETS, Budget

TINY = Budget(
    text_updates=30,
    constants_clips=256,
    constants_updates=20,
    codec_clips=60,
    batch_tokens=256,
    teacher_updates=5,
    student_updates=3,
    judge_updates=4,
    second_judge_clips=100,
    prompts=50,
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_is_made_from_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BUDGETS, "small", TINY)
    monkeypatch.setattr(
        sys, "argv", ["training", "make-default", "--budget", "small", "--seed", "3", "--out", str(tmp_path)]
    )
    command.main()

    weights = (tmp_path / WEIGHTS_FILE).read_bytes()
    family = Embedded.of_bytes(weights)
    waveform = family.waveform(["kick"], [1], steps=1, guidance_scale=1.5, frames=4800, sample_rate_hz=48_000)
    assert waveform.shape == (1, 2, 4800)
    card = (tmp_path / CARD_FILE).read_text(encoding="utf-8")
    assert family.weights_hash in card
    assert "--budget small --seed 3" in card
    assert (tmp_path / SHEET_FILE).stat().st_size < 1_000_000
    assert "oracle" in capsys.readouterr().out
