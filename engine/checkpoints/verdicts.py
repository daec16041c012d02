"""What is known of the models on this machine without reading them. No torch here: `upbeat models list` is quick."""

import contextlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

from engine.checkpoints.folders import conversions_folder, files_below

State = Literal["not here", "not verified", "verified"]

VERDICTS: Final = "verified.json"


def state_of(family: str, folder: Path) -> State:
    """Whether the files in `folder` are those that were found good, by their sizes and times."""
    if not any(files_below(folder)):
        return "not here"
    good = _known().get(family, {})
    return "verified" if good and all(_seal(Path(path)) == seal for path, seal in good.items()) else "not verified"


def note_good(family: str, files: Iterable[Path]) -> None:
    """Remember that the files of a model were found good."""
    known = _known()
    known[family] = {str(path): _seal(path) for path in files}
    place = conversions_folder() / VERDICTS
    with contextlib.suppress(OSError):  # then it is verified again
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{VERDICTS}.{os.getpid()}.{time.monotonic_ns()}")
        aside.write_text(json.dumps(known), encoding="utf-8")
        aside.replace(place)


def note_bad(family: str) -> None:
    """Forget that a model was ever found good."""
    if family in _known():
        note_good(family, ())


def _known() -> dict[str, Any]:
    try:
        known = json.loads((conversions_folder() / VERDICTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _seal(path: Path) -> list[int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]
