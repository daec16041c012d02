"""`upbeat models verify` on the four published models at small sizes, in their authors' own layouts."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.checkpoints.folders import models_folder
from engine.models import main
from tests.engine import tiny_audiolcm, tiny_consistency_tta, tiny_soundctm

Tensors = dict[str, torch.Tensor]

WRITERS: dict[str, Callable[[Path], None]] = {
    "consistency_tta": tiny_consistency_tta.write_model_folder,
    "audiolcm": tiny_audiolcm.write_model_folder,
    "soundctm": tiny_soundctm.write_unet_folder,
    "soundctm_dit": tiny_soundctm.write_dit_folder,
}


@pytest.fixture(params=WRITERS)
def family(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a model whose files lie where they belong."""
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    WRITERS[request.param](models_folder() / request.param)
    return str(request.param)


def student_file(family: str) -> Path:
    """The file of the denoiser, which the family's layout names first."""
    layout = importlib.import_module(f"engine.checkpoints.{family}").LAYOUT
    return next(iter((models_folder() / family).rglob(layout.files[0].names[0])))


def changed(path: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Write a file again with other tensors in it."""
    held: dict[str, Any] = torch.load(path, weights_only=True)
    torch.save({"state_dict": change(held["state_dict"])} if "state_dict" in held else change(held), path)


def refused(capsys: pytest.CaptureFixture[str], family: str) -> str:
    assert main(["verify", family]) == 2
    said = capsys.readouterr().err
    assert said.startswith("upbeat: ")
    assert said.count("\n") == 1
    return said


def test_the_authors_files_are_good(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", family, "--json"]) == 0

    facts = json.loads(capsys.readouterr().out)
    assert facts["good"]
    assert facts["unused"] == []
    assert {"denoiser", "text_encoder", "autoencoder"} <= set(facts["networks"])
    weights = [file["looks_like"] for file in facts["files"].values()]
    assert "weights of no kind that is known here" not in weights


def teacher_of(family: str, tensors: Tensors) -> Tensors:
    """What the file of the teacher has in place of the student's."""
    match family:
        case "consistency_tta":
            return {name: tensor for name, tensor in tensors.items() if not name.startswith("guidance_")}
        case "audiolcm":
            return {n: t for n, t in tensors.items() if not n.startswith(("unet.", "target_unet."))}
        case "soundctm":
            return {f"unet.{n}": t for n, t in tensors.items() if not n.startswith("s_time_embedding.")}
    return tensors | {"dit.to_global_embed.0.weight": torch.ones(2, 2)}


def test_a_teacher_is_told_from_its_student(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    changed(student_file(family), lambda tensors: teacher_of(family, tensors))

    assert "teacher" in refused(capsys, family)


def test_a_student_of_another_size_is_told_with_both_shapes(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    def wider(tensors: Tensors) -> Tensors:
        """One bias of the student with one number more."""
        prefix = {"audiolcm": "unet.", "soundctm_dit": "dit."}.get(family, "")
        name = [n for n, t in tensors.items() if n.startswith(prefix) and n.endswith("bias") and t.ndim == 1][-1]
        return tensors | {name: torch.ones(len(tensors[name]) + 1)}

    changed(student_file(family), wider)

    assert "(" in refused(capsys, family)


def test_a_student_that_lacks_a_tensor_is_told_with_its_name(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    lost: list[str] = []

    def less(tensors: Tensors) -> Tensors:
        """Without one bias of the student."""
        prefix = {"audiolcm": "unet.", "soundctm_dit": "dit."}.get(family, "")
        lost.append([n for n, t in tensors.items() if n.startswith(prefix) and n.endswith("bias") and t.ndim == 1][-1])
        return {name: tensor for name, tensor in tensors.items() if name != lost[0]}

    changed(student_file(family), less)

    assert lost[0].rpartition(".")[0].rpartition(".")[2] in refused(capsys, family)


def test_a_file_that_was_cut_short_is_told_by_its_name(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = student_file(family)
    path.write_bytes(path.read_bytes()[:-1000])

    assert f"{path.name} begins like weights of PyTorch but was cut short" in refused(capsys, family)
