"""The approximate index: of every kind and type, valid, and made when there is a use for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import sql

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import (
    EmbeddingShapeError,
    InvalidOperationError,
    InvalidValueError,
)
from langgraph_agentstore.sql.search.vector import POOL_OF_BITS, VECTOR_POOL
from tests.support.faults import dsn_of

NS = ("users", "ann", "notes")
DIMS = 8


def no_model(_texts: list[str]) -> list[list[float]]:
    raise AssertionError("every vector was given")


def vectors_of(count: int, dims: int = DIMS) -> Any:
    """(count, dims) float32"""
    return np.random.default_rng(7).normal(size=(count, dims)).astype(np.float32)


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Iterator[Callable[..., AgentStore]]:
    stores: list[AgentStore] = []

    def open_one(dims: int = DIMS, embed: Any = no_model, **config: Any) -> AgentStore:
        index = {"dims": dims, "embed": embed, "fields": ["text"], **config}
        # Three thousand dimensions on a busy machine take their time.
        pool = {"command_timeout_s": 120}
        stores.append(AgentStore(postgres_dsn, schema=schema_name, index=index, pool=pool))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def indexes(dsn: str, schema: str) -> dict[str, bool]:
    """The approximate indexes, and whether each is valid."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT c.relname, x.indisvalid FROM pg_index x "
            "JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am a ON a.oid = c.relam "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND a.amname IN ('hnsw', 'ivfflat')",
            (schema,),
        ).fetchall()
    return dict(rows)


def load(store: AgentStore, vectors: Any, **options: Any) -> None:
    store.load(
        ((NS, f"k{n}", {"text": f"t{n}"}, vector) for n, vector in enumerate(vectors)), **options
    )


KINDS = [
    ("hnsw", "vector", "cosine", DIMS),
    ("hnsw", "halfvec", "l2", DIMS),
    ("hnsw", "bit", "inner_product", 64),
    ("ivfflat", "vector", "inner_product", DIMS),
    ("ivfflat", "halfvec", "cosine", DIMS),
    ("ivfflat", "bit", "l2", 64),
    ("hnsw", "halfvec", "cosine", 3072),
    pytest.param("hnsw", "vector", "cosine", 3072, marks=pytest.mark.slow),
    pytest.param("hnsw", "bit", "cosine", 3072, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("kind", "vector_type", "distance", "dims"), KINDS)
def test_an_index_of_each_kind_is_valid_and_answers(
    open_store: Callable[..., AgentStore],
    postgres_dsn: str,
    schema_name: str,
    kind: str,
    vector_type: str,
    distance: str,
    dims: int,
) -> None:
    # No fewer than the index is asked for.
    pool = POOL_OF_BITS if vector_type == "bit" else VECTOR_POOL
    count = pool * 5 // 4
    vectors = vectors_of(count, dims)
    # Inner products favour long vectors; the nearest of a vector should be itself.
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ann = {"kind": kind, "vector_type": vector_type, "nlist": 10, "exact_up_to": 100}
    store = open_store(
        dims,
        embed=lambda texts: [vectors[int(text)] for text in texts],
        distance_type=distance,
        ann_index_config=ann,
    )
    load(store, vectors)
    store.setup()
    assert indexes(postgres_dsn, schema_name) == {
        f"item_vector_1_{kind}_{vector_type}_{distance}": True
    }
    for n in (0, 77, count - 1):
        assert store.search(NS, query=str(n), limit=1)[0].key == f"k{n}"
    assert store.explain_search(NS, query="5").way == "index"


def test_a_flat_store_has_no_index_and_measures_everything(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    vectors = vectors_of(300)
    store = open_store(
        embed=lambda texts: [vectors[int(text)] for text in texts],
        ann_index_config={"kind": "flat", "exact_up_to": 10},
    )
    load(store, vectors)
    store.setup()
    assert indexes(postgres_dsn, schema_name) == {}
    explanation = store.explain_search(NS, query="5")
    assert (explanation.way, "flat" in str(explanation.reason)) == ("exact", True)


def test_beyond_what_pgvector_indexes_searches_are_exact(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    vectors = vectors_of(20, 4500)
    store = open_store(4500, embed=lambda texts: [vectors[int(text)] for text in texts])
    load(store, vectors)
    store.setup()
    assert indexes(postgres_dsn, schema_name) == {}
    assert store.search(NS, query="7", limit=1)[0].key == "k7"
    assert "4500" in str(store.explain_search(NS, query="7").reason)


def test_another_distance_needs_no_new_vectors(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    load(open_store(), vectors_of(50))
    store = open_store(distance_type="l2", embed=lambda texts: [[0.0] * DIMS for _ in texts])
    assert len(store.search(NS, query="origin")) == 10
    store.setup()
    assert indexes(postgres_dsn, schema_name) == {
        "item_vector_1_hnsw_vector_cosine": True,
        "item_vector_1_hnsw_vector_l2": True,
    }


def test_what_an_interrupted_build_left_is_made_anew(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    name = "item_vector_1_hnsw_vector_cosine"
    with open_store() as store:
        load(store, vectors_of(50))
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)",
            (f"{schema_name}.{name}",),
        )
    assert indexes(postgres_dsn, schema_name) == {name: False}
    vectors = vectors_of(50)
    store = open_store(embed=lambda texts: [vectors[int(text)] for text in texts])
    assert store.search(NS, query="3", limit=1)[0].key == "k3"
    store.setup()
    assert indexes(postgres_dsn, schema_name) == {name: True}


def test_other_options_of_an_index_make_it_anew(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    load(open_store(), vectors_of(50))
    for m, wanted in ((8, "{m=8,ef_construction=200}"), (16, "{m=16,ef_construction=200}")):
        open_store(ann_index_config={"m": m}).setup()
        with psycopg.connect(postgres_dsn) as connection:
            found = connection.execute(
                "SELECT reloptions::text FROM pg_class WHERE oid = to_regclass(%s)",
                (f"{schema_name}.item_vector_1_hnsw_vector_cosine",),
            ).fetchone()
        assert found == (wanted,)


def test_a_role_that_owns_nothing_loads_and_sets_up_all_the_same(
    open_store: Callable[..., AgentStore],
    postgres_dsn: str,
    schema_name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with open_store(ann_index_config={"kind": "flat"}):
        pass
    role = f"loader_{schema_name}"
    with psycopg.connect(postgres_dsn, autocommit=True) as owner:
        names = {"role": sql.Identifier(role), "schema": sql.Identifier(schema_name)}
        for statement in (
            "CREATE ROLE {role} LOGIN",
            "GRANT USAGE ON SCHEMA {schema} TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        ):
            owner.execute(sql.SQL(statement).format(**names))
        try:
            dsn = dsn_of(postgres_dsn, user=role)
            index = {"dims": DIMS, "embed": no_model, "fields": ["text"]}
            with AgentStore(dsn, schema=schema_name, index=index) as store:
                load(store, vectors_of(20), batch_size=10)
                assert store.count(NS) == 20
            assert "must be owner" in caplog.messages[-1]
        finally:
            for statement in ("DROP OWNED BY {role}", "DROP ROLE {role}"):
                owner.execute(sql.SQL(statement).format(**names))


def test_a_large_load_into_an_empty_store_ends_with_its_index(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    store = open_store()
    store.setup()
    seen: list[tuple[int, int]] = []

    def progress(done: int) -> None:
        seen.append((done, len(indexes(postgres_dsn, schema_name))))

    load(store, vectors_of(250), batch_size=100, progress=progress)
    assert seen == [(100, 0), (200, 0), (250, 0)]
    assert indexes(postgres_dsn, schema_name) == {"item_vector_1_hnsw_vector_cosine": True}


def test_a_large_load_that_fails_ends_with_its_index_too(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    store = open_store()
    vectors = list(vectors_of(150))
    vectors[120] = [float("nan")] * DIMS
    with pytest.raises(EmbeddingShapeError, match=r"item 120: .*first 100 items"):
        load(store, vectors, batch_size=100)
    assert store.count(NS) == 100
    assert indexes(postgres_dsn, schema_name) == {"item_vector_1_hnsw_vector_cosine": True}


def test_a_load_into_a_store_with_vectors_keeps_the_index(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str
) -> None:
    store = open_store()
    load(store, vectors_of(5))
    seen: list[int] = []

    def progress(_done: int) -> None:
        seen.append(len(indexes(postgres_dsn, schema_name)))

    load(store, vectors_of(200), batch_size=100, progress=progress)
    assert seen == [1, 1]
    assert indexes(postgres_dsn, schema_name) == {"item_vector_1_hnsw_vector_cosine": True}


def test_loading_replaces_the_vectors_of_items_that_are_there(
    open_store: Callable[..., AgentStore],
) -> None:
    vectors = vectors_of(4)
    store = open_store(
        embed=lambda texts: [vectors[int(text)] for text in texts],
        fields=["texts[*]"],
        distance_type="l2",
    )
    store.load([(NS, "k", {"texts": ["a", "b", "c"]}, list(vectors[:3]))])
    store.load([(NS, "k", {"texts": ["d"]}, vectors[3])])
    assert store.search(NS, query="3")[0].score == 0
    assert store.search(NS, query="0")[0].score < -0.1  # type: ignore[operator]


def test_vectors_are_computed_where_none_are_given(
    open_store: Callable[..., AgentStore],
) -> None:
    store = open_store(embed=lambda texts: [[float(len(text))] + [1.0] * 7 for text in texts])
    store.load([(NS, "short", {"text": "a"}), (NS, "long", {"text": "a" * 40})])
    assert [item.key for item in store.search(NS, query="a" * 39)] == ["long", "short"]


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        ([[1.0] * DIMS] * 2, "2 vectors were given"),
        ([1.0] * 3, "3 dimensions"),
        ([float("inf")] * DIMS, "infinity"),
        (["a"] * DIMS, "given"),
    ],
)
def test_bad_vectors_are_refused_before_anything_is_written(
    open_store: Callable[..., AgentStore], vectors: Any, reason: str
) -> None:
    store = open_store()
    with pytest.raises((InvalidOperationError, EmbeddingShapeError), match=reason):
        store.load([(NS, "good", {"text": "t"}, [1.0] * DIMS), (NS, "bad", {"text": "t"}, vectors)])
    assert store.count(NS) == 0


def test_vectors_for_a_store_without_an_index_are_refused(
    postgres_dsn: str, schema_name: str
) -> None:
    with (
        AgentStore(postgres_dsn, schema=schema_name) as store,
        pytest.raises(InvalidOperationError, match="no index"),
    ):
        store.load([(NS, "k", {"text": "t"}, [1.0] * DIMS)])


def test_a_chunker_that_gives_no_texts_is_named(open_store: Callable[..., AgentStore]) -> None:
    store = open_store(chunk=lambda text: [text, 7])
    with pytest.raises(InvalidValueError, match="chunk returned int 7"):
        store.put(NS, "k", {"text": "t"})
    assert store.count(NS) == 0
