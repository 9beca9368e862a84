"""Keyword index, and searching across `summary:*`."""

from __future__ import annotations

import pytest

from langgraph_agentstore import AgentIndexConfig, AgentStore, DataStore
from langgraph_agentstore.config.search_index import SearchMode
from tests.support.embedders import CountingEmbedder

from .conftest import Load, StartAnywhere
from .threads import at_once


async def test_what_one_agent_indexed_another_finds(start: StartAnywhere) -> None:
    writer, reader = await start("librarian"), await start("librarian")
    await writer({"name": "cats", "text": "Cats drink milk"}, None)
    await writer({"name": "tea", "text": "milk goes into tea"}, None)

    found = [await reader({"text": text}, None) for text in ("milk", "MILK tea", "milk dogs", "")]

    assert found == [["cats", "tea"], ["tea"], [], []]


async def test_an_index_loses_none_of_sixteen_documents_at_once(agent: Load) -> None:
    librarian, names = agent("librarian"), [f"doc{n:02}" for n in range(16)]

    await at_once(librarian, [{"name": name, "text": f"common {name}"} for name in names])

    assert await librarian({"text": "common"}, None) == names


async def test_a_document_that_is_indexed_again_is_in_the_index_once(
    agent: Load, data_store: DataStore
) -> None:
    for _ in range(2):
        await agent("librarian")({"name": "cats", "text": "cats"}, None)

    assert data_store.use_namespace("words").get_all() == {"cats": ["cats"]}


async def test_a_search_across_summaries_sees_just_them(agent: Load, data_store: DataStore) -> None:
    text = "Reads orders"
    data_store.set_many(dict.fromkeys(["summary:a.py", "note:b.py", "summary", "summary2:c"], text))
    data_store.use_namespace("other").set("summary:d.py", text)

    assert await agent("finder")({"query": "ORDERS reads"}, None) == ["a.py"]
    assert await agent("finder")({"query": "orders writes"}, None) == []


async def test_a_search_across_thousands_of_summaries_leaves_none_out_and_counts_no_access(
    agent: Load, data_store: DataStore
) -> None:
    data_store.set_many({f"summary:{n:04}": f"file {n}" for n in range(2500)})

    found = await agent("finder")({"query": "file"}, None)

    assert found == [f"{n:04}" for n in range(2500)]
    record = data_store.record("summary:0000")
    assert record is not None
    assert record.access_count == 0


@pytest.mark.parametrize("mode", ["vector", "text", "hybrid"])
def test_an_index_finds_summaries_in_each_mode(
    postgres_dsn: str, schema_name: str, mode: SearchMode
) -> None:
    index: AgentIndexConfig = {
        "embed": CountingEmbedder(),
        "dims": 16,
        "fields": ["$"],
        "mode": "hybrid",
    }
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        summaries = DataStore(store, "ada", "finder", "summaries")
        summaries.set_many({"a.py": "reads orders from the queue", "b.py": "prints invoices"})

        best = summaries.search("orders queue", mode=mode, limit=1)

    assert [found.key for found in best] == ["a.py"]
