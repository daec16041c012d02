"""The mixer's time per block, and what it takes to have it compiled. Run with -m slow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.tracks.block_time import measure_block_us

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(("voices", "frames"), [(32, 128), (32, 1024), (512, 128)])
def test_a_block_is_mixed_in_a_small_part_of_its_length(voices: int, frames: int, recorded: bool) -> None:
    block = measure_block_us(voices=voices, frames=frames, recorded=recorded)
    print(f"\n{voices} voices, {frames} frames, recorded {recorded}: {block}")

    assert block.p50_us < 0.1 * block.block_us


def test_the_compiled_mixer_is_read_from_its_cache(tmp_path: Path) -> None:
    program = "import time; t = time.perf_counter(); import bridge.tracks.mixer; print(time.perf_counter() - t)"
    cold_s, warm_s = (
        float(
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "UPBEAT_HOME": str(tmp_path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(2)
    )
    print(f"\ncompiled in {cold_s:.2f} s, read in {warm_s:.2f} s")

    assert warm_s < 0.5 * cold_s
