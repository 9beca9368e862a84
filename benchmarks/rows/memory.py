"""Walking through everything: memory stays flat."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from ..bench import Bench
from ..data import Dataset, large_and_small, mixed
from ..results import Goal, Result

NAME = "memory"

_LARGEST_GROWTH_MB = 100
_SMALL = 5_000


def measure(bench: Bench) -> Iterator[Result]:
    """Growth of a fresh process from its first page to its peak, for few and for many items."""
    whole = large_and_small(1_000_000, 100) if bench.options.million else bench.main
    small = mixed(500, _SMALL // 500)
    few = _growth_mb(bench, small)
    many = _growth_mb(bench, whole)
    yield Result(
        NAME,
        f"memory of iterating {whole.count:,} items",
        "MB",
        (median(many),),
        (median(few),),
        f"ours, {small.count:,} items",
        Goal(ours_at_most=_LARGEST_GROWTH_MB),
    )


def _growth_mb(bench: Bench, dataset: Dataset) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.walk", bench.filled(dataset)]
    growths = []
    for _ in range(bench.options.slow_rounds):
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        walked = json.loads(said)
        if walked["items"] != dataset.count:
            raise RuntimeError(f"{walked['items']} of {dataset.count} items were walked through")
        growths.append(walked["growth_mb"])
    return growths
