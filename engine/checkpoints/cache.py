"""A model is converted once: one safetensors file per part, in a folder named for what it was made from.

    cache/models/<family>/<key>/<part>.safetensors, settings.json
    cache/models/hashes.json

The key is made from the content of the authors' files, from the sizes asked for and from our own code that converts,
so nothing stale is ever found. A conversion appears whole or not at all, one that was damaged is made again, and there
is one per family: older ones go.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.checkpoints.folders import spoken_size
from engine.checkpoints.layout import Config, Converted
from engine.errors import WeightsError

_log = logging.getLogger(__name__)

SETTINGS: Final = "settings.json"
HASHES: Final = "hashes.json"
_SETTLED_S: Final = 2.0  # a file that changed this recently may change again within the same tick of its clock
_LEFT_BEHIND_S: Final = 24 * 3600.0  # what a process that died has left behind goes after a day


class Hashes:
    """SHA-256 of files, hex; those of files that have not changed since are remembered."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / HASHES

    def of(self, path: Path, *, anew: bool = False) -> str:
        """The hash of a file's content. `anew` reads it whatever is remembered."""
        known, place, stat = self._known(), str(path.resolve()), path.stat()
        match known.get(place):
            case [size, mtime_ns, digest] if not anew and (size, mtime_ns) == (stat.st_size, stat.st_mtime_ns):
                return str(digest)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time() - stat.st_mtime > _SETTLED_S:
            kept = {name: entry for name, entry in known.items() if name != place and Path(name).exists()}
            kept[place] = [stat.st_size, stat.st_mtime_ns, digest]
            with contextlib.suppress(OSError):  # a cache that cannot be written costs time, and nothing else
                self._path.parent.mkdir(parents=True, exist_ok=True)
                _write_whole(self._path, json.dumps(kept))
        return digest

    def _known(self) -> dict[str, Any]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


def key_of(file_hashes: Mapping[str, str], config: Config) -> str:
    """The name of a conversion: of which content by role, into which sizes, and by which code."""
    said = json.dumps([dict(file_hashes), config, _code_hash()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def kept(folder: Path) -> Converted | None:
    """The conversion in `folder`, or None if there is none, or one that is damaged."""
    try:
        said = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        parts = {name: _part(folder / f"{name}.safetensors", facts) for name, facts in said["parts"].items()}
        return Converted(parts=parts, settings=said["settings"], unused=tuple(said["unused"]))
    except FileNotFoundError:
        return None
    except Exception as error:  # damage has any shape; a conversion can always be made again
        _log.warning("the conversion in %s is damaged (%s); it is made again", folder, error)
        return None


def keep(converted: Converted, folder: Path) -> None:
    """Write a conversion to `folder`, in place of what is there, and remove the older ones beside it.

    Raises `WeightsError` if there is no room for it, `OSError` if it cannot be written.
    """
    beside = folder.parent
    beside.mkdir(parents=True, exist_ok=True)
    _check_room(converted, beside)
    aside = Path(tempfile.mkdtemp(dir=beside, prefix="."))
    try:
        facts = {name: _write_part(tensors, aside / f"{name}.safetensors") for name, tensors in converted.parts.items()}
        said = {"settings": dict(converted.settings), "unused": list(converted.unused), "parts": facts}
        (aside / SETTINGS).write_text(json.dumps(said), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    except OSError:
        if kept(folder) is None:  # else another process was faster, with the same
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _tidy(beside, but=folder)


def _part(path: Path, facts: Mapping[str, Any]) -> dict[str, Tensor]:
    stat = path.stat()
    if stat.st_size != facts["bytes"]:
        raise ValueError(f"{path.name} has {stat.st_size} bytes instead of {facts['bytes']}")
    if stat.st_mtime_ns != facts["mtime_ns"] and _hash(path) != facts["sha256"]:
        raise ValueError(f"{path.name} is not what was written")
    return load_file(path)


def _write_part(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    """Write one part. Its size, time and hash."""
    save_file(dict(_own_memory(tensors)), path)
    stat = path.stat()
    return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": _hash(path)}


def _own_memory(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Each tensor contiguous, and none under two names in the same memory: safetensors writes no others."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        dense = tensor.detach().contiguous()
        yield name, dense.clone() if dense.data_ptr() in seen else dense
        seen.add(dense.data_ptr())


def _check_room(converted: Converted, folder: Path) -> None:
    needed = sum(tensor.nbytes for tensors in converted.parts.values() for tensor in tensors.values())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise WeightsError(
            f"the converted model takes {spoken_size(needed)}, and {folder} has {spoken_size(free)} left; make room, "
            "or name another place with UPBEAT_HOME"
        )


def _tidy(folder: Path, *, but: Path) -> None:
    """Remove older conversions, and what processes that died have left behind."""
    for path in folder.iterdir():
        left_behind = path.name.startswith(".") and time.time() - path.stat().st_mtime > _LEFT_BEHIND_S
        if left_behind or (path != but and not path.name.startswith(".")):
            shutil.rmtree(path, ignore_errors=True)  # on Windows an engine that reads it keeps it


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_whole(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


@cache
def _code_hash() -> str:
    """Of the key maps and of the networks that they map to: other code may want another conversion."""
    engine, digest = Path(__file__).parents[1], hashlib.sha256()
    for folder in ("autoencoders", "checkpoints", "denoisers", "text", "vocoders"):
        for path in sorted((engine / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
