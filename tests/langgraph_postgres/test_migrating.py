"""Coming from the official Postgres store: what arrives, and what is found by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from langgraph.store.base import PutOp

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import IndexMismatchError
from tests.support.embedders import words_vector
from tests.support.matrices import few
from tests.support.official import DIMS, FIELDS, Fill, fill, fill_awaited, here, index, there

NOTES = ("users", "ann", "notes")

ITEMS = [
    PutOp(NOTES, "plain", {"text": "green tea", "n": 1.5, "none": None}),
    PutOp(NOTES, "many", {"text": "black tea", "tags": ["hot", "", "sweet"], "title": "T"}),
    PutOp(NOTES, "two titles", {"title": "a title", "by": "somebody"}),
    PutOp(NOTES, "expiring", {"text": "milk"}, ttl=90),
    PutOp(NOTES, "expiring soon", {"text": "cream"}, ttl=0.5),
    PutOp(("a",), "k", {"text": "one label"}),
    PutOp(("users",), "k", {"text": "the constant of the template alone"}),
    PutOp(("users", "bob"), "k", {"text": "a user alone"}),
    PutOp(("a:b", "100%", "%3A"), "c:d.e%", {"text": "separators"}),
    PutOp(("日本", "é 👩‍👩‍👧"), "ключ \\ ' \"", {"text": "\u2028 שלום"}),
    PutOp(
        ("numbers",), "k", {"big": 2**64 - 1, "float": 2.5e-10, "exact": 0.1, "one": 1.0, "min": -5}
    ),
    PutOp(("empty",), "k", {}),
]


@pytest.fixture
def source(fresh_database: str) -> str:
    """An empty database."""
    return fresh_database


@pytest.fixture
def opened(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    """Opens a store of this test's own schema, in a database that is not the official store's."""
    made: list[AgentStore] = []

    def open_(dsn: str = postgres_dsn, **options: Any) -> AgentStore:
        made.append(AgentStore(dsn, schema=schema_name, **options))
        made[-1].setup()
        return made[-1]

    yield open_
    for store in made:
        store.close()


def vectors(schema: str, dsn: str) -> set[tuple[str, str]]:
    """Key and path of every vector that a search looks at."""
    with psycopg.connect(dsn) as connection:
        return set(
            connection.execute(
                f'SELECT v.key, v.path FROM "{schema}".item_vector_1 v '
                f'JOIN "{schema}".item i USING (user_id, namespace, key, version)'
            ).fetchall()
        )


def found(store: AgentStore, query: str, **options: Any) -> list[str]:
    """The keys of what a query finds, nearest first."""
    hits = store.search((), query=query, limit=100, **options)
    return [hit.key for hit in hits if hit.score is not None]


# Items


@few(3)
@pytest.mark.parametrize("filled", [fill, fill_awaited])
@pytest.mark.parametrize("same_database", [True, False])
@pytest.mark.parametrize("with_index", [True, False])
def test_every_item_arrives_as_it_was(
    opened: Callable[..., AgentStore],
    source: str,
    postgres_dsn: str,
    filled: Fill,
    same_database: bool,
    with_index: bool,
) -> None:
    filled(source, ITEMS, index=index() if with_index else None)
    options = {"index": index()} if with_index else {}
    store = opened(source if same_database else postgres_dsn, **options)

    report = store.migrate_from_langgraph_postgres(source)

    expected = there(source)
    # Half a minute was rounded to none there, and would end the item at its next read.
    soon = (NOTES, "expiring soon")
    assert expected[soon][-1] == 0
    expected[soon] = (*expected[soon][:-1], None)
    assert here(store) == expected
    for address in expected:
        record = store.get_record(*address)
        assert record is not None
        assert (record.version, record.metadata, record.created_by) == (1, {}, None)
    count = len(ITEMS)
    assert (report.items, report.copied, report.compared) == (count, count, count)
    assert (report.stale_vectors, report.unindexed) == (1 if with_index else 0, 0)


async def test_the_awaitable_form_does_the_same(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS, batches=True)
    store = opened()
    told: list[int] = []
    report = await store.amigrate_from_langgraph_postgres(source, progress=told.append)
    assert report.copied == len(ITEMS) == told[-1]
    assert {item[1] for item in here(store)} == {op.key for op in ITEMS}


def test_values_are_the_same_to_the_last_digit(
    opened: Callable[..., AgentStore], source: str, postgres_dsn: str, schema_name: str
) -> None:
    fill(source, ITEMS[:1])
    exact = '{"a": 0.10000000000000000000000000000000001, "b": 1.000, "c": 1E+300}'
    with psycopg.connect(source) as connection:
        connection.execute("UPDATE store SET value = %s::jsonb", (exact,))
        value = connection.execute("SELECT value::text FROM store").fetchone()
    store = opened()
    store.migrate_from_langgraph_postgres(source)
    item = store.get(NOTES, "plain")
    assert item is not None
    assert item.value == {"a": 0.1, "b": 1.0, "c": 1e300}
    with psycopg.connect(postgres_dsn) as connection:
        copied = connection.execute(f"SELECT value::text FROM {schema_name}.item").fetchone()
    assert copied == value


def test_a_template_of_the_store_says_whose_an_item_is(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, [PutOp(("ann", "memories"), "k", {"n": 1})])
    store = opened(users=("{user_id}",))
    store.migrate_from_langgraph_postgres(source)
    item = store.for_user("ann").get(("memories",), "k")
    assert item is not None
    assert item.value == {"n": 1}


def test_an_item_at_the_root_keeps_its_place(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS[:1])
    with psycopg.connect(source) as connection:
        connection.execute("UPDATE store SET prefix = ''")
    store = opened()
    assert store.migrate_from_langgraph_postgres(source).copied == 1
    assert [item.namespace for item in store.search(())] == [()]


def test_what_has_expired_is_left_out_and_counted(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS)
    with psycopg.connect(source) as connection:
        connection.execute("UPDATE store SET expires_at = now() WHERE ttl_minutes IS NOT NULL")
    store = opened()
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.expired, report.copied) == (2, len(ITEMS) - 2)
    assert not [key for _, key in here(store) if key.startswith("expiring")]


# Vectors


@pytest.mark.parametrize("filled", [fill, fill_awaited])
def test_nothing_is_embedded_neither_now_nor_at_the_next_put_of_the_same(
    opened: Callable[..., AgentStore], source: str, filled: Fill
) -> None:
    filled(source, ITEMS, index=index())
    embedder = index()["embed"]
    store = opened(index=index(embed=embedder))
    report = store.migrate_from_langgraph_postgres(source)
    for op in ITEMS:
        store.put(op.namespace, op.key, op.value or {}, ttl=op.ttl)
    assert embedder.texts == []
    # "many" has four texts, one of them blank; "two titles" has two.
    assert report.vectors == 14

    store.put(NOTES, "plain", {"text": "another text"})
    assert embedder.texts == ["another text"]


@few(1)
@pytest.mark.parametrize("filled", [fill, fill_awaited])
@pytest.mark.parametrize("way", [{"pipeline": True}, {"pool_config": {"max_size": 2}}])
def test_vectors_come_along_however_the_official_store_was_connected(
    opened: Callable[..., AgentStore], source: str, filled: Fill, way: dict[str, Any]
) -> None:
    fill(source, [], index=index())
    for _ in range(2):
        filled(source, ITEMS, index=index(), **way)
    report = opened(index=index()).migrate_from_langgraph_postgres(source)
    # The one that stays is of a blank text.
    assert (report.vectors, report.stale_vectors) == (14, 1)


def test_only_texts_that_an_item_still_has_keep_their_vectors(
    opened: Callable[..., AgentStore], source: str, postgres_dsn: str, schema_name: str
) -> None:
    steps = [
        PutOp(NOTES, "shorter", {"tags": ["one", "two", "three"]}),
        PutOp(NOTES, "shorter", {"tags": ["one", "two"]}),
        PutOp(NOTES, "single", {"tags": ["one", "two"]}),
        PutOp(NOTES, "single", {"tags": ["one"]}),
        PutOp(NOTES, "lost", {"text": "gone", "title": "kept"}),
        PutOp(NOTES, "lost", {"title": "kept"}),
        # It has a text at that path still, but another one.
        PutOp(NOTES, "unsearched", {"text": "before"}),
        PutOp(NOTES, "unsearched", {"text": "after"}, index=False),
    ]
    fill(source, steps, index=index())
    store = opened(index=index())
    report = store.migrate_from_langgraph_postgres(source)
    assert vectors(schema_name, postgres_dsn) == {
        ("shorter", "tags[*]"),
        ("single", "tags[*]"),
        ("lost", "{title,by}"),
    }
    assert (report.vectors, report.stale_vectors, report.unindexed) == (4, 5, 0)
    assert "unsearched" not in found(store, "before after")


def test_an_item_put_with_fields_of_its_own_is_found_by_these(
    opened: Callable[..., AgentStore], source: str, postgres_dsn: str, schema_name: str
) -> None:
    value = {"text": "a text", "title": "a title", "more": ["x", "y"]}
    steps = [
        PutOp(NOTES, "as the index says", value),
        PutOp(NOTES, "one field", value, index=["text"]),
        PutOp(NOTES, "another", value, index=["more[*]"]),
        PutOp(NOTES, "none", value, index=False),
    ]
    fill(source, steps, index=index())
    store = opened(index=index())
    report = store.migrate_from_langgraph_postgres(source)
    expected = {
        ("as the index says", "text"),
        ("as the index says", "{title,by}"),
        ("one field", "text"),
        ("another", "more[*]"),
    }
    assert vectors(schema_name, postgres_dsn) == expected
    assert (report.stale_vectors, report.unindexed) == (0, 0)
    store.reindex(progress=False)
    assert set(found(store, "a text")) == {key for key, _ in expected}


@pytest.mark.parametrize("theirs", ["vector", "halfvec"])
@pytest.mark.parametrize("ours", ["vector", "halfvec"])
def test_either_type_of_vectors_becomes_either(
    opened: Callable[..., AgentStore], source: str, theirs: str, ours: str
) -> None:
    fill(source, ITEMS, index=index(ann_index_config={"kind": "hnsw", "vector_type": theirs}))
    store = opened(index=index(ann_index_config={"vector_type": ours}))
    assert store.migrate_from_langgraph_postgres(source).vectors == 14
    hit = store.search((), query="green tea", limit=1)[0]
    assert hit.key == "plain"
    assert hit.score == pytest.approx(1, abs=1e-3)


def test_a_search_finds_the_exact_nearest(opened: Callable[..., AgentStore], source: str) -> None:
    words = ["tea", "milk", "cream", "honey", "lemon", "mint", "ginger", "sugar"]
    random = np.random.default_rng(5)
    texts = [" ".join(random.choice(words, size=4)) for _ in range(400)]
    ops = [PutOp(NOTES, f"{n:03}", {"text": text}) for n, text in enumerate(texts)]
    fill(source, ops, index=index(), batches=True)
    store = opened(index=index())
    store.migrate_from_langgraph_postgres(source)

    matrix = np.array([words_vector(text, DIMS) for text in texts])
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    for query in ("tea with milk", "ginger lemon honey"):
        asked = np.array(words_vector(query, DIMS))
        similarity = matrix @ (asked / np.linalg.norm(asked))
        hits = store.search(NOTES, query=query, limit=10)
        assert [hit.score for hit in hits] == pytest.approx(
            sorted(similarity, reverse=True)[:10], abs=1e-5
        )


def test_a_large_store_gets_its_approximate_index_at_the_end(
    opened: Callable[..., AgentStore], source: str, postgres_dsn: str, schema_name: str
) -> None:
    ops = [PutOp(NOTES, str(n), {"text": f"number {n}"}) for n in range(700)]
    fill(source, ops, index=index(), batches=True)
    store = opened(index=index())
    assert store.migrate_from_langgraph_postgres(source).vectors == 700
    with psycopg.connect(postgres_dsn) as connection:
        valid = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)",
            (f"{schema_name}.item_vector_1_hnsw_vector_cosine",),
        ).fetchone()
    assert valid == (True,)


def test_words_are_read_from_the_texts(opened: Callable[..., AgentStore], source: str) -> None:
    steps = [*ITEMS, PutOp(NOTES, "unsearched", {"text": "green"}, index=False)]
    fill(source, steps, index=index())
    store = opened(index=index(mode="hybrid"))
    store.migrate_from_langgraph_postgres(source)
    assert found(store, "green", mode="text") == ["plain"]
    assert "unsearched" not in found(store, "green")


def test_a_store_that_searches_words_needs_no_vectors_there(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS)
    store = opened(index={"fields": ["text"]})
    report = store.migrate_from_langgraph_postgres(source)
    assert report.unindexed == 0
    assert found(store, "black tea")[0] == "many"


def test_of_items_without_vectors_there_the_report_tells_and_reindexing_embeds(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS)
    embedder = index()["embed"]
    store = opened(index=index(embed=embedder))
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.vectors, report.unindexed) == (0, len(ITEMS) - 2)
    assert "reindex()" in str(report)
    assert embedder.texts == []
    store.reindex(progress=False)
    assert found(store, "green tea")[0] == "plain"


def test_a_store_without_an_index_takes_the_items_and_with_one_later_the_vectors(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS, index=index())
    assert opened().migrate_from_langgraph_postgres(source).vectors == 0
    embedder = index()["embed"]
    store = opened(index=index(embed=embedder))
    report = store.migrate_from_langgraph_postgres(source)
    # What has no text has nothing to be found by, and is as it should be.
    assert (report.copied, report.present, report.vectors) == (len(ITEMS) - 2, 2, 14)
    assert here(store).keys() == there(source).keys()
    assert embedder.texts == []


def test_a_store_without_an_index_takes_the_items_and_with_one_later_the_words(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS)
    opened().migrate_from_langgraph_postgres(source)
    store = opened(index={"fields": ["text"]})
    assert store.migrate_from_langgraph_postgres(source).copied == len(ITEMS)
    assert found(store, "black tea")[0] == "many"
    assert store.migrate_from_langgraph_postgres(source).present == len(ITEMS)


def test_other_dims_are_refused_before_anything_is_written(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS, index=index())
    store = opened(index=index(dims=8))
    with pytest.raises(IndexMismatchError, match=r"16 dimensions.*dims=8.*reindex\(\)"):
        store.migrate_from_langgraph_postgres(source)
    assert store.count() == 0


def test_other_fields_are_refused_before_anything_is_written(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, ITEMS, index=index())
    store = opened(index=index(fields=["summary"]))
    with pytest.raises(IndexMismatchError, match=r"\['summary'\].*tags\[\*\].*reindex\(\)"):
        store.migrate_from_langgraph_postgres(source)
    assert store.count() == 0


def test_a_field_more_is_told_and_reindexing_embeds_it(
    opened: Callable[..., AgentStore], source: str, postgres_dsn: str, schema_name: str
) -> None:
    steps = [PutOp(NOTES, "k", {"text": "tea", "summary": "hot"}), PutOp(NOTES, "l", {"text": "t"})]
    fill(source, steps, index=index())
    store = opened(index=index(fields=[*FIELDS, "summary"]))
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.vectors, report.unindexed) == (2, 1)
    assert vectors(schema_name, postgres_dsn) == {("k", "text"), ("l", "text")}
    store.reindex(progress=False)
    assert found(store, "hot")[0] == "k"


def test_a_field_less_leaves_its_vectors_there(
    opened: Callable[..., AgentStore], source: str, postgres_dsn: str, schema_name: str
) -> None:
    fill(source, [PutOp(NOTES, "k", {"text": "tea", "title": "hot"})], index=index())
    store = opened(index=index(fields=["text"]))
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.vectors, report.stale_vectors, report.unindexed) == (1, 1, 0)
    assert vectors(schema_name, postgres_dsn) == {("k", "text")}


def test_a_text_that_would_be_cut_here_is_found_as_a_whole_until_it_is_written(
    opened: Callable[..., AgentStore], source: str
) -> None:
    fill(source, [PutOp(NOTES, "k", {"text": "green tea " * 10})], index=index())
    store = opened(index=index(chunk=20))
    report = store.migrate_from_langgraph_postgres(source)
    assert (report.vectors, report.unindexed) == (1, 0)
    assert found(store, "green tea") == ["k"]
