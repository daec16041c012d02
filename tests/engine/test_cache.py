"""A model is converted once, and never again unless something changed."""

import os
from pathlib import Path

import pytest
import torch

from engine.checkpoints import cache
from engine.checkpoints.layout import Converted
from engine.errors import WeightsError

TABLE = torch.arange(6.0).reshape(2, 3)
CONVERTED = Converted(
    parts={"denoiser": {"a": TABLE.T, "b": TABLE, "c": TABLE}, "decoder": {"a": torch.ones(2, dtype=torch.float16)}},
    settings={"scale_factor": 0.5},
    unused=("stray",),
)


def written_long_ago(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    cache.keep(CONVERTED, tmp_path / "small" / "key")

    kept = cache.kept(tmp_path / "small" / "key")

    assert kept is not None
    assert (kept.settings, kept.unused) == (CONVERTED.settings, CONVERTED.unused)
    assert torch.equal(kept.parts["denoiser"]["a"], TABLE.T)
    assert torch.equal(kept.parts["denoiser"]["c"], TABLE)
    assert kept.parts["decoder"]["a"].dtype == torch.float16
    assert [path.name for path in (tmp_path / "small").iterdir()] == ["key"]


def test_there_is_one_conversion_a_family_and_older_ones_go(tmp_path: Path) -> None:
    cache.keep(CONVERTED, tmp_path / "other" / "key")
    cache.keep(CONVERTED, tmp_path / "small" / "old")
    (tmp_path / "small" / ".left").mkdir()
    os.utime(tmp_path / "small" / ".left", (1_000_000_000, 1_000_000_000))
    (tmp_path / "small" / ".at-work").mkdir()

    cache.keep(CONVERTED, tmp_path / "small" / "new")

    assert {path.name for path in (tmp_path / "small").iterdir()} == {"new", ".at-work"}
    assert (tmp_path / "other" / "key").is_dir()


@pytest.mark.parametrize("name", ["denoiser.safetensors", "decoder.safetensors", "settings.json"])
@pytest.mark.parametrize("damage", ["gone", "cut short", "changed"])
def test_a_damaged_conversion_is_none(name: str, damage: str, tmp_path: Path) -> None:
    cache.keep(CONVERTED, tmp_path / "key")
    path = tmp_path / "key" / name
    data = path.read_bytes()
    path.unlink()
    if damage != "gone":
        written_long_ago(path, data[:-3] if damage == "cut short" else data[:-4] + bytes(4))

    assert cache.kept(tmp_path / "key") is None


def test_a_conversion_whose_times_alone_changed_is_whole(tmp_path: Path) -> None:
    cache.keep(CONVERTED, tmp_path / "key")
    written_long_ago(tmp_path / "key" / "decoder.safetensors", (tmp_path / "key/decoder.safetensors").read_bytes())

    assert cache.kept(tmp_path / "key") is not None


def test_a_conversion_takes_the_place_of_a_damaged_one(tmp_path: Path) -> None:
    cache.keep(CONVERTED, tmp_path / "key")
    (tmp_path / "key" / "settings.json").write_text("{", encoding="utf-8")

    cache.keep(CONVERTED, tmp_path / "key")

    assert cache.kept(tmp_path / "key") is not None


def test_without_room_nothing_is_written_and_a_sentence_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = cache.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage._replace(free=20))

    with pytest.raises(WeightsError, match=r"takes 76 bytes, and .* has 20 bytes left; make room, or name another"):
        cache.keep(CONVERTED, tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_hashed_once_as_long_as_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, hashes = written_long_ago(tmp_path / "a.ckpt", b"one"), cache.Hashes(tmp_path / "cache")
    first = hashes.of(path)
    monkeypatch.setattr(cache.hashlib, "file_digest", lambda *_: pytest.fail("it was read again"))

    assert hashes.of(path) == cache.Hashes(tmp_path / "cache").of(path) == first


def test_a_file_that_changed_or_is_to_be_verified_is_hashed_again(tmp_path: Path) -> None:
    path, hashes = written_long_ago(tmp_path / "a.ckpt", b"one"), cache.Hashes(tmp_path / "cache")
    one = hashes.of(path)

    longer = hashes.of(written_long_ago(path, b"three"))
    written_long_ago(path, b"seven")  # as long, and as old
    assert hashes.of(path) == longer
    assert hashes.of(path, anew=True) != longer
    assert len({one, longer, hashes.of(path)}) == 3


def test_a_file_that_was_written_just_now_is_not_remembered(tmp_path: Path) -> None:
    path, hashes = tmp_path / "a.ckpt", cache.Hashes(tmp_path / "cache")
    path.write_bytes(b"one")
    times = path.stat().st_mtime_ns
    one = hashes.of(path)

    path.write_bytes(b"two")
    os.utime(path, ns=(times, times))

    assert hashes.of(path) != one


def test_the_key_follows_from_content_and_sizes() -> None:
    key = cache.key_of({"model": "12", "vae": "34"}, {"width": 4})

    assert key == cache.key_of({"vae": "34", "model": "12"}, {"width": 4})
    assert key != cache.key_of({"model": "34", "vae": "12"}, {"width": 4})
    assert key != cache.key_of({"model": "12", "vae": "34"}, {"width": 5})
