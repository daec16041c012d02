"""Recorded numbers of the published models, read as the tests want them.

The folder is what `UPBEAT_PARITY_DIR` names, else `../shared/parity` beside the project, else the trimmed copy in
`data`. What a folder lacks is a failure, never a skip.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

PROJECT = Path(__file__).parents[2]
SHARED = PROJECT.parent / "shared" / "parity"
TRIMMED = Path(__file__).parent / "data"


@dataclass(frozen=True)
class ParityFolder:
    """The fixtures of one model: what is recorded, under which sizes, and the tensors."""

    name: str
    path: Path
    manifest_path: Path

    @cached_property
    def json(self) -> dict[str, Any]:
        """All of `fixtures.json`."""
        return dict(json.loads(_present(self.path / "fixtures.json").read_text(encoding="utf-8")))

    @property
    def config(self) -> dict[str, Any]:
        """The sizes of the networks that were recorded."""
        return dict(self.json["config"])

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Names and shapes in the published files at their real size."""
        return dict(json.loads(_present(self.manifest_path).read_text(encoding="utf-8")))

    def tensors(self, file: str) -> dict[str, Tensor]:
        """What a file holds; half precision, which only saves space, becomes float32."""
        tensors = load_file(_present(self.path / file))
        return {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in tensors.items()}

    def files(self) -> set[str]:
        """The tensor files that lie in the folder."""
        return {path.name for path in self.path.glob("*.safetensors")}

    def cases(self, pattern: str) -> dict[str, dict[str, Any]]:
        """Entries of a `cases` list whose file matches, by file; there is at least one."""
        found = {case["file"]: case for case in self.json["cases"] if Path(case["file"]).match(pattern)}
        assert found, f"{self.path.name}/fixtures.json lists no case {pattern}"
        return found


def folder(name: str) -> ParityFolder:
    """The fixtures of `name`, such as "audiolcm"; sizes of the real files come from the specification's own folder."""
    named = os.environ.get("UPBEAT_PARITY_DIR")
    roots = [Path(named)] if named else [SHARED, TRIMMED]
    path = next((root / name for root in roots if (root / name).is_dir()), roots[-1] / name)
    assert path.is_dir(), f"there are no fixtures of {name} in {' or '.join(map(str, roots))}"
    manifests = (root / name / "manifest.json" for root in (SHARED, TRIMMED))
    manifest_path = next((path for path in manifests if path.is_file()), TRIMMED / name / "manifest.json")
    return ParityFolder(name=name, path=path, manifest_path=manifest_path)


def assert_elementwise(actual: Tensor, expected: Tensor, *, atol: float, rtol: float, what: str = "") -> None:
    """Every |actual - expected| is at most atol + rtol |expected|."""
    _compare(actual, expected, atol + rtol * expected.double().abs(), what)


def assert_overall(actual: Tensor, expected: Tensor, *, atol: float, rtol: float = 0.0, what: str = "") -> None:
    """The largest |actual - expected| is at most atol + rtol times the largest |expected|."""
    _compare(actual, expected, atol + rtol * expected.double().abs().max(), what)


def _compare(actual: Tensor, expected: Tensor, bound: Tensor | float, what: str) -> None:
    assert actual.shape == expected.shape, f"{what}: {tuple(actual.shape)} where {tuple(expected.shape)} was recorded"
    difference = (actual.detach().double() - expected.double()).abs()
    excess = (difference - bound).max().item()  # not a number if either is not
    assert excess <= 0, f"{what}: off by up to {difference.max().item():.3g}, {excess:.3g} more than is allowed"


def numbered(tensors: Mapping[str, Tensor], prefix: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors `prefix`0, `prefix`1, ... with their numbers."""
    for name in sorted(tensors):
        if name.startswith(prefix) and name[len(prefix) :].isdigit():
            yield name[len(prefix) :], tensors[name]


def _present(path: Path) -> Path:
    assert path.is_file(), f"{path.parent.name}/{path.name} is missing from the parity folder"
    return path
