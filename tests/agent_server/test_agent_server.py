"""The Agent Server with this store as its own: `langgraph dev`, its REST interface and its runs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from langgraph_agentstore import AgentStore, DataStore
from tests.agent_server.project import (
    BUNDLED,
    SETUPS,
    STORE,
    AgentServer,
    get_client,
    langgraph_dev,
    write_project,
)
from tests.support.matrices import few
from tests.support.servers import temporary_folder

NOTES = ["users", "alice", "notes"]


@pytest.fixture(scope="module", params=SETUPS)
def agent_server(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[AgentServer]:
    setup = SETUPS[request.param]
    schema = f"t_{uuid4().hex[:12]}"
    with temporary_folder() as folder, AgentStore(postgres_dsn, schema=schema) as behind:
        write_project(folder, setup.path, STORE)
        environment = {
            "TEST_DSN": postgres_dsn,
            "TEST_SCHEMA": schema,
            "BG_JOB_ISOLATED_LOOPS": str(setup.isolated_loops).lower(),
        }
        with langgraph_dev(folder, **environment) as url:
            yield AgentServer(url, setup, behind)


@pytest.fixture
async def client(agent_server: AgentServer) -> AsyncIterator[Any]:
    async with agent_server.client() as client:
        yield client


@few(1)
async def test_the_rest_interface_puts_gets_and_deletes(
    agent_server: AgentServer, client: Any
) -> None:
    store = client.store

    await store.put_item(NOTES, "cat", {"is": "Turing"})
    assert (await store.get_item(NOTES, "cat"))["value"] == {"is": "Turing"}
    seen = agent_server.behind.for_user("alice").get(("notes",), "cat")
    assert seen is not None
    assert seen.value == {"is": "Turing"}

    await store.delete_item(NOTES, "cat")
    assert await store.get_item(NOTES, "cat") is None


@few(1)
async def test_the_rest_interface_searches_with_a_filter(client: Any) -> None:
    store = client.store
    for number in range(12):
        await store.put_item(["numbers", str(number % 2)], str(number), {"is": number})

    found = await store.search_items(["numbers"], filter={"is": {"$gte": 9}}, limit=2, offset=1)

    # Newest first: 11 is left out.
    assert [item["value"]["is"] for item in found["items"]] == [10, 9]


@few(1)
async def test_the_rest_interface_searches_by_meaning(client: Any) -> None:
    for text in ("green tea", "oat milk"):
        await client.store.put_item(["meanings"], text, {"text": text})
    found = await client.store.search_items(["meanings"], query="oat milk")
    assert found["items"][0]["key"] == "oat milk"
    assert found["items"][0]["score"] == pytest.approx(1)


@few(1)
async def test_the_rest_interface_lists_namespaces(client: Any) -> None:
    store = client.store
    for labels in (["tree", "a", "x"], ["tree", "b", "x"], ["tree", "b", "y"]):
        await store.put_item(labels, "leaf", {})

    suffixed = await store.list_namespaces(prefix=["tree"], suffix=["x"])
    shallow = await store.list_namespaces(prefix=["tree"], max_depth=2)

    assert suffixed["namespaces"] == [["tree", "a", "x"], ["tree", "b", "x"]]
    assert shallow["namespaces"] == [["tree", "a"], ["tree", "b"]]


@few(1)
async def test_the_rest_interface_gives_items_a_ttl(agent_server: AgentServer, client: Any) -> None:
    store = client.store

    await store.put_item(NOTES, "fleeting", {}, ttl=60)

    record = agent_server.behind.get_record(tuple(NOTES), "fleeting")
    assert record is not None
    assert record.expires_at is not None
    remaining = record.expires_at - datetime.now(timezone.utc)
    assert timedelta(minutes=58) < remaining <= timedelta(minutes=60)


@few(1)
async def test_runs_in_two_threads_share_a_memory_and_users_do_not(
    agent_server: AgentServer, client: Any
) -> None:
    async def say(user: str, says: str) -> dict[str, Any]:
        thread = (await client.threads.create())["thread_id"]
        config = {"configurable": {"user_id": user}}
        answer: dict[str, Any] = await client.runs.wait(
            thread, "talk", input={"says": says}, config=config
        )
        return answer

    told = await say("alice", "cats purr")
    alice, bob = await asyncio.gather(say("alice", "what is known?"), say("bob", "and of me?"))

    assert told["knows"] == []
    assert alice["knows"] == ["cats purr", "cats purr, blocking"]
    assert bob["knows"] == []
    assert told["thread"].startswith("bg-loop") is agent_server.setup.isolated_loops


@pytest.fixture(scope="module")
def authorising_server(postgres_dsn: str) -> Iterator[AgentServer]:
    setup = SETUPS["instance"]
    schema = f"t_{uuid4().hex[:12]}"
    with temporary_folder() as folder, AgentStore(postgres_dsn, schema=schema) as behind:
        write_project(folder, setup.path, STORE, auth={"path": "./auth.py:auth"})
        with langgraph_dev(folder, TEST_DSN=postgres_dsn, TEST_SCHEMA=schema) as url:
            yield AgentServer(url, setup, behind)


async def test_an_authorisation_filter_is_obeyed_alone_and_beside_the_callers(
    authorising_server: AgentServer,
) -> None:
    for key, readers, state in [
        ("shared", ["alice", "bob"], "published"),
        ("of alice", ["alice"], "published"),
        ("draft", ["alice", "bob"], "draft"),
    ]:
        value = {"readers": readers, "state": state, "size": len(readers)}
        authorising_server.behind.put(("docs",), key, value)

    async def found(user: str, **options: Any) -> set[str]:
        async with authorising_server.client(**{"x-user": user}) as client:
            answer = await client.store.search_items(["docs"], **options)
        return {item["key"] for item in answer["items"]}

    assert await found("alice") == {"shared", "of alice"}
    assert await found("bob") == {"shared"}
    assert await found("carol") == set()
    assert await found("alice", filter={"size": {"$lt": 2}}) == {"of alice"}
    assert await found("bob", filter={"size": {"$lt": 2}}) == set()


async def test_a_run_of_an_authenticated_user_has_that_users_records(
    authorising_server: AgentServer,
) -> None:
    for user in ("alice", "bob"):
        async with authorising_server.client(**{"x-user": user}) as client:
            thread = (await client.threads.create())["thread_id"]
            await client.runs.wait(thread, "talk", input={"says": f"I am {user}"})

    behind = authorising_server.behind
    visits = DataStore(behind, "alice", None, "visits").record("n")
    assert visits is not None
    assert (visits.value, visits.created_by_agent) == (1, "blocking")
    assert behind.for_user("alice").get(("said",), "I am alice") is not None
    assert [item.key for item in behind.for_user("bob").search(("said",))] == [
        "I am bob, blocking",
        "I am bob",
    ]


async def test_a_client_cannot_take_another_user_than_the_authenticated_one(
    authorising_server: AgentServer,
) -> None:
    authorising_server.behind.for_user("victim").put(("said",), "a secret", {})
    async with authorising_server.client(**{"x-user": "mallory"}) as client:
        thread = (await client.threads.create())["thread_id"]
        config = {"configurable": {"user_id": "victim"}}
        answer = await client.runs.wait(thread, "talk", input={"says": "hm"}, config=config)

    assert answer["knows"] == []
    secrets = authorising_server.behind.for_user("victim").search(("said",))
    assert [item.key for item in secrets] == ["a secret"]


@pytest.mark.postgres
async def test_a_server_starts_the_bundled_postgres_when_its_store_is_first_used() -> None:
    with temporary_folder() as folder:
        write_project(folder, "./agent_store.py:store", BUNDLED)
        with langgraph_dev(folder, TEST_FOLDER=str(folder / "data")) as url:
            async with get_client(url=url) as client:
                await client.store.put_item(NOTES, "cat", {"is": "Turing"})
                assert (await client.store.get_item(NOTES, "cat"))["value"] == {"is": "Turing"}


@pytest.fixture(scope="module", params=["isolated loops", "one loop"])
def guarded_server(request: pytest.FixtureRequest, postgres_dsn: str) -> Iterator[AgentServer]:
    """A server whose store is guarded, with records of two users and of nobody."""
    setup = replace(SETUPS["instance"], isolated_loops=request.param == "isolated loops")
    schema = f"t_{uuid4().hex[:12]}"
    with temporary_folder() as folder, AgentStore(postgres_dsn, schema=schema) as behind:
        for user in ("alice", "bob"):
            behind.for_user(user).put(("notes",), "secret", {"of": user})
        behind.put(("docs",), "page", {"of": "all"})
        write_project(folder, setup.path, STORE, auth={"path": "./guarded.py:auth"})
        environment = {
            "TEST_DSN": postgres_dsn,
            "TEST_SCHEMA": schema,
            "BG_JOB_ISOLATED_LOOPS": str(setup.isolated_loops).lower(),
        }
        with langgraph_dev(folder, **environment) as url:
            yield AgentServer(url, setup, behind)


@few(1)
@pytest.mark.parametrize("user", ["alice", "bob"])
async def test_a_guarded_user_uses_the_own_records_over_http(
    guarded_server: AgentServer, user: str
) -> None:
    own = ["users", user, "own"]
    async with guarded_server.client(**{"x-user": user}) as client:
        await client.store.put_item(own, "cat", {"is": "Turing"})
        assert (await client.store.get_item(own, "cat"))["value"] == {"is": "Turing"}
        found = await client.store.search_items(["users", user, "notes"])
        listed = await client.store.list_namespaces()
        await client.store.delete_item(own, "cat")

    assert [item["value"]["of"] for item in found["items"]] == [user]
    assert {tuple(labels[:2]) for labels in listed["namespaces"]} == {("users", user)}


@pytest.mark.parametrize(
    "namespace", [[], ["users"], ["users", "bob"], ["users", "bob", "notes"], ["docs"]], ids=str
)
async def test_a_guarded_user_reaches_nobody_elses_records_over_http(
    guarded_server: AgentServer, namespace: list[str]
) -> None:
    async with guarded_server.client(**{"x-user": "alice"}) as client:
        store = client.store
        attempts = [store.search_items(namespace), store.list_namespaces(prefix=["users", "*"])]
        if namespace:
            attempts += [
                store.put_item(namespace, "planted", {}),
                store.get_item(namespace, "secret"),
                store.delete_item(namespace, "secret"),
            ]
        answers = await asyncio.gather(*attempts, return_exceptions=True)

    statuses = [getattr(getattr(a, "response", None), "status_code", a) for a in answers]
    assert statuses == [403] * len(attempts)
    assert guarded_server.behind.for_user("bob").count(("notes",)) == 1


async def test_a_guarded_administrator_reaches_all_over_http(guarded_server: AgentServer) -> None:
    async with guarded_server.client(**{"x-user": "root"}) as client:
        found = await client.store.search_items([], filter={"of": {"$in": ["bob", "all"]}})

    assert {item["value"]["of"] for item in found["items"]} == {"bob", "all"}


def test_the_command_tells_which_projects_leave_the_store_open() -> None:
    with temporary_folder() as folder:
        write_project(folder, "./agent_store.py:store", STORE)
        config = folder / "langgraph.json"
        open_to_all = told_of(config)
        write_auth(config, "./auth.py:auth")
        half_guarded = told_of(config)
        write_auth(config, "./guarded.py:auth")
        guarded = told_of(config)
        write_auth(config, "./absent.py:auth")
        absent = told_of(config)

    assert (open_to_all.returncode, "no auth" in open_to_all.stdout) == (1, True)
    assert half_guarded.returncode == 1
    assert "put, get, delete, list_namespaces open" in half_guarded.stdout
    assert (guarded.returncode, guarded.stdout) == (0, "")
    assert (absent.returncode, "cannot be imported" in absent.stderr) == (2, True)


def write_auth(config: Path, auth_path: str) -> None:
    settings = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps({**settings, "auth": {"path": auth_path}}), "utf-8")


def told_of(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "langgraph_agentstore", "check-project", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
