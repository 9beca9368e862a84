"""Search by vectors: as many items as there are matches, the right ones, and each page once.

One table of 8,000 items of many users is searched at every size of scope, with a limit so low
that all but the smallest scopes go by the approximate index; and others as large as they must be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from langgraph.store.base import PutOp, SearchItem

from langgraph_agentstore import AgentStore, ScoredItem
from langgraph_agentstore.sql.search import vector_small
from langgraph_agentstore.sql.search.vector import VECTOR_POOL
from tests.support.faults import execute
from tests.support.matrices import few

Floats = npt.NDArray[np.float32]

DIMS = 32
DIMS_OF_BITS = 128
"""One bit of each says too little of fewer."""

ROWS = 8_000

SIZES = (1, 10, 100, 1_000, 3_000)
EXACT_UP_TO = 50


USUALLY_SMALL = vector_small.SMALL


@pytest.fixture(autouse=True)
def _no_scope_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has small scopes searched by the statement for any scope, where the ways part."""
    monkeypatch.setattr(vector_small, "SMALL", 0)


def clustered(chance: np.random.Generator, count: int, dims: int) -> Floats:
    """Vectors as models give them: around some centres, of about one length."""
    centres = np.random.default_rng(5).standard_normal((50, dims))
    vectors = centres[chance.integers(0, 50, count)] + 0.8 * chance.standard_normal((count, dims))
    lengths = chance.uniform(0.9, 1.1, (count, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors * lengths, dtype=np.float32)


def measured(distance: str, vectors: Floats, query: Floats) -> npt.NDArray[np.float64]:
    """The score of each vector, (n,): higher is nearer."""
    v, q = vectors.astype(np.float64), query.astype(np.float64)
    if distance == "l2":
        return np.asarray(-np.linalg.norm(v - q, axis=1))
    if distance == "inner_product":
        return np.asarray(v @ q)
    return np.asarray(v @ q / (np.linalg.norm(v, axis=1) * np.linalg.norm(q)))


@dataclass(frozen=True)
class World:
    """A store of 20,000 items, what is in it, and questions to ask: "q0", "q1", …"""

    store: AgentStore
    distance: str
    vectors: Floats
    questions: Floats
    namespaces: list[tuple[str, ...]]
    groups: npt.NDArray[np.int64]

    def of(self, prefix: tuple[str, ...], below: int = 200) -> list[int]:
        """The items at or below a namespace whose group is below that number."""
        depth = len(prefix)
        return [
            n
            for n, namespace in enumerate(self.namespaces)
            if namespace[:depth] == prefix and self.groups[n] < below
        ]

    def nearest(self, items: Sequence[int], question: int, limit: int) -> set[str]:
        scores = measured(self.distance, self.vectors[list(items)], self.questions[question])
        return {f"k{items[n]}" for n in np.argsort(-scores, kind="stable")[:limit]}

    def recall(self, prefix: tuple[str, ...], *, below: int = 200, limit: int = 10) -> float:
        """The share of the true nearest that the store finds, over all questions."""
        items = self.of(prefix, below)
        found = wanted = 0
        for question in range(len(self.questions)):
            true = self.nearest(items, question, limit)
            given = self.search(prefix, question, below=below, limit=limit)
            assert len(given) == min(limit, len(items))
            found += len(true & {item.key for item in given})
            wanted += len(true)
        return found / wanted

    def search(
        self, prefix: tuple[str, ...], question: int = 0, *, below: int = 200, **options: Any
    ) -> list[SearchItem]:
        filter = {"g": {"$lt": below}} if below < 200 else None
        return self.store.search(prefix, query=f"q{question}", filter=filter, **options)


def tenants(rows: int, sizes: Sequence[int], others: int = 100) -> list[tuple[str, ...]]:
    """A namespace for each item: some users have as many as `sizes`, the others share the rest."""
    listed: list[tuple[str, ...]] = [
        ("users", f"has{size}", "notes") for size in sizes for _ in range(size)
    ]
    while len(listed) < rows:
        listed.append(("users", f"other{len(listed) % others}", f"n{len(listed) % 3}", "deep"))
    return listed


def make_world(dsn: str, schema: str, distance: str, ann: dict[str, Any], rows: int) -> World:
    chance = np.random.default_rng(1)
    dims = DIMS_OF_BITS if ann["vector_type"] == "bit" else DIMS
    vectors, questions = clustered(chance, rows, dims), clustered(chance, 20, dims)
    namespaces = tenants(rows, SIZES)
    chance.shuffle(namespaces)
    namespaces = [tuple(map(str, namespace)) for namespace in namespaces]
    groups = chance.integers(0, 200, rows)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [questions[int(text[1:])].tolist() for text in texts]

    index = {
        "dims": dims,
        "embed": embed,
        "fields": ["text"],
        "distance_type": distance,
        "ann_index_config": {"exact_up_to": EXACT_UP_TO, **ann},
    }
    store = AgentStore(dsn, schema=schema, index=index)
    store.load(
        (namespace, f"k{n}", {"text": f"t{n}", "g": int(groups[n])}, vectors[n].tolist())
        for n, namespace in enumerate(namespaces)
    )
    store.setup()
    return World(store, distance, vectors, questions, namespaces, groups)


@pytest.fixture(scope="module")
def make(postgres_dsn: str) -> Iterator[Callable[..., World]]:
    """Call it for a world; it is made once."""
    made: dict[str, World] = {}

    def world(distance: str, vector_type: str, kind: str = "hnsw") -> World:
        name = f"near_{distance}_{vector_type}_{kind}"
        if name not in made:
            ann = {
                "kind": kind,
                "vector_type": vector_type,
                "ef_construction": 64,
                "nlist": 50,
                "nprobes": 35,  # fewer lists are read than hold the nearest, where few match
            }
            made[name] = make_world(postgres_dsn, name, distance, ann, ROWS)
        return made[name]

    yield world
    for name, world_ in made.items():
        world_.store.close()
        execute(postgres_dsn, "DROP SCHEMA {} CASCADE", name)


@pytest.fixture(scope="module")
def world(make: Callable[..., World]) -> World:
    return make("cosine", "vector")


def scope(size: int) -> tuple[str, ...]:
    return ("users", f"has{size}")


EVERY_SCOPE = [scope(size) for size in SIZES] + [("users", "other7"), ("users",), ()]
KINDS = [
    ("cosine", "vector", "hnsw"),
    ("cosine", "vector", "ivfflat"),
    ("l2", "vector", "flat"),
    *[
        pytest.param(*kind, marks=pytest.mark.slow)
        for kind in (
            ("l2", "vector", "hnsw"),
            ("inner_product", "vector", "hnsw"),
            ("cosine", "halfvec", "hnsw"),
            ("cosine", "bit", "hnsw"),
        )
    ],
]
COSINE_KINDS = [KINDS[0], KINDS[1], *KINDS[-2:]]


# Right


@pytest.mark.parametrize(("distance", "vector_type", "kind"), KINDS)
def test_recall_is_at_least_99_percent_in_a_scope_of_any_size(
    make: Callable[..., World], distance: str, vector_type: str, kind: str
) -> None:
    world = make(distance, vector_type, kind)
    recalls = {prefix: world.recall(prefix) for prefix in EVERY_SCOPE}
    assert {prefix: recall for prefix, recall in recalls.items() if recall < 0.99} == {}


@few(2)
@pytest.mark.parametrize(("distance", "vector_type", "kind"), COSINE_KINDS)
@pytest.mark.parametrize("below", [100, 10, 1], ids=["50 %", "5 %", "0.5 %"])
def test_recall_is_at_least_99_percent_under_any_filter(
    make: Callable[..., World], distance: str, vector_type: str, kind: str, below: int
) -> None:
    world = make(distance, vector_type, kind)
    recalls = {
        prefix: world.recall(prefix, below=below)
        for prefix in (scope(1_000), scope(3_000), ("users",))
    }
    assert {prefix: recall for prefix, recall in recalls.items() if recall < 0.99} == {}


@few(1)
@pytest.mark.parametrize("distance", ["cosine", "l2", "inner_product"])
def test_a_score_is_higher_where_it_is_nearer(make: Callable[..., World], distance: str) -> None:
    world = make(distance, "vector")
    for prefix in (scope(10), scope(3_000)):
        for item in world.search(prefix, 3):
            number = int(item.key[1:])
            (score,) = measured(distance, world.vectors[[number]], world.questions[3])
            assert item.score == pytest.approx(score, rel=1e-4, abs=1e-5)
        scores = [item.score or 0.0 for item in world.search(prefix, 3, limit=100)]
        assert scores == sorted(scores, reverse=True)


# Complete


@few(4)
@pytest.mark.parametrize("limit", [1, 5, 10, 100])
@pytest.mark.parametrize("prefix", EVERY_SCOPE, ids=lambda prefix: "/".join(prefix) or "all")
def test_a_search_returns_min_of_limit_and_matches(
    world: World, prefix: tuple[str, ...], limit: int
) -> None:
    for below in (200, 100, 10, 1):
        matches = len(world.of(prefix, below))
        for offset in (0, 7, 95):
            found = world.search(prefix, below=below, limit=limit, offset=offset)
            assert len(found) == max(0, min(limit, matches - offset))
            assert {item.namespace[: len(prefix)] for item in found} <= {prefix}
            assert all(item.value["g"] < below for item in found)


@few(1)
@pytest.mark.parametrize(
    ("prefix", "below", "size"),
    [
        (scope(10), 200, 3),
        (scope(100), 200, 7),
        (scope(1_000), 200, 60),
        (scope(3_000), 100, 150),
        (scope(3_000), 10, 20),
        (("users",), 10, 100),
        ((), 1, 10),
    ],
)
@pytest.mark.parametrize("vector_type", ["vector", "halfvec", "bit"])
def test_pages_are_disjoint_and_complete_past_what_the_index_gives(
    make: Callable[..., World],
    vector_type: str,
    prefix: tuple[str, ...],
    below: int,
    size: int,
) -> None:
    world = make("cosine", vector_type)
    wanted = {f"k{n}" for n in world.of(prefix, below)}
    pages: list[str] = []
    while page := world.search(prefix, below=below, limit=size, offset=len(pages)):
        pages += [item.key for item in page]
    assert len(pages) == len(wanted)
    assert set(pages) == wanted


def test_pages_are_slices_of_one_long_page(world: World) -> None:
    at_once = [item.key for item in world.search(scope(1_000), limit=1_000)]
    for offset in (0, VECTOR_POOL - 10, VECTOR_POOL - 5, VECTOR_POOL, VECTOR_POOL + 5, 900, 995):
        page = world.search(scope(1_000), limit=10, offset=offset)
        assert [item.key for item in page] == at_once[offset : offset + 10]


def test_a_prefix_covers_whole_labels(world: World) -> None:
    # has1 is no prefix of has10, has100 and has1000.
    assert len(world.search(("users", "has1"), limit=100)) == 1
    assert world.search(("users", "has"), limit=100) == []
    assert world.search(("users", "has1", "note"), limit=100) == []
    assert {item.namespace[2] for item in world.search(("users", "other7"), limit=1_000)} == {
        "n0",
        "n1",
        "n2",
    }


# Which way


def way(world: World, prefix: tuple[str, ...], **options: Any) -> str | None:
    return world.store.explain_search(prefix, query="q0", **options).way


def test_few_parts_in_scope_are_measured(world: World) -> None:
    explained = world.store.explain_search(scope(10), query="q0")
    assert explained.way == "exact"
    assert explained.reason is not None
    assert f"the limit is {EXACT_UP_TO}" in explained.reason
    assert str(explained).startswith("-- exact: few parts")


def test_many_parts_in_scope_go_by_the_index(world: World) -> None:
    assert way(world, ("users",)) == "index"
    assert way(world, scope(3_000)) == "index"


def test_a_scope_with_fewer_parts_than_the_index_gives_is_measured_after_all(
    world: World,
) -> None:
    assert EXACT_UP_TO < 100 < VECTOR_POOL
    assert way(world, scope(100)) == "retry"


def test_under_a_filter_that_few_items_pass_only_these_are_measured(world: World) -> None:
    explained = world.store.explain_search(scope(3_000), query="q0", filter={"g": 3})
    assert explained.way == "exact"
    assert "pass the filter" in (explained.reason or "")


@pytest.mark.parametrize("size", [1, 10, 100, 1_000])
def test_a_small_scope_is_searched_alike_by_its_own_statement(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    world = make("l2", "vector", "flat")

    def found(limit: int, offset: int) -> list[tuple[str, float | None, int | None]]:
        items = world.search(scope(size), 3, below=150, limit=limit, offset=offset, min_score=-1.2)
        return [(i.key, i.score, i.vector_rank) for i in items if isinstance(i, ScoredItem)]

    pages = [(10, 0), (7, 3), (100, 90), (2_000, 0)]
    by_any = [found(*page) for page in pages]
    monkeypatch.setattr(vector_small, "SMALL", USUALLY_SMALL)
    for page, wanted in zip(pages, by_any, strict=True):
        given = found(*page)
        assert [(key, rank) for key, _, rank in given] == [(key, rank) for key, _, rank in wanted]
        assert [score for _, score, _ in given] == pytest.approx([score for _, score, _ in wanted])


def test_a_page_beyond_what_the_index_gives_goes_on_by_measuring(world: World) -> None:
    assert way(world, scope(3_000), limit=VECTOR_POOL) == "index"
    assert way(world, scope(3_000), limit=VECTOR_POOL + 1) == "index and exact"
    assert way(world, scope(3_000), limit=10, offset=VECTOR_POOL) == "index and exact"


def test_a_flat_index_has_everything_measured(make: Callable[..., World]) -> None:
    explained = make("l2", "vector", "flat").store.explain_search(("users",), query="q0")
    assert explained.way == "exact"
    assert "flat" in (explained.reason or "")


@pytest.mark.slow
def test_without_a_limit_of_ones_own_some_thousands_are_measured(
    world: World, postgres_dsn: str
) -> None:
    assert world.store.index_config is not None
    index: dict[str, Any] = {**world.store.index_config, "ann_index_config": {}}
    with AgentStore(postgres_dsn, schema="near_cosine_vector_hnsw", index=index) as store:
        assert store.explain_search(scope(1_000), query="q0").way == "exact"
        assert store.explain_search(("users",), query="q0").way == "index"


# Items of many parts, ties, zeros, expiry: small stores


VECTORS = {
    "north": [0.0, 1.0],
    "north-east": [1.0, 1.0],
    "east": [1.0, 0.0],
    "south": [0.0, -1.0],
    "nowhere": [0.0, 0.0],
}
NS = ("users", "ann", "notes")


def compass(texts: Sequence[str]) -> list[list[float]]:
    return [VECTORS[text] for text in texts]


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Callable[..., AgentStore]:
    """Call it with options of the index for a store on the test's schema."""

    def opened(embed: Any = compass, dims: int = 2, **options: Any) -> AgentStore:
        index = {"dims": dims, "embed": embed, "fields": ["text", "parts[*]"], **options}
        return AgentStore(postgres_dsn, schema=schema_name, index=index)

    return opened


@pytest.fixture(params=["small scope", "exact", "index"])
def ann(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Each way that a search can go."""
    if request.param == "small scope":
        monkeypatch.setattr(vector_small, "SMALL", USUALLY_SMALL)
    return {"exact_up_to": 0} if request.param == "index" else {"kind": "flat"}


@pytest.mark.parametrize("parts", [100, 400])
def test_an_item_of_many_parts_does_not_crowd_out_the_others(
    open_store: Callable[..., AgentStore], ann: dict[str, Any], parts: int
) -> None:
    with open_store(ann_index_config=ann) as store:
        store.put(NS, "many", {"parts": ["north"] * parts})
        store.batch([PutOp(NS, f"k{n}", {"text": "north-east"}) for n in range(30)])
        found = store.search(NS, query="north", limit=10)
        assert [item.key for item in found] == ["many", *sorted(f"k{n}" for n in range(30))[:9]]
        assert len(store.search(NS, query="north", limit=100)) == 31


def test_an_item_appears_once_with_its_best_part(
    open_store: Callable[..., AgentStore], ann: dict[str, Any]
) -> None:
    with open_store(ann_index_config=ann) as store:
        store.batch(
            [PutOp(NS, f"k{n:03}", {"parts": ["south", "east", "north"]}) for n in range(150)]
        )
        store.put(NS, "between", {"text": "north-east"})
        found = store.search(NS, query="north", limit=200)
        assert [item.key for item in found] == [*(f"k{n:03}" for n in range(150)), "between"]
        assert [item.score for item in found[:150]] == pytest.approx([1.0] * 150)


def test_pages_over_items_of_many_parts_are_disjoint_and_complete(
    open_store: Callable[..., AgentStore], ann: dict[str, Any]
) -> None:
    chance = np.random.default_rng(2)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [np.random.default_rng(int(text)).standard_normal(8).tolist() for text in texts]

    with open_store(embed, 8, ann_index_config=ann) as store:
        values = [[str(chance.integers(10**6)) for _ in range(n % 9 + 1)] for n in range(200)]
        store.batch([PutOp(NS, f"k{n}", {"parts": parts}) for n, parts in enumerate(values)])
        pages = [
            item.key
            for offset in range(0, 210, 15)
            for item in store.search(NS, query="1", limit=15, offset=offset)
        ]
    assert len(pages) == len(set(pages)) == 200


def test_ties_are_in_the_order_of_their_keys_on_every_page(
    open_store: Callable[..., AgentStore], ann: dict[str, Any]
) -> None:
    with open_store(ann_index_config=ann) as store:
        store.batch([PutOp(NS, f"k{n:03}", {"text": "north"}) for n in range(120)])
        pages = [
            item.key
            for offset in range(0, 120, 10)
            for item in store.search(NS, query="north", offset=offset)
        ]
    assert pages == [f"k{n:03}" for n in range(120)]


def test_ties_beyond_what_the_index_gives_are_each_on_one_page(
    open_store: Callable[..., AgentStore],
) -> None:
    with open_store(ann_index_config={"exact_up_to": 0}) as store:
        store.batch([PutOp(NS, f"k{n:03}", {"text": "north"}) for n in range(VECTOR_POOL + 200)])
        pages = [
            item.key
            for offset in range(0, VECTOR_POOL + 200, 50)
            for item in store.search(NS, query="north", limit=50, offset=offset)
        ]
    assert len(pages) == len(set(pages)) == VECTOR_POOL + 200


@pytest.mark.parametrize("distance", ["cosine", "l2", "inner_product"])
def test_a_vector_of_zeros_can_be_stored_found_and_asked_for(
    open_store: Callable[..., AgentStore], ann: dict[str, Any], distance: str
) -> None:
    with open_store(distance_type=distance, ann_index_config=ann) as store:
        for name in VECTORS:
            store.put(NS, name, {"text": name})
        found = store.search(NS, query="north")
        assert len(found) == 5
        scores = {item.key: item.score for item in found}
        assert scores["nowhere"] == pytest.approx(-1.0 if distance == "l2" else 0.0)
        assert found[-1].key == "south"
        from_nowhere = store.search(NS, query="nowhere")
        assert {item.key for item in from_nowhere} == set(VECTORS)
        if distance == "cosine":
            assert {item.score for item in from_nowhere} == {0.0}


def test_expired_items_are_not_found_and_take_no_place(
    open_store: Callable[..., AgentStore], postgres_dsn: str, schema_name: str, ann: dict[str, Any]
) -> None:
    with open_store(ann_index_config=ann) as store:
        store.batch([PutOp(NS, f"x{n}", {"text": "north"}, ttl=60) for n in range(400)])
        store.batch([PutOp(NS, f"k{n}", {"text": "south"}) for n in range(5)])
        execute(
            postgres_dsn,
            "UPDATE {}.item SET expires_at = now() - interval '1 s' WHERE ttl IS NOT NULL",
            schema_name,
        )
        found = store.search(NS, query="north", limit=10)
        assert sorted(item.key for item in found) == [f"k{n}" for n in range(5)]


def test_items_without_an_embedding_are_not_found(
    open_store: Callable[..., AgentStore], ann: dict[str, Any]
) -> None:
    with open_store(ann_index_config=ann) as store:
        store.put(NS, "k", {"text": "south"})
        store.put(NS, "hidden", {"text": "north"}, index=False)
        store.put(NS, "none", {"n": 1})
        assert [item.key for item in store.search(NS, query="north")] == ["k"]


@pytest.mark.parametrize(
    ("dims", "vector_type", "exact"),
    [
        (2_000, "vector", False),
        (3_072, "halfvec", False),
        (3_072, "vector", False),
        (4_000, "halfvec", False),
        (5_000, "halfvec", True),
        (4_500, "bit", False),
    ],
)
def test_vectors_of_many_dimensions_are_found(
    open_store: Callable[..., AgentStore], dims: int, vector_type: str, exact: bool
) -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [np.random.default_rng(int(text)).standard_normal(dims).tolist() for text in texts]

    ann = {"exact_up_to": 0, "vector_type": vector_type}
    with open_store(embed, dims, ann_index_config=ann) as store:
        store.batch([PutOp(NS, f"k{n}", {"text": str(n)}) for n in range(12)])
        first = store.search(NS, query="7", limit=3)[0]
        assert first.key == "k7"
        assert first.score == pytest.approx(1.0, abs=1e-3)
        assert len(store.search(NS, query="7", limit=100)) == 12
        assert (store.explain_search(NS, query="7").way == "exact") == exact


# The sizes of real use


LARGE = 200_000
LARGE_SIZES = (5_000, 20_000, 100_000)


def word_vectors() -> Floats:
    """The vectors of 32,000 words, (32000, 256), of a small model; or the test is skipped."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        pytest.skip("wordllama, whose word vectors this takes, is not installed")
    weights = Path(spec.origin).parent / "weights" / "l2_supercat_256.safetensors"
    safetensors = pytest.importorskip("safetensors.numpy")
    (vectors,) = safetensors.load_file(weights).values()
    return np.asarray(vectors, dtype=np.float32)


@pytest.fixture(scope="module")
def large(postgres_dsn: str) -> Iterator[World]:
    """200,000 texts of three words, of which three users have many."""
    words = word_vectors()
    chance = np.random.default_rng(3)
    texts = words[chance.integers(0, len(words), (LARGE + 50, 3))].mean(axis=1)
    namespaces = tenants(LARGE, LARGE_SIZES, 500)
    order = chance.permutation(LARGE)
    namespaces = [namespaces[n] for n in order]
    groups = chance.integers(0, 200, LARGE)
    questions = texts[LARGE:]

    def embed(asked: Sequence[str]) -> list[list[float]]:
        return [questions[int(text[1:])].tolist() for text in asked]

    index = {"dims": words.shape[1], "embed": embed, "fields": ["text"]}
    schema = "near_large"
    with AgentStore(postgres_dsn, schema=schema, index=index) as store:
        store.load(
            (namespace, f"k{n}", {"text": f"t{n}", "g": int(groups[n])}, texts[n].tolist())
            for n, namespace in enumerate(namespaces)
        )
        store.setup()
        yield World(store, "cosine", texts[:LARGE], questions, namespaces, groups)
    execute(postgres_dsn, "DROP SCHEMA {} CASCADE", schema)


@pytest.mark.slow
@pytest.mark.parametrize("size", LARGE_SIZES)
@pytest.mark.parametrize("below", [200, 100, 10, 1], ids=["all", "50 %", "5 %", "0.5 %"])
def test_recall_is_at_least_99_percent_for_a_tenant_in_200_000(
    large: World, size: int, below: int
) -> None:
    assert large.recall(scope(size), below=below) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("size", LARGE_SIZES)
def test_pages_of_a_tenant_in_200_000_are_disjoint_and_complete(large: World, size: int) -> None:
    wanted = {f"k{n}" for n in large.of(scope(size), 10)}
    pages: list[str] = []
    while page := large.search(scope(size), below=10, limit=200, offset=len(pages)):
        pages += [item.key for item in page]
    assert len(pages) == len(wanted)
    assert set(pages) == wanted


@pytest.mark.slow
def test_a_search_over_all_of_200_000_goes_by_the_index(large: World) -> None:
    assert large.store.explain_search((), query="q0").way == "index"
    assert large.recall(()) >= 0.99
