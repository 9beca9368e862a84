"""`python -m benchmarks.transfer`: export, verification, import and copy, beside a plain COPY.

Each step runs in a process of its own, which tells its time and by how much its memory grew. The
yardstick moves the same rows by `COPY … TO` and `COPY … FROM`, which check and convert nothing,
into a table with the same indexes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.transfer import copy, export, import_, verify

NAMES = ("x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.json", "x.csv", "x.parquet", "x.yaml")
_SOURCE, _CHUNK = "source", 2**16


@dataclass(frozen=True, slots=True)
class Step:
    """What one process did: seconds, and MiB that its memory grew by at most."""

    seconds: float
    grown_mib: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every import gave the records that were exported."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--names", nargs="*", default=NAMES, help="files to write, by their names")
    parser.add_argument("--step", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.step:
        print(json.dumps(_done(*options.step)))
        return 0
    with tempfile.TemporaryDirectory(prefix="agentstore-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            Console().print(_table(_rows(server.start(), Path(folder), options)))
        finally:
            server.stop()
    return 0


def _rows(dsn: str, folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    with AgentStore(dsn, schema=_SOURCE) as store:
        store.load(_memories(options.records))
    plain = folder / "plain.copy"
    out, into = _step("copy_to", dsn, plain), _step("copy_from", dsn, plain, "plain")
    yield "plain COPY", _shown(out), "", _shown(into), _size(plain)
    for number, name in enumerate(options.names):
        path, schema = folder / name, f"target_{number}"
        written, checked = _step("export", dsn, path), _step("verify", dsn, path)
        read = _step("import", dsn, path, schema)
        with AgentStore(dsn, schema=schema) as target:
            assert target.count() == options.records
        yield name, _shown(written, out), _shown(checked), _shown(read, into), _size(path)
        path.unlink()
    yield "copy to another store", "", "", _shown(_step("copy", dsn, plain, "copied"), into), ""


def _memories(count: int) -> Iterator[tuple[tuple[str, ...], str, dict[str, Any]]]:
    """As agents keep them: some 200 bytes each, of 1,000 users."""
    for n in range(count):
        text = f"On day {n} the user said that number {n * 7919 % 1000} is what matters. " * 2
        value = {"text": text, "score": n % 100 / 7, "tags": ["said", f"t{n % 20}"]}
        yield ("users", f"user-{n % 1000}", "memories"), f"memory-{n}", value


def _step(what: str, dsn: str, path: Path, schema: str = "") -> Step:
    command = [sys.executable, "-m", "benchmarks.transfer", "--step", what, dsn, str(path), schema]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Step(*json.loads(done.stdout))


def _done(what: str, dsn: str, path: str, schema: str) -> tuple[float, float]:
    """Runs a step in this process; its seconds, and the MiB that memory grew by."""
    if what.startswith("copy_"):
        with psycopg.connect(dsn) as connection:
            return _measured(lambda: _PLAIN[what](connection, Path(path), schema))
    with AgentStore(dsn, schema=_SOURCE) as source, AgentStore(dsn, schema=schema or _SOURCE) as to:
        steps: dict[str, Callable[[], object]] = {
            "export": lambda: export(source, path),
            "verify": lambda: verify(path),
            "import": lambda: import_(to, path),
            "copy": lambda: copy(source, to),
        }
        return _measured(steps[what])


def _measured(do: Callable[[], object]) -> tuple[float, float]:
    process = psutil.Process()
    before, began = process.memory_info().rss, perf_counter()
    do()
    took = perf_counter() - began
    return took, (_peak_bytes() - before) / 2**20


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        # Of this program; what getrusage says may be its parent's, of before it began.
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _copy_to(connection: psycopg.Connection[Any], path: Path, _schema: str) -> None:
    query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(_SOURCE, "item"))
    with connection.cursor() as cursor, cursor.copy(query) as rows, path.open("wb") as file:
        for row in rows:
            file.write(row)


def _copy_from(connection: psycopg.Connection[Any], path: Path, schema: str) -> None:
    source, target = sql.Identifier(_SOURCE, "item"), sql.Identifier(schema, "item")
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(target, source))
    query = sql.SQL("COPY {} FROM STDIN").format(target)
    with connection.cursor() as cursor, cursor.copy(query) as rows, path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            rows.write(chunk)
    connection.commit()


_PLAIN = {"copy_to": _copy_to, "copy_from": _copy_from}


def _shown(step: Step, plain: Step | None = None) -> str:
    times = "" if plain is None else f", {step.seconds / plain.seconds:.1f} ×"
    return f"{step.seconds:.2f} s{times}, {step.grown_mib:.0f} MiB"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.1f}"


def _table(rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table("file", "export", "verify", "import", "MiB")
    for row in rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    sys.exit(main())
