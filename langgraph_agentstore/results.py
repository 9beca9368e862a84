"""Results of the store beyond LangGraph's `Item`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from html import escape
from typing import Any, Literal, TypeAlias
from uuid import UUID

from langgraph.store.base import SearchItem


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One full item.

    `value` is any JSON, as stored. `version` starts at 1 and grows by one with each write. Times
    have a time zone, UTC. If the item never expires, `expires_at` and `ttl_minutes` are None.
    """

    namespace: tuple[str, ...]
    key: str
    value: Any
    version: int
    metadata: dict[str, Any]
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    ttl_minutes: float | None


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


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A hold: nobody deletes what it covers.

    `user_id` None: of all users, and of the shared space. `namespace`: with all below it, as a
    user's view names it; () for all.
    """

    id: UUID
    user_id: str | None
    namespace: tuple[str, ...]
    reason: str
    held_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of one user of what a quota limits.

    `namespace`: the limited namespace, with all below it; () for everything of the user. `items`
    and `bytes` include expired items until they are swept, which are not held against the user.
    `writes`: puts since the minute began. A limit is None where there is none.
    """

    namespace: tuple[str, ...]
    items: int
    bytes: int
    writes: int
    items_limit: int | None
    bytes_limit: int | None
    writes_per_minute_limit: int | None


Vacuum: TypeAlias = bool | Literal["full"]
"""Whether what was removed is vacuumed: with "full", the tables are written anew."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """A place where something of an erased user can still be found, and until when."""

    place: str
    until: str


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """The proof of `erase_user`.

    `digest`: the SHA-256 of the user id, by which the tombstone knows the user. `removed`: the
    number of rows by table; expired items count. `key_destroyed`: whether the user's data key was
    destroyed; None for a store without encryption, or if the user had none. `vacuumed`: what was
    done; False also if the role may not vacuum. `wal_position`: the end of the write-ahead log
    after the removal; what lies before it may hold values of the user.
    """

    digest: str
    erased_at: datetime
    removed: Mapping[str, int]
    key_destroyed: bool | None = None
    vacuumed: Vacuum = False
    wal_position: str = ""
    remains: tuple[Remainder, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the receipt as JSON types, to be kept."""
        return {**asdict(self), "erased_at": self.erased_at.isoformat()}


class ScoredItem(SearchItem):
    """A result of a search by a query: LangGraph's `SearchItem` with its scores and ranks.

    `score`: higher is better. `scored_by`: the kind of score: "cosine" (similarity, -1 to 1), "l2"
    (the negative distance), "inner_product", "bm25", "fused" (the weighted sum of
    both lists' scaled scores, in a hybrid search) or "rerank". Both are None for an item that is
    not indexed. `vector_rank`, `text_rank`: the item's
    rank in each list, from 1; None if it is not in the list.

    `similarity`: how near the item's vector is to the query's vector, independent of the score. By
    the index's `distance_type`, it is the cosine (-1 to 1), the negative distance, or the inner
    product. None if the item has no vector, or if only words are searched.
    `text_score`: the item's BM25; None if it is not in the word list.
    `matched_words`: the words of the query that the item contains; None if only vectors are
    searched.
    """

    __slots__ = (
        "matched_words",
        "scored_by",
        "similarity",
        "text_rank",
        "text_score",
        "vector_rank",
    )

    def __init__(
        self,
        namespace: tuple[str, ...],
        key: str,
        value: dict[str, Any],
        created_at: datetime,
        updated_at: datetime,
        score: float | None = None,
        *,
        scored_by: str | None = None,
        vector_rank: int | None = None,
        text_rank: int | None = None,
        similarity: float | None = None,
        text_score: float | None = None,
        matched_words: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(namespace, key, value, created_at, updated_at, score)
        self.scored_by = scored_by
        self.vector_rank = vector_rank
        self.text_rank = text_rank
        self.similarity = similarity
        self.text_score = text_score
        self.matched_words = matched_words

    def __repr__(self) -> str:
        return (
            f"ScoredItem(namespace={self.namespace!r}, key={self.key!r}, value={self.value!r}, "
            f"score={self.score!r}, scored_by={self.scored_by!r}, "
            f"vector_rank={self.vector_rank!r}, text_rank={self.text_rank!r}, "
            f"similarity={self.similarity!r}, text_score={self.text_score!r}, "
            f"matched_words={self.matched_words!r})"
        )

    def _repr_html_(self) -> str:
        facts = {
            "namespace": ":".join(self.namespace),
            "key": self.key,
            "value": self.value,
            "score": f"{self.score} ({self.scored_by})",
            "similarity": self.similarity,
            "vector_rank": self.vector_rank,
            "text_score": self.text_score,
            "text_rank": self.text_rank,
            "matched_words": ", ".join(self.matched_words or ()),
        }
        rows = (f"<tr><th>{name}</th><td>{escape(str(of))}</td></tr>" for name, of in facts.items())
        return f"<table><tbody>{''.join(rows)}</tbody></table>"


Rerank: TypeAlias = Callable[
    [str, list[ScoredItem]],
    "Sequence[float] | Sequence[ScoredItem] | Awaitable[Sequence[float] | Sequence[ScoredItem]]",
]
"""From a query and its candidates, best first: a new score for each, or themselves in new order."""


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counters of this store object since it was created, and the current state of its pool.

    `operations` / `statements` is the average number of operations per statement.
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


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """The result of a health check. `read_only`: the server accepts no writes, like a standby."""

    latency_ms: float
    server_version: str
    schema_version: int
    read_only: bool = False


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
