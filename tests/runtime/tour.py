"""Every kind of statement a store makes, once."""

from __future__ import annotations

from datetime import datetime, timezone

from langgraph_agentstore import AgentStore, DataStore
from langgraph_agentstore.memory_tools.fact import Origin
from langgraph_agentstore.memory_tools.fact_store import FactStore, Saved
from langgraph_agentstore.store.step_driver import run

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
    assert store.ready().ready
    use_all_records(DataStore(store, "ann", "guide"))
    use_all_facts(FactStore(store, "ann", ("facts",)))


def use_all_facts(facts: FactStore) -> None:
    """As `use_everything`, by the programs behind the memory tools."""
    origin = Origin(datetime.now(timezone.utc), "thread")
    saved = run(facts.save("Likes tea.", origin, None, False), facts.executor)
    assert isinstance(saved, Saved)
    run(facts.replace(saved.key, "Likes coffee.", origin), facts.executor)
    [found] = run(facts.search("coffee", 10), facts.executor)
    assert found.text == "Likes coffee."
    assert run(facts.forget_thread("thread"), facts.executor) == 1


def use_all_records(records: DataStore) -> None:
    """As `use_everything`, by the methods of `data_store`."""
    with records.watch("n", timeout_s=20.0) as changes:
        assert records.increment("n") == 1
        assert next(changes).value == 1
    assert records.append("list", 1) == 1
    assert records.set_many({"a": 1, "b": 2}, ttl=1) == 2
    assert records.set_if_absent("c", 3)
    assert records.compare_and_set("c", 3, {"n": 3})
    assert records.update("c", lambda old: {**old, "m": 4}) == {"n": 3, "m": 4}
    with records.lock("job") as lock:
        lock.renew()
    assert (records.get("a"), records.get_many(["b"])) == (1, {"b": 2})
    assert len(records.get_all()) == len(dict(records.items())) == 5
    assert records.list_keys("a") == ["a"]
    assert records.list_namespaces() == ["default"]
    assert [found.key for found in records.search(filter={"n": 3})] == ["c"]
    records.flush()
    record = records.record("a")
    assert record is not None
    assert record.access_count == 2
    assert records.delete("a")
    assert records.clear() == 4
