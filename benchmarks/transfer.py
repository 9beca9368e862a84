"""`python -m benchmarks.transfer`: export, verification, import and copy, beside a plain COPY.

Each step runs in a process of its own, which measures its time and by how much its memory grew.
The yardstick moves the same rows by `COPY … TO` and `COPY … FROM`, which check and convert
nothing, into a table with the same indexes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import copy, export, import_, verify

from .bench import server
from .harness import command, print_table
from .items import memories
from .processes import Meter, in_new_process

NAMES = ("x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.json", "x.csv", "x.parquet", "x.yaml")
_SOURCE, _CHUNK = "source", 2**16

Cost: TypeAlias = tuple[float, float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Raise an AssertionError unless every import gives the records that were exported."""
    parser = command("benchmarks.transfer", __doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--names", nargs="*", default=NAMES, help="files to write, by their names")
    options = parser.parse_args(arguments)
    with server() as dsn, tempfile.TemporaryDirectory(prefix="agentstore-bench-") as folder:
        rows = _rows(dsn, Path(folder), options.records, options.names)
        print_table(("file", "export", "verify", "import", "MiB"), rows)


def _rows(dsn: str, folder: Path, count: int, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    with AgentStore(dsn, schema=_SOURCE) as store:
        store.load(memories(count))
    plain = folder / "plain.copy"
    out = in_new_process(plain_copy, dsn, plain, "")
    into = in_new_process(plain_copy, dsn, plain, "plain")
    yield "plain COPY", _shown(out), "", _shown(into), _size(plain)
    for number, name in enumerate(names):
        path, schema = folder / name, f"target_{number}"
        written, checked, read = (
            in_new_process(transfer, what, dsn, path, schema)
            for what in ("export", "verify", "import")
        )
        with AgentStore(dsn, schema=schema) as target:
            assert target.count() == count
        yield name, _shown(written, out), _shown(checked), _shown(read, into), _size(path)
        path.unlink()
    copied = in_new_process(transfer, "copy", dsn, plain, "copied")
    yield "copy to another store", "", "", _shown(copied, into), ""


def transfer(what: str, dsn: str, path: Path, schema: str) -> Cost:
    """Do one step; return its seconds, and the MiB that memory grew by at most."""
    with AgentStore(dsn, schema=_SOURCE) as source, AgentStore(dsn, schema=schema) as target:
        steps: dict[str, Callable[[], Any]] = {
            "export": lambda: export(source, path),
            "verify": lambda: verify(path),
            "import": lambda: import_(target, path),
            "copy": lambda: copy(source, target),
        }
        with Meter() as meter:
            steps[what]()
    return meter.cost


def plain_copy(dsn: str, path: Path, schema: str) -> Cost:
    """Copy the items to a file; or, given a schema, from there into a table; return the cost."""
    with psycopg.connect(dsn) as connection, Meter() as meter:
        if schema:
            _copy_from(connection, path, schema)
        else:
            query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(_SOURCE, "item"))
            with connection.cursor().copy(query) as rows, path.open("wb") as file:
                file.writelines(rows)
    return meter.cost


def _copy_from(connection: psycopg.Connection[Any], path: Path, schema: str) -> None:
    source, target = sql.Identifier(_SOURCE, "item"), sql.Identifier(schema, "item")
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(target, source))
    query = sql.SQL("COPY {} FROM STDIN").format(target)
    with connection.cursor().copy(query) as rows, path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            rows.write(chunk)
    connection.commit()


def _shown(cost: Cost, plain: Cost | None = None) -> str:
    (seconds, mib), times = cost, "" if plain is None else f", {cost[0] / plain[0]:.1f} ×"
    return f"{seconds:.2f} s{times}, {mib:.0f} MiB"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 2**20:.1f}"


if __name__ == "__main__":
    main()
