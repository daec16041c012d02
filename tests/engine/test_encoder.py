"""What the text encoder reads, and how it says so."""

import numpy as np
import pytest
import torch

from engine.text.encoder import NOTHING, TextEncoder
from engine.text.kinds import ATTRIBUTES, KINDS
from engine.training.captions import lesson
from engine.training.progress import Report
from engine.training.understanding import targets, train_text_encoder


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder().eval()


def test_a_reading_shares_certainty_between_the_kinds_and_nothing(encoder: TextEncoder) -> None:
    for reading in encoder.readings(["dark kick", "", "x " * 500, "雨", "\0"]):
        assert reading.kinds.shape == (len(KINDS),)
        assert float(reading.kinds.sum()) + reading.nothing == pytest.approx(1)
        assert torch.allclose(reading.attributes.sum(-1), torch.ones(len(ATTRIBUTES)))


def test_a_level_is_exactly_usual_where_the_usual_is_most_probable(encoder: TextEncoder) -> None:
    rng = np.random.default_rng(1)
    readings = encoder.readings([lesson(rng).text for _ in range(200)])
    levels = torch.stack([reading.levels for reading in readings])
    attributes = torch.stack([reading.attributes for reading in readings])

    usual = attributes.argmax(-1) == 1
    assert usual.any()
    assert (~usual).any()
    assert (levels[usual] == 0).all()
    assert torch.equal(levels[~usual], (attributes[..., 2] - attributes[..., 0])[~usual])


def test_a_text_is_read_alike_alone_and_among_others(encoder: TextEncoder) -> None:
    (alone,) = encoder.readings(["short bright pluck"])
    among = encoder.readings(["kick", "short bright pluck", "a very long prompt about a bell in a cathedral far away"])[
        1
    ]

    assert torch.allclose(alone.kinds, among.kinds, atol=1e-6)
    assert torch.allclose(alone.levels, among.levels, atol=1e-6)


def test_no_texts_have_no_readings(encoder: TextEncoder) -> None:
    assert encoder.readings([]) == []


def test_temperatures_are_saved_with_the_weights_and_make_it_less_sure(encoder: TextEncoder) -> None:
    doubting = TextEncoder().eval()
    doubting.load_state_dict({**encoder.state_dict(), "kind_temperature": torch.tensor(50.0)})

    assert doubting.readings(["kick"])[0].kinds.max() < encoder.readings(["kick"])[0].kinds.max()


@pytest.mark.slow
def test_some_hundred_updates_teach_most_kinds_and_what_is_none() -> None:
    torch.manual_seed(0)
    learner, rng = TextEncoder(), np.random.default_rng(2)
    train_text_encoder(learner, rng, updates=400, report=Report())

    lessons = [lesson(rng) for _ in range(500)]
    readings = learner.readings([one.text for one in lessons])
    kinds, levels = targets(lessons)
    read = torch.tensor([NOTHING if one.nothing > one.kinds.max() else int(one.kinds.argmax()) for one in readings])
    assert (read == kinds).float().mean() > 0.6
    assert (torch.stack([one.attributes.argmax(-1) for one in readings]) == levels).float().mean() > 0.9
    assert 0.5 <= float(learner.kind_temperature) <= 3
