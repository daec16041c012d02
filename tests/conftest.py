"""What the tests of several packages share."""

from pathlib import Path

import pytest

from tests.plugin.conftest import SOURCES, lacking, made


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with upbeat and upbeat-track as VST3, LV2 and CLAP: built once a run, as a user would build them."""
    if missing := lacking():
        pytest.skip(f"not installed: {' '.join(missing)}")
    folder = tmp_path_factory.mktemp("plugin") / "build"
    made(["make", "-j2", "-C", SOURCES, f"BUILD={folder}"], "the plug-in")
    return folder
