"""Prompts come again and again on a stage; what they mean is worked out once."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Meaning = TypeVar("Meaning")


class PromptCache(Generic[Meaning]):
    """The latest `capacity` prompts with their meaning. Not for use by several threads at once."""

    def __init__(self, encode: Callable[[str], Meaning], *, capacity: int = 512) -> None:
        self._encode = encode
        self._capacity = capacity
        self._meanings: OrderedDict[str, Meaning] = OrderedDict()

    def __len__(self) -> int:
        return len(self._meanings)

    def __call__(self, prompt: str) -> Meaning:
        """The meaning of `prompt`, encoded now if it is not among the latest."""
        if prompt not in self._meanings:
            self._meanings[prompt] = self._encode(prompt)
            if len(self._meanings) > self._capacity:
                self._meanings.popitem(last=False)
        self._meanings.move_to_end(prompt)
        return self._meanings[prompt]
