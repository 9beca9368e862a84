"""`python -m benchmarks`: runs the rows, prints them, writes JSON."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psycopg
from rich.console import Console
from rich.markup import escape

from langgraph_agentstore.embedded import EmbeddedPostgres

from . import report
from .bench import Bench
from .options import parse_options
from .results import Result, missed
from .rows import distance, equal, gets, large, limit, listing, loading, memory, puts, searches

_logger = logging.getLogger(__name__)

# Writes come last, since they change what the others read.
_FAMILIES = (gets, limit, searches, listing, equal, large, distance, memory, loading, puts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every row ran, every goal is met and all answers agree."""
    options = parse_options(arguments, [family.NAME for family in _FAMILIES])
    console = report.console()
    load_before, began = report.load_average(), time.monotonic()
    results: list[Result] = []
    with _server() as dsn:
        failures = _measure(Bench(options, dsn), console, results)
        facts = report.conditions(_described(dsn), asdict(options), load_before)
    console.print(report.table(results))
    for warning in [*report.warnings(results, load_before), *failures]:
        console.print(f"[yellow]![/] {escape(warning)}")
    report.write_json(options.json, results, {**facts, "failures": failures})
    took = time.monotonic() - began
    console.print(f"[dim]{took:.0f} s; {_shown(options.json)}[/]")
    return 1 if failures or missed(results) else 0


def _measure(bench: Bench, console: Console, results: list[Result]) -> list[str]:
    """Appends the rows as they come; a family that fails ends, and the others go on."""
    failures = []
    wanted = bench.options.rows
    with console.status("Postgres is filled …") as status:
        for family in _FAMILIES:
            if wanted and family.NAME not in wanted:
                continue
            status.update(f"{family.NAME} …")
            try:
                for result in family.measure(bench):
                    status.update(f"{result.name}: done …")
                    results.append(result)
            except Exception as error:
                _logger.exception("the rows of %s", family.NAME)
                failures.append(f"the rows of {family.NAME} failed: {error}")
    return failures


@contextmanager
def _server() -> Iterator[str]:
    """The bundled Postgres in a folder that goes when the run ends."""
    folder = Path(tempfile.mkdtemp(prefix="agentstore-bench-"))
    server = EmbeddedPostgres(folder)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _described(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT version()").fetchone()
    return str(row and row[0])


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    sys.exit(main())
