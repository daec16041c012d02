"""Whether tensors are what a network takes; and networks made of tensors, with nothing initialised in vain."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from engine.checkpoints.layout import Tensors
from engine.convolutions.quick import quicken
from engine.errors import WeightsError

Network = TypeVar("Network", bound=nn.Module)


def check_fit(tensors: Tensors, network: nn.Module, *, file: str, advice: str) -> None:
    """Raise `WeightsError`, about a `file` and ending in `advice`, unless every tensor is there in its shape.

    `network` may lie on the meta device. More tensors than it takes are an error too: who calls this picked them.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in tensors]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise WeightsError(f"{file} lacks the tensor {missing[0]!r}{others}; {advice}")
    for name, tensor in wanted.items():
        if tensors[name].shape != tensor.shape:
            raise WeightsError(
                f"{file} has {name!r} in the shape {tuple(tensors[name].shape)} where {tuple(tensor.shape)} is wanted; "
                f"{advice}"
            )
    left = sorted(set(tensors) - set(wanted))
    assert not left, f"{left[0]!r} was picked from {file}, but nothing takes it"


def filled(make: Callable[[], Network], tensors: Tensors) -> Network:
    """The network that `make` makes, holding `tensors` themselves, ready to compute with and not to be trained."""
    with torch.device("meta"):  # at a billion weights, random numbers that are overwritten at once take ten seconds
        network = make()
    network.load_state_dict(tensors, assign=True)
    return quicken(network.eval().requires_grad_(False))
