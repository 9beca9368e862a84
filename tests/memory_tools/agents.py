"""Agents and graphs that call the memory tools as a script says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import Field

from langgraph_agentstore.memory_tools import memory_tools

Call = tuple[str, dict[str, Any]]


def asking(*calls: Call) -> AIMessage:
    """What a model says that wants these tools at once."""
    wanted = [tool_call(name=name, args=args, id=uuid4().hex) for name, args in calls]
    return AIMessage("", tool_calls=wanted)


class RepliesInTurn(BaseChatModel):
    """Gives the replies one after the other, and remembers what it was shown and offered.

    A reply is a text, a message, or a function of the messages that returns one.
    """

    replies: list[Any]
    shown: list[list[BaseMessage]] = Field(default_factory=list)
    offered: list[Any] = Field(default_factory=list)

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, AIMessage]:
        self.offered.append(list(tools))
        return self.bind(tools=list(tools))

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.shown.append(list(messages))
        reply = self.replies[len(self.shown) - 1]
        if callable(reply):
            reply = reply(messages)
        message = AIMessage(reply) if isinstance(reply, str) else reply
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "replies in turn"


def of(user: str, thread: str = "monday", **configurable: Any) -> RunnableConfig:
    return {"configurable": {"user_id": user, "thread_id": thread, **configurable}}


def tool_graph(store: Any, **options: Any) -> Any:
    """A graph of one `ToolNode` with the tools, compiled with the store."""
    builder = StateGraph(MessagesState).add_node("tools", ToolNode(memory_tools(**options)))
    return builder.add_edge(START, "tools").compile(store=store)


def called(*calls: Call, says: str = "Remember it.") -> Any:
    return {"messages": [HumanMessage(says, id="said"), asking(*calls)]}


def told(answer: Any) -> list[str]:
    return [message.text for message in answer["messages"] if message.type == "tool"]


def call(graph: Any, name: str, config: RunnableConfig, **args: Any) -> str:
    """Call one tool in a run of its own; return what the model is told."""
    return told(graph.invoke(called((name, args)), config))[0]


async def acall(graph: Any, name: str, config: RunnableConfig, **args: Any) -> str:
    return told(await graph.ainvoke(called((name, args)), config))[0]


def key_in(answer: str) -> str:
    """The first key that an answer names."""
    return answer.partition('key "')[2].partition('"')[0]
