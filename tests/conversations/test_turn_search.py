"""The search of turns: its order is that of a plain model of the formula."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage

from langgraph_agentstore import AgentStore, PoolConfig, ScoredItem
from langgraph_agentstore.config.index_options import search_index
from langgraph_agentstore.conversations import ConversationMemory, Turn, TurnScores, new_turn
from langgraph_agentstore.conversations.indexed_text import Match
from langgraph_agentstore.conversations.postgres_turn_store import turn_store_of
from langgraph_agentstore.conversations.turn_hits_sql import READ_PER_SEED, SEEDS
from langgraph_agentstore.conversations.turn_query import TurnQuery, names_in
from langgraph_agentstore.conversations.turn_search_sql import plan_turn_search
from langgraph_agentstore.errors import InvalidOperationError
from langgraph_agentstore.model.users import Address
from langgraph_agentstore.sql.statement import SqlContext
from langgraph_agentstore.sql.tables import Tables
from langgraph_agentstore.store.step_driver import run

BEGINNING = datetime(2024, 1, 1, tzinfo=timezone.utc)
WORDS = ("cat", "dog", "train", "oslo", "soup", "tea")
SPEAKERS = ("Ann", "Bo", None)


class Counting(Embeddings):
    """Vectors that count the words, so that a similarity is easy to compute by hand."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[text.count(word) + 0.1 for word in WORDS] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@dataclass
class Said:
    """A turn of the model: its thread, its words in order, and who speaks."""

    thread: str
    words: list[str]
    speaker: str | None

    @property
    def text(self) -> str:
        said = " ".join(self.words)
        return said if self.speaker is None else f"{self.speaker}: {said}"


def turns_of(talk: Sequence[Said]) -> list[Turn]:
    return [
        new_turn(said.thread, said.text, "", at=BEGINNING + timedelta(hours=number))
        for number, said in enumerate(talk)
    ]


def lexemes(said: Said, number: int) -> list[str]:
    """Return the words that are indexed: of the day, the name and the text."""
    day = BEGINNING + timedelta(hours=number)
    name = [] if said.speaker is None else [said.speaker.lower()]
    return [str(day.day), "januari", str(day.year), *name, *said.words]


def model_scores(talk: Sequence[Said], asked: Sequence[str]) -> list[float]:
    """Return the score of each turn by words alone, as decision 0027 defines it."""
    own = [lexemes(said, number) for number, said in enumerate(talk)]
    mean = max(sum(map(len, own)) / len(own), 1)
    known = {word for word in asked if any(word in words for words in own)}
    idf = {}
    for word in known:
        having = sum(word in words for words in own)
        idf[word] = math.log(1 + (len(own) - having + 0.5) / (having + 0.5))
    bm25 = []
    for number, said in enumerate(talk):
        thread = [n for n, one in enumerate(talk) if one.thread == said.thread]
        place = thread.index(number)
        score = 0.0
        for word in known:
            passed = 0.0
            for step, share in ((-1, 0.5), (-2, 0.25), (1, 0.35), (2, 0.15)):
                if 0 <= place + step < len(thread) and word in own[thread[place + step]]:
                    passed += share
            frequency = own[number].count(word) + min(1, 40 / len(own[number])) * passed
            norm = frequency + 1.2 * (0.6 + 0.4 * len(own[number]) / mean)
            score += idf[word] * frequency * 2.2 / norm
        bm25.append(score)
    weights = [idf.get(word, math.log(1 + (len(own) + 0.5) / 0.5)) for word in dict.fromkeys(asked)]
    alone = [
        1.25 * score / sum(weights) + 0.4 * min(len(words), 20) / 20 if score else -math.inf
        for score, words in zip(bm25, own, strict=True)
    ]
    named = {
        said.speaker.lower()
        for said, score in zip(talk, bm25, strict=True)
        if score and said.speaker and said.speaker.lower() in asked
    }
    return [
        score
        + 0.15 * max(alone[n] for n, one in enumerate(talk) if one.thread == said.thread)
        + 0.3 * (len(named) == 1 and said.speaker is not None and said.speaker.lower() in named)
        for score, said in zip(alone, talk, strict=True)
    ]


TALK = st.lists(
    st.builds(
        Said,
        st.sampled_from(("a", "a_b")),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=30),
        st.sampled_from(SPEAKERS),
    ),
    min_size=1,
    max_size=12,
)
QUESTION = st.lists(st.sampled_from((*WORDS, "ann", "bo", "nobody")), min_size=1, max_size=4)

# Of a question up to 8 words are looked for one by one, up to 40 by bits, of a long one by numbers.
OTHERS = st.sampled_from((0, 0, 0, 5, 10, 20, 50))


@pytest.fixture(scope="module")
def words_store(postgres_dsn: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema="turn_search", index={"mode": "text"}) as store:
        yield store


def matches_of(store: AgentStore, user: str, search: TurnQuery) -> list[Match]:
    turn_store = turn_store_of(store, user)
    return run(turn_store.search(search), turn_store.executor)


_users = iter(range(10**6))


@settings(max_examples=100, deadline=None)
@given(talk=TALK, asked=QUESTION, others=OTHERS)
def test_scores_are_those_of_the_formula(
    words_store: AgentStore, talk: list[Said], asked: list[str], others: int
) -> None:
    asked = [*(f"a{number}b" for number in range(others)), *asked]
    user = f"user {next(_users)}"
    ConversationMemory(words_store, "another").save_turn(" ".join(asked), "", "a")
    turns = turns_of(talk)
    ConversationMemory(words_store, user).save_turns(turns)
    found = matches_of(words_store, user, TurnQuery(" ".join(asked), 50))
    expected = {
        turn.key: score
        for turn, score in zip(turns, model_scores(talk, list(dict.fromkeys(asked))), strict=True)
        if score > -math.inf
    }
    assert {match.turn.key: match.score for match in found} == pytest.approx(expected)
    scores = [match.score or 0 for match in found]
    assert scores == sorted(scores, reverse=True)


def test_a_search_keeps_to_its_threads(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "threads")
    for thread in ("a", "a_b", "b"):
        memory.save_turn(f"the cat of {thread}", "", thread)
    search = "where is the cat?"
    assert [turn.thread_id for turn in memory.search(search, thread_id="a")] == ["a"]
    others = matches_of(words_store, "threads", TurnQuery(search, 10, except_thread_id="a"))
    assert {match.turn.thread_id for match in others} == {"a_b", "b"}


def test_what_is_irrelevant_can_be_left_out(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "relevance")
    memory.save_turn("my cat sleeps", "", "a")
    asked = "does the cat like quantum chromodynamics?"
    found = matches_of(words_store, "relevance", TurnQuery(asked, 10))
    assert found[0].scores is not None
    assert 0 < found[0].scores.relevance < 0.5
    assert matches_of(words_store, "relevance", TurnQuery(asked, 10, min_relevance=0.5)) == []


def test_a_turn_without_a_word_of_the_question_has_no_share_of_it(
    postgres_dsn: str, schema_name: str
) -> None:
    index: Any = {"mode": "hybrid", "dims": len(WORDS), "embed": Counting()}
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        ConversationMemory(store, "ann").save_turn("soup soup soup soup", "", "a")
        [match] = matches_of(store, "ann", TurnQuery("train train train", 10))
    assert match.scores is not None
    assert match.scores.relevance < 0.2


def test_the_speaker_whom_a_question_names_comes_first(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "speakers")
    for name in ("Ann", "Mary Ann", "Bo"):
        memory.save_messages([HumanMessage("I bought a piano", name=name)], "a")
    (first, *_) = memory.search("what did Bo buy, a piano?")
    assert first.speakers == ("Bo",)


def test_no_word_of_a_question_is_required_or_excluded(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "quotes")
    memory.save_turn("we read the tale of two cities", "", "a")
    assert memory.search('who read "A Tale of Three Cities" -cities?')


CODE = {
    "parse_rows": ("parse_row", "parseRows", "parsing rows of rows", "rows to parse, rows, parse"),
    "HTTPServer2": ("HTTPServer", "HTTP server 2", "http_server2", "HTTPServe"),
    "getUserById": ("get user by id", "get_user_by_id", "getUserByIds", "a user to get by an id"),
    "getUsersById": ("getUserById", "get users by id", "get_users_by_id", "users"),
}
"""Names in code, and what has the same or nearly the same stems."""


@pytest.mark.parametrize("name", CODE)
def test_a_name_in_code_is_found_before_its_likes(words_store: AgentStore, name: str) -> None:
    memory = ConversationMemory(words_store, name)
    said = [f"{name} is slow, as you said before", *(f"{like} is slow" for like in CODE[name])]
    for thread, text in enumerate(said):
        memory.save_turn(text, "I will look into it.", str(thread))
    for question in (name, f"why is {name}() slow?"):
        assert memory.search(question)[0].thread_id == "0"
    (best, *_) = memory.explain_search(f"why is {name} slow?")
    assert best.scores is not None
    assert name.casefold() in {word.casefold() for word in best.scores.matched}
    item = words_store.for_user(name).search(("conversations",), query=f"is {name} slow")[0]
    assert isinstance(item, ScoredItem)
    assert item.value["thread_id"] == "0"
    assert name in (item.matched_words or ())


def test_a_question_of_stop_words_alone_finds_nothing_by_words(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "stop words")
    memory.save_turn("my cat sleeps", "", "a")
    assert memory.search("what was it?") == []


def test_a_question_of_stop_words_alone_finds_by_vectors(store_with_vectors: AgentStore) -> None:
    memory = ConversationMemory(store_with_vectors, "stop words")
    memory.save_turns(turns_of([Said("a", ["cat"], None), Said("b", ["dog"], None)]))
    found = memory.explain_search("what was it?")
    assert len(found) == 2
    assert all(match.scores is not None and match.scores.words == 0 for match in found)


def test_the_best_is_found_among_more_turns_than_are_read_closely(words_store: AgentStore) -> None:
    talk = [
        Said("a", ["cat", "soup", "tea"], "Ann") for _ in range(int(READ_PER_SEED * SEEDS) + 200)
    ]
    talk[7] = Said("a", ["cat", "cat", "oslo", "cat"], "Ann")
    turns = turns_of(talk)
    ConversationMemory(words_store, "many").save_turns(turns)
    asked = ["cat", "oslo", "nobody"]
    best, *_ = matches_of(words_store, "many", TurnQuery(" ".join(asked), 10))
    assert best.turn.key == turns[7].key
    assert best.scores is not None
    assert best.scores.matched == ("oslo", "cat")
    assert best.scores.word_rank == 1


@pytest.mark.parametrize("has_statistics", [False, True])
@pytest.mark.parametrize("question", ["where is the cat?", "a cat " * 20])
def test_turns_are_scanned_once_and_read_by_place(
    postgres_dsn: str, schema_name: str, has_statistics: bool, question: str
) -> None:
    index: Any = {"mode": "text"}
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        memory = ConversationMemory(store, "ann")
        memory.save_turns(turns_of([Said(f"t{n % 9}", ["cat", f"w{n}"], None) for n in range(900)]))
    context = SqlContext(Tables(schema_name), index=search_index(index))
    address = Address("ann", ("conversations",))
    statement = plan_turn_search(TurnQuery(question, 10), "text", None, address, context)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for name, value in PoolConfig().settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        if has_statistics:
            connection.execute(f"ANALYZE {schema_name}.item".encode())
        explain = f"EXPLAIN (GENERIC_PLAN) {statement.sql}"
        lines = [row[0].strip() for row in connection.execute(explain.encode())]
    begin, end = lines.index("CTE scanned"), lines.index("CTE totals")
    # Where nothing is known, the planner expects some turns, which are as quickly sorted.
    assert any("HashAggregate" in line for line in lines[begin:end]) or not has_statistics
    scans = [line for line in lines if " on item i" in line]
    assert sum("Tid Scan" in line for line in scans) >= 3
    assert not any("Seq Scan" in line for line in scans)


def test_every_part_of_a_score_is_told(store_with_vectors: AgentStore) -> None:
    memory = ConversationMemory(store_with_vectors, "parts")
    memory.save_turns(turns_of([Said("a", ["cat", "soup"], "Ann"), Said("b", ["dog"], "Bo")]))
    best, *_ = matches_of(store_with_vectors, "parts", TurnQuery("what does Ann's cat eat?", 10))
    scores = best.scores
    assert scores is not None
    assert best.turn.speakers == ("Ann",)
    assert 0 < scores.words < 1.25
    assert scores.vectors == pytest.approx(0.8)
    assert scores.speaker == pytest.approx(0.3)
    parts = (scores.words, scores.vectors, scores.length, scores.thread, scores.speaker)
    assert scores.score == pytest.approx(sum(parts))
    assert scores.similarity is not None


def test_length_counts_more_beside_vectors(
    words_store: AgentStore, store_with_vectors: AgentStore
) -> None:
    lengths = []
    for store in (words_store, store_with_vectors):
        ConversationMemory(store, "lengths").save_turn("cat " * 30, "", "a")
        [found] = matches_of(store, "lengths", TurnQuery("cat", 10))
        assert found.scores is not None
        lengths.append(found.scores.length)
    assert lengths == pytest.approx([0.4, 0.6])


def test_one_embedding_is_made_of_each_turn(store_with_vectors: AgentStore) -> None:
    memory = ConversationMemory(store_with_vectors, "parts of one")
    memory.save_turn("cat", "dog", "a")
    memory.save_turn("train", "oslo", "a")
    assert [len(turn.context or ()) for turn in memory.turns()] == [1, 1]


@pytest.fixture
def store_with_vectors(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    index: Any = {"mode": "hybrid", "embed": Counting(), "dims": len(WORDS)}
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        yield store


def test_messages_of_people_are_turns_of_their_own(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "people")
    said = [
        HumanMessage("hello", name="Ann"),
        HumanMessage("are you there?", name="Ann"),
        HumanMessage("yes", name="Bo"),
        AIMessage("I am here too", name="Guide"),
        HumanMessage("good"),
    ]
    at = datetime(2020, 5, 1, tzinfo=timezone.utc)
    memory.save_messages(said, "t", at=at)
    turns = list(memory.turns("t"))
    assert [turn.query for turn in turns] == ["hello\nare you there?", "yes", "good"]
    assert [turn.speakers for turn in turns] == [("Ann",), ("Bo", "Guide"), ()]
    assert [turn.timestamp for turn in turns] == [
        at + timedelta(microseconds=number) for number in range(3)
    ]
    assert turns[1].context == ["1 May 2020: Bo, Guide: yes\nI am here too"]


def test_a_turn_may_be_of_the_past(words_store: AgentStore) -> None:
    at = datetime(2020, 5, 1, tzinfo=timezone.utc)
    memory = ConversationMemory(words_store, "past")
    memory.save_turn("q", "r", "t", at=at)
    assert [turn.timestamp for turn in memory.turns()] == [at]
    with pytest.raises(TypeError, match="time zone"):
        memory.save_turn("q", "r", "t", at=datetime(2020, 5, 1))  # noqa: DTZ001
    with pytest.raises(TypeError, match="time zone"):
        memory.save_messages("q", "t", at=datetime(2020, 5, 1))  # noqa: DTZ001


def test_names_are_sequences_of_up_to_three_words() -> None:
    assert names_in("Did Mary-Ann's “Bo” go?") == [
        "@did", "@mary-ann", "@bo", "@go",
        "@did mary-ann", "@mary-ann bo", "@bo go",
        "@did mary-ann bo", "@mary-ann bo go",
    ]  # fmt: skip
    assert names_in("?") == []


def test_a_search_explains_what_found_each_turn(store_with_vectors: AgentStore) -> None:
    memory = ConversationMemory(store_with_vectors, "explained")
    talk = [Said("a", ["where", "is", "the", "cat"], "Ann"), Said("a", ["oslo"], "Bo")]
    memory.save_turns(turns_of([*talk, Said("b", ["tea", "soup"], "Ann")]))
    first, second, third = memory.explain_search("the cat of Ann")
    assert [one.turn.query for one in (first, second)] == [said.text for said in talk]
    assert first.scores is not None
    assert second.scores is not None
    assert (first.scores.matched, first.scores.matched_nearby) == (("cat", "ann"), ())
    assert (second.scores.matched, second.scores.matched_nearby) == ((), ("cat", "ann"))
    assert first.scores.neighbors == pytest.approx(0)
    assert second.scores.words == 0 < second.scores.neighbors
    assert (first.scores.word_rank, first.scores.vector_rank) == (1, 1)
    assert first.score == first.scores.score
    for match in (first, second, third):
        assert match.scores is not None
        assert sum(match.scores.arms.values()) == pytest.approx(1)
        assert list(match.scores.arms.values()) == sorted(match.scores.arms.values(), reverse=True)
    assert "neighbors" not in first.scores.arms
    assert [one.turn for one in memory.explain_search("the cat of Ann")] == memory.search(
        "the cat of Ann"
    )


def test_a_search_keeps_to_its_window_of_time(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "window")
    turns = [
        new_turn(f"t_{n % 2}", "the cat sleeps", "", at=BEGINNING + timedelta(microseconds=n))
        for n in range(4)
    ]
    memory.save_turns(turns)
    other_zone = turns[3].timestamp.astimezone(timezone(timedelta(hours=9)))
    for query in ("cat", "?"):
        found = memory.search(query, since=turns[1].timestamp, until=other_zone)
        assert {turn.key for turn in found} == {turns[1].key, turns[2].key}
        [last] = memory.explain_search(query, thread_id="t_1", since=turns[2].timestamp)
        assert last.turn.key == turns[3].key
        with pytest.raises(TypeError, match="time zone"):
            memory.search(query, since=datetime(2020, 5, 1))  # noqa: DTZ001


def test_the_speaker_whom_a_question_names_is_told(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "named")
    for name in ("Mary Ann", "Bo"):
        memory.save_messages([HumanMessage("I bought a piano", name=name)], name)
    found = memory.explain_search("what did Mary Ann buy, a piano?")
    told = [match.scores.speaker_name for match in found if match.scores is not None]
    assert told == ["mary ann", None]
    recalled = memory.explain_recall("what did Mary Ann buy, a piano?", mode="relevant")
    scores = recalled.parts[0].scores
    assert scores is not None
    assert (scores.speaker_name, scores.word_rank) == ("mary ann", 1)
    assert "speaker" in scores.arms
    assert "found by" in recalled._repr_html_()


async def test_an_awaited_search_is_explained_alike(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "awaited")
    await memory.asave_turn("the cat sleeps", "", "a")
    (match,) = await memory.aexplain_search("cat", min_relevance=0.2)
    assert await memory.asearch("cat", min_relevance=0.2) == [match.turn]
    assert match.scores is not None
    assert (match.scores.similarity, match.scores.vector_rank) == (None, None)


def test_the_latest_turns_have_no_scores(words_store: AgentStore) -> None:
    memory = ConversationMemory(words_store, "latest")
    memory.save_turn("the cat sleeps", "", "a")
    assert [(one.score, one.scores) for one in memory.explain_search("?")] == [(None, None)]


def test_scores_of_nothing_have_no_arms() -> None:
    nothing = TurnScores(0, 0, 0, 0, 0, 0, 0, relevance=0, similarity=0, word_rank=1, vector_rank=1)
    assert nothing.arms == {}


@pytest.mark.parametrize("given", [-0.1, 1.5, "0.5", True, math.nan])
def test_relevance_is_from_0_to_1(words_store: AgentStore, given: Any) -> None:
    memory = ConversationMemory(words_store, "wrong")
    with pytest.raises(InvalidOperationError, match=r"number from 0 to 1, got"):
        memory.search("cat", min_relevance=given)


def test_a_long_message_is_relevant_to_the_turn_that_it_asks_about(
    words_store: AgentStore,
) -> None:
    memory = ConversationMemory(words_store, "long")
    memory.save_turns(turns_of([Said("a", ["cat", "turing"], None), Said("b", ["soup"], None)]))
    chat = "I walked home late, and thought of this and that, and of friends. "
    (best, *_) = memory.search(chat * 3 + "How is the cat Turing?", min_relevance=0.2)
    assert best.query == "cat turing"
    beside = "Write a parser, reverse a linked list and sort soup quickly in Haskell."
    assert memory.search(beside, min_relevance=0.2) == []


@pytest.mark.parametrize("distance", ["l2", "inner_product"])
def test_relevance_is_from_0_to_1_with_any_distance(
    postgres_dsn: str, schema_name: str, distance: str
) -> None:
    index: Any = {"mode": "vector", "embed": Counting(), "dims": len(WORDS)}
    index["distance_type"] = distance
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        memory = ConversationMemory(store, "distances")
        memory.save_turns(turns_of([Said("a", ["cat"], None), Said("b", ["soup"], None)]))
        found = memory.explain_search("cat")
    relevance = [match.scores.relevance for match in found if match.scores is not None]
    assert found[0].turn.query.startswith("cat")
    assert 1 >= relevance[0] > relevance[1] >= 0
