"""`python -m benchmarks.vectors`: vector search beside the official store's.

There are 200,000 rows; of 1,536 dimensions 40,000 and of 3,072 20,000, since making the indexes
takes minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..bench import Bench, server
from ..harness import Family, Options, option_parser, parsed, run
from . import searches, writes
from .samples import VectorTable

_ROWS = {1536: 40_000, 3072: 20_000}
_FULL, _QUICK = 200_000, 20_000
_GROWN = 10
_MILLION = VectorTable(64, 1_000_000)


@dataclass(frozen=True, slots=True)
class VectorOptions(Options):
    """`folder`: of a server that is kept, with its tables."""

    dims: Sequence[int] = (384, 64)
    folder: Path | None = None

    def table(self, dims: int) -> VectorTable:
        """Return a table of as many rows as are filled and indexed in some minutes."""
        return VectorTable(dims, _QUICK if self.quick else _ROWS.get(dims, _FULL))

    def small_table(self, dims: int) -> VectorTable:
        """Return a tenth of it, from which it has grown."""
        return VectorTable(dims, self.table(dims).rows // _GROWN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every row ran and every goal is met."""
    parser = option_parser("benchmarks.vectors", __doc__, ["search", "filter", "growth", "write"])
    parser.add_argument("--dims", nargs="+", type=int, default=(384, 64), metavar="DIMS")
    parser.add_argument("--million", action="store_true", help="growth to 1,000,000 rows, 64 dims")
    parser.add_argument("--folder", type=Path, help="keeps the server's data for the next run")
    options = parsed(parser, arguments, VectorOptions)
    with server(options.folder) as dsn:
        bench = Bench(options, dsn)
        families = _families(bench, options)
        return run(
            "benchmarks.vectors", families, options, bench.described, searches.QUALITY_HEADINGS
        )


def _families(bench: Bench, options: VectorOptions) -> Iterator[Family]:
    for dims in options.dims:
        large, small = options.table(dims), options.small_table(dims)
        yield f"search, {dims} dims", partial(searches.sizes, bench, large)
        yield f"filter, {dims} dims", partial(searches.filters, bench, large)
        yield f"growth, {dims} dims", partial(searches.growth, bench, small, large, theirs=True)
    if options.million:
        small = options.small_table(_MILLION.dims)
        yield "growth, to a million", partial(searches.growth, bench, small, _MILLION, theirs=False)
    yield "write", partial(writes.measure, bench)


if __name__ == "__main__":
    sys.exit(main())
