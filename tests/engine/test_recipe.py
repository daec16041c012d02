"""The making of the default model, in small."""

import sys
from pathlib import Path

import pytest
import torch

from engine.families.embedded import WEIGHTS_FILE, Embedded
from engine.training import __main__ as command
from engine.training.measuring.card import CARD_FILE, SHEET_FILE
from engine.training.measuring.evaluation import MEASUREMENTS, measured_before
from engine.training.recipe import BUDGETS, STAGES, Workshop, run_stage


@pytest.mark.slow
@pytest.mark.timeout(1_500)
def test_one_command_makes_a_student_that_beats_its_teacher_at_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["training", "make-default", "--budget", "small", "--seed", "3", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()

    family = Embedded.of_bytes((tmp_path / WEIGHTS_FILE).read_bytes())
    waveform = family.waveform(["kick"], [1], steps=1, guidance_scale=1.5, frames=4800, sample_rate_hz=48_000)
    assert waveform.shape == (1, 2, 4800)
    card = (tmp_path / CARD_FILE).read_text(encoding="utf-8")
    assert family.weights_hash in card
    assert "--budget small --seed 3" in card
    assert (tmp_path / SHEET_FILE).stat().st_size < 1_000_000
    assert list(tmp_path.glob("*.unfinished")) == [], "what is done is not kept as unfinished"
    (folder,) = tmp_path.glob("test-*")
    tables = measured_before(folder)
    assert set(tables) == set(MEASUREMENTS)
    student, teacher = (tables[f"{who}, 2 steps"]["measures"] for who in ("student", "teacher"))
    assert student["distance"] < teacher["distance"]
    assert student["judge A"] + student["judge B"] > teacher["judge A"] + teacher["judge B"] - 0.1

    capsys.readouterr()
    command.main()  # nothing is done twice
    assert capsys.readouterr().out.count("done before") >= len(STAGES)


def test_a_stage_whose_result_is_there_is_not_done_again(tmp_path: Path) -> None:
    lines: list[str] = []
    shop = Workshop(
        folder=tmp_path,
        budget=BUDGETS["small"],
        budget_name="small",
        seed=0,
        device=torch.device("cpu"),
        say=lines.append,
    )
    (tmp_path / "teacher.safetensors").write_bytes(b"made before")

    run_stage(shop, "teacher")

    assert lines == ["teacher: done before, in teacher.safetensors"]
    assert (tmp_path / "teacher.safetensors").read_bytes() == b"made before"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["make-default", "--stages", "texts"], "there is no stage 'texts'; the stages are text, sound, teacher"),
        (["evaluate", "--only", "notes;nots"], "there is no measurement 'nots'; there are oracle"),
        pytest.param(
            ["evaluate", "--device", "cuda"],
            "--device cuda was asked, but torch sees no CUDA device",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device"),
        ),
    ],
)
def test_a_wrong_word_is_answered_in_a_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *arguments, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        command.main()

    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
