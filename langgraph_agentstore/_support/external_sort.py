"""Putting any number of things in order in constant memory.

What fits one run is sorted in memory; more is sorted run by run, each into a nameless temporary
file, and merged (external merge sort). Of two with the same place in the order the first stays:
a page that shifted while it was read shows an item twice.
"""

from __future__ import annotations

import heapq
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

T = TypeVar("T")

RUN_LENGTH = 5_000


def in_order(
    items: Iterable[T], order: Callable[[T], Any], run_length: int = RUN_LENGTH
) -> Iterator[T]:
    """The items by `order`, each once."""
    with ExitStack() as files:
        runs: list[Iterator[T]] = []
        run: list[T] = []
        for item in items:
            run.append(item)
            if len(run) == run_length:
                run.sort(key=order)
                runs.append(_spilled(run, files))
                run = []
        run.sort(key=order)
        yield from _each_once(heapq.merge(*runs, run, key=order) if runs else run, order)


def _spilled(run: list[T], files: ExitStack) -> Iterator[T]:
    file = files.enter_context(TemporaryFile(prefix="agentstore-"))  # noqa: SIM115
    for item in run:
        pickle.dump(item, file, protocol=pickle.HIGHEST_PROTOCOL)
    file.seek(0)
    return _unspilled(file, len(run))


def _unspilled(file: IO[bytes], length: int) -> Iterator[Any]:
    for _ in range(length):
        yield pickle.load(file)


def _each_once(items: Iterable[T], order: Callable[[T], Any]) -> Iterator[T]:
    last: Any = None
    for item in items:
        if (place := order(item)) != last:
            yield item
        last = place
