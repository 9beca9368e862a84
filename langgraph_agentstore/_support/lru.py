"""A mapping of the most recently used entries."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from typing_extensions import override

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Lru(OrderedDict[KeyT, ValueT]):
    """A dict of at most `most` entries; the least recently used one is dropped."""

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
        """Return an entry and count that as its use; return None if there is none."""
        if key in self:
            self.move_to_end(key)
        return self.get(key)
