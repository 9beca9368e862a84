"""Writes on a store with an embedder: an item is found by what it says now, and by nothing else."""

from __future__ import annotations

import asyncio
import logging
import threading
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    BatchError,
    EmbeddingError,
    EmbeddingShapeError,
    EmbeddingTimeoutError,
    InvalidOperationError,
    VersionConflictError,
)
from tests.support.faults import execute, run_script, until

NS = ("users", "ann", "notes")
DIMS = 32


def vector_of(text: str) -> list[float]:
    """A direction of its own for each text: another text is far away."""
    chance = np.random.default_rng(zlib.crc32(text.encode()))
    return list(map(float, chance.standard_normal(DIMS)))


class Model:
    """A blocking embedder that counts what it is asked, and can be made to wait or to fail."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.entered = threading.Event()
        self.released = threading.Event()

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls.append(list(texts))
        if any(text.startswith("slow") for text in texts):
            self.entered.set()
            assert self.released.wait(30)
        if bad := [text for text in texts if text.startswith("bad")]:
            raise ValueError(f"cannot read {bad[0]!r}")
        return [vector_of(text)[: 3 if text.startswith("short") else DIMS] for text in texts]

    @property
    def asked(self) -> Counter[str]:
        return Counter(text for call in self.calls for text in call)

    async def is_waiting(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 10)


def index_of(model: Any, **options: Any) -> dict[str, Any]:
    # `Model` may be called by several threads at once.
    given = {"dims": DIMS, "embed": model, "embed_concurrency": 8, "fields": ["text", "lines[*]"]}
    return {**given, **options}


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str, model: Model) -> Callable[..., AgentStore]:
    """Call it for a store on the test's schema; `index=None` for one without."""

    def opened(index: Any = ..., **options: Any) -> AgentStore:
        index = index_of(model, **options) if index is ... else index
        return AgentStore(postgres_dsn, schema=schema_name, index=index)

    return opened


@pytest.fixture
async def store(open_store: Callable[..., AgentStore], model: Model) -> AsyncIterator[AgentStore]:
    async with open_store() as store:
        yield store
        model.released.set()


async def found_by(store: AgentStore, text: str, **options: Any) -> list[str]:
    """Keys of the items that have just this text."""
    return [item.key for item in await store.asearch(NS, query=text, min_score=0.99, **options)]


async def parts_stored(dsn: str, schema: str) -> int:
    """Vectors, of whatever version."""
    ((count,),) = await asyncio.to_thread(
        execute, dsn, "SELECT count(*) FROM {}.item_vector_1", schema
    )
    return int(count)


# Replaced with the value


async def test_an_item_is_found_by_its_new_text_and_not_by_its_old_one(store: AgentStore) -> None:
    await store.aput(NS, "k", {"text": "old"})
    assert await found_by(store, "old") == ["k"]
    await store.aput(NS, "k", {"text": "new"})
    assert await found_by(store, "old") == []
    assert await found_by(store, "new") == ["k"]


async def test_a_value_and_its_vectors_are_written_by_one_transaction(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    for lines in (["a", "b", "c"], ["a", "d"]):
        await store.aput(NS, "k", {"lines": lines})
        rows = execute(
            postgres_dsn,
            "SELECT i.xmin = v.xmin AND i.version = v.version FROM {}.item i"
            " JOIN {}.item_vector_1 v USING (user_id, namespace, key)",
            schema_name,
            schema_name,
        )
        assert rows == [(True,)] * len(lines)


async def test_shrinking_a_list_removes_its_old_vectors(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await store.aput(NS, "k", {"lines": ["one", "two", "three"]})
    await store.aput(NS, "k", {"lines": ["one"]})
    assert await found_by(store, "one") == ["k"]
    assert await found_by(store, "two") == []
    assert await found_by(store, "three") == []
    assert await parts_stored(postgres_dsn, schema_name) == 1


async def test_removing_a_field_removes_its_vector(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await store.aput(NS, "k", {"text": "one"})
    await store.aput(NS, "k", {"other": "one"})
    assert await store.asearch(NS, query="one") == []
    assert await parts_stored(postgres_dsn, schema_name) == 0


async def test_index_false_removes_the_vectors_that_were_there(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await store.aput(NS, "k", {"text": "one"})
    await store.aput(NS, "k", {"text": "one"}, index=False)
    assert await store.asearch(NS, query="one") == []
    assert await parts_stored(postgres_dsn, schema_name) == 0
    item = await store.aget(NS, "k")
    assert item is not None
    assert item.value == {"text": "one"}


async def test_index_names_the_paths_of_one_item(store: AgentStore) -> None:
    await store.aput(NS, "k", {"text": "one", "title": "two"}, index=["title"])
    assert await found_by(store, "two") == ["k"]
    assert await found_by(store, "one") == []


@pytest.mark.parametrize("index", [True, "text", 7, [3], [""]])
async def test_index_is_false_or_a_list_of_paths(store: AgentStore, index: Any) -> None:
    with pytest.raises(InvalidOperationError):
        await store.aput(NS, "k", {"text": "one"}, index=index)


async def test_deleting_an_item_removes_its_vectors(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await store.aput(NS, "k", {"lines": ["one", "two"]})
    await store.adelete(NS, "k")
    assert await store.asearch(NS, query="one") == []
    assert await parts_stored(postgres_dsn, schema_name) == 0


async def test_an_item_put_again_after_its_deletion_has_none_of_the_old_vectors(
    store: AgentStore,
) -> None:
    await store.aput(NS, "k", {"lines": ["one", "two"]})
    await store.adelete(NS, "k")
    await store.aput(NS, "k", {"lines": ["three"]})
    assert await found_by(store, "two") == []
    assert await found_by(store, "three") == ["k"]


async def test_an_expected_version_keeps_vectors_in_step(store: AgentStore) -> None:
    await store.aput(NS, "k", {"lines": ["one", "two"]}, expected_version=0)
    assert await found_by(store, "two") == ["k"]
    await store.aput(NS, "k", {"lines": ["three"]}, expected_version=1)
    assert await found_by(store, "two") == []
    assert await found_by(store, "three") == ["k"]


@pytest.mark.parametrize("expected", [0, 7])
async def test_a_version_conflict_leaves_the_vectors_alone(
    store: AgentStore, expected: int
) -> None:
    await store.aput(NS, "k", {"lines": ["one", "two"]})
    with pytest.raises(VersionConflictError):
        await store.aput(NS, "k", {"lines": ["three"]}, expected_version=expected)
    assert await found_by(store, "two") == ["k"]
    assert await found_by(store, "three") == []


async def test_an_update_keeps_vectors_in_step(store: AgentStore) -> None:
    await store.aput(NS, "k", {"text": "one"})
    await store.aupdate(NS, "k", lambda _: {"text": "two"})
    assert await found_by(store, "one") == []
    assert await found_by(store, "two") == ["k"]


async def test_no_concurrent_update_leaves_a_vector_of_another_version(store: AgentStore) -> None:
    def grown(value: dict[str, Any] | None) -> dict[str, Any]:
        lines = (value or {"lines": []})["lines"]
        return {"lines": [f"line {len(lines)}", *lines][:5]}

    await asyncio.gather(*[store.aupdate(NS, "k", grown) for _ in range(10)])
    item = await store.aget(NS, "k")
    assert item is not None
    for number in range(10):
        line = f"line {number}"
        assert (await found_by(store, line) == ["k"]) == (line in item.value["lines"])


async def test_a_store_without_an_index_makes_an_items_old_vectors_unfindable(
    store: AgentStore, open_store: Callable[..., AgentStore]
) -> None:
    await store.aput(NS, "k", {"text": "one"})
    await store.aput(NS, "v", {"text": "one"})
    async with open_store(None) as plain:
        await plain.aput(NS, "k", {"text": "two"})
        await plain.aput(NS, "v", {"text": "two"}, expected_version=1)
    assert await store.asearch(NS, query="one") == []


async def test_stores_racing_on_an_item_leave_no_part_of_the_loser_findable(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store() as many, open_store() as few:
        for number in range(25):
            lines = [f"{number} line {n}" for n in range(6)]
            await asyncio.gather(
                many.aput(NS, "k", {"lines": lines}),
                few.aput(NS, "k", {"lines": [f"{number} single"]}),
            )
            item = await many.aget(NS, "k")
            assert item is not None
            for text in [*lines, f"{number} single"]:
                found = await found_by(many, text) == ["k"]
                assert found == (text in item.value["lines"]), (number, text)


RACING = """
import sys
from langgraph_agentstore import AgentStore
from tests.search.test_indexed_writes import NS, Model, index_of
with AgentStore(sys.argv[1], schema=sys.argv[2], index=index_of(Model())) as store:
    for number in range(100):
        lines = [f"{sys.argv[3]} {number} {n}" for n in range(int(sys.argv[4]))]
        store.put(NS, "k", {"lines": lines})
"""


async def test_processes_racing_on_an_item_leave_no_part_of_the_loser_findable(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    arguments = [("many", "5"), ("few", "1")]
    await asyncio.gather(
        *[asyncio.to_thread(run_script, RACING, postgres_dsn, schema_name, *a) for a in arguments]
    )
    item = await store.aget(NS, "k")
    assert item is not None
    last = [f"many 99 {n}" for n in range(5)] + ["few 99 0"]
    assert [text for text in last if await found_by(store, text)] == item.value["lines"]


# What the model is asked


async def test_unchanged_text_is_not_embedded_again(store: AgentStore, model: Model) -> None:
    await store.aput(NS, "k", {"text": "one", "n": 1})
    await store.aput(NS, "k", {"text": "one", "n": 2})
    assert model.asked == {"one": 1}
    assert await found_by(store, "one") == ["k"]


async def test_a_new_store_object_does_not_embed_unchanged_text_again(
    store: AgentStore, open_store: Callable[..., AgentStore], model: Model
) -> None:
    puts = [PutOp(NS, f"k{n}", {"lines": [f"a {n}", f"b {n}"]}) for n in range(300)]
    await store.abatch(puts)
    assert model.asked.total() == 600
    async with open_store() as another:
        changed = [put._replace(value={**(put.value or {}), "n": 1}) for put in puts]
        changed[7] = PutOp(NS, "k7", {"lines": ["a 7", "changed"]})
        await another.abatch(changed)
        assert model.asked.total() == 601
        assert await found_by(another, "a 7") == ["k7"]
        assert await found_by(another, "b 8") == ["k8"]
        assert await found_by(another, "b 7") == []


async def test_vectors_of_16_bits_are_taken_up_again_too(
    open_store: Callable[..., AgentStore], model: Model
) -> None:
    for number in range(2):
        async with open_store(ann_index_config={"vector_type": "halfvec"}) as store:
            await store.aput(NS, "k", {"text": "one", "n": number})
            assert await found_by(store, "one") == ["k"]
    assert model.asked == {"one": 3}  # one put, and a query of each store


async def test_equal_texts_of_concurrent_writers_are_embedded_once(
    store: AgentStore, model: Model
) -> None:
    writes = [
        asyncio.ensure_future(store.aput(NS, f"k{n}", {"text": "slow text"})) for n in range(20)
    ]
    await model.is_waiting()
    model.released.set()
    await asyncio.gather(*writes)
    assert model.asked == {"slow text": 1}
    assert len(await found_by(store, "slow text", limit=100)) == 20


async def test_texts_of_concurrent_writers_travel_in_batches(
    open_store: Callable[..., AgentStore], model: Model
) -> None:
    async with open_store(embed_batch_size=16) as store:
        await asyncio.gather(*[store.aput(NS, f"k{n}", {"text": f"t {n}"}) for n in range(160)])
    sizes = [len(call) for call in model.calls]
    assert sum(sizes) == 160
    assert max(sizes) == 16
    assert len(sizes) < 30


async def test_blank_texts_are_not_embedded(store: AgentStore, model: Model) -> None:
    await store.aput(NS, "k", {"text": " \n", "lines": ["", "one", None]})
    assert model.asked == {"one": 1}


async def test_a_put_that_is_not_to_be_found_asks_the_model_nothing(
    store: AgentStore, model: Model
) -> None:
    await store.aput(NS, "k", {"text": "one"}, index=False)
    assert model.calls == []


# Failures


async def test_a_text_that_fails_harms_only_its_own_put(store: AgentStore, model: Model) -> None:
    texts = [f"{'bad' if number == 30 else 'good'} {number}" for number in range(60)]
    outcomes = await asyncio.gather(
        *[store.aput(NS, f"k{number:02}", {"text": text}) for number, text in enumerate(texts)],
        return_exceptions=True,
    )
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [30]
    assert isinstance(outcomes[30], EmbeddingError)
    # The first texts go alone; this one went with others, and they were asked for anew.
    assert max(len(call) for call in model.calls if "bad 30" in call) > 1
    found = {item.key for item in await store.asearch(NS, limit=100)}
    assert found == {f"k{number:02}" for number in range(60)} - {"k30"}


async def test_an_embedders_failure_names_the_item_and_has_its_cause(store: AgentStore) -> None:
    with pytest.raises(EmbeddingError, match=r"'k'.*cannot read 'bad text'") as raised:
        await store.aput(NS, "k", {"text": "bad text"})
    assert isinstance(raised.value.__cause__, ValueError)


async def test_nothing_is_written_of_an_item_of_which_one_text_fails(store: AgentStore) -> None:
    await store.aput(NS, "k", {"text": "one"})
    with pytest.raises(EmbeddingError):
        await store.aput(NS, "k", {"lines": ["two", "bad"]})
    item = await store.aget(NS, "k")
    assert item is not None
    assert item.value == {"text": "one"}
    assert await found_by(store, "one") == ["k"]


async def test_a_failure_in_a_batch_harms_only_its_own_put(store: AgentStore) -> None:
    with pytest.raises(EmbeddingError):
        await store.abatch([PutOp(NS, f"k{n}", {"text": ["a", "bad", "c"][n]}) for n in range(3)])
    assert sorted(item.key for item in await store.asearch(NS)) == ["k0", "k2"]


async def test_several_failures_in_a_batch_are_told_one_by_one(store: AgentStore) -> None:
    texts = ["a", "bad 1", "c", "bad 3"]
    with pytest.raises(BatchError) as raised:
        await store.abatch([PutOp(NS, f"k{n}", {"text": text}) for n, text in enumerate(texts)])
    assert {position: type(error) for position, error in raised.value.errors.items()} == {
        1: EmbeddingError,
        3: EmbeddingError,
    }


async def test_an_expected_version_with_a_failing_text_writes_nothing(store: AgentStore) -> None:
    with pytest.raises(EmbeddingError, match="'k'"):
        await store.aput(NS, "k", {"text": "bad"}, expected_version=0)
    assert await store.aget(NS, "k") is None


async def test_a_vector_of_the_wrong_length_writes_nothing(store: AgentStore) -> None:
    with pytest.raises(EmbeddingShapeError, match=r"'k'.* 3 dimensions.*dims=32"):
        await store.aput(NS, "k", {"text": "short"})
    assert await store.aget(NS, "k") is None


@pytest.mark.parametrize(
    "returned",
    [None, [], [[1.0] * DIMS] * 2, [None], ["text"], [[float("nan")] * DIMS], 7, iter([])],
    ids=["none", "nothing", "too many", "no vector", "text", "nan", "number", "iterator"],
)
async def test_what_is_no_list_of_vectors_is_an_embedding_shape_error(
    open_store: Callable[..., AgentStore], returned: Any
) -> None:
    async with open_store(index_of(lambda _: returned)) as store:
        with pytest.raises(EmbeddingShapeError, match="'k'"):
            await store.aput(NS, "k", {"text": "one"})
        assert await store.aget(NS, "k") is None


async def test_an_embedder_that_takes_too_long_is_a_timeout_and_writes_nothing(
    open_store: Callable[..., AgentStore], model: Model
) -> None:
    async with open_store(embed_timeout_s=0.2) as store:
        with pytest.raises(EmbeddingTimeoutError, match=r"'k'.*0\.2 s") as raised:
            await store.aput(NS, "k", {"text": "slow"})
        assert isinstance(raised.value, TimeoutError)
        model.released.set()
        assert await store.aget(NS, "k") is None
        await store.aput(NS, "k", {"text": "fast"})
        assert await found_by(store, "fast") == ["k"]


async def test_waiting_for_other_texts_is_no_timeout_of_the_embedder(
    open_store: Callable[..., AgentStore],
) -> None:
    """The limit is on a call of the embedder, not on how many calls a large batch takes."""

    async def takes_a_while(texts: list[str]) -> list[list[float]]:
        await asyncio.sleep(0.1)
        return [vector_of(text) for text in texts]

    index = index_of(takes_a_while, embed_batch_size=1, embed_timeout_s=0.5)
    async with open_store(index) as store:
        await store.abatch([PutOp(NS, f"k{n}", {"text": f"t {n}"}) for n in range(40)])
        assert await store.acount(NS) == 40


async def test_an_embedder_that_is_cancelled_fails_the_put_and_not_those_after_it(
    open_store: Callable[..., AgentStore],
) -> None:
    calls: list[list[str]] = []

    async def cancelled_once(texts: list[str]) -> list[list[float]]:
        calls.append(texts)
        if len(calls) == 1:
            raise asyncio.CancelledError
        return [vector_of(text) for text in texts]

    async with open_store(index_of(cancelled_once, embed_timeout_s=3)) as store:
        with pytest.raises(EmbeddingError) as raised:
            await store.aput(NS, "k", {"text": "one"})
        assert not isinstance(raised.value, EmbeddingTimeoutError)
        await store.aput(NS, "k", {"text": "one"})
        assert await found_by(store, "one") == ["k"]


async def test_an_embedders_own_timeout_is_told_as_its_own(
    open_store: Callable[..., AgentStore],
) -> None:
    def times_out(texts: list[str]) -> list[list[float]]:
        raise TimeoutError("no answer from the model's server")

    async with open_store(index_of(times_out)) as store:
        with pytest.raises(EmbeddingError, match="no answer from the model's server"):
            await store.aput(NS, "k", {"text": "one"})


# Slow embedders


async def test_a_slow_embedder_delays_only_its_own_operations(
    store: AgentStore, model: Model
) -> None:
    await store.aput(NS, "k", {"text": "one"})
    slow = asyncio.ensure_future(store.aput(NS, "slow", {"text": "slow"}))
    await model.is_waiting()
    others = [
        store.aget(NS, "k"),
        store.aput(NS, "other", {"text": "two"}),
        store.aput(NS, "plain", {"n": 1}),
        store.aput(NS, "hidden", {"text": "slow too"}, index=False),
        store.adelete(NS, "k"),
        store.asearch(NS),
        store.asearch(NS, query="two"),
        store.alist_namespaces(),
    ]
    await asyncio.wait_for(asyncio.gather(*others), 10)
    assert not slow.done()
    model.released.set()
    await slow
    assert await found_by(store, "slow") == ["slow"]


async def test_an_embedding_holds_no_connection(
    postgres_dsn: str, schema_name: str, model: Model
) -> None:
    index, pool = index_of(model), {"max_size": 1}
    async with AgentStore(postgres_dsn, schema=schema_name, index=index, pool=pool) as store:
        slow = asyncio.ensure_future(store.aput(NS, "slow", {"text": "slow"}))
        versioned = asyncio.ensure_future(store.aput(NS, "v", {"text": "slow"}, expected_version=0))
        await model.is_waiting()
        assert await asyncio.wait_for(store.aget(NS, "slow"), 10) is None
        await asyncio.wait_for(store.aput(NS, "other", {"n": 1}), 10)
        model.released.set()
        await asyncio.gather(slow, versioned)


async def test_two_writes_of_an_item_end_with_the_last_though_the_first_is_slow(
    store: AgentStore, model: Model
) -> None:
    first = asyncio.ensure_future(store.aput(NS, "k", {"text": "slow"}))
    await model.is_waiting()
    last = asyncio.ensure_future(store.aput(NS, "k", {"text": "fast"}))
    model.released.set()
    await asyncio.gather(first, last)
    item = await store.aget(NS, "k")
    assert item is not None
    assert item.value == {"text": "fast"}
    assert await found_by(store, "slow") == []
    assert await found_by(store, "fast") == ["k"]


async def test_a_delete_after_a_slow_put_deletes_what_it_wrote(
    store: AgentStore, model: Model
) -> None:
    put = asyncio.ensure_future(store.aput(NS, "k", {"text": "slow"}))
    await model.is_waiting()
    delete = asyncio.ensure_future(store.adelete(NS, "k"))
    model.released.set()
    await asyncio.gather(put, delete)
    assert await store.aget(NS, "k") is None


async def test_a_put_cancelled_while_its_text_is_embedded_writes_nothing(
    store: AgentStore, model: Model
) -> None:
    put = asyncio.ensure_future(store.aput(NS, "k", {"text": "slow"}))
    await model.is_waiting()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    # Nor does it hold up what comes after it, though the embedder is still at it.
    await asyncio.wait_for(store.aput(NS, "k", {"text": "fast"}), 10)
    model.released.set()
    assert await found_by(store, "slow") == []
    item = await store.aget(NS, "k")
    assert item is not None
    assert item.value == {"text": "fast"}


async def test_a_versioned_put_cancelled_while_its_text_is_embedded_writes_nothing(
    store: AgentStore, open_store: Callable[..., AgentStore], model: Model
) -> None:
    put = asyncio.ensure_future(store.aput(NS, "k", {"text": "slow"}, expected_version=0))
    await model.is_waiting()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    model.released.set()
    await store.aclose()  # whatever is still under way ends before
    async with open_store(None) as another:
        assert await another.aget(NS, "k") is None


async def test_texts_that_nobody_waits_for_any_more_are_dropped_without_a_word(
    open_store: Callable[..., AgentStore], model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_store(embed_batch_size=1) as store:
        puts = [
            asyncio.ensure_future(store.aput(NS, f"k{n}", {"text": f"slow {n}"})) for n in range(8)
        ]
        await until(lambda: len(model.calls) >= 4)
        for put in puts:
            put.cancel()
        await asyncio.gather(*puts, return_exceptions=True)
        model.released.set()
        await store.aput(NS, "k", {"text": "fast"})
    assert caplog.records == []
    assert len(model.calls) < 8


async def test_a_put_of_several_texts_outlives_the_replacement_of_its_index(
    store: AgentStore, model: Model
) -> None:
    def shorter(texts: list[str]) -> list[list[float]]:
        return [vector_of(text)[:8] for text in texts]

    await store.aput(NS, "old", {"text": "one"})
    put = asyncio.ensure_future(store.aput(NS, "k", {"lines": ["slow a", "slow b"]}))
    await model.is_waiting()
    await store.areindex(index=index_of(shorter, dims=8))
    model.released.set()
    await put
    assert await found_by(store, "slow b") == ["k"]


# Embedders of every kind


class TwoSided(Embeddings):
    """Embeds a question as the text that answers it; as a document it is something else."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector_of(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return vector_of(text.removeprefix("what is "))


async def awaited(texts: list[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return [vector_of(text) for text in texts]


def arrays(texts: list[str]) -> Any:
    return np.array([vector_of(text) for text in texts], dtype=np.float32)


@pytest.mark.parametrize(
    "embed", [TwoSided(), awaited, arrays], ids=["langchain", "async", "numpy"]
)
async def test_any_embedder_serves_async_code(
    open_store: Callable[..., AgentStore], embed: Any
) -> None:
    async with open_store(index_of(embed)) as store:
        await store.aput(NS, "k", {"text": "one"})
        assert await found_by(store, "one") == ["k"]


@pytest.mark.parametrize(
    "embed", [TwoSided(), awaited, arrays], ids=["langchain", "async", "numpy"]
)
def test_any_embedder_serves_blocking_code(
    open_store: Callable[..., AgentStore], embed: Any
) -> None:
    with open_store(index_of(embed)) as store:
        store.put(NS, "k", {"text": "one"})
        assert [item.key for item in store.search(NS, query="one", min_score=0.99)] == ["k"]


async def test_a_query_is_embedded_as_a_query(open_store: Callable[..., AgentStore]) -> None:
    async with open_store(index_of(TwoSided())) as store:
        await store.aput(NS, "k", {"text": "one"})
        await store.aput(NS, "q", {"text": "what is one"})
        assert await found_by(store, "what is one") == ["k"]


@pytest.mark.parametrize("embed", [TwoSided(), awaited], ids=["langchain", "async"])
def test_one_store_serves_several_event_loops(
    open_store: Callable[..., AgentStore], embed: Any
) -> None:
    with open_store(index_of(embed)) as store:

        async def write_and_find(key: str) -> list[str]:
            await store.aput(NS, key, {"text": key})
            return await found_by(store, key)

        for number in range(3):
            assert asyncio.run(write_and_find(f"k{number}")) == [f"k{number}"]
        found: list[Any] = []
        threads = [
            threading.Thread(target=lambda n=n: found.append(asyncio.run(write_and_find(f"t{n}"))))
            for n in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [["t0"], ["t1"], ["t2"]]


def test_an_async_embedder_serves_blocking_code_on_a_running_loop(
    open_store: Callable[..., AgentStore],
) -> None:
    with open_store(index_of(awaited)) as store:

        async def blocking() -> list[str]:
            store.put(NS, "k", {"text": "one"})
            return [item.key for item in store.search(NS, query="one")]

        assert asyncio.run(blocking()) == ["k"]


async def test_a_long_text_is_found_by_each_of_its_parts(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store(chunk=lambda text: text.split("\n")) as store:
        await store.aput(NS, "k", {"text": "one\ntwo\nthree"})
        for part in ("one", "two", "three"):
            assert await found_by(store, part) == ["k"]
        await store.aput(NS, "k", {"text": "one\ntwo"})
        assert await found_by(store, "three") == []


@pytest.mark.slow
async def test_more_puts_than_a_statement_has_parameters_are_embedded_and_written(
    store: AgentStore,
) -> None:
    await store.abatch([PutOp(NS, f"k{n}", {"text": f"t {n % 50}"}) for n in range(3000)])
    assert await store.acount(NS) == 3000
    assert len(await found_by(store, "t 7", limit=100)) == 60
