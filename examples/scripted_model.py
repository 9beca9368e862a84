"""A chat model that needs no key, so that the examples run anywhere and answer the same each time.

It understands "my cat is called Turing" and "what is my cat called?". All it knows it has from the
messages it is given, as any chat model: what is not in them it does not know.
Bound to the tools `remember` and `recall`, it uses them.
"""

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

FACT = re.compile(r"\bmy ([\w ]+?) is ((?:called )?[\w-]+)", re.IGNORECASE)
QUESTION = re.compile(r"\bwhat is (my|\w+'s) ([\w ]+?)(?: called)?\?", re.IGNORECASE)


class ScriptedModel(BaseChatModel):
    """Stands in for a chat model; `tool_names` are those it was bound to."""

    tool_names: frozenset[str] = frozenset()

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> "ScriptedModel":
        """Return the model, able to call the tools `remember` and `recall` if they exist."""
        names = (convert_to_openai_tool(tool)["function"]["name"] for tool in tools)
        return self.model_copy(update={"tool_names": frozenset(names)})

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._reply(messages))])

    def _reply(self, messages: list[BaseMessage]) -> AIMessage:
        last_said = max(n for n, m in enumerate(messages) if isinstance(m, HumanMessage))
        said = messages[last_said].text
        results = [m.text for m in messages[last_said:] if isinstance(m, ToolMessage)]
        calls = self._calls(said)
        if calls and not results:
            ids = (f"call-{len(messages)}-{n}" for n in range(len(calls)))
            return AIMessage(
                "",
                tool_calls=[
                    tool_call(name=name, args=args, id=id_)
                    for (name, args), id_ in zip(calls, ids, strict=True)
                ],
            )
        if question := QUESTION.search(said):
            return AIMessage(_answer(question, "\n".join(m.text for m in messages)))
        return AIMessage(_acknowledge(said, results))

    def _calls(self, said: str) -> list[tuple[str, dict[str, str]]]:
        if QUESTION.search(said):
            return [("recall", {})] if "recall" in self.tool_names else []
        if "remember" not in self.tool_names:
            return []
        return [("remember", {"about": about, "fact": fact}) for about, fact in FACT.findall(said)]

    @property
    def _llm_type(self) -> str:
        return "scripted"


def _answer(question: re.Match[str], known: str) -> str:
    owner, about = question.groups()
    facts = dict(FACT.findall(known))
    if owner.lower() != "my":
        return f"I know nothing about {owner} {about}."
    if about not in facts:
        return f"I know nothing about your {about}."
    return f"Your {about} is {facts[about]}."


def _acknowledge(said: str, results: list[str]) -> str:
    facts = " and ".join(f"your {about} is {fact}" for about, fact in FACT.findall(said))
    if not facts:
        return 'Tell me "my … is …", or ask me "what is my …?".'
    if results and set(results) == {"known already"}:
        return f"Welcome back! I remember that {facts}."
    return f"Good to know that {facts}."
