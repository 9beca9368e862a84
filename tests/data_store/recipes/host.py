"""A host of agents: loads them from the pages that show them, and gives each its `data_store`.

`python -m tests.data_store.recipes.host DSN SCHEMA USER AGENT` hosts one in a process of its own.
Each line it reads is an `input_dict`. Each line it prints is a call of a tool, whose answer is the
next line it reads, or what the run came to. All lines are JSON.
"""

from __future__ import annotations

import asyncio
import builtins
import json
import re
import sys
from collections.abc import Awaitable, Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from langgraph_agentstore import AgentStore, DataStore

Run: TypeAlias = Callable[[dict[str, Any], Any], Awaitable[Any]]

PAGES = Path(__file__).parents[3] / "docs" / "data_store"

_AGENT = re.compile(r"^```python\n(# (\w+)\.py\n.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def sources() -> dict[str, str]:
    """The modules of all agents on the pages, by name."""
    text = "\n".join((PAGES / page).read_text("utf-8") for page in ("patterns.md", "workflows.md"))
    return {match[2]: match[1] for match in _AGENT.finditer(text)}


def load(agent: str, store: AgentStore, user_id: str | None = "ada") -> Run:
    """The agent's `run`, which finds a `data_store` among its names."""
    module = ModuleType(agent)
    module.__dict__["data_store"] = DataStore(store, user_id or "anonymous", agent or "unknown")
    exec(compile(sources()[agent], f"{agent}.py", "exec", dont_inherit=True), module.__dict__)
    run: Run = module.__dict__["run"]
    return run


class ToolsElsewhere:
    """Every tool, called in the process that started this one."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return partial(self._call, name)

    async def _call(self, name: str, *arguments: Any) -> Any:
        say({"tool": name, "arguments": arguments})
        # On another thread: the agent's loop is free meanwhile, as with any tool.
        answer = json.loads(await asyncio.to_thread(sys.stdin.readline))
        if "error" in answer:
            raise error_of(*answer["error"])
        return answer["result"]


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def error_of(kind: str, text: str) -> Exception:
    """An error as it was in another process, if it is a builtin one."""
    error: Exception = getattr(builtins, kind, RuntimeError)(text)
    return error


async def serve(run: Run) -> None:
    while line := sys.stdin.readline():
        try:
            say({"result": await run(json.loads(line), ToolsElsewhere())})
        except Exception as error:
            say({"error": [type(error).__name__, str(error)]})


def main(dsn: str, schema: str, user_id: str, agent: str) -> None:
    with AgentStore(dsn, schema=schema, pool={"max_size": 2}) as store:
        asyncio.run(serve(load(agent, store, user_id)))


if __name__ == "__main__":
    main(*sys.argv[1:])
