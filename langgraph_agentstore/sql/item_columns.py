"""The columns of `item`: every statement that writes whole items derives from these lists.

A put gives some columns, a row `p` of what `Put` holds; the words of its searchable text are in
that row too, see `with_words`. The others follow from them. Where an item is there already, it is
replaced: see `replacing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

KEY = "user_id, namespace, key"
"""The primary key."""

EXPIRED = "i.expires_at <= excluded.updated_at"
ONLY_WHERE_ABSENT = f" WHERE {EXPIRED}"


UNLISTED = "newest_at = NULL"
"""Assigns to an item that `sql/items/newest.py` finds it by sorting; it may be listed again."""

STILL_LISTED = "newest_at = CASE WHEN i.newest_at IS NOT NULL THEN excluded.updated_at END"


def later(moment: str, ttl: str, sign: str = "+") -> str:
    """Return a moment and an interval added up, a day being 24 hours whatever the session's zone.

    Without the zone the sum is immutable, as Citus wants it where it stands beside columns.
    """
    return f"(({moment} AT TIME ZONE 'UTC') {sign} {ttl}) AT TIME ZONE 'UTC'"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `item`.

    `given`: the attribute of `Put` that it is made of, also its name in the row `p`; `type`: that
    of `given`. Both are empty where nothing is given. `value`: what is inserted; by default what
    is given. `kept`: the value where an item is there that has not expired; by default the new one.
    """

    name: str
    type: str = ""
    given: str = ""
    value: str = ""
    kept: str = ""

    @property
    def inserted(self) -> str:
        """The expression to insert."""
        return self.value or f"p.{self.given}"


ADDRESS = (
    Column("user_id", "text", "user_id"),
    Column("namespace", "text", "namespace"),
    Column("key", "text", "key"),
    Column("place", "text", "sort_key"),
)
"""Where an item is: these never change."""

VALUE = (
    Column("value", "jsonb", "value"),
    Column("created_at", value="now()", kept="i.created_at"),
    Column("updated_at", value="now()"),
    Column("expires_at", value=later("now()", "p.ttl")),
    Column("ttl", "interval", "ttl"),
)
"""What LangGraph's `put` says of an item."""

INDEXED = (
    Column("words", "text", "text", "p.words"),
    Column("word_count", value="p.word_count"),
    Column("words_by", value="p.words_by"),
    Column("indexed_paths", "jsonb", "indexed_paths"),
)
"""What an item is found by, besides its vectors; null in a store without an index."""

AUTHORED = (
    Column("metadata", "jsonb", "metadata", kept="i.metadata || excluded.metadata"),
    Column("created_by", "text", "created_by", kept="i.created_by"),
)
"""What `data_store` says of an item beyond LangGraph's `put`."""

ITEM = (*ADDRESS, *VALUE, *INDEXED, *AUTHORED)
"""All columns but `version`, which begins with 1 and grows with each write."""

ITEM_VERSION = Column("version", "bigint", "version")
VECTOR_COUNT = Column("parts", "integer", "parts")
"""How many vectors a put has: given beside the columns."""

UNINDEXED = ", ".join(f"{column.name} = NULL" for column in INDEXED)
"""Assigns to an item that nothing finds it by a query."""


def names(columns: Sequence[Column]) -> str:
    """Return the names of columns, for INSERT."""
    return ", ".join(column.name for column in columns)


def inserted(columns: Sequence[Column]) -> str:
    """Return the values of columns in terms of `p`."""
    return ", ".join(column.inserted for column in columns)


def inserted_once(columns: Sequence[Column], first: int = 1) -> str:
    """Return the values of columns in terms of arguments from `$first` on, for a single row."""
    numbers = {column.given: f"${n}" for n, column in enumerate(given(columns), first)}
    interval = f"{numbers['ttl']}::interval"
    return ", ".join(
        numbers.get(column.given) or column.value.replace("p.ttl", interval) for column in columns
    )


def assigned(columns: Sequence[Column]) -> str:
    """Return assignments for UPDATE, in terms of `p`."""
    return ", ".join(f"{column.name} = {column.inserted}" for column in columns)


def dated(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns for items whose times are given, not those of the statement."""
    return tuple(
        replace(column, type="timestamptz", given=column.name, value="")
        if column.name.endswith("_at")
        else column
        for column in columns
    )


def given(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns for which something is given."""
    return tuple(column for column in columns if column.given)


def unnested(columns: Sequence[Column], *, position: bool = False) -> str:
    """Return the FROM item `p` that makes rows of arrays, one for each given column, from `$1` on.

    `position`: whether the last column numbers the rows from 1 on.
    """
    listed = given(columns)
    arrays = ", ".join(f"${n}::{column.type}[]" for n, column in enumerate(listed, 1))
    aliases = [column.given for column in listed] + ["position"] * position
    ordinality = "\n         WITH ORDINALITY" if position else "\n      "
    return f"unnest({arrays}){ordinality} AS p ({', '.join(aliases)})"


def arrays(columns: Sequence[Column], rows: Sequence[Any]) -> list[list[Any]]:
    """Return an array of each given column: its attribute of each row."""
    return [[getattr(row, column.given) for row in rows] for column in columns]


def replacing(value: str = "excluded.value", *, keeping_ttl: bool = False) -> str:
    """Return what DO UPDATE sets where a put finds an item; `value` becomes the item's.

    An expired item counts as absent: what replaces it was created now and inherits nothing. Its
    version grows all the same, so that no version means two values until the item is deleted.

    `keeping_ttl`: an item that has not expired gets `value` and keeps its TTL, which begins anew;
    what replaces an expired one is the put's own value.
    """
    kept = {column.name: column.kept for column in ITEM[len(ADDRESS) :]}
    if keeping_ttl:
        kept |= {
            "value": value,
            "expires_at": later("excluded.updated_at", "i.ttl"),
            "ttl": "i.ttl",
        }
    new = {name: _replaced_value(name, expression) for name, expression in kept.items()}
    if not keeping_ttl:
        new["value"] = value
    sets = [f"{name} = {expression}" for name, expression in new.items()]
    sets.append(STILL_LISTED)
    return ",\n       ".join(["", "version = i.version + 1", *sets]).removeprefix(",")


def _replaced_value(name: str, kept: str) -> str:
    if not kept:
        return f"excluded.{name}"
    return f"CASE WHEN {EXPIRED} THEN excluded.{name} ELSE {kept} END"


REPLACE = replacing()


def overwriting(columns: Sequence[Column], version: str) -> str:
    """Return what DO UPDATE sets where the given columns are taken over as they are."""
    sets = [f"{column.name} = excluded.{column.name}" for column in columns[len(ADDRESS) :]]
    return ",\n           ".join([f"version = {version}", *sets, STILL_LISTED])


def key_of(alias: str) -> str:
    """Return the columns of a row's key."""
    return f"{alias}.user_id, {alias}.namespace, {alias}.key"


def key_is(alias: str = "i", first: int = 1) -> str:
    """Return the condition that a row has the key of the arguments from `$first` on."""
    return (
        f"{alias}.user_id = ${first} AND {alias}.namespace = ${first + 1} "
        f"AND {alias}.key = ${first + 2}"
    )


def same_key(one: str, other: str) -> str:
    """Return the condition that two rows have the same key."""
    return (
        f"{one}.user_id = {other}.user_id AND {one}.namespace = {other}.namespace "
        f"AND {one}.key = {other}.key"
    )
