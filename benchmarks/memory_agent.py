"""`python -m benchmarks.memory_agent`: 100,000 memories stored, searched, backed up, restored.

Each step of each storage type runs in a process of its own: its time without the start of Python,
and the most memory that it had beyond what the imports take. Beside them a plain COPY of the same
rows into a bare table, in the same run and server, by which the times are divided.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.memory_agent import MemoryAgent

KINDS = ("postgres", "sqlite", "json")
_MEBIBYTE = 2**20


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table in Markdown, too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_agent", description=__doc__)
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.step:
        print(json.dumps(_measured(options.step, options.memories)))
        return
    with tempfile.TemporaryDirectory(prefix="agentstore-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        place = json.dumps({"dsn": server.start(), "folder": folder})
        try:
            _show(_rows(options.kinds, place, options.memories))
        finally:
            server.stop()


def memories(count: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Of about 200 bytes each; a tenth of them are of 2024."""
    for n in range(count):
        when = f"20{15 + n % 10}-01-{1 + n % 28:02}T12:00:00Z"
        yield f"notes/{n:06}", {"n": n, "timestamp": when, "text": f"note {n} " + "word " * 24}


def _rows(kinds: Sequence[str], place: str, count: int) -> Iterator[tuple[str, str, float, float]]:
    for kind in ("copy", *kinds):
        for step in ("copy",) if kind == "copy" else _STEPS:
            command = [sys.executable, "-m", "benchmarks.memory_agent", "--memories", str(count)]
            done = subprocess.run(
                [*command, "--step", kind, step, place], stdout=subprocess.PIPE, check=True
            )
            seconds, mebibytes = json.loads(done.stdout)
            yield kind, step, seconds, mebibytes


def _show(rows: Iterator[tuple[str, str, float, float]]) -> None:
    table = Table("storage", "step", "s", "x of COPY", "MiB")
    lines = []
    copy_s = 0.0
    for kind, step, seconds, mebibytes in rows:
        copy_s = copy_s or seconds
        cells = (kind, step, f"{seconds:.2f}", f"{seconds / copy_s:.1f}", f"{mebibytes:.0f}")
        table.add_row(*cells)
        lines.append(f"| {' | '.join(cells)} |")
    Console().print(table)
    print("\n".join(lines))


def _measured(what: tuple[str, str, str], count: int) -> tuple[float, float]:
    """Seconds, and MiB at the peak beyond what there was before."""
    kind, step, place = what
    where = json.loads(place)
    before = psutil.Process().memory_info().rss
    began = perf_counter()
    if kind == "copy":
        _copy(where["dsn"], count)
    else:
        with _agent(kind, where) as agent:
            _STEPS[step](agent, Path(where["folder"]) / f"{kind}.jsonl.gz", count)
    return perf_counter() - began, (_peak() - before) / _MEBIBYTE


def _peak() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


def _agent(kind: str, where: dict[str, str]) -> MemoryAgent:
    if kind == "postgres":
        return MemoryAgent("postgres", dsn=where["dsn"], user_id="ada")
    return MemoryAgent(kind, Path(where["folder"]) / f"memories.{kind}", user_id="ada")


def _copy(dsn: str, count: int) -> None:
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE plain (key text PRIMARY KEY, value jsonb)")
        with cursor.copy("COPY plain FROM STDIN") as copy:
            for key, data in memories(count):
                copy.write_row((key, json.dumps(data)))


def _store(agent: MemoryAgent, _path: Path, count: int) -> None:
    assert agent.batch_store(memories(count)) == count


def _search(agent: MemoryAgent, _path: Path, count: int) -> None:
    found = agent.search_memory("notes/", {"timestamp": {"$gte": "2024-01-01"}})
    assert len(found) == count // 10


def _back_up(agent: MemoryAgent, path: Path, count: int) -> None:
    assert agent.backup_data(path) == count


def _restore(agent: MemoryAgent, path: Path, count: int) -> None:
    assert agent.restore_data(path) == count


_STEPS: dict[str, Callable[[MemoryAgent, Path, int], None]] = {
    "batch_store": _store,
    "search_memory": _search,
    "backup_data": _back_up,
    "restore_data": _restore,
}

if __name__ == "__main__":
    main()
