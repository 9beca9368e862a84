"""A deep agent whose files last: what it wrote for a user in one thread it finds in the next.

pip install "langgraph_agentstore[deepagents,embedded]"; python examples/deep_agent.py
"""

from typing import Any

from deepagents import create_deep_agent
from deepagents.backends import CompositeBackend, StateBackend
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult

from langgraph_agentstore import AgentStore
from langgraph_agentstore.files import DeepAgentsBackend


class NoteTaker(BaseChatModel):
    """Stands in for a chat model: writes down what it is told, and looks up what it is asked."""

    def bind_tools(self, *_: Any, **__: Any) -> "NoteTaker":
        """Return the model itself: it knows the tools of deep agents."""
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = max(n for n, message in enumerate(messages) if isinstance(message, HumanMessage))
        said, results = messages[last].text, messages[last + 1 :]
        if results:
            reply = AIMessage(results[-1].text)
        elif said.endswith("?"):
            subject = said.rstrip("?").split()[-1]
            arguments = {"pattern": subject, "path": "/memories", "output_mode": "content"}
            reply = AIMessage("", tool_calls=[tool_call(name="grep", args=arguments, id="call")])
        else:
            subject = said.split()[1]
            arguments = {"file_path": f"/memories/{subject}.md", "content": said}
            call = tool_call(name="write_file", args=arguments, id="call")
            reply = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=reply)])

    @property
    def _llm_type(self) -> str:
        return "note-taker"


def main() -> None:
    """Two users tell and ask, each question in a thread of its own."""
    with AgentStore(schema="agentstore_example_deep_agent") as store:
        files = CompositeBackend(
            default=StateBackend(), routes={"/memories/": DeepAgentsBackend(store)}
        )
        # With a real model: create_deep_agent("anthropic:claude-sonnet-4-5", backend=files)
        agent = create_deep_agent(NoteTaker(), backend=files)

        for user, said in [
            ("ada", "My cat is called Turing."),
            ("bob", "My dog is called Hopper."),
            ("ada", "What about my cat?"),
            ("bob", "What about my cat?"),
        ]:
            config = {"configurable": {"user_id": user}}
            answer = agent.invoke({"messages": [("user", said)]}, config)
            print(f"{user}: {said} → {' '.join(answer['messages'][-1].text.split())}")

        for item in store.iter_items():
            print(f"{item.namespace[1]} : {item.key} : {item.value['content']}")
        # So that the example can be run again.
        store.delete_user("ada")
        store.delete_user("bob")


if __name__ == "__main__":
    main()
