"""Where things lie on disk."""

from pathlib import Path

import pytest

from bridge.folders import cache_folder, log_folder, models_folder, takes_folder


def test_one_variable_moves_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))

    assert takes_folder() == tmp_path / "takes"
    assert models_folder() == tmp_path / "models"
    assert cache_folder() == tmp_path / "cache"
    assert log_folder() == tmp_path / "logs"


def test_without_it_each_system_has_its_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UPBEAT_HOME", raising=False)
    folders = [takes_folder(), models_folder(), cache_folder(), log_folder()]

    assert len(set(folders)) == 4
    assert all(folder.is_absolute() and "upbeat" in folder.parts for folder in folders)
