"""What every training here shares: one update, its learning rate, and the average of the weights."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Optimiser:
    """AdamW with a short warm-up, a cosine over the planned updates to a small rest, and clipped gradients."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        peak_rate: float,
        updates: int,
        warm_up: int,
        rest: float = 0.03,
        weight_decay: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.98),
    ) -> None:
        self._parameters = list(parameters)
        self._peak_rate = peak_rate
        self._planned = updates
        self._warm_up = warm_up
        self._rest = rest
        self._updates = 0
        self._adam = torch.optim.AdamW(
            self._parameters, lr=peak_rate, betas=betas, weight_decay=weight_decay, fused=True
        )

    def step(self, loss: Tensor) -> float:
        """One update; the loss as a number."""
        share = self._updates / self._planned
        rate = self._rest + (1 - self._rest) * 0.5 * (1 + math.cos(math.pi * share))
        for group in self._adam.param_groups:
            group["lr"] = self._peak_rate * rate * min(1.0, (self._updates + 1) / self._warm_up)
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self._adam.step()
        self._updates += 1
        return float(loss.detach())

    def state_dict(self) -> dict[str, Any]:
        """All it needs to go on elsewhere."""
        return {"updates": self._updates, "adam": self._adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another one was."""
        self._updates = state["updates"]
        self._adam.load_state_dict(state["adam"])


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, *, decay: float, updates: int) -> None:
    """Move an exponential average of weights towards `model`; faster in the first updates."""
    decay = min(decay, (1 + updates) / (10 + updates))
    for kept, current in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(current, 1 - decay)
