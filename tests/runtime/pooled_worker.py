"""One of several processes behind a pooler: reads, writes and deletes its own, and looks.

Run as `python -m tests.runtime.pooled_worker DSN OWNER SECONDS FORM POOL`. Every value says
whose it is and under which key it stands, so whatever came from another's statement shows.
Prints as JSON how much was done, and what was not as it must be.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import Generator
from typing import Any

from langgraph.store.base import GetOp, PutOp

from langgraph_agentstore import AgentStore, AsyncDataStore, DataStore
from langgraph_agentstore.conversations import ConversationMemory
from tests.support.embedders import words_vector

PARTS = 4
DIMS = 8

Step = Generator[tuple[Any, str, tuple[Any, ...], dict[str, Any]], Any, None]
"""Yields calls of methods as (object, name, arguments, options); is sent what they return."""


class Part:
    """One namespace of one owner, and what must be in it."""

    def __init__(self, store: AgentStore, owner: str, number: int, *, awaited: bool) -> None:
        self._store = store
        self._records = (AsyncDataStore if awaited else DataStore)(store, owner, "guide")
        self._turns = ConversationMemory(store, f"{owner}-{number}")
        self.name = f"part{number}"
        self._namespace = ("users", owner, self.name)
        self._random = random.Random(f"{owner}{number}")
        self._items: dict[str, dict[str, Any]] = {}
        self.counter = 0
        self._said: list[str] = []
        self.wrong: list[str] = []
        self.done = 0

    def steps_until(self, deadline: float) -> Step:
        """Whatever comes, until then; at the end all that is stored is compared."""
        kinds = [self._put, self._get, self._delete, self._batch, self._find, self._ask]
        kinds += [self._put, self._get, self._count, self._talk, self._load]
        while time.monotonic() < deadline:
            self.done += 1
            yield from self._random.choice(kinds)(f"k{self._random.randrange(40)}")
        found = yield self._store, "search", (self._namespace,), {"limit": 1000}
        self._compare("at the end", {item.key: item.value for item in found}, self._items)
        turns = yield self._turns, "turns", (), {}
        self._compare("turns", [turn.query for turn in turns], self._said)

    def _put(self, key: str) -> Step:
        value = self._value(key)
        yield self._store, "put", (self._namespace, key, value), {}
        self._items[key] = value

    def _get(self, key: str) -> Step:
        item = yield self._store, "get", (self._namespace, key), {}
        self._compare("get", item and item.value, self._items.get(key))

    def _delete(self, key: str) -> Step:
        yield self._store, "delete", (self._namespace, key), {}
        self._items.pop(key, None)

    def _batch(self, key: str) -> Step:
        value, other = self._value(key), f"{key}-too"
        ops = [PutOp(self._namespace, key, value), GetOp(self._namespace, other)]
        _, item = yield self._store, "batch", (ops,), {}
        self._compare("batch", item and item.value, self._items.get(other))
        self._items[key] = value

    def _find(self, key: str) -> Step:
        found = yield self._store, "search", (self._namespace,), {"filter": {"key": key}}
        expected = [self._items[key]] if key in self._items else []
        self._compare("search", [item.value for item in found], expected)

    def _ask(self, key: str) -> Step:
        found = yield self._store, "search", (self._namespace,), {"query": f"tea of {key}"}
        values = [item.value for item in found]
        self._compare("query", values, [self._items.get(item.key) for item in found])
        self._compare("number found", len(found), min(10, len(self._items)))

    def _count(self, key: str) -> Step:
        del key
        self.counter += 1
        n = yield self._records, "increment", (self.name,), {}
        self._compare("increment", n, self.counter)

    def _talk(self, key: str) -> Step:
        self._said.append(f"{key} {self.done}")
        yield self._turns, "save_turn", (self._said[-1], "yes", "thread"), {}

    def _load(self, key: str) -> Step:
        value = self._value(key)
        yield self._store, "load", ([(self._namespace, key, value)],), {}
        self._items[key] = value

    def _value(self, key: str) -> dict[str, Any]:
        owner = self._namespace[1]
        return {"owner": owner, "key": key, "n": self.done, "text": f"tea of {key}"}

    def _compare(self, where: str, found: Any, expected: Any) -> None:
        if found != expected:
            self.wrong.append(f"{where}: {found!r} instead of {expected!r}")


def _run(steps: Step) -> None:
    try:
        call = next(steps)
        while True:
            target, name, arguments, options = call
            result = getattr(target, name)(*arguments, **options)
            call = steps.send(list(result) if name == "turns" else result)
    except StopIteration:
        return


async def _arun(steps: Step) -> None:
    try:
        call = next(steps)
        while True:
            target, name, arguments, options = call
            prefix = "" if isinstance(target, AsyncDataStore) else "a"
            result = getattr(target, prefix + name)(*arguments, **options)
            if name == "turns":
                call = steps.send([turn async for turn in result])
            else:
                call = steps.send(await result)
    except StopIteration:
        return


def _work(parts: list[Part], deadline: float) -> None:
    threads = [threading.Thread(target=_run, args=[part.steps_until(deadline)]) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def _awork(parts: list[Part], deadline: float) -> None:
    await asyncio.gather(*[_arun(part.steps_until(deadline)) for part in parts])


class Onlooker(threading.Thread):
    """Watches the owner's counters until it is told that they have come to their end."""

    def __init__(self, store: AgentStore, owner: str) -> None:
        super().__init__()
        self._owner = owner
        self._watch = DataStore(store, owner, "onlooker").watch("part", timeout_s=30.0)
        self.seen: dict[str, list[Any]] = {}

    def run(self) -> None:
        with self._watch as changes:
            for change in changes:
                if change.key == "part-end":
                    break
                self.seen.setdefault(change.key, []).append(change.value)

    def what_was_wrong(self, parts: list[Part]) -> list[str]:
        """Of changes that follow quickly the last is told; never one that somebody else made."""
        wrong = []
        for part in parts:
            seen = self.seen.get(part.name, [])
            if seen != sorted(set(seen)) or (seen[-1] if seen else 0) != part.counter:
                wrong.append(f"watching {part.name}: {seen[-3:]} instead of {part.counter}")
        return wrong


def main(dsn: str, owner: str, seconds: str, form: str, pool: str) -> None:
    index = {
        "dims": DIMS,
        "embed": lambda texts: [words_vector(text, DIMS) for text in texts],
        "fields": ["text"],
    }
    with AgentStore(dsn, pool=json.loads(pool) or None, index=index) as store:
        awaited = form == "awaited"
        parts = [Part(store, owner, number, awaited=awaited) for number in range(PARTS)]
        onlooker = Onlooker(store, owner)
        onlooker.start()
        deadline = time.monotonic() + float(seconds)
        if awaited:
            asyncio.run(_awork(parts, deadline))
        else:
            _work(parts, deadline)
        DataStore(store, owner, "guide").set("part-end", owner)
        onlooker.join()
    wrong = [fault for part in parts for fault in part.wrong] + onlooker.what_was_wrong(parts)
    print(json.dumps({"done": sum(part.done for part in parts), "wrong": wrong[:20]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
