"""Quotas, holds and tombstones: what they cost a put and a delete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from langgraph_agentstore import AgentStore
from langgraph_agentstore.security import Limits, Quotas

from ..bench import Bench
from ..harness import Contestant, Result, race
from .history import putting, working
from .reads import tasks

_PLENTY = 10**12


def quotas(bench: Bench) -> Iterator[Result]:
    """Measure puts with quotas, and on a store that has erased somebody, beside plain ones."""
    dsn = bench.new_database("quotas")
    limits = Quotas(Limits(items=_PLENTY, bytes=_PLENTY, writes_per_minute=_PLENTY))
    with ExitStack() as stack:
        plain = stack.enter_context(AgentStore(dsn, schema="plain"))
        limited = stack.enter_context(AgentStore(dsn, schema="limited", quotas=limits))
        erasing = stack.enter_context(AgentStore(dsn, schema="erasing"))
        erasing.erase_user("somebody")
        for name, store in (("quotas", limited), ("tombstones", erasing)):
            for number in (1, 256):
                yield race(
                    f"awaited put, with {name}, {tasks(number)}",
                    Contestant("with", working(putting(store), number)),
                    [Contestant("without", working(putting(plain), number))],
                    bench.options,
                    per_step=number,
                    rival=f"without {name}",
                )
