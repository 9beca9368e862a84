"""Coming from the official Postgres store to one that encrypts."""

from __future__ import annotations

import psycopg
import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.security import Encryption
from tests.support.encrypted import KEY, Database, Opened
from tests.support.matrices import few
from tests.support.official import fill, here, index, there

NOTES = ("users", "ann", "notes")
ITEMS = [
    PutOp(NOTES, "plain", {"text": "green tea", "n": 1.5, "none": None}),
    PutOp(NOTES, "titled", {"title": "a title", "text": "green tea"}),
    PutOp(("a",), "k", {"title": "one label"}),
    PutOp(("empty",), "k", {}),
]


@pytest.fixture
def source(fresh_database: str) -> str:
    fill(fresh_database, ITEMS, index=index())
    return fresh_database


@few(1)
@pytest.mark.parametrize(
    ("fields", "with_index"), [(None, False), (["text"], False), (["text"], True)]
)
async def test_every_item_arrives_and_is_encrypted(
    opened: Opened,
    database: Database,
    source: str,
    fields: list[str] | None,
    with_index: bool,
) -> None:
    options = {"index": index()} if with_index else {}
    store = opened(fields=fields, store=options)
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.copied, report.compared) == (len(ITEMS), len(ITEMS))
    assert here(store) == there(source)
    rows = await database.run("SELECT i::text FROM {schema}.item i")
    assert not [row for (row,) in rows if "tea" in row]
    again = store.migrate_from_langgraph_postgres(source)
    assert (again.copied, again.present) == (0, len(ITEMS))


async def test_vectors_of_encrypted_text_stay_behind(
    opened: Opened, database: Database, source: str
) -> None:
    store = opened(fields=["text"], store={"index": index()})
    store.migrate_from_langgraph_postgres(source)
    rows = await database.run("SELECT key FROM {schema}.item_vector_1")
    # The one item without an encrypted field keeps its vector.
    assert {row[0] for row in rows} == {"k"}


def test_a_value_that_was_changed_here_is_told(
    opened: Opened, source: str, database: Database
) -> None:
    store = opened()
    store.migrate_from_langgraph_postgres(source)
    with (
        AgentStore(database.dsn, schema=database.schema, encryption=Encryption(KEY)) as other,
        psycopg.connect(database.dsn, autocommit=True) as connection,
    ):
        times = connection.execute(
            f"SELECT updated_at FROM \"{database.schema}\".item WHERE key = 'plain'"
        ).fetchone()
        other.put(NOTES, "plain", {"text": "another"})
        connection.execute(
            f"UPDATE \"{database.schema}\".item SET updated_at = %s WHERE key = 'plain'", times
        )
    assert store.migrate_from_langgraph_postgres(source).copied == 1
    assert here(store) == there(source)
