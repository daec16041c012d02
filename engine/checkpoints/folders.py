"""Where models lie, and which file of a folder is which. No torch here: `upbeat models list` is quick.

The bridge has the same two places in `bridge.folders`; a test holds them together.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import platformdirs

from engine.checkpoints.layout import Expected
from engine.errors import WeightsError

# Any of these is the vocabulary of a tokenizer: the fast kind, T5's, BERT's, RoBERTa's.
VOCABULARIES = ("tokenizer.json", "spiece.model", "vocab.txt", "vocab.json")


def models_folder() -> Path:
    """Where the authors' files lie, a folder for each family. It may not exist yet."""
    return _home("models") or Path(platformdirs.user_data_dir("upbeat", appauthor=False), "models")


def conversions_folder() -> Path:
    """Where converted models lie, which can be made again at any time. It may not exist yet."""
    cache = _home("cache") or Path(platformdirs.user_cache_dir("upbeat", appauthor=False))
    return cache / "models"


def located(files: Sequence[Expected], folder: Path) -> dict[str, Path]:
    """The file of each role that lies in `folder` or below it; a role without one is left out.

    Of several, the earliest pattern decides, then the shortest path, then the alphabet.
    """
    found: dict[str, tuple[int, int, Path]] = {}
    for path in files_below(folder):
        place = PurePosixPath(path.relative_to(folder).as_posix())
        if (fit := _fit(files, place)) is not None:
            expected, rank = fit
            mine = (rank, len(place.parts), path)
            found[expected.role] = min(found.get(expected.role, mine), mine)
    return {expected.role: found[expected.role][2] for expected in files if expected.role in found}


def role_of(files: Sequence[Expected], place: PurePosixPath) -> str | None:
    """The role of a file at such a place in a model's folder; None if its name is none of those expected."""
    fit = _fit(files, place)
    return None if fit is None else fit[0].role


def _fit(files: Sequence[Expected], place: PurePosixPath) -> tuple[Expected, int] | None:
    """Who expects a file at `place`, and as which of its names.

    Names are compared with the end of the path. One with a folder in it goes before one without, so that the stock
    model's pytorch_model.bin in its own folder is nobody else's.
    """
    fits = [
        ("/" not in name, rank, order, expected)
        for order, expected in enumerate(files)
        for rank, name in enumerate(expected.names)
        if place.match(name)
    ]
    if not fits:
        return None
    _, rank, _, expected = min(fits, key=lambda fit: fit[:3])
    return expected, rank


def missing(files: Sequence[Expected], roles: Iterable[str]) -> list[Expected]:
    """The needed files among `files` whose role is not in `roles`."""
    there = set(roles)
    return [expected for expected in files if expected.needed and expected.role not in there]


def tokenizer_missing(names: Iterable[str], folder: Path) -> list[str]:
    """The tokenizers of such names that have no vocabulary in `folder`."""
    return [name for name in names if not any((folder / name / file).is_file() for file in VOCABULARIES)]


def not_there(family: str, files: Sequence[Expected], tokenizers: Sequence[str], folder: Path) -> WeightsError:
    """The error of a model of which `files` and `tokenizers` are missing, to be raised."""
    wanted = [f"{expected.names[0]} ({expected.holds})" for expected in files]
    wanted += [f"{name}/{VOCABULARIES[0]} (a tokenizer)" for name in tokenizers]
    how = f"`upbeat models pull {family}` fetches it, or `upbeat models add {family} PATH` takes what you have"
    if not any(files_below(folder)):
        return WeightsError(f"the model {family} is not on this machine; {how}")
    return WeightsError(f"the model {family} in {folder} lacks {' and '.join(wanted)}; {how}")


def spoken_size(count: int) -> str:
    """A number of bytes as people say it.

    >>> spoken_size(3_210_000_000), spoken_size(120)
    ('3.2 GB', '120 bytes')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def files_below(folder: Path) -> Iterable[Path]:
    """Every file, but for the hidden ones, among which are downloads that have not ended."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _home(name: str) -> Path | None:
    home = os.environ.get("UPBEAT_HOME")
    return Path(home).expanduser().absolute() / name if home else None
