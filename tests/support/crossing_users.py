"""A process that works for some of many users whose ids, joined with namespaces, read alike.

Run as a module. Standard input: a line with the task, as JSON, and a line when to begin. It prints
"ready", and at its end writes what the table must hold of its users to the file the task names.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from langgraph_agentstore import AgentStore
from langgraph_agentstore.data_store import AsyncDataStore, DataStore, DataStoreRecord
from langgraph_agentstore.model.namespaces import encode_labels, labels_named
from tests.support.data_store_model import DataStoreModel, as_mapping, json_text

Operation: TypeAlias = tuple[str, str, tuple[Any, ...]]
"""Namespace, method, arguments."""

THREADS = 8

# Each with the number of a group of users: within a group they differ by what joins and escapes.
USERS = (
    *("{n}", "{n}:b", "{n}:b:c", "{n}.b", "{n}/b", "{n}%3Ab", "{n}%", "{n} b", "{n}שלום🙂"),
    "{n}" + "long " * 250,
)
NAMESPACES = (
    *("b", "c", "b:c", "b:b:c", ":c", "b:", "b.c", "b/c", "%3Ab", "b%3Ac", "b c", "שלום"),
    "long " * 100,
)
KEYS = ("c", "b:c", "c:k", "k", ".", "/", "%3A", "%", " ", "🙂", "long " * 100)


def user_ids(count: int) -> list[str]:
    """Ids of so many users; those of a group stand side by side."""
    return [USERS[n % len(USERS)].format(n=n // len(USERS)) for n in range(count)]


def operations(chance: random.Random, user: str, count: int) -> Iterator[Operation]:
    """Random calls; whatever objects they write carry the user's mark."""
    for _ in range(count):
        one, two = chance.sample(KEYS, 2)
        mark = {"of": user, "n": chance.randrange(1000)}
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("set", (one, mark, {"of": user})),
            ("set", (one, mark)),
            ("set_many", ({one: mark, two: [mark]}, {"of": user})),
            ("set_if_absent", (one, mark)),
            ("update", (one, lambda _, mark=mark: [mark, mark])),
            ("increment", (f"n {one}", 1)),
            ("append", (f"list {one}", mark)),
            ("get", (one,)),
            ("get_many", ([one, two, one],)),
            ("get_all", ()),
            ("list_keys", (one[:1],)),
            ("list_namespaces", ()),
            ("record", (one,)),
            ("delete", (one,)),
            ("clear", ()),
        ]
        yield chance.choice(NAMESPACES), *chance.choice(calls)


class Worker:
    """Makes calls for its users, each with a model, and compares after every one."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        self._agent = f"process {task['process']}"
        self.store = AgentStore(task["dsn"], schema=task["schema"])
        self.store.setup()
        mine = user_ids(task["users"])[task["process"] :: task["processes"]]
        self.models = {user: DataStoreModel() for user in mine}

    def work_in_threads(self) -> None:
        """Users of one thread take turns; threads meet at the store."""
        users = list(self.models)
        with ThreadPoolExecutor(THREADS) as pool:
            done = [pool.submit(self._take_turns, users[n::THREADS]) for n in range(THREADS)]
        for each in done:
            each.result()

    async def work_awaited(self) -> None:
        """All users at once, so that their calls travel together."""
        await asyncio.gather(*map(self._await_all, self.models))

    def rows(self) -> list[list[Any]]:
        """What the table must hold: user, stored namespace, key, value, creator, reads."""
        return [
            [user, encode_labels(labels), key, kept.value, kept.created_by, kept.reads]
            for model in self.models.values()
            for (user, labels, key), kept in model.kept.items()
        ]

    def _take_turns(self, users: list[str]) -> None:
        for turn in zip_longest(*map(self._operations, users)):
            for user, operation in zip(users, turn, strict=True):
                namespace, method, arguments = operation
                data = DataStore(self.store, user, self._agent, namespace)
                self._compare(user, operation, getattr(data, method)(*arguments))
                self._compare_langgraph(user)

    async def _await_all(self, user: str) -> None:
        for operation in self._operations(user):
            namespace, method, arguments = operation
            data = AsyncDataStore(self.store, user, self._agent, namespace)
            self._compare(user, operation, await getattr(data, method)(*arguments))

    def _operations(self, user: str) -> Iterator[Operation]:
        chance = random.Random(f"{user}")
        return operations(chance, user, self.task["operations"])

    def _compare(self, user: str, operation: Operation, answer: Any) -> None:
        namespace, method, arguments = operation
        where = (user, labels_named(namespace), self._agent)
        expected = getattr(self.models[user], method)(*where, *arguments)
        if isinstance(answer, DataStoreRecord):
            answer = {name: getattr(answer, name) for name in expected or ("user_id", "value")}
            assert answer["user_id"] == user, (user, operation)
        assert marks(answer) <= {user}, (user, operation)
        assert json_text(answer) == json_text(expected), (user, operation)

    def _compare_langgraph(self, user: str) -> None:
        found = self.store.for_user(user).search((), limit=1000)
        assert {(item.namespace, item.key): json_text(item.value) for item in found} == {
            (labels, key): json_text(as_mapping(kept.value))
            for (_, labels, key), kept in self.models[user].kept.items()
        }, user


def marks(answer: Any) -> set[str]:
    """The users whose marks are in an answer."""
    if isinstance(answer, dict):
        own = {answer["of"]} if "of" in answer else set()
        return own.union(*map(marks, answer.values()))
    return set().union(*map(marks, answer)) if isinstance(answer, list) else set()


def main() -> None:
    worker = Worker(json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    sys.stdin.readline()
    if worker.task["process"] % 2:
        asyncio.run(worker.work_awaited())
    else:
        worker.work_in_threads()
    worker.store.close()
    Path(worker.task["rows"]).write_text(json.dumps(worker.rows()), encoding="utf-8")


if __name__ == "__main__":
    main()
