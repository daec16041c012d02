"""A family's files become its model; what is not as it should be is a sentence."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.checkpoints import store
from engine.checkpoints.folders import conversions_folder, located, models_folder, role_of
from engine.checkpoints.layout import Expected
from engine.checkpoints.store import open_model, verify
from engine.errors import WeightsError
from tests.engine.small_model import LAYOUT, skeleton, tiny_files, write_folder

Files = dict[str, dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the small model below a home of its own."""
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    return models_folder() / "small"


def refused() -> str:
    with pytest.raises(WeightsError) as refusal:
        open_model(LAYOUT)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_the_authors_files_become_parts_that_fit_the_networks(folder: Path) -> None:
    write_folder(folder)

    model = open_model(LAYOUT)

    for name, network in skeleton(model.config).items():
        network.load_state_dict(model.parts[name])
    assert torch.equal(model.parts["denoiser"]["0.bias"], tiny_files()["model"]["state_dict"]["student.0.bias"])
    assert model.settings == {"scale_factor": 0.5}
    assert model.tokenizers == {"words": folder / "words"}
    assert len(model.weights_hash) == 64


def test_a_model_is_converted_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_folder(folder)
    caplog.set_level(logging.INFO)
    first, said = open_model(LAYOUT), len(caplog.records)
    second = open_model(LAYOUT)

    assert said == len(caplog.records) == 1
    assert first.weights_hash == second.weights_hash
    assert torch.equal(first.parts["decoder"]["bias"], second.parts["decoder"]["bias"])


def test_other_files_are_another_model(folder: Path) -> None:
    write_folder(folder)
    first = open_model(LAYOUT)
    torch.save(tiny_files(seed=1)["model"], folder / "small.ckpt")

    second = open_model(LAYOUT)

    assert second.weights_hash != first.weights_hash
    assert not torch.equal(second.parts["denoiser"]["0.bias"], first.parts["denoiser"]["0.bias"])
    assert len([path for path in (conversions_folder() / "small").iterdir() if path.is_dir()]) == 1


def test_a_damaged_conversion_is_made_again(folder: Path) -> None:
    write_folder(folder)
    whole = open_model(LAYOUT)
    [settings] = conversions_folder().glob("small/*/settings.json")
    settings.write_text("{}", encoding="utf-8")

    assert torch.equal(open_model(LAYOUT).parts["denoiser"]["0.bias"], whole.parts["denoiser"]["0.bias"])
    assert "parts" in json.loads(settings.read_text(encoding="utf-8"))


def test_a_model_of_other_sizes_says_them_beside_its_files(folder: Path) -> None:
    write_folder(folder, width=7)
    model = open_model(LAYOUT)

    assert model.config == {"width": 7}
    assert model.parts["decoder"]["weight"].shape == (1, 7, 3)

    (folder / "upbeat.json").write_text('{"config": {"width": 8}}', encoding="utf-8")
    assert "has 0.weight of shape (7, 7); wanted is (8, 8)" in refused()
    (folder / "upbeat.json").write_text("{", encoding="utf-8")
    assert "upbeat.json cannot be read as JSON" in refused()


def test_what_is_not_there_is_named_with_how_to_get_it(folder: Path) -> None:
    how = "; `upbeat models pull small` fetches it, or `upbeat models add small PATH` takes what you have"
    assert refused() == "the model small is not on this machine" + how

    write_folder(folder)
    (folder / "small.ckpt").unlink()
    (folder / "words" / "vocab.txt").unlink()
    lacks = "small.ckpt (the student) and words/tokenizer.json (a tokenizer)"
    assert refused() == f"the model small in {folder} lacks {lacks}{how}"


def less(files: Files, name: str) -> Files:
    return files | {"decoder": {key: tensor for key, tensor in files["decoder"].items() if key != name}}


WRONG: dict[str, tuple[Callable[[Files], Files], str]] = {
    "teacher": (
        lambda files: (
            files | {"model": {n.replace("student", "teacher"): t for n, t in files["model"]["state_dict"].items()}}
        ),
        "holds the teacher, and not the student",
    ),
    "missing": (lambda files: less(files, "bias"), "its decoder lacks 1 of 2 tensors, such as bias"),
    "surplus": (
        lambda files: files | {"decoder": {**files["decoder"], "gain": torch.ones(1)}},
        "its decoder has 1 tensors that no network of ours takes, such as gain",
    ),
    "no number": (
        lambda files: files | {"decoder": {**files["decoder"], "bias": torch.tensor([float("nan")])}},
        "bias of its decoder has 1 numbers that are not finite",
    ),
    "another kind": (
        lambda files: {**files, "model": {"state_dict": {"student.0.weight": "text", "scale_factor": None}}},
        "small: the files cannot be taken apart",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_weights_are_told_apart_in_a_sentence(wrong: str, folder: Path) -> None:
    change, sentence = WRONG[wrong]
    write_folder(folder, change(tiny_files()))

    with pytest.raises(WeightsError) as refusal:
        verify(LAYOUT, folder)

    assert sentence in str(refusal.value)


def test_a_file_of_another_family_is_recognised(folder: Path) -> None:
    write_folder(
        folder,
        {
            **tiny_files(),
            "decoder": {
                "conv_pre.weight": torch.ones(1),
                "ups.0.bias": torch.ones(1),
                "resblocks.0.bias": torch.ones(1),
            },
        },
    )

    assert refused().endswith("; weights.pt looks like a HiFi-GAN vocoder alone")


def test_verifying_reads_all_of_it_and_says_what_was_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tiny_files()
    files["model"]["state_dict"]["stray"] = torch.ones(3)
    write_folder(folder, files)

    verified = verify(LAYOUT, folder)

    assert verified.parts == {"denoiser": 40, "decoder": 13}  # the shared weight has two names
    assert verified.unused == ("stray",)
    assert set(verified.hashes) == {"model", "decoder"}
    monkeypatch.setattr(store, "_converted", lambda *_: pytest.fail("the engine has to convert it again"))
    assert open_model(LAYOUT).weights_hash == verified.weights_hash


def test_one_name_of_a_tied_tensor_is_enough() -> None:
    parts = tiny_files()
    held = {name.removeprefix("student."): tensor for name, tensor in parts["model"]["state_dict"].items()}
    part = {name: held[name] for name in ("0.weight", "0.bias", "1.bias")}

    store.check_fits({"denoiser": part, "decoder": parts["decoder"]}, skeleton({"width": 4}))


def test_files_are_found_in_sub_folders_and_each_has_one_role(tmp_path: Path) -> None:
    files = (
        Expected(role="online", names=("pytorch_model.bin",), holds="it"),
        Expected(role="text", names=("t5/model.safetensors", "t5/pytorch_model.bin"), holds="it"),
        Expected(role="ema", names=("ema_0.9.pt", "ema_*.pt"), holds="it"),
    )
    for place in (
        "030000/pytorch_model.bin",
        "t5/pytorch_model.bin",
        "a/ema_0.8.pt",
        "a/b/ema_0.9.pt",
        ".x/ema_0.9.pt",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()

    assert {role: path.relative_to(tmp_path).as_posix() for role, path in located(files, tmp_path).items()} == {
        "online": "030000/pytorch_model.bin",
        "text": "t5/pytorch_model.bin",
        "ema": "a/b/ema_0.9.pt",
    }
    assert role_of(files, next(iter(tmp_path.glob("t5"))) / "other.bin") is None
