"""What people call the sounds, as data."""

import doctest
import re
from collections import Counter

import pytest

from engine.text import lexicon
from engine.text.kinds import ATTRIBUTES, GROUPS, KINDS
from engine.text.lexicon import (
    adjectives,
    fillers,
    held_out,
    nearest_words,
    phrases,
    strangers,
    trailing,
    unheard,
    vocabulary,
)


def letters(text: str) -> str:
    return " ".join(["", *re.findall(r"[^\W_]+", text.lower()), ""])


KNOWN = {letters(phrase.text): kind for kind in KINDS for phrase in phrases()[kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_at_least_thirty_names_and_its_own_is_one(kind: str) -> None:
    texts = [phrase.text for phrase in phrases()[kind]]

    assert len(set(texts)) == len(texts) >= 30
    assert kind in texts


def test_no_phrase_names_two_kinds() -> None:
    named = {(letters(phrase.text), kind) for kind in KINDS for phrase in phrases()[kind]}

    assert [text for text, times in Counter(text for text, _ in named).items() if times > 1] == []


def test_a_phrase_says_what_it_implies() -> None:
    implied = {phrase.text: phrase.implied for kind in KINDS for phrase in phrases()[kind]}

    assert implied["808 kick"] == {"length": 1}
    assert implied["church bell"] == {"pitch": -1}
    assert implied["cinematic braam"] == {"pitch": -1, "drive": 1}
    assert implied["kick"] == {}


def test_every_level_of_every_attribute_can_be_said_in_many_ways_before_and_after_a_noun() -> None:
    levels = {(name, -1) for name in ("brightness", "length", "pitch")} | {(name, 1) for name in ATTRIBUTES}

    for words in (adjectives(), trailing()):
        assert set(words) == levels
        assert min(map(len, words.values())) >= 27


def test_no_word_for_an_attribute_has_two_meanings() -> None:
    said = [letters(word) for table in (adjectives(), trailing()) for words in table.values() for word in words]
    without_consequence = {letters(word) for group in ("styles", "intensities") for word in fillers(group)}

    assert [word for word, times in Counter(said).items() if times > 1] == []
    assert not set(said) & (set(KNOWN) | without_consequence)
    assert not without_consequence & set(KNOWN)


def test_held_out_wordings_are_in_no_phrase_that_training_sees() -> None:
    assert all(len(texts) >= 3 for texts in held_out().values())
    for texts in held_out().values():
        for text in texts:
            assert not [known for known in KNOWN if letters(text) in known], text


def test_unheard_wordings_share_no_word_with_their_kind() -> None:
    small = {"of", "the", "on", "in", "a", "and", "from"}
    for kind, texts in unheard().items():
        known = {word for phrase in phrases()[kind] for word in letters(phrase.text).split()}
        for text in texts:
            assert not set(letters(text).split()) & known - small, (kind, text)


def test_strangers_name_nothing_that_we_know_and_some_are_kept_out_of_training() -> None:
    known = {
        *KNOWN,
        *(letters(word) for table in (adjectives(), trailing()) for words in table.values() for word in words),
    }
    trained, kept_out = ({letters(text) for text in strangers(kept_out=kept)} for kept in (False, True))

    assert len(trained) >= 300
    assert len(kept_out) >= 40
    assert not (trained | kept_out) & known
    assert not trained & kept_out


def test_the_vocabulary_lists_every_kind_in_its_group() -> None:
    assert [(group, kind) for group, kind, _ in vocabulary()] == [
        (group, kind) for group, kinds in GROUPS.items() for kind in kinds
    ]


def test_a_prompt_that_is_nearly_a_word_finds_it() -> None:
    assert nearest_words("tamborine", 1) == ("tamborine",)
    assert "cowbell" in nearest_words("a cowbel", 3)
    assert nearest_words("qqqq", 3) == ()


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(lexicon).failed == 0
