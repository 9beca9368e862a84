"""The growth of a store, estimated from a sample of its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..sql.statement import Decoded, Queue, Row, SqlContext, Statement

ROWS_OF_GROWTH = 10_000
"""About how many rows are read."""


@dataclass(frozen=True, slots=True)
class GrowthSample:
    """The times at which sampled items were created, oldest first, and their share of all."""

    created_at: tuple[datetime, ...]
    share: float


def plan_growth(context: SqlContext, rows: int) -> Statement[GrowthSample]:
    """Plan the read of a sample of the items; `rows`: about how many there are."""
    share = min(1.0, ROWS_OF_GROWTH / max(rows, 1))
    sql = f"""
SELECT i.created_at FROM {context.tables.item} i TABLESAMPLE SYSTEM ($1)
 ORDER BY i.created_at
 LIMIT $2"""

    def decode(rows: Sequence[Row]) -> Decoded[GrowthSample]:
        return Decoded(GrowthSample(tuple(row[0] for row in rows), share))

    arguments = (100.0 * share, 10 * ROWS_OF_GROWTH)
    return Statement(sql, arguments, decode, queue=Queue.EQUAL_READS, kind="growth")
