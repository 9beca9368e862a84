"""Work in processes of their own: what it takes in time and in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter
from typing import TypeVar

import psutil
from typing_extensions import ParamSpec, Self

P = ParamSpec("P")
T = TypeVar("T")

_LOOK_EVERY_S = 0.005


def in_new_process(function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Call a function of a module in a process of its own; return its result."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments, **options).result()


class Meter:
    """The time that a `with` block takes, and the most by which the process grew meanwhile."""

    seconds = 0.0
    grown_bytes = 0

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._began = perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = perf_counter() - self._began
        self._over.set()
        self._thread.join()
        self._look()

    @property
    def cost(self) -> tuple[float, float]:
        """Seconds, and MiB."""
        return self.seconds, self.grown_bytes / 2**20

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        grown = self._process.memory_info().rss - self._before
        self.grown_bytes = max(self.grown_bytes, grown)
