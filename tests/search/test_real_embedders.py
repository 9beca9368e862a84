"""Stores whose embedder is a LangChain class, as people have them: each surface, in each mode."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore, PutOp
from pydantic import BaseModel, Field

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore, DataStoreService, transfer
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.files import DeepAgentsBackend, StoreBackend
from langgraph_agentstore.memory_agent import MemoryAgent
from tests.support.official import fill

NS = ("users", "ann", "notes")
TEA = {"text": "green tea"}
MILK = {"text": "oat milk"}


class Tagged(DeterministicFakeEmbedding):
    """A pydantic model of a user's own, with a field that cannot be hashed."""

    tags: list[str] = Field(default_factory=list)


def index_of(mode: str, embed: Any = None) -> dict[str, Any]:
    return {
        "embed": DeterministicFakeEmbedding(size=3) if embed is None else embed,
        "dims": 3,
        "fields": ["text"],
        "mode": mode,
    }


@pytest.fixture
def opened(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    """Call it for a store on the test's schema, or on one whose name goes on."""
    made: list[AgentStore] = []

    def open_(index: Any, suffix: str = "") -> AgentStore:
        made.append(AgentStore(postgres_dsn, schema=f"{schema_name}{suffix}", index=index))
        return made[-1]

    yield open_
    for store in made:
        store.close()


@pytest.fixture(params=["vector", "text", "hybrid"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(opened: Callable[..., AgentStore], mode: str) -> AgentStore:
    return opened(index_of(mode))


def found(store: Any, query: str = "green tea") -> str:
    """The key of the item that is found first."""
    return str(store.search((), query=query)[0].key)


# Every surface


def test_items_are_written_read_found_changed_and_removed(store: AgentStore) -> None:
    store.put(NS, "tea", TEA)
    store.put(NS, "milk", MILK, expected_version=0)
    assert store.get(NS, "tea").value == TEA  # type: ignore[union-attr]
    assert found(store) == "tea"
    store.update(NS, "milk", lambda old: {**(old or {}), "n": 1})
    assert found(store, "oat milk") == "milk"
    store.delete(NS, "tea")
    assert store.count() == 1
    assert store.delete_user("ann") == 1


async def test_items_are_written_read_found_changed_and_removed_awaited(store: AgentStore) -> None:
    await store.aput(NS, "tea", TEA)
    assert (await store.aget(NS, "tea")).value == TEA  # type: ignore[union-attr]
    await store.aupdate(NS, "tea", lambda old: {**(old or {}), "n": 1})
    assert (await store.asearch((), query="green tea"))[0].key == "tea"
    await store.adelete(NS, "tea")
    assert await store.acount() == 0


def test_items_are_loaded(store: AgentStore) -> None:
    assert store.load([(NS, "tea", TEA), (NS, "milk", MILK)]) == 2
    assert found(store) == "tea"


def test_items_are_reindexed_for_a_model_of_another_length(store: AgentStore, mode: str) -> None:
    store.load([(NS, "tea", TEA), (NS, "milk", MILK)])
    store.reindex(index_of(mode, Tagged(size=4)) | {"dims": 4, "model": "longer"})
    store.put(NS, "water", {"text": "water"})
    assert (found(store), found(store, "water")) == ("tea", "water")


def test_a_view_of_one_user_finds_that_users_items(store: AgentStore) -> None:
    store.for_user("ann").put(("notes",), "tea", TEA)
    assert found(store.for_user("ann")) == "tea"
    assert store.for_user("bob").search((), query="green tea") == []


async def test_a_graph_finds_the_items_of_the_user_it_runs_for(store: AgentStore) -> None:
    async def note(state: MessagesState, *, store: BaseStore) -> dict[str, Any]:
        own = store.per_user()  # type: ignore[attr-defined]
        await own.aput(("notes",), "tea", TEA)
        return {"messages": [AIMessage((await own.asearch((), query="green tea"))[0].key)]}

    graph = StateGraph(MessagesState).add_node(note).add_edge(START, "note").compile(store=store)
    ann: Any = {"configurable": {"user_id": "ann"}}
    outcome = await graph.ainvoke({"messages": [HumanMessage("Hi")]}, ann)
    assert outcome["messages"][-1].content == "tea"
    assert found(store.for_user("ann")) == "tea"


def test_a_conversation_is_saved_and_found(store: AgentStore) -> None:
    memory = ConversationMemory(store, "ann")
    memory.save_turn("do you like green tea?", "yes", "t")
    memory.save_messages([HumanMessage("and oat milk?"), AIMessage("no")], "t")
    assert "yes" in [turn.response for turn in memory.search("green tea")]
    assert len(list(memory.turns("t"))) == 2


async def test_a_conversation_is_saved_and_found_awaited(store: AgentStore) -> None:
    memory = ConversationMemory(store, "ann")
    await memory.asave_turn("do you like green tea?", "yes", "t")
    assert (await memory.asearch("green tea"))[0].response == "yes"


def test_records_are_written_and_found(store: AgentStore) -> None:
    records = DataStore(store, "ann", "guide")
    records.set("tea", TEA)
    records.set_many({"milk": MILK})
    records.update("milk", lambda old: {**old, "n": 1})
    assert records.search("green tea")[0].key == "tea"
    assert records.get("milk") == {**MILK, "n": 1}


async def test_records_are_written_and_found_awaited(store: AgentStore) -> None:
    records = AsyncDataStore(store, "ann", "guide")
    await records.set("tea", TEA)
    assert (await records.search("green tea"))[0].key == "tea"


def test_records_are_written_through_the_service(store: AgentStore) -> None:
    service = DataStoreService(store)
    service.set("ann", "notes", "tea", TEA, agent_name="guide")
    record = service.get("ann", "notes", "tea")
    assert record is not None
    assert record.value == TEA


def test_memories_are_kept(store: AgentStore) -> None:
    with MemoryAgent(store=store, user_id="ann") as agent:
        agent.store_memory("tea", TEA)
        agent.update_memory("tea", {"n": 1})
        assert agent.search_memory("tea", {"n": 1}) == [{**TEA, "n": 1}]


@pytest.mark.parametrize("backend", [StoreBackend, DeepAgentsBackend])
def test_files_are_kept(store: AgentStore, backend: Any) -> None:
    files = backend(store=store, namespace=("files",))
    files.write("/a.txt", "green tea")
    files.edit("/a.txt", "green", "black")
    assert "black tea" in str(files.read("/a.txt"))


def test_a_store_is_exported_and_imported(
    store: AgentStore, opened: Callable[..., AgentStore], mode: str, tmp_path: Path
) -> None:
    store.put(NS, "tea", TEA)
    transfer.export(store, tmp_path / "all.jsonl")
    other = opened(index_of(mode), "_to")
    transfer.import_(other, tmp_path / "all.jsonl")
    assert found(other) == "tea"


def test_a_store_is_copied(store: AgentStore, opened: Callable[..., AgentStore], mode: str) -> None:
    store.put(NS, "tea", TEA)
    other = opened(index_of(mode), "_to")
    transfer.copy(store, other)
    assert found(other) == "tea"


def test_the_official_stores_items_and_vectors_are_taken_over(
    store: AgentStore, fresh_database: str
) -> None:
    index = {"embed": DeterministicFakeEmbedding(size=3), "dims": 3, "fields": ["text"]}
    fill(fresh_database, [PutOp(NS, "tea", TEA), PutOp(NS, "milk", MILK)], index=index)
    assert store.migrate_from_langgraph_postgres(fresh_database).copied == 2
    assert found(store) == "tea"


# Every kind of embedder


def vectors_of(texts: list[str]) -> list[list[float]]:
    return DeterministicFakeEmbedding(size=3).embed_documents(texts)


async def awaited_vectors_of(texts: list[str]) -> list[list[float]]:
    return vectors_of(texts)


class Fields(BaseModel, Embeddings):
    """A pydantic model whose equality compares its fields, of which one cannot be compared."""

    size: int = 3
    weights: Any = None

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise TypeError("cannot be compared")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)

    def embed_query(self, text: str) -> list[float]:
        return vectors_of([text])[0]


class Odd:
    """A callable that is false, empty, equal to everything, and cannot be hashed or pickled."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.generator = iter("unpicklable")

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return True

    def __call__(self, texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)

    def bound(self, texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)


class Awaited:
    async def __call__(self, texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)


def with_dims(texts: list[str], *, dims: int) -> list[list[float]]:
    return [vector[:dims] for vector in vectors_of(texts)]


EMBEDDERS: dict[str, Callable[[], Any]] = {
    "a pydantic model": lambda: DeterministicFakeEmbedding(size=3),
    "a pydantic model of one's own": lambda: Tagged(size=3, tags=["a"]),
    "fields that cannot be compared": lambda: Fields(weights=object()),
    "a callable that is false": Odd,
    "a bound method": lambda: Odd().bound,
    "a partial": lambda: functools.partial(with_dims, dims=3),
    "a partial of a coroutine function": lambda: functools.partial(awaited_vectors_of),
    "a lambda": lambda: lambda texts: list(vectors_of(texts)),
    "a function": lambda: vectors_of,
    "a coroutine function": lambda: awaited_vectors_of,
    "a callable whose call is awaited": Awaited,
}


@pytest.mark.parametrize("kind", EMBEDDERS)
def test_any_kind_of_embedder_works(opened: Callable[..., AgentStore], kind: str) -> None:
    store = opened(index_of("hybrid", EMBEDDERS[kind]()))
    store.load([(NS, "tea", TEA), (NS, "milk", MILK)])
    store.put(NS, "tea", {**TEA, "n": 1})
    store.delete(NS, "milk")
    assert found(store) == "tea"


def test_chunking_and_reranking_by_objects_that_cannot_be_hashed(
    opened: Callable[..., AgentStore],
) -> None:
    class Cut(Odd):
        def __call__(self, text: str) -> list[str]:  # type: ignore[override]
            return text.split()

    class Reversed(Odd):
        def __call__(self, query: str, items: Any) -> Any:  # type: ignore[override]
            return [item.value["n"] for item in items]

    store = opened(index_of("hybrid") | {"chunk": Cut(), "rerank": Reversed()})
    store.load([(NS, "tea", {**TEA, "n": 1}), (NS, "milk", {**MILK, "n": 2})])
    assert found(store, "tea") == "milk"


# Nothing is kept


def test_a_store_that_is_gone_keeps_no_embedder_alive(postgres_dsn: str, schema_name: str) -> None:
    embedder = Odd()
    gone = weakref.ref(embedder)
    store = AgentStore(postgres_dsn, schema=schema_name, index=index_of("hybrid", embedder))
    del embedder
    store.load([(NS, "tea", TEA), (NS, "milk", MILK)])
    store.put(NS, "tea", TEA)
    assert found(store) == "tea"
    DataStore(store, "ann", "guide").set("tea", TEA)
    store.close()
    del store
    gc.collect()
    assert gone() is None


def test_a_reindexed_store_lets_go_of_the_former_embedder(
    opened: Callable[..., AgentStore],
) -> None:
    embedder = Odd()
    gone = weakref.ref(embedder)
    store = opened(index_of("hybrid", embedder))
    del embedder
    store.put(NS, "tea", TEA)
    store.reindex(index_of("hybrid"))
    assert found(store) == "tea"
    gc.collect()
    assert gone() is None
