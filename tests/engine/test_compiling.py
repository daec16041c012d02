"""The decoder's machine code is kept where it can be, and is never a reason to fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.vocoders import compiling, kernels
from engine.vocoders.drive import half_band_taps

DECODE = """
import torch
from engine.vocoders import kernels
waveform = torch.ones(1, 1000)
kernels.block_offset(waveform.numpy(), 0.9)
print(float(waveform[0, -1]))
"""


def run(home: Path) -> subprocess.CompletedProcess[str]:
    """Import the loops and use one, in a process of its own whose cache is in `home`."""
    return subprocess.run(
        [sys.executable, "-c", DECODE],
        env={**os.environ, "UPBEAT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=100,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.slow
def test_the_machine_code_is_kept_in_the_cache(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.name.startswith("decoder-")
    assert list(folder.rglob("*.nbc"))


@pytest.mark.slow
def test_without_a_folder_to_write_each_process_compiles_for_itself(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")
    done = run(tmp_path)

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(0, abs=1e-3)


def test_a_folder_that_cannot_be_made_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    folder = compiling.writable_folder()
    assert folder is not None
    assert folder.parent == tmp_path / "cache"

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path / "file"))
    assert compiling.writable_folder() is None


def test_the_loops_are_compiled_before_they_are_called() -> None:
    entries = (
        *(kernels.add_voice, kernels.add_detuned_voice, kernels.add_partials, kernels.add_noise),
        *(kernels.add_bubbles, kernels.halfway, kernels.block_offset),
    )
    for entry in entries:
        assert len(entry.signatures) == 1  # type: ignore[attr-defined]


def test_silence_after_an_offset_is_exact() -> None:
    waveform = torch.zeros(2, 48_000)
    waveform[:, :10_000] = 0.5
    kernels.block_offset(waveform.numpy(), 0.997)

    assert waveform[:, 9_990:10_000].abs().max() < 1e-6
    assert not waveform[:, 20_000:].any()


def test_halfway_between_the_frames_of_a_slow_sine_is_the_sine() -> None:
    frame = torch.arange(2000, dtype=torch.float64)
    sine, wanted = (torch.sin(0.3 * (frame + ahead)).float() for ahead in (0, 0.5))
    out = torch.empty(1, 2000)
    kernels.halfway(out.numpy(), sine[None].numpy(), half_band_taps())
    torch.testing.assert_close(out[0, 50:-50], wanted[50:-50], atol=2e-3, rtol=0)
