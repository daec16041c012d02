import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.library import Library, Take, TakeError, read_journal, read_samples, request_again, take_id_of, write_wav
from osc_schemas.clip import Clip
from osc_schemas.request import GenerateRequest
from osc_schemas.shape import Shape
from osc_schemas.source import Source
from tests.bridge.stage import clip_of, cue


def clip(seed: int = 0, frames: int = 4_800) -> Clip:
    return clip_of(GenerateRequest(request_id="r", prompt="kick", frames=frames, sample_rate_hz=48_000, seed=seed))


def sound(**changes: object) -> Source:
    samples = np.linspace(-1, 1, 960, dtype=np.float32).reshape(480, 2)
    return Source(**({"samples": samples, "sample_rate_hz": 48_000} | changes))  # type: ignore[arg-type]


def keep(library: Library, seed: int = 0, frames: int = 4_800) -> Take:
    return library.keep(clip(seed, frames), cue(), tempo_bpm=124, loudness_lufs=-20.0, request_to_clip_ms=12.5)


def test_a_take_is_journalled_at_once_and_its_samples_follow(tmp_path: Path) -> None:
    library = Library(tmp_path)
    take = keep(library, seed=3)
    [line] = (tmp_path / "journal.jsonl").read_text().splitlines()
    library.close()

    assert json.loads(line)["request"]["seed"] == 3
    assert np.array_equal(read_samples(take), clip(seed=3).samples)
    assert not list(tmp_path.glob("samples/*.part"))


def test_the_library_remembers_after_a_restart(tmp_path: Path) -> None:
    library = Library(tmp_path)
    take = library.pin(keep(library).take_id)
    library.close()

    assert read_journal(tmp_path) == {take.take_id: take}


def test_a_take_has_the_metre_of_its_set_and_one_from_before_there_was_any_is_in_4_4(tmp_path: Path) -> None:
    library = Library(tmp_path)
    waltz = library.keep(clip(), cue(), tempo_bpm=124, loudness_lufs=-20.0, request_to_clip_ms=12.5, beats_per_bar=3.0)
    library.close()
    assert read_journal(tmp_path) == {waltz.take_id: waltz}

    journal = tmp_path / "journal.jsonl"
    line = json.loads(journal.read_text())
    assert line.pop("beats_per_bar") == 3.0
    journal.write_text(json.dumps(line) + "\n")
    assert read_journal(tmp_path)[waltz.take_id] == replace(waltz, beats_per_bar=4.0)


def test_the_same_sound_is_the_same_take(tmp_path: Path) -> None:
    assert take_id_of("kick", clip(seed=1)) == take_id_of("kick", clip(seed=1))
    assert take_id_of("kick", clip(seed=1)) != take_id_of("kick", clip(seed=2))


def test_tempo_key_and_shape_make_another_take_and_without_them_the_id_is_as_it_always_was() -> None:
    plain = clip()
    assert take_id_of("kick", plain) == "kick-985492787d"

    others = [{"tempo_bpm": 124.0}, {"key": "D minor"}, {"shape": Shape(pitch=1)}, {"shape": Shape(pitch=2)}]
    ids = {take_id_of("kick", clip_of(replace(plain.request, **changes))) for changes in others}
    assert len(ids | {"kick-985492787d"}) == 5


def test_a_source_and_options_make_another_take() -> None:
    plain = clip()
    others = [
        {"options": (("nu", 1.0),)},
        {"options": (("nu", 1.5),)},
        {"source": sound()},
        {"source": sound(strength=0.2)},
        {"source": sound(use="loudness")},
        {"source": sound(sample_rate_hz=44_100)},
    ]
    ids = {take_id_of("kick", clip_of(replace(plain.request, **changes))) for changes in others}

    assert len(ids | {"kick-985492787d"}) == 7
    assert take_id_of("kick", clip_of(replace(plain.request, source=sound()))) in ids


def test_the_sound_that_takes_were_made_from_is_kept_once(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for seed, strength in ((1, 0.2), (2, 0.2), (2, 0.8)):
        made = clip_of(replace(clip(seed).request, source=sound(strength=strength)))
        library.keep(made, cue(), tempo_bpm=124, loudness_lufs=-20.0, request_to_clip_ms=1)
    library.close()

    assert [path.name for path in tmp_path.glob("sources/*")] == [f"{sound().samples_hash}.wav"]
    assert [request_again(take).source for take in read_journal(tmp_path).values()] == [
        sound(strength=0.2),
        sound(strength=0.2),
        sound(strength=0.8),
    ]


def test_a_take_made_from_a_sound_can_be_asked_for_again_after_a_crash(tmp_path: Path) -> None:
    crash = f"""
import os, pathlib
from dataclasses import replace
from bridge.library import Library
from tests.bridge.stage import clip_of, cue
from tests.bridge.test_library import clip, sound
request = replace(clip().request, source=sound(), options=(("nu", 1.25),), tempo_bpm=120.0)
library = Library(pathlib.Path({str(tmp_path)!r}))
library._waiting.put = lambda item: None  # the writer never comes to the samples
library.keep(clip_of(request), cue(), tempo_bpm=120, loudness_lufs=-20.0, request_to_clip_ms=1)
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", crash], cwd=Path(__file__).parents[2], check=False).returncode == 9

    [take] = read_journal(tmp_path).values()
    again = request_again(take)

    assert not take.path.exists()
    assert (again.source, again.options) == (sound(), (("nu", 1.25),))
    assert take_id_of("kick", clip_of(again)) == take.take_id


def test_a_sound_that_is_gone_or_another_one_now_is_named(tmp_path: Path) -> None:
    library = Library(tmp_path)
    made = clip_of(replace(clip().request, source=sound()))
    take = library.keep(made, cue(), tempo_bpm=124, loudness_lufs=-20.0, request_to_clip_ms=1)
    library.close()
    [kept] = tmp_path.glob("sources/*")

    write_wav(kept, sound().samples[::-1].copy(), 48_000)
    with pytest.raises(TakeError, match="holds another sound"):
        request_again(take)
    kept.unlink()
    with pytest.raises(TakeError, match="was made from is gone; put back the file"):
        request_again(take)


def test_a_crash_in_the_middle_of_a_line_loses_that_line_only(tmp_path: Path) -> None:
    library = Library(tmp_path)
    take = keep(library)
    library.close()
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('{"kind": "take", "take_id": "half')

    assert list(read_journal(tmp_path)) == [take.take_id]


def test_samples_that_are_gone_or_cut_short_are_named_with_the_way_back(tmp_path: Path) -> None:
    library = Library(tmp_path)
    gone, short = keep(library, seed=1), keep(library, seed=2)
    library.close()
    gone.path.unlink()
    short.path.write_bytes(short.path.read_bytes()[:8_000])

    with pytest.raises(TakeError, match=r"is gone; `upbeat takes remake"):
        read_samples(gone)
    with pytest.raises(TakeError, match=r"cut short: it has .* frames of 4800"):
        read_samples(short)


def test_beyond_the_bound_the_oldest_unpinned_samples_go_but_never_their_lines(tmp_path: Path) -> None:
    one_take_bytes = 4 * 48_000
    library = Library(tmp_path, max_gb=2.5 * one_take_bytes / 1e9)
    pinned = keep(library, seed=0, frames=48_000)
    library.pin(pinned.take_id)
    takes = [keep(library, seed=seed, frames=48_000) for seed in range(1, 5)]
    library.close()

    there = [take.take_id for take in (pinned, *takes) if take.path.exists()]
    assert there == [pinned.take_id, takes[-1].take_id]
    assert len(read_journal(tmp_path)) == 5


def test_a_take_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    library = Library(tmp_path)
    take = keep(library)
    library.close()

    assert library.take(take.take_id[:8]) is take
    with pytest.raises(TakeError, match=r"no take 'snare'; `upbeat takes list` shows"):
        library.take("snare")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(TakeError, match="cannot be written"):
        Library(tmp_path / "file")
