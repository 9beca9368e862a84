"""What a state calls messages becomes LangChain's messages, documents, and messages again."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    ToolMessageChunk,
    messages_to_dict,
)
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.conversations.storable_json import LARGEST_PART, StorableJson
from langgraph_agentstore.conversations.stored_messages import (
    as_messages,
    documents_of,
    loaded_messages,
)
from langgraph_agentstore.errors import ValueTypeError
from langgraph_agentstore.model.json_values import decode_value, encode_value

DAY = datetime(2024, 5, 1, tzinfo=timezone.utc)
CALL: Any = {"name": "f", "args": {"a": 1}, "id": "c1", "type": "tool_call"}


def stored(*messages: BaseMessage) -> tuple[list[BaseMessage], list[str]]:
    """The messages as they come back from a store, and what was left out."""
    form = StorableJson()
    documents = decode_value(encode_value(documents_of(messages, form)))
    return loaded_messages(documents), form.omitted


def kinds(messages: list[BaseMessage]) -> list[tuple[type, str]]:
    return [(type(message), message.text) for message in messages]


def test_documents_are_those_of_langchain() -> None:
    messages = [
        SystemMessage("s", id="1"),
        HumanMessage([{"type": "text", "text": "t"}, "u"], id="2", name="ann"),
        AIMessage("a", id="3", tool_calls=[CALL], response_metadata={"model": "m"}),
        ToolMessage("r", tool_call_id="c1", artifact={"n": [1]}, status="error"),
        FunctionMessage(content="r", name="f"),
        ChatMessage(content="c", role="critic"),
    ]
    form = StorableJson()
    assert documents_of(messages, form) == messages_to_dict(messages)
    assert stored(*messages) == (messages, [])


def test_a_message_comes_back_valid_whatever_its_parts_are() -> None:
    odd = {1: DAY, "vector": np.array([1.0, np.nan]), "lock": object(), "\ud83d": b"a"}
    messages, omitted = stored(
        HumanMessage("a\x00b \ud83d", additional_kwargs=odd, id="h\x00"),
        AIMessage("", tool_calls=[{**CALL, "args": {"in": odd}}], response_metadata=odd),
        ToolMessage("r", tool_call_id="c1", artifact=odd),
    )
    told = {
        "1": DAY.isoformat(),
        "vector": [1.0, None],
        "lock": {"omitted": "object: it has no JSON form"},
        "\ufffd": "data:application/octet-stream;base64,YQ==",
    }
    human, ai, tool = messages
    assert (human.text, human.id, human.additional_kwargs) == ("ab \ufffd", "h", told)
    assert isinstance(ai, AIMessage)
    assert ai.tool_calls == [{**CALL, "args": {"in": told}}]
    assert ai.response_metadata == told
    assert isinstance(tool, ToolMessage)
    assert tool.artifact == told
    assert [one.partition(":")[0] for one in omitted] == [
        "messages[0].additional_kwargs.lock",
        "messages[1].response_metadata.lock",
        "messages[1].tool_calls[0].args.in.lock",
        "messages[2].artifact.lock",
    ]


def test_a_later_change_of_a_message_is_not_seen() -> None:
    said = HumanMessage(["a"], additional_kwargs={"n": [1]})
    documents = documents_of([said], StorableJson())
    said.content.append("b")  # type: ignore[union-attr]
    said.additional_kwargs["n"].append(2)
    assert loaded_messages(documents) == [HumanMessage(["a"], additional_kwargs={"n": [1]})]


def test_bytes_of_content_are_base64_as_models_take_it() -> None:
    picture = {"type": "image", "base64": b"hi", "mime_type": "image/png"}
    messages, omitted = stored(HumanMessage([picture]))
    assert messages[0].content == [{**picture, "base64": "aGk="}]
    assert omitted == []


def test_a_block_with_a_hole_becomes_text_which_models_take() -> None:
    video = {"type": "video", "base64": bytes(LARGEST_PART + 1), "mime_type": "video/mp4"}
    messages, omitted = stored(HumanMessage(["see", video]))
    note = {"type": "text", "text": "[omitted: bytes: 16,777,217 bytes: too large]"}
    assert messages[0].content == ["see", note]
    assert omitted == ["messages[0].content[1].base64: bytes: 16,777,217 bytes: too large"]


def test_a_block_that_calls_a_tool_stays_a_call() -> None:
    block = {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": object()}}
    messages, _ = stored(AIMessage([block], tool_calls=[CALL]))
    assert messages[0].content == [
        {**block, "input": {"a": {"omitted": "object: it has no JSON form"}}}
    ]


def test_the_end_of_a_text_that_is_too_long_is_left_out() -> None:
    messages, omitted = stored(HumanMessage("x" * (LARGEST_PART + 1)))
    assert len(messages[0].text) == LARGEST_PART
    assert "the end of a text of 16,777,217 characters" in omitted[0]


def test_pieces_of_a_streamed_message_become_one_message() -> None:
    pieces = [
        AIMessageChunk(content="Hel", id="1"),
        AIMessageChunk(
            content="lo",
            id="1",
            tool_call_chunks=[{"name": "f", "args": '{"a": ', "id": "c1", "index": 0}],
        ),
        AIMessageChunk(
            content="",
            id="1",
            tool_call_chunks=[{"name": None, "args": "1}", "id": None, "index": 0}],
        ),
        AIMessageChunk(content="", id="1", chunk_position="last"),
    ]
    found = as_messages(
        [HumanMessageChunk(content="hi"), *pieces, AIMessageChunk(content="next", id="2")]
    )
    assert kinds(found) == [(HumanMessage, "hi"), (AIMessage, "Hello"), (AIMessage, "next")]
    assert isinstance(found[1], AIMessage)
    assert found[1].tool_calls == [CALL]


def test_pieces_without_an_id_are_of_one_message_until_it_ends() -> None:
    pieces = [
        AIMessageChunk(content="a"),
        AIMessageChunk(content="b", chunk_position="last"),
        AIMessageChunk(content="c"),
    ]
    assert kinds(as_messages(pieces)) == [(AIMessage, "ab"), (AIMessage, "c")]
    said = [HumanMessageChunk(content="a"), HumanMessageChunk(content="b")]
    assert kinds(as_messages(said)) == [(HumanMessage, "a"), (HumanMessage, "b")]


def test_a_piece_of_a_tool_message_keeps_what_it_answers() -> None:
    (found,) = as_messages(ToolMessageChunk(content="r", tool_call_id="c1", artifact={"n": 1}))
    assert found == ToolMessage("r", tool_call_id="c1", artifact={"n": 1})


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        ("user", HumanMessage),
        ("Human", HumanMessage),
        ("assistant", AIMessage),
        ("ai", AIMessage),
        ("model", AIMessage),
        ("developer", SystemMessage),
        ("critic", ChatMessage),
    ],
)
def test_a_role_says_who_speaks(role: str, kind: type) -> None:
    (found,) = as_messages([ChatMessage(content="hi", role=role, name="n", id="1")])
    assert (type(found), found.text, found.name, found.id) == (kind, "hi", "n", "1")


OPENAI_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("user", "hi"), HumanMessage("hi")),
        (["assistant", "hi"], AIMessage("hi")),
        ({"role": "user", "content": "hi", "name": "n"}, HumanMessage("hi", name="n")),
        ({"type": "ai", "content": "hi", "id": "1"}, AIMessage("hi", id="1")),
        ({"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
         AIMessage("", tool_calls=[CALL])),
        ({"role": "tool", "content": "r", "tool_call_id": "c1"},
         ToolMessage("r", tool_call_id="c1")),
        ({"role": "critic", "content": "hi"}, ChatMessage(content="hi", role="critic")),
        ({"role": "critic", "content": 7, "x": 1},
         ChatMessage(content="", role="critic", additional_kwargs={"x": 1})),
        ({"type": "human", "data": {"content": "hi"}}, HumanMessage("hi")),
        (
            {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "AIMessage"],
             "kwargs": {"content": "hi", "type": "ai"}},
            AIMessage("hi"),
        ),
    ],
)  # fmt: skip
def test_dicts_and_pairs_are_messages(given: Any, message: BaseMessage) -> None:
    assert as_messages([given]) == [message]
    assert as_messages(given) == [message]


def test_a_call_that_langchain_cannot_read_is_kept_as_an_invalid_one() -> None:
    broken = {**OPENAI_CALL, "function": {"name": "f", "arguments": "{not JSON"}}
    (found,) = as_messages({"role": "assistant", "content": "hi", "tool_calls": [broken]})
    assert isinstance(found, AIMessage)
    assert [call["id"] for call in found.invalid_tool_calls] == ["c1"]


@pytest.mark.parametrize("given", ["hi", 7, None, {"text": "hi"}, ("hi",), {"role": 7}])
def test_what_is_no_message_is_refused_without_its_text(given: Any) -> None:
    with pytest.raises(ValueTypeError, match="messages are LangChain messages") as raised:
        as_messages([given])
    assert "hi" not in str(raised.value).split("got ")[1]


def test_removals_remove_what_stands_before_them() -> None:
    said: list[Any] = [HumanMessage("a", id="1"), AIMessage("b", id="2")]
    assert as_messages([*said, RemoveMessage(id="1")]) == said[1:]
    everything = RemoveMessage(id=REMOVE_ALL_MESSAGES)
    assert as_messages([*said, everything, ("user", "c")]) == [HumanMessage("c")]


class OwnHuman(HumanMessage):
    type: Any = "own"
    mood: str = "good"


class Strange(BaseMessage):
    type: str = "strange"


def test_classes_of_somebodys_own_become_those_of_langchain() -> None:
    found = as_messages([OwnHuman(content="hi", id="1"), Strange(content="hm")])
    assert found == [HumanMessage("hi", id="1"), ChatMessage(content="hm", role="strange")]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"type": "AIMessageChunk", "data": {"content": "hi"}}, AIMessage("hi")),
        ({"type": "chat", "data": {"content": "hi", "role": "assistant"}}, AIMessage("hi")),
        ({"role": "user", "content": "hi"}, HumanMessage("hi")),
        ({"type": "ai", "data": {"content": "hi", "tool_calls": {"omitted": "…"}}},
         AIMessage("hi")),
        ({"type": "ai", "data": {"content": "hi", "usage_metadata": {"n": 1}}}, AIMessage("hi")),
        ({"type": "ai", "data": {"content": {"text": "hi"}}}, AIMessage("{'text': 'hi'}")),
        ({"type": "human", "data": {"content": "hi", "name": {"a": 1}}}, HumanMessage("hi")),
        ({"type": "human", "data": {"content": None}}, HumanMessage("")),
    ],
)  # fmt: skip
def test_documents_of_earlier_releases_and_of_others_are_read(
    document: Any, message: BaseMessage
) -> None:
    assert loaded_messages([document]) == [message]


@pytest.mark.parametrize(
    "document", [7, "hi", {}, {"type": "tool", "data": {"content": "r"}}, {"type": "x", "data": {}}]
)
def test_a_document_that_cannot_be_read_takes_no_other_along(
    document: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good = {"type": "human", "data": {"content": "hi"}}
    assert loaded_messages([document, good]) == [HumanMessage("hi")]
    assert "a stored message cannot be read" in caplog.text
    assert loaded_messages("hi") == loaded_messages(None) == []


@pytest.mark.parametrize(
    ("messages", "query", "response"),
    [
        ([HumanMessageChunk(content="q"), AIMessageChunk(content="r")], "q", "r"),
        ([ChatMessage(content="q", role="user"), ChatMessage(content="r", role="assistant")],
         "q", "r"),
        ([("user", "q"), {"role": "assistant", "content": "r"}], "q", "r"),
        ({"role": "user", "content": "q"}, "q", ""),
        ([("user", "q"), ("ai", "let me see"), ("ai", "r"), ("ai", "")], "q", "r"),
        ([("user", "q"), AIMessage("", tool_calls=[CALL]), ToolMessage("r", tool_call_id="c1")],
         "q", "r"),
        ([("user", "q"), AIMessage([{"type": "reasoning", "reasoning": "hm"}, "r"])], "q", "r"),
        ([("user", "q"), AIMessage(content_blocks=[{"type": "text", "text": "r"}])], "q", "r"),
        ([("system", "s")], "", ""),
        ([("ai", "r")], "", "r"),
        ([HumanMessage("summary", additional_kwargs={"lc_source": "summarization"}),
          ("user", "q"), ("ai", "r")], "q", "r"),
    ],
)  # fmt: skip
def test_query_and_response_are_who_said_what(messages: Any, query: str, response: str) -> None:
    memory = ConversationMemory(InMemoryStore(), "ann")
    memory.save_messages(messages, "t")
    (turn,) = memory.turns()
    assert (turn.query, turn.response) == (query, response)
    assert turn.messages == as_messages(messages)


def test_no_messages_are_no_turn() -> None:
    memory = ConversationMemory(InMemoryStore(), "ann")
    assert memory.save_messages([], "t") == []
    assert list(memory.turns()) == []
