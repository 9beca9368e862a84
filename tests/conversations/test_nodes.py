"""The nodes in graphs of many kinds, over a store that is not ours."""

from __future__ import annotations

import concurrent.futures
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    recall_conversation,
    remember_conversation,
)
from langgraph_agentstore.conversations.background_saver import is_hopeless, is_unreachable
from langgraph_agentstore.errors import (
    ConfigurationError,
    EmbeddingTimeoutError,
    InvalidKeyError,
    InvalidOperationError,
    InvalidValueError,
    ItemLockedError,
    MissingUserError,
    StoreUnavailableError,
    ValueTypeError,
)


class OfDataclass:
    @dataclass
    class State:
        messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)


class OfPydantic(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages] = []


class OwnKey(TypedDict):
    talk: Annotated[list[AnyMessage], add_messages]


def messages_in(state: Any, key: str) -> Any:
    return state[key] if isinstance(state, dict) else getattr(state, key)


def graph_of(
    schema: Any, store: Any, /, *, key: str = "messages", remember: Any = None, **recalling: Any
) -> Any:
    def answer(state: Any) -> Any:
        return {key: [AIMessage(f"reply to {messages_in(state, key)[-1].text}")]}

    builder = StateGraph(schema)
    builder.add_node("recall", recall_conversation(mode="latest", messages_key=key, **recalling))
    builder.add_node("answer", answer)
    builder.add_node("remember", remember or remember_conversation(messages_key=key))
    builder.add_edge(START, "recall").add_edge("recall", "answer").add_edge("answer", "remember")
    return builder.compile(store=store, checkpointer=InMemorySaver())


def config_of(user: str | None = "ann@x.org", thread: str = "one") -> Any:
    return {"configurable": {"thread_id": thread, **({"user_id": user} if user else {})}}


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        (MessagesState, "messages"),
        (OfDataclass.State, "messages"),
        (OfPydantic, "messages"),
        (OwnKey, "talk"),
    ],
)
def test_a_state_may_be_of_any_kind(schema: Any, key: str) -> None:
    store = InMemoryStore()
    graph = graph_of(schema, store, key=key)
    graph.invoke({key: [("user", "a")]}, config_of(thread="one"))
    shown = graph.invoke({key: [("user", "b")]}, config_of(thread="two"))
    assert [m.text for m in shown[key]] == ["a", "reply to a", "b", "reply to b"]
    turns = ConversationMemory(store, "ann@x.org").turns()
    assert [(turn.thread_id, turn.query) for turn in turns] == [("one", "a"), ("two", "b")]


def test_a_system_message_stays_in_front() -> None:
    store = InMemoryStore()
    ConversationMemory(store, "ann@x.org").save_turn("q", "r", "old")
    graph = graph_of(MessagesState, store)
    said = [SystemMessage("be kind"), HumanMessage("b")]
    shown = graph.invoke({"messages": said}, config_of())
    assert [m.text for m in shown["messages"]] == ["be kind", "q", "r", "b", "reply to b"]


def test_what_is_recalled_is_not_saved_again() -> None:
    store = InMemoryStore()
    memory = ConversationMemory(store, "ann@x.org")
    memory.save_turn("q", "r", "old")
    graph_of(MessagesState, store).invoke({"messages": [("user", "b")]}, config_of())
    assert [turn.query for turn in memory.turns()] == ["q", "b"]


def test_metadata_is_saved_with_each_turn() -> None:
    store = InMemoryStore()
    remember = remember_conversation(metadata={"agent": "a"})
    graph = graph_of(MessagesState, store, remember=remember)
    graph.invoke({"messages": [("user", "b")]}, config_of())
    (turn,) = ConversationMemory(store, "ann@x.org").turns()
    assert turn.metadata == {"agent": "a"}


def test_a_turn_that_goes_on_after_an_interrupt_is_one_turn() -> None:
    store = InMemoryStore()

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"you chose {interrupt('which?')}")]}

    builder = StateGraph(MessagesState)
    remember = remember_conversation()
    builder.add_node("first", lambda _state: {"messages": [AIMessage("let me ask")]})
    builder.add_node("early", remember)
    builder.add_node("ask", ask)
    builder.add_node("late", remember)
    builder.add_edge(START, "first").add_edge("first", "early")
    builder.add_edge("early", "ask").add_edge("ask", "late")
    graph: Any = builder.compile(store=store, checkpointer=InMemorySaver())
    memory = ConversationMemory(store, "ann@x.org")
    before = memory.save_turn("q", "r", "one")
    graph.invoke({"messages": [HumanMessage("go")]}, config_of())
    graph.invoke(Command(resume="this"), config_of())

    _, turn = memory.turns()
    assert turn.previous == str(before)
    assert (turn.query, turn.response) == ("go", "you chose this")
    assert [m.text for m in turn.messages] == ["go", "let me ask", "you chose this"]


def test_a_node_may_bring_its_own_store_and_user() -> None:
    own = InMemoryStore()
    remember = remember_conversation(own, user_id="team")
    graph = graph_of(MessagesState, None, remember=remember, store=own, user_id="team")
    graph.invoke({"messages": [("user", "a")]}, config_of(None))
    assert [turn.query for turn in ConversationMemory(own, "team").turns()] == ["a"]
    memory = ConversationMemory(own, "team")
    again = graph_of(
        MessagesState, None, remember=remember_conversation(memory), store=memory
    ).invoke({"messages": [("user", "b")]}, config_of(None, "two"))
    assert [m.text for m in again["messages"]][::2] == ["a", "b"]


@pytest.mark.parametrize(
    ("store", "config", "error", "match"),
    [
        (None, config_of(), ConfigurationError, "compile the graph with store="),
        (InMemoryStore(), config_of(None), MissingUserError, "has no user"),
    ],
)
def test_a_graph_without_store_or_user_is_told(
    store: Any, config: Any, error: type[Exception], match: str
) -> None:
    for node in (recall_conversation(), remember_conversation()):
        builder = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node")
        compiled: Any = builder.compile(store=store)
        with pytest.raises(error, match=match):
            compiled.invoke({"messages": [("user", "a")]}, config)


def test_a_run_without_a_thread_is_told() -> None:
    builder = StateGraph(MessagesState).add_node("node", remember_conversation())
    graph: Any = builder.add_edge(START, "node").compile(store=InMemoryStore())
    with pytest.raises(InvalidOperationError, match="thread_id"):
        graph.invoke({"messages": [("user", "a")]}, {"configurable": {"user_id": "ann"}})


def test_a_state_without_messages_is_told_of_the_key() -> None:
    node: Any = recall_conversation(mode="latest", messages_key="talk")
    builder = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node")
    graph: Any = builder.compile(store=InMemoryStore())
    with pytest.raises(InvalidOperationError, match="messages_key="):
        graph.invoke({"messages": [("user", "a")]}, config_of())


def test_wrong_options_are_told_when_the_nodes_are_made() -> None:
    with pytest.raises(InvalidOperationError, match="max_messages"):
        recall_conversation(max_messages=0)
    with pytest.raises(InvalidOperationError, match="capacity"):
        remember_conversation(capacity=0)
    with pytest.raises(ConfigurationError, match="leave it out"):
        remember_conversation(ConversationMemory(InMemoryStore(), "ann"), user_id="bob")


def test_after_a_failure_the_database_is_left_alone_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Nobody listens there.
    store = AgentStore("postgresql://nobody@127.0.0.1:1/none", pool={"connect_timeout_s": 0.5})
    recall = recall_conversation(store, mode="latest")
    builder = StateGraph(MessagesState).add_node("recall", recall).add_edge(START, "recall")
    graph: Any = builder.compile()
    for _ in range(3):
        shown = graph.invoke({"messages": [("user", "a")]}, config_of())
        assert [m.text for m in shown["messages"]] == ["a"]
    assert recall.failures == 1
    assert "a thread begins without what was said earlier" in caplog.text
    store.close()


def recalling(store: Any, **recalled: Any) -> tuple[Any, Any]:
    recall = recall_conversation(mode="latest", **recalled)
    builder = StateGraph(MessagesState).add_node("recall", recall).add_edge(START, "recall")
    return builder.compile(store=store), recall


def recalled_by(graph: Any, **configurable: Any) -> list[str]:
    config = {"configurable": {"user_id": "ann", **configurable}}
    shown = graph.invoke({"messages": [("user", "now")]}, config)
    return [message.text for message in shown["messages"]]


NUMBERED = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("asked", "thread"),
    [(7, "7"), (NUMBERED, str(NUMBERED)), ("a.b", "a.b"), ("t" * 3_000, None), (None, "a.b")],
)
def test_a_run_may_name_its_thread_by_a_number_or_a_uuid(asked: Any, thread: str | None) -> None:
    store = InMemoryStore()
    memory = ConversationMemory(store, "ann")
    for kept in ("7", str(NUMBERED), "a.b"):
        memory.save_turn(f"said in {kept}", "r", kept)
    graph, recall = recalling(store, max_messages=2)
    found = [] if thread is None else [f"said in {thread}", "r"]
    assert recalled_by(graph, resume_thread_id=asked) == [*found, "now"]
    assert recall.failures == 0


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("", InvalidKeyError),
        ("a\x00b", InvalidValueError),
        ("\ud83d", InvalidValueError),
        (1.5, ValueTypeError),
        (True, ValueTypeError),
        (["t"], ValueTypeError),
    ],
)
def test_a_thread_that_cannot_be_is_the_error_of_its_run_alone(
    asked: Any, error: type[Exception]
) -> None:
    store = InMemoryStore()
    ConversationMemory(store, "ann").save_turn("earlier", "r", "t")
    graph, recall = recalling(store)
    with pytest.raises(error):
        recalled_by(graph, resume_thread_id=asked)
    assert recalled_by(graph) == ["earlier", "r", "now"]
    assert recall.failures == 0


def test_a_failure_that_concerns_one_user_pauses_recalling_for_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def count(messages: list[Any]) -> int:
        if "poison" in str(messages):
            raise RuntimeError("cannot count this")
        return len(messages)

    store = InMemoryStore()
    ConversationMemory(store, "ann").save_turn("poison", "r", "t")
    ConversationMemory(store, "bob").save_turn("earlier", "r", "t")
    graph, recall = recalling(store, max_tokens=10, token_counter=count)
    assert recalled_by(graph) == ["now"]
    assert recalled_by(graph, user_id="bob") == ["earlier", "r", "now"]
    assert recall.failures == 1
    assert "cannot count this" in caplog.text


def test_a_forgotten_thread_leaves_no_word_in_what_is_said_after_it() -> None:
    store = InMemoryStore()
    talking, forgetting = (ConversationMemory(store, "ann") for _ in range(2))
    talking.save_turn("the secret", "is out", "t")
    forgetting.forget("t")
    talking.save_turn("hello", "again", "t")
    assert "secret" not in str([item.value for item in store.search(())])


def test_errors_that_pass_are_not_given_up() -> None:
    assert is_unreachable(StoreUnavailableError("away"))
    assert not is_hopeless(StoreUnavailableError("away"))
    assert not is_hopeless(RuntimeError("of a driver"))
    assert is_hopeless(ValueError("of a driver"))


def test_what_times_out_for_one_turn_says_nothing_of_the_database() -> None:
    assert is_unreachable(concurrent.futures.TimeoutError())
    assert not is_unreachable(EmbeddingTimeoutError("slow"))
    assert not is_unreachable(ItemLockedError("locked"))
