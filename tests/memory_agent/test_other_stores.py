"""MySQL, MongoDB and Redis: the stores of others, where their servers are to be had.

Set the address of one to try it, of a database that may be written to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from langgraph_agentstore.errors import ConfigurationError, MissingExtraError
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.sql.filters.filter_cases import CASES

SERVERS = {
    "mysql": "AGENTSTORE_TEST_MYSQL",
    "mongodb": "AGENTSTORE_TEST_MONGODB",
    "redis": "AGENTSTORE_TEST_REDIS",
}


@pytest.fixture(params=SERVERS)
def agent(request: pytest.FixtureRequest) -> Iterator[MemoryAgent]:
    variable = SERVERS[request.param]
    address = os.environ.get(variable)
    if address is None:
        pytest.skip(f"no {request.param} server: {variable} is not set")
    try:
        agent = MemoryAgent(request.param, dsn=address, user_id=f"test{uuid4().hex}")
    except MissingExtraError as error:
        pytest.skip(str(error))
    with agent:
        yield agent
        for key in agent.list_memories():
            agent.delete_memory(key)


def test_memories_are_kept_found_changed_and_removed(agent: MemoryAgent) -> None:
    agent.batch_store([("log/1", {"n": 1}), ("log/2", [{"n": 2}, 3]), ("goal", "done")])
    assert agent.list_memories() == ["goal", "log/1", "log/2"]
    assert agent.search_memory("log/", {"n": {"$gte": 2}}) == [{"n": 2}]
    assert agent.update_memory("log/1", {"m": 2}) == {"n": 1, "m": 2}
    agent.link("log/1", "goal", "about")
    assert agent.related("log/1") == [("about", "goal")]
    assert agent.delete_memory("log/1") is True
    assert agent.retrieve_memory("log/1") is None
    assert agent.related("log/1") == []


def test_every_operator_means_what_the_table_says(agent: MemoryAgent) -> None:
    for case in CASES:
        agent.store_memory("many", [*case.matching, *case.other])
        assert agent.search_memory("many", case.filter) == case.matching, case.name


def test_a_backup_is_restored(agent: MemoryAgent, tmp_path: Path) -> None:
    agent.batch_store((f"k/{n}", {"n": n}) for n in range(50))
    assert agent.backup_data(tmp_path / "b.jsonl") == 50
    agent.store_memory("k/1", "changed")
    agent.delete_memory("k/2")
    assert agent.restore_data(tmp_path / "b.jsonl") == 50
    assert agent.search_memory("k/", {"n": {"$in": [1, 2]}}) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_without_an_address_is_asked_for(kind: str) -> None:
    try:
        with pytest.raises(ConfigurationError, match=f"'{kind}' needs the server's address"):
            MemoryAgent(kind)
    except MissingExtraError as error:
        pytest.skip(str(error))
