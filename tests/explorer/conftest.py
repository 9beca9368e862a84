"""One store with a few users, which the tests of the explorer's pages look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.explorer.app import local_explorer_app
from tests.support.embedders import words_vector

TOKEN = "a-token-of-the-tests"
INDEX = {
    "dims": 16,
    "embed": lambda texts: [words_vector(text, 16) for text in texts],
    "mode": "hybrid",
    "fields": ["text"],
}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> \u202egnp.exe \x1b[2J 'quoted\""
HOSTILE_KEY = "k/<b>\x01\t\n\u202e&?#%2F\"'"


@pytest.fixture(scope="module")
def explored(postgres_dsn: str) -> Iterator[AgentStore]:
    """A store with items of three users and of the shared space; tests of pages only read it."""
    with AgentStore(postgres_dsn, schema="explored", index=INDEX, history=True) as store:
        fill(store)
        yield store


def fill(store: AgentStore) -> None:
    """Store items of ada, bob, a hostile user, and of nobody."""
    ada = store.for_user("ada")
    for n in range(120):
        ada.put(("notes",), f"n{n:03}", {"n": n, "text": f"note {n} on green tea"})
    for label in ("work", "a/b:c%"):
        ada.put(("notes", label), "plan", {"text": "a plan for the garden"})
    store.for_user("bob").put(("notes",), "secret", {"text": "bobs secret tea"})
    evil = store.for_user(HOSTILE)
    evil.put((HOSTILE.replace(".", ""),), HOSTILE_KEY, {HOSTILE: HOSTILE, "text": HOSTILE})
    evil.put(("big",), "big", {"text": "<b>" + "é" * 500_000})
    store.put(("docs",), "readme", {"text": "shared words"})


@pytest.fixture
def visitor(explored: AgentStore) -> Callable[..., TestClient]:
    def visit(**options: Any) -> TestClient:
        return signed_in(explored, **options)

    return visit


def signed_in(store: AgentStore, **options: Any) -> TestClient:
    """A browser that has opened the address with the token."""
    app = local_explorer_app(store, TOKEN, **options)
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    client.get("/", params={"token": TOKEN}, follow_redirects=False)
    return client
