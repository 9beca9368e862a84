"""Embedders that are slow, or become slow, or hang: the time limit is on a call, not on a save."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.memory import InMemoryStore
from typing_extensions import override

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.conversations.turns import Turn, new_turn
from langgraph_agentstore.errors import EmbeddingTimeoutError, StoreClosedError
from langgraph_agentstore.transfer import acopy, copy
from tests.support.embedders import words_vector
from tests.support.matrices import few

NS = ("users", "ann", "notes")
LIMIT_S = 0.5


class Busy(Embeddings):
    """A model that takes a while for each text, and hangs at a text with "hang" in it.

    It bears one thread at a time, as tokenizers do.
    """

    def __init__(self, per_text_s: float = 0.01) -> None:
        self.per_text_s = per_text_s
        self.sizes: list[int] = []
        self.released = threading.Event()
        self._busy = threading.Lock()

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("Already borrowed")
        try:
            self.sizes.append(len(texts))
            if any("hang" in text for text in texts):
                self.released.wait(30)
            self.released.wait(self.per_text_s * len(texts))
            return [words_vector(text, 8) for text in texts]
        finally:
            self._busy.release()

    @override
    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class AwaitedBusy(Busy):
    """The same for a model that is awaited: its calls go on side by side."""

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError

    @override
    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.sizes.append(len(texts))
        await asyncio.sleep(self.per_text_s * len(texts))
        return [words_vector(text, 8) for text in texts]


@pytest.fixture
def opened(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    """Call it for a store with that embedder."""
    made: list[tuple[AgentStore, Busy]] = []

    def open_(model: Busy, **options: Any) -> AgentStore:
        index: dict[str, Any] = {"embed": model, "dims": 8, "fields": ["text"], "model": "m"}
        index |= {"embed_timeout_s": LIMIT_S, **options}
        made.append((AgentStore(postgres_dsn, schema=schema_name, index=index), model))
        return made[-1][0]

    yield open_
    for store, model in made:
        model.released.set()
        store.close()


def turns(count: int) -> list[Turn]:
    began = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return [
        new_turn("monday", f"word{n}", "yes", at=began + timedelta(seconds=n)) for n in range(count)
    ]


def items(count: int) -> list[tuple[Any, str, dict[str, Any]]]:
    return [(NS, f"k{n}", {"text": f"word{n}"}) for n in range(count)]


@few(1)
@pytest.mark.parametrize("kind", [Busy, AwaitedBusy])
def test_a_batch_that_takes_too_long_is_embedded_in_parts(
    opened: Callable[..., AgentStore], kind: type[Busy]
) -> None:
    model = kind()
    memory = ConversationMemory(opened(model), "ann")
    assert memory.save_turns(turns(200)) == 200
    assert len(list(memory.turns())) == 200
    assert max(model.sizes) == 64
    # What took too long once is not tried again, so that a long save is not slowed down.
    assert model.sizes.count(64) <= 4


def load(store: AgentStore) -> int:
    return store.load(items(100))


def reindex(store: AgentStore) -> int:
    store.load((ns, key, value, words_vector("old", 8)) for ns, key, value in items(100))
    return store.reindex(progress=None)


def copied(store: AgentStore) -> int:
    source = InMemoryStore()
    for ns, key, value in items(100):
        source.put(ns, key, value)
    return copy(source, store)


def acopied(store: AgentStore) -> int:
    source = InMemoryStore()
    for ns, key, value in items(100):
        source.put(ns, key, value)
    return asyncio.run(acopy(source, store))


def saved_at_once(store: AgentStore) -> int:
    async def save() -> int:
        await asyncio.gather(*[store.aput(*item) for item in items(100)])
        return 100

    return asyncio.run(save())


@few(2)
@pytest.mark.parametrize("write", [load, reindex, copied, acopied, saved_at_once])
def test_a_slow_embedder_fails_no_large_write(
    opened: Callable[..., AgentStore], write: Callable[[AgentStore], int]
) -> None:
    store = opened(Busy())
    assert write(store) == 100
    scores = {item.key: item.score or 0 for item in store.search(NS, query="word42", limit=100)}
    assert len(scores) == 100
    assert scores["k42"] > 0.99


def test_batches_become_smaller_before_a_slower_model_takes_too_long(
    opened: Callable[..., AgentStore],
) -> None:
    model = Busy(per_text_s=LIMIT_S * 0.7 / 64)
    opened(model).load(items(200))
    assert model.sizes[:3] == [64, 32, 32]


def test_batches_become_larger_again_when_the_model_is_faster(
    opened: Callable[..., AgentStore],
) -> None:
    model = Busy()
    store = opened(model)
    store.load(items(64))
    model.per_text_s, model.sizes = 0, []
    store.load((NS, f"new{n}", {"text": f"new{n}"}) for n in range(500))
    assert model.sizes[-2] == 64


def test_a_text_that_takes_too_long_is_told_by_its_item(
    opened: Callable[..., AgentStore],
) -> None:
    class Picky(Busy):
        @override
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            if any("hang" in text for text in texts):
                time.sleep(1.5 * LIMIT_S)
            return super().embed_documents([text.replace("hang", "") for text in texts])

    store = opened(Picky(0.001))
    with pytest.raises(EmbeddingTimeoutError, match=r"'bad'.*0\.5 s for one text"):
        store.load([*items(40), (NS, "bad", {"text": "hang"})])
    began = time.monotonic()
    assert store.load(items(40)) == 40
    assert time.monotonic() - began < 2


def test_a_model_that_hangs_is_told_with_what_was_saved_before(
    opened: Callable[..., AgentStore],
) -> None:
    store = opened(Busy(0))
    memory = ConversationMemory(store, "ann")
    given = turns(2500)
    given[1500] = new_turn("monday", "hang", "", at=given[1500].timestamp)
    began = time.monotonic()
    with pytest.raises(EmbeddingTimeoutError, match=r"0\.5 s and seems to hang") as raised:
        memory.save_turns(given)
    assert time.monotonic() - began < 10
    assert "(the first 1000 items are written)" in str(raised.value)
    assert given[1500].key in str(raised.value) or "monday" in str(raised.value)
    assert len(list(memory.turns())) == 1000


def test_a_reindex_whose_model_hangs_is_told_with_what_was_done(
    opened: Callable[..., AgentStore],
) -> None:
    class HangsLate(Busy):
        @override
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return super().embed_documents(["hang"] if "word250" in texts else texts)

    model = HangsLate(0)
    model.released.set()
    store = opened(model)
    store.load((NS, f"k{n:03}", {"text": f"word{n}"}, words_vector("old", 8)) for n in range(450))
    model.released.clear()
    with pytest.raises(EmbeddingTimeoutError, match=r"\(200 items are done; the next reindex"):
        store.reindex(progress=None)
    model.released.set()
    assert store.reindex(progress=None) == 250


def test_closing_a_store_does_not_wait_for_a_call_that_was_given_up(
    opened: Callable[..., AgentStore],
) -> None:
    store = opened(Busy(0))
    hanging = [(NS, f"k{n}", {"text": f"hang {n}"}) for n in range(10)]

    def load() -> None:
        with pytest.raises((EmbeddingTimeoutError, StoreClosedError)):
            store.load(hanging)

    loading = threading.Thread(target=load)
    loading.start()
    time.sleep(1.4 * LIMIT_S)  # the call was given up, and its end is waited for
    began = time.monotonic()
    store.close()
    loading.join(5)
    assert not loading.is_alive()
    assert time.monotonic() - began < 5
