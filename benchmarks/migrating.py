"""`python -m benchmarks.migrating`: from the official store into ours, beside the public way.

The public way is `transfer.copy`: pages of the official store's `search`, put into ours. That has
to embed every text anew; the embedder here takes no time, a real one takes much. Each way runs
in a process of its own, which measures its time, how many texts were embedded, and by how much
its memory grew. Neither side has an approximate index: `--kind hnsw` makes one here, which takes
most of the time then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from langgraph.store.base import PutOp
from langgraph.store.postgres import PostgresStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.transfer import copy

from .bench import server
from .harness import command, print_table
from .items import memories
from .processes import Meter, in_new_process

_PAGE = 1000
_WAYS = {"migrate": "migrate_from_…", "again": "… again", "public": "transfer.copy"}


class Embedder:
    """Vectors from thin air: (n, dims), the same for the same text."""

    def __init__(self, dims: int) -> None:
        self.texts = 0
        self._vectors = np.random.default_rng(1).normal(size=(4096, dims)).astype(np.float32)

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        """Return (n, dims)."""
        self.texts += len(texts)
        found: list[list[float]] = [self._vectors[hash(text) % 4096].tolist() for text in texts]
        return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Raise an AssertionError unless every way brings every item."""
    parser = command("benchmarks.migrating", __doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--kind", default="flat", help="of the approximate index here")
    options = parser.parse_args(arguments)
    headings = ("", "seconds", "items/s", "texts embedded", "MiB more memory")
    with server() as dsn:
        _fill(dsn, options.items, options.dims)
        print_table(headings, _rows(dsn, options.items, options.dims, options.kind))


def _index(embedder: Embedder, dims: int, kind: str) -> dict[str, Any]:
    config = {"kind": kind}
    return {"dims": dims, "embed": embedder, "fields": ["text"], "ann_index_config": config}


def _fill(dsn: str, items: int, dims: int) -> None:
    # How it is searched there is not measured.
    index: Any = _index(Embedder(dims), dims, "flat")
    puts = [PutOp(*memory) for memory in memories(items)]
    with PostgresStore.from_conn_string(dsn, index=index) as store:
        store.setup()
        for first in range(0, items, _PAGE):
            store.batch(puts[first : first + _PAGE])


def _rows(dsn: str, items: int, dims: int, kind: str) -> Iterator[tuple[str, ...]]:
    for way, name in _WAYS.items():
        (seconds, mib), found, embedded = in_new_process(migrate, way, dsn, dims, kind)
        assert found == items, f"{way} brought {found} of {items} items"
        yield name, f"{seconds:.1f}", f"{found / seconds:,.0f}", f"{embedded:,}", f"{mib:.0f}"


def migrate(way: str, dsn: str, dims: int, kind: str) -> tuple[tuple[float, float], int, int]:
    """Migrate; return seconds and MiB, the items in the end, and the texts embedded."""
    embedder = Embedder(dims)
    index: Any = {**_index(embedder, dims, kind), "model": "none"}
    schema = "public_way" if way == "public" else "migrated"
    with AgentStore(dsn, schema=schema, index=index) as ours:
        with Meter() as meter:
            if way == "public":
                with PostgresStore.from_conn_string(dsn) as theirs:
                    copy(theirs, ours)
            else:
                ours.migrate_from_langgraph_postgres(dsn)
        return meter.cost, ours.count(), embedder.texts


if __name__ == "__main__":
    main()
