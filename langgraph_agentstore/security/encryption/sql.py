"""SQL of the table `user_key`, in a schema of its own, which has its own backup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...sql.tables import Tables, quoted_name

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
    return quoted_name(f"{tables.schema}_keys")


def user_key(tables: Tables) -> str:
    return f"{keys_schema(tables)}.user_key"


def rotation(tables: Tables) -> str:
    return f"{keys_schema(tables)}.rotation"


def set_up_sql(tables: Tables) -> list[str]:
    """Return the statements that create the schema of the keys and its tables."""
    keys = keys_schema(tables)
    literal = f"{tables.schema}_keys".replace("'", "''")
    create = f"""DO $agentstore$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '{literal}') THEN
        CREATE SCHEMA {keys};
    END IF;
END $agentstore$"""
    return [create, *(text.replace("{keys}", keys) for text in CREATE_TABLES)]


def is_set_up_sql(tables: Tables) -> tuple[str, tuple[Any, ...]]:
    """Return the question whether the tables are there."""
    return "SELECT to_regclass($1) IS NOT NULL", (rotation(tables),)


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
