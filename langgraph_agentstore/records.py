"""What the store tells beyond LangGraph's `Item`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One item, whole.

    `value` is any JSON, as stored; `version` starts at 1 and grows by one with each write;
    times are aware, in UTC; `expires_at` None means never, and `ttl_minutes` is then None too.
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
    """The statement an operation becomes: its SQL, with `$1` for the first of `arguments`."""

    sql: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return self.sql


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counters of this store object since it was made, and its pool now.

    `operations` / `statements` is how many operations travelled together on average.
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
    """The answer to one round trip."""

    latency_ms: float
    server_version: str
    schema_version: int
