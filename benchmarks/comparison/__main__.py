"""Try every row on both stores, on one bundled Postgres, and print the table as Markdown."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version

import psycopg

from ..bench import Bench, server
from ..harness import Options, print_lines
from .rows import ROWS
from .sides import tried


def main() -> int:
    """Exit status: 0 if ours did what is wanted in every row."""
    logging.disable()  # the stores' logs of their failures are no part of the table
    right = True
    with server() as dsn:
        print_lines(_conditions(dsn), "", "| you do | there | here |", "|---|---|---|")
        for number, row in enumerate(ROWS):
            seen = tried(row, Bench(Options(), dsn).new_database(f"row_{number}"))
            print_lines(f"| {row.does} | {seen.there} | {seen.here} |")
            right = right and seen.here == row.wanted
    return 0 if right else 1


def _conditions(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        postgres = connection.info.parameter_status("server_version")
    package = "langgraph-checkpoint-postgres"
    return f"`python -m benchmarks.comparison`: `{package}` {version(package)}, Postgres {postgres}"


if __name__ == "__main__":
    sys.exit(main())
