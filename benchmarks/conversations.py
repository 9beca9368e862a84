"""`python -m benchmarks.conversations`: 100,000 turns of a user saved, read, searched, exported.

The table holds ratios within the run: what is quick beside what one would do without it. Memory
is that of a fresh process that exports, beyond what it had before.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, get_args

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, new_turn
from langgraph_agentstore.conversations.export import ExportFormat

from .bench import server
from .harness import command, print_table
from .processes import Meter, in_new_process

ONE_BY_ONE = 1_000
WORDS = (
    *("cat", "dog", "train", "night", "oslo", "vet", "soup", "tea"),
    *("garden", "music", "winter", "phone", "market", "river"),
)
BEGINNING = datetime(2024, 1, 1, tzinfo=timezone.utc)
LEAST_GAIN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where saving in bulk is less than five times as fast."""
    parser = command("benchmarks.conversations", __doc__)
    parser.add_argument("--turns", type=int, default=100_000)
    number = parser.parse_args(arguments).turns
    gains: list[float] = []
    with server() as dsn:
        print_table((f"{number:,} turns in 1,000 threads", "×"), _rows(dsn, number, gains))
    return 0 if min(gains) >= LEAST_GAIN else 1


def turns(number: int) -> Iterator[Turn]:
    """Yield turns of a thousand threads that take turns; each has some words that others have."""
    for n in range(number):
        words = " ".join(WORDS[(n * step) % len(WORDS)] for step in (1, 3, 5, 11))
        yield new_turn(
            f"thread {n % 1000}",
            f"What about {words}, number {n}?",
            f"As I said, {words} " * 5,
            at=BEGINNING + timedelta(seconds=n),
        )


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Return counts of words: quick, since the store is measured and not a model."""
    return [[0.1 + text.count(word) for word in WORDS] for text in texts]


def _rows(dsn: str, number: int, gains: list[float]) -> Iterator[tuple[str, str]]:
    for mode in ("none", "text", "vector"):
        gains.append(_bulk_gain(dsn, mode, number))
        yield f"saving in bulk, index: {mode}, as fast as one by one", f"{gains[-1]:.1f}"
    for name, gain in _reading(dsn, number):
        yield f"{name}, as fast as reading all", f"{gain:,.0f}"
    with _store(dsn, "text", "bulk") as store:
        ConversationMemory(store, "few").save_turns(turns(number // 10))
    with TemporaryDirectory() as folder:
        for format in get_args(ExportFormat):
            path = str(Path(folder) / f"turns.{format}")
            few, many = (
                in_new_process(export_turns, dsn, "bulk_text", user, path, format)[1]
                for user in ("few", "many")
            )
            name = f"memory to export to {format}, beside that for {number // 10:,} turns"
            yield name, f"{many / few:.1f}"


def _bulk_gain(dsn: str, mode: str, number: int) -> float:
    """Return how many times as fast saving in bulk is.

    Both go into tables of their own; the one for single turns stays small, which is in its favour.
    """
    # Before and after, since the machine may be busier at one time than at the other.
    singly = [_one_by_one(dsn, mode)]
    with _store(dsn, mode, "bulk") as store:
        began = time.perf_counter()
        ConversationMemory(store, "many").save_turns(turns(number))
        in_bulk = (time.perf_counter() - began) / number
    singly.append(_one_by_one(dsn, mode))
    return mean(singly) / in_bulk


def _one_by_one(dsn: str, mode: str) -> float:
    """Return the seconds for each of some turns."""
    with _store(dsn, mode, "single") as store:
        memory = ConversationMemory(store, "many")
        began = time.perf_counter()
        for turn in turns(ONE_BY_ONE):
            memory.save_turn(turn.query, turn.response, turn.thread_id)
        return (time.perf_counter() - began) / ONE_BY_ONE


def _store(dsn: str, mode: str, schema: str) -> AgentStore:
    index: dict[str, Any] | None = None if mode == "none" else {"mode": mode}
    if index is not None and mode == "vector":
        index |= {"embed": embed, "dims": len(WORDS)}
    return AgentStore(dsn, schema=f"{schema}_{mode}", index=index)


def _reading(dsn: str, number: int) -> Iterator[tuple[str, float]]:
    """Yield gains over iterating all turns, which each would take without a way of its own."""
    with _store(dsn, "text", "bulk") as store, _store(dsn, "vector", "bulk") as vectors:
        memory, by_meaning = ConversationMemory(store, "many"), ConversationMemory(vectors, "many")
        ways: dict[str, Callable[[], Any]] = {
            "listing the threads": memory.threads,
            "the first page of a thread": lambda: next(memory.turns("thread 7")),
            "a whole thread": lambda: list(memory.turns("thread 7")),
            "resuming a thread, 40 messages": lambda: memory.resume("thread 7", 40),
            "resuming all threads, 40 messages": lambda: memory.resume(None, 40),
            "search by words, a rare one": lambda: memory.search(f"{number - 7}"),
            "search by words, in half of all turns": lambda: memory.search("night train"),
            "search by vectors": lambda: by_meaning.search("a night train to oslo"),
        }
        reading_all = _seconds(lambda: sum(1 for _ in memory.turns()))
        for name, way in ways.items():
            yield name, reading_all / _seconds(way)


def _seconds(function: Callable[[], Any]) -> float:
    """Return how long a call takes, the best of three."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def export_turns(
    dsn: str, schema: str, user: str, path: str, format: ExportFormat
) -> tuple[int, float]:
    """Export a user's conversations; return the number of turns, and the MB of growth.

    A small part is exported first, so that what is loaded once does not count.
    """
    with AgentStore(dsn, schema=schema) as store:
        memory = ConversationMemory(store, user)
        memory.export(path, format, thread_id="thread 1")
        with Meter() as meter:
            count = memory.export(path, format)
    return count, meter.grown_bytes / 1e6


if __name__ == "__main__":
    sys.exit(main())
