"""`python -m benchmarks.vectors`: runs the rows, prints them, writes JSON and Markdown."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import psycopg
from rich.console import Console
from rich.markup import escape

from langgraph_agentstore.embedded import EmbeddedPostgres

from .. import report
from ..bench import Bench
from ..options import Options
from ..results import Result, missed
from . import writes
from .options import MILLION, VectorOptions, parse_options
from .quality import markdown, table
from .searches import Searches

_logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every row ran and every goal is met."""
    options = parse_options(arguments)
    console = Console(highlight=False, width=170)
    load_before, began = report.load_average(), time.monotonic()
    results: list[Result] = []
    with _server(options.folder) as dsn:
        failures = _measure(Bench(Options(), dsn), options, console, results)
        server = _described(dsn)
    console.print(table(results))
    for warning in [*report.warnings(results, load_before), *failures]:
        console.print(f"[yellow]![/] {escape(warning)}")
    facts = report.conditions(server, asdict(options), load_before)
    command = " ".join(["python -m benchmarks.vectors", *(arguments or sys.argv[1:])])
    report.write_json(options.json, results, {**facts, "command": command, "failures": failures})
    text = f"`{command}`, {server}, {facts['system']}\n\n{markdown(results)}"
    options.json.with_suffix(".md").write_text(text, encoding="utf-8")
    console.print(f"[dim]{time.monotonic() - began:.0f} s; {options.json}[/]")
    return 1 if failures or missed(results) else 0


def _measure(
    bench: Bench, options: VectorOptions, console: Console, results: list[Result]
) -> list[str]:
    """Appends the rows as they come; a family that fails ends, and the others go on."""
    failures = []
    for name, family in _families(bench, options):
        began = time.monotonic()
        try:
            for result in family():
                results.append(result)
                console.print(f"[dim]{markdown([result]).splitlines()[-1]}[/]")
        except Exception as error:
            _logger.exception("the rows of %s", name)
            failures.append(f"the rows of {name} failed: {error}")
        console.print(f"[dim]{name}: {time.monotonic() - began:.0f} s[/]")
    return failures


def _families(
    bench: Bench, options: VectorOptions
) -> Iterator[tuple[str, Callable[[], Iterator[Result]]]]:
    searches = Searches(bench, options)
    for dims in options.dims:
        large, small = options.table(dims), options.small_table(dims)
        if "search" in options.families:
            yield f"search, {dims} dims", partial(searches.sizes, large)
        if "filter" in options.families:
            yield f"filter, {dims} dims", partial(searches.filters, large)
        if "growth" in options.families:
            yield f"growth, {dims} dims", partial(searches.growth, small, large, theirs=True)
    if options.million:
        small = options.small_table(MILLION.dims)
        yield "growth to a million", partial(searches.growth, small, MILLION, theirs=False)
    if "write" in options.families:
        yield "write", partial(writes.measure, bench, options)


@contextmanager
def _server(kept: Path | None) -> Iterator[str]:
    """The bundled Postgres, in a folder that goes when the run ends unless it is to be kept."""
    folder = kept or Path(tempfile.mkdtemp(prefix="agentstore-bench-"))
    server = EmbeddedPostgres(folder)
    try:
        yield server.start()
    finally:
        server.stop()
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)


def _described(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT version()").fetchone()
    return str(row and row[0])


if __name__ == "__main__":
    sys.exit(main())
