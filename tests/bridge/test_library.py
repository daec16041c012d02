import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge.library import Library, Take, TakeError, read_journal, read_samples, take_id_of
from osc_schemas.clip import Clip
from osc_schemas.request import GenerateRequest
from osc_schemas.shape import Shape
from tests.bridge.stage import clip_of, cue


def clip(seed: int = 0, frames: int = 4_800) -> Clip:
    return clip_of(GenerateRequest(request_id="r", prompt="kick", frames=frames, sample_rate_hz=48_000, seed=seed))


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


def test_the_same_sound_is_the_same_take(tmp_path: Path) -> None:
    assert take_id_of("kick", clip(seed=1)) == take_id_of("kick", clip(seed=1))
    assert take_id_of("kick", clip(seed=1)) != take_id_of("kick", clip(seed=2))


def test_tempo_key_and_shape_make_another_take_and_without_them_the_id_is_as_it_always_was() -> None:
    plain = clip()
    assert take_id_of("kick", plain) == "kick-985492787d"

    others = [{"tempo_bpm": 124.0}, {"key": "D minor"}, {"shape": Shape(pitch=1)}, {"shape": Shape(pitch=2)}]
    ids = {take_id_of("kick", clip_of(replace(plain.request, **changes))) for changes in others}
    assert len(ids | {"kick-985492787d"}) == 5


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
