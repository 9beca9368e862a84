"""Walking through records as they are stored, with all that is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...model.namespaces import encode_labels
from ...model.users import Region
from ..region import region_condition
from ..statement import (
    Decoded,
    ItemId,
    Queue,
    Row,
    SqlContext,
    Statement,
    columns_of,
)
from .pages import after_key, page_by_key_sql
from .records import RECORD_COLUMNS, StoredRecord, decode_record, records_from


def plan_page_of_stored(
    regions: Sequence[Region], after: ItemId | None, size: int, context: SqlContext
) -> Statement[list[StoredRecord]]:
    """The next `size` records of the regions, in the order of the primary key."""
    return plan_records_by_key(lambda args: region_condition(regions, args), after, size, context)


def plan_records_by_key(
    within: Callable[[list[Any]], str], after: ItemId | None, size: int, context: SqlContext
) -> Statement[list[StoredRecord]]:
    """The next `size` records that meet a condition, which appends its arguments."""
    arguments: list[Any] = [size]
    conditions = [within(arguments), context.live(), *after_key(after, arguments)]
    sql = page_by_key_sql(RECORD_COLUMNS, records_from(context), conditions)

    def decode(rows: Sequence[Row]) -> Decoded[list[StoredRecord]]:
        return Decoded([decode_record(row) for row in rows])

    return Statement(sql, tuple(arguments), decode, queue=Queue.EQUAL_READS)


def plan_stored_at(
    item_ids: Sequence[ItemId], context: SqlContext
) -> Statement[list[StoredRecord | None]]:
    """The records of these item ids, in their order; None where there is none."""
    sql = f"""
SELECT {RECORD_COLUMNS}, p.position
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS p (user_id, namespace, key, position)
  JOIN ({records_from(context)})
    ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
 WHERE {context.live()}"""

    def decode(rows: Sequence[Row]) -> Decoded[list[StoredRecord | None]]:
        found = {row[-1]: decode_record(row) for row in rows}
        return Decoded([found.get(position) for position in range(1, len(item_ids) + 1)])

    return Statement(sql, columns_of(item_ids), decode, queue=Queue.EQUAL_READS)


def item_id_of(record: StoredRecord) -> ItemId:
    """Where a record is stored: what the page after it begins behind."""
    return record.user_id, encode_labels(record.labels), record.key
