"""`upbeat models`: a process of the engine's side, whose words and exit code are passed on."""

import json
from pathlib import Path

import pytest

from bridge import folders
from bridge.cli import main
from engine.checkpoints import folders as of_the_engine


def test_the_list_comes_from_the_engines_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))

    assert main(["models", "list", "--json"]) == 0

    listed = json.loads(capfd.readouterr().out)
    assert [model["name"] for model in listed] == ["consistency_tta", "audiolcm", "soundctm", "soundctm_dit"]
    assert {model["state"] for model in listed} == {"not here"}
    assert listed[0]["folder"] == str(folders.models_folder() / "consistency_tta")


def test_its_sentence_and_its_exit_code_are_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "card", "audiolmc"]) == 2

    said = capfd.readouterr().err
    assert said.startswith("upbeat: there is no model 'audiolmc'; there are consistency_tta, audiolcm")
    assert said.count("\n") == 1


@pytest.mark.parametrize("home", ["moved", None])
def test_both_sides_look_for_models_in_the_same_place(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if home is None:
        monkeypatch.delenv("UPBEAT_HOME", raising=False)
    else:
        monkeypatch.setenv("UPBEAT_HOME", str(tmp_path / home))

    assert of_the_engine.models_folder() == folders.models_folder()
    assert of_the_engine.conversions_folder() == folders.cache_folder() / "models"
