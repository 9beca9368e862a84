"""SQL of a person's export: the rows of a user in the tables beside the items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..sql.statement import Decoded, Row, SqlContext, Statement
from ..sql.tables import USER_TABLES, about_user, quoted_name

BESIDE_ITEMS: Final = tuple(t for t in USER_TABLES if t not in ("item", "item_access"))
"""The tables whose rows an export of everything has besides: reads are counted in the records."""

FIRST_ROW: Final = "(0,0)"
"""Where to begin: no row is there."""


def plan_rows(
    table: str, user_id: str, after: str, limit: int, context: SqlContext
) -> Statement[list[tuple[str, dict[str, Any]]]]:
    """Plan to read a page of a user's rows of a table, each with its place, in their order.

    `after`: the place of the last row of the page before. Words are left out, which are made of
    the values.
    """

    def decode(rows: Sequence[Row]) -> Decoded[list[tuple[str, dict[str, Any]]]]:
        return Decoded(
            [(place, _row_of_person(fields, value, context)) for place, fields, value in rows]
        )

    # The value apart: the data keys are loaded by which it is opened.
    sql = f"""
SELECT t.ctid::text, to_jsonb(t) - '{{value,words,words_by,word_count}}'::text[],
       to_jsonb(t) -> 'value'
  FROM {context.tables.quoted}.{quoted_name(table)} t
 WHERE ({about_user(table)}) AND t.ctid > $2::text::tid
 ORDER BY t.ctid LIMIT $3"""
    return Statement(sql, (user_id, after, limit), decode, users=(user_id,), kind="export_person")


def _row_of_person(fields: dict[str, Any], value: Any, context: SqlContext) -> dict[str, Any]:
    if value is None:
        return fields
    if context.sealing is not None:
        value = context.sealing.opened(
            (fields["user_id"], fields["namespace"], fields["key"]), value
        )
    return {**fields, "value": value}
