"""FLAN-T5's encoder: a prompt's states, whatever stands beside it."""

from pathlib import Path

import pytest
import torch

from engine.text.flan_t5 import FlanT5, Tokenizer
from engine.text.states import batch_of
from tests.engine.tiny_consistency_tta import tiny_config, tiny_family, write_vocabulary


@pytest.fixture(scope="module")
def encoder() -> FlanT5:
    """Small and random."""
    return tiny_family().text_encoder


@torch.no_grad()
def test_a_prompt_has_a_state_for_each_of_its_tokens(encoder: FlanT5) -> None:
    text = encoder.of_prompt(torch.tensor([5, 9, 1]))

    assert text.states.shape == (3, tiny_config()["text_encoder"]["d_model"])
    assert text.mask.tolist() == [True, True, True]


@torch.no_grad()
def test_padding_changes_nothing_of_what_counts(encoder: FlanT5) -> None:
    ids = torch.tensor([5, 9, 1])
    padded = torch.tensor([[5, 9, 1, 0, 0, 0, 0]])

    states = encoder.states(padded, padded != 0)[0, :3]
    assert torch.allclose(states, encoder.of_prompt(ids).states, atol=1e-5)


@torch.no_grad()
def test_texts_of_different_lengths_become_one_batch(encoder: FlanT5) -> None:
    texts = [encoder.of_prompt(torch.tensor(ids)) for ids in ([1], [5, 9, 4, 1])]
    together = batch_of(texts, tokens=6)

    assert together.states.shape[:2] == (2, 6)
    assert together.mask.sum(1).tolist() == [1, 4]
    assert torch.equal(together.states[1, :4], texts[1].states)


def test_a_vocabulary_is_read_and_the_prompt_ends_in_the_end_token(tmp_path: Path) -> None:
    write_vocabulary(tmp_path / "tokenizer.json")
    tokenizer = Tokenizer.from_folder(tmp_path, max_tokens=4)

    assert tokenizer("a dog").tolist() == [9, 3, 1]
    assert tokenizer("").tolist() == [1]
    assert tokenizer("dog dog dog dog dog").tolist() == [3, 3, 3, 1]
