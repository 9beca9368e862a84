"""SQL of erasing: the tombstone, the removal from every table, and what can still be found."""

from __future__ import annotations

from typing import Final

from ...sql.tables import USER_TABLES, Tables, about_user, quoted_name
from ..history.sealing_sql import FORGETTING
from ..triggers import Trigger

LEFT_OUT = ("item_access", "item_read")
"""Tables that are written in the background, for many users at once."""

OF_ITEMS = ("change", "item_history", "quota_usage")
"""Tables that are written with an item alone: who may not write that writes nothing here."""

_BY_STATEMENT = "REFERENCING NEW TABLE AS added FOR EACH STATEMENT"

TOMBSTONE_TRIGGERS = (
    *(
        Trigger("agentstore_erased", table, "AFTER INSERT", _BY_STATEMENT, "refuse_erased")
        for table in USER_TABLES
        if table not in (*LEFT_OUT, *OF_ITEMS)
    ),
    *(
        Trigger("agentstore_erased", table, "BEFORE INSERT", "FOR EACH ROW", "leave_out_erased")
        for table in LEFT_OUT
    ),
    # Whoever still writes for the user gets no new data key.
    Trigger(
        "agentstore_erased", "user_key", "AFTER INSERT", _BY_STATEMENT, "refuse_erased", "_keys"
    ),
)
"""Once a user was erased, every table of users that is written by itself has one."""

_DIGEST = "encode(sha256(convert_to($1, 'UTF8')), 'hex')"

TABLES_OF_USERS = r"""
SELECT c.relname
  FROM pg_class c
 WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p')
   AND (c.relname = ANY($2::text[]) OR c.relname ~ '^item_vector_\d+$')
 -- Items first: what their triggers write on the way goes with the tables after them. Vectors
 -- before, so that they are counted and not only cascade.
 ORDER BY c.relname !~ '^item_vector', c.relname <> 'item', c.relname"""


def bury_sql(tables: Tables) -> str:
    """Return the statement that writes the tombstone of user `$1` and returns its time."""
    return f"""
INSERT INTO {tables.erased_user} AS e (digest, erased_at) VALUES ({_DIGEST}, clock_timestamp())
    ON CONFLICT (digest) DO UPDATE SET erased_at = excluded.erased_at
RETURNING e.digest, e.erased_at"""


def readmit_sql(tables: Tables) -> str:
    """Return the statement that removes the tombstone of user `$1`."""
    return f"DELETE FROM {tables.erased_user} WHERE digest = {_DIGEST} RETURNING 1"


def reason_sql() -> str:
    """Return the statement that names the reason of the removals of this transaction.

    History notes it, so that its chain tells an erasure from a removal that nobody may make.
    """
    return f"SELECT set_config('{FORGETTING}', 'erased', true)"


def erase_from_sql(tables: Tables, table: str) -> str:
    """Return the statement that removes the rows of user `$1` from a table."""
    return f"DELETE FROM {tables.quoted}.{quoted_name(table)} WHERE {about_user(table)}"


def vacuum_sql(table: str, *, full: bool) -> str:
    """Return the statement that gives back what was removed from a table, a quoted name.

    With `full`, tables and indexes are written anew, so that their files hold nothing of it.
    ANALYZE, since the planner's statistics hold values too.
    """
    options = "FULL, ANALYZE" if full else "ANALYZE"
    return f"VACUUM ({options}) {table}"


CLEAR_STATISTICS = """
SELECT pg_clear_attribute_stats(s.schemaname, s.tablename, s.attname, s.inherited)
  FROM pg_stats s WHERE s.schemaname = ANY ($1::text[]) AND s.tablename = ANY ($2::text[])"""
"""Forgets the planner's statistics: ANALYZE keeps those of a table that has become empty."""

CLEARED_SINCE: Final = 18
"""The first version of Postgres that has `pg_clear_attribute_stats`."""

VACUUM_STATISTICS = "VACUUM FULL pg_catalog.pg_statistic"
"""The old statistics of the tables are dead rows here. Only its owner may do this."""

WHERE_IT_REMAINS = """
SELECT pg_current_wal_insert_lsn()::text, current_setting('archive_mode') <> 'off',
       (SELECT count(*) FROM pg_stat_replication) + (SELECT count(*) FROM pg_replication_slots)"""
