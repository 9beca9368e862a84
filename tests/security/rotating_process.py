"""A process that rotates keys and kills itself, as `kill -9` does, before a statement.

Arguments: DSN, schema, keys separated by commas, and the number of the statement.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import Any

from langgraph_agentstore import AgentStore
from langgraph_agentstore.runtime.jobs import rotate
from langgraph_agentstore.runtime.statements import Database
from langgraph_agentstore.security import Encryption


def main() -> None:
    dsn, schema, keys, doomed = sys.argv[1:]
    rotate.ROTATED_AT_ONCE = 3  # type: ignore[misc]
    with AgentStore(dsn, schema=schema, encryption=Encryption(keys.split(","))) as store:
        fetch, numbers = Database.fetch, count()

        async def fetch_or_die(self: Database, *arguments: Any, **options: Any) -> Any:
            if next(numbers) == int(doomed):
                os.kill(os.getpid(), signal.SIGKILL)
            return await fetch(self, *arguments, **options)

        Database.fetch = fetch_or_die  # type: ignore[method-assign]
        store.rotate()


if __name__ == "__main__":
    main()
