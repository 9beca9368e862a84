"""What planning hands to the runtime: addressed operations and statements, all plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar

Triple: TypeAlias = tuple[str, str, str]
"""user id, stored namespace, key: the primary key of `item`."""

Row: TypeAlias = Sequence[Any]
"""A row of a result, by position: an `asyncpg.Record`, or a tuple in tests."""

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Tables:
    """The quoted names of one schema's objects, ready to stand in SQL."""

    schema: str

    @property
    def quoted(self) -> str:
        return '"' + self.schema.replace('"', '""') + '"'

    @property
    def item(self) -> str:
        return f"{self.quoted}.item"

    @property
    def migration(self) -> str:
        return f"{self.quoted}.migration"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration decides about every statement."""

    tables: Tables
    omit_expired: bool = True

    def live(self, alias: str = "i") -> str:
        """The condition that an item has not expired; `true` where leniency was asked for."""
        if not self.omit_expired:
            return "true"
        return f"({alias}.expires_at IS NULL OR {alias}.expires_at > now())"


@dataclass(slots=True)
class Get:
    """Reads one item; gets of any users and namespaces travel in one statement."""

    triple: Triple
    labels: tuple[str, ...]
    refresh: bool


@dataclass(slots=True)
class Put:
    """Writes one item; `value` is JSON text, `place` what its namespace sorts by."""

    triple: Triple
    place: str
    value: bytes
    ttl: timedelta | None


@dataclass(slots=True)
class Delete:
    """Removes one item."""

    triple: Triple


@dataclass(frozen=True, slots=True)
class Refresh:
    """Moves an item's expiry on, unless it was moved or written since `seen`."""

    triple: Triple
    seen: datetime
    expires_at: datetime


def columns_of(triples: Sequence[Triple]) -> tuple[list[str], list[str], list[str]]:
    """Triples as the three arrays that `unnest` turns back into rows."""
    return [t[0] for t in triples], [t[1] for t in triples], [t[2] for t in triples]


@dataclass(frozen=True, slots=True)
class Decoded(Generic[ResultT]):
    """A statement's result, and the expiries that reading it should move on.

    `instead`: the statement could not tell the result, this one can.
    """

    result: ResultT
    refreshes: list[Refresh] = field(default_factory=list)
    instead: Statement[ResultT] | None = None


@dataclass(frozen=True, slots=True)
class Statement(Generic[ResultT]):
    """One statement: its text, its arguments, and how its rows become a result.

    `idempotent`: running it twice leaves what running it once does, so it may be retried.
    `bounded`: it costs about as much as a small page, so others of the same text may travel
    with it and wait for it; its arguments are then numbers and strings.
    """

    sql: str
    arguments: tuple[Any, ...]
    decode: Callable[[Sequence[Row]], Decoded[ResultT]]
    idempotent: bool = True
    bounded: bool = False


Planned: TypeAlias = "Get | Put | Delete | Statement[Any]"
