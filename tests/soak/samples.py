"""Memory over time: taken in a process, read and judged after it."""

from __future__ import annotations

import csv
import gc
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

import psutil

EVERY_S = 4.0


@dataclass(frozen=True)
class Sample:
    """`seconds` since the process went to work; `rss` and `traced` in bytes."""

    seconds: float
    operations: int
    rss: int
    traced: int


class Sampler:
    """Writes a sample every `EVERY_S` to a CSV file.

    `grown` says by which lines more was allocated at the end than after `compared_with_s`.
    """

    def __init__(self, path: Path, operations: Callable[[], int], compared_with_s: float) -> None:
        self.grown: list[str] = []
        self._path = path
        self._operations = operations
        self._compared_with_s = compared_with_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._earlier: tracemalloc.Snapshot | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        if self._earlier is not None:
            gc.collect()
            differences = tracemalloc.take_snapshot().compare_to(self._earlier, "lineno")
            self.grown = [str(difference) for difference in differences[:40]]
            self._earlier = None

    def _run(self) -> None:
        begun = time.monotonic()
        with self._path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(Sample.__annotations__)
            while not self._over.wait(EVERY_S):
                seconds = time.monotonic() - begun
                writer.writerow(vars(self._sample(seconds)).values())
                file.flush()
                if (
                    self._earlier is None
                    and seconds > self._compared_with_s
                    and tracemalloc.is_tracing()
                ):
                    self._earlier = tracemalloc.take_snapshot()

    def _sample(self, seconds: float) -> Sample:
        gc.collect()  # what waits to be collected is no growth
        traced = tracemalloc.get_traced_memory()[0]
        rss = psutil.Process().memory_info().rss
        return Sample(round(seconds, 2), self._operations(), rss, traced)


def read_samples(path: Path) -> list[Sample]:
    with path.open(newline="") as file:
        return [
            Sample(float(row["seconds"]), *(int(row[n]) for n in ("operations", "rss", "traced")))
            for row in csv.DictReader(file)
        ]


def growth(samples: list[Sample], of: str) -> float:
    """Bytes per operation: the slope of the line that fits best; 0 where nothing was done."""
    operations = [sample.operations for sample in samples]
    if len(set(operations)) < 2:
        return 0.0
    return linear_regression(operations, [getattr(each, of) for each in samples]).slope
