"""The bundled Postgres keeps what was put, and stops."""

from langgraph_agentstore import AgentStore

with AgentStore.embedded("postgres", index={"mode": "text"}) as store:
    store.put(("users", "ada", "notes"), "tea", {"text": "Green tea at 80 degrees"})
    assert store.for_user("ada").get(("notes",), "tea").value["text"].startswith("Green")
    assert [item.key for item in store.search(("users", "ada"), query="tea")] == ["tea"]
    assert store.ready().ready
