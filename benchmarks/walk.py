"""`python -m benchmarks.walk DSN`: iterates all items of a store and prints how memory grew."""

from __future__ import annotations

import json
import sys

import psutil

from langgraph_agentstore import AgentStore

_LOOK_EVERY = 500


def walk(dsn: str) -> dict[str, float]:
    """`items`: how many there were; `growth_mb`: peak above what the first page had taken."""
    process = psutil.Process()
    first = peak = items = 0
    with AgentStore(dsn) as store:
        for item in store.iter_items():
            items += 1
            if items % _LOOK_EVERY == 1:
                resident = process.memory_info().rss
                first = first or resident
                peak = max(peak, resident)
            del item
    return {"items": items, "growth_mb": (peak - first) / 1e6}


if __name__ == "__main__":
    print(json.dumps(walk(sys.argv[1])))
