"""`upbeat bench --quick` measures everything. How fast is not asserted: that is a matter of the machine."""

import math
from pathlib import Path

import pytest

from tests.whole.command_line import Home


@pytest.mark.slow
def test_every_figure_is_a_sane_number(tmp_path: Path) -> None:
    bench = Home(tmp_path).upbeat("bench", "--quick", "--json", within_s=100).json

    figures = {figure["name"]: figure for figure in bench["figures"]}
    assert bench["machine"]["cores"] >= 1
    assert {
        "import bridge",
        "engine ready",
        "cancel to free worker",
        "transport of a 3.5 MB clip",
        "shape to clip, 1 s",
    } <= figures.keys()
    assert {f"cue to clip, {steps}-step, {length_s} s" for steps in (1, 2) for length_s in (1, 4)} <= figures.keys()
    for figure in figures.values():
        assert 0 < figure["median"] <= figure["p99"] < math.inf
        assert figure["n"] >= 1
        assert figure["ratio"] is None or (figure["ratio"] > 0 and figure["yardstick"])
