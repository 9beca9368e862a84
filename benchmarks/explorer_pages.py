"""Measure the explorer's pages on a million items: `python benchmarks/explorer_pages.py`."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.explorer.app import local_explorer_app

ITEMS = 1_000_000
DIMS = 16
TOKEN = "a-token-of-the-benchmark"
PAGES = {
    "overview": "/",
    "users": "/users",
    "users, later": "/users?after=u5",
    "large user": "/user?u=large",
    "large user, newest": "/user?u=large&n=notes&sort=newest",
    "large user, deep": '/user?u=large&after=["large","notes","k300000"]',
    "large user, filter without result": "/user?u=large&filter=n%3D-1",
    "small user": "/user?u=u77",
    "item": "/item?u=large&n=notes&k=k144444",
    "item, its neighbors": "/item/near?u=large&n=notes&k=k144444",
    "search by words": "/search?u=u77&q=garden",
    "search, words of a large user": "/search?u=large&q=word78+garden&mode=text",
    "search, rare words of all": "/search?q=word77+garden&mode=text",
    "search, a word of every item": "/search?q=garden&mode=text",
    "search, both sides": "/search?u=large&q=word78+garden&mode=side",
    "map of a large user": "/map?u=large",
    "conversations": "/chats?u=talker",
    "a conversation": "/chats?u=talker&t=t7",
    "files": "/files?u=large",
    "live": "/live?u=large",
    "history": "/history",
    "history of a large user": "/history?u=large",
    "history of a small user": "/history?u=u77",
    "history, seals verified": "/history?verify=0",
    "reads": "/history?show=reads",
}

FILL = (
    # Triggers and foreign keys would take longer than all the rest.
    "SET session_replication_role = replica",
    "SET maintenance_work_mem = '1GB'",
    f"""
INSERT INTO agentstore.item (user_id, namespace, place, key, value, created_at, updated_at, words,
                             word_count, words_by)
SELECT user_id, 'notes', 'notes', 'k' || n, value, at, at,
       to_tsvector('simple', value->>'text'), 6, 1
  FROM (SELECT n, CASE WHEN n % 2 = 0 THEN 'large' ELSE 'u' || n % 2000 END AS user_id,
               jsonb_build_object('n', n, 'text', 'a note on word' || n % 1000 || ' of the garden')
                   AS value,
               now() - n * interval '1 minute' AS at
          FROM generate_series(1, {ITEMS}) n) made""",
    """
INSERT INTO agentstore.item (user_id, namespace, place, key, value, created_at, updated_at)
SELECT 'talker', 'conversations', 'conversations',
       't' || n % 500 || '_' || to_char(at, 'YYYYMMDD_HH24MISS') || '_' || lpad(to_hex(n), 8, '0'),
       jsonb_build_object('thread_id', 't' || n % 500, 'query', 'q', 'response', 'r',
                          'timestamp', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS+00:00')),
       at, at
  FROM (SELECT n, now() - n * interval '1 minute' AS at FROM generate_series(1, 100000) n) made""",
    """
INSERT INTO agentstore.item_vector_1
       (user_id, namespace, key, part, path, version, digest, embedding)
SELECT i.user_id, i.namespace, i.key, 0, 'text', i.version, 0,
       ARRAY(SELECT random() - .5 FROM generate_series(1, 16) WHERE i.key > '')::vector
  FROM agentstore.item i WHERE i.user_id = 'large' AND i.namespace = 'notes' AND i.key < 'k2'""",
    "ANALYZE",
)
CHANGES = """
INSERT INTO agentstore.item_history (user_id, namespace, key, changed_at, xact, operation,
                                     new_version, provenance, role, salt)
SELECT i.user_id, i.namespace, i.key, i.created_at, pg_current_xact_id(), 'put', 1, '{}',
       'app', gen_random_uuid()
  FROM agentstore.item i WHERE i.user_id = %s"""
SMALL_USERS = 300
"""Users with history; those of odd numbers have items."""

VECTOR_INDEX = """
SELECT indexdef FROM pg_indexes
 WHERE schemaname = 'agentstore' AND tablename = 'item_vector_1' AND indexdef LIKE '%hnsw%'"""


def embed(texts: list[str]) -> list[list[float]]:
    """Stand in for a model: vectors that differ from text to text."""
    return [[((hash(text) >> n) % 97) / 97 - 0.5 for n in range(DIMS)] for text in texts]


def fill(store: AgentStore, dsn: str) -> None:
    """Write the rows; the index of the vectors is built afterwards, which is quicker."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        [definition] = [row[0] for row in connection.execute(VECTOR_INDEX)]
        name = definition.split()[2]
        connection.execute(f"DROP INDEX agentstore.{name}")
        for statement in FILL:
            start = time.perf_counter()
            connection.execute(statement)
            print(f"# {statement.split()[:3]} {time.perf_counter() - start:.0f} s", flush=True)
        connection.execute(definition)
        for user in [f"u{2 * n + 1}" for n in range(SMALL_USERS)]:
            connection.execute(CHANGES, [user])
        store.audit_seal()
        connection.execute(CHANGES, ["large"])


def main() -> None:
    """Fill a store, open each page seven times, print the median and the longest."""
    with TemporaryDirectory() as folder:
        dsn = EmbeddedPostgres(Path(folder) / "server").start()
        index = {"dims": DIMS, "embed": embed, "mode": "hybrid", "fields": ["text"]}
        options: dict[str, Any] = {"index": index, "history": True}
        with AgentStore.embedded(Path(folder) / "server", **options) as store:
            fill(store, dsn)
            client = TestClient(local_explorer_app(store, TOKEN), base_url="http://127.0.0.1")
            client.get("/", params={"token": TOKEN})
            for name, path in PAGES.items():
                times = []
                for _ in range(7):
                    start = time.perf_counter()
                    status = client.get(path).status_code
                    times.append(time.perf_counter() - start)
                print(
                    f"{name:36} {status} median {statistics.median(times) * 1000:6.0f} ms, "
                    f"longest {max(times) * 1000:6.0f} ms",
                    flush=True,
                )


if __name__ == "__main__":
    main()
