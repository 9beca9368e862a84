"""The vectors that an item has already: of a text that did not change, nobody asks the model."""

from __future__ import annotations

from collections.abc import Sequence

from .statement import (
    Decoded,
    ItemId,
    Queue,
    Row,
    SqlContext,
    Statement,
    written_once,
)


@written_once
def _known_sql(context: SqlContext) -> str:
    return f"""
SELECT v.digest, v.embedding::{context.tables.of_extension}vector
  FROM {context.vectors} v
 WHERE v.user_id = $1 AND v.namespace = $2 AND v.key = $3 AND v.embedding IS NOT NULL"""


def plan_known_vectors(item_id: ItemId, context: SqlContext) -> Statement[dict[int, bytes]]:
    """Vectors in wire format by the digests of their texts, of any version of the item."""

    def decode(rows: Sequence[Row]) -> Decoded[dict[int, bytes]]:
        return Decoded({row[0]: row[1] for row in rows})

    return Statement(_known_sql(context), item_id, decode, queue=Queue.SHARED)
