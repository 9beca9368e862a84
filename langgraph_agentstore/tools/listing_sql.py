"""Pages of items for people, in an order, with sizes; of large values only the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from ..model.namespaces import Labels, decode_labels, encode_labels, sort_key
from ..model.users import Region, users_of_regions
from ..sql.filters import Filter, filter_sql
from ..sql.region_condition import region_condition
from ..sql.statement import Decoded, ItemId, Queue, Row, SqlContext, Statement

_WRITTEN = "i.updated_at"
_LISTED_AT = "i.newest_at"
"""Equal to it, and in an index, in the rows that have it: see `sql/items/newest.py`."""


class ListingOrder(Enum):
    """The orders in which pages of items follow each other; each is that of an index."""

    BY_KEY = "key"
    BY_KEY_BACKWARD = "key_backward"
    NEWEST_FIRST = "newest"
    OLDEST_FIRST = "oldest"

    @property
    def is_by_time(self) -> bool:
        """Tell whether it goes by the time of the last write, within exactly one namespace."""
        return self in (ListingOrder.NEWEST_FIRST, ListingOrder.OLDEST_FIRST)

    def sql(self, time: str = _WRITTEN) -> str:
        """Return the ORDER BY of rows of `item i`; `time`: the column of their last write."""
        return {
            ListingOrder.BY_KEY: "i.user_id, i.namespace, i.key",
            ListingOrder.BY_KEY_BACKWARD: "i.user_id DESC, i.namespace DESC, i.key DESC",
            ListingOrder.NEWEST_FIRST: f"{time} DESC, i.key",
            ListingOrder.OLDEST_FIRST: f"{time}, i.key DESC",
        }[self]

    def after(self, cursor: Cursor, arguments: list[Any]) -> str:
        """Return the condition that rows of `item i` come after a cursor."""
        if not self.is_by_time:
            sign = ">" if self is ListingOrder.BY_KEY else "<"
            arguments.extend(cursor)
            n = len(arguments)
            return f"(i.user_id, i.namespace, i.key) {sign} (${n - 2}, ${n - 1}, ${n})"
        time, key = ("<", ">") if self is ListingOrder.NEWEST_FIRST else (">", "<")
        arguments.extend(cursor)
        at, last = f"${len(arguments) - 1}", f"${len(arguments)}"
        # The first condition is the range of the index.
        return (
            f"i.updated_at {time}= {at}::timestamptz "
            f"AND (i.updated_at {time} {at} OR i.key {key} {last})"
        )

    def cursor_of(self, item: ListedItem) -> Cursor:
        """Return the place of an item in this order."""
        return (item.updated_at, item.key) if self.is_by_time else item.item_id


Cursor: TypeAlias = "ItemId | tuple[datetime, str]"
"""A place in a listing: the id of an item, or the time of its last write with its key."""


@dataclass(frozen=True, slots=True)
class ListedPart:
    """The part of a listing: regions, or exactly one namespace of one of them, with a filter."""

    regions: tuple[Region, ...]
    filter: Filter
    exactly: bool = False
    order: ListingOrder = ListingOrder.BY_KEY

    def conditions(
        self, context: SqlContext, after: Cursor | None, arguments: list[Any]
    ) -> list[str]:
        """Return the conditions on rows of `item i` but for the filter; append their arguments."""
        regions = self.regions
        if self.exactly:
            # The namespace itself is a condition of its own, as the indexes have it.
            regions = (Region(regions[0].user_id, ()),)
        found = [region_condition(regions, arguments), context.live()]
        if self.exactly:
            labels = self.regions[0].labels
            column = "place" if self.order.is_by_time else "namespace"
            arguments.append(sort_key(labels) if self.order.is_by_time else encode_labels(labels))
            found.append(f"i.{column} = ${len(arguments)}::text")
        if after is not None:
            found.append(self.order.after(after, arguments))
        return found


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An item in a listing.

    `text` is the beginning of the value as JSON text; `json_bytes` is the size of the whole.
    """

    user_id: str
    labels: Labels
    key: str
    version: int
    updated_at: datetime
    expires_at: datetime | None
    json_bytes: int
    text: str

    @property
    def is_cut(self) -> bool:
        """Tell whether `text` is only a part of the value."""
        return len(self.text.encode()) < self.json_bytes

    @property
    def item_id(self) -> ItemId:
        """The cursor of the item: a page after it begins with the next one."""
        return self.user_id, encode_labels(self.labels), self.key


def plan_listing(
    part: ListedPart,
    context: SqlContext,
    *,
    after: Cursor | None,
    size: int,
    characters: int,
    until: Cursor | None = None,
) -> Statement[list[ListedItem]]:
    """Plan the read of the next `size` items.

    Args:
        part: what the listing covers, and its order.
        context: the settings of the statement.
        after: the cursor of the last item of the page before.
        size: the number of items.
        characters: how much of each value's JSON text is read.
        until: the cursor of the last item that is looked at.
    """
    arguments: list[Any] = [size, characters]
    conditions = part.conditions(context, after, arguments)
    if until is not None:
        conditions.append(f"NOT ({part.order.after(until, arguments)})")
    passes = filter_sql(part.filter, arguments)
    columns = """i.user_id, i.namespace, i.key, i.version, i.updated_at, i.expires_at,
       octet_length(i.value::text), left(i.value::text, $2::integer)"""
    sql = f"""
SELECT {columns}
  FROM {_rows_sql(part.order, conditions, passes, "$1", context)} i
 ORDER BY {part.order.sql()}
 LIMIT $1"""

    def decode(rows: Sequence[Row]) -> Decoded[list[ListedItem]]:
        return Decoded([ListedItem(row[0], decode_labels(row[1]), *row[2:]) for row in rows])

    users = users_of_regions(part.regions)
    return Statement(
        sql, tuple(arguments), decode, queue=Queue.EQUAL_READS, users=users, kind="list_items"
    )


def plan_last_of(
    part: ListedPart, context: SqlContext, *, after: Cursor | None, rows: int
) -> Statement[Cursor | None]:
    """Plan the read of the cursor of the last of the next `rows` items; None if there are fewer.

    The filter does not count, so a listing can look at so many items and tell how far it came.
    """
    arguments: list[Any] = [rows - 1]
    conditions = part.conditions(context, after, arguments)
    columns = "i.updated_at, i.key" if part.order.is_by_time else "i.user_id, i.namespace, i.key"
    sql = f"""
SELECT {columns}
  FROM {_rows_sql(part.order, conditions, "true", "$1 + 1", context)} i
 ORDER BY {part.order.sql()}
OFFSET $1 LIMIT 1"""

    def decode(rows: Sequence[Row]) -> Decoded[Cursor | None]:
        return Decoded(tuple(rows[0]) if rows else None)

    users = users_of_regions(part.regions)
    return Statement(
        sql, tuple(arguments), decode, queue=Queue.EQUAL_READS, users=users, kind="list_items"
    )


def _rows_sql(
    order: ListingOrder, conditions: Sequence[str], passes: str, limit: str, context: SqlContext
) -> str:
    """Return the source of the first `limit` rows at least, with all columns of `item`.

    `passes`: the condition of the filter.
    """
    item, where = context.tables.item, " AND ".join(conditions)
    if not order.is_by_time:
        return f"""(
       SELECT * FROM {item} i
        WHERE {where} AND {passes}
        ORDER BY {order.sql()} LIMIT {limit})"""
    # Of a large namespace, most rows are in the index of the newest; the rest is sorted.
    listed = where.replace(_WRITTEN, _LISTED_AT)
    return f"""(
       (SELECT * FROM {item} i
         WHERE {listed} AND {_LISTED_AT} IS NOT NULL AND {passes}
         ORDER BY {order.sql(_LISTED_AT)} LIMIT {limit})
       UNION ALL
       (SELECT * FROM {item} i
         WHERE {where} AND {_LISTED_AT} IS NULL AND {passes}
         ORDER BY {order.sql()} LIMIT {limit}))"""
