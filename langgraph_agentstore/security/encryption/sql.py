"""SQL of the table `user_key`, in a schema of its own, which has its own backup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ...sql.item_columns import same_key
from ...sql.statement import ItemId, SqlContext, columns_of
from ...sql.tables import Tables, quoted_name

BYTES_AT_ONCE: Final = 8 * 2**20
"""Of the values that a rotation holds at a time; a single larger one comes alone."""

CREATE_TABLES = (
    """CREATE TABLE IF NOT EXISTS {keys}.user_key (
    id         text COLLATE "C" PRIMARY KEY,
    user_id    text COLLATE "C" NOT NULL,
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
)""",
    # One current key for each user: of two writers who make one, the second takes the first's.
    """CREATE UNIQUE INDEX IF NOT EXISTS user_key_current
    ON {keys}.user_key (user_id) WHERE retired_at IS NULL""",
    "CREATE INDEX IF NOT EXISTS user_key_retired ON {keys}.user_key (user_id, retired_at)",
    """CREATE TABLE IF NOT EXISTS {keys}.rotation (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz
)""",
)


def keys_schema(tables: Tables) -> str:
    """Return the quoted name of the schema of the keys."""
    return quoted_name(_name_of_keys_schema(tables))


def _name_of_keys_schema(tables: Tables) -> str:
    return f"{tables.schema}_keys"


def user_key(tables: Tables) -> str:
    return f"{keys_schema(tables)}.user_key"


def rotation(tables: Tables) -> str:
    return f"{keys_schema(tables)}.rotation"


def granting_keys(tables: Tables, role: str) -> str:
    """Return the statement that grants a role what it needs to write and read encrypted values.

    It does nothing where there are no keys. Rotating and destroying keys stays the owner's.
    """
    keys, to = keys_schema(tables), f"TO {quoted_name(role)}"
    literal = _name_of_keys_schema(tables).replace("'", "''")
    return f"""DO $agentstore$ BEGIN
IF EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = '{literal}') THEN
    GRANT USAGE ON SCHEMA {keys} {to};
    GRANT SELECT, INSERT ON {keys}.user_key {to};
    GRANT SELECT ON {keys}.rotation {to};
END IF; END $agentstore$"""


def set_up_sql(tables: Tables) -> list[str]:
    """Return the statements that create the schema of the keys and its tables."""
    keys = keys_schema(tables)
    literal = _name_of_keys_schema(tables).replace("'", "''")
    create = f"""DO $agentstore$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = '{literal}') THEN
        CREATE SCHEMA {keys};
    END IF;
END $agentstore$"""
    return [create, *(text.replace("{keys}", keys) for text in CREATE_TABLES)]


def keys_script(tables: Tables) -> str:
    """Return `set_up_sql` as one script."""
    return ";\n\n".join(set_up_sql(tables)) + ";\n"


def is_set_up_sql(tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the question whether the tables are there."""
    return "SELECT to_regclass($1) IS NOT NULL", (rotation(tables),)


def is_in_catalog(tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the same question for a role that may not use the schema of the keys."""
    sql = """
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname::text = $1 AND c.relname = 'user_key')"""
    return sql, (_name_of_keys_schema(tables),)


def keys_by_id(key_ids: Sequence[str], tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the read of these keys: id, user, wrapped key, whether it is the current one."""
    sql = f"""
SELECT k.id, k.user_id, k.wrapped, k.retired_at IS NULL
  FROM {user_key(tables)} k WHERE k.id = ANY($1::text[])"""
    return sql, (list(key_ids),)


def current_keys(user_ids: Sequence[str], tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the read of the current keys of these users, as `keys_by_id` has it."""
    sql = f"""
SELECT k.id, k.user_id, k.wrapped, true
  FROM {user_key(tables)} k WHERE k.user_id = ANY($1::text[]) AND k.retired_at IS NULL"""
    return sql, (list(user_ids),)


def add_keys(keys: Sequence[tuple[str, str, bytes]], tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the INSERT of id, user and wrapped key, where a user has no current key yet."""
    sql = f"""
INSERT INTO {user_key(tables)} (id, user_id, wrapped)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) AS p (id, user_id, wrapped)
 ORDER BY p.user_id
    ON CONFLICT (user_id) WHERE retired_at IS NULL DO NOTHING"""
    return sql, tuple(list(column) for column in zip(*keys, strict=True))


def destroy_key(user_id: str, tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the DELETE of all data keys of a user; its rows are the ids.

    What was encrypted for the user can then be read nowhere, in no backup and not in the WAL, as
    long as no backup of the keys' own schema is restored.
    """
    return f"DELETE FROM {user_key(tables)} WHERE user_id = $1 RETURNING id", (user_id,)


def vacuum_keys(tables: Tables, *, full: bool) -> str:
    """Return the statement that gives back the space of destroyed keys."""
    return f"VACUUM ({'FULL, ANALYZE' if full else 'ANALYZE'}) {user_key(tables)}"


def begin_rotation(tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that continues the unfinished rotation, or begins one; its start."""
    sql = f"""
WITH unfinished AS (
    SELECT r.started_at FROM {rotation(tables)} r WHERE r.ended_at IS NULL
     ORDER BY r.number LIMIT 1
), begun AS (
    INSERT INTO {rotation(tables)} (started_at)
    SELECT now() WHERE NOT EXISTS (SELECT 1 FROM unfinished)
    RETURNING started_at
)
SELECT started_at FROM unfinished UNION ALL SELECT started_at FROM begun"""
    return sql, ()


def end_rotation(tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that ends the rotation."""
    return f"UPDATE {rotation(tables)} SET ended_at = now() WHERE ended_at IS NULL", ()


def older_keys(
    user_ids: Sequence[str], than: datetime, tables: Tables
) -> tuple[str, tuple[Any, ...]]:
    """Return the read of those of these users whose current key was made before a moment."""
    sql = f"""
SELECT k.user_id FROM {user_key(tables)} k
 WHERE k.user_id = ANY($1::text[]) AND k.retired_at IS NULL AND k.created_at < $2"""
    return sql, (list(user_ids), than)


def replace_keys(
    keys: Sequence[tuple[str, str, bytes]], than: datetime, tables: Tables
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that retires current keys made before a moment, and puts new ones."""
    sql = f"""
WITH retired AS (
    UPDATE {user_key(tables)} k SET retired_at = now()
      FROM unnest($2::text[]) AS p (user_id)
     WHERE k.user_id = p.user_id AND k.retired_at IS NULL AND k.created_at < $4
    RETURNING k.user_id
)
INSERT INTO {user_key(tables)} (id, user_id, wrapped)
SELECT p.id, p.user_id, p.wrapped
  FROM unnest($1::text[], $2::text[], $3::bytea[]) AS p (id, user_id, wrapped)
  JOIN retired USING (user_id)"""
    return sql, (*(list(column) for column in zip(*keys, strict=True)), than)


def page_of_items(after: ItemId, size: int, tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the read of the next items by primary key, expired ones too.

    At most `size` items, and not many more bytes than `BYTES_AT_ONCE`.
    """
    sql = f"""
SELECT p.user_id, p.namespace, p.key, p.value, p.version, p.created_at, p.indexed_paths
  FROM (SELECT i.*, sum(pg_column_size(i.value)) OVER (ORDER BY i.user_id, i.namespace, i.key)
               - pg_column_size(i.value) AS bytes_before
          FROM (SELECT * FROM {tables.item} i
                 WHERE (i.user_id, i.namespace, i.key) > ($1, $2, $3)
                 ORDER BY i.user_id, i.namespace, i.key
                 LIMIT $4) i) p
 WHERE p.bytes_before < {BYTES_AT_ONCE}
 ORDER BY p.user_id, p.namespace, p.key"""
    return sql, (*after, size)


@dataclass(frozen=True, slots=True)
class SealedAgain:
    """A newly sealed value of an item, and the version of it that was read."""

    item_id: ItemId
    version: int
    created_at: datetime
    value: bytes


def seal_again(items: Sequence[SealedAgain], tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the UPDATE that puts sealed values in place of those that were read.

    Versions and times stay: nothing that a reader sees has changed.
    """
    sql = f"""
UPDATE {tables.item} i SET value = p.value
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::jsonb[])
       AS p (user_id, namespace, key, version, created_at, value)
 WHERE {same_key("i", "p")} AND i.version = p.version AND i.created_at = p.created_at"""
    return sql, (
        *columns_of([item.item_id for item in items]),
        [item.version for item in items],
        [item.created_at for item in items],
        [item.value for item in items],
    )


def forget_words(item_ids: Sequence[ItemId], context: SqlContext) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that removes words and vectors that were made of clear values."""
    keys = "unnest($1::text[], $2::text[], $3::text[]) AS p (user_id, namespace, key)"
    vectors = (
        ""
        if context.vector_set is None
        else f"""
WITH vectors AS (
    DELETE FROM {context.vectors} v USING {keys} WHERE {same_key("v", "p")}
)"""
    )
    sql = f"""{vectors}
UPDATE {context.tables.item} i SET words = NULL, word_count = NULL, words_by = NULL
  FROM {keys}
 WHERE {same_key("i", "p")}"""
    return sql, columns_of(item_ids)


def retired_keys(older_than: timedelta, tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the read of the ids of the keys that were retired so long ago."""
    sql = f"""
SELECT k.id FROM {user_key(tables)} k WHERE k.retired_at < now() - $1::interval ORDER BY k.id"""
    return sql, (older_than,)


def delete_unused_keys(key_ids: Sequence[str], tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the DELETE of those of these retired keys that no value names any more.

    Values are in items, in changes that watches are to be told, and in the history.
    """
    unnamed = "\n   ".join(
        f"""AND NOT EXISTS (SELECT 1 FROM {table} t
                    WHERE t.user_id = k.user_id
                      AND starts_with(t.value->>'$sealed', k.id || '.'))"""
        for table in (tables.item, tables.change, tables.named("item_history"))
    )
    sql = f"""
DELETE FROM {user_key(tables)} k
 WHERE k.id = ANY($1::text[]) AND k.retired_at IS NOT NULL
   {unnamed}"""
    return sql, (list(key_ids),)


def all_keys(tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the read of all keys, as `keys_by_id` has them."""
    return f"SELECT k.id, k.user_id, k.wrapped, false FROM {user_key(tables)} k", ()


def rewrap(keys: Sequence[tuple[str, bytes, bytes]], tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the UPDATE that puts newly wrapped keys in place of just those that were read."""
    sql = f"""
UPDATE {user_key(tables)} k SET wrapped = p.wrapped
  FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS p (id, was, wrapped)
 WHERE k.id = p.id AND k.wrapped = p.was
RETURNING k.id"""
    return sql, tuple(list(column) for column in zip(*keys, strict=True))
