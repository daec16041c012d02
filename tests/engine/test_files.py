"""Weight files of every kind are read, nothing in them is run, and what is none is named in a sentence."""

import builtins
import collections
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.checkpoints.files import Omitted, contents, tensors_in, weights_member
from engine.errors import WeightsError

WEIGHTS = {"conv.weight": torch.arange(6.0).reshape(2, 3), "conv.bias": torch.ones(2)}


def read(path: Path) -> dict[str, Any]:
    with contents(path, wanted="the student", scratch=path.parent / "scratch") as held:
        return {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in held.items()}


def refused(path: Path) -> str:
    """The sentence about a file that is not taken."""
    with pytest.raises(WeightsError) as refusal:
        read(path)
    sentence = str(refusal.value)
    assert sentence.startswith(path.name)
    assert "\n" not in sentence
    return sentence


class Touches:
    """A pickle of this makes a file when it is loaded by Python's own pickle."""

    def __init__(self, call: Callable[..., Any], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call, self.arguments


def zip_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return path


@pytest.mark.parametrize("name", ["a.ckpt", "a.bin", "a.pt", "a.pth"])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_pytorchs_formats_are_read_whatever_the_name(name: str, new: bool, tmp_path: Path) -> None:
    torch.save({"state_dict": WEIGHTS, "epoch": 3}, tmp_path / name, _use_new_zipfile_serialization=new)

    held = read(tmp_path / name)

    assert held["epoch"] == 3
    assert torch.equal(held["state_dict"]["conv.weight"], WEIGHTS["conv.weight"])
    assert set(tensors_in(held)) == {"conv.weight", "conv.bias"}


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "a.safetensors")

    assert torch.equal(read(tmp_path / "a.safetensors")["conv.bias"], WEIGHTS["conv.bias"])


def test_of_an_archive_only_the_weights_of_the_last_epoch_are_unpacked(tmp_path: Path) -> None:
    for epoch in (5, 60):
        torch.save({"epoch": epoch}, tmp_path / f"{epoch}.bin")
    archive = zip_of(
        tmp_path / "training.zip",
        run__epoch_5__pytorch_model_2_dot_bin=(tmp_path / "5.bin").read_bytes(),
        run__epoch_60__pytorch_model_2_dot_bin=(tmp_path / "60.bin").read_bytes(),
        run__epoch_60__optimizer_dot_bin=b"not read",
        run__summary_dot_jsonl=b"{}",
    )

    assert read(archive) == {"epoch": 60}
    assert list((tmp_path / "scratch").iterdir()) == []


def test_an_archive_that_leaves_a_choice_asks_for_it() -> None:
    with pytest.raises(WeightsError, match=r"holds 2 weight files, such as a\.pt and b\.pt; unpack the one"):
        weights_member("two.zip", ["a.pt", "b.pt"])
    with pytest.raises(WeightsError, match="without weights"):
        weights_member("none.zip", ["readme.txt"])


@pytest.mark.parametrize("call", [os.mkdir, builtins.exec], ids=["os.mkdir", "exec"])
@pytest.mark.parametrize("way", ["zip", "legacy", "plain", "in an archive"])
def test_a_pickle_with_code_is_refused_and_nothing_of_it_runs(
    call: Callable[..., Any], way: str, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    code = f"import pathlib; pathlib.Path({str(made)!r}).mkdir()" if call is builtins.exec else str(made)
    evil = {"conv.weight": WEIGHTS["conv.weight"], "x": Touches(call, code)}
    pickle.loads(pickle.dumps(evil["x"]))
    assert made.is_dir(), "it would run, were it loaded without care"
    made.rmdir()
    path = tmp_path / "evil.ckpt"
    if way == "plain":
        path.write_bytes(pickle.dumps(evil, protocol=2))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=way != "legacy")
    if way == "in an archive":
        path = zip_of(tmp_path / "evil.zip", epoch_1__evil_dot_ckpt=path.read_bytes())

    with pytest.raises(WeightsError) as refusal:
        read(path)

    assert not made.exists()
    assert "evil.ckpt" in str(refusal.value)
    expected = (
        "a pickle may run anything" if way == "plain" else "to be run when it is opened, which weights never need"
    )
    assert expected in str(refusal.value)


def test_the_bookkeeping_of_a_training_library_is_left_out(tmp_path: Path) -> None:
    torch.save({"state_dict": WEIGHTS, "callbacks": {"saver": Omitted()}}, tmp_path / "a.ckpt")
    renamed = (tmp_path / "a.ckpt").read_bytes()
    ours, theirs = b"cengine.checkpoints.files\nOmitted\n", b"cpytorch_lightning.a.file\nSavings\n"
    assert len(ours) == len(theirs)
    assert ours in renamed
    with zipfile.ZipFile(tmp_path / "a.ckpt") as whole, zipfile.ZipFile(tmp_path / "b.ckpt", "w") as other:
        for info in whole.infolist():
            other.writestr(info.filename, whole.read(info).replace(ours, theirs))

    held = read(tmp_path / "b.ckpt")

    assert isinstance(held["callbacks"]["saver"], Omitted)
    assert set(tensors_in(held)) == {"conv.weight", "conv.bias"}


def test_dictionaries_that_count_and_names_of_types_are_no_danger(tmp_path: Path) -> None:
    counted = collections.defaultdict(int, steps=7)
    torch.save({"state_dict": WEIGHTS, "counted": counted, "kinds": [int, dict]}, tmp_path / "a.ckpt")

    assert read(tmp_path / "a.ckpt")["counted"] == {"steps": 7}


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 2240000000\n"
OTHERS = {
    b"": "is empty",
    POINTER: "is a Git LFS pointer, which stands for a file of 2.2 GB that was not fetched",
    b"<!DOCTYPE html><html><body>404</body></html>": "is a web page that was saved in place of the file",
    b"Access denied, please log in\n": "is a text that begins 'Access denied, please log in'",
    b'{"error": "not found"}': "is a JSON text",
    b"\0" * 5000: "begins with nothing but zeros, as a download does that never ended",
    b"RIFF1234WAVEfmt ": "is a sound or film file",
    b"\x1f\x8b\x08\0rest": "is a gzip archive; unpack it first",
    bytes(range(128, 256)): "has bytes of no kind that is known here",
}


@pytest.mark.parametrize("data", OTHERS, ids=[text[:30] for text in OTHERS.values()])
def test_what_is_no_weight_file_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "student.ckpt").write_bytes(data)

    assert refused(tmp_path / "student.ckpt") == (
        f"student.ckpt {OTHERS[data]}; wanted is the student, so get it again from its authors' own place"
    )


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_was_cut_short_says_so(kind: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / "student.ckpt"
    if kind == "safetensors":
        save_file({"weight": torch.ones(999)}, path)
    else:
        torch.save({"weight": torch.ones(999)}, path, _use_new_zipfile_serialization=kind == "zip")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    assert "cut short" in refused(path)


def test_a_file_of_one_tensor_has_no_names(tmp_path: Path) -> None:
    torch.save(torch.ones(3), tmp_path / "a.pt")

    assert refused(tmp_path / "a.pt") == "a.pt holds one Tensor and no weights by name; wanted is the student"


def test_what_goes_wrong_while_the_file_is_used_is_not_blamed_on_it(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "a.pt")

    with pytest.raises(ZeroDivisionError), contents(tmp_path / "a.pt", wanted="it", scratch=tmp_path):
        raise ZeroDivisionError
