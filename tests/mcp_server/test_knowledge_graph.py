"""The knowledge graph, by the official SDK's client: the reference server's documented behavior."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession
from mcp.shared.memory import create_connected_server_and_client_session as connected

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import DamagedFileError
from langgraph_agentstore.mcp_server import import_graph, knowledge_graph_server
from tests.mcp_server.clients import call, json_of, refused, stdio_session, text_of

JOHN = {"name": "John_Smith", "entityType": "person", "observations": ["Speaks fluent Spanish"]}
ACME = {"name": "Acme", "entityType": "organization", "observations": []}
WORKS = {"from": "John_Smith", "to": "Acme", "relationType": "works_at"}


async def begin(session: ClientSession) -> None:
    await call(session, "create_entities", entities=[JOHN, ACME])
    await call(session, "create_relations", relations=[WORKS])


async def test_what_is_created_is_read(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
        graph = await call(session, "read_graph")
    assert graph == {"entities": [JOHN, ACME], "relations": [WORKS]}


async def test_the_text_of_an_answer_is_its_data_as_json(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        created = await session.call_tool("create_entities", {"entities": [JOHN]})
        read = await session.call_tool("read_graph", {})
    assert json_of(created) == [JOHN]
    assert json_of(read) == read.structuredContent


async def test_existing_names_and_relations_are_left_alone(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
        other = {**JOHN, "entityType": "robot"}
        assert await call(session, "create_entities", entities=[other, ACME]) == {"entities": []}
        assert await call(session, "create_relations", relations=[WORKS]) == {"relations": []}
        twice = {"name": "Twice", "entityType": "t", "observations": []}
        created = await call(session, "create_entities", entities=[twice, twice])
        graph = await call(session, "read_graph")
    assert created == {"entities": [twice]}
    assert graph["entities"] == [JOHN, ACME, twice]


async def test_observations_are_added_once(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
        contents = ["Graduated in 2019", "Speaks fluent Spanish"]
        added = await call(
            session,
            "add_observations",
            observations=[{"entityName": "John_Smith", "contents": contents}],
        )
        opened = await call(session, "open_nodes", names=["John_Smith", "Nobody"])
    assert added == {
        "results": [{"entityName": "John_Smith", "addedObservations": ["Graduated in 2019"]}]
    }
    assert opened["entities"][0]["observations"] == ["Speaks fluent Spanish", "Graduated in 2019"]


async def test_what_concerns_an_unknown_entity_fails_and_writes_nothing(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
        relation = {"from": "John_Smith", "to": "Nobody", "relationType": "knows"}
        told = await refused(session, "create_relations", relations=[WORKS, relation])
        both = [
            {"entityName": "John_Smith", "contents": ["Likes tea"]},
            {"entityName": "Nobody", "contents": ["Is not there"]},
        ]
        also = await refused(session, "add_observations", observations=both)
        graph = await call(session, "read_graph")
    assert "Entity with name Nobody not found" in told
    assert "Entity with name Nobody not found" in also
    assert graph == {"entities": [JOHN, ACME], "relations": [WORKS]}


async def test_deleting_an_entity_deletes_its_relations(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
        await call(session, "delete_entities", entityNames=["Acme"])
        graph = await call(session, "read_graph")
        again = await session.call_tool("delete_entities", {"entityNames": ["Acme", "John_Smith"]})
    assert graph == {"entities": [JOHN], "relations": []}
    assert text_of(again) == "Deleted 1 of 2 entities. Not found: Acme"


async def test_deleting_tells_how_much_was_there(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
        one = await session.call_tool("delete_relations", {"relations": [WORKS]})
        none = await session.call_tool("delete_relations", {"relations": [WORKS]})
        some = await session.call_tool(
            "delete_observations",
            {
                "deletions": [
                    {"entityName": "John_Smith", "observations": [*JOHN["observations"], "x"]},
                    {"entityName": "Nobody", "observations": ["y"]},
                ]
            },
        )
        graph = await call(session, "read_graph")
    assert text_of(one) == "Relations deleted successfully"
    assert text_of(none) == "Deleted 0 of 1 relations. The rest matched nothing."
    assert text_of(some) == "Deleted 1 of 3 observations. Entities not found: Nobody"
    assert graph["entities"][0]["observations"] == []
    assert [entity["name"] for entity in graph["entities"]] == ["John_Smith", "Acme"]


@pytest.mark.parametrize("query", ["SMITH", "Person", "spanish"])
async def test_search_finds_names_types_and_observations_in_any_case(
    store: AgentStore, query: str
) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
        found = await call(session, "search_nodes", query=query)
    assert found == {"entities": [JOHN], "relations": [WORKS]}


async def test_wrong_arguments_are_told_without_their_values(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        told = await refused(session, "create_entities", entities=[{"name": "secret-7"}])
        long = await refused(session, "search_nodes", query="s3cret" * 1_000)
    assert "entities.0.entityType" in told
    assert "secret-7" not in told
    assert "s3cret" not in long


async def test_another_user_has_another_graph(store: AgentStore) -> None:
    async with connected(knowledge_graph_server(store, "ada")) as session:
        await begin(session)
    async with connected(knowledge_graph_server(store, "bob")) as session:
        assert await call(session, "read_graph") == {"entities": [], "relations": []}


async def test_the_reference_servers_file_is_imported(store: AgentStore, tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    lines: list[dict[str, Any]] = [
        {"type": "entity", **JOHN},
        {"type": "entity", **ACME},
        {"type": "relation", **WORKS},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    view = store.for_user("ada")
    added = await import_graph(view, file)
    assert added.as_data() == {"entities": [JOHN, ACME], "relations": [WORKS]}
    again = await import_graph(view, file)
    assert again.as_data() == {"entities": [], "relations": []}


async def test_a_damaged_file_imports_nothing(store: AgentStore, tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    file.write_text(json.dumps({"type": "entity", **JOHN}) + "\n{broken", encoding="utf-8")
    view = store.for_user("ada")
    with pytest.raises(DamagedFileError, match=r"line 2 of .*memory\.jsonl"):
        await import_graph(view, file)
    assert await view.acount() == 0


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [5, 1_112])
async def test_two_servers_at_once_lose_nothing(
    postgres_dsn: str, schema_name: str, rounds: int
) -> None:
    """Two processes and the Python API: three calls a round each, 10,000 in the long run."""
    arguments = (postgres_dsn, schema_name, "--user", "ada", "--knowledge-graph")

    async def work(session: ClientSession, name: str) -> None:
        for number in range(rounds):
            note = [{"entityName": "Shared", "contents": [f"{name} {number}"]}]
            own = {"name": f"{name}-{number}", "entityType": "t", "observations": []}
            relation = {"from": own["name"], "to": "Shared", "relationType": "of"}
            await asyncio.gather(
                call(session, "add_observations", observations=note),
                call(session, "create_entities", entities=[own]),
            )
            await call(session, "create_relations", relations=[relation])

    shared = {"name": "Shared", "entityType": "t", "observations": []}
    async with (
        AgentStore(postgres_dsn, schema=schema_name) as store,
        stdio_session(*arguments) as one,
        stdio_session(*arguments) as two,
        connected(knowledge_graph_server(store, "ada")) as three,
    ):
        await call(one, "create_entities", entities=[shared])
        await asyncio.gather(work(one, "one"), work(two, "two"), work(three, "three"))
        graph = await call(two, "read_graph")
    names = {f"{who}-{number}" for who in ("one", "two", "three") for number in range(rounds)}
    assert {entity["name"] for entity in graph["entities"]} == names | {"Shared"}
    assert {relation["from"] for relation in graph["relations"]} == names
    [entity] = [entity for entity in graph["entities"] if entity["name"] == "Shared"]
    assert {note.replace(" ", "-") for note in entity["observations"]} == names
