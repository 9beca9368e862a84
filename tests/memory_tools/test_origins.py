"""Where a fact came from, and forgetting the thread that it came from."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.store.base import Item, SearchItem
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore import AgentStore, ItemRecord
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.errors import InvalidNamespaceError, VersionConflictError
from langgraph_agentstore.memory_tools.fact_store import FactStore
from langgraph_agentstore.store.step_driver import Steps, run
from tests.memory_tools.agents import call, key_in, of, tool_graph

FACTS = ("users", "alice", "facts")


@pytest.fixture(params=["agent store", "in memory"])
def any_store(request: pytest.FixtureRequest) -> Any:
    return InMemoryStore() if request.param == "in memory" else request.getfixturevalue("store")


def save(graph: Any, thread: str, content: str, user: str = "alice") -> str:
    config = of(user, thread)
    return key_in(call(graph, "save_memory", config, content=content, although_similar=True))


def update(graph: Any, thread: str, key: str, content: str) -> None:
    answer = call(graph, "update_memory", of("alice", thread), key=key, content=content)
    assert answer.startswith("Updated")


def texts(store: Any, user: str = "alice") -> dict[str, list[str]]:
    """The text of each fact, and those that it had before."""
    return {
        item.value["content"]: [text["content"] for text in item.value["previous"]]
        for item in store.search(("users", user, "facts"), limit=100)
    }


def test_a_thread_is_forgotten_with_its_facts(any_store: Any) -> None:
    graph, memory = tool_graph(any_store), ConversationMemory(any_store, "alice")
    memory.save_turn("I like tea.", "Noted.", "monday")
    memory.save_turn("I like naps.", "Noted.", "friday")
    save(graph, "monday", "Likes tea.")
    save(graph, "friday", "Likes naps.")
    save(graph, "monday", "Bob likes tea.", "bob")

    assert memory.forget("monday", memories=["facts"]) == 1

    assert texts(any_store) == {"Likes naps.": []}
    assert texts(any_store, "bob") == {"Bob likes tea.": []}
    assert [turn.thread_id for turn in memory.turns()] == ["friday"]


async def test_it_is_so_awaited(any_store: Any) -> None:
    save(tool_graph(any_store), "monday", "Likes tea.")

    await ConversationMemory(any_store, "alice").aforget("monday", memories=[("facts",)])

    assert texts(any_store) == {}


def test_facts_stay_unless_asked_for(any_store: Any) -> None:
    save(tool_graph(any_store), "monday", "Likes tea.")

    ConversationMemory(any_store, "alice").forget("monday")

    assert texts(any_store) == {"Likes tea.": []}


def test_the_text_of_another_thread_comes_back(any_store: Any) -> None:
    graph, memory = tool_graph(any_store), ConversationMemory(any_store, "alice")
    key = save(graph, "monday", "Lives in Rome.")
    update(graph, "friday", key, "Lives in Paris.")

    memory.forget("friday", memories=["facts"])

    assert texts(any_store) == {"Lives in Rome.": []}
    assert "monday" in call(graph, "search_memories", of("alice"), query="Rome")


def test_an_earlier_text_of_the_thread_goes_too(any_store: Any) -> None:
    graph, memory = tool_graph(any_store), ConversationMemory(any_store, "alice")
    key = save(graph, "monday", "Lives in Rome.")
    update(graph, "friday", key, "Lives in Paris.")

    memory.forget("monday", memories=["facts"])

    assert texts(any_store) == {"Lives in Paris.": []}


def test_threads_with_numbers_for_ids_are_forgotten_too(any_store: Any) -> None:
    config: Any = of("alice", 7)  # type: ignore[arg-type]
    call(tool_graph(any_store), "save_memory", config, content="Likes tea.")

    ConversationMemory(any_store, "alice").forget("7", memories=["facts"])

    assert texts(any_store) == {}


def test_many_facts_are_forgotten(store: AgentStore) -> None:
    for number in range(1_203):
        thread = "monday" if number % 2 else "friday"
        store.put(FACTS, f"{number}", {"content": f"{number}", "thread_id": thread, "previous": []})

    ConversationMemory(store, "alice").forget("monday", memories=["facts"])

    assert store.count(FACTS) == 602


@pytest.mark.parametrize("memories", ["facts", [()], ["a.b"], [("langgraph",)], [7]])
def test_namespaces_that_cannot_be_are_refused_before_anything_is_forgotten(
    store: AgentStore, memories: Any
) -> None:
    memory = ConversationMemory(store, "alice")
    memory.save_turn("I like tea.", "Noted.", "monday")

    with pytest.raises(InvalidNamespaceError):
        memory.forget("monday", memories=memories)

    assert len(list(memory.turns())) == 1


def test_what_another_thread_writes_while_a_thread_is_forgotten_stays(any_store: Any) -> None:
    graph = tool_graph(any_store)
    key = save(graph, "monday", "Lives in Rome.")
    facts = FactStore(any_store, "alice", ("facts",))
    steps, answer, was_read, is_changed = facts.forget_thread("monday"), None, False, False

    with suppress(StopIteration):
        while True:
            step = steps.send(answer)
            if was_read and not is_changed:
                update(graph, "friday", key, "Lives in Paris.")
                is_changed = True
            try:
                answer = run(just(step), facts.executor)
            except VersionConflictError as conflict:
                step = steps.throw(conflict)
                answer = run(just(step), facts.executor)
            [found] = answer if isinstance(answer, list) else [answer]
            was_read = isinstance(found, (ItemRecord, Item)) and not isinstance(found, SearchItem)

    assert is_changed
    assert texts(any_store) == {"Lives in Paris.": []}


def just(step: Any) -> Steps[Any]:
    """One step as a whole program."""
    return (yield step)


WRITES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=9)


@given(WRITES, st.sampled_from("abc"))
def test_afterwards_all_is_as_if_the_thread_had_never_been(
    writes: list[tuple[str, str]], gone: str
) -> None:
    said, unsaid = InMemoryStore(), InMemoryStore()
    for number, (thread, key) in enumerate(writes):
        write(said, thread, key, number)
        if thread != gone:
            write(unsaid, thread, key, number)

    ConversationMemory(said, "alice").forget(gone, memories=["facts"])

    assert texts(said) == texts(unsaid)


def write(store: Any, thread: str, key: str, number: int) -> None:
    """Save a fact of this key, or update it."""
    graph = tool_graph(store)
    if store.get(FACTS, key) is None:
        store.put(FACTS, key, {"content": f"{key}{number}", "thread_id": thread, "previous": []})
    else:
        update(graph, thread, key, f"{key}{number}")
