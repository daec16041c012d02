"""Pictures of sounds that are known: the line of a tone, the columns of a click."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from bridge.catalogue.spectrogram import COLUMNS, LINES, draw, height_of, levels_db
from osc_schemas.clip import Samples

RATE_HZ = 44_100


def tone(hz: float) -> Samples:
    return np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)[:, None]


@pytest.mark.parametrize("hz", [50, 100, 440, 1_000, 10_000])
def test_a_tone_is_a_bright_line_at_the_height_of_its_pitch(hz: float) -> None:
    levels = levels_db(tone(hz), RATE_HZ)

    assert levels.shape == (LINES, COLUMNS)
    loudest = int(levels[:, COLUMNS // 2].argmax())
    assert 1 - loudest / LINES == pytest.approx(height_of(hz), abs=0.03)
    assert levels.max() == 0


def test_a_click_is_where_it_is_in_time() -> None:
    samples = np.zeros((RATE_HZ, 2), np.float32)
    samples[RATE_HZ // 4] = 1

    levels = levels_db(samples, RATE_HZ)

    assert levels[LINES // 2].argmax() == pytest.approx(COLUMNS / 4, abs=2)


@pytest.mark.parametrize("frames", [0, 1, 100, 5_000])
def test_silence_and_the_shortest_sounds_have_a_picture_too(frames: int, tmp_path: Path) -> None:
    draw(tmp_path / "picture.png", np.zeros((frames, 2), np.float32), RATE_HZ)

    assert imread(tmp_path / "picture.png").shape[:2] == (LINES, COLUMNS)


def test_the_same_sound_has_the_same_picture(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(tmp_path / name, tone(300), RATE_HZ)

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert len((tmp_path / "a.png").read_bytes()) < 30_000
