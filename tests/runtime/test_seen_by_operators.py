"""What an operator sees of a store: on the server, and in the log."""

from __future__ import annotations

import threading

from langgraph_agentstore import AgentStore
from tests.support.faults import execute, locked_rows, wait_until

NAMESPACE = ("users", "ann", "notes")


def test_the_servers_activity_shows_the_kind_of_each_statement(
    postgres_dsn: str, schema_name: str
) -> None:
    activity = "SELECT query FROM pg_stat_activity WHERE query LIKE %(kind)s"
    with AgentStore(postgres_dsn, schema=schema_name) as store:
        store.put(NAMESPACE, "k", {"secret": "tea"})
        with locked_rows(postgres_dsn, schema_name, "k"):
            writer = threading.Thread(target=store.put, args=(NAMESPACE, "k", {"n": 2}))
            writer.start()
            wait_until(lambda: bool(execute(postgres_dsn, activity, kind="/* agentstore:put */%")))
        writer.join()
        shown = execute(postgres_dsn, activity, kind="/* agentstore:%")
    assert not [query for (query,) in shown if "tea" in query]
