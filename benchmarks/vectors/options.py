"""What one run measures, and for how long."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..options import RESULTS
from .samples import VectorTable

FAMILIES = ("search", "filter", "growth", "write")
_ROWS = {1536: 40_000, 3072: 20_000}
_FULL, _QUICK = 200_000, 20_000
_GROWN = 10
MILLION = VectorTable(64, 1_000_000)


@dataclass(frozen=True, slots=True)
class VectorOptions:
    """`seconds`: of one round of one side. `folder`: a server that is kept, with its tables."""

    dims: tuple[int, ...] = (384, 64)
    families: tuple[str, ...] = FAMILIES
    rounds: int = 7
    seconds: float = 0.4
    queries: int = 40
    quick: bool = False
    million: bool = False
    json: Path = RESULTS / "vectors.json"
    folder: Path | None = None

    def table(self, dims: int) -> VectorTable:
        """As many rows as are filled and indexed in some minutes."""
        return VectorTable(dims, _QUICK if self.quick else _ROWS.get(dims, _FULL))

    def small_table(self, dims: int) -> VectorTable:
        """A tenth of it, from which it has grown."""
        return VectorTable(dims, self.table(dims).rows // _GROWN)


def parse_options(arguments: Sequence[str] | None) -> VectorOptions:
    """The options of a command line; exits with an explanation if it cannot be understood."""
    usual = VectorOptions()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vectors",
        description="Vector search of the store against the official one's. 200,000 rows; of 1,536 "
        "dimensions 40,000 and of 3,072 20,000, since making the indexes takes minutes.",
    )
    parser.add_argument("--dims", nargs="+", type=int, default=usual.dims, metavar="DIMS")
    parser.add_argument("--rows", nargs="+", default=FAMILIES, choices=FAMILIES, metavar="ROWS")
    parser.add_argument("--rounds", type=int, help="rounds of each row (default 7, quick 3)")
    parser.add_argument("--quick", action="store_true", help="20,000 rows and fewer rounds")
    parser.add_argument("--million", action="store_true", help="growth to 1,000,000 rows, 64 dims")
    parser.add_argument("--json", type=Path, default=usual.json, help="where the figures go")
    parser.add_argument("--folder", type=Path, help="keeps the server's data for the next run")
    given = parser.parse_args(arguments)
    return VectorOptions(
        dims=tuple(given.dims),
        families=tuple(given.rows),
        rounds=given.rounds or (3 if given.quick else usual.rounds),
        seconds=0.1 if given.quick else usual.seconds,
        queries=10 if given.quick else usual.queries,
        quick=given.quick,
        million=given.million,
        json=given.json,
        folder=given.folder,
    )
