"""Results that tell of the store itself: statements, counters, health, findings, migrations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from ..html_tables import facts_table, plain_text, rows_table


@dataclass(frozen=True, slots=True)
class Explanation:
    """The statement of an operation: its SQL, with `$1` for the first of `arguments`.

    Only `explain_search` sets `way` and `reason`: how the nearest vectors were found, and why.
    `way` is "exact", "index", "retry" (exact, because the index returned too few) or "index and
    exact" (the page extends beyond the results of the index). Words are always ranked exactly.
    """

    sql: str
    arguments: tuple[Any, ...]
    way: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        return self.sql if self.way is None else f"-- {self.way}: {self.reason}\n{self.sql}"

    def _repr_html_(self) -> str:
        how = {} if self.way is None else {"way": self.way, "reason": self.reason}
        return facts_table({**how, "arguments": self.arguments}) + plain_text(self.sql.strip())


@dataclass(frozen=True, slots=True)
class KindStats:
    """The figures of one kind of operation: how many, how long from call to answer, in seconds."""

    operations: int
    failed: int
    seconds: float
    slowest_s: float


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counters of this store object since it was created, and the current state of its pool.

    `operations` / `statements` is the average number of operations per statement. `kinds` has the
    figures of finished operations by their kind, such as "get" and "search". `connections_lost`
    were found broken; at each of `failovers`, another server took over.
    """

    operations: int
    statements: int
    failed_operations: int
    retries: int
    refreshes: int
    swept: int
    waiting: int
    pool_size: int
    pool_idle: int
    kinds: Mapping[str, KindStats] = field(default_factory=dict)
    connections_made: int = 0
    connections_lost: int = 0
    failovers: int = 0

    def _repr_html_(self) -> str:
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "kinds"}
        rows = [
            (kind, n.operations, n.failed, f"{n.seconds:.3f}", f"{n.slowest_s:.3f}")
            for kind, n in self.kinds.items()
        ]
        header = ("kind", "operations", "failed", "seconds", "slowest, s")
        return facts_table(facts) + rows_table(header, rows)


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """The state of a store in its process, for a liveness probe; no server was asked.

    `alive`: operations are taken, and the I/O thread answers. `state`: "new" before the first
    operation, "opening", "open" or "closed". `answer_ms`: how long the I/O thread took to answer.
    """

    alive: bool
    state: Literal["new", "opening", "open", "closed"]
    answer_ms: float | None
    connections: int
    idle: int
    waiting: int

    def _repr_html_(self) -> str:
        return facts_table({f.name: getattr(self, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True)
class StoreReadiness:
    """The readiness of a store to serve, and its server, for a readiness probe.

    `reason`: why it is not ready. `read_only`: the server accepts no writes, like a standby.
    `replica_lag_s`: how far a standby is behind, where it can tell. `pool_wait_ms`: how long the
    probe waited for a connection; `latency_ms`: for its round trip.
    """

    ready: bool
    reason: str = ""
    latency_ms: float | None = None
    pool_wait_ms: float | None = None
    server_version: str | None = None
    schema_version: int | None = None
    pgvector_version: str | None = None
    read_only: bool | None = None
    replica_lag_s: float | None = None

    def _repr_html_(self) -> str:
        return facts_table({f.name: getattr(self, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of `diagnose`: the check, how much it matters, what was found, and the cure.

    `level` is "ok", "note" (nothing needs to be done now) or "problem".
    """

    check: str
    level: Literal["ok", "note", "problem"]
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item of another store that this store does not accept, and the reason."""

    namespace: tuple[str, ...]
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """The result of `migrate_from_langgraph_postgres`.

    `items` is the number of items in the old store at `read_at`, the time of the snapshot. Each is
    one of `copied`, `present` (already equal here), `newer` (newer here), `expired` or `refused`.
    `refusals` lists the first thousand refused items. `compared` items were read again and found
    here. `vectors` were copied. `stale_vectors` were not copied, because their items no longer have
    the text or are not found by it. `unindexed` items have a text that this store's index covers,
    but no vector in the old store; `reindex()` embeds it.
    """

    read_at: datetime
    items: int
    copied: int
    present: int
    newer: int
    expired: int
    refused: int
    compared: int
    vectors: int
    stale_vectors: int
    unindexed: int
    refusals: tuple[RefusedItem, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        lines = [
            f"{self.items} items in the official store at {self.read_at:%Y-%m-%d %H:%M:%S %Z}",
            f"  {self.copied} copied, {self.present} here already, {self.newer} newer here, "
            f"{self.expired} expired, {self.refused} refused",
            f"  {self.vectors} vectors copied, {self.stale_vectors} stale ones left",
            f"  {self.compared} items compared: all are here",
        ]
        if self.unindexed:
            lines.append(f"  {self.unindexed} have no vector for a text: reindex() embeds it")
        lines += [f"  refused: {r.key!r} in {r.namespace!r}: {r.reason}" for r in self.refusals]
        return "\n".join(lines)
