"""Tries every row on both stores, on one bundled Postgres, and prints the table as Markdown."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from langgraph_agentstore.embedded import EmbeddedPostgres

from ..bench import Bench
from ..options import Options
from .rows import ROWS, Tried, tried


def main() -> int:
    """Exit status: 0 if ours did what is wanted in every row."""
    # What the stores log of their failures is no part of the table.
    logging.disable()
    results = []
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            bench = Bench(Options(), server.start())
            print(f"{_conditions(bench.server_dsn)}\n\n| you do | there | here |\n|---|---|---|")
            for number, row in enumerate(ROWS):
                results.append(tried(row, bench.new_database(f"row_{number}")))
                print(_line(results[-1]), flush=True)
        finally:
            server.stop()
    return 0 if all(each.here == each.row.wanted for each in results) else 1


def _conditions(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        postgres = connection.info.parameter_status("server_version")
    package = "langgraph-checkpoint-postgres"
    return f"`python -m benchmarks.comparison`: `{package}` {version(package)}, Postgres {postgres}"


def _line(seen: Tried) -> str:
    return f"| {seen.row.does} | {seen.there} | {seen.here} |"


if __name__ == "__main__":
    sys.exit(main())
