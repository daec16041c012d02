"""Captions: many ways to say a wish, and ways to say nothing."""

import numpy as np
import pytest

from engine.text import lexicon
from engine.text.kinds import ATTRIBUTES, KINDS
from engine.text.lexicon import adjectives, phrases, trailing
from engine.text.notes import take_pitch
from engine.training.captions import caption, gibberish, lesson, mistyped, wordless
from engine.training.wishes import Wish, random_wish

PLAIN = {kind: [phrase.text for phrase in phrases()[kind]] for kind in KINDS}


def says(text: str, attribute: str, level: int) -> bool:
    return any(word in text for table in (adjectives(), trailing()) for word in table[attribute, level])


@pytest.mark.parametrize("kind", KINDS)
def test_a_caption_names_its_kind(kind: str) -> None:
    rng = np.random.default_rng(1)

    for _ in range(20):
        text = caption(Wish(kind=kind), rng)
        assert any(name in text for name in PLAIN[kind]), text


def test_a_level_that_is_not_usual_is_always_said_or_implied_by_the_noun() -> None:
    rng = np.random.default_rng(2)

    for _ in range(500):
        wish = random_wish(rng)
        text = caption(wish, rng)
        for attribute, level in zip(ATTRIBUTES, wish.levels, strict=True):
            if level:
                implied = any(
                    phrase.text in text and phrase.implied.get(attribute) == level for phrase in phrases()[wish.kind]
                )
                assert implied or says(text, attribute, int(level)), (text, attribute, level)


def test_a_noun_that_implies_a_level_is_not_used_for_a_usual_one() -> None:
    rng = np.random.default_rng(3)

    assert not any("808 kick" in caption(Wish(kind="kick"), rng) for _ in range(500))
    assert any("808 kick" in caption(Wish(kind="kick", length=1), rng) for _ in range(500))


def test_a_note_that_is_to_be_said_can_be_parsed_again() -> None:
    rng = np.random.default_rng(4)

    for _ in range(200):
        text = caption(Wish(kind="mallet", midi=66, note_said=True), rng)
        pitch, _ = take_pitch(text)
        assert pitch is not None
        assert pitch.midi == pytest.approx(66, abs=0.06), text


def test_held_out_captions_use_no_noun_of_training() -> None:
    rng = np.random.default_rng(5)
    texts = [caption(Wish(kind="snare"), rng, held_out=True) for _ in range(50)]

    assert all(any(noun in text for noun in lexicon.held_out()["snare"]) for text in texts)


def test_the_text_encoder_is_taught_attributes_of_kinds_that_have_none() -> None:
    rng = np.random.default_rng(6)
    lessons = [lesson(rng) for _ in range(3000)]

    assert any(one.kind == "rain" and one.levels["drive"] == 1 for one in lessons)
    assert any(one.kind is None and any(one.levels.values()) for one in lessons)
    assert {one.kind for one in lessons} == {*KINDS, None}


def test_a_text_that_names_nothing_is_no_phrase() -> None:
    rng = np.random.default_rng(7)
    known = {name for names in PLAIN.values() for name in names}

    assert not {wordless(rng) for _ in range(1000)} & known


def test_nonsense_is_no_phrase_either() -> None:
    rng = np.random.default_rng(8)
    known = {name for names in PLAIN.values() for name in names}

    assert not {gibberish(rng) for _ in range(20_000)} & known


def test_a_typing_error_changes_a_letter_or_two_and_no_more() -> None:
    rng = np.random.default_rng(9)
    texts = [mistyped("dark kick drum", rng, share=1.0) for _ in range(100)]

    assert all(abs(len(text) - 14) <= 1 for text in texts)
    assert all(text[0] == "d" for text in texts)
    assert len(set(texts)) > 30
    assert mistyped("dark kick drum", rng, share=0.0) == "dark kick drum"
