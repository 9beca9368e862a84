"""A history never holds a call of a tool without its answer, nor an answer without its call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.prebuilt.chat_agent_executor import _validate_chat_history
from langgraph.store.memory import InMemoryStore

from langgraph_agentstore.conversations import ConversationMemory, StoreChatMessageHistory
from langgraph_agentstore.conversations.history import with_answered_calls


def call(call_id: str | None, name: str = "f") -> Any:
    return {"name": name, "args": {}, "id": call_id, "type": "tool_call"}


def asks(*ids: str | None, text: str = "", **kwargs: Any) -> AIMessage:
    return AIMessage(text, tool_calls=[call(call_id) for call_id in ids], **kwargs)


def answer(call_id: str, text: str = "r") -> ToolMessage:
    return ToolMessage(text, tool_call_id=call_id)


HI, BYE, DONE = HumanMessage("hi"), HumanMessage("bye"), AIMessage("done")


def invalid(call_id: str, text: str = "") -> AIMessage:
    broken = {"name": "f", "args": "{", "id": call_id, "error": "e", "type": "invalid_tool_call"}
    return AIMessage(text, invalid_tool_calls=[broken])


@pytest.mark.parametrize(
    ("messages", "mended"),
    [
        ([HI, asks("1")], [HI]),
        ([HI, asks("1", text="wait")], [HI, AIMessage("wait")]),
        ([HI, asks("1"), answer("1"), DONE], None),
        ([HI, asks("1", "2"), answer("2"), answer("1"), DONE],
         [HI, asks("1", "2"), answer("1"), answer("2"), DONE]),
        ([HI, asks("1", "2"), answer("2"), DONE], [HI, asks("2"), answer("2"), DONE]),
        ([HI, asks("1"), BYE, answer("1"), DONE], [HI, asks("1"), answer("1"), BYE, DONE]),
        ([HI, answer("1"), DONE], [HI, DONE]),
        ([HI, answer("1"), asks("1")], [HI]),
        ([HI, asks("1"), answer("1", "a"), answer("1", "b")], [HI, asks("1"), answer("1", "a")]),
        ([HI, asks("1"), answer("1", "a"), asks("1"), answer("1", "b")], None),
        ([HI, asks("1"), asks("1"), answer("1")], [HI, asks("1"), answer("1")]),
        ([HI, asks(None)], [HI]),
        ([HI, invalid("1")], [HI]),
        ([HI, invalid("1", "wait"), DONE], [HI, AIMessage("wait"), DONE]),
        ([HI, invalid("1"), answer("1")], None),
        ([HI, AIMessage("")], None),
        ([SystemMessage("s"), HI, DONE], None),
    ],
)  # fmt: skip
def test_each_call_is_followed_by_its_answer(
    messages: list[BaseMessage], mended: list[BaseMessage] | None
) -> None:
    before = [message.model_copy(deep=True) for message in messages]
    assert with_answered_calls(messages) == (messages if mended is None else mended)
    assert messages == before


TEXT: Any = {"type": "text", "text": "wait"}
THOUGHT: Any = {"type": "thinking", "thinking": "hm", "signature": "s"}
REASONING: Any = {"type": "reasoning", "id": "rs_1", "summary": []}


@pytest.mark.parametrize(
    ("content", "left"),
    [
        ([TEXT, {"type": "tool_use", "id": "1", "name": "f", "input": {}}], [TEXT]),
        ([THOUGHT, {"type": "tool_use", "id": "1", "name": "f", "input": {}}], None),
        ([REASONING, {"type": "function_call", "id": "fc_1", "call_id": "1", "name": "f"}], None),
        ([TEXT, {"type": "tool_call", "id": "1", "name": "f", "args": {}}], [TEXT]),
        ([{"type": "text", "text": " "}, {"type": "tool_call", "id": "1"}], None),
        (["wait", {"type": "invalid_tool_call", "id": "1", "args": "{"}], ["wait"]),
    ],
)
def test_the_blocks_of_a_call_go_with_it(content: Any, left: Any) -> None:
    mended = with_answered_calls([HI, asks("1").model_copy(update={"content": content})])
    assert [message.content for message in mended[1:]] == ([] if left is None else [left])
    asked = AIMessage(content, tool_calls=[call("1")])
    assert with_answered_calls([HI, asked, answer("1")]) == [HI, asked, answer("1")]


@pytest.mark.parametrize("kind", ["server_tool_use", "server_tool_call"])
def test_a_call_that_the_models_server_answers_is_kept_if_it_did(kind: str) -> None:
    asked = {"type": kind, "id": "1", "name": "web_search"}
    told = {"type": "web_search_tool_result", "tool_use_id": "1", "content": []}
    if kind == "server_tool_call":
        told = {"type": "server_tool_result", "tool_call_id": "1", "output": []}
    whole = AIMessage([asked, told, TEXT])
    assert with_answered_calls([HI, whole]) == [HI, whole]
    assert with_answered_calls([HI, AIMessage([TEXT, asked])]) == [HI, AIMessage([TEXT])]


RAW: Any = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RAW_2: Any = {**RAW, "id": "2"}


def test_the_providers_form_of_a_call_goes_with_it() -> None:
    kwargs: Any = {"tool_calls": [RAW, RAW_2], "refusal": None}
    both = AIMessage("wait", additional_kwargs=kwargs)
    one = {"tool_calls": [RAW_2], "refusal": None}
    assert with_answered_calls([HI, both, answer("2")]) == [
        HI,
        AIMessage("wait", additional_kwargs=one),
        answer("2"),
    ]
    assert with_answered_calls([HI, both]) == [
        HI,
        AIMessage("wait", additional_kwargs={"refusal": None}),
    ]


FUNCTION: Any = {"function_call": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("messages", "mended"),
    [
        ([HI, AIMessage("", additional_kwargs=FUNCTION)], [HI]),
        (
            [HI, AIMessage("", additional_kwargs=FUNCTION), FunctionMessage(content="r", name="f")],
            None,
        ),
        ([HI, FunctionMessage(content="r", name="f"), DONE], [HI, DONE]),
        # Google's models tell one call in both forms.
        ([HI, asks("1", additional_kwargs=FUNCTION), answer("1")], None),
        ([HI, asks("1", text="wait", additional_kwargs=FUNCTION)], [HI, AIMessage("wait")]),
    ],
)
def test_a_function_is_called_and_answered_by_its_name(
    messages: list[BaseMessage], mended: list[BaseMessage] | None
) -> None:
    assert with_answered_calls(messages) == (messages if mended is None else mended)


def memory_of(*turns: list[BaseMessage]) -> ConversationMemory:
    memory = ConversationMemory(InMemoryStore(), "ann")
    for turn in turns:
        memory.save_messages(turn, "t")
    return memory


def test_no_unanswered_call_leaves_the_memory() -> None:
    memory = memory_of([HI, asks("1", "2"), answer("1")], [BYE, asks("3")])
    told = [HI, asks("1"), answer("1"), BYE]
    assert memory.messages() == memory.resume() == told
    assert StoreChatMessageHistory(memory, "t").messages == told
    # A turn tells what really happened.
    assert [turn.messages for turn in memory.turns()] == [
        [HI, asks("1", "2"), answer("1")],
        [BYE, asks("3")],
    ]


def test_instructions_of_later_threads_are_not_told_in_the_midst_of_others() -> None:
    first, second = SystemMessage("be kind"), SystemMessage("be brief")
    memory = memory_of([first, HI, DONE], [second, BYE, DONE])
    assert memory.messages() == memory.resume() == [first, HI, DONE, BYE, DONE]
    assert memory.resume(max_messages=4) == [HI, DONE, BYE, DONE]


def test_a_history_begins_with_what_a_person_said() -> None:
    memory = memory_of([AIMessage("welcome")], [HI, DONE])
    assert memory.resume() == memory.resume(max_messages=9) == [HI, DONE]
    assert memory_of([AIMessage("welcome")]).resume() == []


def test_messages_saved_one_by_one_find_their_answers() -> None:
    history = StoreChatMessageHistory(memory_of(), "t")
    for message in (HI, asks("1"), answer("1"), DONE):
        history.add_messages([message])
    assert history.messages == [HI, asks("1"), answer("1"), DONE]


def test_calls_left_out_make_room_for_what_was_said_before() -> None:
    memory = memory_of([HI, DONE], [BYE, asks("1"), asks("2"), asks("3")])
    assert memory.resume(max_messages=3) == [HI, DONE, BYE]


@pytest.mark.parametrize("most", range(1, 9))
def test_no_window_cuts_between_a_call_and_its_answer(most: int) -> None:
    turn = [HI, asks("1", "2"), answer("1"), answer("2"), DONE]
    told = memory_of(turn, turn).resume(max_messages=most)
    assert told == (turn if most >= 5 else [])


def test_a_turn_that_went_on_in_another_process_is_told_once() -> None:
    begun: list[BaseMessage] = [HumanMessage("hi", id="h"), asks("1", text="wait", id="a")]
    memory = memory_of(begun, [*begun, answer("1"), DONE])
    assert memory.messages() == [*begun, answer("1"), DONE]


def test_messages_that_share_an_id_and_nothing_else_are_all_told() -> None:
    memory = memory_of([HumanMessage("one", id="1")], [HumanMessage("two", id="1")])
    assert [(m.text, m.id) for m in memory.messages()] == [("one", None), ("two", "1")]
    memory.save_messages([HumanMessage("two", id="1")], "another thread")
    assert [(m.text, m.id) for m in memory.messages()] == [
        ("one", None),
        ("two", None),
        ("two", "1"),
    ]


PIECES = st.one_of(
    st.just(HI),
    st.just(DONE),
    st.lists(st.sampled_from("123"), unique=True, max_size=3).map(lambda ids: asks(*ids)),
    st.sampled_from("123").map(answer),
    st.sampled_from("123").map(invalid),
)


@given(st.lists(PIECES, max_size=12))
def test_whatever_was_saved_langgraph_takes_it(messages: list[BaseMessage]) -> None:
    mended = with_answered_calls(messages)
    _validate_chat_history(mended)
    open_calls: list[Any] = []
    for message in mended:
        if isinstance(message, ToolMessage):
            # Directly behind its call, in the order of the calls: what providers demand.
            assert message.tool_call_id == open_calls.pop(0)
        else:
            assert open_calls == []
            if isinstance(message, AIMessage):
                calls = [*message.tool_calls, *message.invalid_tool_calls]
                open_calls = [each["id"] for each in calls]
    assert open_calls == []
    assert with_answered_calls(mended) == mended
    kept = [message for message in messages if message in (HI, DONE)]
    assert [message for message in mended if message in (HI, DONE)] == kept
