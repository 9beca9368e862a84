"""The price of quotas, and of tombstones."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_agentstore.security import Limits, Quotas

from ..bench import Bench
from ..harness import Result
from .pricing import pricing

_PLENTY = 10**12


def quotas(bench: Bench) -> Iterator[Result]:
    """Measure a store whose users have limits of each kind."""
    limits = Quotas(Limits(items=_PLENTY, bytes=_PLENTY, writes_per_minute=_PLENTY))
    with pricing(bench, "quotas", quotas=limits) as (priced, _):
        yield from priced.usual()
        yield from priced.sized((100_000,), gets=False)


def tombstones(bench: Bench) -> Iterator[Result]:
    """Measure a store that has erased somebody."""
    with pricing(bench, "tombstones") as (priced, store):
        store.erase_user("somebody")
        yield from priced.usual()
