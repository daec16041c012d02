"""What it takes to build the plug-in; the fixture `built` is in tests/conftest.py."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.plugin.player import Host, library

SOURCES = Path(__file__).parents[2] / "bridge" / "plugin"
LINK = [SOURCES / name for name in ("link.cpp", "keeper.cpp", "keeper_hears.cpp")]
DPF = Path("/usr/share/dpf")


def lacking() -> list[str]:
    """What this machine lacks to build the plug-in."""
    found = {
        "dpf-source": (DPF / "Makefile.plugins.mk").is_file(),
        "g++": shutil.which("g++") is not None,
        "make": shutil.which("make") is not None,
        "pkg-config": shutil.which("pkg-config") is not None,
    }
    if found["pkg-config"]:
        found["libzmq3-dev"] = subprocess.run(["pkg-config", "--exists", "libzmq"]).returncode == 0
    return [name for name, is_there in found.items() if not is_there]


def made(command: list[str | Path], what: str) -> None:
    """Run a compiler; the test fails with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, f"{what} did not build: {done.stdout[-2000:]}{done.stderr[-4000:]}"


class NewHost(Protocol):
    """Makes a host."""

    def __call__(self, **values: Any) -> Host: ...


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The player, built for tests."""
    return library(tmp_path_factory.mktemp("player"))


@pytest.fixture
def host(compiled: Any) -> Iterator[NewHost]:
    """Hosts with a player in each, closed after the test."""
    hosts: list[Host] = []

    def new(**values: Any) -> Host:
        hosts.append(Host(compiled, **values))
        return hosts[-1]

    yield new
    for one in hosts:
        one.close()
