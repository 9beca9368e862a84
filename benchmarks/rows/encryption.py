"""The price of encryption: a store that encrypts against the same store without."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from langgraph.store.base import BaseStore

from langgraph_agentstore import AgentStore
from langgraph_agentstore.security import Encryption, LocalKeys

from ..bench import Awaited, Bench, event_loop
from ..harness import Contestant, Goal, Result, race
from .reads import tasks

_NAMESPACE = ("users", "alice", "notes")
_KEYS = 200
_SIZES = {1_000: "1 kB", 100_000: "100 kB"}
_TASKS = {1_000: (1, 256), 100_000: (1, 16)}
_WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "purred", "about", "tea", "with", "milk")


def encrypting(bench: Bench) -> Iterator[Result]:
    """Measure gets and puts of values of 1 kB and 100 kB, encrypted whole."""
    dsn = bench.empty("encryption")
    pool = {"min_size": bench.options.connections, "max_size": bench.options.connections}
    encryption = Encryption(LocalKeys.generate_key())
    with ExitStack() as stack:
        loop = stack.enter_context(event_loop())
        clear = stack.enter_context(AgentStore(dsn, schema="clear", pool=pool))
        sealed = stack.enter_context(
            AgentStore(dsn, schema="sealed", pool=pool, encryption=encryption)
        )
        for size, said in _SIZES.items():
            value = _value(size)
            for store in (clear, sealed):
                loop.run_until_complete(_putting(1, value)(store, _KEYS))
            for number in _TASKS[size]:
                for name, work in (("get", _getting(number)), ("put", _putting(number, value))):
                    yield race(
                        f"{name} of {said}, {tasks(number)}",
                        _set_to(loop, "encrypted", work, sealed),
                        [_set_to(loop, "clear", work, clear)],
                        bench.options,
                        goal=Goal(),
                        per_step=number,
                        rival="the same store without encryption",
                    )


def _value(size: int) -> dict[str, Any]:
    draw = random.Random(1)
    words = " ".join(draw.choices(_WORDS, k=size // 3))
    return {"text": words[: size - len('{"text":""}')]}


def _set_to(
    loop: asyncio.AbstractEventLoop, label: str, work: Awaited, store: AgentStore
) -> Contestant:
    return Contestant(label, lambda steps: loop.run_until_complete(work(store, steps)))


def _getting(number: int) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        async def task(n: int) -> None:
            for step in range(steps):
                await store.aget(_NAMESPACE, str((n + step) % _KEYS))

        await asyncio.gather(*map(task, range(number)))

    return work


def _putting(number: int, value: dict[str, Any]) -> Awaited:
    async def work(store: BaseStore, steps: int) -> None:
        async def task(n: int) -> None:
            for step in range(steps):
                await store.aput(_NAMESPACE, str((n + step) % _KEYS), value)

        await asyncio.gather(*map(task, range(number)))

    return work
