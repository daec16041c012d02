"""Words as hashed letter sequences."""

import doctest

import torch

from engine.text import ngrams
from engine.text.ngrams import BUCKETS, WORDS, bags, buckets_of, words_of


def test_a_word_is_itself_its_shortenings_and_its_sequences_of_three_to_five_letters() -> None:
    assert len(buckets_of("hat")) == 1 + 3 + 3 + 2 + 1  # <hat> has five characters
    assert all(0 <= bucket < BUCKETS for bucket in buckets_of("hihat"))


def test_a_mistyped_word_shares_most_of_its_features_with_the_right_one() -> None:
    right, wrong, other = (set(buckets_of(word)) for word in ("cowbell", "cowbel", "riser"))

    assert len(right & wrong) > len(wrong) / 2
    assert not right & other


def test_a_short_word_with_any_one_typing_error_still_shares_a_feature_with_the_right_one() -> None:
    right = set(buckets_of("kick"))

    for wrong in ("kcik", "kik", "kkick", "kixk", "lick", "kicl", "kicks"):
        assert right & set(buckets_of(wrong)), wrong


def test_hashes_never_change_because_the_weights_are_trained_on_them() -> None:
    assert buckets_of("kick")[:3] == (11254, 6542, 3552)


def test_accents_are_no_letters_of_their_own() -> None:
    assert words_of("Cajón") == words_of("cajon")


def test_long_prompts_are_read_only_at_their_beginning() -> None:
    assert len(words_of("boom " * 100_000)) == WORDS


def test_bags_mark_which_words_exist() -> None:
    buckets, starts, exists = bags(["deep kick", ""])

    assert exists.sum(1).tolist() == [2, 1]
    assert starts.shape == (2 * 2,)
    assert torch.equal(buckets[: len(buckets_of("deep"))], torch.tensor(buckets_of("deep")))


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(ngrams).failed == 0
