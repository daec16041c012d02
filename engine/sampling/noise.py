"""Every random number of a clip, drawn from its own seed."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def generator_for(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator of its own for each purpose of a clip, so that one more draw here moves nothing there."""
    return torch.Generator().manual_seed(derived_seed(seed, purpose))


def derived_seed(seed: int, purpose: str) -> int:
    """Another seed, 0 to 2^63 - 1, for each purpose of a clip."""
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seeded_noise(seeds: Sequence[int], *, shape: tuple[int, ...], purpose: str) -> Tensor:
    """(len(seeds), *shape) of N(0, 1). A row depends on its own seed alone, whatever stands beside it."""
    return torch.stack([torch.randn(shape, generator=generator_for(seed, purpose)) for seed in seeds])
