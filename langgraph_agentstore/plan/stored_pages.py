"""Walking through records as they are stored, with all that is kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..namespaces import encode_labels
from ..users import Region
from .model import Decoded, Row, Rules, Statement, Triple, columns_of
from .records import RECORD_COLUMNS, StoredRecord, decode_record, records_from
from .region import region_condition


def plan_page_of_stored(
    regions: Sequence[Region], after: Triple | None, size: int, rules: Rules
) -> Statement[list[StoredRecord]]:
    """The next `size` records of the regions, in the order of the primary key."""
    arguments: list[Any] = [size]
    conditions = [region_condition(regions, arguments), rules.live()]
    if after is not None:
        arguments.extend(after)
        n = len(arguments)
        conditions.append(f"(i.user_id, i.namespace, i.key) > (${n - 2}, ${n - 1}, ${n})")
    sql = f"""
SELECT {RECORD_COLUMNS}
  FROM {records_from(rules)}
 WHERE {" AND ".join(conditions)}
 ORDER BY i.user_id, i.namespace, i.key
 LIMIT $1"""

    def decode(rows: Sequence[Row]) -> Decoded[list[StoredRecord]]:
        return Decoded([decode_record(row) for row in rows])

    return Statement(sql, tuple(arguments), decode)


def plan_stored_at(triples: Sequence[Triple], rules: Rules) -> Statement[list[StoredRecord | None]]:
    """The records of these triples, in their order; None where there is none."""
    sql = f"""
SELECT {RECORD_COLUMNS}, p.position
  FROM unnest($1::text[], $2::text[], $3::text[])
       WITH ORDINALITY AS p (user_id, namespace, key, position)
  JOIN ({records_from(rules)})
    ON i.user_id = p.user_id AND i.namespace = p.namespace AND i.key = p.key
 WHERE {rules.live()}"""

    def decode(rows: Sequence[Row]) -> Decoded[list[StoredRecord | None]]:
        found = {row[-1]: decode_record(row) for row in rows}
        return Decoded([found.get(position) for position in range(1, len(triples) + 1)])

    return Statement(sql, columns_of(triples), decode)


def triple_of(record: StoredRecord) -> Triple:
    """Where a record is stored: what the page after it begins behind."""
    return record.user_id, encode_labels(record.labels), record.key
