"""A project with a graph and a store, and `langgraph dev` that serves it, offline."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from langgraph_agentstore import AgentStore

pytest.importorskip("langgraph_api", reason="langgraph-cli[inmem] is for Python 3.11 and later")
get_client = pytest.importorskip("langgraph_sdk").get_client

START_TIMEOUT_S = 60

STORE = """
import os
from contextlib import asynccontextmanager
from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph_agentstore import AgentStore

DSN, SCHEMA = os.environ["TEST_DSN"], os.environ["TEST_SCHEMA"]
INDEX = {"embed": DeterministicFakeEmbedding(size=3), "dims": 3, "fields": ["text"]}
store = AgentStore(DSN, schema=SCHEMA, index=INDEX)

@asynccontextmanager
async def open_store():
    async with AgentStore(DSN, schema=SCHEMA, index=INDEX) as opened:
        yield opened
"""

BUNDLED = """
import os
from langgraph_agentstore import AgentStore

store = AgentStore.embedded(os.environ["TEST_FOLDER"])
"""

GRAPH = """
import threading
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph_agentstore.data_store import data_store
from typing_extensions import TypedDict

class Talk(TypedDict, total=False):
    says: str
    knows: list[str]
    thread: str

async def talk(state: Talk, *, store: BaseStore) -> Talk:
    own = store.per_user()
    knows = sorted(item.key for item in await own.asearch(("said",)))
    await own.aput(("said",), state["says"], {})
    return {"knows": knows, "thread": threading.current_thread().name}

def blocking(state: Talk, *, store: BaseStore) -> Talk:
    own = store.per_user()
    own.put(("said",), state["says"] + ", blocking", {})
    data_store("visits").increment("n")
    return {}

builder = StateGraph(Talk).add_node("talk", talk).add_node("blocking", blocking)
graph = builder.add_edge(START, "talk").add_edge("talk", "blocking").compile()
"""

AUTH = """
from langgraph_sdk import Auth

auth = Auth()

@auth.authenticate
async def authenticate(headers: dict) -> Auth.types.MinimalUserDict:
    user = (headers.get(b"x-user") or b"").decode()
    if not user:
        raise Auth.exceptions.HTTPException(status_code=401, detail="who are you?")
    return {"identity": user}

@auth.on.store.search
async def only_what_may_be_read(ctx: Auth.types.AuthContext, value: dict):
    return {"readers": {"$contains": ctx.user.identity}, "state": {"$eq": "published"}}
"""

GUARDED = """
from langgraph_agentstore.agent_server import guard_store
from langgraph_sdk import Auth

auth = Auth()

@auth.authenticate
async def authenticate(headers: dict) -> Auth.types.MinimalUserDict:
    user = (headers.get(b"x-user") or b"").decode()
    if not user:
        raise Auth.exceptions.HTTPException(status_code=401, detail="who are you?")
    return {"identity": user, "permissions": ["admin"] if user == "root" else []}

guard_store(auth, administrator=lambda ctx: "admin" in ctx.permissions)
"""

OFFLINE = {
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    # Whatever calls home nevertheless gets no further than a port nobody listens on.
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class Setup:
    """What a project says of its store, and how the server runs its graphs."""

    path: str
    isolated_loops: bool


SETUPS = {
    "instance": Setup("./agent_store.py:store", isolated_loops=True),
    "dotted instance": Setup("memory_of_the_project.agent_store.store", isolated_loops=False),
    "context manager": Setup("./agent_store.py:open_store", isolated_loops=True),
}


@dataclass(frozen=True)
class AgentServer:
    """A running server, and the store as seen past it."""

    url: str
    setup: Setup
    behind: AgentStore

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[Any]:
        async with get_client(url=self.url, headers=headers or None) as client:
            yield client


def write_project(folder: Path, path: str, store: str, **config: Any) -> None:
    package = folder / "memory_of_the_project"
    package.mkdir()
    (package / "__init__.py").touch()
    for home in (folder, package):
        (home / "agent_store.py").write_text(store, "utf-8")
    (folder / "graph.py").write_text(GRAPH, "utf-8")
    (folder / "auth.py").write_text(AUTH, "utf-8")
    (folder / "guarded.py").write_text(GUARDED, "utf-8")
    settings = {
        "dependencies": ["."],
        "graphs": {"talk": "./graph.py:graph"},
        "store": {"path": path},
        **config,
    }
    (folder / "langgraph.json").write_text(json.dumps(settings), "utf-8")


@contextmanager
def langgraph_dev(folder: Path, **environment: str) -> Iterator[str]:
    """The URL of `langgraph dev` in a project's folder; its whole process group ends with it."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LANG", "AGENTSTORE"))}
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={**inherited, **OFFLINE, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield url_when_ready(server, log)
    finally:
        end(server)


def url_when_ready(server: subprocess.Popen[bytes], log: Path) -> str:
    """The server takes another port when its own is taken, and says which."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        said = log.read_text("utf-8", errors="replace")
        found = re.search(r"API: \S*?(http://[\d.]+:\d+)", said)
        if found and "Application started up" in said:
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"langgraph dev did not start:\n{log.read_text('utf-8', errors='replace')[-4000:]}")


def end(server: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
