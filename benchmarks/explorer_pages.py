"""Measure the explorer's pages on a million items: `python benchmarks/explorer_pages.py`."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from starlette.testclient import TestClient

from langgraph_agentstore import AgentStore
from langgraph_agentstore.embedded import EmbeddedPostgres
from langgraph_agentstore.explorer.app import local_explorer_app
from tests.support.faults import execute

ITEMS = 1_000_000
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
    "item": "/item?u=large&n=notes&k=k400000",
    "search by words": "/search?u=u77&q=garden",
    "search, rare words of all": "/search?q=word77+garden",
    "conversations": "/chats?u=large",
    "files": "/files?u=large",
}

INSERT = f"""
INSERT INTO agentstore.item (user_id, namespace, place, key, value, created_at, updated_at, words,
                             word_count, words_by)
SELECT user_id, 'notes', 'notes', 'k' || n, value, at, at,
       to_tsvector('simple', value->>'text'), 6, 1
  FROM (SELECT n, CASE WHEN n % 2 = 0 THEN 'large' ELSE 'u' || n % 2000 END AS user_id,
               jsonb_build_object('n', n, 'text', 'a note on word' || n % 1000 || ' of the garden')
                   AS value,
               now() - n * interval '1 minute' AS at
          FROM generate_series(1, {ITEMS}) n) made"""


def main() -> None:
    """Fill a store, open each page seven times, print the median and the longest."""
    with TemporaryDirectory() as folder:
        dsn = EmbeddedPostgres(Path(folder) / "server").start()
        with AgentStore.embedded(Path(folder) / "server", index={"mode": "text"}) as store:
            execute(dsn, INSERT)
            execute(dsn, "ANALYZE agentstore.item")
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
