"""A folder that appears whole, is renewed, and touches nothing that is not its own."""

from pathlib import Path

import pytest

from bridge.catalogue.folder import FolderError, check_ours, made_aside
from bridge.catalogue.page import MARK


def write(out: Path, *names: str) -> None:
    """A page with those sounds."""
    with made_aside(out) as folder:
        for name in names:
            (folder / "audio" / name).write_text(f"{name} of {names}")
        links = "".join(f'<a href="audio/{name}"></a>' for name in names)
        (folder / "index.html").write_text(f"{MARK}{links}")


def stop_half_way(out: Path, by: type[BaseException]) -> None:
    """A page that is not finished."""
    with made_aside(out) as folder:
        (folder / "index.html").write_text("half")
        raise by


def files(out: Path) -> list[str]:
    return sorted(file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file())


def test_until_all_is_made_there_is_nothing(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "sounds"

    with made_aside(out) as folder:
        (folder / "index.html").write_text(MARK)
        assert not out.exists()

    assert files(out) == ["index.html"]
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt, RuntimeError])
def test_what_is_stopped_leaves_the_former_page_as_it_was(tmp_path: Path, stopped_by: type[BaseException]) -> None:
    out = tmp_path / "sounds"
    write(out, "tom.flac")
    before = (out / "index.html").read_bytes()

    with pytest.raises(stopped_by):
        stop_half_way(out, stopped_by)

    assert (files(out), (out / "index.html").read_bytes()) == (["audio/tom.flac", "index.html"], before)
    assert list(tmp_path.iterdir()) == [out]


def test_a_renewed_page_takes_along_what_only_the_former_one_had_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "sounds"
    write(out, "tom.flac", "conga.flac")
    (out / "audio" / "mine.flac").write_text("mine")

    write(out, "conga.flac", "clap.flac")

    assert files(out) == ["audio/clap.flac", "audio/conga.flac", "audio/mine.flac", "index.html"]
    assert "clap.flac" in (out / "audio" / "conga.flac").read_text()


def test_a_page_cannot_have_files_elsewhere_removed(tmp_path: Path) -> None:
    out, song = tmp_path / "sounds", tmp_path / "song.flac"
    write(out, "tom.flac")
    song.write_text("la la la")
    (out / "index.html").write_text(f'{MARK}<a href="audio/../../song.flac"></a><a href="{song}"></a>')

    write(out, "tom.flac")

    assert song.exists()


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    check_ours(tmp_path)
    write(tmp_path, "tom.flac")

    assert files(tmp_path) == ["audio/tom.flac", "index.html"]


def test_what_is_no_folder_of_ours_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("somebody else's")
    (tmp_path / "file").write_text("a file")

    with pytest.raises(FolderError, match="page has other things in it; name a folder that is new"):
        check_ours(tmp_path / "page")
    with pytest.raises(FolderError, match="file is a file; name a folder"):
        check_ours(tmp_path / "file")
    with pytest.raises(FolderError, match=r"deeper cannot be written .* name a folder in a place that is yours"):
        write(tmp_path / "file" / "deeper", "tom.flac")
