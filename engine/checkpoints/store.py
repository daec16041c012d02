"""A family's files become its model: found in the models folder, read, converted once, checked against the networks.

Per family a folder `models/<family>/` with the authors' files under their own names, a folder for each tokenizer, and
maybe an `upbeat.json` such as {"config": {...}} for a model of other sizes than the published ones.
"""

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import nn

from engine.checkpoints import cache, verdicts
from engine.checkpoints.files import Contents, contents, tensors_in
from engine.checkpoints.folders import conversions_folder, located, missing, models_folder, not_there, tokenizer_missing
from engine.checkpoints.layout import Config, Converted, Layout, Model, Tensors
from engine.checkpoints.recognise import recognised
from engine.errors import WeightsError

_log = logging.getLogger(__name__)

SIZES: Final = "upbeat.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of a model, all that are needed."""

    folder: Path
    files: Mapping[str, Path]  # by role
    tokenizers: Mapping[str, Path]  # the folder of each
    config: Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What there is to say of a model whose files are good."""

    found: Found
    hashes: Mapping[str, str]  # SHA-256 by role, hex
    looks: Mapping[str, str]  # what each file looks like, by role
    parts: Mapping[str, int]  # how many numbers each network has
    unused: tuple[str, ...]
    weights_hash: str


def open_model(layout: Layout) -> Model:
    """The model of a family from the models folder; converted if it was not yet, which takes a minute once.

    Raises `WeightsError`, with what to do, if files are missing, damaged or of another model.
    """
    found = find(layout, models_folder() / layout.family)
    hashes = _hashes(found)
    place = _place(layout, found, hashes)
    converted = cache.kept(place)
    if converted is None:
        _log.info("converting %s, which is done once", layout.family)
        with _opened(layout, found) as held:
            converted = _converted(layout, found, held)
            cache.keep(converted, place)
        converted = cache.kept(place) or converted
    return Model(
        config=found.config,
        parts=converted.parts,
        settings=converted.settings,
        tokenizers=found.tokenizers,
        weights_hash=_weights_hash(hashes),
    )


def find(layout: Layout, folder: Path) -> Found:
    """The files of a model in a folder. Raises `WeightsError` that names what is missing."""
    roles = located(layout.files, folder)
    lacking = missing(layout.files, roles)
    wordless = tokenizer_missing(layout.tokenizers, folder)
    if lacking or wordless:
        raise not_there(layout.family, lacking, wordless, folder)
    tokenizers = {name: folder / name for name in layout.tokenizers}
    return Found(folder=folder, files=roles, tokenizers=tokenizers, config=config_in(folder) or layout.config)


def config_in(folder: Path) -> Config | None:
    """The sizes that a folder's `upbeat.json` asks for, or None."""
    path = folder / SIZES
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path} cannot be read as JSON ({error}); mend it, or remove it for the usual sizes"
        ) from None
    config = said.get("config") if isinstance(said, dict) else None
    if not isinstance(config, dict):
        raise WeightsError(f'{path} has no sizes; wanted is {{"config": {{...}}}}, or no such file for the usual sizes')
    return config


def verify(layout: Layout, folder: Path, *, anew: bool = True) -> Verified:
    """Read everything, convert it and look at every number; the conversion is kept for the engine.

    Without `anew`, hashes of files that have not changed are taken as they were.

    Raises `WeightsError` for the first thing that is not as it should be.
    """
    found = find(layout, folder)
    hashes = _hashes(found, anew=anew)
    with _opened(layout, found) as held:
        converted = _converted(layout, found, held)
        check_numbers(converted.parts)
        looks = {role: looks_like(content) for role, content in held.items()}
        parts = {name: sum(tensor.numel() for tensor in tensors.values()) for name, tensors in converted.parts.items()}
        cache.keep(converted, _place(layout, found, hashes))
    return Verified(
        found=found,
        hashes=hashes,
        looks=looks,
        parts=parts,
        unused=converted.unused,
        weights_hash=_weights_hash(hashes),
    )


def looks_like(content: Contents) -> str:
    """What a file is, in words."""
    if not (tensors := tensors_in(content)):
        return "settings, and no weights"
    look = recognised(tensors)
    return "weights of no kind that is known here" if look is None else look.what


def know(layout: Layout, folder: Path, *, good: bool) -> None:
    """Remember of the model in `folder` that it is good, or that it is not, and what its files hash to.

    Raises `WeightsError` if it is not complete.
    """
    found = find(layout, folder)
    if good:
        _hashes(found)
        verdicts.note_good(layout.family, found.files.values())
    else:
        verdicts.note_bad(layout.family)


def check_fits(parts: Mapping[str, Tensors], networks: Mapping[str, nn.Module]) -> None:
    """Raise `WeightsError` unless every tensor that a network has is there, has its shape, and none is left over."""
    for name, network in networks.items():
        tensors = parts.get(name, {})
        wanted = network.state_dict(keep_vars=True)
        there = {id(wanted[key]) for key in tensors if key in wanted}  # one of several names for the same is enough
        lacking = [key for key, tensor in wanted.items() if id(tensor) not in there]
        if lacking:
            raise WeightsError(f"its {name} lacks {len(lacking)} of {len(wanted)} tensors, such as {lacking[0]}")
        if surplus := [key for key in tensors if key not in wanted]:
            raise WeightsError(
                f"its {name} has {len(surplus)} tensors that no network of ours takes, such as {surplus[0]}"
            )
        for key, tensor in tensors.items():
            if tensor.shape != wanted[key].shape:
                raise WeightsError(
                    f"its {name} has {key} of shape {tuple(tensor.shape)}; wanted is {tuple(wanted[key].shape)}, so it "
                    "is of another version or size"
                )
    if unknown := set(parts) - set(networks):
        raise WeightsError(f"its part {sorted(unknown)[0]} belongs to no network of ours")


def check_numbers(parts: Mapping[str, Tensors]) -> None:
    """Raise `WeightsError` if there is a number that is not finite: damage, or training that went wrong."""
    for part, tensors in parts.items():
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                count = int((~torch.isfinite(tensor)).sum())
                raise WeightsError(f"{name} of its {part} has {count} numbers that are not finite; the file is damaged")


@contextlib.contextmanager
def _opened(layout: Layout, found: Found) -> Iterator[dict[str, Contents]]:
    """The contents of a model's files by role, until the block ends."""
    holds = {expected.role: f"{expected.names[0]} with {expected.holds}" for expected in layout.files}
    with contextlib.ExitStack() as open_files:
        yield {
            role: open_files.enter_context(
                contents(path, wanted=holds[role], scratch=conversions_folder() / layout.family)
            )
            for role, path in found.files.items()
        }


def _converted(layout: Layout, found: Found, held: Mapping[str, Contents]) -> Converted:
    """What the family's key maps make of its files, checked against its networks."""
    try:
        converted = layout.convert(held, found.config)
        with torch.device("meta"):
            networks = layout.skeleton({**found.config, **converted.settings.get("sizes", {})})
        check_fits(converted.parts, networks)
    except WeightsError as error:
        raise WeightsError(_with_looks(layout, str(error), found, held)) from error
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        sentence = f"the files cannot be taken apart ({type(error).__name__}: {' '.join(str(error).split())[:120]})"
        raise WeightsError(_with_looks(layout, sentence, found, held)) from error
    return converted


def _with_looks(layout: Layout, sentence: str, found: Found, held: Mapping[str, Contents]) -> str:
    """`sentence`, and what those files look like that are no part of this family, unless it says so already."""
    looks = []
    for role, content in held.items():
        look = recognised(tensors_in(content))
        told = look is not None and "teacher" in look.what and "teacher" in sentence
        if look is not None and layout.family not in look.serves and not told:
            looks.append(f"; {found.files[role].name} looks like {look.what}")
    return f"{layout.family}: {sentence}" + "".join(looks)


def _hashes(found: Found, *, anew: bool = False) -> dict[str, str]:
    """SHA-256 of each file by role, and of the sizes if they are the folder's own: they are part of the model too."""
    hashes = cache.Hashes(conversions_folder())
    sizes = found.folder / SIZES
    files = {**found.files, SIZES: sizes} if sizes.is_file() else found.files
    return {role: hashes.of(path, anew=anew) for role, path in files.items()}


def _place(layout: Layout, found: Found, hashes: Mapping[str, str]) -> Path:
    return conversions_folder() / layout.family / cache.key_of(hashes, found.config)


def _weights_hash(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()
