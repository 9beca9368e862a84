"""Pages of items for people: by key, with sizes, and with the beginning of large values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model.namespaces import Labels, decode_labels, encode_labels
from ..model.users import Region, users_of_regions
from ..sql.filters import Filter, filter_sql
from ..sql.items.pages import after_key, page_by_key_sql
from ..sql.region_condition import region_condition
from ..sql.statement import Decoded, ItemId, Queue, Row, SqlContext, Statement


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
    regions: Sequence[Region],
    filter: Filter,
    context: SqlContext,
    *,
    exactly: bool,
    after: ItemId | None,
    size: int,
    characters: int,
) -> Statement[list[ListedItem]]:
    """Plan the read of the next `size` items by namespace and key.

    Args:
        regions: what the listing covers; one namespace if `exactly`.
        filter: the condition on the values.
        context: the settings of the statement.
        exactly: whether the namespaces below are left out.
        after: the id of the last item of the page before.
        size: the number of items.
        characters: how much of each value's JSON text is read.
    """
    arguments: list[Any] = [size, characters]
    conditions = [region_condition(regions, arguments), context.live()]
    if exactly:
        arguments.append(encode_labels(regions[0].labels))
        conditions.append(f"i.namespace = ${len(arguments)}::text")
    conditions += [*after_key(after, arguments), filter_sql(filter, arguments)]
    columns = (
        "i.user_id, i.namespace, i.key, i.version, i.updated_at, i.expires_at, "
        "octet_length(i.value::text), left(i.value::text, $2::integer)"
    )
    sql = page_by_key_sql(columns, f"{context.tables.item} i", conditions)

    def decode(rows: Sequence[Row]) -> Decoded[list[ListedItem]]:
        return Decoded([ListedItem(row[0], decode_labels(row[1]), *row[2:]) for row in rows])

    users = users_of_regions(regions)
    return Statement(
        sql, tuple(arguments), decode, queue=Queue.EQUAL_READS, users=users, kind="list_items"
    )
