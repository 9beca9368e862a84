"""`python -m benchmarks.files`: an agent's files, beside deepagents' own backend.

Ours is `DeepAgentsBackend` over `AgentStore`; the other is deepagents' `StoreBackend` over the
official Postgres store, by whichever of its ways to connect is fastest for the row. Both have the
same 10,000 files of 2 kB, and their answers are compared before anything is timed. Then ours
alone: listing a folder among 100,000 files, beside listing it among 10,000.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from deepagents.backends import StoreBackend
from deepagents.backends.protocol import BackendProtocol
from langgraph.store.base import BaseStore
from rich.markup import escape

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.files import DeepAgentsBackend

from . import report
from .bench import Bench
from .data import Record, fill_records
from .options import RESULTS, Options
from .race import Contestant
from .results import NO_GOAL, Goal, Result, missed
from .sides import Sides, open_sides

NAMESPACE = ("filesystem",)
FILES_IN_A_FOLDER = 100
SIZE = 2_000
FOLDER = "/project/folder_0040"
FILE = f"{FOLDER}/file_42.py"
NEEDLE = "the needle in the haystack"

Doing: TypeAlias = Callable[[BackendProtocol], Any]
AwaitedWork: TypeAlias = Callable[[BaseStore, int], Awaitable[None]]

_BEGINNING = datetime(2026, 1, 1, tzinfo=timezone.utc)


def files(count: int) -> Iterator[Record]:
    """So many files of 2 kB, 100 to a folder; one in ten ends with .py, one in 1,000 is found."""
    rng = random.Random(count)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=n % 9 + 2)) for n in range(3_000)]
    for number in range(count):
        at = _BEGINNING + timedelta(milliseconds=number)
        lines = [" ".join(rng.choices(words, k=10)) for _ in range(SIZE // 40)]
        if number % 1_000 == 7:
            lines[3] = NEEDLE
        text = "\n".join(lines).ljust(SIZE)[:SIZE]
        ending = "py" if number % 10 == 2 else "md"
        place = f"folder_{number // FILES_IN_A_FOLDER:04}/file_{number % FILES_IN_A_FOLDER}"
        value = {
            "content": text,
            "encoding": "utf-8",
            "created_at": at.isoformat(),
            "modified_at": at.isoformat(),
        }
        yield Record(NAMESPACE, f"/project/{place}.{ending}", value, at)


def backend_over(store: BaseStore) -> BackendProtocol:
    """Ours over ours, deepagents' over the others."""
    if isinstance(store, AgentStore):
        return DeepAgentsBackend(store, namespace=NAMESPACE)
    return StoreBackend(store=store, namespace=lambda _: NAMESPACE)


def write_and_delete(backend: BackendProtocol) -> Any:
    """A file that was not there comes and goes."""
    backend.write(f"{FOLDER}/new.md", "soon gone")
    return backend.delete(f"{FOLDER}/new.md")


def edit(backend: BackendProtocol) -> Any:
    """One replacement, and back."""
    text = f"{FOLDER}/file_7.md"
    return [backend.edit(text, NEEDLE, "gone"), backend.edit(text, "gone", NEEDLE)]


def write(backend: BackendProtocol) -> Any:
    """A file is written over."""
    return backend.write(f"{FOLDER}/file_9.md", "x" * SIZE)


ROWS: dict[str, tuple[Doing, Goal]] = {
    "ls of a folder of 100": (lambda b: b.ls(FOLDER), Goal(10)),
    "ls of the root": (lambda b: b.ls("/"), Goal(10)),
    "glob, 100 found in a folder": (lambda b: b.glob("**/*", FOLDER), Goal(10)),
    "glob, 1,000 found": (lambda b: b.glob("**/*.py"), Goal(10)),
    "glob, all found": (lambda b: b.glob("*"), NO_GOAL),
    "grep, all files, 10 found": (lambda b: b.grep(NEEDLE), Goal(10)),
    "grep, one folder": (lambda b: b.grep(NEEDLE, FOLDER), Goal(10)),
    "read": (lambda b: b.read(FILE), Goal(1)),
    "write over": (write, Goal(1)),
    "edit there and back": (edit, NO_GOAL),
    "write one, delete it": (write_and_delete, Goal(10)),
}


async def _read(store: BaseStore, steps: int) -> None:
    backend = backend_over(store)
    for _ in range(steps):
        await backend.aread(FILE)


async def _write(store: BaseStore, steps: int) -> None:
    backend = backend_over(store)
    for _ in range(steps):
        await backend.awrite(f"{FOLDER}/file_9.md", "x" * SIZE)


AWAITED: dict[str, AwaitedWork] = {"awaited read": _read, "awaited write over": _write}


def comparable(answer: Any) -> Any:
    """Without the order that deepagents leaves to the store, and without times of writing."""
    if isinstance(getattr(answer, "matches", None), list):
        return sorted(map(str, answer.matches))
    return str(answer)


def measure(bench: Bench, count: int) -> Iterator[Result]:
    """Each operation, ours and theirs."""
    dsn = filled(bench, count)
    with open_sides(dsn, bench.options.connections) as sides:
        for name, (do, goal) in ROWS.items():
            yield bench.row(
                "files",
                name,
                sides.waiting(partial(_repeated, do)),
                goal=goal,
                same=_agree(sides, do),
                unit="ms",
            )
        for name, work in AWAITED.items():
            yield bench.row("awaited", name, sides.awaiting(work), goal=Goal(1), unit="ms")


def growth(bench: Bench, count: int) -> Iterator[Result]:
    """Ours, of ten times as many files beside ours of so many."""
    with AgentStore(filled(bench, count)) as few, AgentStore(filled(bench, 10 * count)) as many:
        for folder in (FOLDER, "/"):
            listing = partial(_repeated, partial(_list, folder))
            pair = (
                Contestant("ours", partial(listing, many)),
                [Contestant("few", partial(listing, few))],
            )
            counts = [len(backend_over(store).ls(folder).entries or []) for store in (few, many)]
            name = f"ls of {'the root' if folder == '/' else 'a folder'} among {10 * count:,}"
            rival = f"ours among {count:,}"
            same = counts[0] == counts[1]
            yield bench.row("growth", name, pair, goal=Goal(0.5), same=same, unit="ms", rival=rival)


def filled(bench: Bench, count: int) -> str:
    """The DSN of a database with so many files in both stores."""
    name = f"files_{count}"
    if name not in bench._filled:
        bench._filled[name] = bench.new_database(name)
        fill_records(bench._filled[name], lambda: files(count))
    return bench._filled[name]


def _list(folder: str, backend: BackendProtocol) -> Any:
    return backend.ls(folder)


def _repeated(do: Doing, store: BaseStore, steps: int) -> None:
    backend = backend_over(store)
    for _ in range(steps):
        do(backend)


def _agree(sides: Sides, do: Doing) -> bool:
    expected = comparable(do(backend_over(sides.ours)))
    return all(comparable(do(backend_over(store))) == expected for store in sides.blocking.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every goal is met and all answers agree."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="how many (default 10,000)")
    parser.add_argument("--rounds", type=int, default=7, help="of each row (default 7)")
    parser.add_argument("--json", type=Path, default=RESULTS / "files.json")
    given = parser.parse_args(arguments)
    options = replace(Options(), rounds=given.rounds, json=given.json)
    console, load_before = report.console(), report.load_average()
    with _server() as dsn, console.status("Postgres is filled …"):
        bench = Bench(options, dsn)
        results = [*measure(bench, given.files), *growth(bench, given.files)]
    console.print(report.table(results))
    for warning in report.warnings(results, load_before):
        console.print(f"[yellow]![/] {escape(warning)}")
    facts = report.conditions("the bundled Postgres", vars(given), load_before)
    report.write_json(options.json, results, facts)
    return 1 if missed(results) else 0


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


if __name__ == "__main__":
    sys.exit(main())
