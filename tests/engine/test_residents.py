import importlib
import importlib.util
import re
from collections.abc import Iterator

import pytest
import torch

from engine.errors import EngineError, SetupError
from engine.residents import FAMILIES, PUBLISHED, family_source, warm_family
from tests.engine.noise_family import NoiseFamily


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Silent(NoiseFamily):
    name = "silent"

    def waveform(self, *args: object, frames: int, **options: object) -> torch.Tensor:  # type: ignore[override]
        return torch.zeros(1, 1, frames)


def test_a_family_is_found_by_its_name_or_by_where_it_is_made() -> None:
    assert family_source("embedded") == "engine.families.embedded:Embedded.load"
    assert warm_family("tests.engine.noise_family:NoiseFamily", threads=1).name == "noise"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("embeded", "no family 'embeded'; known are embedded"),
        ("engine.nowhere:load", "cannot be imported: No module named"),
        ("engine.families.base:nobody", "cannot be imported: .* has no attribute 'nobody'"),
    ],
)
def test_a_family_that_is_not_there_is_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence):
        warm_family(name, threads=1)


def test_without_torch_the_engine_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(SetupError, match=re.escape("pip install 'upbeat[engine]'")):
        family_source("embedded")


def test_what_a_published_family_needs_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "diffusers" else found(name))

    with pytest.raises(SetupError, match=re.escape("needs diffusers, which is not installed: pip install 'upbeat[mod")):
        family_source("soundctm")
    assert family_source("embedded") == FAMILIES["embedded"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_family_is_where_its_name_says(name: str) -> None:
    module, _, path = family_source(name).partition(":")
    family, load = path.split(".")

    assert callable(getattr(getattr(importlib.import_module(module), family), load))


def test_a_published_family_is_ready_after_one_clip_of_the_least_it_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Counting(NoiseFamily):
        def waveform(self, *args: object, steps: int, frames: int, **options: object) -> torch.Tensor:  # type: ignore[override]
            asked.append((steps, frames))
            return torch.ones(1, 1, frames)

    monkeypatch.setitem(PUBLISHED, "noise", "tests.engine.noise_family:NoiseFamily")
    monkeypatch.setattr("tests.engine.noise_family.NoiseFamily", Counting)

    warm_family("tests.engine.noise_family:NoiseFamily", threads=1)
    as_published, asked[:] = list(asked), []
    del PUBLISHED["noise"]
    warm_family("tests.engine.noise_family:NoiseFamily", threads=1)

    assert as_published == [(1, 24_000)]
    assert len(asked) == 8  # each number of steps, each length, each prompt


def test_ready_is_not_said_of_a_family_whose_canary_is_silent() -> None:
    with pytest.raises(EngineError, match="canary clip of silent at 1 steps peaks at 0"):
        warm_family("tests.engine.test_residents:Silent", threads=1)
