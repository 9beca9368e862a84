"""`python -m benchmarks.conversations`: 100,000 turns of one user, saved, read, searched, exported.

Printed is a table in Markdown of ratios within the run: what is quick beside what one would do
without it. Memory is that of a fresh process that exports, beyond what it had before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
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
from langgraph_agentstore.conversations.export_turns import ExportFormat

from .recall import server

ONE_BY_ONE = 1_000
WORDS = (
    *("cat", "dog", "train", "night", "oslo", "vet", "soup", "tea"),
    *("garden", "music", "winter", "phone", "market", "river"),
)
BEGINNING = datetime(2024, 1, 1, tzinfo=timezone.utc)


def turns(number: int) -> Iterator[Turn]:
    """A thousand threads that go on in turns; each turn has some words that others have, too."""
    for n in range(number):
        words = " ".join(WORDS[(n * step) % len(WORDS)] for step in (1, 3, 5, 11))
        yield new_turn(
            f"thread {n % 1000}",
            f"What about {words}, number {n}?",
            f"As I said, {words} " * 5,
            at=BEGINNING + timedelta(seconds=n),
        )


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Counts of words: quick, since the store is measured and not a model."""
    return [[0.1 + text.count(word) for word in WORDS] for text in texts]


def seconds(function: Callable[[], Any]) -> float:
    """How long a call takes, the best of three."""
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return min(times)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 where saving in bulk is less than five times as fast."""
    number = _options(arguments).turns
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    print(f"{number:,} turns in 1,000 threads\n\n| | |\n| :-- | --: |")
    with server() as dsn:
        bulk = saving(dsn, number)
        reading(dsn, number)
        exporting(dsn, number)
    return 0 if bulk >= 5 else 1


def saving(dsn: str, number: int) -> float:
    """Prints, and returns the least of, how many times as fast saving in bulk is.

    Both into tables of their own; the one for single turns stays small, which is in its favour.
    """
    ratios = []
    for mode in ("none", "text", "vector"):
        # Before and after, since the machine may be busier at one time than at the other.
        singly = [_one_by_one(dsn, mode)]
        with _store(dsn, mode, "bulk") as store:
            begun = time.perf_counter()
            ConversationMemory(store, "many").save_turns(turns(number))
            in_bulk = (time.perf_counter() - begun) / number
        singly.append(_one_by_one(dsn, mode))
        ratios.append(mean(singly) / in_bulk)
        print(f"| saving in bulk, index: {mode} | {ratios[-1]:.1f} × as fast as one by one |")
    return min(ratios)


def _one_by_one(dsn: str, mode: str) -> float:
    """Seconds for each of some turns."""
    with _store(dsn, mode, "single") as store:
        memory = ConversationMemory(store, "many")
        begun = time.perf_counter()
        for turn in turns(ONE_BY_ONE):
            memory.save_turn(turn.query, turn.response, turn.thread_id)
        return (time.perf_counter() - begun) / ONE_BY_ONE


def _store(dsn: str, mode: str, schema: str) -> AgentStore:
    index: dict[str, Any] | None = None if mode == "none" else {"mode": mode}
    if index is not None and mode == "vector":
        index |= {"embed": embed, "dims": len(WORDS)}
    return AgentStore(dsn, schema=f"{schema}_{mode}", index=index)


def reading(dsn: str, number: int) -> None:
    """Beside walking through all turns, which is what each would take without a way of its own."""
    with _store(dsn, "text", "bulk") as store:
        memory = ConversationMemory(store, "many")
        walk = seconds(lambda: sum(1 for _ in memory.turns()))
        ways: dict[str, Callable[[], Any]] = {
            "listing the threads": memory.threads,
            "the first page of a thread": lambda: next(memory.turns("thread 7")),
            "a whole thread": lambda: list(memory.turns("thread 7")),
            "resuming a thread, 40 messages": lambda: memory.resume("thread 7", 40),
            "resuming all threads, 40 messages": lambda: memory.resume(None, 40),
            "search by words, a rare one": lambda: memory.search(f"{number - 7}"),
            "search by words, in half of all turns": lambda: memory.search("night train"),
        }
        for name, way in ways.items():
            print(f"| {name} | {walk / seconds(way):,.0f} × as fast as reading all |")
    with _store(dsn, "vector", "bulk") as store:
        memory = ConversationMemory(store, "many")
        took = seconds(lambda: memory.search("a night train to oslo"))
        print(f"| search by vectors | {walk / took:,.0f} × as fast as reading all |")


def exporting(dsn: str, number: int) -> None:
    """Memory for all turns beside that for a tenth of them."""
    with _store(dsn, "text", "bulk") as store:
        ConversationMemory(store, "few").save_turns(turns(number // 10))
    with TemporaryDirectory() as folder:
        for format in get_args(ExportFormat):
            few, many = (_grown_mb(dsn, user, Path(folder), format) for user in ("few", "many"))
            print(
                f"| memory to export to {format}, beside that for {number // 10:,} turns "
                f"| {many / few:.1f} × |"
            )


def _grown_mb(dsn: str, user: str, folder: Path, format: str) -> float:
    command = [sys.executable, "-m", "benchmarks.exporting", dsn, "bulk_text", user]
    command += [str(folder / f"turns.{format}"), format]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(json.loads(said)["grown_mb"])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.conversations", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--turns", type=int, default=100_000)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
