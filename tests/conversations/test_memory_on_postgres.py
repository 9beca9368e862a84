"""`ConversationMemory` over an `AgentStore`, whose quick ways say what a dictionary would."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, Turn, new_turn
from tests.support.embedders import words_vector
from tests.support.faults import execute

BEGINNING = datetime(2024, 1, 1, tzinfo=timezone.utc)
THREADS = ["t", "t_1", "t_20240101_000000_00000000", "t`", "a:b", "100%"]


def said(turns: Any) -> list[str]:
    return [turn.query for turn in turns]


TALKS = st.lists(
    st.tuples(st.sampled_from(THREADS), st.integers(0, 200_000_000)),
    max_size=30,
    unique_by=lambda one: one[1],
)


@given(TALKS, st.integers(0, 250), st.integers(0, 250))
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_it_tells_what_it_would_over_any_store(
    store: AgentStore, talk: list[tuple[str, int]], first: int, last: int
) -> None:
    store.delete_user("ann@x.org")
    turns = [
        new_turn(thread, f"q{micros}", "r" * 9, at=BEGINNING + timedelta(microseconds=micros))
        for thread, micros in talk
    ]
    ours, theirs = (ConversationMemory(one, "ann@x.org") for one in (store, InMemoryStore()))
    since, until = (BEGINNING + timedelta(seconds=limit) for limit in (first, last))
    for memory in (ours, theirs):
        memory.save_turns(turns)

    def told(memory: ConversationMemory) -> list[Any]:
        return [
            list(memory.turns()) == sorted(memory.turns(), key=lambda turn: turn.order),
            said(memory.turns()),
            said(memory.turns(since=since, until=until)),
            *[said(memory.turns(thread, since)) for thread in THREADS],
            *[memory.resume(thread, 4) for thread in (*THREADS, None)],
            memory.resume(max_tokens=30),
            sorted(memory.threads(), key=lambda one: one.thread_id),
        ]

    assert told(ours) == told(theirs)
    assert ours.forget("t") == theirs.forget("t")
    assert said(ours.turns()) == said(theirs.turns())


def test_a_turn_of_the_past_is_told_in_its_place(store: AgentStore) -> None:
    memory = ConversationMemory(store, "ann")
    for hour in (5, 1, 3):
        memory.save_turns([new_turn("t", str(hour), "", at=BEGINNING + timedelta(hours=hour))])
    assert said(memory.turns("t")) == ["1", "3", "5"]


def test_turns_expire_as_the_store_says(postgres_dsn: str, schema_name: str) -> None:
    with AgentStore(postgres_dsn, schema=schema_name, ttl={"default_ttl": 60}) as store:
        memory = ConversationMemory(store, "ann")
        memory.save_turn("one", "", "t")
        memory.save_turns([new_turn("t", "bulk", "")])
        ttls = execute(postgres_dsn, "SELECT ttl::text FROM {}.item", schema_name)
        assert ttls == [("01:00:00",), ("01:00:00",)]


def test_a_turn_whose_timestamp_is_no_text_was_said_when_it_was_written(store: AgentStore) -> None:
    before = datetime.now(timezone.utc) - timedelta(hours=1)
    odd = {"query": "odd", "response": "", "thread_id": "t", "timestamp": 1704067200}
    store.for_user("ann").put(("conversations",), "t_20240101_000000_00000000", odd)
    memory = ConversationMemory(store, "ann")
    assert said(memory.turns(since=before)) == ["odd"]
    assert said(memory.turns(until=before)) == []


def test_a_view_of_the_user_will_do(store: AgentStore) -> None:
    ConversationMemory(store.for_user("a.b"), "a.b").save_turn("q", "r", "t")
    assert said(ConversationMemory(store.per_user(), "a.b").turns()) == ["q"]
    assert said(ConversationMemory(store, "a").turns()) == []


@pytest.fixture(params=["text", "vector", "hybrid"])
def searched(
    postgres_dsn: str, schema_name: str, request: pytest.FixtureRequest
) -> Iterator[ConversationMemory]:
    index: dict[str, Any] = {"mode": request.param, "fields": ["what others use"]}
    if request.param != "text":
        index |= {"dims": 64, "embed": lambda texts: [words_vector(t, 64) for t in texts]}
    with AgentStore(postgres_dsn, schema=schema_name, index=index) as store:
        yield ConversationMemory(store, "ann@x.org")


def test_a_turn_is_found_by_its_own_and_by_its_neighbours_words(
    searched: ConversationMemory,
) -> None:
    for number in range(20):
        searched.save_turn(f"small talk {number}", "indeed", f"chat {number}")
    searched.save_turn("where did it run", "to the garden", "pets")
    searched.save_turn("my parrot escaped", "oh dear", "pets")
    searched.save_turn("found it again", "in a tree", "pets")
    searched.save_turn("a parrot in Oslo", "nice", "travel")

    found = searched.search("parrot escaped")
    assert found[0].query in ("my parrot escaped", "where did it run")
    assert {"my parrot escaped", "where did it run", "found it again"} <= set(said(found[:6]))
    assert {turn.thread_id for turn in searched.search("parrot", thread_id="pets")} == {"pets"}
    assert said(searched.search("Oslo", limit=1)) == ["a parrot in Oslo"]


def test_a_forgotten_turn_is_found_no_more(searched: ConversationMemory) -> None:
    searched.save_turn("my parrot escaped", "", "pets")
    searched.forget("pets")
    assert searched.search("parrot") == []


def test_a_turn_can_be_saved_again_from_an_export(store: AgentStore) -> None:
    memory, copy = ConversationMemory(store, "ann"), ConversationMemory(store, "copy")
    for number in range(5):
        memory.save_turn(f"q{number}", "r", "t", {"n": number})
    turns: list[Turn] = list(memory.turns())
    for _ in range(2):
        assert copy.save_turns(turns) == 5
    assert list(copy.turns()) == turns


def test_no_turn_that_is_saved_is_kept_in_memory(store: AgentStore) -> None:
    memory = ConversationMemory(store, "ann@x.org")
    for number in range(3):
        memory.save_turn("said, and kept nowhere", "I see", f"thread {number}")
    turns = [each for each in gc.get_objects() if isinstance(each, Turn)]
    assert [turn for turn in turns if turn.query == "said, and kept nowhere"] == []


def test_keys_of_other_programs_within_one_second_come_once_each(store: AgentStore) -> None:
    keys = [f"t_20260102_030405_{end}" for end in ("aaaaaaaa", "b", "cccccccc")]
    for number, key in enumerate(keys):
        moment = f"2026-01-02T03:04:05.{number:06}+00:00"
        value = {"query": key, "response": "r", "thread_id": "t", "timestamp": moment}
        store.for_user("ann").put(("conversations",), key, value)
    assert [turn.key for turn in ConversationMemory(store, "ann").turns("t")] == keys
