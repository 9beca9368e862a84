"""The text of encrypted values is nowhere in the server's folder, neither in data nor in WAL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from langgraph_agentstore import AgentStore
from langgraph_agentstore.conversations import ConversationMemory
from langgraph_agentstore.data_store import DataStore
from langgraph_agentstore.memory_agent import MemoryAgent
from langgraph_agentstore.security import Encryption
from tests.support.encrypted import KEY
from tests.support.servers import TestServer

WORD = b"Zwetschgendatschi"
"""Long, in one case, and in no file of a server."""

NOTES = ("users", "alice", "notes")


def write_everywhere(store: AgentStore) -> None:
    text = WORD.decode()
    store.put(NOTES, "a", {"text": text})
    store.put(NOTES, "a", {"text": f"{text} again"})
    store.put(NOTES, "large", {"text": f"{text} " * 5000})
    store.load([(NOTES, str(n), {"text": text}) for n in range(100)])
    store.delete(NOTES, "99")
    data = DataStore(store, "alice", "agent")
    with data.watch(timeout_s=0.1):
        data.set("k", [text])
        data.append("k", text)
    ConversationMemory(store, "alice").save_turn(f"{text}?", text, "thread")
    MemoryAgent(store=store, user_id="alice").store_memory("m", text)


def files_with(word: bytes, folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and word in path.read_bytes()
    ]


def test_the_text_is_in_no_file_of_the_server(disposable_server: TestServer) -> None:
    options: dict[str, dict[str, Any]] = {
        "whole": {"encryption": Encryption(KEY)},
        "fields": {
            # Of turns, memories and records too, all that holds what was said.
            "encryption": Encryption(KEY, fields=["text", "query", "response", "context", "value"]),
            "index": {"mode": "text"},
        },
    }
    for schema, given in options.items():
        with AgentStore(disposable_server.dsn, schema=schema, **given) as store:
            write_everywhere(store)
            store.rotate()
    checkpoint(disposable_server.dsn)
    assert files_with(WORD, disposable_server.data) == []
    assert files_with(WORD.lower()[:12], disposable_server.data) == []
    # The search itself finds what is clear, in the table and in the WAL.
    with AgentStore(disposable_server.dsn, schema="clear") as store:
        store.put(NOTES, "a", {"text": WORD.decode()})
    checkpoint(disposable_server.dsn)
    found = files_with(WORD, disposable_server.data)
    assert any(path.startswith("base") for path in found)
    assert any(path.startswith("pg_wal") for path in found)


def checkpoint(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
