"""Listens to the inside of a network, where the recorded numbers have taps."""

from typing import Any

from torch import Tensor, nn


class Heard:
    """What went into the parts of a network, and what came out of them, in its last call."""

    def __init__(self, network: nn.Module) -> None:
        self.inputs: dict[str, Tensor] = {}
        self._outputs: dict[str, Tensor] = {}
        for name, module in network.named_modules():
            module.register_forward_hook(self._hook(name))

    def __getitem__(self, name: str) -> Tensor:
        return self._outputs[name]

    def _hook(self, name: str) -> Any:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if inputs:
                self.inputs[name] = inputs[0]
            self._outputs[name] = output

        return keep
