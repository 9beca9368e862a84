"""Text search: BM25 over the words that Postgres makes, without a model and without pgvector."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import bm25s  # type: ignore[import-untyped]
import psycopg
import pytest
from langgraph.store.base import PutOp, SearchItem

from langgraph_agentstore import AgentStore
from langgraph_agentstore.errors import ConfigurationError, InvalidValueError
from tests.support.faults import execute
from tests.support.matrices import few

NS = ("users", "ann", "notes")
INDEX: dict[str, Any] = {"fields": ["text"]}

Scores = dict[str, float]


@pytest.fixture
def open_store(postgres_dsn: str, schema_name: str) -> Callable[..., AgentStore]:
    """Call it with options of the index for a store on the test's schema."""

    def opened(**options: Any) -> AgentStore:
        return AgentStore(postgres_dsn, schema=schema_name, index={**INDEX, **options})

    return opened


@pytest.fixture
async def store(open_store: Callable[..., AgentStore]) -> AsyncIterator[AgentStore]:
    async with open_store() as store:
        yield store


async def fill(store: AgentStore, texts: Sequence[str], namespace: tuple[str, ...] = NS) -> None:
    await store.abatch([PutOp(namespace, f"k{n:03}", {"text": t}) for n, t in enumerate(texts)])


async def found_by(store: AgentStore, query: str, **options: Any) -> list[str]:
    return [item.key for item in await store.asearch(NS, query=query, limit=100, **options)]


def scores(found: Sequence[SearchItem]) -> Scores:
    return {item.key: item.score for item in found if item.score is not None}


# Without the extension


@pytest.mark.parametrize("index", [INDEX, {"mode": "text"}, {**INDEX, "mode": "text"}])
async def test_text_search_needs_no_extension(fresh_database: str, index: Any) -> None:
    async with AgentStore(fresh_database, index=index) as store:
        await fill(store, ["a red fox", "a blue whale"])
        assert await found_by(store, "foxes") == ["k000"]
    assert execute(fresh_database, "SELECT FROM pg_extension WHERE extname = 'vector'") == []


async def test_without_fields_all_texts_and_numbers_of_a_value_are_searched(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store(fields=None) as store:
        await store.aput(NS, "k", {"title": "fox", "inner": {"list": ["whale", 1984, True, None]}})
        for query in ("fox", "whale", "1984"):
            assert await found_by(store, query) == ["k"]
        for query in ("title", "inner", "true", "null"):
            assert await found_by(store, query) == []


# The ranking


def tokens_of(dsn: str, language: str, texts: Sequence[str]) -> list[list[str]]:
    """Each text's lexemes, as often as they are in it, as Postgres has them."""
    found: list[list[str]] = []
    with psycopg.connect(dsn) as connection:
        for text in texts:
            rows = connection.execute(
                "SELECT lexeme, cardinality(positions) FROM unnest(to_tsvector(%s::regconfig, %s))",
                (language, text),
            )
            found.append([lexeme for lexeme, count in rows for _ in range(count)])
    return found


def bm25_of(
    corpus: Sequence[Sequence[str]], query: Sequence[str], k1: float, b: float
) -> list[float]:
    """By the `bm25s` package, whose formula leaves out the constant factor k1 + 1."""
    retriever = bm25s.BM25(method="lucene", k1=k1, b=b, dtype="float64")
    retriever.index([list(tokens) for tokens in corpus], show_progress=False)
    known = {token for tokens in corpus for token in tokens}
    asked = sorted(set(query) & known)
    if not asked:
        return [0.0] * len(corpus)
    return [float(score) * (k1 + 1) for score in retriever.get_scores(asked)]


@pytest.mark.parametrize(
    ("seed", "language", "k1", "b"),
    [
        (1, "english", 1.2, 0.75),
        (2, "english", 1.2, 0.75),
        (3, "english", 2.0, 0.0),
        (4, "simple", 1.2, 1.0),
        (5, "german", 0.5, 0.3),
    ],
)
async def test_the_ranking_is_that_of_an_independent_bm25(
    open_store: Callable[..., AgentStore],
    postgres_dsn: str,
    seed: int,
    language: str,
    k1: float,
    b: float,
) -> None:
    chance = random.Random(seed)
    stems = ["run", "cat", "house", "walk", "tree", "stone", "light", "water", "green", "song"]
    words = [stem + ending for stem in stems for ending in ("", "s", "ing")] + ["the", "and", "die"]
    texts = [" ".join(chance.choices(words, k=chance.randint(1, 30))) for _ in range(80)]
    async with open_store(language=language, k1=k1, b=b) as store:
        await fill(store, texts)
        corpus = tokens_of(postgres_dsn, language, texts)
        for _ in range(8):
            query = " ".join(chance.choices([*words, "unheard"], k=chance.randint(1, 5)))
            (asked,) = tokens_of(postgres_dsn, language, [query])
            wanted = {
                f"k{n:03}": score
                for n, score in enumerate(bm25_of(corpus, asked, k1, b))
                if score > 0
            }
            found = await store.asearch(NS, query=query, limit=100)
            assert scores(found) == pytest.approx(wanted), query
            in_order = [wanted[item.key] for item in found]
            assert in_order == pytest.approx(sorted(in_order, reverse=True)), query


async def test_ties_are_in_the_order_of_their_keys(store: AgentStore) -> None:
    await fill(store, ["a red fox"] * 30)
    assert await found_by(store, "fox") == [f"k{n:03}" for n in range(30)]
    assert len(set(scores(await store.asearch(NS, query="fox", limit=100)).values())) == 1


async def test_any_of_the_words_may_match(store: AgentStore) -> None:
    await fill(store, ["a red fox", "a blue whale", "a green tree"])
    assert set(await found_by(store, "is there a fox or a whale?")) == {"k000", "k001"}


async def test_a_search_returns_its_limit_and_pages_are_complete(store: AgentStore) -> None:
    chance = random.Random(7)
    texts = [" ".join(chance.choices(["fox", "whale", "tree"], k=5)) for _ in range(100)]
    await fill(store, texts)
    at_once = await found_by(store, "fox whale")
    paged = [
        item.key
        for offset in range(0, 100, 7)
        for item in await store.asearch(NS, query="fox whale", limit=7, offset=offset)
    ]
    assert paged == at_once


# The syntax


@pytest.fixture
async def animals(store: AgentStore) -> AgentStore:
    await fill(
        store,
        [
            "the quick brown fox",  # k000
            "a brown and quick fox",  # k001
            "a lazy dog",  # k002
            "the quick brown dog",  # k003
        ],
    )
    return store


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("fox", {"k000", "k001"}),
        ("FOXES", {"k000", "k001"}),
        ('"quick brown"', {"k000", "k003"}),
        ('"quick brown" fox', {"k000", "k003"}),
        ('"quick brown" -dog', {"k000"}),
        ("fox dog -lazy", {"k000", "k001", "k003"}),
        ('dog -"quick brown"', {"k002"}),
        ('"brown fox" "quick brown"', {"k000"}),
        ("quick-brown", {"k000", "k001", "k003"}),
        ("dog - lazy", {"k002", "k003"}),
        ('"lazy dog', {"k002"}),
        ('fox ""', {"k000", "k001"}),
        ('fox "the"', {"k000", "k001"}),
        ("fox -the", {"k000", "k001"}),
        ("-dog", set()),
        ("the and a", set()),
        ('"the"', set()),
        ("unheard", set()),
        *((blank, {"k000", "k001", "k002", "k003"}) for blank in ("", " \n\t", "-", '"', '-"')),
    ],
)
async def test_a_query_is_in_the_syntax_of_web_search(
    animals: AgentStore, query: str, wanted: set[str]
) -> None:
    assert set(await found_by(animals, query)) == wanted


async def test_a_quoted_phrase_in_the_simple_language_may_hold_any_word(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store(language="simple") as store:
        await fill(store, ["to be or not to be", "not to be"])
        assert await found_by(store, '"be or not"') == ["k000"]


HOSTILE = [
    "it's",
    "'; DROP TABLE item; --",
    "''",
    "\\",
    "\\'",
    "a\\' | 'b",
    "100%",
    "%s %(x)s {} {0} $1 $2",
    "fox & | ! ( ) <-> :* :A",
    "!fox",
    "(fox",
    'fox" OR "1"="1',
    "🦊 fox 🦊🏽",
    "fox\u200b\u202e",
    "ﬁ ǆ ß İ",
    "http://a.b/c?d=e&f='g'#h",
    "user@example.com",
    "/usr/lib/x.py",
    "C:\\temp\\new",
    "<b>fox</b> &amp;",
    "-" * 300,
    '"' * 301,
    "-'\"\\'\"",
    "x" * 5000,
]


@pytest.mark.parametrize("query", HOSTILE)
async def test_no_query_is_an_error_or_finds_what_it_does_not_name(
    animals: AgentStore, query: str
) -> None:
    found = set(await found_by(animals, query))
    named = {"k000", "k001"} if "fox" in query else set()
    # Where there is punctuation alone, nothing is asked for.
    assert found <= named or not re.search(r"[^\W_]|🦊", query)


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_a_document_says_is_found_by_the_same_words(
    open_store: Callable[..., AgentStore], text: str
) -> None:
    async with open_store(language="simple") as store:
        await store.aput(NS, "k", {"text": f"{text} zebra"})
        assert await found_by(store, "zebra") == ["k"]
        assert await found_by(store, text.replace('"', " ").replace("-", " ") + " zebra") == ["k"]


@pytest.mark.parametrize("query", ["fox \x00", "\ud800"])
async def test_a_query_that_is_no_text_of_postgres_is_refused(
    animals: AgentStore, query: str
) -> None:
    with pytest.raises(InvalidValueError, match="query"):
        await found_by(animals, query)


@pytest.mark.parametrize(
    "query",
    [
        "fox " + " ".join(f"w{n}" for n in range(100_000)),
        "fox " + " ".join(f"word{n:09}" for n in range(70_000)),
        "fox " + " ".join(f"-w{n}" for n in range(40_000)),
        "fox " + " ".join('"brown fox"' for _ in range(40_000)),
    ],
    ids=["words", "megabytes", "excluded", "phrases"],
)
async def test_a_long_query_is_answered(animals: AgentStore, query: str) -> None:
    """Somebody pastes a document, or an agent its whole context."""
    assert "k000" in await found_by(animals, query)


# The scope


async def test_what_others_have_does_not_change_the_scores(store: AgentStore) -> None:
    await fill(store, ["a red fox", "a blue whale", "a red whale"])
    alone = scores(await store.asearch(NS, query="red fox"))
    await fill(store, ["fox fox fox"] * 50, ("users", "bob", "notes"))
    await fill(store, ["fox red and long text of many words"] * 50, ("users", "ann", "other"))
    await fill(store, ["red"] * 50, ("shared",))
    assert scores(await store.asearch(NS, query="red fox")) == alone


async def test_a_filter_is_part_of_the_scope(store: AgentStore) -> None:
    for number, text in enumerate(["a red fox", "a blue whale", "a red whale"]):
        await store.aput(NS, f"k{number:03}", {"text": text, "keep": True})
    alone = scores(await store.asearch(NS, query="red fox"))
    await store.abatch(
        [PutOp(NS, f"x{n}", {"text": "fox of many words", "keep": False}) for n in range(50)]
    )
    assert scores(await store.asearch(NS, query="red fox", filter={"keep": True})) == alone


async def test_a_prefix_covers_what_is_below_it(store: AgentStore) -> None:
    for place in (
        NS,
        (*NS, "deep"),
        ("users", "ann", "notesand"),
        ("users", "bob", "notes"),
        ("s",),
    ):
        await store.aput(place, "k", {"text": "a fox"})

    async def places(prefix: tuple[str, ...]) -> set[tuple[str, ...]]:
        return {item.namespace for item in await store.asearch(prefix, query="fox")}

    assert await places(NS) == {NS, (*NS, "deep")}
    assert len(await places(("users", "ann"))) == 3
    assert len(await places(("users",))) == 4
    assert len(await places(())) == 5


async def test_expired_items_are_not_found_and_do_not_count(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await fill(store, ["a red fox", "a blue whale", "a red whale"])
    alone = scores(await store.asearch(NS, query="red fox"))
    await store.abatch(
        [PutOp(NS, f"x{n}", {"text": "fox of many words"}, ttl=60) for n in range(20)]
    )
    assert scores(await store.asearch(NS, query="red fox", limit=100)) != alone
    execute(
        postgres_dsn,
        "UPDATE {}.item SET expires_at = now() - interval '1 s' WHERE ttl IS NOT NULL",
        schema_name,
    )
    assert scores(await store.asearch(NS, query="red fox", limit=100)) == alone


# Writes


async def test_an_item_is_found_by_its_new_words_and_not_by_its_old_ones(
    store: AgentStore,
) -> None:
    await store.aput(NS, "k", {"text": "a fox"})
    await store.aput(NS, "k", {"text": "a whale"})
    assert await found_by(store, "fox") == []
    assert await found_by(store, "whale") == ["k"]


async def test_what_is_put_with_index_false_is_not_found(store: AgentStore) -> None:
    await store.aput(NS, "k", {"text": "a fox"})
    await store.aput(NS, "k", {"text": "a fox"}, index=False)
    assert await found_by(store, "fox") == []
    await store.aput(NS, "other", {"text": "a fox", "title": "a whale"}, index=["title"])
    assert await found_by(store, "fox whale") == ["other"]
    assert await found_by(store, "fox") == []


async def test_a_store_without_an_index_makes_an_items_old_words_unfindable(
    store: AgentStore, postgres_dsn: str, schema_name: str
) -> None:
    await fill(store, ["a fox", "a fox"])
    async with AgentStore(postgres_dsn, schema=schema_name) as plain:
        await plain.aput(NS, "k000", {"text": "a whale"})
        await plain.aput(NS, "k001", {"text": "a whale"}, expected_version=1)
    assert await found_by(store, "fox") == []


async def test_updates_and_versioned_puts_keep_words_in_step(store: AgentStore) -> None:
    await store.aput(NS, "k", {"text": "a fox"}, expected_version=0)
    assert await found_by(store, "fox") == ["k"]
    await store.aupdate(NS, "k", lambda _: {"text": "a whale"})
    assert await found_by(store, "fox") == []
    assert await found_by(store, "whale") == ["k"]


async def test_a_long_text_is_written_and_found(store: AgentStore) -> None:
    chance = random.Random(3)
    many = " ".join(f"{chance.randrange(16**6):x}" for _ in range(150_000))
    await store.aput(NS, "distinct", {"text": f"zebra {many}"})
    await store.aput(NS, "repeated", {"text": "zebra " * 200_000})
    await store.aput(NS, "one word", {"text": "zebra " + "x" * 3_000_000})
    assert set(await found_by(store, "zebra")) == {"distinct", "repeated", "one word"}


@few(1)
@pytest.mark.parametrize("kind", ["hyphens", "addresses", "paths", "letters"])
async def test_words_of_which_postgres_makes_several_are_written_however_many(
    store: AgentStore, kind: str
) -> None:
    chance = random.Random(5)

    def word() -> str:
        x, y = f"{chance.randrange(16**3):x}", f"{chance.randrange(16**3):x}"
        return {
            "hyphens": f"a{x}-b{y}",
            "addresses": f"{x}.{y}.de/{x}",
            "paths": f"/{x}/{y}",
            "letters": "é" + chr(0x4E00 + chance.randrange(20_000)) + x,
        }[kind]

    await store.aput(NS, "k", {"text": "zebra " + " ".join(word() for _ in range(100_000))})
    assert await found_by(store, "zebra") == ["k"]


# Languages


async def test_german_words_are_found_by_their_stems(open_store: Callable[..., AgentStore]) -> None:
    async with open_store(language="german") as store:
        await fill(store, ["Die Häuser am See", "Der Hund"])
        assert await found_by(store, "Haus") == ["k000"]
        assert await found_by(store, "der die das") == []


async def test_the_simple_language_takes_words_as_they_are(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store(language="simple") as store:
        await fill(store, ["the running_total of Foxes", "running"])
        assert await found_by(store, "the") == ["k000"]
        assert await found_by(store, "fox") == []
        assert await found_by(store, "foxes") == ["k000"]


async def test_a_language_may_be_named_with_its_schema(
    open_store: Callable[..., AgentStore],
) -> None:
    async with open_store(language="pg_catalog.english") as store:
        await fill(store, ["a fox"])
        assert await found_by(store, "foxes") == ["k000"]


async def test_an_unknown_language_is_refused_and_the_known_ones_are_named(
    open_store: Callable[..., AgentStore],
) -> None:
    store = open_store(language="klingon")
    with pytest.raises(ConfigurationError, match=r"'klingon'.*english.*german.*simple"):
        await store.asetup()
    await store.aclose()


async def test_concurrent_searches_do_not_disturb_each_other(store: AgentStore) -> None:
    await fill(store, [f"animal{n}" for n in range(50)])
    found = await asyncio.gather(*[found_by(store, f"animal{n}") for n in range(50)])
    assert found == [[f"k{n:03}"] for n in range(50)]
