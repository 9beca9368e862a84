"""`python -m benchmarks.migrating`: from the official store into ours, beside the public way.

The public way is `transfer.copy`: pages of the official store's `search`, put into ours. That has
to embed every text anew; the embedder here takes no time, a real one takes much. Each way runs
in a process of its own, which tells its time, how many texts were embedded, and by how much its
memory grew. Neither side has an approximate index: `--kind hnsw` makes one here, which takes most
of the time then.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from langgraph.store.base import PutOp
from langgraph.store.postgres import PostgresStore
from rich.console import Console
from rich.table import Table

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.transfer import copy

_PAGE = 1000


class Embedder:
    """Vectors from thin air: (n, dims), the same for the same text."""

    def __init__(self, dims: int) -> None:
        self.texts = 0
        self._vectors = np.random.default_rng(1).normal(size=(4096, dims)).astype(np.float32)

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """(n, dims)"""
        self.texts += len(texts)
        found: list[list[float]] = [self._vectors[hash(text) % 4096].tolist() for text in texts]
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 if every way brought every item."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migrating", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--kind", default="flat", help="of the approximate index here")
    parser.add_argument("--way", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.way:
        print(json.dumps(_done(options.way[0], options.way[1], options)))
        return 0
    with tempfile.TemporaryDirectory(prefix="agentstore-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            dsn = server.start()
            _fill(dsn, options.items, options.dims)
            Console().print(_table(_rows(dsn, options)))
        finally:
            server.stop()
    return 0


def _fill(dsn: str, items: int, dims: int) -> None:
    index: Any = {"dims": dims, "embed": Embedder(dims), "fields": ["text"]}
    index["ann_index_config"] = {"kind": "flat"}  # how it is searched there is not measured
    with PostgresStore.from_conn_string(dsn, index=index) as store:
        store.setup()
        for first in range(0, items, _PAGE):
            store.batch([_put(n) for n in range(first, min(first + _PAGE, items))])


def _put(n: int) -> PutOp:
    text = f"On day {n} the user said that number {n * 7919 % 1000} is what matters. " * 2
    value = {"text": text, "score": n % 100 / 7, "tags": ["said", f"t{n % 20}"]}
    return PutOp(("users", f"user-{n % 1000}", "memories"), f"memory-{n}", value)


_WAYS = {
    "migrate": "migrate_from_…",
    "again": "… again",
    "public": "transfer.copy",
}


def _rows(dsn: str, options: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    for way, name in _WAYS.items():
        command = [sys.executable, "-m", "benchmarks.migrating", "--way", way, dsn]
        command += ["--dims", str(options.dims), "--kind", options.kind]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds, found, embedded, grown = json.loads(done.stdout)
        assert found == options.items, f"{way} brought {found} of {options.items} items"
        yield name, f"{seconds:.1f}", f"{found / seconds:,.0f}", f"{embedded:,}", f"{grown:.0f}"


def _done(way: str, dsn: str, options: argparse.Namespace) -> tuple[float, int, int, float]:
    """Seconds, items in the end, texts embedded, MiB that memory grew by at most."""
    embedder, process = Embedder(options.dims), psutil.Process()
    index: Any = {"dims": options.dims, "embed": embedder, "fields": ["text"], "model": "none"}
    index["ann_index_config"] = {"kind": options.kind}
    schema = "public_way" if way == "public" else "migrated"
    with AgentStore(dsn, schema=schema, index=index) as ours:
        largest = before = process.memory_info().rss
        began = perf_counter()

        def tell(_done: int) -> None:
            nonlocal largest
            largest = max(largest, process.memory_info().rss)

        if way == "public":
            with PostgresStore.from_conn_string(dsn) as theirs:
                copy(theirs, ours, progress=tell)
        else:
            ours.migrate_from_langgraph_postgres(dsn, progress=tell)
        seconds = perf_counter() - began
        return seconds, ours.count(), embedder.texts, (largest - before) / 2**20


def _table(rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table("", "seconds", "items/s", "texts embedded", "MiB more memory")
    for row in rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    raise SystemExit(main())
