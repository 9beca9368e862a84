"""A chat model whose replies are written down beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field


class ScriptedChat(BaseChatModel):
    """Calls one tool, then says what the tool returned; without a tool, it says "noted".

    `shown` has the messages of each of its calls.
    """

    tool: str | None = None
    args: dict[str, Any] = Field(default_factory=dict)
    shown: list[list[BaseMessage]] = Field(default_factory=list)

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> ScriptedChat:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.shown.append(list(messages))
        last = messages[-1]
        if self.tool is None:
            reply = AIMessage("noted")
        elif last.type == "tool":
            reply = AIMessage(last.text)
        else:
            call = tool_call(name=self.tool, args=self.args, id=f"call-{len(messages)}")
            reply = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=reply)])

    @property
    def _llm_type(self) -> str:
        return "scripted"
