"""A mapping that keeps the entries that were used last."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from typing_extensions import override

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Lru(OrderedDict[KeyT, ValueT]):
    """A dict of at most `most` entries; beyond that, the one used longest ago is dropped."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    @override
    def __setitem__(self, key: KeyT, value: ValueT) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)

    def recall(self, key: KeyT) -> ValueT | None:
        """Return the entry, which counts as its use; None if there is none."""
        if key in self:
            self.move_to_end(key)
        return self.get(key)
