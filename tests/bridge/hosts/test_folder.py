"""The take folder: names that sort as the music goes, files that are whole, and nothing of anybody's is lost."""

import doctest
import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.hosts import folder as folder_module
from bridge.hosts.base import HostChoice, HostClip, HostError, HostLost
from bridge.hosts.folder import PRODUCT, TakeFolder, file_name
from bridge.wav_chunks import Musical, read_musical, write_musical_wav

RATE_HZ = 48_000


def clip(folder: Path, *, cue: str = "kick", loop: bool = True, seed: int = 0, beats_per_bar: float = 4.0) -> HostClip:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (4_800, 2)).astype(np.float32)
    take_id = f"{cue}-{seed:010x}"
    path = folder / f"{take_id}.wav"
    musical = Musical(tempo_bpm=124, length_beats=4, loop=loop, key="D minor", beats_per_bar=beats_per_bar)
    write_musical_wav(path, samples, RATE_HZ, musical)
    return HostClip(
        path=path,
        take_id=take_id,
        name=f"{cue} {take_id[-10:][:6]}",
        length_beats=4,
        tempo_bpm=124,
        frames=4_800,
        sample_rate_hz=RATE_HZ,
        loop=loop,
    )


@pytest.fixture
def takes(tmp_path: Path) -> TakeFolder:
    takes = TakeFolder(HostChoice(name="folder", folder=tmp_path / "takes"))
    takes.connect()
    return takes


def test_the_example_of_a_name_is_right() -> None:
    assert doctest.testmod(folder_module).failed == 0


def test_names_sort_as_the_music_goes(tmp_path: Path, takes: TakeFolder) -> None:
    beats = [0, 0.5, 1, 4, 5.25, 36, 39.99, 40, 400, 4_000]
    placed = [takes.place_at_beat(clip(tmp_path), track="drums", beat=beat).token for beat in reversed(beats)]

    assert sorted(os.listdir(takes.folder)) == placed[::-1]
    assert placed[-1] == "0001.1 drums - kick loop - 124bpm Dmin - 000000.wav"
    assert placed[-5].startswith("0002.2.25 ")
    assert placed[0].startswith("1001.1 ")


def test_bars_of_three_beats_are_counted_as_such(tmp_path: Path, takes: TakeFolder) -> None:
    waltz = clip(tmp_path, loop=False, beats_per_bar=3)

    assert takes.place_at_beat(waltz, track="drums", beat=7).token.startswith("0003.2 drums - kick - 124bpm")


def test_what_lies_there_says_its_tempo_key_and_loop_itself(tmp_path: Path, takes: TakeFolder) -> None:
    made = clip(tmp_path)
    file = takes.folder / takes.place_at_beat(made, track="drums", beat=8).token

    musical = read_musical(file)
    assert musical is not None
    assert (musical.tempo_bpm, musical.key, musical.loop, musical.length_beats) == (124, "D minor", True, 4)
    assert soundfile.info(file).frames == made.frames
    assert file.read_bytes() == made.path.read_bytes()


def test_the_same_clip_on_the_same_beat_is_there_once_and_another_one_beside_it(
    tmp_path: Path, takes: TakeFolder
) -> None:
    first, other = clip(tmp_path), clip(tmp_path, seed=1)
    takes.place_at_beat(first, track="drums", beat=0)
    again = takes.place_at_beat(first, track="drums", beat=0)
    assert os.listdir(takes.folder) == [again.token]

    theirs = takes.folder / file_name(other, track="drums", beat=0, key="D minor")
    theirs.write_bytes(b"a file of the user's")
    beside = takes.place_at_beat(other, track="drums", beat=0)
    assert theirs.read_bytes() == b"a file of the user's"
    assert beside.token == f"{theirs.stem} (2).wav"


def test_what_is_taken_back_is_gone_unless_somebody_changed_it(tmp_path: Path, takes: TakeFolder) -> None:
    placed = takes.place_at_beat(clip(tmp_path), track="drums", beat=0)
    kept = takes.place_at_beat(clip(tmp_path), track="drums", beat=4)
    (takes.folder / kept.token).write_bytes(b"edited")

    for placement in (placed, placed, kept):
        takes.remove(placement)

    assert os.listdir(takes.folder) == [kept.token]


@pytest.mark.parametrize("name", ["../../etc", 'AC/DC: "hi"', "..", "", "ends in a dot.", "x" * 300, "Schlagzeug ♯1"])
def test_any_name_of_a_track_is_a_name_of_one_file_in_the_folder(name: str, tmp_path: Path, takes: TakeFolder) -> None:
    placed = takes.place_at_beat(clip(tmp_path), track=name, beat=0)

    assert os.listdir(takes.folder) == [placed.token]
    assert len(placed.token.encode()) < 255


def test_a_disk_that_is_full_is_said_in_a_sentence_and_leaves_nothing_half(
    tmp_path: Path, takes: TakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = clip(tmp_path)

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(HostError, match=r"No space left on device.*make room.*take itself is kept") as caught:
        takes.place_at_beat(made, track="drums", beat=0)
    assert not isinstance(caught.value, HostLost)
    assert os.listdir(takes.folder) == []


def test_a_file_system_without_hard_links_gets_its_files_too(
    tmp_path: Path, takes: TakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", without)
    placed = takes.place_at_beat(clip(tmp_path), track="drums", beat=0)
    assert os.listdir(takes.folder) == [placed.token]


def test_a_folder_that_goes_is_lost_and_found_again(tmp_path: Path, takes: TakeFolder) -> None:
    made = clip(tmp_path)
    takes.folder.rmdir()
    for deed in (lambda: takes.place_at_beat(made, track="drums", beat=0), takes.tracks):
        with pytest.raises(HostLost, match=r"is gone; put it back"):
            deed()

    takes.connect()
    takes.place_at_beat(made, track="drums", beat=0)
    assert len(os.listdir(takes.folder)) == 1


def test_a_drive_that_is_not_there_gets_no_folder_in_its_place(tmp_path: Path) -> None:
    takes = TakeFolder(HostChoice(name="folder", folder=tmp_path / "drive" / "takes"))

    with pytest.raises(HostError, match="plug its drive in"):
        takes.connect()
    assert not (tmp_path / "drive").exists()


def test_the_product_makes_the_folder_and_never_takes_away_what_lies_in_it(tmp_path: Path) -> None:
    assert PRODUCT.install(tmp_path / "takes")[0].endswith("is there.")
    (tmp_path / "takes" / "mine.wav").write_bytes(b"mine")
    assert "is kept" in PRODUCT.remove(tmp_path / "takes")[0]
    (tmp_path / "takes" / "mine.wav").unlink()
    assert "not there any more" in PRODUCT.remove(tmp_path / "takes")[0]
    assert [found.what for found in PRODUCT.look()] == ["folder"]
