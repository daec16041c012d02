"""What the embedded model tells of itself, held against what it can parse and what its lexicon says."""

import re

import pytest

from engine.families.embedded import Embedded, EmbeddedParts
from engine.text.asks import Asked, asked
from engine.text.kinds import GROUPS, KINDS
from engine.text.lexicon import phrases
from engine.text.vocabulary import EXAMPLES, vocabulary
from osc_schemas.bounds import MESSAGE_BYTES_MAX
from osc_schemas.codec import write_kind

GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}


def named(prompt: str) -> str:
    """The kind that has the longest phrase in what is left of the prompt for the encoder."""
    words = " ".join(segment.words.lower() for segment in asked(prompt).segments)
    found = [
        (len(phrase.text), kind)
        for kind, listed in phrases().items()
        for phrase in listed
        if re.search(rf"(?<!\w){re.escape(phrase.text)}(?!\w)", words)
    ]
    return max(found, default=(0, "nothing"))[1]


def has_rhythm(said: Asked) -> bool:
    return any(segment.rhythm for segment in said.segments)


def test_every_kind_is_told_in_order_with_its_words_and_four_prompts() -> None:
    told = vocabulary()

    assert [kind.name for kind in told] == list(KINDS)
    assert [kind.group for kind in told] == [GROUP_OF[kind] for kind in KINDS]
    assert all(len(kind.phrases) >= 30 and len(set(kind.examples)) == 4 for kind in told)


@pytest.mark.parametrize("kind", KINDS)
def test_each_prompt_says_its_kind_in_words_of_the_lexicon(kind: str) -> None:
    assert {prompt: named(prompt) for prompt in EXAMPLES[kind]} == dict.fromkeys(EXAMPLES[kind], kind)


@pytest.mark.parametrize("kind", GROUPS["pitched"])
def test_what_has_a_pitch_is_shown_with_one(kind: str) -> None:
    said = [asked(prompt) for prompt in EXAMPLES[kind]]

    assert any(one.key or any(part.pitch or part.chord for part in one.segments) for one in said)


@pytest.mark.parametrize("kind", [kind for kind in GROUPS["drums"] if kind != "crash"])
def test_drums_are_shown_in_a_rhythm_at_one_tempo(kind: str) -> None:
    loops = [asked(prompt) for prompt in EXAMPLES[kind] if has_rhythm(asked(prompt))]

    assert [loop.tempo_bpm for loop in loops] == [124.0]


def test_a_tempo_is_said_where_there_is_a_rhythm_and_nowhere_else() -> None:
    for prompts in EXAMPLES.values():
        assert all(has_rhythm(asked(prompt)) == ("124 bpm" in prompt) for prompt in prompts), prompts


def test_the_family_tells_it_and_each_kind_fits_into_a_message() -> None:
    told = Embedded(EmbeddedParts()).vocabulary()

    assert told == vocabulary()
    assert all(len(write_kind(kind, place=0)) < MESSAGE_BYTES_MAX for kind in told)


def test_the_shipped_model_understands_each_prompt_as_its_kind_and_as_nothing_beside_it() -> None:
    family = Embedded.load()

    misread = {
        prompt: str(family.understanding(prompt))
        for kind, prompts in EXAMPLES.items()
        for prompt in prompts
        if [(layer.specification.kind, layer.known) for layer in family.understanding(prompt).layers] != [(kind, True)]
    }

    assert len(misread) <= 2, misread
