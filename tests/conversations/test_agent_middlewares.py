"""LangChain's agent middlewares together with conversations and facts in a store."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
)
from langchain.agents.middleware.context_editing import ClearToolUsesEdit
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import (
    ConversationMemory,
    recall_conversation,
    remember_conversation,
)
from langgraph_agentstore.memory_tools import memory_tools
from tests.memory_tools.agents import RepliesInTurn, asking, of, told
from tests.support.memory_graphs import needs_async_contexts

ALICE = of("alice")


def save(_messages: Any = None) -> AIMessage:
    """Call `save_memory`, each time by another id."""
    return asking(("save_memory", {"content": "The user likes tea."}))


def agent_of(store: Any, replies: list[Any], *middlewares: Any, tools: Any = None) -> Any:
    """An agent that recalls, remembers and keeps facts, with other middlewares between."""
    remember = remember_conversation()
    agent = create_agent(
        RepliesInTurn(replies=replies),
        memory_tools() if tools is None else tools,
        middleware=[recall_conversation(), *middlewares, remember],
        store=store,
        checkpointer=InMemorySaver(),
    )
    return agent, remember


def said(text: str) -> Any:
    return {"messages": [HumanMessage(text)]}


def turns_of(store: Any, remember: Any) -> list[tuple[str, str]]:
    remember.flush()
    return [(turn.query, turn.response) for turn in ConversationMemory(store, "alice").turns()]


def facts_of(store: Any) -> list[str]:
    return [item.value["content"] for item in store.search(("users", "alice", "facts"))]


# Summaries


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_a_summary_is_saved_as_no_turn_and_no_question_is_lost(
    store: AgentStore, keep: int
) -> None:
    summary = SummarizationMiddleware(
        RepliesInTurn(replies=[f"Summary {number}" for number in range(9)]),
        trigger=("messages", 4),
        keep=("messages", keep),
    )
    replies = list(itertools.chain(*([save, f"Answer {n}."] for n in range(4))))
    agent, remember = agent_of(store, replies, summary)

    for number in range(4):
        state = agent.invoke(said(f"Question {number}?"), ALICE)

    assert turns_of(store, remember) == [(f"Question {n}?", f"Answer {n}.") for n in range(4)]
    assert any("Summary" in message.text for message in state["messages"])


def test_a_fact_names_the_users_message_and_not_the_summary(store: AgentStore) -> None:
    summary = SummarizationMiddleware(
        RepliesInTurn(replies=["Summary"] * 9), trigger=("messages", 3), keep=("messages", 1)
    )
    agent, _ = agent_of(store, ["Hello.", "Yes.", save, "Noted."], summary)
    for text in ("Hi.", "There?"):
        agent.invoke(said(text), ALICE)

    agent.invoke({"messages": [HumanMessage("I like tea.", id="mine")]}, ALICE)

    [item] = store.search(("users", "alice", "facts"))
    assert item.value["message_id"] == "mine"


# A human in the loop


def approval() -> HumanInTheLoopMiddleware:
    return HumanInTheLoopMiddleware(interrupt_on={"save_memory": True})


def decided(*decisions: Any) -> Any:
    return Command(resume={"decisions": list(decisions)})


def test_a_fact_waits_for_approval_and_the_turn_is_saved_once(store: AgentStore) -> None:
    agent, remember = agent_of(store, [save, "Noted."], approval())

    interrupted = agent.invoke(said("I like tea."), ALICE)
    assert "__interrupt__" in interrupted
    assert facts_of(store) == []
    assert turns_of(store, remember) == []

    agent.invoke(decided({"type": "approve"}), ALICE)
    assert facts_of(store) == ["The user likes tea."]
    assert turns_of(store, remember) == [("I like tea.", "Noted.")]


def test_a_fact_can_be_edited_or_rejected(store: AgentStore) -> None:
    agent, remember = agent_of(store, [save, "Noted.", save, "As you like."], approval())
    edited = {"name": "save_memory", "args": {"content": "The user likes green tea."}}

    agent.invoke(said("I like tea."), ALICE)
    agent.invoke(decided({"type": "edit", "edited_action": edited}), ALICE)
    agent.invoke(said("Note it again."), ALICE)
    agent.invoke(decided({"type": "reject", "message": "No."}), ALICE)

    assert facts_of(store) == ["The user likes green tea."]
    assert turns_of(store, remember) == [
        ("I like tea.", "Noted."),
        ("Note it again.", "As you like."),
    ]


@needs_async_contexts
async def test_an_awaited_agent_waits_for_approval_too(store: AgentStore) -> None:
    agent, remember = agent_of(store, [save, "Noted."], approval())

    await agent.ainvoke(said("I like tea."), ALICE)
    await agent.ainvoke(decided({"type": "approve"}), ALICE)

    await remember.aflush()
    assert facts_of(store) == ["The user likes tea."]
    assert turns_of(store, remember) == [("I like tea.", "Noted.")]


# Retries, fallbacks and limits


class Failing(RepliesInTurn):
    """Raises at each call."""

    def _generate(self, *_: Any, **__: Any) -> Any:
        raise ConnectionError("the model is away")


def test_the_answer_of_a_fallback_is_saved(store: AgentStore) -> None:
    remember = remember_conversation()
    fallback = ModelFallbackMiddleware(RepliesInTurn(replies=[save, "From the second."]))
    agent: Any = create_agent(
        Failing(replies=[]), memory_tools(), middleware=[fallback, remember], store=store
    )

    agent.invoke(said("I like tea."), ALICE)

    assert facts_of(store) == ["The user likes tea."]
    assert turns_of(store, remember) == [("I like tea.", "From the second.")]


def test_a_model_that_fails_for_good_leaves_no_turn(store: AgentStore) -> None:
    remember = remember_conversation()
    agent: Any = create_agent(Failing(replies=[]), [], middleware=[remember], store=store)

    with pytest.raises(ConnectionError):
        agent.invoke(said("Hello?"), ALICE)

    assert turns_of(store, remember) == []


def test_the_message_of_a_retry_that_gave_up_is_the_answer(store: AgentStore) -> None:
    remember = remember_conversation()
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, on_failure="continue")
    agent: Any = create_agent(Failing(replies=[]), [], middleware=[retry, remember], store=store)

    agent.invoke(said("Hello?"), ALICE)

    [(question, answer)] = turns_of(store, remember)
    assert question == "Hello?"
    assert "ConnectionError" in answer


def test_a_tool_that_is_retried_writes_once(store: AgentStore) -> None:
    tries = itertools.count()

    @tool
    def flaky(text: str) -> str:
        """Do something."""
        if next(tries) == 0:
            raise ConnectionError("try again")
        return "done"

    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0)
    calls = asking(("flaky", {"text": "x"}), ("save_memory", {"content": "The user likes tea."}))
    agent, remember = agent_of(store, [calls, "Done."], retry, tools=[flaky, *memory_tools()])

    answer = agent.invoke(said("Do it."), ALICE)

    assert told(answer)[0] == "done"
    assert facts_of(store) == ["The user likes tea."]
    assert turns_of(store, remember) == [("Do it.", "Done.")]


def test_a_database_that_is_away_becomes_a_text_where_tools_are_retried() -> None:
    away = AgentStore("postgresql://nobody@127.0.0.1:1/none")
    retry = ToolRetryMiddleware(max_retries=0)
    agent: Any = create_agent(
        RepliesInTurn(replies=[save, "I cannot remember now."]),
        memory_tools(away),
        middleware=[retry],
    )

    answer = agent.invoke(said("I like tea."), ALICE)

    assert "StoreUnavailableError" in told(answer)[0]
    assert answer["messages"][-1].text == "I cannot remember now."


@pytest.mark.parametrize(
    "limit",
    [
        ModelCallLimitMiddleware(run_limit=1, exit_behavior="end"),
        ToolCallLimitMiddleware(run_limit=1, exit_behavior="end"),
    ],
    ids=["of model calls", "of tool calls"],
)
def test_a_turn_that_a_limit_ends_is_saved(store: AgentStore, limit: Any) -> None:
    other = asking(("search_memories", {"query": "tea"}))
    agent, remember = agent_of(store, [save, other, "Done."], limit)

    answer = agent.invoke(said("I like tea."), ALICE)

    [(question, response)] = turns_of(store, remember)
    assert question == "I like tea."
    assert response == answer["messages"][-1].text
    assert "limit" in response


# What is masked and what is left out


@pytest.mark.parametrize("position", ["before", "behind"])
def test_the_turn_holds_what_was_masked_in_the_state(store: AgentStore, position: str) -> None:
    mask = PIIMiddleware("email", strategy="redact", apply_to_output=True)
    remember = remember_conversation()
    middleware = [mask, remember] if position == "before" else [remember, mask]
    agent: Any = create_agent(
        RepliesInTurn(replies=["Written to ann@example.org."]),
        [],
        middleware=middleware,
        store=store,
    )

    agent.invoke(said("I am ann@example.org."), ALICE)

    assert turns_of(store, remember) == [("I am [REDACTED_EMAIL].", "Written to [REDACTED_EMAIL].")]


def test_what_is_cleared_from_the_prompt_is_saved_whole(store: AgentStore) -> None:
    clear = ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=1, keep=0)])
    search = asking(("search_memories", {"query": "tea"}))
    agent, remember = agent_of(store, [save, search, "Done."], clear)

    agent.invoke(said("I like tea."), ALICE)

    remember.flush()
    [turn] = ConversationMemory(store, "alice").turns()
    texts = [message.text for message in turn.messages if message.type == "tool"]
    assert texts[0].startswith("Saved under")
    assert "The user likes tea." in texts[1]


# What is recalled


def shown_to(model: RepliesInTurn) -> str:
    """The text of everything that the model was shown at its last call."""
    return "\n".join(message.text for message in model.shown[-1])


@pytest.fixture
def by_words(postgres_dsn: str, schema_name: str) -> Iterator[AgentStore]:
    with AgentStore(postgres_dsn, schema=schema_name, index={"mode": "text"}) as store:
        yield store


def test_facts_are_recalled_in_another_thread_until_they_are_forgotten(
    by_words: AgentStore,
) -> None:
    model = RepliesInTurn(replies=[save, "Noted.", "You like tea.", "I do not know."])
    agent: Any = create_agent(
        model,
        memory_tools(),
        middleware=[recall_conversation(memories=("facts",), mode="relevant")],
        store=by_words,
    )
    question = said("What does the user like, tea or coffee?")

    agent.invoke(said("I like tea."), of("alice", "monday"))
    agent.invoke(question, of("alice", "tuesday"))
    assert "The user likes tea." in shown_to(model)

    ConversationMemory(by_words, "alice").forget("monday", memories=("facts",))
    agent.invoke(question, of("alice", "wednesday"))
    assert "The user likes tea." not in shown_to(model)


def test_what_is_recalled_is_not_masked_and_starts_no_summary(by_words: AgentStore) -> None:
    memory = ConversationMemory(by_words, "alice")
    memory.save_turn("Write to ann@example.org. " + "tea " * 200, "I will.", "sunday")
    model = RepliesInTurn(replies=["To Ann."])
    summary = SummarizationMiddleware(
        Failing(replies=[]), trigger=("tokens", 100), keep=("messages", 1)
    )
    mask = PIIMiddleware("email", strategy="redact")
    middleware = [recall_conversation(), mask, summary]
    agent: Any = create_agent(model, [], middleware=middleware, store=by_words)

    state = agent.invoke(said("To whom do you write?"), ALICE)

    assert "ann@example.org" in shown_to(model)
    texts = [message.text for message in state["messages"]]
    assert texts == ["To whom do you write?", "To Ann."]


def test_another_thread_recalls_what_the_agent_said(store: AgentStore) -> None:
    agent, remember = agent_of(store, [save, "Noted.", "You like tea."])
    agent.invoke(said("I like tea."), ALICE)
    remember.flush()

    agent.invoke(said("What do I like: tea?"), of("alice", "tuesday"))

    assert turns_of(store, remember)[-1] == ("What do I like: tea?", "You like tea.")
