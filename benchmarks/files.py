"""`python -m benchmarks.files`: an agent's files, beside deepagents' own backend.

Ours is `DeepAgentsBackend` over `AgentStore`; the other is deepagents' `StoreBackend` over the
official Postgres store, by whichever of its ways to connect is fastest for the row. Both have the
same 10,000 files of 2 kB, and their answers are compared before anything is timed. Then ours
alone: listing a folder among 100,000 files, beside listing it among 10,000.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

from deepagents.backends import StoreBackend
from deepagents.backends.protocol import BackendProtocol
from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.files import DeepAgentsBackend

from .bench import Bench, Sides, open_sides, server
from .harness import NO_GOAL, Contestant, Goal, Options, Result, option_parser, parsed, run
from .items import BEGINNING, Record, fill

NAMESPACE = ("filesystem",)
FILES_IN_A_FOLDER = 100
SIZE = 2_000
FOLDER = "/project/folder_0040"
FILE = f"{FOLDER}/file_42.py"
OVER, EDITED, NEW = (f"{FOLDER}/{name}.md" for name in ("file_9", "file_7", "new"))
NEEDLE = "the needle in the haystack"

Doing: TypeAlias = Callable[[BackendProtocol], Any]


@dataclass(frozen=True, slots=True)
class FileOptions(Options):
    """`files`: how many files there are."""

    files: int = 10_000


def files(count: int) -> Iterator[Record]:
    """So many files of 2 kB, 100 to a folder; one in ten ends with .py, one in 1,000 is found."""
    rng = random.Random(count)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=n % 9 + 2)) for n in range(3_000)]
    for number in range(count):
        at = BEGINNING + timedelta(milliseconds=number)
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


ROWS: dict[str, tuple[Doing, Goal]] = {
    "ls of a folder of 100": (lambda b: b.ls(FOLDER), Goal(10)),
    "ls of the root": (lambda b: b.ls("/"), Goal(10)),
    "glob, 100 found in a folder": (lambda b: b.glob("**/*", FOLDER), Goal(10)),
    "glob, 1,000 found": (lambda b: b.glob("**/*.py"), Goal(10)),
    "glob, all found": (lambda b: b.glob("*"), NO_GOAL),
    "grep, all files, 10 found": (lambda b: b.grep(NEEDLE), Goal(10)),
    "grep, one folder": (lambda b: b.grep(NEEDLE, FOLDER), Goal(10)),
    "read": (lambda b: b.read(FILE), Goal(1)),
    "write over": (lambda b: b.write(OVER, "x" * SIZE), Goal(1)),
    "edit there and back": (
        lambda b: [b.edit(EDITED, NEEDLE, "gone"), b.edit(EDITED, "gone", NEEDLE)],
        NO_GOAL,
    ),
    "write one, delete it": (lambda b: [b.write(NEW, "soon gone"), b.delete(NEW)], Goal(10)),
}


AWAITED: dict[str, Callable[[BackendProtocol], Awaitable[Any]]] = {
    "awaited read": lambda b: b.aread(FILE),
    "awaited write over": lambda b: b.awrite(OVER, "x" * SIZE),
}


def comparable(answer: Any) -> Any:
    """Without the order that deepagents leaves to the store, and without times of writing."""
    if isinstance(getattr(answer, "matches", None), list):
        return sorted(map(str, answer.matches))
    return str(answer)


def measure(bench: Bench, count: int) -> Iterator[Result]:
    """Race each operation, ours against theirs."""
    with open_sides(_filled(bench, count), bench.options.connections) as sides:
        for name, (do, goal) in ROWS.items():
            contestants = sides.waiting(partial(_repeated, do))
            same = _agree(sides, do)
            yield bench.row(name, contestants, goal=goal, same=same, unit="ms")
        for name, start in AWAITED.items():

            async def work(store: BaseStore, steps: int, start: Any = start) -> None:
                backend = backend_over(store)
                for _ in range(steps):
                    await start(backend)

            yield bench.row(name, sides.awaiting(work), goal=Goal(1), unit="ms")


def growth(bench: Bench, count: int) -> Iterator[Result]:
    """Race ours among ten times as many files against ours among so many."""
    dsns = _filled(bench, count), _filled(bench, 10 * count)
    with AgentStore(dsns[0]) as few, AgentStore(dsns[1]) as many:
        for folder, words in ((FOLDER, "a folder"), ("/", "the root")):
            listing = partial(_repeated, partial(_list, folder))
            ours, theirs = (Contestant("ours", partial(listing, store)) for store in (many, few))
            counts = {len(backend_over(store).ls(folder).entries or []) for store in (few, many)}
            name, rival = f"ls of {words} among {10 * count:,}", f"ours among {count:,}"
            same, pair = len(counts) == 1, (ours, [theirs])
            yield bench.row(name, pair, goal=Goal(0.5), same=same, unit="ms", rival=rival)


def _filled(bench: Bench, count: int) -> str:
    return bench.filled(f"files_{count}", lambda dsn: fill(dsn, partial(files, count)))


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
    parser = option_parser("benchmarks.files", __doc__, ["files", "growth"])
    parser.add_argument("--files", type=int, default=10_000, help="how many (default 10,000)")
    options = parsed(parser, arguments, FileOptions)
    with server() as dsn:
        bench = Bench(options, dsn)
        families = [
            ("files", partial(measure, bench, options.files)),
            ("growth", partial(growth, bench, options.files)),
        ]
        return run("benchmarks.files", families, options, bench.described)


if __name__ == "__main__":
    sys.exit(main())
