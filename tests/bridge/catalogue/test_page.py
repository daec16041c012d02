"""The page, read back as a browser would."""

import re
import shutil
import subprocess

import pytest

from bridge.catalogue.page import Card, Shown, page
from bridge.catalogue.script import SCRIPT
from osc_schemas.kind import Kind
from tests.bridge.catalogue.reading import Element, read_page

NASTY = """<script>alert("1")</script> & 'co'"""


def shown(prompt: str, **changes: object) -> Shown:
    wanted: dict[str, object] = {"prompt": prompt, "seed": 0, "understood": "tom, dark", "length_s": 1.26}
    return Shown(**(wanted | {"audio": "audio/1.flac", "picture": "pictures/1.png"} | changes))  # type: ignore[arg-type]


def card(name: str, group: str = "drums", phrases: tuple[str, ...] = ("rack tom",), **changes: object) -> Card:
    kind = Kind(group=group, name=name, phrases=phrases, examples=(name,))
    wanted: dict[str, object] = {"kind": kind, "sounds": (shown(name),)}
    return Card(**(wanted | changes))  # type: ignore[arg-type]


def read(*cards: Card) -> Element:
    return read_page(page(cards, model="embedded, weights 0123", tempo_bpm=124))


def test_whatever_is_said_of_a_sound_is_text_and_nothing_else() -> None:
    kind = Kind(group="drums", name="a & b's", phrases=(NASTY,), examples=(NASTY,))
    nasty = Card(kind=kind, sounds=(shown(NASTY, understood=NASTY),), reseeded=(shown(NASTY, seed=1),))

    read_back = read(nasty)

    assert len(read_back.all("script")) == 1
    article = read_back.one("article")
    assert article.one("h3").text == "a & b's"
    assert article.one("li", "word").text == article.one("span", "prompt").text == NASTY
    assert article.one("a", "play").attributes["aria-label"] == f"Play {NASTY}"
    assert article.one("span", "told").one("span").text == NASTY
    assert article.one("h4").text == f"{NASTY}, with other seeds"


def test_nothing_on_the_page_comes_from_anywhere_else() -> None:
    html = page([card("tom")], model="embedded", tempo_bpm=124)

    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
    places = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert sorted(places) == ["#drums", "audio/1.flac", "pictures/1.png"]


def test_kinds_stand_in_their_group_and_the_groups_are_linked() -> None:
    read_back = read(card("tom"), card("conga"), card("sub bass", "pitched sounds"))

    assert [[each.text for each in section.all("h3")] for section in read_back.all("section")] == [
        ["tom", "conga"],
        ["sub bass"],
    ]
    assert [link.attributes["href"] for link in read_back.one("nav").all("a")] == ["#drums", "#pitched-sounds"]
    ids = [each.attributes["id"] for tag in ("section", "article") for each in read_back.all(tag)]
    assert ids == ["drums", "pitched-sounds", "drums-tom", "drums-conga", "pitched-sounds-sub-bass"]


def test_a_sound_says_its_length_its_seed_and_what_was_understood() -> None:
    read_back = read(card("tom", reseeded=(shown("tom", seed=2),)))

    first, second = read_back.all("span", "told")
    assert [span.text for span in first.all("span")] == ["tom, dark", "1.3 s"]
    assert [span.text for span in second.all("span")] == ["tom, dark", "1.3 s, seed 2"]
    assert [link.attributes["aria-label"] for link in read_back.all("a", "play")] == ["Play tom", "Play tom, seed 2"]


@pytest.mark.parametrize(
    ("understood", "unsure"),
    [
        ("tom, dark", False),
        ("perhaps tom (61 %), dark", True),
        ("tom + perhaps bell (60 %)", True),
        ("no sound understood, so tom", True),
    ],
)
def test_a_guess_looks_like_one(understood: str, unsure: bool) -> None:
    read_back = read(card("tom", sounds=(shown("tom", understood=understood),)))

    assert [span.text for span in read_back.all("span", "unsure")] == ([understood] if unsure else [])


def test_the_search_finds_what_it_looks_for_in_the_page() -> None:
    """The script reads these and nothing else: the group, names, prompts and words of each article."""
    read_back = read(card("tom", phrases=("rack tom", "cajón")))

    for selector in ('"article"', '".word"', '"h3, .prompt"', "dataset.group", '"find"', '"count"', '".play"'):
        assert selector in SCRIPT
    article = read_back.one("article")
    assert article.attributes["data-group"] == "drums"
    assert [word.text for word in article.all("li", "word")] == ["rack tom", "cajón"]
    assert {element.attributes.get("id") for element in [read_back.one("input"), read_back.one("output")]} == {
        "find",
        "count",
    }
    assert len(article.all("a", "play")) == len(article.all("span", "prompt")) == len(article.all("button", "copy"))


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node, to read the script")
def test_the_script_is_one() -> None:
    done = subprocess.run(["node", "--check", "-"], input=SCRIPT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_kind_without_other_words_has_no_empty_list() -> None:
    assert not read(card("tom", phrases=())).all("details")
