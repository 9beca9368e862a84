"""The `index=` option is checked when the store is made; what it says is told in one message."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from langgraph_agentstore import AgentStore
from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.config.search_index import SearchIndex, VectorIndex
from langgraph_agentstore.errors import ConfigurationError, EmbeddingShapeError
from langgraph_agentstore.model.text_fields import Part
from langgraph_agentstore.sql.items.put_indexed import (
    indexed_arguments,
    put_expected_indexed_statement,
    put_indexed_statement,
)
from langgraph_agentstore.sql.search.vector import POOL_OF_BITS, VECTOR_POOL, way_and_reason
from langgraph_agentstore.sql.search.vector_codec import vector_bytes
from langgraph_agentstore.sql.statement import Content, Put, PutExpected, SqlContext
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.sql.vector_tables import (
    approximate_index,
    column_type,
    create_vectors_sql,
    distance_sql,
)


def embed(texts: list[str]) -> list[list[float]]:
    return [[1.0, 2.0] for _ in texts]


def index_of(**options: Any) -> SearchIndex:
    index = search_index({"dims": 2, "embed": embed, **options})
    assert index is not None
    return index


def vectors_of(**options: Any) -> VectorIndex:
    vectors = index_of(**options).vectors
    assert vectors is not None
    return vectors


# What is taken


def test_without_an_index_there_is_none() -> None:
    assert search_index(None) is None


def test_langgraphs_index_config_is_enough() -> None:
    index = index_of(fields=["text"])
    assert (index.mode, index.modes, index.language) == ("vector", ("vector",), None)
    vectors = index.vectors
    assert vectors is not None
    assert (vectors.dims, vectors.distance, vectors.exact_up_to) == (2, "cosine", None)
    assert (vectors.kind, vectors.vector_type, vectors.m) == ("hnsw", "vector", 16)
    assert [path for path, _ in index.paths] == ["text"]


def test_without_an_embedder_text_is_searched() -> None:
    index = search_index({"fields": ["text"]})
    assert index is not None
    assert (index.mode, index.modes, index.language) == ("text", ("text",), "english")
    assert (index.vectors, index.embedder, index.model) == (None, None, None)


def test_hybrid_serves_every_mode() -> None:
    assert index_of(mode="hybrid").modes == ("vector", "text", "hybrid")


def test_text_may_be_searched_though_there_is_an_embedder() -> None:
    assert index_of(mode="text").modes == ("text",)


@pytest.mark.parametrize("fields", [None, ["$"]])
def test_without_fields_the_whole_value_is_searched(fields: Any) -> None:
    assert index_of(fields=fields).paths == (("$", ("$",)),)


def test_langgraphs_own_keys_are_left_alone() -> None:
    assert index_of(__tokenized_fields=[("$", "$")]).mode == "vector"


def test_ranking_has_its_defaults_and_no_age() -> None:
    ranking = index_of().ranking
    assert (ranking.k1, ranking.b) == (1.2, 0.4)
    assert ranking.recency_half_life_days is None


def test_ranking_can_be_chosen() -> None:
    ranking = index_of(
        k1=2, b=0, text_weight=1, vector_weight=0.5, recency_half_life_days=7
    ).ranking
    assert (ranking.k1, ranking.b) == (2.0, 0.0)
    assert (ranking.text_weight, ranking.vector_weight) == (1.0, 0.5)
    assert ranking.recency_half_life_days == 7.0


@pytest.mark.parametrize("language", ["german", "simple", "pg_catalog.english", "My_Own2"])
def test_a_language_is_a_name(language: str) -> None:
    assert index_of(mode="hybrid", language=language).language == language


def test_a_size_makes_a_chunk() -> None:
    chunk = index_of(chunk=16).chunk
    assert chunk is not None
    assert list(chunk("x" * 20)) == ["x" * 16, "x" * 4]


def test_a_function_is_a_chunk() -> None:
    assert index_of(chunk=str.split).chunk is str.split


def test_other_fields_or_another_model_are_other_settings() -> None:
    settings = index_of(fields=["a"], model="m").settings
    assert settings == index_of(fields=["a"], model="m", mode="hybrid").settings
    assert settings != index_of(fields=["b"], model="m").settings
    assert settings != index_of(fields=["a"], model="n").settings


def test_the_words_of_other_settings_are_others() -> None:
    english = index_of(mode="hybrid", fields=["a"]).words_by
    assert english == index_of(mode="text", fields=["a"]).words_by
    assert english != index_of(mode="hybrid", fields=["b"]).words_by
    assert english != index_of(mode="hybrid", fields=["a"], language="german").words_by
    assert -(2**31) <= english < 2**31


# Models


class Named(DeterministicFakeEmbedding):
    model: str = "small-1"


class Unnamed(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return [1.0, 2.0]


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({"embed": Named(size=2)}, "small-1"),
        ({"embed": Unnamed()}, "Unnamed"),
        ({"embed": embed}, None),
        ({"embed": embed, "model": "mine"}, "mine"),
        ({"embed": Named(size=2), "model": "mine"}, "mine"),
    ],
    ids=["attribute", "class", "function", "named function", "named class"],
)
def test_a_model_is_known_by_its_name(options: dict[str, Any], model: str | None) -> None:
    assert index_of(**options).model == model


# What is refused


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"embd": 1}, r"\['embd'\] is not known; known: .*embed"),
        ({"mode": "fuzzy"}, "'vector' or 'text' or 'hybrid', got 'fuzzy'"),
        ({"embed": None, "mode": "vector"}, "mode 'vector' needs 'embed'"),
        ({"embed": None, "mode": "hybrid"}, "mode 'hybrid' needs 'embed'"),
        ({"embed": None}, "'dims' is the length of an embedder's vectors: give 'embed'"),
        ({"embed": 7}, "embed is .*, got int"),
        ({"embed": "no-provider"}, "index: "),
        ({"dims": 0}, "dims is a whole number from 1 to 16000, got 0"),
        ({"dims": 16_001}, "dims"),
        ({"dims": "384"}, "dims"),
        ({"dims": True}, "dims"),
        ({"dims": 2.0}, "dims"),
        ({"fields": "text"}, "fields is a list of paths"),
        ({"fields": []}, "fields"),
        ({"fields": 7}, "fields"),
        ({"fields": [7]}, "fields is a path"),
        ({"fields": [""]}, "fields is a path"),
        ({"model": ""}, "model is a name"),
        ({"model": 7}, "model"),
        ({"distance_type": "manhattan"}, "'cosine' or 'l2' or 'inner_product'"),
        ({"ann_index_config": {"kind": "ivf"}}, "kind is 'hnsw' or 'ivfflat' or 'flat'"),
        ({"ann_index_config": {"vector_type": "sparsevec"}}, "vector_type"),
        ({"ann_index_config": {"m": 1}}, "m is a whole number from 2 to 100"),
        ({"ann_index_config": {"m": 101}}, "m is"),
        ({"ann_index_config": {"ef_construction": 3}}, "ef_construction"),
        ({"ann_index_config": {"nlist": 0}}, "nlist"),
        ({"ann_index_config": {"nprobes": 0}}, "nprobes"),
        ({"ann_index_config": {"exact_up_to": -1}}, "exact_up_to"),
        ({"ann_index_config": {"lists": 3}}, r"ann_index_config: \['lists'\] is not known"),
        ({"ann_index_config": "hnsw"}, "ann_index_config is a mapping"),
        ({"mode": "hybrid", "language": "no such name"}, "language"),
        ({"mode": "hybrid", "language": "x'; DROP"}, "language"),
        ({"mode": "hybrid", "language": "a.b.c"}, "language"),
        ({"mode": "hybrid", "language": "english\n"}, "language"),
        ({"mode": "hybrid", "language": ""}, "language"),
        ({"mode": "hybrid", "language": 7}, "language"),
        ({"k1": -1}, "k1 is a number from 0"),
        ({"k1": math.nan}, "k1"),
        ({"k1": "1.2"}, "k1"),
        ({"k1": True}, "k1"),
        ({"b": 1.1}, "b is a number from 0 to 1"),
        ({"text_weight": 0}, "text_weight is a number above 0"),
        ({"vector_weight": -1}, "vector_weight"),
        ({"recency_half_life_days": 0}, "recency_half_life_days"),
        ({"chunk": 0}, "chunk is a whole number from 16"),
        ({"chunk": "big"}, "chunk"),
        ({"rerank": "cohere"}, "rerank is a function"),
        ({"embed_batch_size": 0}, "embed_batch_size"),
        ({"embed_timeout_s": 0}, "embed_timeout_s is a number above 0"),
        ({"embed_timeout_s": math.inf}, "embed_timeout_s"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_what_would_be_right(
    options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        index_of(**options)


@pytest.mark.parametrize("index", [7, "text", [("dims", 2)]])
def test_an_index_is_a_mapping(index: Any) -> None:
    with pytest.raises(ConfigurationError, match="index is a mapping"):
        search_index(index)


def test_an_embedder_needs_the_length_of_its_vectors() -> None:
    with pytest.raises(ConfigurationError, match="'dims' is missing"):
        search_index({"embed": embed})


def test_a_store_with_a_wrong_index_cannot_be_made() -> None:
    with pytest.raises(ConfigurationError, match="'dims' is missing"):
        AgentStore("postgresql://localhost/none", index={"embed": embed})


# How vectors are kept


@pytest.mark.parametrize(
    ("dims", "ann", "stored_as", "indexed_as"),
    [
        (384, {}, "vector", "vector"),
        (2_000, {}, "vector", "vector"),
        (2_001, {}, "halfvec", "halfvec"),
        (4_000, {}, "halfvec", "halfvec"),
        (4_001, {}, "halfvec", None),
        (3_072, {"vector_type": "vector"}, "vector", "halfvec"),
        (4_001, {"vector_type": "vector"}, "vector", None),
        (384, {"vector_type": "halfvec"}, "halfvec", "halfvec"),
        (384, {"vector_type": "bit"}, "vector", "bit"),
        (8_000, {"vector_type": "bit"}, "halfvec", "bit"),
        (384, {"kind": "flat"}, "vector", None),
        (384, {"kind": "flat", "vector_type": "bit"}, "vector", None),
    ],
)
def test_vectors_are_stored_and_indexed_as_pgvector_can(
    dims: int, ann: Any, stored_as: str, indexed_as: str | None
) -> None:
    vectors = vectors_of(dims=dims, ann_index_config=ann)
    assert (vectors.stored_as, vectors.indexed_as) == (stored_as, indexed_as)


TABLES = Tables("s")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "USING hnsw ((embedding) vector_cosine_ops) WITH (m=16, ef_construction=200)"),
        ({"distance_type": "l2"}, "(embedding) vector_l2_ops"),
        ({"distance_type": "inner_product"}, "(embedding) vector_ip_ops"),
        (
            {"ann_index_config": {"kind": "ivfflat", "nlist": 7}},
            "USING ivfflat ((embedding) vector_cosine_ops) WITH (lists=7)",
        ),
        (
            {"ann_index_config": {"vector_type": "bit"}},
            "((binary_quantize(embedding)::bit(2)) bit_hamming_ops)",
        ),
        (
            {"dims": 3_000, "ann_index_config": {"vector_type": "vector"}},
            "(((embedding)::halfvec(3000)) halfvec_cosine_ops)",
        ),
    ],
    ids=str,
)
def test_the_approximate_index_is_the_one_asked_for(options: dict[str, Any], told: str) -> None:
    ann = approximate_index(TABLES, 3, vectors_of(**options))
    assert ann is not None
    assert told in ann.create
    assert '"s".item_vector_3' in ann.create
    assert ann.name in ann.drop


def test_a_flat_index_is_none() -> None:
    assert approximate_index(TABLES, 1, vectors_of(ann_index_config={"kind": "flat"})) is None


def test_indexes_of_different_kinds_have_different_names() -> None:
    kinds = [
        vectors_of(distance_type=distance, ann_index_config={"kind": kind, "vector_type": type_})
        for distance in ("cosine", "l2", "inner_product")
        for kind in ("hnsw", "ivfflat")
        for type_ in ("vector", "halfvec", "bit")
    ]
    names = {getattr(approximate_index(TABLES, 1, vectors), "name", None) for vectors in kinds}
    assert len(names) == len(kinds)
    assert all(name is not None and len(name) < 64 for name in names)


def test_the_table_has_the_column_of_the_vectors() -> None:
    vectors = vectors_of(dims=3_000)
    (create,) = create_vectors_sql(TABLES, 2, vectors)
    assert column_type(TABLES, vectors) == "halfvec(3000)"
    assert "embedding  halfvec(3000)" in create


@pytest.mark.parametrize(
    ("distance", "operator"), [("cosine", "<=>"), ("l2", "<->"), ("inner_product", "<#>")]
)
def test_distances_are_measured_by_the_operator_of_their_kind(distance: str, operator: str) -> None:
    sql = distance_sql(SqlContext(TABLES, index=index_of(distance_type=distance)))
    assert operator in sql.exact
    assert operator in sql.indexed


def test_bits_are_compared_by_hamming_distance_and_measured_by_the_vectors() -> None:
    index = index_of(ann_index_config={"vector_type": "bit"})
    sql = distance_sql(SqlContext(TABLES, index=index))
    assert "<~>" in sql.indexed
    assert "v.embedding <=> $1::vector" in sql.exact


# Why a search went its way


@pytest.mark.parametrize(
    ("way", "options", "approximate", "told"),
    [
        ("exact", {}, True, "few parts are in scope, so"),
        ("selective", {}, True, "few items in scope pass the filter"),
        ("exact", {"ann_index_config": {"exact_up_to": 9}}, True, r"the limit is 9"),
        ("exact", {"ann_index_config": {"kind": "flat"}}, False, "the index is flat"),
        ("exact", {"dims": 5_000}, False, "no index for 5000 dimensions of type 'halfvec'"),
        ("exact", {}, False, "no hnsw index yet; setup"),
        ("index", {}, True, f"gave its {VECTOR_POOL} nearest"),
        (
            "index",
            {"ann_index_config": {"vector_type": "bit"}},
            True,
            f"gave its {POOL_OF_BITS} nearest",
        ),
        ("retry", {}, True, f"came short of {VECTOR_POOL}"),
        ("index and exact", {}, True, f"beyond the {VECTOR_POOL} nearest"),
    ],
)
def test_the_reason_of_a_way_is_told(
    way: str, options: dict[str, Any], approximate: bool, told: str
) -> None:
    context = SqlContext(TABLES, index=index_of(**options), vector_set=1, approximate=approximate)
    code, reason = way_and_reason(way, context)
    assert code == ("exact" if way == "selective" else way)
    assert told in reason


# Embeddings


@pytest.mark.parametrize(
    "vector",
    [
        [1.0, 2.0],
        (1, 2),
        np.array([1, 2]),
        np.array([1.0, 2.0], dtype=np.float32),
        np.array([1.0, 2.0], dtype=np.float16),
        [np.float32(1), np.float64(2)],
    ],
    ids=["floats", "ints", "int array", "float array", "half array", "numpy numbers"],
)
def test_a_vector_of_any_numbers_is_taken(vector: Any) -> None:
    assert vector_bytes(vector, vectors_of()) == bytes.fromhex("00020000 3f800000 40000000")


@pytest.mark.parametrize(
    ("vector", "told"),
    [
        ([1.0], "has 1 dimensions, the index has dims=2"),
        ([1.0, 2.0, 3.0], "has 3 dimensions"),
        ([], "has 0 dimensions"),
        (None, "got NoneType"),
        ("12", "got str"),
        (b"12", "got bytes"),
        (7.0, "got float"),
        (np.float64(7), "got float64"),
        ({1.0, 2.0}, "got set"),
        ([1.0, None], "no list of numbers"),
        ([1.0, "x"], "no list of numbers"),
        ([[1.0], [2.0]], "no list of numbers"),
        (np.ones((2, 2)), "no list of numbers"),
        ([1.0, math.nan], "NaN"),
        ([1.0, math.inf], "infinity"),
        ([1.0, 1e39], "embedding"),
        ([1.0, 10**400], "embedding"),
    ],
    ids=str,
)
def test_what_is_no_embedding_is_refused(vector: Any, told: str) -> None:
    with pytest.raises(EmbeddingShapeError, match=told):
        vector_bytes(vector, vectors_of())


def test_a_number_too_large_for_16_bits_is_refused_where_these_are_stored() -> None:
    vector = [1.0, 70_000.0]
    assert vector_bytes(vector, vectors_of())
    with pytest.raises(EmbeddingShapeError, match="'halfvec' cannot take"):
        vector_bytes(vector, vectors_of(ann_index_config={"vector_type": "halfvec"}))


# Puts


def a_put(key: str, index: SearchIndex, texts: tuple[str, ...] = (), **content: Any) -> Put:
    parts = tuple(Part("text", text) for text in texts)
    vectors = [text.encode() for text in texts]
    return Put(("u", "n", key), "n", b"{}", None, Content(index, parts, **content), vectors)


def test_puts_are_in_the_order_of_the_primary_key() -> None:
    index = index_of()
    context = SqlContext(TABLES, index=index, vector_set=1)
    _, arguments = put_indexed_statement([a_put("b", index), a_put("a", index)], context)
    assert arguments[2] == ["a", "b"]


def test_vectors_travel_with_the_position_of_their_put() -> None:
    index = index_of()
    context = SqlContext(TABLES, index=index, vector_set=1)
    puts = [a_put("a", index, ("x",)), a_put("b", index), a_put("c", index, ("y", "z"))]
    arguments = indexed_arguments(puts, context)
    counts, positions, numbers, paths, _, vectors = arguments[10:]
    assert counts == [1, 0, 2]
    assert positions == [1, 3, 3]
    assert numbers == [0, 0, 1]
    assert paths == ["text"] * 3
    assert vectors == [b"x", b"y", b"z"]


def test_puts_without_any_text_have_no_vectors() -> None:
    index = index_of()
    context = SqlContext(TABLES, index=index, vector_set=1)
    assert indexed_arguments([a_put("a", index)], context)[10:] == ([0], [], [], [], [], [])


def test_a_put_without_content_has_neither_words_nor_vectors() -> None:
    context = SqlContext(TABLES, index=index_of(), vector_set=1)
    put = Put(("u", "n", "k"), "n", b"{}", None)
    assert indexed_arguments([put], context)[6:8] == ([None], [None])
    assert indexed_arguments([put], context)[10:] == ([0], [], [], [], [], [])


def test_what_a_writer_chose_is_kept_with_the_item() -> None:
    index = index_of(mode="text")
    put = a_put("k", index, words="w", paths=(("a", ("a",)),))
    assert indexed_arguments([put], SqlContext(TABLES, index=index))[6:8] == (["w"], [b'["a"]'])


def test_a_store_without_vectors_writes_none() -> None:
    index = index_of(mode="text")
    sql, _ = put_indexed_statement([a_put("k", index)], SqlContext(TABLES, index=index))
    assert "item_vector" not in sql
    assert "to_tsvector('english'::regconfig" in sql


@pytest.mark.parametrize(("version", "begins"), [(0, "INSERT"), (3, "UPDATE")])
def test_a_put_over_a_version_writes_its_vectors_too(version: int, begins: str) -> None:
    index = index_of()
    context = SqlContext(TABLES, index=index, vector_set=1)
    expected = PutExpected(a_put("k", index, ("x",)), version)
    sql, arguments = put_expected_indexed_statement(expected, context)
    assert f"{begins} " in sql
    assert "item_vector_1" in sql
    assert len(arguments) == 16 + (2 if version else 0)
