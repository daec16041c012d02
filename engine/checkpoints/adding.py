"""Takes files that somebody has already: found by name or by what is in them, verified, and only then put into place.

A folder, one file, or a zip archive of either. What is taken is a copy: a link would change with the file it was taken
from. Only what is looked at before that is linked where it can be.
"""

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from engine.checkpoints import store
from engine.checkpoints.files import contents, tensors_in
from engine.checkpoints.folders import files_below, located, missing, role_of, tokenizer_missing
from engine.checkpoints.layout import Layout
from engine.checkpoints.recognise import recognised
from engine.errors import WeightsError

_WEIGHTS: Final = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")
_LOOKED_INTO: Final = 32  # files of a folder whose names say nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was put into a model's folder, and what it still lacks."""

    files: tuple[Path, ...]
    replaced: tuple[Path, ...]  # these are gone: a file that was added has their role
    lacking: WeightsError | None
    verified: store.Verified | None


def add(layout: Layout, path: Path, folder: Path) -> Added:
    """Take what `path` has of a model into `folder`. Nothing changes unless what is then there is good.

    Raises `WeightsError` if there is nothing of the model in it, or if it is not as it should be.
    """
    if not path.exists():
        raise WeightsError(f"{path} does not exist; wanted is a folder, a file or a zip archive of {layout.family}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as at_end:
        make = tempfile.TemporaryDirectory(dir=folder.parent, prefix=".adding-", ignore_cleanup_errors=True)
        aside = Path(at_end.enter_context(make))
        taken = dict(_taken(layout, path, aside / "unpacked"))
        if taken.keys() <= {store.SIZES}:
            names = ", ".join(f"{expected.names[0]} ({expected.holds})" for expected in layout.files)
            raise WeightsError(f"{path} has nothing of {layout.family}; wanted is {names}, or one of its tokenizers")
        replaced = _replaced(layout, taken, folder)
        whole = aside / "whole"
        _lay_out(taken, folder, whole, but=replaced)
        verified = store.verify(layout, whole) if _complete(layout, whole) else None
        if verified is None:
            _check_alone(layout, taken, whole)
        placed = _put(taken, whole, folder)
    replaced -= set(placed)
    for path in replaced:
        path.unlink()
    lacking = None
    try:
        store.know(layout, folder, good=verified is not None)
    except WeightsError as error:
        lacking = error
    return Added(files=tuple(placed), replaced=tuple(replaced), lacking=lacking, verified=verified)


def _taken(layout: Layout, path: Path, unpacked: Path) -> Iterator[tuple[str, Path]]:
    """Places in a model's folder, and the files that go there."""
    if path.is_dir():
        yield from _from_folder(layout, path)
    elif _is_archive_of_files(layout, path):
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, layout, unpacked)
        yield from _from_folder(layout, unpacked)
    else:
        yield _place_by_name(layout, path) or _place_by_content(layout, path), path


def _from_folder(layout: Layout, folder: Path) -> Iterator[tuple[str, Path]]:
    """What a folder has by its names; of the files that are still missing then, what is in it by content."""
    while len(inside := list(folder.iterdir())) == 1 and inside[0].is_dir() and inside[0].name not in layout.tokenizers:
        folder = inside[0]  # an archive has often one folder around all
    by_name = located(layout.files, folder)
    for path in by_name.values():
        yield path.relative_to(folder).as_posix(), path
    for name, repository in layout.tokenizers.items():
        stock = repository.rpartition("/")[2]
        own = (folder,) if folder.name in (name, stock) else ()
        for place in (folder / name, folder / stock, *own):
            if not tokenizer_missing([place.name], place.parent):
                for file in sorted(place.iterdir()):
                    if file.is_file() and file.suffix in (".json", ".txt", ".model"):
                        yield f"{name}/{file.name}", file
                break
    if (folder / store.SIZES).is_file():
        yield store.SIZES, folder / store.SIZES
    if missing(layout.files, by_name):
        nameless = [path for path in sorted(files_below(folder)) if path.suffix in _WEIGHTS]
        for path in [path for path in nameless if path not in by_name.values()][:_LOOKED_INTO]:
            with contextlib.suppress(WeightsError):
                yield _place_by_content(layout, path), path


def _place_by_name(layout: Layout, path: Path) -> str | None:
    return path.name if role_of(layout.files, PurePosixPath(path.name)) is not None else None


def _place_by_content(layout: Layout, path: Path) -> str:
    """Where a file goes whose name says nothing. Raises `WeightsError` that says what it looks like."""
    names = ", ".join(expected.names[0] for expected in layout.files)
    with contents(path, wanted=f"a file of {layout.family}", scratch=path.parent) as content:
        look = recognised(tensors_in(content))
    if look is None:
        raise WeightsError(
            f"{path.name} holds weights of no kind that is known here, and its name is none of those of "
            f"{layout.family}; name it as its authors do: {names}"
        )
    role = look.serves.get(layout.family)
    if role is None:
        raise WeightsError(f"{path.name} looks like {look.what}; wanted for {layout.family} is {names}")
    expected = next(expected for expected in layout.files if expected.role == role)
    same_kind = [name for name in expected.names if name.endswith(path.suffix) and "*" not in name]
    return (same_kind or list(expected.names))[0]


def _is_archive_of_files(layout: Layout, path: Path) -> bool:
    """Whether a file is a zip archive, and no file of the model by itself: PyTorch's files are archives too."""
    if _place_by_name(layout, path) or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return not any(PurePosixPath(name).name == "data.pkl" for name in archive.namelist())


def _unpack(archive: zipfile.ZipFile, layout: Layout, to: Path) -> None:
    """Unpack what could be of the model. `extract` keeps what is inside from leaving `to`."""
    to.mkdir(parents=True)
    for info in archive.infolist():
        place = PurePosixPath(info.filename)
        wanted = place.parent.name in layout.tokenizers or place.name == store.SIZES or role_of(layout.files, place)
        if wanted and not info.is_dir():
            if info.file_size > shutil.disk_usage(to).free:
                raise WeightsError(f"there is no room in {to.parent} to unpack {info.filename}; make some")
            archive.extract(info, to)


def _lay_out(taken: dict[str, Path], folder: Path, whole: Path, *, but: set[Path]) -> None:
    """The model's folder as it would be, made of links."""
    for path in files_below(folder):
        if path not in but:
            _link(path, whole / path.relative_to(folder))
    for place, path in taken.items():
        _link(path, whole / place)


def _replaced(layout: Layout, taken: dict[str, Path], folder: Path) -> set[Path]:
    """The files of a folder whose role a taken one has now."""
    new = {role_of(layout.files, PurePosixPath(place)) for place in taken}
    return {path for role, path in located(layout.files, folder).items() if role in new}


def _complete(layout: Layout, folder: Path) -> bool:
    lacking = missing(layout.files, located(layout.files, folder))
    return not lacking and not tokenizer_missing(layout.tokenizers, folder)


def _check_alone(layout: Layout, taken: dict[str, Path], whole: Path) -> None:
    """Of a model that is not complete, look at least at each file by itself."""
    for expected in layout.files:
        path = located((expected,), whole).get(expected.role)
        if path is not None and path.relative_to(whole).as_posix() in taken:
            with contents(path, wanted=f"{expected.names[0]} with {expected.holds}", scratch=whole) as content:
                look = recognised(tensors_in(content))
            if look is not None and layout.family not in look.serves:
                raise WeightsError(f"{path.name} looks like {look.what}; wanted is {expected.holds}")


def _put(taken: dict[str, Path], whole: Path, folder: Path) -> list[Path]:
    """Put what was taken into place, each file whole or not at all."""
    placed = []
    for place in taken:
        source, target = whole / place, folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.stat().st_nlink > 1:
            source = Path(shutil.copy2(source, whole / f"{place}.copy"))
        source.replace(target)
        placed.append(target)
    return placed


def _link(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.unlink(missing_ok=True)
    try:
        os.link(path, to)
    except OSError:  # another file system, or one without links
        shutil.copy2(path, to)
