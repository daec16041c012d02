"""`python -m engine.models`: listing, cards, taking files and verifying them, with a small model among the others."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from safetensors.torch import save_file

from engine import models
from engine.checkpoints.cards import CARDS
from engine.checkpoints.folders import models_folder
from engine.checkpoints.store import open_model
from engine.models import layout_of, main
from tests.engine.hub_stand_in import hub
from tests.engine.small_model import CARD, LAYOUT, tiny_files, write_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the small model belongs, below a home of its own; nothing is there yet."""
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(CARDS, "small", CARD)
    real = models.layout_of
    monkeypatch.setattr(models, "layout_of", lambda name: LAYOUT if name == "small" else real(name))
    return models_folder() / "small"


@pytest.fixture
def authors(tmp_path: Path) -> Path:
    """The authors' files, somewhere else."""
    write_folder(tmp_path / "authors")
    return tmp_path / "authors"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command that went well prints as JSON."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The sentence of a command that could not do what was asked."""
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert said.startswith("upbeat: ")
    assert said.count("\n") == 1
    return said.removeprefix("upbeat: ").strip()


def state(capsys: pytest.CaptureFixture[str]) -> str:
    return str(next(model["state"] for model in told(capsys, "list") if model["name"] == "small"))


def test_a_folder_is_taken_once_it_was_found_good(
    folder: Path, authors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert state(capsys) == "not here"
    assert main(["add", "small", str(authors)]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said == ["took small.ckpt", "took decoder/weights.pt", "took words/vocab.txt", "small is good"]
    assert state(capsys) == "verified"
    assert open_model(LAYOUT).settings == {"scale_factor": 0.5}
    assert (authors / "small.ckpt").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_what_was_taken_stays_whatever_becomes_of_the_download(
    folder: Path, authors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "add", "small", str(authors))
    with (authors / "small.ckpt").open("r+b") as download:
        download.truncate(100)

    assert told(capsys, "verify", "small")["good"]


def test_an_archive_of_the_folder_is_taken_too(
    folder: Path, authors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (authors / "readme.txt").write_text("not wanted", encoding="utf-8")
    archive = shutil.make_archive(str(tmp_path / "backup"), "zip", tmp_path, "authors")

    assert told(capsys, "add", "small", archive)["good"]
    assert not list(folder.rglob("readme.txt"))


def test_files_are_taken_one_by_one_and_what_lacks_is_said(
    folder: Path, authors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = told(capsys, "add", "small", str(authors / "small.ckpt"))
    assert (first["good"], state(capsys)) == (False, "not verified")
    assert "lacks decoder/weights.pt (the decoder) and words/tokenizer.json (a tokenizer)" in first["lacking"]

    save_file(tiny_files()["decoder"], authors / "decoder.safetensors")
    told(capsys, "add", "small", str(authors / "decoder.safetensors"))
    assert told(capsys, "add", "small", str(authors / "words"))["good"]
    assert state(capsys) == "verified"


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_folder_that_lacks_some_of_its_model_is_taken_said_and_no_success(
    folder: Path, authors: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (authors / "decoder.safetensors").unlink(missing_ok=True)
    for path in authors.rglob("weights.pt"):
        path.unlink()

    assert main(["add", "small", str(authors), *flags]) == 2

    said = capsys.readouterr()
    assert said.err.startswith("upbeat: ")
    assert "lacks decoder/weights.pt (the decoder)" in said.err
    assert (folder / "small.ckpt").exists()
    assert not flags or json.loads(said.out)["good"] is False


def test_a_file_takes_the_place_of_another_with_its_role(
    folder: Path, authors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "add", "small", str(authors))
    before = open_model(LAYOUT).weights_hash
    torch.save(tiny_files(seed=1)["model"], tmp_path / "weights.bin")
    with zipfile.ZipFile(tmp_path / "small_training.zip", "w") as archive:
        archive.write(tmp_path / "weights.bin", "epoch_7/weights.bin")

    taken = told(capsys, "add", "small", str(tmp_path / "small_training.zip"))

    assert taken["replaced"] == [str(folder / "small.ckpt")]
    assert not (folder / "small.ckpt").exists()
    assert open_model(LAYOUT).weights_hash != before


def test_what_is_there_stays_as_it_is_when_a_new_file_is_bad(
    folder: Path, authors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "add", "small", str(authors))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    bad = tiny_files()
    del bad["decoder"]["bias"]
    write_folder(tmp_path / "bad", bad)

    assert "its decoder lacks 1 of 2 tensors, such as bias" in refused(capsys, "add", "small", str(tmp_path / "bad"))

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert state(capsys) == "verified"
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_a_file_whose_name_says_nothing_is_known_by_what_is_in_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = {"model.diffusion_model.c1_embedder.mlp.0.weight": torch.zeros(1)}
    student = teacher | {f"unet.{name.removeprefix('model.')}": tensor for name, tensor in teacher.items()}
    torch.save({"state_dict": teacher}, tmp_path / "download (1)")
    torch.save({"state_dict": student}, tmp_path / "download (2)")

    wrong = refused(capsys, "add", "audiolcm", str(tmp_path / "download (1)"))
    assert "download (1) looks like the teacher of AudioLCM, without the student" in wrong
    assert main(["add", "audiolcm", str(tmp_path / "download (2)")]) == 0
    assert (models_folder() / "audiolcm" / "audiolcm.ckpt").exists()
    nothing = refused(capsys, "add", "audiolcm", str(tmp_path / "nowhere"))
    assert nothing.endswith("nowhere does not exist; wanted is a folder, a file or a zip archive of audiolcm")


def test_a_good_model_is_told_in_full(folder: Path, authors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "add", "small", str(authors))

    assert main(["verify", "small"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("small is good; weights ")
    assert "denoiser       0.0 M numbers, each name and shape as our network has it, all finite" in said
    assert "unused         nothing but what is known to be" in said
    facts = told(capsys, "verify", "small")
    assert facts["good"]
    assert facts["files"]["model"]["bytes"] == (folder / "small.ckpt").stat().st_size


def _cut(folder: Path) -> None:
    torch.save(tiny_files()["model"], folder / "small.ckpt")
    (folder / "small.ckpt").write_bytes((folder / "small.ckpt").read_bytes()[:-500])


def _teacher(folder: Path) -> None:
    held = tiny_files()["model"]["state_dict"]
    torch.save(
        {name: tensor for name, tensor in held.items() if not name.startswith("student.")}, folder / "small.ckpt"
    )


def _version(folder: Path) -> None:
    torch.save(tiny_files(width=5)["model"], folder / "small.ckpt")


class _Evil:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return os.mkdir, ("made",)


def _code(folder: Path) -> None:
    torch.save({"state_dict": {}, "x": _Evil()}, folder / "small.ckpt")


def _lacking(folder: Path) -> None:
    held = tiny_files()["model"]["state_dict"]
    torch.save({name: tensor for name, tensor in held.items() if name != "student.1.bias"}, folder / "small.ckpt")


def _page(folder: Path) -> None:
    (folder / "small.ckpt").write_text("<html><body>Sign in to download</body></html>", encoding="utf-8")


SIX: dict[str, tuple[Callable[[Path], None], str]] = {
    "the teacher": (_teacher, "the checkpoint holds the teacher, and not the student; wanted is small.ckpt"),
    "another version": (
        _version,
        "has 0.weight of shape (5, 5); wanted is (4, 4), so it is of another version or size",
    ),
    "cut short": (_cut, "small.ckpt begins like weights of PyTorch but was cut short after"),
    "a pickle with code": (_code, "asks for posix.mkdir to be run when it is opened"),
    "missing tensors": (_lacking, "its denoiser lacks 1 of 4 tensors, such as 1.bias"),
    "no weights at all": (_page, "small.ckpt is a web page that was saved in place of the file"),
}


@pytest.mark.parametrize("kind", SIX)
def test_six_kinds_of_bad_files_are_told_apart(
    kind: str, folder: Path, authors: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(authors.parent)
    told(capsys, "add", "small", str(authors))
    spoil, sentence = SIX[kind]
    spoil(folder)

    assert sentence in refused(capsys, "verify", "small")

    assert not (authors.parent / "made").exists()
    assert state(capsys) == "not verified"
    assert main(["verify", "small", "--json"]) == 2
    assert sentence in json.loads(capsys.readouterr().out)["problem"]


def test_pulling_ends_with_a_model_that_was_verified(
    folder: Path, authors: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: (authors / name).read_bytes() for name in ("small.ckpt", "decoder/weights.pt")}
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with hub({"spaces/someone/small": files, "models/someone/words": {"vocab.txt": b"a\n"}}) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
        assert main(["pull", "small"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("small: It has none.\n")
    assert "small is good; weights " in said
    assert state(capsys) == "verified"


def test_the_real_cards_name_files_that_the_layouts_take(tmp_path: Path) -> None:
    from engine.checkpoints.folders import located, missing, tokenizer_missing

    for name, card in CARDS.items():
        layout = layout_of(name)
        for fetch in card.fetches:
            for file in (*fetch.files, *fetch.any_of[:1]):
                path = tmp_path / name / fetch.into / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        assert missing(layout.files, located(layout.files, tmp_path / name)) == []
        assert tokenizer_missing(layout.tokenizers, tmp_path / name) == []
        assert {fetch.repository for fetch in card.fetches} >= set(layout.tokenizers.values())
        text = [expected for expected in layout.files if expected.role == "text_encoder"]
        assert located(text, tmp_path / name) or not text


def test_a_card_says_terms_where_they_are_known_and_where_they_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", "audiolcm"]) == 0
    said = capsys.readouterr().out
    assert "the authors' repository shows no licence at all" in said
    assert "2 is usual, of 1, 2, 4" in said
    assert all(card.licence and card.unseen and card.weights.startswith("https://") for card in CARDS.values())


def test_an_unknown_word_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "card", "musicgen").startswith("there is no model 'musicgen'; there are consistency_tta, ")
    with pytest.raises(SystemExit, match="2"):
        main(["remove", "audiolcm"])
    assert "`upbeat models --help` shows what is taken" in capsys.readouterr().err


def test_listing_and_cards_load_nothing_heavy() -> None:
    program = (
        "import sys, engine.models as m; m.main([]); m.main(['card', 'soundctm']);"
        "print(sorted({'torch', 'numpy', 'transformers', 'diffusers', 'huggingface_hub'} & set(sys.modules)))"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines()[-1] == "[]"


def test_without_the_extra_the_sentence_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = models.importlib.util.find_spec
    monkeypatch.setattr(
        models.importlib.util, "find_spec", lambda name: None if name in ("diffusers", "soxr") else found(name)
    )

    sentence = refused(capsys, "verify", "audiolcm")

    assert sentence == (
        "the published models need diffusers, soxr, which are not installed: pip install 'upbeat[models]'"
    )
