"""`python -m benchmarks.memory_agent`: 100,000 memories stored, searched, backed up, restored.

Each step of each storage type runs in a process of its own: its time without the start of Python,
and the most memory that it had beyond the imports. Beside them stands a plain COPY of the same
rows into a bare table, in the same run and server, by which the times are divided.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from langgraph_agentstore.memory_agent import MemoryAgent

from .bench import server
from .harness import command, print_table
from .processes import Meter, in_new_process

KINDS = ("postgres", "sqlite", "json")
STEPS = ("batch_store", "search_memory", "backup_data", "restore_data")


def main(arguments: Sequence[str] | None = None) -> None:
    """Raise an AssertionError if a step misses a memory."""
    parser = command("benchmarks.memory_agent", __doc__)
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args(arguments)
    with server() as dsn, tempfile.TemporaryDirectory(prefix="agentstore-bench-") as folder:
        rows = _rows(dsn, Path(folder), options.kinds, options.memories)
        print_table(("storage", "step", "s", "× COPY", "MiB"), rows)


def memories(count: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield memories of about 200 bytes each; a tenth of them are of 2024."""
    for n in range(count):
        when = f"20{15 + n % 10}-01-{1 + n % 28:02}T12:00:00Z"
        yield f"notes/{n:06}", {"n": n, "timestamp": when, "text": f"note {n} " + "word " * 24}


def _rows(dsn: str, folder: Path, kinds: Sequence[str], count: int) -> Iterator[tuple[str, ...]]:
    copy_s, mib = in_new_process(plain_copy, dsn, count)
    yield "COPY", "", f"{copy_s:.2f}", "1.0", f"{mib:.0f}"
    for kind in kinds:
        for name in STEPS:
            seconds, mib = in_new_process(step, kind, name, dsn, folder, count)
            yield kind, name, f"{seconds:.2f}", f"{seconds / copy_s:.1f}", f"{mib:.0f}"


def plain_copy(dsn: str, count: int) -> tuple[float, float]:
    """Copy the memories into a bare table; return seconds and MiB."""
    with Meter() as meter, psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE plain (key text PRIMARY KEY, value jsonb)")
        with connection.cursor().copy("COPY plain FROM STDIN") as copy:
            for key, data in memories(count):
                copy.write_row((key, json.dumps(data)))
    return meter.cost


def step(kind: str, name: str, dsn: str, folder: Path, count: int) -> tuple[float, float]:
    """Do one step; return its seconds and MiB, opening and closing included."""
    path, wanted = folder / f"{kind}.jsonl.gz", count
    with Meter() as meter, _agent(kind, dsn, folder) as agent:
        if name == "batch_store":
            done = agent.batch_store(memories(count))
        elif name == "search_memory":
            done = len(agent.search_memory("notes/", {"timestamp": {"$gte": "2024-01-01"}}))
            wanted = count // 10
        elif name == "backup_data":
            done = agent.backup_data(path)
        else:
            done = agent.restore_data(path)
    assert done == wanted, f"{name} of {kind}: {done} of {wanted}"
    return meter.cost


def _agent(kind: str, dsn: str, folder: Path) -> MemoryAgent:
    if kind == "postgres":
        return MemoryAgent("postgres", dsn=dsn, user_id="ada")
    return MemoryAgent(kind, folder / f"memories.{kind}", user_id="ada")


if __name__ == "__main__":
    main()
