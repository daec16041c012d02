"""`upbeat takes` on a library: what needs no engine."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.cli import main
from bridge.library import Library, Take
from bridge.wav_chunks import read_musical
from osc_schemas.request import GenerateRequest
from osc_schemas.source import Source
from tests.bridge.stage import clip_of, cue


@pytest.fixture
def take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Take:
    """The one take of a library, 0.1 s long."""
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))
    request = GenerateRequest(request_id="1", prompt="deep kick", frames=4_800, tail_frames=480, sample_rate_hz=48_000)
    library = Library(tmp_path / "takes")
    kept = library.keep(clip_of(request), cue("kick"), tempo_bpm=120, loudness_lufs=-20, request_to_clip_ms=10)
    library.close()
    return kept


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> object:
    assert main(["takes", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_library_without_takes_says_how_to_get_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UPBEAT_HOME", str(tmp_path))

    assert main(["takes"]) == 0
    assert "`upbeat say` or a set makes some" in capsys.readouterr().out


def test_list_shows_each_take_with_what_made_it(take: Take, capsys: pytest.CaptureFixture[str]) -> None:
    [listed] = printed(capsys, "list")

    assert (listed["take_id"], listed["prompt"], listed["length_s"]) == (take.take_id, "deep kick", 0.1)
    assert (listed["samples"], listed["pinned"]) == ("whole", False)


def test_a_person_reads_a_short_list_and_all_of_it_when_asked(take: Take, capsys: pytest.CaptureFixture[str]) -> None:
    source = Source(samples=np.ones((480, 1), np.float32), sample_rate_hz=48_000, strength=0.3)
    request = replace(take.request, seed=7, source=source, options=(("nu", 1.2),), key="D minor")
    library = Library(take.path.parent.parent)
    other = library.keep(clip_of(request), cue("kick"), tempo_bpm=124, loudness_lufs=-20, request_to_clip_ms=10)
    library.pin(other.take_id)
    library.close()

    assert main(["takes", "list"]) == 0
    short = capsys.readouterr().out
    assert main(["takes", "list", "--long"]) == 0
    long = capsys.readouterr().out

    assert [line.split() for line in short.splitlines()] == [
        [take.take_id, "0.10", "s", "deep", "kick"],
        [other.take_id, "0.10", "s", "seed", "7,", "deep", "kick", "(pinned)"],
    ]
    assert long.splitlines()[0].split()[:4] == ["take", "cue", "seed", "steps"]
    assert f"in D minor, nu=1.2, from {source.samples_hash[:10]}, strength 0.3" in long
    assert "124 bpm" in long


@pytest.mark.parametrize(("bytes_left", "state"), [(1_000, "cut short"), (10, "damaged"), (None, "gone")])
def test_list_tells_which_samples_are_lost(
    take: Take, capsys: pytest.CaptureFixture[str], bytes_left: int | None, state: str
) -> None:
    whole = take.path.read_bytes()
    take.path.unlink()
    if bytes_left is not None:
        take.path.write_bytes(whole[:bytes_left])

    [listed] = printed(capsys, "list")

    assert listed["samples"] == state


def test_a_pinned_take_stays_pinned_until_it_is_unpinned(take: Take, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "pin", take.take_id[:6])["pinned"] is True
    assert printed(capsys, "list")[0]["pinned"] is True
    assert printed(capsys, "unpin", take.take_id)["pinned"] is False


def test_a_take_can_be_played_at_the_pace_of_real_time(take: Take, capsys: pytest.CaptureFixture[str]) -> None:
    played = printed(capsys, "play", take.take_id, "--output", "null")

    assert played["output"].startswith("null")


def test_a_whole_take_is_not_made_again(take: Take, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "remake", take.take_id)["remade"] is False


def test_a_take_of_a_waltz_is_exported_in_its_metre(take: Take, tmp_path: Path) -> None:
    request = take.request
    library = Library(take.path.parent.parent)
    waltz = library.keep(
        clip_of(replace(request, seed=1)),
        cue("waltz", length_beats=3.0),
        tempo_bpm=120,
        loudness_lufs=-20,
        request_to_clip_ms=10,
        beats_per_bar=3.0,
    )
    library.close()

    assert main(["takes", "export", take.take_id, waltz.take_id, "--wav", str(tmp_path / "loops")]) == 0
    metres = [read_musical(tmp_path / "loops" / f"{one.take_id}.wav") for one in (take, waltz)]
    assert [one.beats_per_bar for one in metres if one is not None] == [4.0, 3.0]
