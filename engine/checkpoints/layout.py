"""What the files of one family look like, and what becomes of them: said by each family, used by all that reads files.

A *file* has a role, such as "vae". A *part* is one network of ours, and holds tensors under the names it takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `upbeat models list` must not wait for torch
    from torch import Tensor, nn

Tensors = Mapping[str, "Tensor"]
Config = Mapping[str, Any]  # sizes of the networks, as plain JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One file of a model: its role, the names it may have in the model's folder, and what it is, for sentences."""

    role: str
    names: tuple[str, ...]  # patterns, the most usual first, such as "audiolcm.ckpt"
    holds: str  # such as "the student, the VAE and the text encoders"
    needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A model's tensors under our names, part by part, and what else its files say."""

    parts: Mapping[str, Tensors]
    # Plain JSON such as {"scale_factor": 0.92}. "sizes" are those that the files told, in place of the asked ones.
    settings: Mapping[str, Any] = field(default_factory=dict)
    unused: tuple[str, ...] = ()  # names in the files that nothing takes, beyond those known to be unused


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that is known about a family's files."""

    family: str
    files: tuple[Expected, ...]
    tokenizers: Mapping[str, str]  # our name for it: the hub's repository whose vocabulary it is
    config: Config  # the published sizes; `upbeat.json` in the model's folder may hold others
    # Contents of the files by role (a mapping as it was saved: tensors, maybe nested), and the sizes. Raises
    # `WeightsError` with a sentence that says what the file looks like and what was wanted.
    convert: Callable[[Mapping[str, Mapping[str, Any]], Config], Converted]
    # The networks of such sizes by part; called on the meta device to check names and shapes.
    skeleton: Callable[[Config], Mapping[str, "nn.Module"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that was found, read and converted: what a family is built from."""

    config: Config
    parts: Mapping[str, Tensors]
    settings: Mapping[str, Any]
    tokenizers: Mapping[str, Path]  # the folder of each
    weights_hash: str  # SHA-256 of the files' content, hex
