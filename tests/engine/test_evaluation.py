"""The measurements themselves, on sounds and readings whose truth is known."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.families.embedded import EmbeddedParts
from engine.text.kinds import KINDS
from engine.text.lexicon import held_out
from engine.training.measuring.asked import Groove, onsets_ms, second_layer_db
from engine.training.measuring.bench import Bench, Table
from engine.training.measuring.card import card_text, goal_table, number_table, row_table
from engine.training.measuring.comprehension import calibration_error, understanding
from engine.training.measuring.evaluation import MEASUREMENTS, SHARES, evaluate
from engine.training.measuring.goals import GOALS
from engine.training.measuring.judge import JUDGE_RATE_HZ, Judge
from engine.training.measuring.makers import asks_for_a_rhythm
from engine.training.measuring.second_judge import SecondJudge, properties
from engine.training.measuring.variety import log_mel_correlation
from engine.training.progress import Report

SECONDS = torch.arange(JUDGE_RATE_HZ) / JUDGE_RATE_HZ


def sine(hz: float) -> Tensor:
    """(2, frames): one second of it, dying away."""
    return (torch.sin(2 * math.pi * hz * SECONDS) * torch.exp(-SECONDS / 0.2)).expand(2, -1)


def hiss(seed: int = 0) -> Tensor:
    """(2, frames): one second of noise, dying away."""
    return (
        0.3 * torch.randn(2, JUDGE_RATE_HZ, generator=torch.Generator().manual_seed(seed)) * torch.exp(-SECONDS / 0.05)
    )


@pytest.fixture(scope="module")
def bench() -> Bench:
    """A model and judges that know nothing."""
    torch.manual_seed(0)
    rows = np.stack([properties(hiss(seed)) for seed in range(2)])
    return Bench(
        student=EmbeddedParts(),
        teacher=None,
        judge=Judge().eval(),
        second=SecondJudge(rows, np.arange(2)),
        prompts=20,
        seed=101,
        report=Report(say=lambda line: None),
    )


def test_late_hits_are_told_to_a_tenth_of_a_millisecond() -> None:
    clip = torch.zeros(4 * JUDGE_RATE_HZ)
    hit = hiss().mean(0)[:8_000]
    late_frames = [0, 13, 0, -30, 0, 0, 100]
    for beat, late in enumerate(late_frames):
        start = beat * JUDGE_RATE_HZ // 2 + late
        clip[start : start + len(hit)] += hit

    found = onsets_ms(clip, Groove(words="", every_beats=1), tempo_bpm=120)
    assert found[:7] == pytest.approx([1000 * late / JUDGE_RATE_HZ for late in late_frames], abs=0.1)
    assert found[7] is None


def test_both_sounds_of_a_mix_are_found_at_their_levels() -> None:
    kick, hat = sine(60), hiss()

    assert second_layer_db(kick + 0.5 * hat, kick, hat) == pytest.approx(-6, abs=0.5)
    assert second_layer_db(kick, kick, hat) < -20


def test_a_sound_is_like_itself_and_less_like_another() -> None:
    assert log_mel_correlation(sine(300), 0.5 * sine(300)) == pytest.approx(1, abs=1e-3)
    assert log_mel_correlation(sine(300), hiss()) < 0.8


def test_stated_probabilities_that_come_true_have_no_calibration_error() -> None:
    sure = np.array([0.95] * 20 + [0.55] * 20)
    right = np.array([True] * 19 + [False] + [True] * 11 + [False] * 9)

    assert calibration_error(sure, right) == pytest.approx(0)
    assert calibration_error(sure, ~right) > 0.4


def test_a_measurement_is_kept_and_not_done_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = []

    def notes(asked: Bench) -> Table:
        times.append(asked.seed)
        return {"student, 1 step": {"within 5 cents": 0.5}}

    monkeypatch.setitem(MEASUREMENTS, "notes", notes)

    first, again = (evaluate(bench, tmp_path, names=["notes"]) for _ in range(2))
    assert first == again == {"notes": {"student, 1 step": {"within 5 cents": 0.5}}}
    assert times == [101]


@pytest.mark.slow
def test_an_encoder_that_learned_nothing_understands_little(bench: Bench) -> None:
    read = understanding(bench)

    assert read["prompts"]["kind"] < 0.3
    assert read["held-out wordings alone"]["prompts"] == sum(map(len, held_out().values()))


def test_two_shares_and_the_latency_are_all_measurements() -> None:
    assert sorted([*SHARES[0], *SHARES[1], "latency"]) == sorted(MEASUREMENTS)


@pytest.mark.slow
def test_a_row_holds_the_truth_against_itself(bench: Bench, tmp_path: Path) -> None:
    row = evaluate(bench, tmp_path, names=["oracle"])["oracle"]

    assert row["measures"]["facts"] > 0.9
    assert row["measures"]["attack"] == 1
    assert row["measures"]["centroid"] < 0.5
    assert set(row["judge A"]) == set(KINDS[:20])


def test_a_goal_that_was_not_measured_is_not_met() -> None:
    measured = {"notes": {"student, 1 step": {"within 5 cents": 1.0}, "student, 2 steps": {"within 5 cents": 0.99}}}
    met = {goal.says for goal in GOALS if goal.met(measured)}

    assert met == {"asked notes within 5 cents"}
    assert "| asked notes within 5 cents | ≥ 98.0 % | 99.0 % | yes |" in goal_table(measured)
    assert "not measured" in goal_table(measured)


def test_the_distance_is_told_beside_the_teachers() -> None:
    rows = {name: {"measures": {"distance": distance}} for name, distance in
            {"student, 2 steps": 11.0, "teacher, 50 steps": 10.0}.items()}  # fmt: skip

    assert "1.10" in row_table(rows)
    assert [goal.measured(rows) for goal in GOALS if "Fréchet" in goal.says] == [pytest.approx(1.1)]


def test_a_card_can_be_written_from_whatever_was_measured(bench: Bench) -> None:
    evaluation = {"latency": {"1 s, 1 step": {"p50, ms": 9.54, "p99, ms": 20.0, "worst, ms": 30.0, "prompts": 100}}}
    card = card_text(
        bench.student, evaluation, weights=b"x", prompts=20, budget="small", seed=0, took_s=60, tested_on=None
    )

    assert number_table(evaluation["latency"]) in card
    assert "| 1 s, 1 step | 9.5 | 20.0 | 30.00 | 100 |" in card
    assert "| prompt to 1 s clip, p50 | ≤ 12 ms | 9.54 ms | yes |" in card
    assert "{" not in card


def test_what_is_measured_as_one_sound_asks_for_no_tune() -> None:
    assert [asks_for_a_rhythm(prompt) for prompt in ("bass in F2", "bell in D5", "brass stab")] == [False] * 3
    assert [asks_for_a_rhythm(prompt) for prompt in ("walking bass in F2", "bell melody in D5", "kick loop")] == [
        True
    ] * 3
