"""The schema: made once by whoever comes first, checked by everybody, and by whom it may be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    AgentStoreError,
    ConfigurationError,
    MigrationError,
    SchemaTooNewError,
)
from langgraph_agentstore.runtime.migrator import Migration, migrations, setup_sql
from langgraph_agentstore.sql.item_columns import REPLACE
from langgraph_agentstore.sql.items.import_records import REPLACE_IMPORTED
from langgraph_agentstore.sql.tables import Tables
from tests.runtime.tour import NAMESPACE, use_everything
from tests.support.faults import execute
from tests.support.matrices import few

NUMBERS = [migration.number for migration in migrations()]

STORED = ["a", "z:b", "x%3Ay", "100%25", ""]


def catalog(dsn: str, schema: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the server knows about the schema, without the schema's own name."""
    queries = {
        "columns": (
            "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
            " a.attgenerated, a.attstorage, coll.collname, pg_get_expr(d.adbin, d.adrelid)"
            " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " LEFT JOIN pg_collation coll ON coll.oid = a.attcollation"
            " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
            " WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'v', 'S')"
            " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2"
        ),
        "indexes": (
            "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = %(name)s ORDER BY 2"
        ),
        "constraints": (
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = %(schema)s::regnamespace ORDER BY 1, 2"
        ),
        "functions": (
            "SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
            " WHERE pronamespace = %(schema)s::regnamespace ORDER BY 1"
        ),
        "storage": (
            "SELECT relname, reloptions FROM pg_class"
            " WHERE relnamespace = %(schema)s::regnamespace ORDER BY 1"
        ),
        "migrations": "SELECT number, name, checksum FROM {}.migration ORDER BY 1",
    }
    quoted = '"' + schema.replace('"', '""') + '"'
    found = {}
    for what, query in queries.items():
        names = [schema] if "{}" in query else []
        rows = execute(dsn, query, *names, schema=quoted, name=schema)
        found[what] = [tuple(_unnamed(cell, schema) for cell in row) for row in rows]
    return found


def _unnamed(cell: Any, schema: str) -> Any:
    return cell.replace(schema, "SCHEMA") if isinstance(cell, str) else cell


def apply_up_to(dsn: str, schema: str, number: int) -> None:
    """The schema as a release had it whose last migration was this one."""
    script = setup_sql(Tables(schema))
    for migration in migrations():
        if migration.number > number:
            start = script.index(migration.statements(Tables(schema))[0])
            script = script[:start]
            break
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(script)


@few(5)
@pytest.mark.parametrize("number", NUMBERS)
def test_a_schema_of_an_earlier_release_becomes_what_a_fresh_one_is(
    fresh_database: str, number: int
) -> None:
    apply_up_to(fresh_database, "migrated", number)
    applied = execute(fresh_database, "SELECT max(number) FROM migrated.migration")
    assert applied == [(number,)]
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        _insert_some(connection)

    with (
        AgentStore(fresh_database, schema="migrated") as migrated,
        AgentStore(fresh_database, schema="fresh"),
    ):
        assert migrated.count() == len(STORED)
        item = migrated.get(("users", "ann", "z", "b"), "k")
        assert item is not None
        assert item.value == {"n": 1}
        assert len(migrated.search(("users", "ann"))) == len(STORED)

    assert catalog(fresh_database, "migrated") == catalog(fresh_database, "fresh")


def _insert_some(connection: psycopg.Connection[Any]) -> None:
    """Rows as the release of the migration would have written them, in whatever columns it had."""
    columns = {
        name
        for (name,) in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'migrated.item'::regclass"
            " AND attnum > 0 AND attgenerated = ''"
        )
    }
    for stored in STORED:
        row = {
            "user_id": "ann",
            "namespace": stored,
            "key": "k",
            "value": '{"n": 1}',
            "created_at": "2024-01-01",
            "updated_at": "2024-01-02",
        }
        if "place" in columns:
            labels = stored.split(":") if stored else []
            row["place"] = "\x01".join(
                label.replace("%3A", ":").replace("%25", "%") for label in labels
            )
        names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, row))
        values = psycopg.sql.SQL(", ").join(map(psycopg.sql.Placeholder, row))
        connection.execute(
            psycopg.sql.SQL("INSERT INTO migrated.item ({}) VALUES ({})").format(names, values), row
        )


@pytest.mark.parametrize("migration", migrations(), ids=lambda migration: migration.name)
def test_a_comment_is_no_statement_of_its_own(migration: Migration) -> None:
    """The driver fails at a message without a statement."""
    for statement in migration.statements(Tables("agentstore")):
        assert re.sub(r"--[^\n]*", "", statement).strip()


@pytest.mark.parametrize("replace", [REPLACE, REPLACE_IMPORTED], ids=["put", "import"])
def test_what_replaces_an_item_sets_its_every_column(replace: str, fresh_database: str) -> None:
    """One left out would stay from the item before, and not move along to another store."""
    with AgentStore(fresh_database) as store:
        store.setup()
    found = execute(
        fresh_database,
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'item'",
    )
    where_it_is = {"user_id", "namespace", "key", "place"}
    assert {name for (name,) in found} - where_it_is == {*re.findall(r"(\w+) += ", replace)}


def test_the_script_for_owners_makes_what_the_store_makes(fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(setup_sql(Tables("by_hand")))
        connection.execute(setup_sql(Tables("by_hand")))
    AgentStore(fresh_database, schema="by_itself").setup()
    assert catalog(fresh_database, "by_hand") == catalog(fresh_database, "by_itself")


async def test_six_stores_that_set_up_at_once_all_succeed(fresh_database: str) -> None:
    stores = [AgentStore(fresh_database) for _ in range(6)]
    await asyncio.gather(*[store.asetup() for store in stores])
    await asyncio.gather(*[store.aclose() for store in stores])


def test_a_schema_of_a_later_release_is_left_alone(fresh_database: str) -> None:
    AgentStore(fresh_database).setup()
    execute(
        fresh_database,
        "INSERT INTO agentstore.migration (number, name, checksum) VALUES (9999, 'later', 'x')",
    )
    with pytest.raises(SchemaTooNewError, match=r"9999.*upgrade"):
        AgentStore(fresh_database).put(NAMESPACE, "k", {"n": 1})


def test_a_migration_that_was_edited_is_an_error(fresh_database: str) -> None:
    AgentStore(fresh_database).setup()
    execute(fresh_database, "UPDATE agentstore.migration SET checksum = 'edited' WHERE number = 1")
    with pytest.raises(MigrationError, match=r"migration 1 .*not the one of this release"):
        AgentStore(fresh_database).setup()


def test_a_failed_migration_leaves_nothing_behind_and_can_be_tried_again(
    fresh_database: str,
) -> None:
    # Something is in the way of the second statement and those that follow.
    execute(fresh_database, "CREATE SCHEMA agentstore")
    execute(fresh_database, "CREATE VIEW agentstore.item AS SELECT 1 AS n")
    store = AgentStore(fresh_database)
    with pytest.raises(MigrationError, match="setting up schema 'agentstore' failed"):
        store.setup()
    tables = execute(
        fresh_database,
        "SELECT relname FROM pg_class WHERE relnamespace = 'agentstore'::regnamespace",
    )
    assert tables == [("item",)]
    execute(fresh_database, "DROP VIEW agentstore.item")
    store.put(NAMESPACE, "k", {"n": 1})
    store.close()


def test_a_database_that_is_not_utf8_is_refused(
    postgres_dsn: str, new_database: Callable[[], str]
) -> None:
    dsn = new_database()
    name = dsn.partition("?")[0].rpartition("/")[2]
    execute(postgres_dsn, "DROP DATABASE {}", name)
    execute(
        postgres_dsn,
        "CREATE DATABASE {} ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0",
        name,
    )
    with pytest.raises(ConfigurationError, match=r"encoding is LATIN1.*UTF8"):
        AgentStore(dsn).setup()
    assert execute(dsn, "SELECT FROM pg_namespace WHERE nspname = 'agentstore'") == []


@pytest.mark.parametrize(
    "schema",
    [
        "Upper Case",
        'with "quotes"',
        "it's",
        "select",
        "a;b--c",
        "{schema}",
        "%s",
        "$$",
        "日本",
        "x" * 63,
    ],
)
def test_a_schema_may_have_any_name(fresh_database: str, schema: str) -> None:
    with AgentStore(fresh_database, schema=schema, ttl={"default_ttl": 60}) as store:
        use_everything(store)
    with AgentStore(fresh_database, schema=schema) as store:
        assert store.count() == 0
    schemas = execute(fresh_database, "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'")
    assert {name for (name,) in schemas} == {schema, "public", "information_schema"}


@pytest.mark.parametrize("schema", ["", "pg_mine", "x" * 64, "a\x00b", 7])
def test_a_name_that_no_schema_can_have_is_refused_at_once(schema: Any) -> None:
    with pytest.raises((ConfigurationError, AgentStoreError)):
        AgentStore("postgresql://localhost/db", schema=schema)


def test_two_schemas_of_one_database_are_two_stores(fresh_database: str) -> None:
    with (
        AgentStore(fresh_database, schema="one") as one,
        AgentStore(fresh_database, schema="other") as other,
    ):
        one.put(NAMESPACE, "k", {"in": "one"})
        other.put(NAMESPACE, "k", {"in": "other"})
        other.put(NAMESPACE, "k2", {"in": "other"})
        assert [item.value for item in one.search(NAMESPACE)] == [{"in": "one"}]
        assert one.delete_user("ann") == 1
        assert other.count() == 2
