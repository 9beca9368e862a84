"""What tools, streams, summaries, protocols and models really put into a state is remembered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_mcp_adapters.tools import load_mcp_tools
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt.chat_agent_executor import _validate_chat_history
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp import Image as McpImage
from mcp.shared.memory import create_connected_server_and_client_session
from pydantic import AnyUrl, BaseModel
from typing_extensions import TypedDict

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    BaseStoreRepository,
    ConversationMemory,
    StoreChatMessageHistory,
    Turn,
    new_turn,
    recall_conversation,
    remember_conversation,
)
from langgraph_agentstore.errors import InvalidValueError, ValueTypeError
from tests.conversations.talking import config_of
from tests.support.memory_graphs import needs_async_contexts
from tests.support.scripted_chat import ScriptedChat

DAY = datetime(2024, 5, 1, tzinfo=timezone.utc)
ID = UUID("12345678-1234-5678-1234-567812345678")


@pytest.fixture(params=["agent", "memory"])
def anyone(request: pytest.FixtureRequest, postgres_dsn: str, schema_name: str) -> Iterator[Any]:
    """A store of ours that finds by words, and one of LangGraph's."""
    if request.param == "memory":
        yield InMemoryStore()
        return
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        yield store


def memory_over(store: BaseStore) -> ConversationMemory:
    return ConversationMemory(store, "ann")


def odd() -> dict[Any, Any]:
    """What no JSON holds."""
    return {
        "document": Document("text", metadata={"at": DAY}),
        "vector": np.array([1.0, np.nan]),
        "bytes": b"\x00",
        "nan": float("nan"),
        7: "an int key",
        "url": AnyUrl("https://example.org"),
        "lock": object(),
        "half": "\ud83d",
    }


ODD_AS_JSON = {
    "document": {
        "id": None,
        "page_content": "text",
        "type": "Document",
        "metadata": {"at": "2024-05-01T00:00:00Z"},
    },
    "vector": [1.0, None],
    "bytes": "data:application/octet-stream;base64,AA==",
    "nan": None,
    "7": "an int key",
    "url": "https://example.org/",
    "lock": {"omitted": "object: it has no JSON form"},
    "half": "\ufffd",
}


def odd_messages() -> list[BaseMessage]:
    call: Any = {"name": "f", "args": {"in": odd()}, "id": "c1", "type": "tool_call"}
    return [
        HumanMessage("a\x00 cat\ud83d", additional_kwargs=odd()),
        AIMessage("", tool_calls=[call]),
        ToolMessage("r", tool_call_id="c1", artifact=odd()),
        AIMessage("an answer", response_metadata=odd()),
    ]


def by_a_node(store: BaseStore) -> None:
    remember = remember_conversation()
    builder = StateGraph(MessagesState).add_node("remember", remember)
    graph: Any = builder.add_edge(START, "remember").compile(store=store)
    graph.invoke({"messages": odd_messages()}, config_of("ann", "t"))
    assert remember.stats().accepted == 1
    assert remember.flush(30)


def by_a_turn_of_ones_own(store: BaseStore) -> None:
    turn = new_turn("t", "a\x00 cat\ud83d", "an answer")
    made = Turn(
        key=turn.key,
        thread_id="t",
        timestamp=turn.timestamp,
        query="a\x00 cat\ud83d",
        response="an answer",
        metadata=odd(),
    )
    assert memory_over(store).save_turns([made]) == 1


ENTRANCES: dict[str, Callable[[BaseStore], Any]] = {
    "save_turn": lambda s: memory_over(s).save_turn(
        "a\x00 cat\ud83d", "an answer", "t", metadata=odd()
    ),
    "asave_turn": lambda s: asyncio.run(
        memory_over(s).asave_turn("a\x00 cat\ud83d", "an answer", "t", odd())
    ),
    "save_turns": lambda s: memory_over(s).save_turns(
        [new_turn("t", "a\x00 cat\ud83d", "an answer", odd())]
    ),
    "asave_turns": lambda s: asyncio.run(
        memory_over(s).asave_turns([new_turn("t", "a\x00 cat\ud83d", "an answer", odd())])
    ),
    "a turn of one's own": by_a_turn_of_ones_own,
    "save_messages": lambda s: memory_over(s).save_messages(odd_messages(), "t", odd()),
    "asave_messages": lambda s: asyncio.run(
        memory_over(s).asave_messages(odd_messages(), "t", odd())
    ),
    "history": lambda s: StoreChatMessageHistory(s, "t", "ann").add_messages(odd_messages()),
    "awaited history": lambda s: asyncio.run(
        StoreChatMessageHistory(s, "t", "ann").aadd_messages(odd_messages())
    ),
    "a node": by_a_node,
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_turn_is_saved_whatever_its_parts_are(
    anyone: BaseStore, entrance: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        ENTRANCES[entrance](anyone)
    (turn,) = memory_over(anyone).turns()
    assert (turn.query, turn.response) == ("a cat\ufffd", "an answer")
    if turn.metadata:
        assert turn.metadata == ODD_AS_JSON
    if turn.stored_messages is not None:
        human, ai, answered, last = memory_over(anyone).messages("t")
        assert human.additional_kwargs == last.response_metadata == ODD_AS_JSON
        assert isinstance(ai, AIMessage)
        assert ai.tool_calls[0]["args"] == {"in": ODD_AS_JSON}
        assert isinstance(answered, ToolMessage)
        assert answered.artifact == ODD_AS_JSON
    (warning,) = [one.getMessage() for one in caplog.records if "saved without" in one.msg]
    assert "lock: object: it has no JSON form" in warning
    assert "an answer" not in warning
    if isinstance(anyone, AgentStore):
        assert [found.query for found in memory_over(anyone).search("cat")] == [turn.query]


def test_an_answer_to_a_very_long_question_is_saved_and_found(
    postgres_dsn: str, schema_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    pasted = " ".join(f"word{number}" for number in range(150_000))
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        memory = memory_over(store)
        memory.save_messages([HumanMessage(pasted), AIMessage("a zebra")], "t")
        assert [turn.query for turn in memory.search("zebra")] == [pasted]
    assert caplog.text == ""


def test_a_value_that_is_put_by_hand_must_be_json(store: AgentStore) -> None:
    class Repository(BaseStoreRepository):
        store = property(lambda _self: store)

    for put in (store.put, Repository().put):
        with pytest.raises(ValueTypeError):
            put(("users", "ann", "notes"), "k", {"at": DAY})
        with pytest.raises(InvalidValueError):
            put(("users", "ann", "notes"), "k", {"text": "a\x00"})


@tool(response_format="content_and_artifact")
def look_up(word: str) -> tuple[str, Any]:
    """What a word means."""
    frame = pd.DataFrame({"word": [word], "at": [DAY]})
    return f"{word} is known", {"found": [Document("d", metadata={"at": DAY})], "table": frame}


def agent_over(store: BaseStore, tools: Sequence[Any], chat: Any, *between: Any) -> Any:
    """An agent that recalls and remembers."""
    middleware = [recall_conversation(mode="latest"), *between, remember_conversation()]
    return create_agent(chat, tools, middleware=middleware, store=store)


def kinds(messages: Sequence[BaseMessage]) -> list[str]:
    return [message.type for message in messages]


def test_an_agents_documents_and_tables_are_remembered(anyone: BaseStore) -> None:
    chat = ScriptedChat(tool="look_up", args={"word": "cat"})
    agent_over(anyone, [look_up], chat).invoke(
        {"messages": [("user", "cat?")]}, config_of("ann", "1")
    )
    shown = agent_over(anyone, [look_up], chat).invoke(
        {"messages": [("user", "and?")]}, config_of("ann", "2")
    )
    assert kinds(shown["messages"]) == ["human", "ai", "tool", "ai"] * 2
    assert shown["messages"][2].artifact == {
        "found": [{"id": None, "page_content": "d", "type": "Document",
                   "metadata": {"at": "2024-05-01T00:00:00Z"}}],
        "table": [{"word": "cat", "at": DAY.isoformat()}],
    }  # fmt: skip


class Weather(BaseModel):
    city: str
    at: datetime


def protocol_server() -> FastMCP:
    server = FastMCP("weather")

    @server.tool(structured_output=True)
    def forecast(city: str) -> Weather:
        """Tells the weather."""
        return Weather(city=city, at=DAY)

    @server.tool()
    def picture(city: str) -> list[Any]:
        """Shows the weather."""
        return ["here it is", McpImage(data=b"png", format="png")]

    @server.tool()
    def breaks(city: str) -> str:
        """Fails."""
        raise ValueError(f"no weather in {city}")

    return server


@needs_async_contexts
@pytest.mark.parametrize("name", ["forecast", "picture", "breaks"])
async def test_what_protocol_servers_answer_is_remembered(store: AgentStore, name: str) -> None:
    async with create_connected_server_and_client_session(protocol_server()) as session:
        tools = [one for one in await load_mcp_tools(session) if one.name == name]
        chat = ScriptedChat(tool=name, args={"city": "Oslo"})
        for one in tools:
            one.handle_tool_error = True
        agent = agent_over(store, tools, chat)
        first = await agent.ainvoke({"messages": [("user", "rain?")]}, config_of("ann", "1"))
        again = await agent.ainvoke({"messages": [("user", "still?")]}, config_of("ann", "2"))
    assert again["messages"][: len(first["messages"])] == first["messages"]
    assert len(again["messages"]) == 2 * len(first["messages"])


def test_what_was_streamed_is_one_message(anyone: BaseStore) -> None:
    chat = GenericFakeChatModel(messages=iter(["My cat is Turing"]))
    pieces = list(chat.stream("who?"))
    assert len(pieces) > 1
    memory_over(anyone).save_messages([HumanMessage("who?"), *pieces], "t")
    (turn,) = memory_over(anyone).turns()
    assert turn.response == "My cat is Turing"
    assert kinds(turn.messages) == ["human", "ai"]
    if isinstance(anyone, AgentStore):
        assert memory_over(anyone).search("Turing") == [turn]


def test_a_summary_is_not_taken_for_what_was_asked(anyone: BaseStore) -> None:
    summing = SummarizationMiddleware(
        model=GenericFakeChatModel(messages=iter(["they talked of cats"] * 9)),
        trigger=("messages", 3),
        keep=("messages", 1),
    )
    chat = ScriptedChat(tool="look_up", args={"word": "cat"})
    agent = agent_over(anyone, [look_up], chat, summing)
    shown = agent.invoke({"messages": [("user", "cat?")]}, config_of("ann", "1"))
    assert shown["messages"][0].additional_kwargs["lc_source"] == "summarization"
    memory = memory_over(anyone)
    (turn,) = memory.turns()
    assert (turn.query, turn.response) == ("cat?", "cat is known")
    _validate_chat_history(memory.resume())
    assert kinds(memory.resume())[0] == "human"


class Facts(BaseModel):
    word: str


def test_the_last_word_of_a_structured_answer_is_the_response(anyone: BaseStore) -> None:
    agent: Any = create_agent(
        ScriptedChat(tool="Facts", args={"word": "cat"}),
        [],
        middleware=[remember_conversation()],
        response_format=ToolStrategy(Facts),
        store=anyone,
    )
    agent.invoke({"messages": [("user", "which?")]}, config_of("ann", "1"))
    (turn,) = memory_over(anyone).turns()
    assert "word='cat'" in turn.response
    _validate_chat_history(turn.messages)


@tool
def fails(word: str) -> str:
    """Fails."""
    raise RuntimeError("the tool is away")


def test_a_run_that_died_at_a_tool_spoils_no_later_thread(anyone: BaseStore) -> None:
    chat = ScriptedChat(tool="fails", args={"word": "cat"})
    dying: Any = create_agent(chat, [fails], checkpointer=InMemorySaver())
    with pytest.raises(RuntimeError, match="away"):
        dying.invoke({"messages": [("user", "cat?")]}, config_of("ann", "1"))
    left = dying.get_state(config_of("ann", "1")).values["messages"]
    assert left[-1].tool_calls
    memory = memory_over(anyone)
    memory.save_messages(left, "1")

    chat = ScriptedChat(tool="look_up", args={"word": "cat"})
    shown = agent_over(anyone, [look_up], chat).invoke(
        {"messages": [("user", "again?")]}, config_of("ann", "2")
    )
    assert kinds(shown["messages"]) == ["human", "human", "ai", "tool", "ai"]
    _validate_chat_history(shown["messages"])
    assert [turn.messages for turn in memory.turns("1")] == [left]


class OfDicts(TypedDict):
    messages: list[Any]


def graph_of_dicts(store: BaseStore, remember: Any, form: Callable[[str, str], Any]) -> Any:
    def answer(state: OfDicts) -> Any:
        return {"messages": [*state["messages"], form("assistant", "I see")]}

    builder = StateGraph(OfDicts)
    builder.add_node("recall", recall_conversation(mode="latest"))
    builder.add_node("answer", answer)
    builder.add_node("remember", remember)
    builder.add_edge(START, "recall").add_edge("recall", "answer").add_edge("answer", "remember")
    return builder.compile(store=store)


def as_dict(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def as_pair(role: str, text: str) -> tuple[str, str]:
    return role, text


@pytest.mark.parametrize("form", [as_dict, as_pair])
def test_a_state_may_hold_dicts_or_pairs(
    anyone: BaseStore, form: Callable[[str, str], Any]
) -> None:
    remember = remember_conversation()
    graph = graph_of_dicts(anyone, remember, form)
    system = form("system", "be kind")
    graph.invoke({"messages": [system, form("user", "one")]}, config_of("ann", "1"))
    shown = graph.invoke({"messages": [system, form("user", "two")]}, config_of("ann", "2"))
    said = [(turn.query, turn.response) for turn in memory_over(anyone).turns()]
    assert said == [("one", "I see"), ("two", "I see")]
    texts = [one.text if isinstance(one, BaseMessage) else list(dict(one).values())[1]
             if isinstance(one, dict) else one[1] for one in shown["messages"]]  # fmt: skip
    assert texts[0] == "be kind"
    assert texts[-4:] == ["one", "I see", "two", "I see"]
    if form is as_dict:
        assert all(isinstance(one, dict) for one in shown["messages"])
    assert remember.stats().refused == 0


@pytest.mark.parametrize(
    "said", ["hello", HumanMessage("hello"), {"role": "user", "content": "hello"}]
)
def test_a_state_may_hold_one_message_alone(said: Any) -> None:
    class OfOne(TypedDict):
        messages: Any

    store = InMemoryStore()
    builder = StateGraph(OfOne).add_node("remember", remember_conversation())
    builder.add_edge(START, "remember").compile(store=store).invoke(
        {"messages": said}, config_of("ann", "1")
    )
    assert [turn.query for turn in memory_over(store).turns()] == ["hello"]


def test_what_is_no_message_takes_no_turn_along(caplog: pytest.LogCaptureFixture) -> None:
    store = InMemoryStore()
    builder = StateGraph(OfDicts).add_node("remember", remember_conversation())
    graph: Any = builder.add_edge(START, "remember").compile(store=store)
    graph.invoke({"messages": [("user", "hello"), 7, object()]}, config_of("ann", "1"))
    assert [turn.query for turn in memory_over(store).turns()] == ["hello"]
    assert "int is no message and is left out" in caplog.text


@pytest.mark.parametrize("thread", ["", "a\x00b", "\ud83d"])
def test_a_thread_that_cannot_be_fails_no_reply_and_is_counted(
    thread: str, caplog: pytest.LogCaptureFixture
) -> None:
    remember = remember_conversation()
    builder = StateGraph(MessagesState).add_node("remember", remember)
    graph: Any = builder.add_edge(START, "remember").compile(store=InMemoryStore())
    shown = graph.invoke({"messages": [("user", "hello")]}, config_of("ann", thread))
    assert shown["messages"][0].text == "hello"
    assert (remember.stats().refused, remember.stats().accepted) == (1, 0)
    assert "is not saved" in caplog.text


@pytest.mark.parametrize("thread", [7, ID, "a.b", "a_b", "ü😀"])
def test_a_threads_id_may_be_a_number_a_uuid_or_any_text(anyone: BaseStore, thread: Any) -> None:
    graph_of_dicts(anyone, remember_conversation(), as_pair).invoke(
        {"messages": [("user", "hello")]}, config_of("ann", thread)
    )
    memory = memory_over(anyone)
    assert [turn.query for turn in memory.turns(str(thread))] == ["hello"]
    graph = graph_of_dicts(anyone, remember_conversation(), as_pair)
    shown = graph.invoke(
        {"messages": [("user", "again")]}, config_of("ann", "2", resume_thread_id=thread)
    )
    assert len(shown["messages"]) == 4


def test_a_thread_id_too_long_for_a_key_is_counted_and_harms_no_other(store: AgentStore) -> None:
    too_long, remember = "t" * 5_000, remember_conversation()
    graph = graph_of_dicts(store, remember, as_pair)
    for thread in (too_long, "1"):
        graph.invoke({"messages": [("user", f"in {thread[:1]}")]}, config_of("ann", thread))
    assert remember.flush(30)
    assert (remember.stats().saved, remember.stats().lost) == (1, 1)
    shown = graph.invoke(
        {"messages": [("user", "again")]}, config_of("ann", "2", resume_thread_id=too_long)
    )
    assert [text for _, text in shown["messages"]] == ["again", "I see"]
    assert [turn.query for turn in memory_over(store).turns("1")] == ["in 1"]


def messages_of_many_makers() -> list[AnyMessage]:
    """As the makers' packages have them."""
    citation: Any = {"type": "citation", "url": "https://example.org", "cited_text": "t"}
    return [
        HumanMessage(
            [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                {"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"},
                {"type": "file", "file_id": "f1", "mime_type": "application/pdf"},
            ],
            id="h",
        ),
        AIMessage(
            content_blocks=[
                {"type": "reasoning", "reasoning": "hm"},
                {"type": "text", "text": "a cat", "annotations": [citation]},
                {"type": "tool_call", "name": "f", "args": {}, "id": "c1"},
            ],
            response_metadata={"output_version": "v1"},
            usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
            id="a",
        ),
        ToolMessage([{"type": "text", "text": "r"}, {"type": "json", "json": {"n": 1}}],
                    tool_call_id="c1", status="error", id="t"),
        AIMessage(
            [{"type": "thinking", "thinking": "hm", "signature": "s"},
             {"type": "text", "text": "done", "citations": [citation]}],
            id="b",
        ),
    ]  # fmt: skip


def test_pictures_sounds_thoughts_and_citations_come_back_as_they_were(anyone: BaseStore) -> None:
    messages = messages_of_many_makers()
    memory = memory_over(anyone)
    memory.save_messages(messages, "t")
    assert memory.messages() == messages
    assert memory.messages()[1].content_blocks == messages[1].content_blocks
    (turn,) = memory.turns()
    assert (turn.query, turn.response) == ("see", "done")
