"""Memory agents on Postgres: the same facts as elsewhere, and what only Postgres promises."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import DataStore
from langgraph_agentstore.errors import ConfigurationError, DecryptionError, ValueTooLargeError
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.sql.filters.filter_cases import CASES
from tests.support.matrices import few
from tests.support.memory_agents import KEY, OTHER_KEY
from tests.support.traffic import counting


@pytest.fixture(params=[None, "ada@example.com"])
def agent(request: pytest.FixtureRequest, store: AgentStore) -> MemoryAgent:
    return MemoryAgent(store=store, user_id=request.param)


def test_every_operator_means_what_the_table_says(agent: MemoryAgent) -> None:
    wrong = []
    for number, case in enumerate(CASES):
        values = [*case.matching, *case.other]
        place = f"case {number}/"
        agent.batch_store(
            (f"{place}{n:03}", value)
            for n, value in enumerate(values)
            if not isinstance(value, list)
        )
        agent.store_memory("many", values)
        singles = [value for value in case.matching if not isinstance(value, list)]
        if agent.search_memory("many", case.filter) != case.matching:
            wrong.append(case.name)
        if agent.search_memory(place, case.filter) != singles:
            wrong.append(f"{case.name}, by the server")
    assert wrong == []


def test_a_search_reads_only_what_may_match(store: AgentStore, agent: MemoryAgent) -> None:
    agent.batch_store([("a/1", {"n": 1}), ("a/2", {"n": 2}), ("a/3", [{"n": 2}, {"n": 3}])])
    with counting(store) as traffic:
        assert agent.search_memory("a/", {"n": 2}) == [{"n": 2}, {"n": 2}]
    assert [each.rows for each in traffic] == [2]


def test_a_users_memories_are_that_users_rows(store: AgentStore) -> None:
    agent = MemoryAgent(store=store, user_id="ada@example.com")
    agent.store_memory("cat", {"name": "Turing"})
    agent.store_memory("age", 5)
    agent.link("cat", "age", "has")
    records = DataStore(store, "ada@example.com", "reader").use_namespace("memories")
    assert records.get("cat") == {"name": "Turing"}
    assert MemoryAgent(store=store, user_id="bob").list_memories() == []
    assert MemoryAgent(store=store).list_memories() == []
    assert store.delete_user("ada@example.com") == 3


def test_a_view_of_a_user_has_its_user_already(store: AgentStore) -> None:
    agent = MemoryAgent(store=store.for_user("ada"))
    agent.store_memory("a", 1)
    assert MemoryAgent(store=store, user_id="ada").retrieve_memory("a") == 1
    assert MemoryAgent(store=store.for_user("ada"), user_id="ada").retrieve_memory("a") == 1
    with pytest.raises(ConfigurationError, match="reaches nobody else"):
        MemoryAgent(store=store.for_user("ada"), user_id="bob")


def test_no_update_of_many_is_lost(agent: MemoryAgent) -> None:
    agent.store_memory("a", {})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: agent.update_memory("a", {str(n): n}), range(80)))
    assert agent.retrieve_memory("a") == {str(n): n for n in range(80)}


def test_a_batch_with_a_value_too_large_is_not_written(agent: MemoryAgent) -> None:
    agent.store_memory("a", "old")
    # Beyond what a jsonb string may hold.
    huge = "x" * (2**28 + 1)
    with pytest.raises(ValueTooLargeError):
        agent.batch_store([("a", "new"), ("b", {"text": huge}), ("c", 1)])
    assert agent.list_memories() == ["a"]
    assert agent.retrieve_memory("a") == "old"


def test_a_backup_has_all_that_an_agent_store_keeps(agent: MemoryAgent, tmp_path: Path) -> None:
    agent.batch_store([("a", {"n": 1}), ("b", [1])])
    agent.update_memory("a", {"n": 2})
    agent.link("a", "b", "r")
    store = agent.store
    before = store.get_record(("memories",), "a")  # type: ignore[attr-defined]
    assert agent.backup_data(tmp_path / "b.jsonl.gz") == 3
    agent.delete_memory("a")
    agent.store_memory("b", "changed")
    assert agent.restore_data(tmp_path / "b.jsonl.gz") == 3
    assert store.get_record(("memories",), "a") == before  # type: ignore[attr-defined]
    assert agent.retrieve_memory("b") == [1]
    assert agent.related("a") == [("r", "b")]


@pytest.mark.parametrize("key", [None, KEY])
def test_memories_move_from_sqlite_to_postgres_and_back(
    store: AgentStore, key: str | None, tmp_path: Path
) -> None:
    options = {"user_id": "ada@example.com", "encryption_key": key}
    target = MemoryAgent(store=store, **options)  # type: ignore[arg-type]
    with MemoryAgent("sqlite", tmp_path / "m.db", **options) as source:  # type: ignore[arg-type]
        source.batch_store((f"k/{n}", {"n": n}) for n in range(500))
        source.link("k/1", "k/2", "next")
        assert source.migrate_to(target) == 501
        assert target.search_memory("k/") == source.search_memory("k/")
    with MemoryAgent("json", tmp_path / "m.json", **options) as back:  # type: ignore[arg-type]
        assert target.migrate_to(back) == 501
        assert back.related("k/1") == [("next", "k/2")]


@few(1)
@pytest.mark.parametrize("killed_at", [1, 37, 199])
def test_a_rotation_that_was_killed_leaves_all_readable_and_is_run_again(
    postgres_dsn: str, schema_name: str, store: AgentStore, killed_at: int
) -> None:
    old = MemoryAgent(store=store, user_id="ada", encryption_key=KEY)
    old.batch_store((f"k/{n:03}", n) for n in range(200))
    command = [sys.executable, "-m", "tests.memory_agent.processes", "rotate"]
    rotating = subprocess.Popen(
        [*command, postgres_dsn, schema_name, OTHER_KEY, KEY], stdout=subprocess.PIPE, text=True
    )
    assert rotating.stdout is not None
    for line in rotating.stdout:
        if int(line) == killed_at:
            rotating.kill()
            break
    rotating.stdout.close()
    rotating.wait()

    ring = MemoryAgent(store=store, user_id="ada", encryption_key=[OTHER_KEY, KEY])
    assert ring.search_memory("k/") == list(range(200))
    assert 0 <= ring.rotate() <= 200 - killed_at
    new = MemoryAgent(store=store, user_id="ada", encryption_key=OTHER_KEY)
    assert new.search_memory("k/") == list(range(200))
    assert new.unreadable_memories() == []


def test_a_token_moved_to_another_users_row_does_not_decrypt(store: AgentStore) -> None:
    """By somebody who may write to the table."""
    MemoryAgent(store=store, user_id="ada", encryption_key=KEY).store_memory("a", "hers")
    token = store.for_user("ada").get(("memories",), "a")
    assert token is not None
    store.for_user("bob").put(("memories",), "a", token.value)

    with pytest.raises(DecryptionError, match="another memory, namespace or user"):
        MemoryAgent(store=store, user_id="bob", encryption_key=KEY).retrieve_memory("a")


@pytest.mark.parametrize("shape", ["user_id", "view", "tuple"])
def test_one_memory_decrypts_from_whichever_way_leads_to_it(store: AgentStore, shape: str) -> None:
    MemoryAgent(store=store, user_id="ada", encryption_key=KEY).store_memory("a", "hers")
    ways = {
        "user_id": lambda: MemoryAgent(store=store, user_id="ada", encryption_key=KEY),
        "view": lambda: MemoryAgent(store=store.for_user("ada"), encryption_key=KEY),
        "tuple": lambda: MemoryAgent(
            store=store, namespace=("users", "ada", "memories"), encryption_key=KEY
        ),
    }
    assert ways[shape]().retrieve_memory("a") == "hers"


def test_a_database_is_found_by_dsn_path_or_environment(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MemoryAgent("postgresql", dsn=fresh_database) as agent:
        agent.store_memory("a", 1)
    with MemoryAgent("postgres", fresh_database) as agent:
        assert agent.retrieve_memory("a") == 1
    monkeypatch.setenv("AGENTSTORE_DSN", fresh_database)
    with MemoryAgent() as agent:
        assert agent.retrieve_memory("a") == 1


async def test_awaitable_forms_work_on_any_loop(agent: MemoryAgent, tmp_path: Path) -> None:
    assert await agent.abatch_store([("a", {"n": 1}), ("b", [2])]) == 2
    assert await agent.asearch_memory("a", {"n": {"$lt": 2}}) == [{"n": 1}]
    assert await agent.abackup_data(tmp_path / "b.jsonl") == 2
    assert await agent.arestore_data(tmp_path / "b.jsonl") == 2
