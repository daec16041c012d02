"""The two listeners."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.text.kinds import KINDS
from engine.training.measuring.judge import (
    JUDGE_RATE_HZ,
    LISTENED_S,
    Judge,
    fresh_sound,
    log_mel,
    mel_power,
    render,
    train_judge,
)
from engine.training.measuring.second_judge import SecondJudge, degraded, properties
from engine.training.progress import Report

SILENT = Report(say=lambda line: None)


def tone(hz: float, *, decay_s: float = 0.3, length_s: float = 0.6) -> Tensor:
    """(2, frames) of a decaying sine."""
    seconds = torch.arange(round(length_s * JUDGE_RATE_HZ)) / JUDGE_RATE_HZ
    return (torch.sin(2 * math.pi * hz * seconds) * torch.exp(-seconds / decay_s)).expand(2, -1)


def hiss(seed: int, *, length_s: float = 0.6) -> Tensor:
    """(2, frames) of white noise."""
    return torch.randn(2, round(length_s * JUDGE_RATE_HZ), generator=torch.Generator().manual_seed(seed))


def test_a_judge_hears_the_mean_of_the_channels() -> None:
    judge = Judge().eval()
    stereo = hiss(0)

    assert torch.equal(judge.listen([stereo]).kinds, judge.listen([stereo.mean(0)]).kinds)


def test_a_judge_hears_no_more_than_the_beginning() -> None:
    long = hiss(1, length_s=LISTENED_S + 1).mean(0)[None]
    cut = long[:, : round(LISTENED_S * JUDGE_RATE_HZ)]

    assert torch.equal(mel_power(long), mel_power(cut))


def test_what_a_judge_sees_does_not_depend_on_the_level() -> None:
    power = mel_power(tone(440))

    assert torch.allclose(log_mel(power), log_mel(power * 0.25), atol=1e-3)


def test_a_sound_is_rendered_as_far_as_it_is_heard() -> None:
    _, sound = fresh_sound(np.random.default_rng(0), kind="riser")

    heard = render(sound, seed=1, heard_s=0.3)
    assert heard.shape == (2, round(0.3 * JUDGE_RATE_HZ))
    assert render(sound, seed=1).shape == (2, round(sound.length_s * JUDGE_RATE_HZ))


@pytest.mark.slow
def test_a_short_training_already_tells_most_kinds() -> None:
    torch.manual_seed(0)
    judge = Judge()
    train_judge(judge, np.random.default_rng(0), updates=120, report=SILENT)
    rng = np.random.default_rng(1)
    heard = judge.listen([render(fresh_sound(rng, kind=kind)[1], seed=1, heard_s=LISTENED_S) for kind in KINDS])

    right = heard.kinds.argmax(1) == torch.arange(len(KINDS))
    assert right.float().mean() > 0.4  # chance is 0.02
    assert all(tensor.is_contiguous() for tensor in judge.state_dict().values())  # or no file could hold them


def test_properties_do_not_depend_on_the_level() -> None:
    assert np.allclose(properties(tone(300)), properties(0.1 * tone(300)), atol=0.02)


@pytest.mark.parametrize("frames", [500, 30_000])
def test_even_silence_has_properties(frames: int) -> None:
    assert np.isfinite(properties(torch.zeros(2, frames))).all()


def test_a_degraded_sound_is_another_but_still_much_like_itself() -> None:
    waveform = tone(300)
    heard = degraded(waveform, np.random.default_rng(3))

    assert heard.shape == waveform.shape
    assert not torch.equal(heard, waveform)
    assert torch.corrcoef(torch.stack([heard.mean(0), waveform.mean(0)]))[0, 1] > 0.9


def test_the_second_judge_names_what_it_was_taught_and_is_the_same_from_its_file() -> None:
    rng = np.random.default_rng(0)
    taught = {"flute": lambda: tone(rng.uniform(400, 900), decay_s=9), "noise": lambda: hiss(int(rng.integers(99)))}
    rows = [(properties(make()), KINDS.index(kind)) for kind, make in taught.items() for _ in range(8)]
    judge = SecondJudge(np.stack([row for row, _ in rows]), np.array([kind for _, kind in rows]))
    again = SecondJudge.of_tensors(judge.tensors())

    heard = [tone(611, decay_s=9), hiss(1000)]
    assert [KINDS[place] for place in judge.listen(heard).argmax(1)] == ["flute", "noise"]
    assert np.array_equal(judge.listen(heard), again.listen(heard))


@pytest.mark.slow
def test_the_second_judge_is_taught_every_kind() -> None:
    judge = SecondJudge.taught(np.random.default_rng(0), clips=3 * len(KINDS), report=SILENT)

    assert sorted(judge.kinds) == sorted(3 * list(range(len(KINDS))))
