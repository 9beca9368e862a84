"""Sorting of any number of items in constant memory.

Items that fit one run are sorted in memory. More are sorted run by run, each run into a nameless
temporary file, and merged: an external merge sort.
"""

from __future__ import annotations

import heapq
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from tempfile import TemporaryFile
from typing import IO, Any, Generic, TypeVar

RowT = TypeVar("RowT")

RUN_LENGTH = 5_000


class ExternalSort(Generic[RowT]):
    """A sort of items.

    Args:
        order: the sort key of an item.
        run_length: the number of items held in memory at once.
    """

    def __init__(self, order: Callable[[RowT], Any], run_length: int = RUN_LENGTH) -> None:
        self._order = order
        self._run_length = run_length
        self._run: list[RowT] = []
        self._spilled: list[Iterator[RowT]] = []
        self._files = ExitStack()

    def add(self, items: Iterable[RowT]) -> None:
        """Take items in any order."""
        for item in items:
            self._run.append(item)
            if len(self._run) == self._run_length:
                self._spill()

    def in_order(self) -> Iterator[RowT]:
        """Yield the items sorted; of several with one sort key only the first."""
        self._run.sort(key=self._order)
        with self._files:
            merged = heapq.merge(*self._spilled, self._run, key=self._order)
            for _, equal in groupby(merged if self._spilled else self._run, self._order):
                yield next(equal)

    def _spill(self) -> None:
        file = self._files.enter_context(TemporaryFile(prefix="agentstore-"))  # noqa: SIM115
        for item in sorted(self._run, key=self._order):
            pickle.dump(item, file, protocol=pickle.HIGHEST_PROTOCOL)
        file.seek(0)
        self._spilled.append(_unpickled(file, len(self._run)))
        self._run = []


def _unpickled(file: IO[bytes], length: int) -> Iterator[Any]:
    for _ in range(length):
        yield pickle.load(file)
