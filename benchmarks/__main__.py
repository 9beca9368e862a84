"""`python -m benchmarks`: the store against the official one, in one run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from .bare import LIMIT_HEADINGS
from .bench import Bench, server
from .harness import Options, option_parser, parsed, run
from .rows import limits, reads, writes

# Writes come last, since they change the data that the others read.
_FAMILIES = {
    "get": reads.gets,
    "search": reads.searches,
    "list": reads.listing,
    "equal": reads.equal,
    "large": limits.large,
    "distance": limits.distance,
    "memory": limits.memory,
    "load": writes.loading,
    "put": writes.puts,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every row ran, every goal is met and all answers agree."""
    parser = option_parser("benchmarks", __doc__, list(_FAMILIES))
    parser.add_argument("--million", action="store_true", help="also a namespace of 1,000,000")
    options = parsed(parser, arguments, Options)
    with server() as dsn:
        bench = Bench(options, dsn)
        families = [(name, partial(measure, bench)) for name, measure in _FAMILIES.items()]
        return run("benchmarks", families, options, bench.described, LIMIT_HEADINGS)


if __name__ == "__main__":
    sys.exit(main())
