"""Distribution of the tables over the nodes of Citus, by user.

Tables with a column `user_id` are distributed by it, all in the same way, so that whatever
concerns one user is on one node. All other tables are small, and are copied to every node. So is
`share`: what is shared is asked for by the user with whom.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .tables import USER_TABLES, Tables

COPIED = frozenset({"share"})
"""Tables with a column `user_id` that are copied to every node all the same."""

HAS_CITUS = "SELECT pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"
"""Whether the database has the extension; without it, the statements below would fail."""

IS_DISTRIBUTED = """
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_dist_partition
                WHERE logicalrelid = pg_catalog.to_regclass($1))"""
"""Whether a table is distributed; its argument is the quoted name."""

IS_COORDINATOR = "SELECT groupid = 0 FROM pg_catalog.pg_dist_local_group"

UNDISTRIBUTED = """
SELECT c.relname, EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
                           WHERE a.attrelid = c.oid AND a.attname = 'user_id'
                             AND NOT a.attisdropped)
  FROM pg_catalog.pg_class c
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relkind = 'r'
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_dist_partition p WHERE p.logicalrelid = c.oid)
   -- Parts of distributed tables lie in the same schema, and may or may not be hidden.
   AND (substring(c.relname FROM '_([0-9]{1,18})$')::bigint IN (
            SELECT s.shardid FROM pg_catalog.pg_dist_shard s)) IS NOT TRUE
 ORDER BY c.relname <> 'item', c.relname"""
"""The tables of a schema that are on one node alone, `item` first, and whether they have users."""

LEFT_BEHIND = """
SELECT c.relname FROM pg_catalog.pg_dist_partition p
  JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND pg_catalog.pg_relation_size(c.oid) > 0
 ORDER BY c.relname <> 'item', c.relname"""
"""The distributed tables that have kept their rows on the coordinator, where nobody sees them."""

TRIGGERS_OF_CONTROLS = """
SELECT DISTINCT c.relname || '.' || t.tgname
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND NOT t.tgisinternal
   AND t.tgname NOT LIKE 'truncate_trigger%' ORDER BY 1"""
"""The triggers of a schema's tables, those of controls."""

PROTECTED = """
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c
                WHERE c.relnamespace = pg_catalog.to_regnamespace($1) AND c.relrowsecurity)"""
"""Whether a table of a schema has row level security."""

KEYS_TO_ITEMS = """
SELECT r.conrelid::regclass::text, r.conname
  FROM pg_catalog.pg_constraint r
 WHERE r.contype = 'f' AND r.confrelid = pg_catalog.to_regclass($1) AND r.conparentid = 0
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_dist_partition p
                    WHERE p.logicalrelid = r.conrelid)"""
"""The foreign keys to `item` of tables on one node alone: each with its table."""

_SET_OF_VECTORS = re.compile(r"item_vector_\d+")
_TABLE = re.compile(r'CREATE TABLE IF NOT EXISTS (?:"(?:[^"]|"")+"\.)?(\w+) \(')
_VIEW = re.compile(r"(?:^|\n)(CREATE OR REPLACE VIEW .*)", re.DOTALL)

SEQUENTIAL = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'"
"""Lets a transaction change tables that foreign keys join."""


def is_shared_sql(tables: Tables) -> str:
    """Return the question whether a namespace is shared with another user."""
    return f"SELECT EXISTS (SELECT 1 FROM {tables.named('share')})"


def has_users(name: str, *, has_column: bool) -> bool:
    """Return whether a table is distributed by user; otherwise it is copied to every node."""
    return has_column and name not in COPIED


def distribute_sql(tables: Tables, name: str) -> str:
    """Return the statement that distributes a table by user; its rows move to their nodes."""
    together = "none" if name == "item" else _in_quotes(tables.item)
    table = _in_quotes(tables.named(name))
    return (
        f"SELECT pg_catalog.create_distributed_table('{table}', 'user_id', "
        f"colocate_with => '{together}')"
    )


def copy_sql(tables: Tables, name: str) -> str:
    """Return the statement that copies a table to every node."""
    return f"SELECT pg_catalog.create_reference_table('{_in_quotes(tables.named(name))}')"


def remove_left_behind_sql(tables: Tables, name: str) -> str:
    """Return the statement that removes a table's rows from where they were before they moved."""
    table = _in_quotes(tables.named(name))
    return f"SELECT pg_catalog.truncate_local_data_after_distributing_table('{table}')"


def is_of_vectors(name: str) -> bool:
    """Return whether a table is a set of vectors, which hangs on `item` by a foreign key."""
    return _SET_OF_VECTORS.fullmatch(name) is not None


def key_to_item_sql(tables: Tables, name: str) -> str:
    """Return the statement that hangs a set of vectors on `item`; both must be distributed."""
    return (
        f"ALTER TABLE {tables.named(name)} ADD CONSTRAINT {name}_user_id_namespace_key_fkey "
        f"FOREIGN KEY (user_id, namespace, key) "
        f"REFERENCES {tables.item} (user_id, namespace, key) ON DELETE CASCADE"
    )


def script(tables: Tables, statements: Sequence[str]) -> str:
    """Return the script that distributes the tables which a schema's statements create.

    It may be run again. Sets of vectors are distributed when a store makes them.
    """
    names = [found[1] for sql in statements if (found := _TABLE.search(sql)) is not None]
    distribute = [
        f"{_way(tables, name)}\n WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_dist_partition\n"
        f"        WHERE logicalrelid = '{_in_quotes(tables.named(name))}'::regclass)"
        for name in sorted(names, key=lambda name: name != "item")
    ]
    return "".join(f"{sql};\n\n" for sql in (*distribute, *views_of(statements)))


def _way(tables: Tables, name: str) -> str:
    by_user = has_users(name, has_column=name in USER_TABLES)
    return distribute_sql(tables, name) if by_user else copy_sql(tables, name)


def views_of(statements: Sequence[str]) -> list[str]:
    """Return those of a schema's statements that create views, to be made on every node."""
    return [found[1] for sql in statements if (found := _VIEW.search(sql)) is not None]


def _in_quotes(name: str) -> str:
    return name.replace("'", "''")
