"""`OpenAIEmbeddings` and `OllamaEmbeddings`, against a server that speaks their protocols."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.embeddings import Embeddings
from langchain_ollama import OllamaEmbeddings
from langchain_openai import OpenAIEmbeddings

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    ConfigurationError,
    EmbeddingError,
    EmbeddingShapeError,
    EmbeddingTimeoutError,
)
from tests.search.model_server import KEY, ModelServer, model_server
from tests.support.matrices import few

NS = ("users", "ann", "notes")

# Neither class closes the sockets of its clients.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    clients: list[httpx.Client] = []
    make = httpx.Client.__init__

    def noted(client: httpx.Client, *arguments: Any, **options: Any) -> None:
        make(client, *arguments, **options)
        clients.append(client)

    monkeypatch.setattr(httpx.Client, "__init__", noted)
    with model_server() as server:
        yield server
    for client in clients:
        client.close()
    gc.collect()


def openai(server: ModelServer, **options: Any) -> Embeddings:
    given = {"model": "small", "api_key": KEY, "check_embedding_ctx_length": False, **options}
    return OpenAIEmbeddings(base_url=f"{server.url}/v1", **given)


def ollama(server: ModelServer, **options: Any) -> Embeddings:
    return OllamaEmbeddings(model="small", base_url=server.url, **options)


@pytest.fixture(params=[openai, ollama], ids=["OpenAIEmbeddings", "OllamaEmbeddings"])
def embeddings(request: pytest.FixtureRequest, server: ModelServer) -> Embeddings:
    made: Embeddings = request.param(server)
    return made


@pytest.fixture
def opened(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    """Call it for a store with that embedder."""
    made: list[AgentStore] = []

    def open_(embed: Any, **options: Any) -> AgentStore:
        index = {"embed": embed, "dims": 8, "fields": ["text"], **options}
        made.append(AgentStore(postgres_dsn, schema=schema_name, index=index))
        return made[-1]

    yield open_
    for store in made:
        store.close()


def texts(count: int) -> list[Any]:
    return [(NS, f"k{n}", {"text": f"word{n} of many"}) for n in range(count)]


# It works


@few(2)
@pytest.mark.parametrize("mode", ["vector", "hybrid"])
def test_items_are_embedded_and_found(
    opened: Callable[..., AgentStore], embeddings: Embeddings, mode: str
) -> None:
    store = opened(embeddings, mode=mode)
    store.load(texts(150))
    store.put(NS, "tea", {"text": "green tea"})
    assert store.search(NS, query="green tea")[0].key == "tea"
    assert store.search(NS, query="word7 of many")[0].key == "k7"


@few(1)
async def test_items_are_embedded_and_found_awaited(
    opened: Callable[..., AgentStore], embeddings: Embeddings
) -> None:
    store = opened(embeddings)
    await asyncio.gather(*[store.aput(*item) for item in texts(30)])
    found = await asyncio.gather(
        *[store.asearch(NS, query=f"word{n} of many", limit=1) for n in range(30)]
    )
    assert [page[0].key for page in found] == [f"k{n}" for n in range(30)]


def test_the_name_of_the_model_is_noticed(
    opened: Callable[..., AgentStore], server: ModelServer
) -> None:
    opened(openai(server)).put(NS, "k", {"text": "a"})
    with pytest.raises(RuntimeError, match=r"model 'small'.*model 'large'"):
        opened(openai(server, model="large")).put(NS, "k", {"text": "a"})


# On any loop


def test_an_embedder_serves_a_store_and_its_owners_own_loops(
    opened: Callable[..., AgentStore], embeddings: Embeddings
) -> None:
    """A client of httpx belongs to the loop that used it first, and breaks on others."""
    store = opened(embeddings)

    async def by_both(n: int) -> None:
        own = [embeddings.aembed_query(f"own {n} {i}") for i in range(5)]
        stored = [store.aput(NS, f"{n} {i}", {"text": f"stored {n} {i}"}) for i in range(5)]
        await asyncio.gather(*own, *stored)

    asyncio.run(by_both(1))
    assert store.search(NS, query="stored 1 3")[0].key == "1 3"


def test_an_embedder_serves_two_stores_and_another_after_them(
    opened: Callable[..., AgentStore], embeddings: Embeddings
) -> None:
    stores = [opened(embeddings), opened(embeddings)]
    for n in range(5):
        for number, store in enumerate(stores):
            store.put(NS, f"{number} {n}", {"text": f"store {number} has {n}"})
    for store in stores:
        store.close()
    assert opened(embeddings).search(NS, query="store 1 has 3")[0].key == "1 3"


def test_an_embedder_serves_threads_with_loops_of_their_own(
    opened: Callable[..., AgentStore], embeddings: Embeddings
) -> None:
    store = opened(embeddings)

    def put(n: int) -> None:
        asyncio.run(store.aput(NS, f"k{n}", {"text": f"word{n} of many"}))

    threads = [threading.Thread(target=put, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.search(NS, query="word7 of many")[0].key == "k7"


# When it fails


@pytest.mark.parametrize("status", [429, 500])
def test_what_the_client_tries_again_succeeds(
    opened: Callable[..., AgentStore], server: ModelServer, status: int
) -> None:
    server.failures = [status, status]
    opened(openai(server)).put(NS, "k", {"text": "a"})
    assert len(server.texts) == 3


@pytest.mark.parametrize("make", [openai, ollama])
def test_a_failure_is_told_with_the_item_and_the_reason(
    opened: Callable[..., AgentStore], server: ModelServer, make: Callable[..., Any]
) -> None:
    store = opened(make(server, **({"max_retries": 0} if make is openai else {})))
    server.failures = [500] * 3
    with pytest.raises(EmbeddingError, match=r"key 'k' of namespace 'notes': .*come back"):
        store.put(NS, "k", {"text": "a"})
    assert store.get(NS, "k") is None
    server.failures = []
    store.put(NS, "k", {"text": "a"})


def test_a_refused_key_is_told_without_the_key(
    opened: Callable[..., AgentStore], server: ModelServer
) -> None:
    store = opened(openai(server, api_key="sk-another-9876543210"))
    with pytest.raises(EmbeddingError, match=r"AuthenticationError.*401") as raised:
        store.put(NS, "k", {"text": "a"})
    assert "9876543210" not in str(raised.value)


def test_vectors_of_another_length_are_refused(
    opened: Callable[..., AgentStore], server: ModelServer, embeddings: Embeddings
) -> None:
    server.dims = 5
    with pytest.raises(EmbeddingShapeError, match=r"'k'.*5 dimensions.*dims=8"):
        opened(embeddings).put(NS, "k", {"text": "a"})


def test_too_few_vectors_are_refused(
    opened: Callable[..., AgentStore], server: ModelServer, embeddings: Embeddings
) -> None:
    server.missing = 1
    with pytest.raises(EmbeddingError):
        opened(embeddings).load(texts(3))
    assert opened(None, mode="text").count() == 0


@few(1)
def test_a_server_that_does_not_answer_costs_those_alone_who_wait_for_it(
    opened: Callable[..., AgentStore], server: ModelServer, embeddings: Embeddings
) -> None:
    store = opened(embeddings, embed_timeout_s=0.3)
    store.put(NS, "k", {"text": "a"})
    server.answered.clear()
    for n in range(12):  # more than there are calls at once
        with pytest.raises(EmbeddingTimeoutError):
            store.put(NS, "late", {"text": f"late {n}"})
    assert store.get(NS, "k") is not None
    server.answered.set()
    store.put(NS, "late", {"text": "late"})
    assert store.search(NS, query="late")[0].key == "late"


# By name


def test_a_missing_key_is_told_when_the_store_is_made(
    opened: Callable[..., AgentStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"openai:small.*OPENAI_API_KEY") as raised:
        opened("openai:small")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_model_by_name_works(
    opened: Callable[..., AgentStore], server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    store = opened("ollama:small")
    store.put(NS, "tea", {"text": "green tea"})
    assert store.search(NS, query="green tea")[0].key == "tea"


async def test_a_model_by_name_works_where_blocking_is_forbidden(
    opened: Callable[..., AgentStore], server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the Agent Server forbids it on its loop."""
    blockbuster = pytest.importorskip("blockbuster")
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    with blockbuster.blockbuster_ctx():
        store = opened("ollama:small")
        await store.aput(NS, "tea", {"text": "green tea"})
        assert (await store.asearch(NS, query="green tea"))[0].key == "tea"


@pytest.mark.parametrize("name", ["nobody:small", "small", "cohere:small"])
def test_a_name_that_means_nothing_here_is_refused_with_what_does(
    opened: Callable[..., AgentStore], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"openai|pip install langchain-cohere"):
        opened(name)
