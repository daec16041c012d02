"""`upbeat sounds` with a real engine process: a folder that a musician can open."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.bridge.catalogue.reading import Element, read_page
from tests.whole.command_line import Ended, Home
from tests.whole.two_kinds_family import TWO_KINDS
from tests.whole.wire import Engine, engine

SOUNDS = 2 + 2 + 1 + 2  # examples, and other seeds of the first, of two kinds


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    with engine(family="tests.whole.two_kinds_family:TwoKinds") as process:
        yield process


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def sounds(home: Home, running: Engine, out: str, *words: object) -> Ended:
    return home.upbeat("sounds", "--out", home.folder / out, "--engine", running.endpoint, *words)


@pytest.fixture(scope="module")
def written(home: Home, running: Engine) -> Ended:
    return sounds(home, running, "all", "--json")


@pytest.fixture(scope="module")
def folder(home: Home, written: Ended) -> Path:
    assert written.code == 0, written.err
    return home.folder / "all"


def files_of(page: Element) -> list[str]:
    """What the page points at, in its order."""
    return [link.attributes["href"] for link in page.all("a", "play")] + [
        image.attributes["src"] for image in page.all("img")
    ]


def test_the_page_has_every_kind_with_its_words_and_all_files_it_points_at(folder: Path, written: Ended) -> None:
    page = read_page((folder / "index.html").read_text("utf-8"))

    assert [card.one("h3").text for card in page.all("article")] == [kind.name for kind in TWO_KINDS]
    assert [word.text for word in page.all("li", "word")] == [word for kind in TWO_KINDS for word in kind.phrases]
    there = [file.relative_to(folder).as_posix() for file in folder.rglob("*.*")]
    assert sorted(there) == sorted(["index.html", *files_of(page)])
    assert (written.json["kinds"], written.json["sounds"]) == (2, SOUNDS)
    assert written.json["size_bytes"] == sum((folder / file).stat().st_size for file in there)
    assert not list(folder.parent.glob(".all*"))


def test_what_was_understood_and_how_sure_stands_beside_its_prompt(folder: Path) -> None:
    page = read_page((folder / "index.html").read_text("utf-8"))

    rain = page.all("article")[1].one("ul", "sounds").one("li")
    assert rain.one("span", "prompt").text == "rain on <b>tin</b>"
    assert rain.one("span", "unsure").text == "perhaps <i>rain</i> (61 %)"


def test_every_sound_can_be_played_and_is_as_long_as_its_kind_asks(folder: Path) -> None:
    heard = {file.name: sf.read(file, always_2d=True) for file in sorted((folder / "audio").iterdir())}

    assert {rate_hz for _, rate_hz in heard.values()} == {44_100}
    lengths_s = [len(samples) / rate_hz for samples, rate_hz in heard.values()]
    beat_s = 60 / 124
    hat_s, rain_s = 0.5 * beat_s * 1.5, 4 * beat_s + 0.25  # the tail of a short one is half as long as it is
    assert lengths_s == pytest.approx([hat_s] * 4 + [rain_s] * 3, abs=0.002)
    assert all(0.01 < np.abs(samples).max() < 0.9 for samples, _ in heard.values())
    first, *reseeded = [heard[f"01-closed-hat-{number}.flac"][0] for number in (1, 3, 4)]
    assert all(np.abs(first - other).max() > 0.01 for other in reseeded)


def test_the_same_weights_write_the_same_bytes(folder: Path, home: Home, running: Engine) -> None:
    assert sounds(home, running, "again").code == 0

    for file in folder.rglob("*.*"):
        assert file.read_bytes() == (home.folder / "again" / file.relative_to(folder)).read_bytes(), file.name


def test_a_page_is_renewed_with_fewer_kinds_and_what_a_person_left_there_stays(home: Home, running: Engine) -> None:
    assert sounds(home, running, "renewed").code == 0
    mine = home.write("renewed/audio/mine.flac", "notes")

    ended = sounds(home, running, "renewed", "--kind", "rain", "--length-beats", 1, "--tempo", 120)

    page = read_page((home.folder / "renewed/index.html").read_text("utf-8"))
    assert [card.one("h3").text for card in page.all("article")] == ["rain"]
    assert {file.name for file in mine.parent.iterdir()} == {f"01-rain-{number}.flac" for number in (1, 2, 3)} | {
        "mine.flac"
    }
    assert re.fullmatch(r".*renewed/index\.html: 3 sounds of 1 kinds, 0\.\d MB\n", ended.out)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--kind", "closed hut"], "there is no kind of sound 'closed hut'; the nearest is closed hat, and all are"),
        (["--kind", "hihat"], "there is no kind of sound 'hihat'; these are words for closed hat"),
        (["--tempo", 5], "--tempo is 5; it must be between 20 and 999"),
        (["--length-beats", 1_000], "--length-beats is 1000; it must be between"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(
    home: Home, running: Engine, words: list[object], sentence: str
) -> None:
    ended = sounds(home, running, "mistaken", *words)

    assert ended.code == 2
    assert ended.err.startswith(f"upbeat: {sentence}")
    assert ended.err.count("\n") == 1
    assert not list(home.folder.glob("*mistaken*"))


def test_a_folder_with_other_things_in_it_is_left_alone(home: Home, running: Engine) -> None:
    song = home.write("songs/song.flac", "la la la")

    ended = sounds(home, running, "songs")

    assert ended.code == 2
    assert "songs has other things in it; name a folder that is new, empty, or an earlier page" in ended.err
    assert [file.name for file in song.parent.iterdir()] == ["song.flac"]


def test_a_model_that_cannot_say_what_it_makes_is_named(home: Home) -> None:
    with engine() as noise:
        ended = sounds(home, noise, "noise")

    assert ended.code == 2
    assert "the model noise does not say what it can make" in ended.err


def test_a_sound_that_the_engine_cannot_make_leaves_no_half_page(home: Home) -> None:
    with engine(family="tests.whole.two_kinds_family:Broken") as broken:
        ended = sounds(home, broken, "broken")

    assert ended.code == 2
    assert not list(home.folder.glob("*broken*"))
