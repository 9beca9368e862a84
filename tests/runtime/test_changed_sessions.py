"""A session that is another one by now, as behind a pooler that does not show itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from langgraph_agentstore.config.dsn import read_dsn
from langgraph_agentstore.config.store_options import PoolConfig
from langgraph_agentstore.errors import ConfigurationError
from langgraph_agentstore.runtime.connections.target import TargetReader
from langgraph_agentstore.runtime.driver_errors import statement_error
from langgraph_agentstore.runtime.statements import Database
from langgraph_agentstore.sql.statement_comments import with_comment
from tests.support.faults import execute

INSERT = "INSERT INTO public.counted VALUES ($1) RETURNING n"


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    """One whose connections know a statement by a name that the server forgot since."""
    execute(fresh_database, "CREATE TABLE counted (n integer)")
    target = TargetReader(read_dsn(fresh_database), {}, {})
    database = Database(target, fresh_database, PoolConfig())
    database.connections.open()
    await database.fetch(INSERT, [0], kind="test", idempotent=False)
    async with database.connections.lease() as connection:
        await connection.execute("DEALLOCATE ALL")
    yield database
    await database.connections.close()


async def test_the_statement_is_run_once_and_has_no_name_from_then_on(
    database: Database, fresh_database: str
) -> None:
    for n in range(1, 4):
        assert [
            row[0] for row in await database.fetch(INSERT, [n], kind="test", idempotent=False)
        ] == [n]
    assert execute(fresh_database, "SELECT n FROM counted ORDER BY n") == [(0,), (1,), (2,), (3,)]
    assert database.retries == 1
    named = await database.fetch("SELECT name FROM pg_prepared_statements", [], kind="test")
    assert list(named) == []


async def test_where_it_cannot_be_sent_again_the_error_names_the_option(
    database: Database,
) -> None:
    async with database.connections.lease() as connection:
        with pytest.raises(Exception, match="does not exist") as caught:
            await connection.fetch(with_comment(INSERT, "test"), 1)
    failure = statement_error(caught.value)
    assert isinstance(failure, ConfigurationError)
    assert "statement_cache" in str(failure)


async def test_each_session_of_ones_own_has_a_mark_of_its_own(database: Database) -> None:
    mark = "SELECT current_setting('agentstore.session')"
    async with database.connections.lease() as one, database.connections.lease() as other:
        marks = {await one.fetchval(mark), await other.fetchval(mark)}
    assert len(marks) == 2
    assert {len(mark) for mark in marks} == {32}
    assert not database.pooler.is_there
