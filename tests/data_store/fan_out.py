"""A worker of a fan-out: changes one record in one of four ways, next to others that do too.

`python -m tests.data_store.fan_out DSN NAME` is one in a process of its own: it reads tasks, one a
line, and prints a line for each change that was acknowledged, and "finished" after each task.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from langgraph_agentstore import AgentStore, DataStore

RECORD = "record"
LOCK = "turn"

Change: TypeAlias = Callable[[DataStore, list[Any]], object]


def increment(data_store: DataStore, entry: list[Any]) -> int:
    total: int = data_store.increment(RECORD)
    return total


def append(data_store: DataStore, entry: list[Any]) -> int:
    return data_store.append(RECORD, entry)


def compare_and_set(data_store: DataStore, entry: list[Any]) -> int:
    """How often it took."""
    data_store.set_if_absent(RECORD, [])
    tries = 1
    while not data_store.compare_and_set(RECORD, seen := data_store.get(RECORD), [*seen, entry]):
        tries += 1
    return tries


def lock(data_store: DataStore, entry: list[Any]) -> str:
    """When it had its turn, by the server's clock."""
    with data_store.lock(LOCK, timeout_s=120) as turn:
        data_store.set(RECORD, [*data_store.get(RECORD, []), entry])
        return since(turn.expires_at, 120).isoformat()


WAYS: dict[str, Change] = {
    "increment": increment,
    "append": append,
    "compare_and_set": compare_and_set,
    "lock": lock,
}


def since(expires_at: datetime | None, lease_s: float) -> datetime:
    """When a lease began."""
    assert expires_at is not None
    return expires_at - timedelta(seconds=lease_s)


def hold(data_store: DataStore, entry: list[Any], *, lease_s: float, written: bool) -> None:
    """Takes its turn and never ends it; `written`: the entry is, before it stops."""
    turn = data_store.lock(LOCK, timeout_s=lease_s).acquire()
    seen = data_store.get(RECORD, [])
    if written:
        data_store.set(RECORD, [*seen, entry])
    assert turn.expires_at is not None
    say(turn.expires_at.isoformat())
    sys.stdin.readline()


async def run(input_dict: dict[str, Any], data_store: DataStore, name: str) -> None:
    """A task, as an agent does it: blocking calls on a running loop's thread."""
    own = data_store.use_namespace(input_dict["namespace"])
    if "hold" in input_dict:
        hold(own, [name, "held"], **input_dict["hold"])
        return
    change = WAYS[input_dict["way"]]
    for number in range(input_dict["rounds"]):
        say(change(own, [name, number]))


def say(line: object) -> None:
    print(json.dumps(line), flush=True)


def main(dsn: str, name: str) -> None:
    with AgentStore(dsn, pool={"max_size": 1}) as store:
        data_store = DataStore(store, "ada", name)
        data_store.list_namespaces()
        say("ready")
        for line in sys.stdin:
            asyncio.run(run(json.loads(line), data_store, name))
            say("finished")


if __name__ == "__main__":
    main(*sys.argv[1:])
