"""Imports point one way, and examples in docstrings are true."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDS_A_LIBRARY = {"bridge.tracks.jack", "bridge.tracks.portaudio"}  # of the system's, which may not be there


def modules_of(package: str) -> list[str]:
    """Every module of a package, by its full name."""
    return [package, *(found.name for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."))]


def loaded_after(names: list[str]) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after importing `names`."""
    program = f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_no_module_of_the_bridge_brings_torch_or_the_engine() -> None:
    names = [name for name in modules_of("bridge") if name not in NEEDS_A_LIBRARY and not name.endswith("__main__")]

    assert loaded_after(names).isdisjoint({"torch", "onnxruntime", "transformers", "engine"})


def test_no_module_of_the_engine_imports_the_bridge() -> None:
    for path in (ROOT / "engine").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) bridge\b", path.read_text(), re.MULTILINE), path


def test_the_shared_words_need_little() -> None:
    loaded = loaded_after(modules_of("osc_schemas"))

    assert loaded.isdisjoint({"bridge", "engine", "torch", "zmq", "numba", "mido", "soundfile"})


def test_importing_the_bridge_loads_next_to_nothing() -> None:
    assert loaded_after(["bridge"]).isdisjoint({"numpy", "numba", "zmq", "rich"})


def has_examples(name: str) -> bool:
    """Whether the module's file has a docstring example."""
    file = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    return file.exists() and ">>>" in file.read_text()


WITH_EXAMPLES = [
    name for package in ("bridge", "engine", "osc_schemas") for name in modules_of(package) if has_examples(name)
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    results = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    )

    assert results.attempted > 0
    assert results.failed == 0
