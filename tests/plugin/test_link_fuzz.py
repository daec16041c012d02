"""The link against a bridge, and a project, that say anything at all: nothing is read or written out of bounds."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.plugin.conftest import LINK, SOURCES, lacking, made

HERE = Path(__file__).parent
SECONDS = 5

pytestmark = [
    pytest.mark.plugin,
    pytest.mark.hosts,
    pytest.mark.skipif(bool(lacking()), reason=f"not installed: {' '.join(lacking())}"),
]


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with AddressSanitizer and UBSan, which end it at the first mistake."""
    file = tmp_path_factory.mktemp("fuzz") / "link_fuzz"
    made(
        ["g++", "-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off",
         "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all", f"-I{SOURCES}",
         HERE / "link_fuzz.cpp", *LINK, "-o", file, "-lzmq", "-pthread"],
        "the fuzz",
    )  # fmt: skip
    return file


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_is_said_to_it_the_link_stays_whole(fuzz: Path, seed: int) -> None:
    done = subprocess.run([fuzz, str(seed), str(SECONDS)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr[-6000:]
    told = json.loads(done.stdout)
    assert told["said"] > 1_000
    assert told["blocks"] > 1_000
