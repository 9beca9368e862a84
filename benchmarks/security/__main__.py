"""`python -m benchmarks.security`: the price of each control, with and without it in one run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import psycopg

from ..bench import Bench, server
from ..harness import Options, option_parser, parsed, run
from . import encryption, history, limits, row_security, sharing

_FAMILIES = {
    "row_security": row_security.row_security,
    "encryption": encryption.encrypting,
    "history": history.history,
    "quotas": limits.quotas,
    "tombstones": limits.tombstones,
    "sharing": sharing.sharing,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every row ran and every goal is met."""
    options = parsed(
        option_parser("benchmarks.security", __doc__, list(_FAMILIES)), arguments, Options
    )
    with server() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_commit = off")
            connection.execute("SELECT pg_reload_conf()")
        bench = Bench(options, dsn)
        families = [(name, partial(measure, bench)) for name, measure in _FAMILIES.items()]
        return run("benchmarks.security", families, options, bench.described)


if __name__ == "__main__":
    sys.exit(main())
