"""Without extras: what needs one names it; the rest works."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from langgraph.store.memory import InMemoryStore
from raising import error_of

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory, CrossEncoderRerank
from langgraph_agentstore.errors import ConfigurationError, MissingExtraError
from langgraph_agentstore.files import StoreBackend
from langgraph_agentstore.transfer import export
from memory_agent.agent import MemoryAgent

SERVED = ("mysql", "mongodb", "redis")


def names_the_extra(extra: str, use: Callable[[], object]) -> None:
    said = error_of(MissingExtraError, use)
    assert f"langgraph_agentstore[{extra}]" in said, (extra, said)


def deep_agents() -> object:
    from langgraph_agentstore.files import DeepAgentsBackend

    return DeepAgentsBackend


def mcp_server() -> object:
    from langgraph_agentstore.mcp_server import memory_server

    return memory_server


def explorer() -> object:
    from langgraph_agentstore.explorer import explorer_app

    return explorer_app


assert "AgentStore('postgresql://localhost/db'" in repr(AgentStore("postgresql://localhost/db"))
assert "langgraph_agentstore[embedded]" in error_of(ConfigurationError, AgentStore)

store = InMemoryStore()
store.put(("notes",), "a", {"n": 1})
assert export(store, "all.jsonl.gz").records == 1
files = StoreBackend(store)
files.write("/notes/tea.md", "80 degrees")
memory = ConversationMemory(store, "ada")
memory.save_turn("hello", "hi", thread_id="t")
with MemoryAgent(store=store) as agent:
    agent.store_memory("goal", {"done": False})

names_the_extra("embedded", AgentStore.embedded)
names_the_extra("mcp", mcp_server)
names_the_extra("ui", explorer)
names_the_extra("files", lambda: files.glob_info("*.md"))
names_the_extra("deepagents", deep_agents)
names_the_extra("telemetry", lambda: AgentStore("postgresql://localhost/db", telemetry=True))
names_the_extra("rerank", lambda: CrossEncoderRerank("a-model"))
names_the_extra("memory", lambda: MemoryAgent("json", "memories.json"))
names_the_extra("sqlite", lambda: MemoryAgent("sqlite", "memories.db"))
for kind in SERVED:
    names_the_extra(kind, lambda kind=kind: MemoryAgent(kind, dsn=f"{kind}://localhost"))
names_the_extra("encryption", lambda: MemoryAgent("memory", encryption_key="A" * 43 + "="))
# LangChain brings these two, today.
if find_spec("yaml") is None:
    names_the_extra("yaml", lambda: export(store, "all.yaml"))
if find_spec("zstandard") is None:
    names_the_extra("zstd", lambda: export(store, "all.jsonl.zst"))
names_the_extra("parquet", lambda: export(store, "all.parquet"))
names_the_extra("parquet", lambda: memory.export("turns.parquet", "parquet"))
