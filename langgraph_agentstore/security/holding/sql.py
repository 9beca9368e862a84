"""SQL of legal holds."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ...model.namespaces import decode_labels
from ...results import LegalHold
from ...sql.statement import Decoded, Row, SqlContext, Statement
from ...sql.tables import Tables
from ..triggers import Trigger

HOLD_TRIGGERS = (Trigger("agentstore_hold", "item", "BEFORE DELETE", "FOR EACH ROW", "keep_held"),)

_OF_A_HOLD = "id, held_user, namespace, reason, held_at"


def add_hold_sql(tables: Tables) -> str:
    """Return the INSERT of a hold of user `$1`, namespace `$2`, for the reason `$3`."""
    return f"""
INSERT INTO {tables.legal_hold} (held_user, namespace, reason) VALUES ($1, $2, $3)
RETURNING {_OF_A_HOLD}"""


def hold_of_user_sql(tables: Tables) -> str:
    """Return the question for a hold that keeps user `$1` from being erased."""
    return f"""
SELECT coalesce(
    (SELECT h.id FROM {tables.legal_hold} h WHERE h.held_user = $1 LIMIT 1),
    (SELECT {tables.quoted}.hold_of(i.user_id, i.namespace) FROM {tables.item} i
      WHERE i.user_id = $1 AND EXISTS (SELECT 1 FROM {tables.legal_hold})
        AND {tables.quoted}.hold_of(i.user_id, i.namespace) IS NOT NULL LIMIT 1),
    (SELECT {tables.quoted}.hold_of(i.user_id, i.namespace) FROM {tables.named("item_history")} i
      WHERE i.user_id = $1 AND EXISTS (SELECT 1 FROM {tables.legal_hold})
        AND {tables.quoted}.hold_of(i.user_id, i.namespace) IS NOT NULL LIMIT 1))"""


def plan_end_of_hold(hold_id: UUID, context: SqlContext) -> Statement[bool]:
    """Plan to end a hold; the result tells whether there was one."""
    sql = f"DELETE FROM {context.tables.legal_hold} WHERE id = $1 RETURNING 1"
    return Statement(
        sql,
        (hold_id,),
        lambda rows: Decoded(bool(rows)),
        idempotent=False,
        kind="release_hold",
    )


def plan_holds(context: SqlContext) -> Statement[list[LegalHold]]:
    """Plan to read all holds, oldest first."""
    sql = f"SELECT {_OF_A_HOLD} FROM {context.tables.legal_hold} ORDER BY held_at, id"
    return Statement(sql, (), lambda rows: Decoded(decode_holds(rows)), kind="list_holds")


def decode_holds(rows: Sequence[Row]) -> list[LegalHold]:
    """Return the holds of rows."""
    return [LegalHold(row[0], row[1], decode_labels(row[2]), row[3], row[4]) for row in rows]
