"""Both stores with an index, and asking them one query after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias, cast

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, IndexConfig
from langgraph.store.postgres import AsyncPostgresStore, PostgresStore
from langgraph.store.postgres.base import PoolConfig, PostgresIndexConfig
from typing_extensions import override

from langgraph_agentstore import AgentStore
from langgraph_agentstore.config.index import LARGEST_INLINE_VECTOR

CONNECTIONS = 8
LIMIT = 10
_MARK = "#"
_serial = count()


class Lookup(Embeddings):
    """The embedder of both: looks up the vector of a text, whatever follows a `#` in it."""

    def __init__(self, vectors: Mapping[str, list[float]]) -> None:
        self.vectors = vectors

    @override
    def embed_query(self, text: str) -> list[float]:
        return self.vectors[text.partition(_MARK)[0]]

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    # Without a thread, which the inherited ones would use.
    @override
    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)

    @override
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)


@dataclass(frozen=True, slots=True)
class Question:
    """A search; `text` is what the vector is looked up by, `field` has to be true."""

    namespace: tuple[str, ...]
    text: str
    field: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Of `search`; the text is another one each time."""
        filter = None if self.field is None else {self.field: True}
        text = f"{self.text}{_MARK}{next(_serial)}"
        return {"query": text, "filter": filter, "limit": LIMIT}


@dataclass(frozen=True, slots=True)
class Answer:
    """The keys found, and after how many milliseconds."""

    keys: tuple[str, ...]
    ms: float


Ask: TypeAlias = Callable[[Sequence[Question]], list[Answer]]


@dataclass(frozen=True, slots=True)
class Searcher:
    """One store in one way of using it; `ask` asks one question after the other."""

    label: str
    ask: Ask


def our_index(dims: int, embed: Embeddings) -> IndexConfig:
    """Nothing but what everyone gives."""
    return {"dims": dims, "embed": embed, "fields": ["text"]}


def their_index(dims: int, embed: Embeddings) -> PostgresIndexConfig:
    """HNSW with its defaults; of more than 2,000 dimensions only `halfvec` can be indexed."""
    kind = "vector" if dims <= LARGEST_INLINE_VECTOR else "halfvec"
    config = {**our_index(dims, embed), "ann_index_config": {"kind": "hnsw", "vector_type": kind}}
    return cast("PostgresIndexConfig", config)


def awaited(label: str, store: BaseStore, loop: asyncio.AbstractEventLoop) -> Searcher:
    """Awaits one search after the other."""

    async def ask_all(questions: Sequence[Question]) -> list[Answer]:
        answers = []
        for question in questions:
            began = time.perf_counter()
            found = await store.asearch(question.namespace, **question.arguments())
            ms = (time.perf_counter() - began) * 1000
            answers.append(Answer(tuple(item.key for item in found), ms))
        return answers

    return Searcher(label, lambda questions: loop.run_until_complete(ask_all(questions)))


def blocking(label: str, store: BaseStore) -> Searcher:
    """Calls one search after the other."""

    def ask_all(questions: Sequence[Question]) -> list[Answer]:
        answers = []
        for question in questions:
            began = time.perf_counter()
            found = store.search(question.namespace, **question.arguments())
            ms = (time.perf_counter() - began) * 1000
            answers.append(Answer(tuple(item.key for item in found), ms))
        return answers

    return Searcher(label, ask_all)


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Of asyncio itself; the official store's batching tasks end only when they are told to."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.run_until_complete(_cancel_others())
        loop.close()


async def _cancel_others() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def open_ours(dsn: str, dims: int, embed: Embeddings) -> Iterator[AgentStore]:
    """Ours, with all its connections open."""
    pool = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    with AgentStore(dsn, pool=pool, index=our_index(dims, embed)) as store:
        yield store


@contextmanager
def open_theirs(
    dsn: str, dims: int, embed: Embeddings, loop: asyncio.AbstractEventLoop
) -> Iterator[list[Searcher]]:
    """The official store, in each way it can be used for one search after the other."""
    pool: PoolConfig = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    ways: dict[str, dict[str, Any]] = {"pool": {"pool_config": pool}, "one connection": {}}
    index = their_index(dims, embed)
    found: list[Searcher] = []
    opened = AsyncExitStack()
    with ExitStack() as stack:
        stack.callback(lambda: loop.run_until_complete(opened.aclose()))
        for way, how in ways.items():
            store = stack.enter_context(PostgresStore.from_conn_string(dsn, index=index, **how))
            found.append(blocking(f"{way}, blocking", store))
            entering = opened.enter_async_context(
                AsyncPostgresStore.from_conn_string(dsn, index=index, **how)
            )
            found.append(awaited(f"{way}, awaited", loop.run_until_complete(entering), loop))
        yield found
