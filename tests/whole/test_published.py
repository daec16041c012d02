"""The published families from the command line: their authors' files on disk, an engine process, the wire, a take.

The files are of the authors' layout and of our making: tiny networks with random weights.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from osc_schemas.clip import Samples
from tests.engine import tiny_audiolcm, tiny_consistency_tta, tiny_soundctm
from tests.whole.command_line import Home

RATE_HZ = 48_000
WITHIN_S = 100.0  # importing what these models are built with takes seconds, and many on a busy machine
FILES: dict[str, Callable[[Path], None]] = {
    "consistency_tta": tiny_consistency_tta.write_model_folder,
    "audiolcm": tiny_audiolcm.write_model_folder,
    "soundctm": tiny_soundctm.write_unet_folder,
    "soundctm_dit": tiny_soundctm.write_dit_folder,
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def with_model(home: Home, family: str) -> None:
    """Put the family's files where the engine looks for them."""
    FILES[family](home.folder / "models" / family)


def heard(path: str) -> Samples:
    samples, rate_hz = sf.read(path, dtype="float32", always_2d=True)
    assert rate_hz == RATE_HZ
    return samples  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize("family", FILES)
def test_a_family_says_what_it_is_asked_at_the_sets_rate(home: Home, family: str) -> None:
    with_model(home, family)
    words = ["say", "rain on a roof", "--family", family, "--length-s", 0.25, "--seed", 3, "--no-play", "--json"]

    said = home.upbeat(*words, within_s=WITHIN_S).json

    clip = heard(said["path"])
    assert said["family"] == family
    assert clip.shape == (RATE_HZ // 4 + RATE_HZ // 8, 1)  # as asked, and its tail
    assert 0.001 < np.abs(clip).max() <= 1


@pytest.mark.slow
def test_a_clip_may_begin_from_a_sound(home: Home) -> None:
    with_model(home, "audiolcm")
    rng = np.random.default_rng(0)
    sf.write(home.folder / "loop.wav", 0.1 * rng.standard_normal((RATE_HZ, 2)).astype(np.float32), RATE_HZ)
    words = ["say", "rain", "--family", "audiolcm", "--length-s", 0.25, "--no-play", "--json"]

    from_noise = home.upbeat(*words, within_s=WITHIN_S).json
    from_loop = home.upbeat(*words, "--from", home.folder / "loop.wav", "--strength", 0.4, within_s=WITHIN_S).json

    assert from_loop["take_id"] != from_noise["take_id"]
    assert not np.array_equal(heard(from_loop["path"]), heard(from_noise["path"]))


def test_a_family_whose_files_are_not_there_says_how_to_get_them(home: Home) -> None:
    ended = home.upbeat("say", "rain", "--family", "audiolcm", "--no-play", within_s=WITHIN_S)

    assert ended.code == 2
    assert "upbeat models pull audiolcm" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
def test_a_shape_is_refused_by_a_family_that_cannot_bend(home: Home) -> None:
    with_model(home, "audiolcm")
    words = ["say", "rain", "--family", "audiolcm", "--length-s", 0.25, "--no-play"]

    ended = home.upbeat(*words, "--shape", "pitch=3", within_s=WITHIN_S)

    assert ended.code == 2
    assert "audiolcm" in ended.err
