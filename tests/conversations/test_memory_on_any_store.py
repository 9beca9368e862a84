"""`ConversationMemory` over a store that is not ours."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.store.base import BaseStore, Op, Result, SearchOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from langgraph_agentstore import transfer
from langgraph_agentstore.conversations import ConversationMemory, Turn, export_items, new_turn
from langgraph_agentstore.errors import (
    ConfigurationError,
    InvalidKeyError,
    InvalidOperationError,
    MissingUserError,
    ValueTypeError,
)
from tests.support.embedders import words_vector

BEGINNING = datetime(2024, 1, 1, tzinfo=timezone.utc)
CALL: Any = {"name": "search", "args": {"q": "cat"}, "id": "c1", "type": "tool_call"}
PICTURE = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}


@pytest.fixture
def memory() -> ConversationMemory:
    return ConversationMemory(InMemoryStore(), "ann@example.org")


def said(turns: Any) -> list[str]:
    return [turn.query for turn in turns]


def test_turns_come_oldest_first_over_all_threads(memory: ConversationMemory) -> None:
    for number in range(2500):
        memory.save_turn(f"q{number}", "", f"t{number % 7}")
    assert said(memory.turns()) == [f"q{n}" for n in range(2500)]
    assert said(memory.turns("t3")) == [f"q{n}" for n in range(3, 2500, 7)]


def test_turns_of_a_time_are_those_from_then_on_and_before(memory: ConversationMemory) -> None:
    hours = [BEGINNING + timedelta(hours=n) for n in range(5)]
    memory.save_turns(new_turn("t", str(n), "", at=at) for n, at in enumerate(hours))
    assert said(memory.turns(since=hours[1], until=hours[3])) == ["1", "2"]
    elsewhere = hours[4].astimezone(timezone(timedelta(hours=-7)))
    assert said(memory.turns("t", since=elsewhere)) == ["4"]
    assert len(memory.messages("t", until=hours[2])) == 4


def test_a_turn_holds_what_was_saved(memory: ConversationMemory) -> None:
    key = memory.save_turn("q", "r", "t_1", {"model": "m"})
    (turn,) = memory.turns()
    assert (turn.key, turn.thread_id, turn.metadata) == (str(key), "t_1", {"model": "m"})
    assert turn.timestamp.replace(microsecond=0) == key.at
    assert [(m.type, m.text) for m in turn.messages] == [("human", "q"), ("ai", "r")]


def test_messages_become_turns_and_come_back_as_they_were(memory: ConversationMemory) -> None:
    messages: list[BaseMessage] = [
        SystemMessage("be kind", id="s"),
        HumanMessage([{"type": "text", "text": "what is it?"}, PICTURE], id="h1"),
        AIMessage("", tool_calls=[CALL], id="a1", usage_metadata=None),
        ToolMessage("a cat", tool_call_id="c1", artifact={"n": [1, 2.5, None]}, id="m1"),
        AIMessage("A cat.", id="a2", response_metadata={"model": "m"}),
        HumanMessage("and", id="h2"),
        HumanMessage("this?", id="h3", name="ann"),
        AIMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "A dog."}]),
    ]
    assert len(memory.save_messages(messages, "t")) == 2
    assert memory.messages("t") == messages
    first, second = memory.turns()
    assert (first.query, first.response) == ("what is it?", "A cat.")
    assert (second.query, second.response) == ("and\nthis?", "A dog.")


def test_threads_are_told_the_latest_first(memory: ConversationMemory) -> None:
    times = [BEGINNING + timedelta(days=n) for n in range(3)]
    memory.save_turns(
        new_turn(thread, "", "", at=at) for thread, at in zip(["a", "b_1", "a"], times, strict=True)
    )
    found = [(one.thread_id, one.first, one.last, one.turns) for one in memory.threads()]
    assert found == [("a", times[0], times[2], 2), ("b_1", times[1], times[1], 1)]


@pytest.mark.parametrize(
    ("limits", "queries"),
    [
        ({}, ["q0", "q1", "q2"]),
        ({"max_messages": 4}, ["q1", "q2"]),
        ({"max_messages": 5}, ["q1", "q2"]),
        ({"max_messages": 1}, []),
        ({"max_tokens": 4, "token_counter": len}, ["q1", "q2"]),
        ({"max_messages": 100, "max_tokens": 2, "token_counter": len}, ["q2"]),
    ],
)
def test_what_is_resumed_fits_and_begins_with_a_question(
    memory: ConversationMemory, limits: dict[str, Any], queries: list[str]
) -> None:
    for number in range(3):
        memory.save_turn(f"q{number}", f"r{number}", "t")
    resumed = memory.resume("t", **limits)
    assert [m.text for m in resumed if m.type == "human"] == queries
    assert len(resumed) == 2 * len(queries)


def test_no_answer_of_a_tool_is_resumed_without_its_call(memory: ConversationMemory) -> None:
    memory.save_messages(
        [
            HumanMessage("?"),
            AIMessage("", tool_calls=[CALL]),
            ToolMessage("a", tool_call_id="c1"),
            AIMessage("!"),
        ],
        "t",
    )
    assert memory.resume("t", max_messages=3) == []
    assert len(memory.resume("t", max_messages=4)) == 4


def test_all_threads_are_resumed_as_one(memory: ConversationMemory) -> None:
    for number in range(4):
        memory.save_turn(f"q{number}", "", f"t{number % 2}")
    resumed = memory.resume(max_messages=6)
    assert [m.text for m in resumed if m.type == "human"] == ["q1", "q2", "q3"]


def test_forgetting_a_thread_leaves_the_others(memory: ConversationMemory) -> None:
    for thread in ("t", "t_1", "t"):
        memory.save_turn("q", "", thread)
    assert memory.forget("t") == 2
    assert memory.forget("t") == 0
    assert [turn.thread_id for turn in memory.turns()] == ["t_1"]


def test_users_whose_ids_look_alike_are_apart() -> None:
    store = InMemoryStore()
    users = ["a.b", "a%2Eb", "a%252Eb", "a"]
    for user in users:
        ConversationMemory(store, user).save_turn(user, "", "t")
    assert [said(ConversationMemory(store, user).turns()) for user in users] == [
        [user] for user in users
    ]


def test_what_was_put_by_other_means_is_a_turn_too(memory: ConversationMemory) -> None:
    place = ("users", "ann@example%2Eorg", "conversations")
    turn = {"query": "old", "response": "r", "timestamp": "2024-01-01T10:00:00Z"}
    turn["thread_id"] = "t_1"
    memory.store.put(place, "t_1_20240101_100000_deadbeef", turn)
    memory.store.put(place, "note", {"text": "no turn"})
    memory.store.put((*place, "below"), "t_20240101_100000_deadbeef", turn)
    memory.save_turn("new", "r", "t_1")
    assert said(memory.turns("t_1")) == ["old", "new"]
    assert next(memory.turns()).timestamp == datetime(2024, 1, 1, 10, tzinfo=timezone.utc)


def test_odd_fields_of_others_spoil_no_search() -> None:
    store = InMemoryStore(index={"dims": 64, "embed": embed})
    memory = ConversationMemory(store, "ann")
    odd = {"query": "Turing purrs", "thread_id": "t", "messages": 7, "metadata": [1]}
    place = ("users", "ann", "conversations")
    store.put(place, "t_20240101_100000_deadbeef", {**odd, "previous": 7, "context": 7})
    memory.save_turn("and then?", "he slept", "t")
    assert "Turing purrs" in said(memory.search("Turing"))
    assert [m.text for m in memory.resume()][:1] == ["Turing purrs"]


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [words_vector(text.replace(":", " ").replace("?", " "), 64) for text in texts]


@pytest.fixture
def searched() -> ConversationMemory:
    store = InMemoryStore(index={"dims": 64, "embed": embed, "fields": ["nothing"]})
    memory = ConversationMemory(store, "ann")
    for thread, query, response in [
        ("a", "we saw the vet today", "and then"),
        ("a", "Turing was brave", "he is"),
        ("a", "soup for dinner", "how nice"),
        ("b", "a train to Oslo", "by night"),
    ]:
        memory.save_turn(query, response, thread)
    return memory


def test_a_turn_is_found_by_its_own_words(searched: ConversationMemory) -> None:
    assert said(searched.search("night train to Oslo", limit=1)) == ["a train to Oslo"]
    assert said(searched.search("Turing", thread_id="b", limit=1)) == ["a train to Oslo"]


def test_a_turn_is_found_by_the_words_around_it_in_its_thread(
    searched: ConversationMemory,
) -> None:
    # The turn behind has the words in its context, the one before is credited with half.
    assert set(said(searched.search("brave Turing", limit=3))) == {
        "Turing was brave",
        "we saw the vet today",
        "soup for dinner",
    }


def test_the_turn_before_is_found_even_if_it_matches_nothing() -> None:
    store = InMemoryStore(index={"dims": 64, "embed": embed})
    memory = ConversationMemory(store, "ann")
    memory.save_turn("unrelated", "words", "a")
    memory.save_turn("Turing", "Turing", "a")
    for number in range(60):
        memory.save_turn(f"Turing {number}", "", f"t{number}")
    # Sixty others match better than it does, and fifty are asked for.
    assert said(memory.search("Turing Turing", limit=10))[0] == "Turing"
    assert "unrelated" in said(memory.search("Turing Turing", limit=50))


def test_a_store_without_an_index_cannot_be_searched(memory: ConversationMemory) -> None:
    with pytest.raises(InvalidOperationError, match=r"index=\{'mode': 'text'\}"):
        memory.search("cat")


async def test_each_method_has_an_awaitable_form(searched: ConversationMemory) -> None:
    key = await searched.asave_turn("q", "r", "c")
    assert (await searched.asave_messages([HumanMessage("h")], "c"))[0].thread_id == "c"
    assert await searched.asave_turns([new_turn("c", "n", "")]) == 1
    assert [turn.query async for turn in searched.aturns("c")] == ["q", "h", "n"]
    assert len(await searched.amessages("c")) == 5
    assert len(await searched.aresume("c", 2)) == 2
    assert len(await searched.athreads()) == 3
    assert said(await searched.asearch("Oslo", limit=1)) == ["a train to Oslo"]
    assert await searched.aforget("c") == 3
    assert key.thread_id == "c"


async def test_awaited_saves_and_searches_take_no_thread(
    searched: ConversationMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_arguments: Any) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr(asyncio, "to_thread", refused)
    await searched.asave_turn("q", "r", "c")
    assert said(await searched.asearch("Oslo", limit=1)) == ["a train to Oslo"]
    assert len(await searched.athreads()) == 3
    assert await searched.aforget("c") == 1


async def test_awaited_turns_come_while_the_loop_goes_on(memory: ConversationMemory) -> None:
    memory.save_turn("q", "r", "t")
    turns, _ = await asyncio.gather(memory.aresume("t"), asyncio.sleep(0))
    assert len(turns) == 2


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda m: m.save_turn(1, "r", "t"), ValueTypeError),
        (lambda m: m.save_turn("q", "r", "t", metadata=[1]), ValueTypeError),
        (lambda m: m.save_turn("q", "r", ""), InvalidKeyError),
        (lambda m: m.save_messages(["hi"], "t"), ValueTypeError),
        (lambda m: m.turns(since="monday"), ValueTypeError),
        (lambda m: m.turns(thread_id=""), InvalidKeyError),
        (lambda m: m.resume(max_messages=0), InvalidOperationError),
        (lambda m: m.resume(max_tokens=1.5), InvalidOperationError),
        (lambda m: m.search("q", limit=0), InvalidOperationError),
        (lambda m: ConversationMemory(m.store, ""), MissingUserError),
        (
            lambda m: ConversationMemory(m.store, 7),  # type: ignore[arg-type]
            ValueTypeError,
        ),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_written(
    memory: ConversationMemory, call: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        call(memory)
    assert list(memory.turns()) == []


def test_a_view_serves_its_own_user_alone() -> None:
    from langgraph_agentstore import AgentStore

    store = AgentStore("postgresql://nowhere/none")
    view: BaseStore = store.for_user("ann")
    assert ConversationMemory(view, "ann").user_id == "ann"
    with pytest.raises(ConfigurationError, match="reaches nobody else"):
        ConversationMemory(view, "bob")
    assert ConversationMemory(store.per_user(), "bob").user_id == "bob"


def test_nothing_of_a_thread_that_was_forgotten_stays_in_memory(memory: ConversationMemory) -> None:
    memory.save_turn("a secret", "I see", "one")
    memory.save_turn("my cat", "I see", "two")
    memory.forget("one")
    kept = [each.query for each in gc.get_objects() if isinstance(each, Turn)]
    assert {"a secret", "my cat"} & set(kept) == {"my cat"}


class CountingStore(InMemoryStore):
    """Notes the operations of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        ops = list(ops)
        kinds = dict.fromkeys(type(op).__name__.removesuffix("Op") for op in ops)
        self.calls.append(f"{len(ops)} {'+'.join(kinds)}")
        return super().batch(ops)


def test_each_method_makes_few_calls_of_any_store() -> None:
    store = CountingStore()
    memory = ConversationMemory(store, "ann")

    def calls(method: Callable[[], object]) -> list[str]:
        store.calls.clear()
        method()
        return list(store.calls)

    assert calls(lambda: memory.save_turn("q", "r", "t")) == ["1 Search", "1 Put"]
    assert calls(lambda: memory.save_turn("q", "r", "t")) == ["1 Get", "1 Put"]
    # The second search finds nothing more: a store may return fewer items than asked for.
    whole = ["1 Search", "1 Search"]
    assert calls(lambda: list(memory.turns())) == whole
    assert calls(lambda: memory.messages("t")) == whole
    assert calls(lambda: memory.resume("t", max_messages=2)) == whole
    assert calls(memory.threads) == whole
    assert calls(lambda: memory.search(" ")) == whole
    assert calls(lambda: memory.forget("t")) == [*whole, "2 Put"]


class ShortPages(InMemoryStore):
    """Returns at most three items, whatever is asked for."""

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        return super().batch(
            [op._replace(limit=min(op.limit, 3)) if isinstance(op, SearchOp) else op for op in ops]
        )


def test_a_store_that_returns_fewer_items_than_asked_for_hides_no_turn(tmp_path: Path) -> None:
    memory = ConversationMemory(ShortPages(), "ann")
    for number in range(10):
        memory.save_turn(f"q{number}", "r", "t")
    assert [turn.query for turn in memory.turns()] == [f"q{number}" for number in range(10)]
    assert memory.resume("t", max_messages=2)[0].content == "q9"
    assert memory.threads()[0].turns == 10
    assert memory.export(tmp_path / "turns.jsonl") == 10
    assert export_items(memory.store, tmp_path / "items.jsonl") == 10
    assert transfer.export(memory.store, tmp_path / "all.jsonl").records == 10
    assert memory.forget("t") == 10
    assert list(memory.turns()) == []


def test_an_async_store_serves_other_loops_than_its_own() -> None:
    own = asyncio.new_event_loop()
    thread = threading.Thread(target=own.run_forever)
    thread.start()

    async def save(memory: ConversationMemory, name: str) -> None:
        await asyncio.gather(*[memory.asave_turn(name, "r", f"t{n}") for n in range(20)])

    async def talk() -> None:
        async with AsyncSqliteStore.from_conn_string(":memory:") as store:
            await store.setup()
            memory = ConversationMemory(store, "ann")
            elsewhere = asyncio.to_thread(lambda: asyncio.run(save(memory, "elsewhere")))
            await asyncio.gather(save(memory, "here"), elsewhere)
            assert sum([summary.turns for summary in await memory.athreads()]) == 40

    try:
        asyncio.run_coroutine_threadsafe(talk(), own).result(30)
    finally:
        own.call_soon_threadsafe(own.stop)
        thread.join()
        own.close()
