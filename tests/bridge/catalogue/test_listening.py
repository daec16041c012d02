"""Clips made ready to be heard beside others."""

import numpy as np
import pytest

from bridge.catalogue.listening import SAMPLE_RATE_HZ, TARGET_LUFS, Wanted, ready_to_hear, wanted_of
from bridge.tracks.loudness import measure_lufs
from osc_schemas.clip import Samples
from osc_schemas.kind import Kind

BEAT_FRAMES = SAMPLE_RATE_HZ // 2  # at 120
TOM = Kind(group="drums", name="tom", phrases=("rack tom",), examples=("tom", "dark tom"), length_beats=2)
REQUEST = Wanted(prompt="tom", seed=0, length_beats=2).request("tom-1", tempo_bpm=120)
FRAMES = REQUEST.frames + REQUEST.tail_frames


def tone(frames: int, gain: float = 0.3) -> Samples:
    """That much of a clip; the rest is silent."""
    samples = np.zeros((FRAMES, 2), np.float32)
    samples[:frames] = gain * np.sin(np.arange(frames) * 2 * np.pi * 1_000 / SAMPLE_RATE_HZ)[:, None]
    return samples


def test_a_kind_is_shown_by_its_examples_and_by_other_seeds_of_the_first() -> None:
    wanted = list(wanted_of(TOM, length_beats=None))

    assert [(one.prompt, one.seed) for one in wanted] == [("tom", 0), ("dark tom", 0), ("tom", 1), ("tom", 2)]
    assert {one.length_beats for one in wanted} == {2}
    assert {one.length_beats for one in wanted_of(TOM, length_beats=8)} == {8}


def test_the_request_has_its_length_at_the_tempo_and_gives_the_same_samples_always() -> None:
    assert (REQUEST.frames, REQUEST.tempo_bpm, REQUEST.exact) == (2 * BEAT_FRAMES, 120, True)


@pytest.mark.parametrize("gain", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("frames", [BEAT_FRAMES, FRAMES])
def test_every_clip_comes_to_one_loudness(gain: float, frames: int) -> None:
    heard = ready_to_hear(tone(frames, gain), REQUEST)

    assert measure_lufs(heard, SAMPLE_RATE_HZ) == pytest.approx(TARGET_LUFS, abs=0.1)


def test_silence_at_the_end_is_cut_off_without_a_click() -> None:
    heard = ready_to_hear(tone(BEAT_FRAMES), REQUEST)

    assert BEAT_FRAMES <= len(heard) < BEAT_FRAMES + 0.03 * SAMPLE_RATE_HZ
    assert np.abs(heard[-1]).max() == 0


def test_what_sounds_to_the_end_keeps_its_tail_and_fades_out_in_it() -> None:
    heard = ready_to_hear(tone(FRAMES), REQUEST)

    assert len(heard) == FRAMES
    assert np.abs(heard[-20:]).max() < 0.01 * np.abs(heard[: REQUEST.frames]).max()


def test_silence_stays_silence_and_has_a_length() -> None:
    heard = ready_to_hear(tone(0), REQUEST)

    assert 0.2 * SAMPLE_RATE_HZ <= len(heard) < FRAMES
    assert not heard.any()
