"""Reads weight files that nobody has to trust: what is in them is taken as numbers, and nothing of it is ever run.

A file's first bytes say what it is, never its name. PyTorch's formats are read with `weights_only=True`; a pickle that
names anything but tensors is refused before it is read, except for the bookkeeping of well-known training libraries,
for which a stand-in that does nothing is put.
"""

import contextlib
import logging
import pickle
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import torch
from safetensors.torch import load_file

from engine.checkpoints.folders import spoken_size
from engine.errors import WeightsError

_log = logging.getLogger(__name__)

Contents = Mapping[str, Any]  # as it was saved: tensors by name, maybe nested

_HEAD_BYTES: Final = 4096
_TORCH_BEFORE_ZIP: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how torch.save began until version 1.6
_GET_IT_AGAIN: Final = "get it again from its authors' own place"

# What other files begin with, for the sentence about them.
_OTHER_FILES: Final = (
    (0, b"\x1f\x8b", "a gzip archive; unpack it first"),
    (257, b"ustar", "a tar archive; unpack it first"),
    (0, b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (0, b"Rar!", "a rar archive; unpack it first"),
    (0, b"\x89HDF", "an HDF5 file, as Keras writes them"),
    (0, b"GGUF", "a GGUF file, as llama.cpp reads them"),
    (0, b"RIFF", "a sound or film file"),
    (0, b"fLaC", "a sound file"),
    (0, b"OggS", "a sound file"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"%PDF", "a PDF document"),
)
_PAGE: Final = re.compile(rb"\s*<(!doctype|html|head|\?xml|body)", re.IGNORECASE)
_POINTER: Final = re.compile(rb"version https://git-lfs\.github\.com/spec/.*?(?:size (\d+))", re.DOTALL)

# Names in a training checkpoint's pickle that are no weights and no danger: they are replaced, never looked up.
_BOOKKEEPING: Final = re.compile(
    r"(pytorch_lightning|lightning|lightning_fabric|lightning_utilities|omegaconf|numpy|pathlib)\..+"
    r"|argparse\.Namespace|typing\.Any|collections\.defaultdict|builtins\.(bool|dict|float|int|list|set|str|tuple)"
)
_WEIGHT_SUFFIXES: Final = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")
_SETTINGS_SUFFIXES: Final = (".yml", ".yaml")  # beside weights they say sizes that shapes do not show
_NO_WEIGHTS: Final = re.compile(r"optimizer|scheduler|random_states|training_args|scaler", re.IGNORECASE)


class Omitted:
    """Stands where a file has something that is no weights; takes whatever it is given, and does nothing with it."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _plain(*_: object) -> dict[Any, Any]:
    """Stands for a dictionary of another kind, which is filled as the file says."""
    return {}


@contextlib.contextmanager
def contents(path: Path, *, wanted: str, scratch: Path) -> Iterator[Contents]:
    """What `path` holds, until the block ends: its tensors may be views of the file, or of a copy in `scratch`.

    `wanted` says what should be there, for the sentence of a `WeightsError` about what is there instead.
    """
    with contextlib.ExitStack() as at_end:
        yield _contents(path, wanted, scratch, at_end)


def _contents(path: Path, wanted: str, scratch: Path, at_end: contextlib.ExitStack) -> Contents:
    try:
        kind = _kind(path)
        if kind == "archive":
            member = at_end.enter_context(_member(path, scratch))
            return _contents(member, wanted, scratch, at_end)
        match kind:
            case "settings":
                held = _settings(path)
            case "safetensors":
                held = load_file(path)
            case _:
                held = _torch_load(path, in_zip=kind == "torch")
    except _Unlike as unlike:
        raise WeightsError(f"{path.name} {unlike}; wanted is {wanted}, so {unlike.advice}") from None
    except WeightsError:
        raise
    except Exception as error:  # bytes that anybody may have written can trip a reader in any way
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise WeightsError(
            f"{path.name} is damaged or was cut short ({reason}); wanted is {wanted}, so {_GET_IT_AGAIN}"
        ) from error
    if not isinstance(held, Mapping):
        raise WeightsError(f"{path.name} holds one {type(held).__name__} and no weights by name; wanted is {wanted}")
    return held


def tensors_in(held: Contents) -> dict[str, torch.Tensor]:
    """Every tensor of a file's contents by its name.

    Mappings around them, such as "state_dict", are not part of a name.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, value in held.items():
        if isinstance(value, torch.Tensor):
            tensors[str(name)] = value
        elif isinstance(value, Mapping) and name not in ("optimizer", "optimizer_states", "callbacks", "loops"):
            tensors |= tensors_in(value)
    return tensors


class _Unlike(Exception):
    """A file is no weight file. Its text goes on after the file's name; `advice` is what to do."""

    def __init__(self, text: str, advice: str = _GET_IT_AGAIN) -> None:
        super().__init__(text)
        self.advice = advice


def _kind(path: Path) -> str:
    """torch, legacy torch, safetensors, archive or settings. Raises `_Unlike` with what it is instead."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(path)
    if head.startswith(_TORCH_BEFORE_ZIP):
        return "legacy torch"
    if head[8:9] == b"{" and (header_bytes := int.from_bytes(head[:8], "little")) < 100_000_000:
        if 8 + header_bytes > size:
            raise _Unlike(f"is a safetensors file that was cut short after {spoken_size(size)}")
        return "safetensors"
    if path.suffix.lower() in _SETTINGS_SUFFIXES and _text(head) is not None and not _PAGE.match(head):
        return "settings"
    raise _Unlike(_looks(head, size))


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        # The table of what is inside stands at a zip's end, so it is the first that a broken download lacks.
        raise _Unlike(
            f"begins like weights of PyTorch but was cut short after {spoken_size(path.stat().st_size)}"
        ) from error
    top = {PurePosixPath(name).parts[1] for name in names if len(PurePosixPath(name).parts) > 1}
    if "constants.pkl" in top and "code" in top:
        raise _Unlike("is a TorchScript program, which would have to be run", "get the weights that it was made from")
    if any(PurePosixPath(name).name == "data.pkl" and len(PurePosixPath(name).parts) <= 2 for name in names):
        return "torch"
    return "archive"


def _looks(head: bytes, size: int) -> str:
    """What bytes that are no weights look like, as what follows a file's name."""
    if not size:
        return "is empty"
    if pointer := _POINTER.match(head):
        return f"is a Git LFS pointer, which stands for a file of {spoken_size(int(pointer[1]))} that was not fetched"
    if _PAGE.match(head):
        return "is a web page that was saved in place of the file"
    for offset, mark, what in _OTHER_FILES:
        if head[offset:].startswith(mark):
            return f"is {what}"
    if not head.strip(b"\0"):
        return "begins with nothing but zeros, as a download does that never ended"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "is a pickle that PyTorch did not write, and a pickle may run anything"
    if (text := _text(head)) is not None:
        return f"is a text that begins {text[:40]!r}" if text[:1] not in "{[" else "is a JSON text"
    return "has bytes of no kind that is known here"


def _text(head: bytes) -> str | None:
    """The beginning of a text, or None if it is none."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a letter may be cut in two at the end of what was read
            return None
        text = head[: error.start].decode("utf-8")
    text = text.strip()
    return text if text and all(char.isprintable() or char.isspace() for char in text) else None


def _settings(path: Path) -> object:
    """YAML as plain data: a tag that asks for an object of Python's gives the bare mapping, list or text under it."""
    import yaml

    class Plain(yaml.SafeLoader):  # type: ignore[misc]  # has no types
        pass

    def untagged(loader: Plain, _tag: str, node: yaml.Node) -> object:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Plain.add_multi_constructor("", untagged)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=Plain)


def _torch_load(path: Path, *, in_zip: bool) -> object:
    """PyTorch's own formats. Raises `_Unlike` for one that names what would be code."""
    omitted: list[Any] = []
    if in_zip:
        try:
            foreign = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        except pickle.UnpicklingError as error:
            raise _Unlike(
                f"holds a pickle that PyTorch did not write ({error}), and a pickle may run anything"
            ) from error
        for name in foreign:
            if not _BOOKKEEPING.fullmatch(name):
                raise _holds_code(name)
        omitted = [(_plain if name == "collections.defaultdict" else Omitted, name) for name in foreign]
    try:
        with torch.serialization.safe_globals(omitted):
            return torch.load(path, map_location="cpu", mmap=True if in_zip else None, weights_only=True)
    except pickle.UnpicklingError as error:
        if asked := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise _holds_code(asked[1]) from error
        raise _Unlike(f"is damaged or was cut short ({str(error).splitlines()[0][:80]})") from error


def _holds_code(name: str) -> _Unlike:
    return _Unlike(
        f"asks for {name} to be run when it is opened, which weights never need; nothing of it was run",
        "take weights only from their authors' own place",
    )


@contextlib.contextmanager
def _member(path: Path, scratch: Path) -> Iterator[Path]:
    """The weights inside a zip archive of training output, unpacked until the block ends."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(weights_member(path.name, archive.namelist()))
        scratch.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(scratch).free
        if info.file_size > free:
            raise WeightsError(
                f"{info.filename} in {path.name} takes {spoken_size(info.file_size)} to unpack, and {scratch} has "
                f"{spoken_size(free)} left; make room, or name another place with UPBEAT_HOME"
            )
        with tempfile.TemporaryDirectory(dir=scratch, prefix=".unpacked-", ignore_cleanup_errors=True) as folder:
            unpacked = Path(folder, PurePosixPath(info.filename).name)
            _log.info("unpacking %s from %s", info.filename, path.name)
            with archive.open(info) as source, unpacked.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            yield unpacked


def weights_member(archive_name: str, names: list[str]) -> str:
    """The one member of an archive of training output that holds the weights of its last epoch.

    Raises `WeightsError` if there is none, or no telling which.

    >>> weights_member("a.zip", ["a/summary.jsonl", "a/epoch_60/pytorch_model_2.bin", "a/epoch_60/optimizer.bin"])
    'a/epoch_60/pytorch_model_2.bin'
    """
    weights = [
        name for name in names if name.lower().endswith(_WEIGHT_SUFFIXES) and not _NO_WEIGHTS.search(Path(name).name)
    ]
    if not weights:
        raise WeightsError(f"{archive_name} is a zip archive without weights in it")
    last = max(_epoch(name) for name in weights)
    weights = [name for name in weights if _epoch(name) == last]
    if len(weights) > 1:
        raise WeightsError(
            f"{archive_name} holds {len(weights)} weight files, such as {weights[0]} and {weights[1]}; unpack the one "
            "that is meant, and take that"
        )
    return weights[0]


def _epoch(name: str) -> int:
    found = re.search(r"epoch_(\d+)", name)
    return int(found[1]) if found else -1
