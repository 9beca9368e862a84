"""Every kind of statement a store makes, once."""

from __future__ import annotations

from langgraph_agentstore import AgentStore

NAMESPACE = ("users", "ann", "notes")


def use_everything(store: AgentStore) -> None:
    """Every kind of statement once; leaves the store empty."""
    store.setup()
    store.put(NAMESPACE, "k", {"n": 1})
    store.put(NAMESPACE, "new", {"n": 1}, expected_version=0)
    store.update(NAMESPACE, "k", lambda old: {"n": (old or {})["n"] + 1})
    assert store.get(NAMESPACE, "k") is not None
    assert len(store.search(("users",), filter={"n": {"$gte": 1}})) == 2
    assert store.list_namespaces() == [NAMESPACE]
    assert store.count() == 2
    assert len(list(store.iter_items())) == 2
    store.load([(NAMESPACE, "loaded", {"n": 1})])
    store.delete(NAMESPACE, "new")
    assert store.delete_namespace(NAMESPACE) == 2
    assert store.delete_user("ann") == 0
    assert store.sweep_ttl() == 0
    assert store.health().schema_version > 0
