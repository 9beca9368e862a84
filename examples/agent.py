"""LangChain's `create_agent` with a memory: its tools find the store and the user in the runtime.

pip install "langgraph_agentstore[embedded]" langchain; python examples/agent.py
"""

from dataclasses import dataclass

from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from scripted_model import ScriptedModel

from langgraph_agentstore import AgentStore


@dataclass
class Context:
    """Who is talking; given with each run."""

    user_id: str


@tool
def remember(about: str, fact: str, runtime: ToolRuntime[Context]) -> str:
    """Keep a fact about the user, such as about="cat", fact="called Turing"."""
    runtime.store.put(("users", runtime.context.user_id, "facts"), about, {"is": fact})
    return "noted"


@tool
def recall(runtime: ToolRuntime[Context]) -> str:
    """Everything the user has told."""
    facts = runtime.store.search(("users", runtime.context.user_id, "facts"), limit=100)
    return "; ".join(f"my {fact.key} is {fact.value['is']}" for fact in facts) or "nothing yet"


def main() -> None:
    """Ada tells and asks; then Bob asks the same."""
    with AgentStore(schema="agentstore_examples") as store:
        agent = create_agent(
            # With a real model: "openai:gpt-5-mini", or whatever you like best.
            ScriptedModel(),
            tools=[remember, recall],
            system_prompt="Remember what you are told; recall it before you answer.",
            context_schema=Context,
            store=store,
        )
        for user, says in [
            ("ada", "My cat is called Turing."),
            ("ada", "What is my cat called?"),
            ("bob", "What is my cat called?"),
        ]:
            answer = agent.invoke({"messages": [("user", says)]}, context=Context(user))
            print(f"{user}:   {says}")
            print(f"agent: {answer['messages'][-1].text}")
        # So that the example can be run again.
        store.delete_user("ada")


if __name__ == "__main__":
    main()
