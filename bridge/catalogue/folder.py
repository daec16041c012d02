"""The folder that is written: made aside, then put in its place, so that nobody finds half a page."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bridge.catalogue.page import MARK

INDEX, AUDIO, PICTURES = "index.html", "audio", "pictures"
_OUR_FILE = re.compile(rf'(?:href|src)="((?:{AUDIO}|{PICTURES})/[a-z0-9-]+\.[a-z]+)"')


class FolderError(Exception):
    """The folder cannot be written. The text says why and what to do."""


@contextlib.contextmanager
def made_aside(out: Path) -> Iterator[Path]:
    """A new folder beside `out` to fill; what is in it takes its place in `out` if the block ends well, else it goes.

    An `out` that was written by us before is renewed: files of the former page that the new one does not have are
    removed, and nothing else. Raises `FolderError` at once if `out` is anything else than that, empty, or not there.
    """
    check_ours(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        for name in (AUDIO, PICTURES):
            (aside / name).mkdir()
        yield aside
        try:
            _put_in_place(aside, out)
        except OSError as error:
            raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_ours(out: Path) -> None:
    """Raise `FolderError` if there is something at `out` that is not for us to write into."""
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())) or MARK in _former_page(out):
            return
    except OSError as error:
        raise _unwritable(out, error) from error
    what = "has other things in it" if out.is_dir() else "is a file"
    raise FolderError(f"--out {out} {what}; name a folder that is new, empty, or an earlier page of `upbeat sounds`")


def _former_page(out: Path) -> str:
    index = out / INDEX
    return index.read_text("utf-8", errors="replace") if index.is_file() else ""


def _put_in_place(aside: Path, out: Path) -> None:
    """Sounds and pictures first and the page last, each whole; then what the former page alone had is removed."""
    former = set(_OUR_FILE.findall(_former_page(out)))
    now = [file.relative_to(aside) for file in sorted(aside.rglob("*")) if file.is_file()]
    for file in sorted(now, key=lambda file: file.name == INDEX):
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(aside / file, out / file)
    for left in former - {file.as_posix() for file in now}:
        (out / left).unlink(missing_ok=True)


def _unwritable(out: Path, error: OSError) -> FolderError:
    return FolderError(f"--out {out} cannot be written ({error.strerror}); name a folder in a place that is yours")
