"""How embedders of every temper are called: from which thread, on which loop, how many at once."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    ConfigurationError,
    EmbeddingError,
    EmbeddingShapeError,
    EmbeddingTimeoutError,
)
from tests.support.embedders import words_vector
from tests.support.faults import run_script

NS = ("users", "ann", "notes")


def vectors_of(texts: list[str]) -> list[list[float]]:
    return [words_vector(text, 8) for text in texts]


@pytest.fixture
def opened(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    """Call it for a store with that embedder."""
    made: list[AgentStore] = []

    def open_(embed: Any, **options: Any) -> AgentStore:
        index = {"embed": embed, "dims": 8, "fields": ["text"], "model": "m", **options}
        made.append(AgentStore(postgres_dsn, schema=schema_name, index=index))
        return made[-1]

    yield open_
    for store in made:
        store.close()


async def use(store: AgentStore, count: int = 20) -> None:
    """Writes and searches, all at once; each item is found by its text."""
    await asyncio.gather(*[store.aput(NS, f"k{n}", {"text": f"word{n}"}) for n in range(count)])
    searches = [store.asearch(NS, query=f"word{n}", limit=1) for n in range(count)]
    writes = [store.aput(NS, f"new{n}", {"text": f"new{n}"}) for n in range(count)]
    found = await asyncio.gather(*searches, *writes)
    pages: list[Any] = list(found[:count])
    assert [page[0].key for page in pages] == [f"k{n}" for n in range(count)]


# One thread at a time


class Fragile:
    """What a model is that must not be used by two threads at once, nor by one after another."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self._busy = threading.Lock()

    def __call__(self, texts: list[str]) -> list[list[float]]:
        self.threads.add(threading.get_ident())
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("Already borrowed")
        try:
            time.sleep(0.001)
            return vectors_of(texts)
        finally:
            self._busy.release()

    def encode(self, texts: list[str]) -> list[list[float]]:
        return self(texts)


class FragileModel(Embeddings):
    def __init__(self, inner: Fragile) -> None:
        self.inner = inner

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.inner(texts)

    def embed_query(self, text: str) -> list[float]:
        return self.inner([text])[0]


FRAGILE: dict[str, Callable[[Fragile], Any]] = {
    "a callable": lambda fragile: fragile,
    "a function": lambda fragile: lambda texts: fragile(texts),  # noqa: PLW0108
    "a bound method": lambda fragile: fragile.encode,
    "a LangChain class": FragileModel,
}


@pytest.mark.parametrize("kind", FRAGILE)
async def test_a_model_that_bears_one_thread_alone_gets_one(
    opened: Callable[..., AgentStore], kind: str
) -> None:
    fragile = Fragile()
    await use(opened(FRAGILE[kind](fragile), embed_batch_size=3))
    assert len(fragile.threads) == 1


async def test_a_model_that_bears_more_threads_can_have_them(
    opened: Callable[..., AgentStore],
) -> None:
    together = threading.Barrier(2)

    def embed(texts: list[str]) -> list[list[float]]:
        together.wait(10)
        return vectors_of(texts)

    store = opened(embed, embed_concurrency=4, embed_batch_size=1)
    await asyncio.gather(*[store.aput(NS, f"k{n}", {"text": f"t{n}"}) for n in range(4)])


async def test_questions_to_a_function_go_together(opened: Callable[..., AgentStore]) -> None:
    calls: list[int] = []

    def embed(texts: list[str]) -> list[list[float]]:
        calls.append(len(texts))
        time.sleep(0.01)
        return vectors_of(texts)

    store = opened(embed)
    await store.asetup()
    await asyncio.gather(*[store.asearch(NS, query=f"q{n}") for n in range(50)])
    assert sum(calls) == 50
    assert len(calls) < 25


# Forms that are not there


class OnlyAwaited(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return vectors_of([text])[0]


class BlocksByALoop(OnlyAwaited):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return asyncio.get_running_loop().run_until_complete(self.aembed_documents(texts))

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class Duck:
    """Of no class of LangChain's."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)


class AwaitedDuck:
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)


def gives_a_coroutine(texts: list[str]) -> Any:
    """As decorators make of a coroutine function."""

    async def later() -> list[list[float]]:
        return vectors_of(texts)

    return later()


@pytest.mark.parametrize(
    "embed",
    [OnlyAwaited(), BlocksByALoop(), Duck(), AwaitedDuck(), gives_a_coroutine],
    ids=["awaited alone", "blocking by a loop", "a duck", "an awaited duck", "gives a coroutine"],
)
async def test_whichever_form_is_there_is_used(
    opened: Callable[..., AgentStore], embed: Any
) -> None:
    await use(opened(embed))


# Loops


class Bound:
    """What a client of an event loop is: it serves the loop that used it first."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, texts: list[str]) -> list[list[float]]:
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError("bound to a different event loop")
        return vectors_of(texts)


async def test_an_awaited_embedder_serves_several_stores_and_a_reindex_on_one_loop(
    opened: Callable[..., AgentStore],
) -> None:
    bound = Bound()
    first, second = opened(bound), opened(bound)
    await asyncio.gather(use(first), use(second))
    await first.areindex()
    await first.aclose()
    await use(opened(bound))


# Slow and stuck


def test_a_blocking_call_that_never_ends_is_left_behind(opened: Callable[..., AgentStore]) -> None:
    never = threading.Event()

    def embed(texts: list[str]) -> list[list[float]]:
        if texts == ["stuck"]:
            never.wait(60)
        return vectors_of(texts)

    store = opened(embed, embed_timeout_s=0.3)
    for n in range(3):
        with pytest.raises(EmbeddingTimeoutError):
            store.put(NS, f"k{n}", {"text": "stuck"})
        store.put(NS, f"k{n}", {"text": "quick"})
    never.set()


async def test_many_that_wait_for_a_model_that_hangs_do_not_wait_one_by_one(
    opened: Callable[..., AgentStore],
) -> None:
    never, calls = threading.Event(), []

    class Hangs(Duck):
        def embed_query(self, text: str) -> list[float]:
            calls.append(text)
            never.wait(60)
            return vectors_of([text])[0]

    store = opened(Hangs(), embed_timeout_s=0.3)
    searches = [store.asearch(NS, query=f"q{n}") for n in range(30)]
    failed = await asyncio.gather(*searches, return_exceptions=True)
    assert {type(error) for error in failed} == {EmbeddingTimeoutError}
    assert len(calls) < 5
    never.set()


async def test_an_awaited_call_that_blocks_its_loop_stops_no_other_for_long(
    opened: Callable[..., AgentStore],
) -> None:
    never = threading.Event()

    async def blocks(texts: list[str]) -> list[list[float]]:
        await asyncio.to_thread(never.wait, 0)
        never.wait(60)
        return vectors_of(texts)

    async def quick(texts: list[str]) -> list[list[float]]:
        return vectors_of(texts)

    stuck, other = opened(blocks, embed_timeout_s=0.3), opened(quick, embed_timeout_s=5)
    with pytest.raises(EmbeddingTimeoutError):
        await stuck.aput(NS, "k", {"text": "a"})
    await other.aput(NS, "k", {"text": "b"})
    never.set()


_STUCK_AT_EXIT = """
import sys, threading
from langgraph_agentstore import AgentStore
def stuck(texts):
    threading.Event().wait()
async def stuck_too(texts):
    threading.Event().wait()
for embed in (stuck, stuck_too):
    index = {"embed": embed, "dims": 3, "embed_timeout_s": 0.2, "model": "m"}
    store = AgentStore(sys.argv[1], index=index)
    try:
        store.put(("exit",), "k", {"n": 1})
    except TimeoutError:
        print("given up")
"""


def test_a_process_ends_though_its_embedder_is_stuck(fresh_database: str) -> None:
    assert run_script(_STUCK_AT_EXIT, fresh_database).split("\n")[:2] == ["given up", "given up"]


_FORKED = """
import os, sys, warnings
from langgraph_agentstore import AgentStore
warnings.simplefilter("ignore")
def blocking(texts):
    return [[1.0, 2.0, 3.0] for _ in texts]
async def awaited(texts):
    return blocking(texts)
for embed in (blocking, awaited):
    index = {"embed": embed, "dims": 3, "model": "m"}
    store = AgentStore(sys.argv[1], schema=embed.__name__, index=index)
    store.put(("forked",), "parent", {"n": 1})
    child = os.fork()
    store.put(("forked",), f"{child == 0}", {"n": 2})
    found = store.search(("forked",), query="n")
    if child == 0:
        store.close()
        os._exit(0 if "parent" in [item.key for item in found] else 1)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_embeds_by_threads_of_its_own(fresh_database: str) -> None:
    assert run_script(_FORKED, fresh_database).split() == ["0", "0"]


# Made when needed


async def test_an_embedder_that_is_slow_to_make_delays_those_alone_who_need_it(
    opened: Callable[..., AgentStore],
) -> None:
    ready, made_by = threading.Event(), []

    def make() -> Any:
        made_by.append(threading.current_thread().name)
        assert ready.wait(30)
        return Fragile()

    # The limit is on calls, not on making what is called.
    store = opened(make, embed_timeout_s=0.2)
    await store.asetup()
    assert made_by == []
    waiting = [asyncio.ensure_future(use(store))]
    await store.aput(NS, "plain", {"n": 1})
    await store.aput(NS, "unindexed", {"text": "a"}, index=False)
    assert await store.aget(NS, "plain") is not None
    assert not waiting[0].done()
    ready.set()
    await asyncio.gather(*waiting)
    assert made_by == ["agentstore-embed"]


async def test_an_embedder_that_cannot_be_made_is_told_and_tried_again(
    opened: Callable[..., AgentStore],
) -> None:
    attempts: list[int] = []

    def make() -> Any:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("no room for the model")
        return vectors_of

    store = opened(make)
    with pytest.raises(EmbeddingError, match="could not be made: OSError: no room") as raised:
        await store.aput(NS, "k", {"text": "a"})
    assert isinstance(raised.value.__cause__, OSError)
    await use(store)
    assert len(attempts) == 2


def test_what_a_factory_makes_must_be_an_embedder(opened: Callable[..., AgentStore]) -> None:
    with pytest.raises(ConfigurationError, match=r"embed is .*, got int"):
        opened(lambda: 7).put(NS, "k", {"text": "a"})
    with pytest.raises(ConfigurationError, match="another factory"):
        opened(lambda: lambda: vectors_of).put(NS, "k", {"text": "a"})


# Functions of another shape


def one(text: str) -> list[float]:
    return [float(len(text)), 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def one_of_three(text: str) -> list[float]:
    return [float(len(text)), 1.0, 2.0]


def lower(text: str) -> list[float]:
    return [float(text.lower().count("a"))] * 8


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("function", [one, one_of_three])
def test_a_function_of_one_text_is_told_how_to_be_written(
    opened: Callable[..., AgentStore], function: Any, count: int
) -> None:
    items = [(NS, f"k{n}", {"text": f"text {n}"}) for n in range(count)]
    with pytest.raises(EmbeddingShapeError, match=r"one list of \d numbers for 1 text.*\[f\(text"):
        opened(function).load(items)


def test_a_function_that_fails_at_a_list_is_told_what_it_was_given(
    opened: Callable[..., AgentStore],
) -> None:
    with pytest.raises(EmbeddingError, match=r"'lower'.* is given a list of texts"):
        opened(lower).put(NS, "k", {"text": "a"})


def test_a_search_by_a_function_of_one_text_is_told_too(opened: Callable[..., AgentStore]) -> None:
    with pytest.raises(EmbeddingShapeError, match="is given a list of texts"):
        opened(one).search(NS, query="a")
